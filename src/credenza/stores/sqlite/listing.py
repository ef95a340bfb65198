"""One page of records in the order of their names, by way of whichever index has the fewest to look at.

Every condition is checked on the rows themselves; an index only says where to look. Indexes that are filled
when nobody waits say nothing of the last rows, so those are looked at besides.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from credenza.model import OWNED
from credenza.stores.rows import Filters, fold
from credenza.stores.sqlite import search as texts
from credenza.stores.sqlite.facets import Facet

COLUMNS = """
i.id, i.uuid, i.name AS name, i.type, i.category, i.description, i.enabled, i.version, i.digest,
    i.created_at, i.created_by, i.updated_at, i.updated_by, v.document, i.type_version
"""
_VERSION = "CROSS JOIN integration_versions v ON v.integration_id = i.id AND v.version = i.version"
_BY_NAME = f"""
SELECT {COLUMNS} FROM integrations i {_VERSION}
WHERE i.workspace_id = :workspace AND i.name > :after AND i.name < :before {{more}}
ORDER BY i.name LIMIT :limit
"""  # noqa: S608  # made of our own words
# The sign before a column keeps SQLite from reading a whole index in its order, to spare a small sort.
# Only ids are sorted: the documents of all that is found would be carried along for nothing.
_BY_TEXT = f"""
SELECT {COLUMNS} FROM (
    SELECT i.id FROM {texts.FOUND} found CROSS JOIN integrations i ON i.id = found.id
    WHERE +i.workspace_id = :workspace AND +i.name > :after AND +i.name < :before {{more}}
    ORDER BY +i.name LIMIT :limit
) page CROSS JOIN integrations i ON i.id = page.id {_VERSION}
ORDER BY +i.name
"""  # noqa: S608
_BY_FACET = f"""
SELECT {COLUMNS.replace("i.name", "f.name")} FROM integration_facets f
CROSS JOIN integrations i ON i.id = f.integration_id {_VERSION}
WHERE f.workspace_id = :workspace AND f.facet = :facet AND f.key = :key AND f.value = :value
    AND f.name > :after AND f.name < :before {{more}}
UNION ALL
SELECT {COLUMNS} FROM integrations i {_VERSION}
WHERE i.id > (SELECT indexed_to FROM search_progress)
    AND +i.workspace_id = :workspace AND +i.name > :after AND +i.name < :before {{more}}
ORDER BY name LIMIT :limit
"""  # noqa: S608
_AHEAD = """
SELECT name FROM integration_facets
WHERE workspace_id = ? AND facet = ? AND key = ? AND value = ? AND name > ? ORDER BY name LIMIT 1 OFFSET 200
"""
_END = "\U0010ffff"
_TAGGED = "EXISTS (SELECT 1 FROM integration_tags t WHERE t.integration_id = i.id AND t.key = :key{n}{value})"


def list_page(
    connection: sqlite3.Connection, workspace: int, filters: Filters, after: str | None, limit: int | None
) -> Iterator[tuple[Any, ...]]:
    """Return the rows of one page, columns as in `COLUMNS`."""
    parameters: dict[str, object] = {
        "workspace": workspace,
        # No name is empty; those of records that belong to papers stand behind all others.
        "after": after or (OWNED if filters.owned else ""),
        "before": _END if filters.owned else OWNED,
        "limit": -1 if limit is None else limit,
    }
    more = _conditions(filters, parameters)
    query = _choose(connection, workspace, filters, parameters)
    return connection.execute(query.format(more=more), parameters)


def _choose(
    connection: sqlite3.Connection, workspace: int, filters: Filters, parameters: dict[str, object]
) -> str:
    """Return the query to begin with; what is found often is sooner met by going through the names."""
    if texts.is_behind(connection):
        return _BY_NAME
    if filters.search and texts.is_rare(connection, filters.search):
        parameters |= texts.phrase(filters.search)
        return _BY_TEXT
    facets = _facets(filters)
    if not facets:
        return _BY_NAME
    after = parameters["after"]

    def reach(facet: Facet) -> tuple[bool, str]:
        # Whose next entries lead furthest has the fewest to look at, here at least.
        row = connection.execute(_AHEAD, (workspace, *facet, after)).fetchone()
        return (True, "") if row is None else (False, row[0].lower())

    rarest = max(facets, key=reach) if len(facets) > 1 else facets[0]
    parameters |= zip(("facet", "key", "value"), rarest, strict=True)
    return _BY_FACET


def _facets(filters: Filters) -> list[Facet]:
    common = (("type", filters.type), ("category", filters.category))
    found = [Facet(kind, key) for kind, key in common if key is not None]
    return found + [Facet("key", k) if v is None else Facet("tag", k, v) for k, v in filters.tags]


def _conditions(filters: Filters, parameters: dict[str, object]) -> str:
    clauses = []
    for column in ("category", "type", "enabled"):
        value = getattr(filters, column)
        if value is not None:
            clauses.append(f"+i.{column} = :{column}")
            parameters[column] = value
    if filters.below is not None:
        clauses.append("+i.type_version < :below")
        parameters["below"] = filters.below
    for number, (key, value) in enumerate(filters.tags):
        parameters[f"key{number}"], parameters[f"value{number}"] = key, value
        clauses.append(
            _TAGGED.format(n=number, value="" if value is None else f" AND t.value = :value{number}")
        )
    if filters.search:
        clauses.append("contains_folded(i.name, i.description, :term)")
        parameters["term"] = fold(filters.search)
    return "".join(f" AND {clause}" for clause in clauses)
