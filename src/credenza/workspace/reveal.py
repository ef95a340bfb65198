"""Opening a record's secrets, each only for the destination it was sealed for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from credenza.connectors import UNKNOWN, Catalogue, ConnectorType, join
from credenza.errors import Damaged, TypeNotLoaded
from credenza.model import Document, Record, Secret
from credenza.sensitive import Sensitive
from credenza.vault import Ring
from credenza.workspace.sealing import KIND


class Sealed(NamedTuple):
    """A record as it was read, with its secrets still closed."""

    record: Record
    document: Document
    secrets: Mapping[str, Secret]


class Resolved(NamedTuple):
    """A record with its configuration in clear."""

    record: Record
    document: Document
    configuration: Sensitive[dict[str, Any]]


def open_all(ring: Ring, sealed: Sealed, catalogue: Catalogue) -> Resolved:
    """Return the record with every secret opened.

    Raises:
        WrongKey: a secret was sealed under a key this workspace does not hold.
        Damaged: a secret was changed or moved, is missing, or the record says it now goes elsewhere.
        TypeNotLoaded: without its schema nobody can tell where the secrets may go.
    """
    record, document, secrets = sealed
    opened = {}
    for path, ref in document.secrets.items():
        secret = secrets.get(path)
        if secret is None or secret.version != ref.version:
            raise Damaged("A secret of this integration is missing or out of step with it.")
        opened[path] = ring.open(KIND, record.id, secret).reveal()
    connector = catalogue.get(record.type)
    if connector is None:
        if opened:
            raise TypeNotLoaded
        return Resolved(record, document, Sensitive(dict(document.configuration)))
    if find_misplaced(connector, document, secrets):
        raise Damaged("A secret of this integration was sealed for another destination; enter it again.")
    return Resolved(record, document, Sensitive(join(document.configuration, opened, connector.keys)))


def find_misplaced(connector: ConnectorType, document: Document, secrets: Mapping[str, Secret]) -> list[str]:
    """Return the pointers of a document's secrets that were sealed for another destination than it names."""
    redacted = {path: ref.redacted for path, ref in document.secrets.items() if ref.redacted is not None}
    declared = connector.destination(document.configuration, redacted)
    mark = secrets[UNKNOWN].fingerprint if UNKNOWN in document.secrets else b""
    whole = connector.destination(document.configuration, redacted, mark)
    return [
        path
        for path in document.secrets
        if (secrets[path].destination, secrets[path].rule)
        != (declared if path == UNKNOWN else whole, connector.rule)
    ]
