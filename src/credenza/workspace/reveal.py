"""Opening a record's secrets, each only for the destination it was sealed for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from credenza.connectors import UNKNOWN, Catalogue, ConnectorType, join
from credenza.connectors.evolution import Former
from credenza.errors import Clash, Damaged, TypeNotLoaded
from credenza.model import Document, Record, Secret, SecretRef, nest
from credenza.sensitive import Sensitive
from credenza.vault import Ring
from credenza.workspace.sealing import KIND
from credenza.workspace.view import View

OUTDATED = (
    "This integration was saved under a later version of its connector type than this program has: upgrade "
    "the program, or the folder of the type."
)


class Sealed(NamedTuple):
    """A record as it was read, with its secrets still closed."""

    record: Record
    document: Document
    secrets: Mapping[str, Secret]


class Resolved(NamedTuple):
    """A record with its configuration in clear, and by api those of its apis."""

    record: Record
    document: Document
    configuration: Sensitive[dict[str, Any]]
    apis: Mapping[str, Sensitive[dict[str, Any]]]

    def view(self) -> View:
        """Return it as reads show a record, but in clear."""
        apis = {api: configuration.reveal() for api, configuration in self.apis.items()}
        return View(self.record, self.document, self.configuration.reveal(), apis)


def open_all(ring: Ring, sealed: Sealed, catalogue: Catalogue) -> Resolved:
    """Return the record with every secret opened.

    Raises:
        WrongKey: a secret was sealed under a key this workspace does not hold.
        Damaged: a secret was changed or moved, is missing, or the record says it now goes elsewhere.
        TypeNotLoaded: without its schema nobody can tell where the secrets may go.
        Clash: `type_outdated`: a later version of its type said where, and this one says otherwise.
    """
    record, document, secrets = sealed
    opened = {}
    for path, ref in document.references().items():
        secret = secrets.get(path)
        if secret is None or secret.version != ref.version:
            raise Damaged("A secret of this integration is missing or out of step with it.")
        opened[path] = ring.open(KIND, record.id, secret).reveal()
    connector = catalogue.get(record.type)
    if connector is None and opened:
        raise TypeNotLoaded
    if connector is not None and find_misplaced(connector, catalogue.api, document, secrets):
        if document.type_version > connector.version:
            raise Clash(OUTDATED, code="type_outdated")
        raise Damaged("A secret of this integration was sealed for another destination; enter it again.")
    apis = {
        api.api: Sensitive(
            join(
                api.configuration,
                {pointer: opened[nest(api.api, pointer)] for pointer in api.secrets},
                catalogue.api.keys,
            )
        )
        for api in document.apis
    }
    own = {path: opened[path] for path in document.secrets}
    order = connector.keys if connector else ()
    return Resolved(record, document, Sensitive(join(document.configuration, own, order)), apis)


def find_misplaced(
    type: ConnectorType, api: ConnectorType, document: Document, secrets: Mapping[str, Secret]
) -> list[str]:
    """Return the stored paths of secrets that were sealed for another destination than a document names.

    `api` is what apis may say. A document of an earlier version of its type names what that said.
    """
    bound = {path: secrets[path] for path in document.secrets}
    lags = document.type_version < type.version
    binder = type.former(document.type_version) if lags else type
    found, destination = _misplaced(binder, document.configuration, document.secrets, bound)
    for each in document.apis:
        bound = {pointer: secrets[nest(each.api, pointer)] for pointer in each.secrets}
        below, _ = _misplaced(api, each.configuration, each.secrets, bound, destination)
        found += [nest(each.api, pointer) for pointer in below]
    return found


def _misplaced(
    binder: ConnectorType | Former,
    public: Mapping[str, Any],
    refs: Mapping[str, SecretRef],
    secrets: Mapping[str, Secret],
    binding: bytes = b"",
) -> tuple[list[str], bytes]:
    """Return what does not belong here of one configuration's secrets, and where those that do are sent."""
    redacted = {pointer: ref.redacted for pointer, ref in refs.items() if ref.redacted is not None}
    declared = binder.destination(public, redacted, binding)
    whole = declared
    if UNKNOWN in refs:
        whole = binder.destination(public, redacted, binding + secrets[UNKNOWN].fingerprint)
    # Of an earlier version the hash alone tells: it names every key and its kind, so no two rules share one.
    rule = binder.rule if isinstance(binder, ConnectorType) else None
    found = [
        pointer
        for pointer, secret in secrets.items()
        if secret.destination != (declared if pointer == UNKNOWN else whole)
        or (rule is not None and secret.rule != rule)
    ]
    return found, whole
