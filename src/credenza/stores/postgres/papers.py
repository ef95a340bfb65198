"""Papers of surfaces and counts of tokens, as SQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from credenza.errors import Conflict
from credenza.model import Paper, Tenant, Usage
from credenza.ports import Sheet
from credenza.stores.postgres import cards, catalogue
from credenza.stores.postgres.connect import Connection, columns, fetch

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
SELECT %s::bigint, * FROM unnest(%b::text[], %b::text[], %b::bigint[], %b::bigint[], %b::text[], %b::bigint[],
    %b::text[], %b::bytea[], %b::bytea[])
"""
_UPDATE = """
UPDATE papers p SET version = n.version, updated_at = n.updated_at, updated_by = n.updated_by, body = n.body,
    mac = n.mac
FROM unnest(%b::bigint[], %b::bigint[], %b::text[], %b::bytea[], %b::bytea[], %b::text[], %b::text[],
    %b::bigint[]) n (version, updated_at, updated_by, body, mac, kind, slug, before)
WHERE p.workspace_id = %s AND p.kind = n.kind AND p.slug = n.slug AND p.version = n.before
"""
_DELETE = """
DELETE FROM papers p USING unnest(%b::text[], %b::text[], %b::bigint[]) n (kind, slug, before)
WHERE p.workspace_id = %s AND p.kind = n.kind AND p.slug = n.slug AND p.version = n.before
"""
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
        clause = f"AND slug = ANY(%b::text[]) ORDER BY slug {'FOR NO KEY UPDATE' if lock else ''}"
        parameters.append([*slugs])
    return {row[1]: Paper(*row) for row in fetch(connection, f"{_FIND}{clause}", parameters)}


def find_all(connection: Connection, workspace: int) -> list[Paper]:
    """Return all papers of a workspace, of whatever kind."""
    return [Paper(*row) for row in fetch(connection, _FIND_ALL, (workspace,))]


def keep(connection: Connection, tenant: Tenant, sheets: Sequence[Sheet]) -> None:
    """Write the next versions of papers, by a few statements however many there are; raises Conflict."""
    for some in _apart(sheets):
        _write(connection, tenant.row, some)
        cards.replace(connection, tenant.row, [(_place(sheet), sheet.cards) for sheet in some])
        catalogue.replace(connection, tenant, [(*_place(sheet), sheet.entry) for sheet in some])


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


def _place(sheet: Sheet) -> tuple[str, str]:
    paper = sheet.after or sheet.before
    if paper is None:
        raise ValueError("a sheet has a paper before it or after it")
    return paper.kind, paper.slug


def _apart(sheets: Sequence[Sheet]) -> Iterator[list[Sheet]]:
    """Return sheets in runs in which each paper stands once, so that a second one finds the first written."""
    some: dict[tuple[str, str], Sheet] = {}
    for sheet in sheets:
        if _place(sheet) in some:
            yield [*some.values()]
            some = {}
        some[_place(sheet)] = sheet
    if some:
        yield [*some.values()]


def _write(connection: Connection, workspace: int, sheets: Sequence[Sheet]) -> None:
    gone = [(b.kind, b.slug, b.version) for b, after, *_ in sheets if b is not None and after is None]
    changed = [
        (a.version, a.updated_at, a.updated_by, a.body, a.mac, b.kind, b.slug, b.version)
        for b, a, *_ in sheets
        if a is not None and b is not None
    ]
    for statement, rows in ((_DELETE, gone), (_UPDATE, changed)):
        parameters = (*columns(rows), workspace)
        if rows and connection.execute(statement, parameters).rowcount != len(rows):
            raise Conflict
    # In one order, as everybody does: two that make the same papers wait, but not in a ring.
    made = sorted(msgspec.structs.astuple(a) for b, a, *_ in sheets if b is None and a is not None)
    if made:
        connection.execute(_CREATE, (workspace, *columns(made)))
