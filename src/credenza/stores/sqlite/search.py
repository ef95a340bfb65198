"""Substring search over name and description, kept off the save path.

A trigram index costs three times the rest of a save, so new rows are indexed when nobody waits:
`search_progress` says up to which row, `search_pending` which rows changed since. A search looks at the rows
that the index finds and at the few it does not know yet, and checks each, so its answer is always exact. Both
fold case by Unicode's rule (`str.casefold`), which maps each character alone, whatever stands beside it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from credenza.stores.rows import fold
from credenza.stores.sqlite import facets

_CHUNK = 50  # rows: whoever comes to save meanwhile waits for as many
_SHORTEST = 3  # a trigram index knows nothing shorter
_RARE = 5_000  # rows

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
# Whatever may hold a term, each row once: the index's answers, and the rows that it knows nothing of yet.
FOUND = """
(
    SELECT rowid AS id FROM integrations_search WHERE integrations_search MATCH :phrase
    UNION
    SELECT id FROM integrations WHERE id > (SELECT indexed_to FROM search_progress)
    UNION
    SELECT integration_id FROM search_pending
)
"""
_COUNT = """
SELECT count(*) FROM (
    SELECT 1 FROM integrations_search WHERE integrations_search MATCH :phrase LIMIT :most
)
"""


def contains(name: str | None, description: str | None, term: str) -> bool:
    """Say whether a folded term stands in a name or description."""
    return term in fold(name) or term in fold(description)


def is_behind(connection: sqlite3.Connection) -> bool:
    """Say whether so many rows wait to be indexed that looking at them all is no longer cheap."""
    waiting = connection.execute(
        "SELECT (SELECT coalesce(max(id), 0) FROM integrations) - indexed_to FROM search_progress"
    ).fetchone()[0]
    return bool(waiting > _RARE)


def is_rare(connection: sqlite3.Connection, term: str) -> bool:
    """Say whether the index finds so few rows by a term that reading and sorting them all is cheap."""
    folded = fold(term)
    if len(folded) < _SHORTEST or "\0" in folded:
        return False
    counted = connection.execute(_COUNT, {**phrase(term), "most": _RARE}).fetchone()[0]
    return bool(counted < _RARE)


def phrase(term: str) -> dict[str, str]:
    """Return the parameter of `FOUND`: the term as the index is asked for it."""
    return {"phrase": '"' + fold(term).replace('"', '""') + '"'}


def forget(connection: sqlite3.Connection, rows: Sequence[int], *, forever: bool) -> None:
    """Take rows out of the index before their text changes, or before they go `forever`.

    Explicit rather than by trigger: with `trusted_schema` off, SQLite lets no trigger write to FTS5.
    """
    keys = [(row,) for row in rows]
    connection.executemany(_FORGET, keys)
    connection.executemany("DELETE FROM search_pending WHERE integration_id = ?" if forever else _AWAIT, keys)


def index_all(connection: sqlite3.Connection, last: int) -> None:
    """Index all rows of a file that has none in the index yet; `last` is the last number given out."""
    connection.execute(_ADD, (0, last))
    connection.execute("UPDATE search_progress SET indexed_to = ?", (last,))


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
        facets.index_next(connection, done, upto)
        connection.execute("UPDATE search_progress SET indexed_to = ?", (upto,))
    connection.execute("COMMIT")
    return bool(upto < last)
