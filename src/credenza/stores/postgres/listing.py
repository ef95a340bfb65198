"""Records as they are read, and one page of them in the order of their names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from credenza.model import OWNED, Record
from credenza.stores.postgres.connect import Connection, fetch, stream
from credenza.stores.rows import Filters, fold

_COLUMNS = """
i.id, i.uuid, i.name, i.type, i.category, i.description, i.enabled, i.version, i.digest,
    i.created_at, i.created_by, i.updated_at, i.updated_by, v.document, i.type_version
"""
_VERSION = """
JOIN integration_versions v
    ON v.workspace_id = i.workspace_id AND v.integration_id = i.id AND v.version = i.version
"""
_FIND = f"""
SELECT {_COLUMNS} FROM integrations i {_VERSION} WHERE i.workspace_id = %s AND i.key = ANY(%b::text[])
"""  # noqa: S608  # made of our own words
# A statement of its own: what it waits for is seen by the next one only.
_LOCK = """
SELECT FROM integrations WHERE workspace_id = %s AND key = ANY(%b::text[]) ORDER BY key FOR NO KEY UPDATE
"""
_PAGE = f"""
SELECT {_COLUMNS} FROM integrations i {_VERSION}
WHERE i.workspace_id = %(workspace)s AND i.key > %(after)s AND i.key < %(before)s {{more}}
ORDER BY i.key LIMIT %(limit)s
"""  # noqa: S608  # made of our own words
_END = "\U0010ffff"
_TAGGED = """
EXISTS (SELECT 1 FROM integration_tags t WHERE t.workspace_id = i.workspace_id AND t.integration_id = i.id
    AND t.key = %(key{n})s{value})
"""
_MOST = 1_000  # rows that are fetched at once


def find(connection: Connection, workspace: int, names: Sequence[str], *, lock: bool) -> dict[str, Record]:
    """Return the records of these names, whatever their case, by lower-cased name."""
    parameters = (workspace, [*map(lower, names)])
    if lock and connection.execute(_LOCK, parameters).rowcount == 0:
        return {}
    return {row[2].lower(): Record(*row) for row in fetch(connection, _FIND, parameters)}


def list_page(
    connection: Connection, workspace: int, filters: Filters, after: str | None, limit: int | None
) -> Iterator[Record]:
    """Return the records of one page."""
    parameters: dict[str, object] = {
        "workspace": workspace,
        # No name is empty; those of records that belong to papers stand behind all others.
        "after": lower(after) if after else (OWNED if filters.owned else ""),
        "before": _END if filters.owned else OWNED,
        "limit": limit,
    }
    query = _PAGE.format(more=_conditions(filters, parameters))
    read: Any = stream if limit is None or limit > _MOST else fetch
    return (Record(*row) for row in read(connection, query, parameters))


def lower(name: str) -> str:
    """Return a name as names are compared: as the database does, which knows no case but that of ASCII."""
    return name.encode().lower().decode()


def _conditions(filters: Filters, parameters: dict[str, object]) -> str:
    clauses = []
    for column in ("category", "type", "enabled"):
        value = getattr(filters, column)
        if value is not None:
            clauses.append(f"i.{column} = %({column})s")
            parameters[column] = value
    if filters.below is not None:
        clauses.append("i.type_version < %(below)s")
        parameters["below"] = filters.below
    for number, (key, value) in enumerate(filters.tags):
        parameters[f"key{number}"] = key
        more = ""
        if value is not None:
            parameters[f"value{number}"] = value
            more = f" AND t.value = %(value{number})s"
        clauses.append(_TAGGED.format(n=number, value=more))
    if filters.search:
        clauses.append("(strpos(i.name_folded, %(term)s) > 0 OR strpos(i.description_folded, %(term)s) > 0)")
        parameters["term"] = fold(filters.search)
    return "".join(f" AND {clause}" for clause in clauses)
