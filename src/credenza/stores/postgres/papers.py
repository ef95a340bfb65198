"""Papers of surfaces and counts of tokens, as SQL."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from credenza.errors import Conflict
from credenza.model import Paper, Tenant, Usage
from credenza.ports import Sheet
from credenza.stores.postgres import cards, catalogue
from credenza.stores.postgres.connect import Connection, fetch

MOST_TOKENS = 2**53 - 1  # what every reader of JSON can hold; the sum of two fits a bigint

_FIND = """
SELECT kind, slug, version, created_at, created_by, updated_at, updated_by, body, mac FROM papers
WHERE workspace_id = %s AND kind = %s
"""
_FIND_ALL = """
SELECT kind, slug, version, created_at, created_by, updated_at, updated_by, body, mac FROM papers
WHERE workspace_id = %s ORDER BY kind, slug
"""
_CREATE = """
INSERT INTO papers (workspace_id, kind, slug, version, created_at, created_by, updated_at, updated_by, body,
    mac)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_UPDATE = """
UPDATE papers SET version = %s, updated_at = %s, updated_by = %s, body = %s, mac = %s
WHERE workspace_id = %s AND kind = %s AND slug = %s AND version = %s
"""
_DELETE = "DELETE FROM papers WHERE workspace_id = %s AND kind = %s AND slug = %s AND version = %s"
_COUNT = """
INSERT INTO usage AS u (workspace_id, integration_id, api, period, prompt, completion, total)
SELECT i.workspace_id, i.id, %(api)s, %(period)s, %(prompt)s, %(completion)s, %(total)s
FROM integrations i WHERE i.workspace_id = %(workspace)s AND i.id = %(row)s
ON CONFLICT (workspace_id, integration_id, api, period) DO UPDATE SET
    prompt = least(u.prompt + excluded.prompt, %(most)s),
    completion = least(u.completion + excluded.completion, %(most)s),
    total = least(u.total + excluded.total, %(most)s)
"""
_USAGE = """
SELECT api, period, prompt, completion, total FROM usage
WHERE workspace_id = %s AND integration_id = %s AND period >= %s
"""


def find(
    connection: Connection, workspace: int, kind: str, slugs: Sequence[str] | None, *, lock: bool
) -> dict[str, Paper]:
    """Return the papers of a kind by slug, in its order; those that are named are locked to be written."""
    clause, parameters = "ORDER BY slug", [workspace, kind]
    if slugs is not None:
        clause = f"AND slug = ANY(%s::text[]) ORDER BY slug {'FOR NO KEY UPDATE' if lock else ''}"
        parameters.append([*slugs])
    return {row[1]: Paper(*row) for row in fetch(connection, f"{_FIND}{clause}", parameters)}


def find_all(connection: Connection, workspace: int) -> list[Paper]:
    """Return all papers of a workspace, of whatever kind."""
    return [Paper(*row) for row in fetch(connection, _FIND_ALL, (workspace,))]


def keep(connection: Connection, tenant: Tenant, sheets: Sequence[Sheet]) -> None:
    """Write the next versions of papers; raises Conflict."""
    for before, after, about, entry in sheets:
        if connection.execute(*_write(tenant.row, before, after)).rowcount != 1:
            raise Conflict
        paper = after or before
        if paper is not None:
            cards.replace(connection, tenant.row, paper.kind, paper.slug, about)
            catalogue.replace(connection, tenant, paper.kind, paper.slug, entry)


def count(connection: Connection, workspace: int, row: int, usage: Usage) -> None:
    """Add to what an api used in a day, up to `MOST_TOKENS`; raises Conflict without such a record."""
    counts = {name: min(getattr(usage, name), MOST_TOKENS) for name in ("prompt", "completion", "total")}
    values = {**counts, "api": usage.api, "period": usage.period, "most": MOST_TOKENS}
    if connection.execute(_COUNT, {**values, "workspace": workspace, "row": row}).rowcount != 1:
        raise Conflict


def list_usage(connection: Connection, workspace: int, row: int, since: int, api: str | None) -> list[Usage]:
    """Return what the apis of a record used, by api and day."""
    parameters: list[object] = [workspace, row, since]
    clause = ""
    if api is not None:
        clause = "AND api = %s"
        parameters.append(api)
    return [Usage(*each) for each in fetch(connection, f"{_USAGE}{clause} ORDER BY api, period", parameters)]


def _write(workspace: int, before: Paper | None, after: Paper | None) -> tuple[str, tuple[object, ...]]:
    if before is None:
        if after is None:
            raise ValueError("a sheet has a paper before it or after it")
        return _CREATE, (workspace, *msgspec.structs.astuple(after))
    which = (workspace, before.kind, before.slug, before.version)
    if after is None:
        return _DELETE, which
    return _UPDATE, (after.version, after.updated_at, after.updated_by, after.body, after.mac, *which)
