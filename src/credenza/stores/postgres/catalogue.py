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
# The types of the columns, as `package_row` and `install_row` fill them.
_PACKAGE = (
    *("text", "bigint", *["text"] * 11, "boolean", "boolean", "boolean"),
    *("text", "text", "bigint", "text", "text", "bigint", "text", "bigint", "text", "bigint", "bigint"),
)
_INSTALL = ("text", "bigint", *["text"] * 6, "bigint", "bigint", "bigint", "text")
_SHARED = write_queries(lambda name: f"%({name})s", "e.id = ANY(%(ids)b::text[])")


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


def replace(
    connection: Connection, tenant: Tenant, papers: Sequence[tuple[str, str, CatalogueEntry | None]]
) -> None:
    """Let these be what the catalogue knows of some papers, which are named by kind and slug."""
    for kind, table in ENTITIES.items():
        ids = [slug for kind_, slug, _ in papers if kind_ == kind]
        if ids:
            statement = f"DELETE FROM {table} WHERE id = ANY(%b::text[]) AND workspace_id = %s"  # noqa: S608
            connection.execute(statement, (ids, tenant.row))
    entries = [entry for *_, entry in papers]
    _add_packages(connection, tenant, [each for each in entries if isinstance(each, PackageEntry)])
    _add_versions(connection, tenant, [each for each in entries if isinstance(each, VersionEntry)])
    _add_installs(connection, tenant, [each for each in entries if isinstance(each, InstallEntry)])


def _add_packages(connection: Connection, tenant: Tenant, entries: Sequence[PackageEntry]) -> None:
    _insert(connection, "packages", _PACKAGE, [package_row(tenant, entry, fold) for entry in entries])
    grants = [(entry.id, workspace, tenant.row) for entry in entries for workspace in entry.grants]
    approvals = [(entry.id, release.id, tenant.row) for entry in entries for release in entry.approved]
    _insert(connection, "package_grants", ("text", "text", "bigint"), grants)
    _insert(connection, "package_approvals", ("text", "text", "bigint"), approvals)


def _add_versions(connection: Connection, tenant: Tenant, entries: Sequence[VersionEntry]) -> None:
    own = [
        (each.id, tenant.row, each.package, each.version, each.published_by, each.published_at)
        for each in entries
    ]
    _insert(connection, "package_versions", ("text", "bigint", "text", "text", "text", "bigint"), own)
    parts = [(each.id, *part, tenant.row) for each in entries for part in each.parts]
    _insert(connection, "package_parts", ("text", "text", "text", "boolean", "bigint"), parts)


def _add_installs(connection: Connection, tenant: Tenant, entries: Sequence[InstallEntry]) -> None:
    _insert(connection, "package_installs", _INSTALL, [install_row(tenant, entry) for entry in entries])
    types = ("text", "bigint", "text", "text", "text", "text", "boolean")
    rows = [(m.id, tenant.row, entry.id, *m[1:]) for entry in entries for m in entry.members]
    _insert(connection, "install_members", types, rows)


def _run(connection: Connection, query: str, statement: Statement) -> list[tuple[Any, ...]]:
    parameters = {f"p{number}": value for number, value in enumerate(statement.parameters, start=1)}
    return fetch(connection, query, parameters)


def _insert(
    connection: Connection, table: str, types: Sequence[str], rows: Sequence[Sequence[object]]
) -> None:
    if rows:
        arrays = ", ".join(f"%b::{type_}[]" for type_ in types)
        statement = f"INSERT INTO {table} SELECT * FROM unnest({arrays})"  # noqa: S608  # our own words
        connection.execute(statement, columns(rows))
