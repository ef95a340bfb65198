"""What becomes of a record that a migration finds: its next version, or a mark that it does not fit. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from credenza.model import Document, Edit, Item, Record, Version, Write
from credenza.ports import Tx
from credenza.workspace import compose
from credenza.workspace.migrating import Migrated

_PAGE = 8  # versions, each of as much as a record may hold


def conclude(before: Record, moved: Migrated, *, by: str, at: int) -> tuple[Item, Write | None]:
    """Return what is told of a record, and its next version; None: it was marked like that before.

    One that does not fit keeps all it says, under the version of its type that it has, and is marked.
    """
    version = before.version + 1
    if moved.problems:
        told = tuple(msgspec.structs.replace(each, name=before.name) for each in moved.problems)
        marked = msgspec.structs.replace(moved.stored, unfit=moved.problems)
        if moved.stored.unfit == moved.problems:
            return Item(before.name, "marked", before.version, problems=told), None
        edits = compose.list_edits(moved.stored, marked)
        write = _write(before, marked, edits, by, at)
        changed = tuple(edit.pointer for edit in edits)
        return Item(before.name, "marked", version, changed, problems=told), write
    edits = compose.list_edits(moved.stored, moved.document)
    write = msgspec.structs.replace(
        _write(before, moved.document, edits, by, at),
        secrets=moved.sealed,
        retired=moved.retired,
        scrubbed=moved.scrub(moved.sealed),
        children=moved.stored.apis != moved.document.apis,
    )
    words = compose.secret_words(moved.stored.references(), moved.references, ())
    changed = tuple(edit.pointer for edit in edits)
    return Item(before.name, "updated", version, changed, words, moved.document.missing), write


def _write(before: Record, document: Document, edits: list[Edit], by: str, at: int) -> Write:
    record = compose.next_record(before, document, by=by, at=at)
    return Write(before=before, record=record, document=document, edits=tuple(edits), children=False)


def read_history(tx: Tx, row: int) -> Iterator[Version]:
    """Yield all versions of a record, newest first."""
    before: int | None = None
    while versions := tx.history(row, before=before, limit=_PAGE):
        yield from versions
        before = versions[-1].version
