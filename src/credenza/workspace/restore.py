"""Making what a record said earlier its next version. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from credenza.errors import Invalid, PreconditionFailed, Problem
from credenza.model import Document, Item, Record, Secret, Write
from credenza.workspace import compose

_GONE = "This secret of that version has been destroyed; save the integration with it entered again."


def expect(record: Record, version: int | None) -> None:
    """Return if the record is at this version, or none is expected; raises PreconditionFailed."""
    if version is not None and record.version != version:
        raise PreconditionFailed


def restore(
    record: Record, then: Document, kept: Mapping[str, Secret], *, by: str, at: int
) -> tuple[Write | None, Item]:
    """Return the write that brings back a document with the secrets it had; None: nothing differs.

    `kept` are that version's secrets as far as they are not destroyed.

    Raises:
        Invalid: some are; the problems name the keys to enter again.
    """
    now = record.document()
    edits = compose.list_edits(now, then)
    words = compose.secret_words(now.secrets, then.secrets, {})
    if not edits and now.missing == then.missing:
        return None, Item(record.name, "unchanged", record.version, (), words)
    lost = [path for path in then.secrets if path not in kept]
    if lost:
        problems = [_lost(path, record.name) for path in lost]
        raise Invalid(
            "Secrets of that version are no longer kept; nothing was changed.",
            code="secret_reentry_required",
            problems=problems,
        )
    version = record.version + 1
    next_record = msgspec.structs.replace(
        record,
        category=then.category,
        description=then.description,
        enabled=then.enabled,
        version=version,
        digest=None,
        updated_at=at,
        updated_by=by,
        body=msgspec.json.encode(then),
    )
    moved = [path for path, ref in then.secrets.items() if _version(now, path) != ref.version]
    write = Write(
        before=record,
        record=next_record,
        document=then,
        edits=tuple(edits),
        retired=tuple(path for path in now.secrets if _version(then, path) != _version(now, path)),
        restored=tuple((path, then.secrets[path].version) for path in moved),
    )
    changed = tuple(edit.pointer for edit in edits)
    return write, Item(record.name, "updated", version, changed, words, then.missing)


def _version(document: Document, path: str) -> int | None:
    ref = document.secrets.get(path)
    return None if ref is None else ref.version


def _lost(path: str, name: str) -> Problem:
    return Problem("secret_reentry_required", _GONE, f"/configuration{path}", "retention", 0, name)
