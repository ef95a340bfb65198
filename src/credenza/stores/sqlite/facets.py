"""Which records have a type, a category or a tag, in the order of their names, kept off the save path.

A page by one of these needs an index that holds the name. New records would fill it in random order, with
several entries each: at a million records that doubles the cost of a save. So, as with search, new rows are
indexed when nobody waits, and up to the same row; what is indexed already follows every change at once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

_ENTRIES = """
SELECT i.workspace_id, 'type', i.type, '', i.name, i.id FROM integrations i WHERE {rows}
UNION ALL
SELECT i.workspace_id, 'category', i.category, '', i.name, i.id FROM integrations i WHERE {rows}
UNION ALL
SELECT i.workspace_id, 'key', t.key, '', i.name, i.id
FROM integrations i CROSS JOIN integration_tags t ON t.integration_id = i.id WHERE {rows}
UNION ALL
SELECT i.workspace_id, 'tag', t.key, t.value, i.name, i.id
FROM integrations i CROSS JOIN integration_tags t ON t.integration_id = i.id WHERE {rows}
"""
# REPLACE: two tags of one key are one entry.
_ADD = """
INSERT OR REPLACE INTO integration_facets (workspace_id, facet, key, value, name, integration_id)
"""
_ADD_NEXT = _ADD + _ENTRIES.format(rows="i.id > :after AND i.id <= :last")
_ADD_AGAIN = _ADD + _ENTRIES.format(rows="i.id = :row AND i.id <= (SELECT indexed_to FROM search_progress)")
_FIND = _ENTRIES.format(rows="i.id = :row")
_DELETE = """
DELETE FROM integration_facets
WHERE workspace_id = ? AND facet = ? AND key = ? AND value = ? AND name = ? AND integration_id = ?
"""


class Facet(NamedTuple):
    """What records may have in common; `kind` is type, category, tag, or key: that of a tag of any value."""

    kind: str
    key: str
    value: str = ""


def index_next(connection: sqlite3.Connection, after: int, last: int) -> None:
    """Index the rows after one, up to another."""
    connection.execute(_ADD_NEXT, {"after": after, "last": last})


def forget(connection: sqlite3.Connection, rows: Sequence[int]) -> None:
    """Take rows out of the index, before their category or tags change or before they go."""
    for row in rows:
        connection.executemany(_DELETE, connection.execute(_FIND, {"row": row}).fetchall())


def index_again(connection: sqlite3.Connection, rows: Sequence[int]) -> None:
    """Index rows that were taken out, unless their turn is still to come."""
    connection.executemany(_ADD_AGAIN, [{"row": row} for row in rows])
