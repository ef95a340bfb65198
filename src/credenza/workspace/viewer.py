"""Records as they look from outside, those that others have the values of together with these."""

from __future__ import annotations

from collections.abc import Sequence

from credenza.connectors import Catalogue
from credenza.errors import CredenzaError
from credenza.model import Document, Record
from credenza.ports import Tx
from credenza.vault import Vault
from credenza.vault.envelope import read_term
from credenza.workspace.halves import merge, read_parts
from credenza.workspace.view import View, see


class Viewer:
    """Show records by the types of one moment."""

    def __init__(self, catalogue: Catalogue, vault: Vault, *, tenant: bytes, lenient: bool) -> None:
        """Take the types, and the vault: secrets that it does not open are shown as undecryptable."""
        self._tenant = tenant
        self._catalogue = catalogue
        self._vault = vault
        self._lenient = lenient

    def see(self, tx: Tx, record: Record, document: Document | None = None) -> View:
        """Return one record, or what it said by another of its documents."""
        return self._see(tx, [(record, record.document() if document is None else document)])[0]

    def see_all(self, tx: Tx, records: Sequence[Record]) -> list[View]:
        """Return some records; what they refer to is read by one query for all."""
        return self._see(tx, [(record, record.document()) for record in records])

    def _see(self, tx: Tx, found: list[tuple[Record, Document]]) -> list[View]:
        read = found
        if any(document.source is not None for _, document in found):
            found = [
                (record, document)
                if document.source is None
                else (record, merge(document, parts, self._catalogue.get(record.type), lenient=self._lenient))
                for (record, document), parts in zip(found, read_parts(tx, found), strict=True)
            ]
        if self._vault.locked is not None:
            return [see(record, document, self._catalogue, locked=True) for record, document in found]
        closed = self._find_closed(tx, read)
        return [
            see(record, document, self._catalogue, locked=closed.get(number, False))
            for number, (record, document) in enumerate(found)
        ]

    def _find_closed(self, tx: Tx, found: list[tuple[Record, Document]]) -> dict[int, frozenset[str]]:
        """Return by place which secrets were sealed under a key that is lost; mostly none ever was."""
        try:
            lost = self._vault.ring(self._tenant).lost
        except CredenzaError:
            return {}
        if not lost:
            return {}
        own = [(number, *each) for number, each in enumerate(found) if each[1].source is None]
        closed: dict[int, frozenset[str]] = {}
        held = tx.held([record.row for _, record, _ in own])
        for number, record, document in own:
            versions = {path: ref.version for path, ref in document.references().items()}
            sealed = held[record.row]
            if any(path not in sealed or sealed[path].version != at for path, at in versions.items()):
                sealed = tx.secrets(record.row, versions)  # of an earlier version
            closed[number] = frozenset(
                path for path in versions if path in sealed and read_term(sealed[path].blob) in lost
            )
        managed = [(number, each) for number, each in enumerate(found) if each[1].source is not None]
        for (number, _), parts in zip(managed, read_parts(tx, [each for _, each in managed]), strict=True):
            held = tx.held([part.record.row for part in parts.list()])
            closed[number] = frozenset(
                path
                for secrets in held.values()
                for path, secret in secrets.items()
                if read_term(secret.blob) in lost
            )
        return closed
