"""Lost keys, as SQL: which were escrowed, what is set aside when one is lost, and what is brought back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any

import msgspec

from credenza.errors import Conflict
from credenza.loss_ports import LossTx, Lost
from credenza.model import Paper, RingRow, Tenant, VaultMeta
from credenza.stores.postgres import connect, papers
from credenza.stores.postgres.connect import ROLE, Connection, fetch
from credenza.stores.postgres.policies import STORE

NEW_TABLES = ("escrows", "lost_vaults", "lost_rings", "shredded")
TABLES = """
CREATE TABLE escrows (
    kek_id TEXT PRIMARY KEY,
    verified_at BIGINT NOT NULL,
    verified_by TEXT NOT NULL
);

CREATE TABLE lost_vaults (
    kek_id TEXT PRIMARY KEY,
    uuid BYTEA NOT NULL,
    format BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    key_check BYTEA NOT NULL,
    keepsake BYTEA,
    lost_at BIGINT NOT NULL,
    lost_by TEXT NOT NULL
);

CREATE TABLE lost_rings (
    workspace_id BIGINT NOT NULL REFERENCES workspaces (id),
    purpose TEXT NOT NULL,
    term BIGINT NOT NULL,
    state TEXT NOT NULL,
    kek_id TEXT NOT NULL,
    wrapped BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    seals BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, purpose, term)
);

CREATE TABLE shredded (
    workspace_id BIGINT PRIMARY KEY,
    uuid BYTEA NOT NULL,
    slug TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    shredded_at BIGINT NOT NULL,
    shredded_by TEXT NOT NULL
)
"""
WALLS = tuple(
    statement
    for table in NEW_TABLES
    for statement in (
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"CREATE POLICY above ON {table} USING ({STORE}) WITH CHECK ({STORE})",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {ROLE}",
    )
)
_RING = "workspace_id, purpose, term, state, kek_id, wrapped, created_at, seals"
_LOST_RINGS = """
SELECT w.uuid, l.purpose, l.term, l.state, l.kek_id, l.wrapped, l.created_at, l.seals
FROM lost_rings l JOIN workspaces w ON w.id = l.workspace_id
"""
_LOST_VAULTS = """
SELECT uuid, format, created_at, kek_id, key_check, keepsake, lost_at, lost_by FROM lost_vaults
ORDER BY lost_at, kek_id
"""
_NOTE_ESCROW = """
INSERT INTO escrows (kek_id, verified_at, verified_by) VALUES (%s, %s, %s)
ON CONFLICT (kek_id) DO UPDATE SET verified_at = excluded.verified_at, verified_by = excluded.verified_by
"""
_TURN = """
UPDATE vault SET format = %s, created_at = %s, kek_id = %s, key_check = %s, keepsake = %s
WHERE uuid = %s AND kek_id = %s
"""
_ARCHIVE_VAULT = """
INSERT INTO lost_vaults VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (kek_id) DO UPDATE SET lost_at = excluded.lost_at, lost_by = excluded.lost_by
"""
_ARCHIVE = f"""
INSERT INTO lost_rings ({_RING}) SELECT {_RING} FROM rings WHERE wrapped IS NOT NULL
"""  # noqa: S608  # made of our own words
# A key that was prepared and wraps some rings already is set aside with what fetches it.
_ARCHIVE_NEXT = """
INSERT INTO lost_vaults SELECT kek_id, uuid, format, created_at, key_check, keepsake, %s, %s FROM vault_next
WHERE kek_id IN (SELECT kek_id FROM lost_rings)
ON CONFLICT (kek_id) DO UPDATE SET lost_at = excluded.lost_at, lost_by = excluded.lost_by
"""
_ADD_RING = f"INSERT INTO rings ({_RING}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"  # noqa: S608
_ENTER = """
SELECT set_config('credenza.workspace', %s, true), set_config('credenza.slug', %s, true),
    set_config('credenza.scope', '', true)
"""
LEAVE = "SELECT set_config('credenza.scope', 'store', true)"
_RESIGN_PAPER = """
UPDATE papers SET mac = %s WHERE workspace_id = %s AND kind = %s AND slug = %s AND version = %s
"""
_RESIGN_KEY = "UPDATE api_keys SET mac = %s WHERE id = %s AND workspace_id = %s AND revoked_at IS NULL"
_REVOKE_ALL = """
UPDATE api_keys SET revoked_at = %s, hash = decode(repeat('00', 32), 'hex'), mac = ''
WHERE workspace_id = %s AND revoked_at IS NULL
"""


class LossRows:
    """What a transaction in one workspace can do with what was signed under a key that is lost."""

    _connection: Connection
    _workspace: int

    def all_papers(self) -> Iterable[Paper]:
        """Return all papers of the workspace."""
        return papers.find_all(self._connection, self._workspace)

    def resign_paper(self, paper: Paper) -> None:
        """Replace the signature of a paper that is at this version."""
        which = (self._workspace, paper.kind, paper.slug, paper.version)
        self._connection.execute(_RESIGN_PAPER, (paper.mac, *which))

    def resign_key(self, id: str, mac: bytes) -> None:
        """Replace the signature of an API key that is in force."""
        self._connection.execute(_RESIGN_KEY, (mac, id, self._workspace))

    def revoke_keys(self, at: int) -> int:
        """Revoke every API key of the workspace, destroying its hash; return how many were in force."""
        return self._connection.execute(_REVOKE_ALL, (at, self._workspace)).rowcount


class Losses:
    """What a store keeps of escrows and of keys that were lost."""

    _pool: connect.Pool
    _query: Callable[..., list[tuple[Any, ...]]]
    _submit: Callable[[Callable[[], Any]], Future[Any]]
    _work: Callable[[Connection, Tenant, Callable[[Any], Any]], Any]

    def escrowed_at(self, kek_id: str) -> int | None:
        """Return when an escrow of a key was seen to hold it; None: never."""
        rows = self._query("SELECT verified_at FROM escrows WHERE kek_id = %s", kek_id)
        return rows[0][0] if rows else None

    def note_escrow(self, kek_id: str, at: int, by: str) -> None:
        """Note that an escrow was seen to hold a key."""
        self._run(lambda connection: connection.execute(_NOTE_ESCROW, (kek_id, at, by)).rowcount)

    def set_keepsake(self, kek_id: str, keepsake: bytes | None) -> None:
        """Replace what belongs to the key provider in the vault's description."""

        def job(connection: Connection) -> None:
            statement = "UPDATE vault SET keepsake = %s WHERE kek_id = %s"
            if connection.execute(statement, (keepsake, kek_id)).rowcount != 1:
                raise Conflict

        self._run(job)

    def lost_vaults(self) -> Sequence[Lost]:
        """Return the descriptions whose keys were given up as lost, oldest first."""
        return [Lost(VaultMeta(*row[:6]), *row[6:]) for row in self._query(_LOST_VAULTS)]

    def lost_rings(self, workspace: bytes) -> Sequence[RingRow]:
        """Return the wrapped keys of a workspace that were set aside."""
        order = "WHERE w.uuid = %s ORDER BY l.term, l.purpose"
        return [RingRow(*row) for row in self._query(f"{_LOST_RINGS} {order}", workspace)]

    def give_up(
        self,
        old: VaultMeta,
        new: VaultMeta,
        lost: tuple[int, str],
        begin: Callable[[Tenant, LossTx], Sequence[RingRow]],
    ) -> None:
        """Set aside a vault's description and all rings, and give it a new key."""

        def job(connection: Connection) -> None:
            turned = (new.format, new.created_at, new.kek_id, new.check, new.keepsake, old.id, old.kek_id)
            if connection.execute(_TURN, turned).rowcount != 1:
                raise Conflict
            values = (old.kek_id, old.id, old.format, old.created_at, old.check, old.keepsake, *lost)
            connection.execute(_ARCHIVE_VAULT, values)
            connection.execute(_ARCHIVE)
            connection.execute("DELETE FROM rings WHERE wrapped IS NOT NULL")
            connection.execute(_ARCHIVE_NEXT, lost)
            connection.execute("DELETE FROM vault_next")
            for tenant in list_tenants(connection):
                rows = self.inside(connection, tenant, partial(begin, tenant))
                _add_rings(connection, tenant, rows)

        self._run(job)

    def bring_back(
        self,
        kek_id: str,
        kept: VaultMeta,
        renew: Callable[[Tenant, Sequence[RingRow], LossTx], Sequence[RingRow]],
    ) -> int:
        """Put back what was set aside when a key was lost; return how many wrapped keys that is."""

        def job(connection: Connection) -> int:
            if fetch(connection, "SELECT kek_id FROM vault FOR SHARE") != [(kept.kek_id,)]:
                raise Conflict
            count = 0
            for tenant in list_tenants(connection):
                clause = "WHERE w.uuid = %s AND l.kek_id = %s"
                found = fetch(connection, f"{_LOST_RINGS} {clause}", (tenant.id, kek_id))
                rows = [RingRow(*row) for row in found]
                if rows:
                    renewed = self.inside(connection, tenant, partial(renew, tenant, rows))
                    _add_rings(connection, tenant, renewed)
                    count += len(rows)
            connection.execute("DELETE FROM lost_rings WHERE kek_id = %s", (kek_id,))
            connection.execute("DELETE FROM lost_vaults WHERE kek_id = %s", (kek_id,))
            return count

        restored: int = self._run(job)
        return restored

    def _run(self, job: Callable[[Connection], Any]) -> Any:  # noqa: ANN401  # whatever the job returns
        def run() -> object:
            with self._pool.begin(None, write=True) as connection:
                return job(connection)

        return self._submit(run).result()

    def inside(self, connection: Connection, tenant: Tenant, job: Callable[[Any], Any]) -> Any:  # noqa: ANN401
        """Run a job in a workspace, within a transaction that stands above all."""
        enter(connection, tenant)
        done = self._work(connection, tenant, job)
        connection.execute(LEAVE)
        return done


def enter(connection: Connection, tenant: Tenant) -> None:
    """Be in a workspace from here on, and no longer above all."""
    connection.execute(_ENTER, (str(tenant.row), tenant.slug))


def list_tenants(connection: Connection) -> list[Tenant]:
    """Return all workspaces, in a transaction that stands above them."""
    rows = fetch(connection, "SELECT id, uuid, slug, created_at FROM workspaces ORDER BY id")
    return [Tenant(*row) for row in rows]


def _add_rings(connection: Connection, tenant: Tenant, rows: Sequence[RingRow]) -> None:
    for row in rows:
        connection.execute(_ADD_RING, (tenant.row, *msgspec.structs.astuple(row)[1:]))
