"""Which packages and versions of others a workspace may read by id: one rule, for every store's SQL.

Lists have theirs in `questions`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from credenza.model import InstallEntry, PackageEntry, Tenant
from credenza.model.entries import INSTALLS, PACKAGES, VERSIONS

ENTITIES = {PACKAGES: "packages", VERSIONS: "package_versions", INSTALLS: "package_installs"}
Row = tuple[object, ...]
_NOTHING = (None, None, None)
_PAPER = """
SELECT w.id, w.uuid, w.slug, w.created_at, d.kind, d.slug, d.version, d.created_at, d.created_by,
    d.updated_at, d.updated_by, d.body, d.mac
FROM {table} e
JOIN papers d ON d.workspace_id = e.workspace_id AND d.kind = {kind} AND d.slug = e.id
JOIN workspaces w ON w.id = e.workspace_id
LEFT JOIN packages p ON p.id = e.{package}
WHERE {wanted} AND ({rule})
"""
_GRANTED = "EXISTS (SELECT 1 FROM package_grants g WHERE g.package = p.id AND g.workspace = {slug})"
# An operator is in no workspace, though the credential is of one.
_OWN = "(p.workspace_id = {workspace} AND NOT {operating})"
_OPERATED = "({operating} AND p.visibility = 'public')"
# Whoever may look at a package by its id; and who sees its newest version, approved or not.
_READABLE = f"""
({_OWN} OR (p.deleted_at IS NULL AND p.published AND (p.listed OR p.by_id OR {_OPERATED} OR {_GRANTED})))
"""
_TRUSTED = f"({_OWN} OR p.by_id OR {_OPERATED} OR {_GRANTED})"
# What is installed stays readable to its workspace, whatever becomes of the package.
_VERSION = f"""
({_READABLE} AND ({_TRUSTED}
    OR EXISTS (SELECT 1 FROM package_approvals a WHERE a.package = p.id AND a.version = e.id)))
OR EXISTS (SELECT 1 FROM package_installs i
    WHERE i.workspace_id = {{workspace}} AND i.package = e.package AND i.deleted_at IS NULL
        AND e.id IN (i.version, i.previous))
"""  # noqa: S608  # made of our own words


def write_queries(mark: Callable[[str], str], wanted: str) -> Mapping[str, str]:
    """Return by kind the query for those papers of some ids that a workspace may read.

    `mark` writes a named parameter: `kind`, `workspace`, `slug` and `operating` are used. `wanted` is the
    condition of the ids on the row `e`.
    """
    marks = {name: mark(name) for name in ("kind", "workspace", "slug", "operating")}
    return {
        PACKAGES: _PAPER.format(
            table="packages", package="id", wanted=wanted, rule=_READABLE.format(**marks), **marks
        ),
        VERSIONS: _PAPER.format(
            table="package_versions", package="package", wanted=wanted, rule=_VERSION.format(**marks), **marks
        ),
    }


def package_row(tenant: Tenant, entry: PackageEntry, fold: Callable[[str | None], str | None]) -> Row:
    """Return the row of a package."""
    return (
        *(entry.id, tenant.row, tenant.slug, entry.slug, entry.name, fold(entry.name)),
        *(entry.description, fold(entry.description), entry.icon_url, entry.publisher, fold(entry.publisher)),
        *(entry.trust_tier, entry.visibility, entry.current is not None, entry.listed, entry.by_id),
        *(entry.current or _NOTHING),
        *(entry.approved[-1] if entry.approved else _NOTHING),
        *(entry.created_by, entry.deleted_at, entry.retention_tier, entry.created_at, entry.updated_at),
    )


def install_row(tenant: Tenant, entry: InstallEntry) -> Row:
    """Return the row of an install."""
    return (
        *(entry.id, tenant.row, entry.package, entry.version, entry.previous, entry.policy, entry.parent),
        *(entry.installed_by, entry.installed_at, entry.upgraded_at, entry.deleted_at, entry.retention_tier),
    )
