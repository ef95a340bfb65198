"""The life of the keys, as SQL: terms of rings, what is sealed under them, and the vault's next key."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

import msgspec

from credenza.errors import Conflict, TermRetired
from credenza.model import Record, RingRow, SealedRow, Secret, Tenant, TermCount, VaultMeta
from credenza.stores.rows import read_sealed, read_term
from credenza.stores.sqlite.shared import Shared

NEXT = """
CREATE TABLE vault_next (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    uuid BLOB NOT NULL,
    format INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    kek_id TEXT NOT NULL,
    key_check BLOB NOT NULL,
    keepsake BLOB
) STRICT
"""
# A program of an earlier release asks nobody whether a term seals still; what it then seals is undone.
GUARD = """
CREATE TRIGGER rings_seal_active BEFORE UPDATE OF seals ON rings
WHEN old.state <> 'active' AND new.seals <> old.seals
BEGIN
    SELECT RAISE(ABORT, 'this term seals no longer');
END
"""
RINGS = """
SELECT w.uuid, r.purpose, r.term, r.state, r.kek_id, r.wrapped, r.created_at, r.seals
FROM rings r JOIN workspaces w ON w.id = r.workspace_id
"""
_ADD = """
INSERT INTO rings (workspace_id, purpose, term, state, kek_id, wrapped, created_at)
VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_STATE = "UPDATE rings SET state = ? WHERE workspace_id = ? AND state = ? AND term = coalesce(?, term)"
# What is destroyed goes from here; `secure_delete` and the emptied log see to the file.
_DESTROY = """
UPDATE rings SET state = 'destroyed', wrapped = NULL
WHERE workspace_id = ? AND term = ? AND purpose IN ('dek', 'fpk') AND state = 'decrypt_only'
"""
# Answers of an earlier release are known again by a digest that is made with the key, for a day.
_NEEDED = """
SELECT EXISTS (
    SELECT 1 FROM integrations i JOIN secrets s ON s.integration_id = i.id
    WHERE i.workspace_id = :workspace AND substr(s.sealed, 3, 4) = :term
) OR EXISTS (
    SELECT 1 FROM idempotency WHERE workspace_id = :workspace AND length(digest) = 16
        AND created_at >= (unixepoch() - 86400) * 1000
)
"""
_REWRAP = """
UPDATE rings SET kek_id = ?, wrapped = ?
WHERE workspace_id = ? AND purpose = ? AND term = ? AND kek_id = ? AND wrapped = ?
"""
# In the order of names, which the index has: their numbers would be sought among those of all workspaces.
_WALK = """
SELECT s.uuid, s.path, s.version, s.destination, s.rule, s.fingerprint, s.sealed,
    i.id, i.uuid, i.name, i.type, s.last_version IS NULL
FROM integrations i JOIN secrets s ON s.integration_id = i.id
WHERE i.workspace_id = :workspace AND i.name >= :name
    AND (i.name > :name OR (s.path, s.version) > (:path, :version))
    AND (:but IS NULL OR substr(s.sealed, 3, 4) <> :but)
ORDER BY i.name, s.path, s.version LIMIT :limit
"""
_COUNT = """
SELECT substr(s.sealed, 3, 4), count(*) FROM integrations i JOIN secrets s ON s.integration_id = i.id
WHERE i.workspace_id = ? GROUP BY 1
"""
_RESEAL = """
UPDATE secrets SET fingerprint = ?, sealed = ?
WHERE integration_id = (SELECT id FROM integrations WHERE id = ? AND workspace_id = ?)
    AND path = ? AND version = ? AND sealed = ?
"""
_NOTE = "UPDATE integrations SET digest = ? WHERE id = ? AND version = ? AND workspace_id = ?"
_VAULT = "SELECT uuid, format, created_at, kek_id, key_check, keepsake FROM"
_WRAPPED = "SELECT count(*) FROM rings WHERE wrapped IS NOT NULL AND kek_id"
_TERMS = "SELECT purpose, state, count(*), max(seals), min(created_at) FROM rings GROUP BY purpose, state"
_OLD = """
SELECT count(*) FROM integrations i JOIN secrets s ON s.integration_id = i.id
JOIN rings r ON r.workspace_id = i.workspace_id AND r.purpose = 'dek' AND r.state = 'active'
WHERE i.workspace_id IN (SELECT workspace_id FROM rings WHERE purpose = 'dek' AND state = 'decrypt_only')
    AND hex(substr(s.sealed, 3, 4)) <> printf('%08X', r.term)
"""


class KeyRows:
    """What a transaction in one workspace can do with its ring, and with what is sealed under it."""

    _connection: sqlite3.Connection
    _tenant: Tenant
    _workspace: int
    _shared: Shared

    def rings(self) -> Sequence[RingRow]:
        """Return the wrapped keys of the workspace, all terms."""
        order = "WHERE r.workspace_id = ? ORDER BY r.term, r.purpose"
        return [RingRow(*row) for row in self._ask(f"{RINGS} {order}", (self._workspace,))]

    def add_rings(self, rows: Sequence[RingRow]) -> None:
        """Add the keys of a new term."""
        add_rings(self._connection, self._workspace, rows)

    def activate(self, term: int) -> None:
        """Let a term that is pre_active seal from now on, and the one that did so only open."""
        retired = self._connection.execute(_STATE, ("decrypt_only", self._workspace, "active", None)).rowcount
        begun = self._connection.execute(_STATE, ("active", self._workspace, "pre_active", term)).rowcount
        if begun == 0 or begun != retired:
            raise Conflict

    def destroy(self, term: int) -> bool:
        """Destroy the dek and fpk of a term that is decrypt_only; False: it is not, or is still needed."""
        if self._ask(_NEEDED, {"workspace": self._workspace, "term": term.to_bytes(4, "big")})[0][0]:
            return False
        gone = self._connection.execute(_DESTROY, (self._workspace, term)).rowcount > 0
        self._shared.scrubbed = self._shared.scrubbed or gone
        return gone

    def rewrap(self, pairs: Sequence[tuple[RingRow, RingRow]]) -> int:
        """Replace wrapped keys, each where it is as it was read; return how many were."""
        self._shared.scrubbed = True
        values = [
            (new.kek_id, new.wrapped, self._workspace, old.purpose, old.term, old.kek_id, old.wrapped)
            for old, new in pairs
        ]
        return self._connection.executemany(_REWRAP, values).rowcount if values else 0

    def sealed(
        self, *, after: SealedRow | None = None, limit: int, but: int | None = None
    ) -> Sequence[SealedRow]:
        """Return stored secrets of all versions, in the order of names, paths and versions."""
        asked = {
            "workspace": self._workspace,
            "name": after.name if after else "",
            "path": after.secret.path if after else "",
            "version": after.secret.version if after else -1,
            "but": None if but is None else but.to_bytes(4, "big"),
            "limit": limit,
        }
        return [read_sealed(row) for row in self._ask(_WALK, asked)]

    def count_sealed(self) -> Mapping[int, int]:
        """Return how many stored secrets are sealed under each term."""
        return {read_term(term): count for term, count in self._ask(_COUNT, (self._workspace,))}

    def reseal(self, pairs: Sequence[tuple[SealedRow, Secret]]) -> int:
        """Replace sealed values and fingerprints, each where it is as it was read; return how many were."""
        self._shared.write_rows()
        self._shared.scrubbed = True
        values = [
            (
                *(new.fingerprint, new.blob, old.row, self._workspace),
                *(old.secret.path, old.secret.version, old.secret.blob),
            )
            for old, new in pairs
        ]
        return self._connection.executemany(_RESEAL, values).rowcount if values else 0

    def note_digests(self, pairs: Sequence[tuple[Record, bytes]]) -> None:
        """Keep by what the text of records is known again, where they are at the version that was read."""
        if pairs:
            self._shared.write_rows()
            self._shared.forget(self._workspace, [record.name for record, _ in pairs])
            rows = [(digest, record.row, record.version, self._workspace) for record, digest in pairs]
            self._connection.executemany(_NOTE, rows)

    def _ask(
        self, statement: str, parameters: Sequence[object] | Mapping[str, object]
    ) -> list[tuple[Any, ...]]:
        self._shared.write_rows()
        return self._connection.execute(statement, parameters).fetchall()


class KeyMeta:
    """What a store says of the key-encryption key that its vault has, and of the one it is to have."""

    _query: Callable[..., list[tuple[Any, ...]]]
    _submit: Callable[[Callable[[sqlite3.Connection, Shared], None]], Future[None]]

    def next_vault(self) -> VaultMeta | None:
        """Return the vault's description with the key it is to have."""
        return next((VaultMeta(*row) for row in self._query(f"{_VAULT} vault_next")), None)

    def prepare_vault(self, meta: VaultMeta) -> None:
        """Keep the description of the vault with the key it is to have."""

        def job(connection: sqlite3.Connection, _: Shared) -> None:
            used = f"{_WRAPPED} = (SELECT kek_id FROM vault_next WHERE kek_id <> ?)"  # noqa: S608
            if connection.execute(used, (meta.kek_id,)).fetchone()[0]:
                raise Conflict
            connection.execute(
                "INSERT OR REPLACE INTO vault_next (id, uuid, format, created_at, kek_id, key_check, "
                "keepsake) VALUES (1, ?, ?, ?, ?, ?, ?)",
                msgspec.structs.astuple(meta),
            )

        self._submit(job).result()

    def turn_vault(self, meta: VaultMeta, leaving: int = 0) -> None:
        """Make the prepared description the vault's own."""

        def job(connection: sqlite3.Connection, shared: Shared) -> None:
            ask = connection.execute
            if ask(f"{_WRAPPED} <> ?", (meta.kek_id,)).fetchone()[0] > leaving:
                raise Conflict
            turned = ask(
                "UPDATE vault SET (kek_id, key_check, keepsake) = "
                "(SELECT kek_id, key_check, keepsake FROM vault_next) "
                "WHERE EXISTS (SELECT 1 FROM vault_next WHERE kek_id = ? AND vault_next.uuid = vault.uuid)",
                (meta.kek_id,),
            ).rowcount
            if turned != 1:
                raise Conflict
            ask("DELETE FROM vault_next")
            shared.scrubbed = True

        self._submit(job).result()

    def count_terms(self) -> Sequence[TermCount]:
        """Return how many terms there are in all workspaces, by purpose and state."""
        return [TermCount(*row) for row in self._query(_TERMS)]

    def count_old(self) -> int:
        """Return how many secrets of all workspaces are sealed under a term that is not active."""
        count: int = self._query(_OLD)[0][0]
        return count


def add_rings(connection: sqlite3.Connection, workspace: int, rows: Sequence[RingRow]) -> None:
    """Add keys to the ring of a workspace; raises Conflict: see `KeyTx.add_rings`."""
    named = {row[0] for row in connection.execute("SELECT kek_id FROM vault")}
    if named and {row.kek_id for row in rows} != named:
        raise TermRetired
    values = [(workspace, r.purpose, r.term, r.state, r.kek_id, r.wrapped, r.created_at) for r in rows]
    try:
        connection.executemany(_ADD, values)
    except sqlite3.IntegrityError:
        raise Conflict from None
