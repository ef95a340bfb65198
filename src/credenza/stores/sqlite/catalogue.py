"""The catalogue of packages, as SQL: the one set of tables in which a workspace may read of others.

Rows come and go with the papers they are of. What one may see of others' is said in two places: for lists in
`stores.questions`, for one thing by its id here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec

from credenza.errors import Conflict
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
from credenza.stores.questions import Dialect, Statement
from credenza.stores.rows import fold
from credenza.stores.sharing import ENTITIES, install_row, package_row, write_queries

TABLES = """
CREATE TABLE packages (
    id TEXT PRIMARY KEY,
    workspace_id INTEGER NOT NULL REFERENCES workspaces (id),
    workspace TEXT NOT NULL,
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    description TEXT,
    description_folded TEXT NOT NULL,
    icon_url TEXT,
    publisher TEXT,
    publisher_folded TEXT NOT NULL,
    trust_tier TEXT,
    visibility TEXT NOT NULL,
    published INTEGER NOT NULL,
    listed INTEGER NOT NULL,
    by_id INTEGER NOT NULL,
    current TEXT,
    current_id TEXT,
    current_at INTEGER,
    public_version TEXT,
    public_id TEXT,
    public_at INTEGER,
    created_by TEXT NOT NULL,
    deleted_at INTEGER,
    retention_tier TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (workspace_id, slug)
) STRICT;

CREATE INDEX packages_by_creation ON packages (created_at, id);

CREATE INDEX packages_by_change ON packages (updated_at, id);

CREATE INDEX packages_by_name ON packages (name, id);

CREATE INDEX packages_by_publisher ON packages (publisher, id);

CREATE TABLE package_grants (
    package TEXT NOT NULL REFERENCES packages (id) ON DELETE CASCADE,
    workspace TEXT NOT NULL,
    PRIMARY KEY (package, workspace)
) STRICT, WITHOUT ROWID;

CREATE TABLE package_approvals (
    package TEXT NOT NULL REFERENCES packages (id) ON DELETE CASCADE,
    version TEXT NOT NULL,
    PRIMARY KEY (package, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE package_versions (
    id TEXT PRIMARY KEY,
    workspace_id INTEGER NOT NULL REFERENCES workspaces (id),
    package TEXT NOT NULL,
    version TEXT NOT NULL,
    published_by TEXT NOT NULL,
    published_at INTEGER NOT NULL,
    UNIQUE (package, version)
) STRICT;

CREATE TABLE package_parts (
    version TEXT NOT NULL REFERENCES package_versions (id) ON DELETE CASCADE,
    slug TEXT NOT NULL,
    type TEXT NOT NULL,
    is_default INTEGER NOT NULL,
    PRIMARY KEY (version, slug)
) STRICT, WITHOUT ROWID;

CREATE TABLE package_installs (
    id TEXT PRIMARY KEY,
    workspace_id INTEGER NOT NULL REFERENCES workspaces (id),
    package TEXT NOT NULL,
    version TEXT NOT NULL,
    previous TEXT,
    policy TEXT NOT NULL,
    parent TEXT,
    installed_by TEXT NOT NULL,
    installed_at INTEGER NOT NULL,
    upgraded_at INTEGER,
    deleted_at INTEGER,
    retention_tier TEXT NOT NULL
) STRICT;

CREATE INDEX package_installs_by_package ON package_installs (package, workspace_id);

CREATE INDEX package_installs_by_workspace ON package_installs (workspace_id, installed_at, id);

CREATE TABLE install_members (
    id TEXT PRIMARY KEY,
    workspace_id INTEGER NOT NULL REFERENCES workspaces (id),
    install TEXT NOT NULL REFERENCES package_installs (id) ON DELETE CASCADE,
    slug TEXT NOT NULL,
    type TEXT NOT NULL,
    name TEXT NOT NULL,
    detached INTEGER NOT NULL
) STRICT;

CREATE INDEX install_members_by_install ON install_members (install)
"""
DIALECT = Dialect(
    placeholder=lambda number: f"?{number}",
    same="IS",
    differs="IS NOT",
    position="instr({}, {})",
    folded="folded({})",
)
_SHARED = write_queries(lambda name: f":{name}", "e.id IN (SELECT value FROM json_each(:ids))")


def ask(connection: sqlite3.Connection, tenant: Tenant, question: Question) -> Found:
    """Return the page of a question, one row more than its limit where there are more."""
    statement = Statement(DIALECT, tenant.row, tenant.slug)
    rows = [
        Row(row[0], tuple(row[1:]))
        for row in connection.execute(statement.page(question), statement.parameters)
    ]
    counting = Statement(DIALECT, tenant.row, tenant.slug)
    total = connection.execute(counting.count(question), counting.parameters).fetchone()[0]
    return Found(
        tuple(rows[::-1] if question.before is not None else rows), total if total <= question.count else None
    )


def find_shared(
    connection: sqlite3.Connection, tenant: Tenant, kind: str, ids: Sequence[str], *, operating: bool
) -> dict[str, Shared]:
    """Return the packages or versions of these ids that a workspace may read, wherever they are kept."""
    parameters = {
        "ids": msgspec.json.encode(ids).decode(),
        "kind": kind,
        "workspace": tenant.row,
        "slug": tenant.slug,
        "operating": operating,
    }
    return {row[5]: _share(row) for row in connection.execute(_SHARED[kind], parameters)}


def is_installed(connection: sqlite3.Connection, package: str) -> bool:
    """Tell whether any workspace has a package installed."""
    query = "SELECT 1 FROM package_installs WHERE package = ? AND deleted_at IS NULL LIMIT 1"
    return connection.execute(query, (package,)).fetchone() is not None


def replace(
    connection: sqlite3.Connection, tenant: Tenant, kind: str, id: str, entry: CatalogueEntry | None
) -> None:
    """Let this be what the catalogue knows of a paper; raises Conflict where its slug or version is taken."""
    table = ENTITIES.get(kind)
    if table is None:
        return
    connection.execute(f"DELETE FROM {table} WHERE id = ? AND workspace_id = ?", (id, tenant.row))  # noqa: S608
    try:
        if isinstance(entry, PackageEntry):
            _add_package(connection, tenant, entry)
        elif isinstance(entry, VersionEntry):
            _add_version(connection, tenant, entry)
        elif isinstance(entry, InstallEntry):
            _add_install(connection, tenant, entry)
    except sqlite3.IntegrityError:
        raise Conflict from None


def _add_package(connection: sqlite3.Connection, tenant: Tenant, entry: PackageEntry) -> None:
    _insert(connection, "packages", package_row(tenant, entry, fold))
    for workspace in entry.grants:
        _insert(connection, "package_grants", (entry.id, workspace))
    for release in entry.approved:
        _insert(connection, "package_approvals", (entry.id, release.id))


def _add_version(connection: sqlite3.Connection, tenant: Tenant, entry: VersionEntry) -> None:
    own = (entry.id, tenant.row, entry.package, entry.version, entry.published_by, entry.published_at)
    _insert(connection, "package_versions", own)
    for part in entry.parts:
        _insert(connection, "package_parts", (entry.id, *part))


def _add_install(connection: sqlite3.Connection, tenant: Tenant, entry: InstallEntry) -> None:
    _insert(connection, "package_installs", install_row(tenant, entry))
    rows = [(member.id, tenant.row, entry.id, *member[1:]) for member in entry.members]
    connection.executemany("INSERT INTO install_members VALUES (?, ?, ?, ?, ?, ?, ?)", rows)


def _share(row: tuple[Any, ...]) -> Shared:
    fields = [*row[4:]]
    fields[7] = row[11].encode()
    return Shared(Tenant(*row[:4]), Paper(*fields))


def _insert(connection: sqlite3.Connection, table: str, values: Sequence[object]) -> None:
    marks = ", ".join("?" * len(values))
    connection.execute(f"INSERT INTO {table} VALUES ({marks})", values)  # noqa: S608  # our own words
