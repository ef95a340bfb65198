"""Making what a record said earlier its next version. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from credenza.connectors import ConnectorType
from credenza.errors import Problem
from credenza.model import Document, Item, Record, Secret, Write
from credenza.workspace import compose
from credenza.workspace.reveal import find_misplaced

_GONE = "This secret of that version has been destroyed; save the integration with it entered again."
_MOVED = (
    "This secret was sealed under an earlier rule of its type; save the integration with it entered again."
)


def restore(record: Record, then: Document, *, by: str, at: int) -> tuple[Write | None, Item]:
    """Return the write that brings back a document with the secrets it had; None: nothing differs."""
    now = record.document()
    edits = compose.list_edits(now, then)
    words = compose.secret_words(now.secrets, then.secrets, {})
    if not edits and now.missing == then.missing:
        return None, Item(record.name, "unchanged", record.version, (), words)
    restored = msgspec.structs.replace(
        record,
        category=then.category,
        description=then.description,
        enabled=then.enabled,
        version=record.version + 1,
        digest=None,
        updated_at=at,
        updated_by=by,
        body=msgspec.json.encode(then),
    )
    moved = [path for path, ref in then.secrets.items() if _version(now, path) != ref.version]
    write = Write(
        before=record,
        record=restored,
        document=then,
        edits=tuple(edits),
        retired=tuple(path for path in now.secrets if _version(then, path) != _version(now, path)),
        restored=tuple((path, then.secrets[path].version) for path in moved),
    )
    changed = tuple(edit.pointer for edit in edits)
    return write, Item(record.name, "updated", restored.version, changed, words, then.missing)


def find_lost(connector: ConnectorType | None, then: Document, kept: Mapping[str, Secret]) -> list[Problem]:
    """Return a problem for each secret of a document that has to be entered again.

    `kept` are that version's secrets as far as they are not destroyed.
    """
    lost = [_lost(path, _GONE) for path in then.secrets if path not in kept]
    if lost or connector is None:
        return lost
    return [_lost(path, _MOVED) for path in find_misplaced(connector, then, kept)]


def _version(document: Document, path: str) -> int | None:
    ref = document.secrets.get(path)
    return None if ref is None else ref.version


def _lost(path: str, message: str) -> Problem:
    return Problem("secret_reentry_required", message, f"/configuration{path}", "retention")
