"""Row-level security: the wall behind the one that every statement builds by naming its workspace.

A transaction says which workspace it is in; without a word, it sees no row. What stands above workspaces
(their list, API keys at the door, rings, the vault) it sees in the scope of the store alone. Of the catalogue
of packages others read what may be seen of it, and of the papers behind it the same.
"""

from __future__ import annotations

# In subqueries, so that a statement reads the setting once and not for every row.
WORKSPACE = "(SELECT nullif(current_setting('credenza.workspace', true), '')::bigint)"
SLUG = "(SELECT nullif(current_setting('credenza.slug', true), ''))"
STORE = "(SELECT coalesce(current_setting('credenza.scope', true), '') = 'store')"
OWN = f"workspace_id = {WORKSPACE}"

_OWNED = (
    "rings",
    "api_keys",
    "audit",
    "audit_heads",
    "idempotency",
    "integrations",
    "integration_versions",
    "integration_apis",
    "integration_tags",
    "secrets",
    "usage",
    "papers",
    "cards",
    "card_links",
    "packages",
    "package_grants",
    "package_approvals",
    "package_versions",
    "package_parts",
    "package_installs",
    "install_members",
)
# Whom a package is granted to is read without its package, which is read by whom it is granted to.
_GRANTED = f"EXISTS (SELECT 1 FROM package_grants g WHERE g.package = packages.id AND g.workspace = {SLUG})"  # noqa: S608
_PACKAGE = "EXISTS (SELECT 1 FROM packages p WHERE p.{column} = {id})"
_PINNED = "i.package = package_versions.package AND i.deleted_at IS NULL"
_RELEASED = " OR ".join(
    [
        _PACKAGE.format(column="id", id="package_versions.package"),
        f"EXISTS (SELECT 1 FROM package_installs i WHERE i.{OWN} AND {_PINNED})",  # noqa: S608
    ]
)
_SHOWN = {
    "packages": f"deleted_at IS NULL AND published AND (visibility <> 'private' OR {_GRANTED})",
    "package_grants": f"workspace = {SLUG}",
    "package_approvals": _PACKAGE.format(column="id", id="package_approvals.package"),
    "package_versions": _RELEASED,
    "package_parts": "EXISTS (SELECT 1 FROM package_versions v WHERE v.id = package_parts.version)",
    "papers": (
        "(kind = 'package' AND EXISTS (SELECT 1 FROM packages p "
        "WHERE p.id = papers.slug AND p.workspace_id = papers.workspace_id)) "
        "OR (kind = 'package_version' AND EXISTS (SELECT 1 FROM package_versions v "
        "WHERE v.id = papers.slug AND v.workspace_id = papers.workspace_id))"
    ),
    "workspaces": (
        f"id = {WORKSPACE} OR EXISTS (SELECT 1 FROM packages p WHERE p.workspace_id = workspaces.id) "  # noqa: S608
        "OR EXISTS (SELECT 1 FROM package_versions v WHERE v.workspace_id = workspaces.id)"
    ),
}
_ABOVE = ("vault", "workspaces", "rings", "api_keys")
FIRST_TABLES = ("vault", "workspaces", *_OWNED)
TABLES = (*FIRST_TABLES, "vault_next", "escrows", "lost_vaults", "lost_rings", "shredded")


def write() -> list[str]:
    """Return the statements that make the policies of the first tables."""
    made = [f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY" for table in FIRST_TABLES]
    made += [f"CREATE POLICY own ON {table} USING ({OWN}) WITH CHECK ({OWN})" for table in _OWNED]
    made += [f"CREATE POLICY above ON {table} USING ({STORE}) WITH CHECK ({STORE})" for table in _ABOVE]
    made += [f"CREATE POLICY shown ON {table} FOR SELECT USING ({rule})" for table, rule in _SHOWN.items()]
    return made
