"""Lost keys, as SQL: which were escrowed, what is set aside when one is lost, and what is brought back."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

import msgspec

from credenza.errors import Conflict
from credenza.loss_ports import LossTx, Lost
from credenza.model import Paper, RingRow, Tenant, VaultMeta
from credenza.stores.sqlite import papers
from credenza.stores.sqlite.shared import Shared

TABLES = """
CREATE TABLE escrows (
    kek_id TEXT PRIMARY KEY,
    verified_at INTEGER NOT NULL,
    verified_by TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE lost_vaults (
    kek_id TEXT PRIMARY KEY,
    uuid BLOB NOT NULL,
    format INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    key_check BLOB NOT NULL,
    keepsake BLOB,
    lost_at INTEGER NOT NULL,
    lost_by TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE lost_rings (
    workspace_id INTEGER NOT NULL REFERENCES workspaces (id),
    purpose TEXT NOT NULL,
    term INTEGER NOT NULL,
    state TEXT NOT NULL,
    kek_id TEXT NOT NULL,
    wrapped BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    seals INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, purpose, term)
) STRICT;

CREATE TABLE shredded (
    workspace_id INTEGER PRIMARY KEY,
    uuid BLOB NOT NULL,
    slug TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    shredded_at INTEGER NOT NULL,
    shredded_by TEXT NOT NULL
) STRICT
"""
# What readers of an earlier release's file are to find of these tables.
BESIDE = """
CREATE TEMP VIEW escrows AS SELECT '' AS kek_id, 0 AS verified_at, '' AS verified_by WHERE 0;

CREATE TEMP VIEW lost_vaults AS SELECT *, 0 AS lost_at, '' AS lost_by FROM main.vault WHERE 0;

CREATE TEMP VIEW lost_rings AS SELECT * FROM main.rings WHERE 0
"""
_RING = "workspace_id, purpose, term, state, kek_id, wrapped, created_at, seals"
_LOST_RINGS = """
SELECT w.uuid, l.purpose, l.term, l.state, l.kek_id, l.wrapped, l.created_at, l.seals
FROM lost_rings l JOIN workspaces w ON w.id = l.workspace_id
"""
_LOST_VAULTS = """
SELECT uuid, format, created_at, kek_id, key_check, keepsake, lost_at, lost_by FROM lost_vaults
ORDER BY lost_at, kek_id
"""
_TURN = """
UPDATE vault SET format = ?, created_at = ?, kek_id = ?, key_check = ?, keepsake = ?
WHERE uuid = ? AND kek_id = ?
"""
_ARCHIVE = f"""
INSERT INTO lost_rings ({_RING}) SELECT {_RING} FROM rings WHERE wrapped IS NOT NULL
"""  # noqa: S608  # made of our own words
# A key that was prepared and wraps some rings already is set aside with what fetches it.
_ARCHIVE_NEXT = """
INSERT OR REPLACE INTO lost_vaults
SELECT kek_id, uuid, format, created_at, key_check, keepsake, ?, ? FROM vault_next
WHERE kek_id IN (SELECT kek_id FROM lost_rings)
"""
_ADD_RING = f"INSERT INTO rings ({_RING}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
_RESIGN_PAPER = """
UPDATE papers SET mac = ? WHERE workspace_id = ? AND kind = ? AND slug = ? AND version = ?
"""
_RESIGN_KEY = "UPDATE api_keys SET mac = ? WHERE id = ? AND workspace_id = ? AND revoked_at IS NULL"
_REVOKE_ALL = """
UPDATE api_keys SET revoked_at = ?, hash = zeroblob(32), mac = x''
WHERE workspace_id = ? AND revoked_at IS NULL
"""


class LossRows:
    """What a transaction in one workspace can do with what was signed under a key that is lost."""

    _connection: sqlite3.Connection
    _workspace: int

    def all_papers(self) -> Sequence[Paper]:
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

    _query: Callable[..., list[tuple[Any, ...]]]
    _submit: Callable[[Callable[[sqlite3.Connection, Shared], Any]], Future[Any]]
    _enter: Callable[[sqlite3.Connection, Tenant, Shared], LossTx]

    def escrowed_at(self, kek_id: str) -> int | None:
        """Return when an escrow of a key was seen to hold it; None: never."""
        rows = self._query("SELECT verified_at FROM escrows WHERE kek_id = ?", kek_id)
        return rows[0][0] if rows else None

    def note_escrow(self, kek_id: str, at: int, by: str) -> None:
        """Note that an escrow was seen to hold a key."""
        self._submit(
            lambda connection, _: (
                connection.execute(
                    "INSERT OR REPLACE INTO escrows (kek_id, verified_at, verified_by) VALUES (?, ?, ?)",
                    (kek_id, at, by),
                ).rowcount
            )
        ).result()

    def set_keepsake(self, kek_id: str, keepsake: bytes | None) -> None:
        """Replace what belongs to the key provider in the vault's description."""

        def job(connection: sqlite3.Connection, _: Shared) -> None:
            statement = "UPDATE vault SET keepsake = ? WHERE kek_id = ?"
            if connection.execute(statement, (keepsake, kek_id)).rowcount != 1:
                raise Conflict

        self._submit(job).result()

    def lost_vaults(self) -> Sequence[Lost]:
        """Return the descriptions whose keys were given up as lost, oldest first."""
        return [Lost(VaultMeta(*row[:6]), *row[6:]) for row in self._query(_LOST_VAULTS)]

    def lost_rings(self, workspace: bytes) -> Sequence[RingRow]:
        """Return the wrapped keys of a workspace that were set aside."""
        order = "WHERE w.uuid = ? ORDER BY l.term, l.purpose"
        return [RingRow(*row) for row in self._query(f"{_LOST_RINGS} {order}", workspace)]

    def give_up(
        self,
        old: VaultMeta,
        new: VaultMeta,
        lost: tuple[int, str],
        begin: Callable[[Tenant, LossTx], Sequence[RingRow]],
    ) -> None:
        """Set aside a vault's description and all rings, and give it a new key."""

        def job(connection: sqlite3.Connection, shared: Shared) -> None:
            turned = (new.format, new.created_at, new.kek_id, new.check, new.keepsake, old.id, old.kek_id)
            if connection.execute(_TURN, turned).rowcount != 1:
                raise Conflict
            values = (old.kek_id, old.id, old.format, old.created_at, old.check, old.keepsake, *lost)
            connection.execute("INSERT OR REPLACE INTO lost_vaults VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
            connection.execute(_ARCHIVE)
            connection.execute("DELETE FROM rings WHERE wrapped IS NOT NULL")
            connection.execute(_ARCHIVE_NEXT, lost)
            connection.execute("DELETE FROM vault_next")
            for tenant in _list_tenants(connection):
                rows = begin(tenant, self._enter(connection, tenant, shared))
                _add_rings(connection, tenant, rows)

        self._submit(job).result()

    def bring_back(
        self,
        kek_id: str,
        kept: VaultMeta,
        renew: Callable[[Tenant, Sequence[RingRow], LossTx], Sequence[RingRow]],
    ) -> int:
        """Put back what was set aside when a key was lost; return how many wrapped keys that is."""

        def job(connection: sqlite3.Connection, shared: Shared) -> int:
            if connection.execute("SELECT kek_id FROM vault").fetchall() != [(kept.kek_id,)]:
                raise Conflict
            count = 0
            for tenant in _list_tenants(connection):
                found = connection.execute(
                    f"{_LOST_RINGS} WHERE w.uuid = ? AND l.kek_id = ?", (tenant.id, kek_id)
                )
                rows = [RingRow(*row) for row in found]
                if rows:
                    renewed = renew(tenant, rows, self._enter(connection, tenant, shared))
                    _add_rings(connection, tenant, renewed)
                    count += len(rows)
            connection.execute("DELETE FROM lost_rings WHERE kek_id = ?", (kek_id,))
            connection.execute("DELETE FROM lost_vaults WHERE kek_id = ?", (kek_id,))
            shared.scrubbed = True
            return count

        restored: int = self._submit(job).result()
        return restored


def _list_tenants(connection: sqlite3.Connection) -> list[Tenant]:
    rows = connection.execute("SELECT id, uuid, slug, created_at FROM workspaces ORDER BY id")
    return [Tenant(*row) for row in rows]


def _add_rings(connection: sqlite3.Connection, tenant: Tenant, rows: Sequence[RingRow]) -> None:
    values = [(tenant.row, *msgspec.structs.astuple(row)[1:]) for row in rows]
    connection.executemany(_ADD_RING, values)
