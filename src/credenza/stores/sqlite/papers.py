"""Papers of surfaces and counts of tokens, as SQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec

from credenza.errors import Conflict
from credenza.model import Paper, Tenant, Usage
from credenza.ports import Sheet
from credenza.stores.sqlite import cards, catalogue

MOST_TOKENS = 2**53 - 1  # what every reader of JSON can hold; the sum of two fits SQLite's integers

_FIND = """
SELECT kind, slug, version, created_at, created_by, updated_at, updated_by, body, mac FROM papers
WHERE workspace_id = ? AND kind = ?
"""
_FIND_ALL = """
SELECT kind, slug, version, created_at, created_by, updated_at, updated_by, body, mac FROM papers
WHERE workspace_id = ? ORDER BY kind, slug
"""
_CREATE = """
INSERT INTO papers (workspace_id, kind, slug, version, created_at, created_by, updated_at, updated_by,
    body, mac)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_UPDATE = """
UPDATE papers SET version = ?, updated_at = ?, updated_by = ?, body = ?, mac = ?
WHERE workspace_id = ? AND kind = ? AND slug = ? AND version = ?
"""
_DELETE = "DELETE FROM papers WHERE workspace_id = ? AND kind = ? AND slug = ? AND version = ?"
_COUNT = f"""
INSERT INTO usage (integration_id, api, period, prompt, completion, total)
SELECT id, ?, ?, ?, ?, ? FROM integrations WHERE id = ? AND workspace_id = ?
ON CONFLICT DO UPDATE SET
    prompt = min(prompt + excluded.prompt, {MOST_TOKENS}),
    completion = min(completion + excluded.completion, {MOST_TOKENS}),
    total = min(total + excluded.total, {MOST_TOKENS})
"""  # noqa: S608  # made of a number of ours
_USAGE = """
SELECT u.api, u.period, u.prompt, u.completion, u.total
FROM usage u JOIN integrations i ON i.id = u.integration_id
WHERE u.integration_id = ? AND i.workspace_id = ? AND u.period >= ?
"""


def find(
    connection: sqlite3.Connection, workspace: int, kind: str, slugs: Sequence[str] | None
) -> dict[str, Paper]:
    """Return the papers of a kind by slug, in its order."""
    clause, parameters = "", [workspace, kind]
    if slugs is not None:
        clause = "AND slug IN (SELECT value FROM json_each(?))"
        parameters.append(msgspec.json.encode(slugs).decode())
    rows = connection.execute(f"{_FIND}{clause} ORDER BY slug", parameters)
    return {row[1]: _paper(row) for row in rows}


def find_all(connection: sqlite3.Connection, workspace: int) -> list[Paper]:
    """Return all papers of a workspace, of whatever kind."""
    return [_paper(row) for row in connection.execute(_FIND_ALL, (workspace,))]


def keep(connection: sqlite3.Connection, tenant: Tenant, sheets: Sequence[Sheet]) -> None:
    """Write the next versions of papers; raises Conflict."""
    for before, after, about, entry in sheets:
        try:
            done = connection.execute(*_write(tenant.row, before, after)).rowcount
        except sqlite3.IntegrityError:
            raise Conflict from None
        if done != 1:
            raise Conflict
        paper = after or before
        if paper is not None:
            cards.replace(connection, tenant.row, paper.kind, paper.slug, about)
            catalogue.replace(connection, tenant, paper.kind, paper.slug, entry)


def count(connection: sqlite3.Connection, workspace: int, row: int, usage: Usage) -> None:
    """Add to what an api used in a day, up to `MOST_TOKENS`; raises Conflict without such a record."""
    counts = (min(each, MOST_TOKENS) for each in (usage.prompt, usage.completion, usage.total))
    values = (usage.api, usage.period, *counts, row, workspace)
    if connection.execute(_COUNT, values).rowcount != 1:
        raise Conflict


def list_usage(
    connection: sqlite3.Connection, workspace: int, row: int, since: int, api: str | None
) -> list[Usage]:
    """Return what the apis of a record used, by api and day."""
    parameters: list[object] = [row, workspace, since]
    clause = ""
    if api is not None:
        clause = "AND u.api = ?"
        parameters.append(api)
    found = connection.execute(f"{_USAGE}{clause} ORDER BY u.api, u.period", parameters)
    return [Usage(*each) for each in found]


def _paper(row: tuple[Any, ...]) -> Paper:
    fields = [*row]
    fields[7] = row[7].encode()
    return Paper(*fields)


def _write(workspace: int, before: Paper | None, after: Paper | None) -> tuple[str, tuple[object, ...]]:
    if before is None:
        if after is None:
            raise ValueError("a sheet has a paper before it or after it")
        return _CREATE, (workspace, *msgspec.structs.astuple(after)[:7], after.body.decode(), after.mac)
    which = (workspace, before.kind, before.slug, before.version)
    if after is None:
        return _DELETE, which
    return _UPDATE, (
        after.version,
        after.updated_at,
        after.updated_by,
        after.body.decode(),
        after.mac,
        *which,
    )
