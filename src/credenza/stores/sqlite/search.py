"""Substring search over name and description, kept off the save path.

A trigram index costs three times the rest of a save, so new rows are indexed when nobody waits:
`search_progress` says up to which row, `search_pending` which rows changed since. A search reads the
index for what is in it and looks at the few other rows themselves, so its answer is always exact. Both
fold case by Unicode's rule (`str.casefold`), which maps each character alone, whatever stands beside it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

_CHUNK = 200
_SHORTEST = 3  # a trigram index knows nothing shorter

_ADD = """
INSERT INTO integrations_search (rowid, name, description)
SELECT id, folded(name), folded(description) FROM integrations WHERE id > ? AND id <= ?
"""
_ADD_PENDING = """
INSERT INTO integrations_search (rowid, name, description)
SELECT id, folded(name), folded(description) FROM integrations
WHERE id IN (SELECT integration_id FROM search_pending)
"""
_FORGET = """
INSERT INTO integrations_search (integrations_search, rowid, name, description)
SELECT 'delete', id, folded(name), folded(description) FROM integrations
WHERE id = ? AND id <= (SELECT indexed_to FROM search_progress)
    AND NOT EXISTS (SELECT 1 FROM search_pending WHERE integration_id = id)
"""
_AWAIT = """
INSERT OR IGNORE INTO search_pending (integration_id)
SELECT id FROM integrations WHERE id = ? AND id <= (SELECT indexed_to FROM search_progress)
"""
_INDEXED = """
i.id IN (
    SELECT rowid FROM integrations_search WHERE integrations_search MATCH :phrase
    UNION ALL
    SELECT id FROM integrations
    WHERE (id > (SELECT indexed_to FROM search_progress) OR id IN (SELECT integration_id FROM search_pending))
        AND workspace_id = :workspace AND contains_folded(name, description, :term)
)
"""
_SCANNED = "contains_folded(i.name, i.description, :term)"


def fold(text: str | None) -> str:
    """Return a text without its case; none counts as empty."""
    return (text or "").casefold()


def contains(name: str | None, description: str | None, term: str) -> bool:
    """Say whether a folded term stands in a name or description."""
    return term in fold(name) or term in fold(description)


def condition(term: str) -> tuple[str, dict[str, str]]:
    """Return the SQL condition that finds a term, and its parameters."""
    folded = fold(term)
    if len(folded) < _SHORTEST or "\0" in folded:
        return _SCANNED, {"term": folded}
    quoted = '"' + folded.replace('"', '""') + '"'
    return _INDEXED, {"term": folded, "phrase": quoted}


def forget(connection: sqlite3.Connection, rows: Sequence[int], *, forever: bool) -> None:
    """Take rows out of the index before their text changes, or before they go `forever`.

    Explicit rather than by trigger: with `trusted_schema` off, SQLite lets no trigger write to FTS5.
    """
    keys = [(row,) for row in rows]
    connection.executemany(_FORGET, keys)
    connection.executemany("DELETE FROM search_pending WHERE integration_id = ?" if forever else _AWAIT, keys)


def index_some(connection: sqlite3.Connection) -> bool:
    """Index one chunk of rows in a transaction of its own; True: more are left."""
    done, last = connection.execute(
        "SELECT indexed_to, (SELECT coalesce(max(id), 0) FROM integrations) FROM search_progress"
    ).fetchone()
    pending = connection.execute("SELECT EXISTS (SELECT 1 FROM search_pending)").fetchone()[0]
    if done >= last and not pending:
        return False
    upto = min(done + _CHUNK, last)
    connection.execute("BEGIN IMMEDIATE")
    if pending:
        connection.execute(_ADD_PENDING)
        connection.execute("DELETE FROM search_pending")
    if upto > done:
        connection.execute(_ADD, (done, upto))
        connection.execute("UPDATE search_progress SET indexed_to = ?", (upto,))
    connection.execute("COMMIT")
    return bool(upto < last)
