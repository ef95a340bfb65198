"""Writing the next versions of many records, a few statements for the whole batch."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec

from credenza.errors import Conflict
from credenza.model import Api, Record, Secret, Write
from credenza.stores.sqlite import facets, search

Rows = dict[str, list[tuple[object, ...]]]

CREATE = """
INSERT INTO integrations (id, workspace_id, uuid, name, type, category, description, enabled, version,
    digest, created_at, created_by, updated_at, updated_by, type_version)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_UPDATE = """
UPDATE integrations SET category = ?, description = ?, enabled = ?, version = ?, digest = ?,
    updated_at = ?, updated_by = ?, type_version = ?
WHERE id = ? AND version = ? AND workspace_id = ?
"""
VERSION = """
INSERT INTO integration_versions (integration_id, version, created_at, created_by, edits, document)
VALUES (?, ?, ?, ?, ?, ?)
"""
API = """
INSERT INTO integration_apis (integration_id, api, description, enabled, created_at, created_by,
    updated_at, updated_by)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET description = excluded.description, enabled = excluded.enabled,
    updated_at = excluded.updated_at, updated_by = excluded.updated_by
"""
_OTHER_APIS = """
DELETE FROM integration_apis WHERE integration_id = ? AND api NOT IN (SELECT value FROM json_each(?))
"""
TAG = "INSERT INTO integration_tags (integration_id, key, value) VALUES (?, ?, ?)"
_RETIRE = """
UPDATE secrets SET last_version = ? WHERE integration_id = ? AND path = ? AND last_version IS NULL
"""
_RESTORE = "UPDATE secrets SET last_version = NULL WHERE integration_id = ? AND path = ? AND version = ?"
SECRET = """
INSERT INTO secrets (integration_id, path, version, uuid, destination, rule, fingerprint, sealed)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""  # noqa: S105  # a statement
_SCRUB = "UPDATE integration_versions SET document = ? WHERE integration_id = ? AND version = ?"
_DESTROY = "DELETE FROM secrets WHERE integration_id = ? AND last_version <= ?"


_RENAME = "UPDATE integrations SET name = ?, digest = NULL WHERE id = ? AND version = ? AND workspace_id = ?"


def create_rows(workspace: int, writes: Sequence[Write]) -> Rows:
    """Return the rows of new records, by statement, in the order in which they go in."""
    return {
        CREATE: [_created(write, workspace) for write in writes],
        VERSION: [_version(write) for write in writes],
        API: [_api(write, api) for write in writes for api in write.document.apis],
        TAG: [(write.record.row, *tag) for write in writes for tag in write.document.tags],
        SECRET: [_secret(write, secret) for write in writes for secret in write.secrets],
    }


def update(connection: sqlite3.Connection, workspace: int, writes: Sequence[Write], keep: int) -> bool:
    """Write the next versions of records that exist, in the caller's transaction; True: it scrubbed some.

    Raises:
        Conflict: a record is no longer at the version that was read.
    """
    many = connection.executemany
    relabelled = [write.record.row for write in writes if _is_relabelled(write)]
    facets.forget(connection, relabelled)
    _update(connection, workspace, writes)
    many(VERSION, [_version(write) for write in writes])
    _save_children(connection, [write for write in writes if write.children])
    facets.index_again(connection, relabelled)
    retired = [
        (write.before.version, write.record.row, path)
        for write in writes
        if write.before
        for path in write.retired
    ]
    if retired:
        many(_RETIRE, retired)
    many(_RESTORE, [(write.record.row, *which) for write in writes for which in write.restored])
    # One body at a time is read and written: all of a history need not fit into memory.
    bodies = ((body.decode(), w.record.row, version) for w in writes for version, body in w.scrubbed)
    scrubbed = any(write.scrubbed for write in writes) and many(_SCRUB, bodies).rowcount > 0
    many(_DESTROY, [(write.record.row, write.record.version - keep) for write in writes])
    many(SECRET, [_secret(write, secret) for write in writes for secret in write.secrets])
    return scrubbed


def rename(connection: sqlite3.Connection, workspace: int, moves: Sequence[tuple[Record, str]]) -> None:
    """Give records other names; raises Conflict where one is no longer as it was read, or a name is taken."""
    rows = [record.row for record, _ in moves]
    facets.forget(connection, rows)
    search.forget(connection, rows, forever=False)
    try:
        changed = connection.executemany(
            _RENAME,
            [(name, record.row, record.version, workspace) for record, name in moves],
        ).rowcount
    except sqlite3.IntegrityError:
        raise Conflict from None
    if changed != len(moves):
        raise Conflict
    facets.index_again(connection, rows)


def _update(connection: sqlite3.Connection, workspace: int, writes: Sequence[Write]) -> None:
    reworded = [w.record.row for w in writes if w.before and w.before.description != w.record.description]
    if reworded:
        search.forget(connection, reworded, forever=False)
    changed = connection.executemany(
        _UPDATE,
        [
            (
                *(r.category, r.description, r.enabled, r.version, r.digest, r.updated_at, r.updated_by),
                *(r.type_version, r.row, write.before.version, workspace),
            )
            for write in writes
            if write.before
            for r in (write.record,)
        ],
    ).rowcount
    if changed != len(writes):
        raise Conflict


def _is_relabelled(write: Write) -> bool:
    if write.before is None:
        return False
    if write.before.category != write.record.category:
        return True
    return write.children and write.before.document().tags != write.document.tags


def _save_children(connection: sqlite3.Connection, writes: Sequence[Write]) -> None:
    if not writes:
        return
    many = connection.executemany
    kept = [(w.record.row, msgspec.json.encode([a.api for a in w.document.apis]).decode()) for w in writes]
    many(_OTHER_APIS, kept)
    many("DELETE FROM integration_tags WHERE integration_id = ?", [(w.record.row,) for w in writes])
    many(API, [_api(write, api) for write in writes for api in write.document.apis])
    many(TAG, [(write.record.row, *tag) for write in writes for tag in write.document.tags])


def _api(write: Write, api: Api) -> tuple[object, ...]:
    return (
        *(write.record.row, api.api, api.description, api.enabled),
        *(api.created_at, api.created_by, api.updated_at, api.updated_by),
    )


def _secret(write: Write, s: Secret) -> tuple[object, ...]:
    return (write.record.row, s.path, s.version, s.id, s.destination, s.rule, s.fingerprint, s.blob)


def _created(write: Write, workspace: int) -> tuple[object, ...]:
    r = write.record
    return (
        r.row,
        workspace,
        r.id,
        r.name,
        r.type,
        r.category,
        r.description,
        r.enabled,
        r.version,
        r.digest,
        r.created_at,
        r.created_by,
        r.updated_at,
        r.updated_by,
        r.type_version,
    )


def _version(write: Write) -> tuple[object, ...]:
    record = write.record
    edits = msgspec.json.encode(write.edits).decode() if write.edits else "[]"
    return (record.row, record.version, record.updated_at, record.updated_by, edits, record.body.decode())
