"""Writing the next versions of many records: a few statements for a batch of any size.

Each statement takes its rows as one array for every column. COPY would have to go by way of a temporary
table, since tables with row policies do not take it; that costs more for one row, and no less for a thousand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import msgspec

from credenza.errors import Conflict
from credenza.model import Api, Record, Secret, Write
from credenza.stores.postgres.connect import Connection, columns, pipelined, plan_anew
from credenza.stores.rows import fold

Row = tuple[object, ...]
_BODIES = 50  # bodies of earlier versions that are in memory at once


def _insert(table: str, **types: str) -> str:
    """Return the statement that inserts rows given as columns, with the workspace first."""
    names = ", ".join(types)
    arrays = ", ".join(f"%b::{type_}[]" for type_ in types.values())
    return f"INSERT INTO {table} (workspace_id, {names}) SELECT %s::bigint, * FROM unnest({arrays})"  # noqa: S608


_CREATE = _insert(
    "integrations",
    id="bigint",
    uuid="bytea",
    name="text",
    name_folded="text",
    type="text",
    category="text",
    description="text",
    description_folded="text",
    enabled="boolean",
    version="bigint",
    digest="bytea",
    created_at="bigint",
    created_by="text",
    updated_at="bigint",
    updated_by="text",
    type_version="bigint",
)
_UPDATE = """
UPDATE integrations i SET category = n.category, description = n.description,
    description_folded = n.description_folded, enabled = n.enabled, version = n.version, digest = n.digest,
    updated_at = n.updated_at, updated_by = n.updated_by, type_version = n.type_version
FROM unnest(%b::text[], %b::text[], %b::text[], %b::boolean[], %b::bigint[], %b::bytea[], %b::bigint[],
    %b::text[], %b::bigint[], %b::bigint[], %b::bigint[])
    n (category, description, description_folded, enabled, version, digest, updated_at, updated_by,
        type_version, id, before)
WHERE i.workspace_id = %s AND i.id = n.id AND i.version = n.before
"""
_VERSION = _insert(
    "integration_versions",
    integration_id="bigint",
    version="bigint",
    created_at="bigint",
    created_by="text",
    edits="bytea",
    document="bytea",
)
_API = (
    _insert(
        "integration_apis",
        integration_id="bigint",
        api="text",
        description="text",
        enabled="boolean",
        created_at="bigint",
        created_by="text",
        updated_at="bigint",
        updated_by="text",
    )
    + """
ON CONFLICT (workspace_id, integration_id, api) DO UPDATE SET description = excluded.description,
    enabled = excluded.enabled, updated_at = excluded.updated_at, updated_by = excluded.updated_by
"""
)
_TAG = _insert("integration_tags", integration_id="bigint", key="text", value="text")
_SECRET = _insert(
    "secrets",
    integration_id="bigint",
    path="text",
    version="bigint",
    uuid="bytea",
    destination="bytea",
    rule="bigint",
    fingerprint="bytea",
    sealed="bytea",
)
_OTHER_APIS = """
DELETE FROM integration_apis a WHERE a.workspace_id = %s AND a.integration_id = ANY(%b::bigint[])
AND NOT EXISTS (
    SELECT 1 FROM unnest(%b::bigint[], %b::text[]) n (id, api) WHERE n.id = a.integration_id AND n.api = a.api
)
"""
_TAGS = "DELETE FROM integration_tags WHERE workspace_id = %s AND integration_id = ANY(%b::bigint[])"
_RETIRE = """
UPDATE secrets s SET last_version = n.version
FROM unnest(%b::bigint[], %b::bigint[], %b::text[]) n (version, id, path)
WHERE s.workspace_id = %s AND s.integration_id = n.id AND s.path = n.path AND s.last_version IS NULL
"""
_RESTORE = """
UPDATE secrets s SET last_version = NULL
FROM unnest(%b::bigint[], %b::text[], %b::bigint[]) n (id, path, version)
WHERE s.workspace_id = %s AND s.integration_id = n.id AND s.path = n.path AND s.version = n.version
"""
_SCRUB = """
UPDATE integration_versions v SET document = n.document
FROM unnest(%b::bytea[], %b::bigint[], %b::bigint[]) n (document, id, version)
WHERE v.workspace_id = %s AND v.integration_id = n.id AND v.version = n.version
"""
_DESTROY = """
DELETE FROM secrets s USING unnest(%b::bigint[], %b::bigint[]) n (id, version)
WHERE s.workspace_id = %s AND s.integration_id = n.id AND s.last_version <= n.version
"""
_RENAME = """
UPDATE integrations i SET name = n.name, name_folded = n.name_folded, digest = NULL
FROM unnest(%b::text[], %b::text[], %b::bigint[], %b::bigint[]) n (name, name_folded, id, version)
WHERE i.workspace_id = %s AND i.id = n.id AND i.version = n.version
"""
_DROP = """
DELETE FROM integrations i USING unnest(%b::bigint[], %b::bigint[]) n (id, version)
WHERE i.workspace_id = %s AND i.id = n.id AND i.version = n.version
"""


def create(connection: Connection, workspace: int, writes: Sequence[Write]) -> None:
    """Write new records."""
    # In the order of their names, as everybody does: two that write the same names wait, but not in a ring.
    ordered = sorted(writes, key=lambda write: write.record.name.lower())
    with pipelined(connection):
        insert(connection, _CREATE, workspace, [_created(write.record) for write in ordered])
        plan_anew(connection, len(ordered))
        insert(connection, _VERSION, workspace, [_version(write) for write in ordered])
        _insert_children(connection, workspace, ordered)
        _insert_secrets(connection, workspace, ordered)


def update(connection: Connection, workspace: int, writes: Sequence[Write], keep: int) -> None:
    """Write the next versions of records that exist.

    Raises:
        Conflict: a record is no longer at the version that was read.
    """
    if _change(connection, _UPDATE, workspace, [_updated(write) for write in writes]) != len(writes):
        raise Conflict
    with pipelined(connection):
        insert(connection, _VERSION, workspace, [_version(write) for write in writes])
        _replace_children(connection, workspace, [write for write in writes if write.children])
        retired = [(w.before.version, w.record.row, path) for w in writes if w.before for path in w.retired]
        restored = [(w.record.row, *which) for w in writes for which in w.restored]
        gone = [(w.record.row, w.record.version - keep) for w in writes if w.record.version > keep]
        for statement, rows in ((_RETIRE, retired), (_RESTORE, restored)):
            _change(connection, statement, workspace, rows)
    _scrub(connection, workspace, writes)
    with pipelined(connection):
        _change(connection, _DESTROY, workspace, gone)
        _insert_secrets(connection, workspace, writes)


def rename(connection: Connection, workspace: int, moves: Sequence[tuple[Record, str]]) -> None:
    """Give records other names; raises Conflict where one is no longer as it was read."""
    rows = [(name, fold(name), record.row, record.version) for record, name in moves]
    if _change(connection, _RENAME, workspace, rows) != len(moves):
        raise Conflict


def drop(connection: Connection, workspace: int, records: Sequence[Record]) -> None:
    """Remove records with all they own; raises Conflict where one is no longer as it was read."""
    rows = [(record.row, record.version) for record in records]
    if _change(connection, _DROP, workspace, rows) != len(records):
        raise Conflict


def insert(connection: Connection, statement: str, workspace: int, rows: Sequence[Row]) -> None:
    """Insert rows of a workspace, if there are any."""
    if rows:
        connection.execute(statement, (workspace, *columns(rows)))


def _change(connection: Connection, statement: str, workspace: int, rows: Sequence[Row]) -> int:
    return connection.execute(statement, (*columns(rows), workspace)).rowcount if rows else 0


def _replace_children(connection: Connection, workspace: int, writes: Sequence[Write]) -> None:
    if writes:
        rows = [write.record.row for write in writes]
        kept = [(write.record.row, api.api) for write in writes for api in write.document.apis]
        connection.execute(_OTHER_APIS, (workspace, rows, *(columns(kept) or ([], []))))
        connection.execute(_TAGS, (workspace, rows))
        _insert_children(connection, workspace, writes)


def _insert_children(connection: Connection, workspace: int, writes: Sequence[Write]) -> None:
    insert(connection, _API, workspace, [_api(w, api) for w in writes for api in w.document.apis])
    insert(connection, _TAG, workspace, [(w.record.row, *tag) for w in writes for tag in w.document.tags])


def _insert_secrets(connection: Connection, workspace: int, writes: Sequence[Write]) -> None:
    insert(connection, _SECRET, workspace, [_secret(w, secret) for w in writes for secret in w.secrets])


def _scrub(connection: Connection, workspace: int, writes: Sequence[Write]) -> None:
    # A few bodies at a time: all of a history need not fit into memory.
    bodies: Iterator[Row] = ((body, w.record.row, version) for w in writes for version, body in w.scrubbed)
    while some := [*islice(bodies, _BODIES)]:
        _change(connection, _SCRUB, workspace, some)


def _created(r: Record) -> Row:
    return (
        *(r.row, r.id, r.name, fold(r.name), r.type, r.category, r.description, fold(r.description)),
        *(r.enabled, r.version, r.digest, r.created_at, r.created_by, r.updated_at, r.updated_by),
        r.type_version,
    )


def _updated(write: Write) -> Row:
    r = write.record
    return (
        *(r.category, r.description, fold(r.description), r.enabled, r.version, r.digest, r.updated_at),
        *(r.updated_by, r.type_version, r.row, write.before.version if write.before else None),
    )


def _version(write: Write) -> Row:
    record = write.record
    edits = msgspec.json.encode(write.edits) if write.edits else b"[]"
    return (record.row, record.version, record.updated_at, record.updated_by, edits, record.body)


def _api(write: Write, api: Api) -> Row:
    return (
        *(write.record.row, api.api, api.description, api.enabled),
        *(api.created_at, api.created_by, api.updated_at, api.updated_by),
    )


def _secret(write: Write, s: Secret) -> Row:
    return (write.record.row, s.path, s.version, s.id, s.destination, s.rule, s.fingerprint, s.blob)
