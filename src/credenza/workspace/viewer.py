"""Records as they look from outside, those that others have the values of together with these."""

from __future__ import annotations

from collections.abc import Sequence

from credenza.connectors import Catalogue
from credenza.model import Document, Record
from credenza.ports import Tx
from credenza.vault import Vault
from credenza.workspace.halves import merge, read_parts
from credenza.workspace.view import View, see


class Viewer:
    """Show records by the types of one moment."""

    def __init__(self, catalogue: Catalogue, vault: Vault, *, lenient: bool) -> None:
        """Take the types, and the vault, whose secrets are shown as undecryptable while it is locked."""
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
        if any(document.source is not None for _, document in found):
            found = [
                (record, document)
                if document.source is None
                else (record, merge(document, parts, self._catalogue.get(record.type), lenient=self._lenient))
                for (record, document), parts in zip(found, read_parts(tx, found), strict=True)
            ]
        locked = self._vault.locked is not None
        return [see(record, document, self._catalogue, locked=locked) for record, document in found]
