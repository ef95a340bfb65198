"""The catalogue of packages, as SQL: the one set of tables in which a workspace may read of others.

Rows come and go with the papers they are of. What one may see of others' is said in three places: for lists
in `stores.questions`, for one thing by its id in `stores.sharing`, and behind both in the row policies.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from credenza.model import (
    CatalogueEntry,
    Found,
    InstallEntry,
    PackageEntry,
    Paper,
    Question,
    Row,
    Shared,
    Tenant,
    VersionEntry,
)
from credenza.stores.postgres.connect import Connection, columns, fetch
from credenza.stores.questions import Dialect, Statement
from credenza.stores.rows import fold
from credenza.stores.sharing import ENTITIES, install_row, package_row, write_queries

DIALECT = Dialect(
    placeholder=lambda number: f"%(p{number})s",
    same="IS NOT DISTINCT FROM",
    differs="IS DISTINCT FROM",
    position="strpos({}, {})",
    folded="folded({})",
)
_SHARED = write_queries(lambda name: f"%({name})s", "e.id = ANY(%(ids)s::text[])")


def ask(connection: Connection, tenant: Tenant, question: Question) -> Found:
    """Return the page of a question, one row more than its limit where there are more."""
    paging, counting = (Statement(DIALECT, tenant.row, tenant.slug) for _ in range(2))
    rows = [Row(row[0], tuple(row[1:])) for row in _run(connection, paging.page(question), paging)]
    total = _run(connection, counting.count(question), counting)[0][0]
    return Found(
        tuple(rows[::-1] if question.before is not None else rows), total if total <= question.count else None
    )


def find_shared(
    connection: Connection, tenant: Tenant, kind: str, ids: Sequence[str], *, operating: bool
) -> dict[str, Shared]:
    """Return the packages or versions of these ids that a workspace may read, wherever they are kept."""
    parameters = {
        "ids": [*ids],
        "kind": kind,
        "workspace": tenant.row,
        "slug": tenant.slug,
        "operating": operating,
    }
    found = fetch(connection, _SHARED[kind], parameters)
    return {row[5]: Shared(Tenant(*row[:4]), Paper(*row[4:])) for row in found}


def is_installed(connection: Connection, package: str) -> bool:
    """Tell whether any workspace has a package installed."""
    return bool(fetch(connection, "SELECT is_installed(%s)", (package,))[0][0])


def replace(connection: Connection, tenant: Tenant, kind: str, id: str, entry: CatalogueEntry | None) -> None:
    """Let this be what the catalogue knows of a paper."""
    table = ENTITIES.get(kind)
    if table is None:
        return
    connection.execute(f"DELETE FROM {table} WHERE id = %s AND workspace_id = %s", (id, tenant.row))  # noqa: S608
    if isinstance(entry, PackageEntry):
        _add_package(connection, tenant, entry)
    elif isinstance(entry, VersionEntry):
        _add_version(connection, tenant, entry)
    elif isinstance(entry, InstallEntry):
        _add_install(connection, tenant, entry)


def _add_package(connection: Connection, tenant: Tenant, entry: PackageEntry) -> None:
    _insert(connection, "packages", package_row(tenant, entry, fold))
    grants = [(entry.id, workspace, tenant.row) for workspace in entry.grants]
    approvals = [(entry.id, release.id, tenant.row) for release in entry.approved]
    _insert_many(connection, "package_grants", ("text", "text", "bigint"), grants)
    _insert_many(connection, "package_approvals", ("text", "text", "bigint"), approvals)


def _add_version(connection: Connection, tenant: Tenant, entry: VersionEntry) -> None:
    own = (entry.id, tenant.row, entry.package, entry.version, entry.published_by, entry.published_at)
    _insert(connection, "package_versions", own)
    rows = [(entry.id, *part, tenant.row) for part in entry.parts]
    _insert_many(connection, "package_parts", ("text", "text", "text", "boolean", "bigint"), rows)


def _add_install(connection: Connection, tenant: Tenant, entry: InstallEntry) -> None:
    _insert(connection, "package_installs", install_row(tenant, entry))
    types = ("text", "bigint", "text", "text", "text", "text", "boolean")
    rows = [(member.id, tenant.row, entry.id, *member[1:]) for member in entry.members]
    _insert_many(connection, "install_members", types, rows)


def _run(connection: Connection, query: str, statement: Statement) -> list[tuple[Any, ...]]:
    parameters = {f"p{number}": value for number, value in enumerate(statement.parameters, start=1)}
    return fetch(connection, query, parameters)


def _insert(connection: Connection, table: str, values: Sequence[object]) -> None:
    marks = ", ".join(["%s"] * len(values))
    connection.execute(f"INSERT INTO {table} VALUES ({marks})", values)  # noqa: S608  # our own words


def _insert_many(
    connection: Connection, table: str, types: Sequence[str], rows: Sequence[Sequence[object]]
) -> None:
    if rows:
        arrays = ", ".join(f"%s::{type_}[]" for type_ in types)
        statement = f"INSERT INTO {table} SELECT * FROM unnest({arrays})"  # noqa: S608  # our own words
        connection.execute(statement, columns(rows))
