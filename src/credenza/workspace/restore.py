"""Making what a record said earlier its next version. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from credenza.connectors import ConnectorType
from credenza.errors import Problem
from credenza.model import Document, Item, Record, Secret, SecretRef, Write, locate
from credenza.workspace import compose
from credenza.workspace.migrating import Migrated
from credenza.workspace.reveal import find_misplaced

_GONE = "This secret of that version has been destroyed; save the integration with it entered again."
_MOVED = (
    "This secret was sealed under an earlier rule of its type; save the integration with it entered again."
)


def restore(
    record: Record, then: Document, moved: Migrated | None, *, by: str, at: int
) -> tuple[Write | None, Item]:
    """Return the write that brings back a document with the secrets it had; None: nothing differs.

    `moved` is how it was brought to the version its type has now, where it lay behind that.
    """
    now = record.document()
    edits = compose.list_edits(now, then)
    had, has = now.references(), then.references()
    words = compose.secret_words(had, has, ())
    if not edits and now.missing == then.missing:
        return None, Item(record.name, "unchanged", record.version, (), words)
    restored = compose.next_record(record, then, by=by, at=at)
    sealed = {secret.path: secret for secret in moved.sealed if secret.path in has} if moved else {}
    back = [
        (path, ref.version)
        for path, ref in has.items()
        if _version(had, path) != ref.version and path not in sealed
    ]
    write = Write(
        before=record,
        record=restored,
        document=then,
        edits=tuple(edits),
        retired=tuple(path for path in had if _version(has, path) != _version(had, path)),
        secrets=tuple(sealed.values()),
        restored=tuple(back),
        scrubbed=moved.scrub(moved.sealed) if moved else (),
    )
    changed = tuple(edit.pointer for edit in edits)
    return write, Item(record.name, "updated", restored.version, changed, words, then.missing)


def find_lost(
    type: ConnectorType | None, api: ConnectorType, then: Document, kept: Mapping[str, Secret]
) -> list[Problem]:
    """Return a problem for each secret of a document that has to be entered again.

    `kept` are that version's secrets as far as they are not destroyed.
    """
    lost = [_lost(path, _GONE) for path in then.references() if path not in kept]
    if lost or type is None or then.type_version < type.version:
        return lost  # what lies behind its type is looked at when it is brought up to it
    return [_lost(path, _MOVED) for path in find_misplaced(type, api, then, kept)]


def _version(references: Mapping[str, SecretRef], path: str) -> int | None:
    ref = references.get(path)
    return None if ref is None else ref.version


def _lost(path: str, message: str) -> Problem:
    return Problem("secret_reentry_required", message, locate(path), "retention")
