"""The catalogue of packages, as SQL: the one set of tables in which a workspace may read of others.

Rows come and go with the papers they are of. What one may see of others' is said in three places: for lists
in `stores.questions`, for one thing by its id here, and behind both in the row policies.
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
from credenza.model.entries import INSTALLS, PACKAGES, VERSIONS
from credenza.stores.postgres.connect import Connection, columns, fetch
from credenza.stores.postgres.saving import fold
from credenza.stores.questions import Dialect, Statement

DIALECT = Dialect(
    placeholder=lambda number: f"%(p{number})s",
    same="IS NOT DISTINCT FROM",
    differs="IS DISTINCT FROM",
    position="strpos({}, {})",
    folded="folded({})",
)
_ENTITIES = {PACKAGES: "packages", VERSIONS: "package_versions", INSTALLS: "package_installs"}
_PAPER = """
SELECT w.id, w.uuid, w.slug, w.created_at, d.kind, d.slug, d.version, d.created_at, d.created_by,
    d.updated_at, d.updated_by, d.body, d.mac
FROM {table} e
JOIN papers d ON d.workspace_id = e.workspace_id AND d.kind = %(kind)s AND d.slug = e.id
JOIN workspaces w ON w.id = e.workspace_id
"""
_GRANTED = "EXISTS (SELECT 1 FROM package_grants g WHERE g.package = p.id AND g.workspace = %(slug)s)"
# An operator is in no workspace, though the credential is of one.
_OWN = "(p.workspace_id = %(workspace)s AND NOT %(operating)s)"
_OPERATED = "(%(operating)s AND p.visibility = 'public')"
# Whoever may look at a package by its id; and who sees its newest version, approved or not.
_READABLE = f"""
({_OWN}
    OR (p.deleted_at IS NULL AND p.published AND (p.listed OR p.by_id OR {_OPERATED} OR {_GRANTED})))
"""
_TRUSTED = f"({_OWN} OR p.by_id OR {_OPERATED} OR {_GRANTED})"
_WANTED = "e.id = ANY(%(ids)s::text[])"
_SHARED_PACKAGES = f"""
{_PAPER.format(table="packages")} JOIN packages p ON p.id = e.id WHERE {_WANTED} AND {_READABLE}
"""
# What is installed stays readable to its workspace, whatever becomes of the package.
_SHARED_VERSIONS = f"""
{_PAPER.format(table="package_versions")} LEFT JOIN packages p ON p.id = e.package
WHERE {_WANTED} AND ((({_READABLE}) AND ({_TRUSTED}
        OR EXISTS (SELECT 1 FROM package_approvals a WHERE a.package = p.id AND a.version = e.id)))
    OR EXISTS (SELECT 1 FROM package_installs i
        WHERE i.workspace_id = %(workspace)s AND i.package = e.package AND i.deleted_at IS NULL
            AND e.id IN (i.version, i.previous)))
"""  # noqa: S608  # made of our own words


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
    query = _SHARED_PACKAGES if kind == PACKAGES else _SHARED_VERSIONS
    parameters = {
        "ids": [*ids],
        "kind": kind,
        "workspace": tenant.row,
        "slug": tenant.slug,
        "operating": operating,
    }
    found = fetch(connection, query, parameters)
    return {row[5]: Shared(Tenant(*row[:4]), Paper(*row[4:])) for row in found}


def is_installed(connection: Connection, package: str) -> bool:
    """Tell whether any workspace has a package installed."""
    return bool(fetch(connection, "SELECT is_installed(%s)", (package,))[0][0])


def replace(connection: Connection, tenant: Tenant, kind: str, id: str, entry: CatalogueEntry | None) -> None:
    """Let this be what the catalogue knows of a paper."""
    table = _ENTITIES.get(kind)
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
    public = entry.approved[-1] if entry.approved else None
    current = entry.current
    _insert(
        connection,
        "packages",
        (entry.id, tenant.row, tenant.slug, entry.slug, entry.name, fold(entry.name)),
        (entry.description, fold(entry.description), entry.icon_url, entry.publisher, fold(entry.publisher)),
        (entry.trust_tier, entry.visibility, current is not None, entry.listed, entry.by_id),
        (current or (None, None, None)),
        (public or (None, None, None)),
        (entry.created_by, entry.deleted_at, entry.retention_tier, entry.created_at, entry.updated_at),
    )
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
    _insert(
        connection,
        "package_installs",
        (entry.id, tenant.row, entry.package, entry.version, entry.previous, entry.policy, entry.parent),
        (entry.installed_by, entry.installed_at, entry.upgraded_at, entry.deleted_at, entry.retention_tier),
    )
    types = ("text", "bigint", "text", "text", "text", "text", "boolean")
    rows = [(member.id, tenant.row, entry.id, *member[1:]) for member in entry.members]
    _insert_many(connection, "install_members", types, rows)


def _run(connection: Connection, query: str, statement: Statement) -> list[tuple[Any, ...]]:
    parameters = {f"p{number}": value for number, value in enumerate(statement.parameters, start=1)}
    return fetch(connection, query, parameters)


def _insert(connection: Connection, table: str, *parts: Sequence[object]) -> None:
    values = [value for part in parts for value in part]
    marks = ", ".join(["%s"] * len(values))
    connection.execute(f"INSERT INTO {table} VALUES ({marks})", values)  # noqa: S608  # our own words


def _insert_many(
    connection: Connection, table: str, types: Sequence[str], rows: Sequence[Sequence[object]]
) -> None:
    if rows:
        arrays = ", ".join(f"%s::{type_}[]" for type_ in types)
        statement = f"INSERT INTO {table} SELECT * FROM unnest({arrays})"  # noqa: S608  # our own words
        connection.execute(statement, columns(rows))
