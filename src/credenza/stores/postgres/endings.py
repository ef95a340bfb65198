"""Workspaces that end, as SQL: every row goes, and then what the files still keep of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import psycopg

from credenza.errors import Conflict
from credenza.loss_ports import LossTx, Sealings
from credenza.model import Tenant
from credenza.stores.postgres import connect
from credenza.stores.postgres.connect import SCHEMA, Connection, fetch, stream
from credenza.stores.postgres.losses import LEAVE, Losses, enter, list_tenants

_SEALED = (
    "SELECT sealed FROM secrets WHERE workspace_id = %s",
    "SELECT wrapped FROM rings WHERE workspace_id = %s AND wrapped IS NOT NULL",
    "SELECT wrapped FROM lost_rings WHERE workspace_id = %s",
)
# Others hold on to what they have installed of this workspace's packages; what they have is theirs to see.
_PACKAGES = "SELECT id, slug FROM packages WHERE workspace_id = %s ORDER BY slug"
_COUNT_INSTALLS = """
SELECT package, count(*) FROM package_installs
WHERE workspace_id = %s AND package = ANY(%s::text[]) AND deleted_at IS NULL GROUP BY package
"""
# Children that hang on their parent's key go with it.
_OWNED = (
    "cards",
    "install_members",
    "package_installs",
    "package_versions",
    "packages",
    "papers",
    "integrations",
    "idempotency",
    "audit",
    "audit_heads",
    "api_keys",
    "lost_rings",
    "rings",
)
_COUNTED = ("integrations", "papers", "packages", "package_installs", "api_keys", "audit")
_LOCK = "SELECT 1 FROM workspaces WHERE id = %s FOR UPDATE"
_END = """
INSERT INTO shredded (workspace_id, uuid, slug, created_at, shredded_at, shredded_by)
SELECT id, uuid, slug, created_at, %s, %s FROM workspaces WHERE id = %s AND uuid = %s
"""
_LONG = "SET LOCAL statement_timeout TO 0"
_COMPACTED = (
    *("secrets", "rings", "lost_rings", "integrations", "integration_versions", "integration_apis"),
    *("integration_tags", "usage", "papers", "cards", "card_links", "packages", "package_grants"),
    *("package_approvals", "package_versions", "package_parts", "package_installs", "install_members"),
    *("idempotency", "audit", "audit_heads", "api_keys"),
)


class Endings(Losses):
    """What a store does where a workspace ends, and before."""

    _said: dict[str, Any]

    def look_at_end(self, tenant: Tenant) -> Sealings:
        """Return what would go with a workspace, and which of its packages others have installed."""
        try:
            with self._pool.begin(tenant) as connection:
                connection.execute(LEAVE)
                return _look(connection, tenant)
        except psycopg.Error as error:
            raise connect.translate(error) from None

    def shred(
        self,
        tenant: Tenant,
        ended: tuple[int, str],
        take: Callable[[Iterable[bytes]], None],
        home: Tenant,
        tell: Callable[[LossTx], None],
    ) -> Sealings:
        """Take a workspace out with every row, and note that its name is used up; return what went."""

        def job() -> Sealings:
            with self._pool.begin(tenant, write=True) as connection:
                connection.execute(LEAVE)
                connection.execute(_LONG)
                # Whoever writes to it now is waited for, and nobody does so any more.
                connection.execute(_LOCK, (tenant.row,))
                found = _look(connection, tenant)
                enter(connection, tenant)  # looking at what others have installed has left it
                connection.execute(LEAVE)
                for statement in _SEALED:
                    take(row[0] for row in stream(connection, statement, (tenant.row,)))
                if connection.execute(_END, (*ended, tenant.row, tenant.id)).rowcount != 1:
                    raise Conflict("There is no such workspace any more.")
                for table in _OWNED:
                    connection.execute(f"DELETE FROM {table} WHERE workspace_id = %s", (tenant.row,))  # noqa: S608
                connection.execute("DELETE FROM workspaces WHERE id = %s", (tenant.row,))
                self.inside(connection, home, tell)
                return found

        gone: Sealings = self._submit(job).result()
        return gone

    def compact(self) -> bool:
        """Rewrite the tables, so that no row that was taken out stands in them; False: one is in use."""
        try:
            with connect.connect(self._said) as connection:
                connection.execute("SET lock_timeout TO '30s'")
                for table in _COMPACTED:
                    connection.execute(f"VACUUM (FULL) {SCHEMA}.{table}")
                if _may_checkpoint(connection):
                    connection.execute("CHECKPOINT")
        except psycopg.errors.LockNotAvailable:
            return False
        except psycopg.Error as error:
            raise connect.translate(error) from None
        return True

    def live_files(self) -> Sequence[Path] | None:
        """Return nothing: the files are the server's."""
        return None


def _look(connection: Connection, tenant: Tenant) -> Sealings:
    """Return what goes with a workspace; the transaction is above all, and in some workspace afterwards."""

    def count(source: str, *parameters: object) -> int:
        number: int = fetch(connection, source, parameters)[0][0]
        return number

    installs: dict[str, int] = {}
    own = dict(fetch(connection, _PACKAGES, (tenant.row,)))
    counts = {
        table: count(f"SELECT count(*) FROM {table} WHERE workspace_id = %s", tenant.row)  # noqa: S608
        for table in _COUNTED
    }
    secrets = count("SELECT count(*) FROM secrets WHERE workspace_id = %s", tenant.row)
    keys = count("SELECT count(*) FROM api_keys WHERE workspace_id = %s AND revoked_at IS NULL", tenant.row)
    for other in list_tenants(connection) if own else ():
        if other.row == tenant.row:
            continue
        enter(connection, other)
        for package, number in fetch(connection, _COUNT_INSTALLS, (other.row, [*own])):
            installs[own[package]] = installs.get(own[package], 0) + number
        connection.execute(LEAVE)
    return Sealings(secrets=secrets, keys=keys, rows=counts, installs=sorted(installs.items()))


def _may_checkpoint(connection: Connection) -> bool:
    found = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    return found == (True,)
