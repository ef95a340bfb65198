"""Opening a record's secrets, each only for the destination it was sealed for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from credenza.connectors import UNKNOWN, Catalogue, ConnectorType, join
from credenza.connectors.evolution import Former
from credenza.connectors.views import arrange
from credenza.errors import Clash, Damaged, NotFound, TypeNotLoaded
from credenza.model import Document, Item, Record, Secret, SecretRef, locate, nest
from credenza.plans.cascades import KIND as CASCADE
from credenza.plans.cascades import name_cascade
from credenza.plans.instances import KIND as INSTANCE
from credenza.plans.instances import read_instance
from credenza.plans.templates import KIND as TEMPLATE
from credenza.plans.templates import read_template
from credenza.ports import Tx
from credenza.sensitive import Sensitive
from credenza.vault import Ring
from credenza.workspace.halves import Parts, is_paired, merge, read_held, read_parts
from credenza.workspace.sealing import KIND
from credenza.workspace.view import View

OUTDATED = (
    "This integration was saved under a later version of its connector type than this program has: upgrade "
    "the program, or the folder of the type."
)
_TEMPLATE_TAG = "template"

_GONE = (
    "What this integration refers to is not there any longer, or is of another type: set the provider of its"
    " instance again."
)
_AWAY = (
    "The credential of this integration was entered for another destination than its configuration leads to:"
    " enter it again for this one."
)


class Sealed(NamedTuple):
    """A record as it was read, with its secrets still closed.

    Of a managed integration the document is the whole, and the secrets are with its parts, by their rows.
    """

    record: Record
    document: Document
    secrets: Mapping[str, Secret]
    parts: Parts = Parts()
    below: Mapping[int, Mapping[str, Secret]] = {}


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


def collect(tx: Tx, records: Sequence[Record], catalogue: Catalogue, *, lenient: bool) -> list[Sealed]:
    """Return records with their secrets, those of managed integrations with all that they refer to."""
    held = tx.held([record.row for record in records])
    said = [(record, record.document()) for record in records]
    found = [Sealed(record, document, held.get(record.row, {})) for record, document in said]
    if all(document.source is None for _, document in said):
        return found
    parts = read_parts(tx, said)
    below = read_held(tx, parts)
    return [
        sealed
        if sealed.document.source is None
        else sealed._replace(
            document=merge(sealed.document, own, catalogue.get(sealed.record.type), lenient=lenient),
            parts=own,
            below=below,
        )
        for sealed, own in zip(found, parts, strict=True)
    ]


def collect_one(tx: Tx, record: Record, catalogue: Catalogue, *, lenient: bool) -> Sealed:
    """Return one record as `collect` does.

    Raises:
        NotFound: its template, or the provider of that which it is for, is archived, and it goes with it.
    """
    (sealed,) = collect(tx, [record], catalogue, lenient=lenient)
    if _is_ending(tx, sealed.document):
        raise NotFound("There is no integration of this name.")
    return sealed


def _is_ending(tx: Tx, document: Document) -> bool:
    """Tell whether a managed integration goes, in a cascade that is under way or was interrupted."""
    source = document.source
    wanted = [name_cascade(TEMPLATE, tag.value) for tag in document.tags if tag.key == _TEMPLATE_TAG]
    if source is None or not wanted or not tx.papers(CASCADE, wanted):
        return False
    paper = tx.papers(INSTANCE, [source.instance]).get(source.instance)
    if paper is None:
        return True
    instance = read_instance(paper)
    above = tx.papers(TEMPLATE, [instance.integration_id]).get(instance.integration_id)
    if above is None:
        return True
    offered = {each.id for each in read_template(above).active_providers}
    own = next((each for each in instance.providers if each.id == source.provider), None)
    return own is None or own.integration_provider_id not in offered


def list_revealed(sealed: Sealed) -> list[Item]:
    """Return what an audit says of a reveal: which secrets of which version, and of what it refers to."""
    record = sealed.record
    paths = tuple(locate(path) for path in sealed.document.references())
    items = [Item(record.name, "revealed", record.version, paths)]
    for part in sealed.parts.list():
        if part.document.secrets:
            below = tuple(locate(path) for path in part.document.secrets)
            items.append(Item(part.record.name, "revealed", part.record.version, below))
    return items


def open_all(ring: Ring, sealed: Sealed, catalogue: Catalogue) -> Resolved:
    """Return the record with every secret opened.

    Raises:
        WrongKey: a secret was sealed under a key this workspace does not hold.
        Damaged: a secret was changed or moved, is missing, or the record says it now goes elsewhere.
        TypeNotLoaded: without its schema nobody can tell where the secrets may go.
        Clash: `type_outdated`: a later version of its type said where, and this one says otherwise;
            `secret_reentry_required`: what a managed integration refers to is gone, or does not go together.
    """
    record, document, secrets, _, _ = sealed
    if document.source is not None:
        return _open_parts(ring, sealed, catalogue)
    opened = {}
    for path, ref in document.references().items():
        secret = secrets.get(path)
        if secret is None or secret.version != ref.version:
            raise Damaged("A secret of this integration is missing or out of step with it.")
        opened[path] = ring.open(KIND, record.id, secret).reveal()
    connector = catalogue.find(record.type)
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


def _open_parts(ring: Ring, sealed: Sealed, catalogue: Catalogue) -> Resolved:
    """Return a managed integration with the secrets of what it refers to, where that goes together."""
    record, document, _, parts, below = sealed
    type_ = catalogue.get(record.type)
    if type_ is None:
        raise TypeNotLoaded
    if document.source is not None and len(parts.list()) != len(document.source.names):
        raise Clash(_GONE, code="secret_reentry_required")
    if not is_paired(type_, parts, below):
        raise Clash(_AWAY, code="secret_reentry_required")
    opened = [open_all(ring, Sealed(*part, below[part.record.row]), catalogue) for part in parts.list()]
    whole: dict[str, Any] = {}
    for part, each in zip(parts.list(), opened, strict=True):
        # What a half does not declare never stands in for what the other one does.
        others = type_.secrets if part is parts.config else frozenset(type_.keys) - type_.secrets
        values = each.configuration.reveal()
        whole |= {key: value for key, value in values.items() if key not in others}
    return Resolved(record, document, Sensitive(arrange(whole, type_.keys)), {})


def find_misplaced(
    type: ConnectorType, api: ConnectorType, document: Document, secrets: Mapping[str, Secret]
) -> list[str]:
    """Return the stored paths of secrets that were sealed for another destination than a document names.

    `api` is what apis may say. A document of an earlier version of its type names what that said.
    """
    bound = {path: secrets[path] for path in document.secrets}
    lags = document.type_version < type.version
    binder = type.former(document.type_version) if lags else type
    found, destination = _misplaced(binder, document.configuration, document.secrets, bound, document.binding)
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
