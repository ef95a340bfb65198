"""The life of the keys, as SQL: terms of rings, what is sealed under them, and the vault's next key."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

import msgspec
import psycopg
from psycopg import errors

from credenza.errors import Conflict, TermRetired
from credenza.model import Record, RingRow, SealedRow, Secret, Tenant, TermCount, VaultMeta
from credenza.stores.postgres import policies
from credenza.stores.postgres.connect import ROLE, Connection, Pool, columns, fetch, translate
from credenza.stores.rows import read_sealed, read_term

NEXT = """
CREATE TABLE vault_next (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    uuid BYTEA NOT NULL,
    format BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    kek_id TEXT NOT NULL,
    key_check BYTEA NOT NULL,
    keepsake BYTEA
)
"""
# A program of an earlier release asks nobody whether a term seals still; what it then seals is undone.
GUARD = (
    """
    CREATE FUNCTION refuse_seals() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN RAISE integrity_constraint_violation USING MESSAGE = ''this term seals no longer''; END'
    """,
    """
    CREATE TRIGGER rings_seal_active BEFORE UPDATE OF seals ON rings FOR EACH ROW
        WHEN (old.state <> 'active' AND new.seals <> old.seals) EXECUTE FUNCTION refuse_seals()
    """,
)
NEXT_WALLS = (
    "ALTER TABLE vault_next ENABLE ROW LEVEL SECURITY",
    f"CREATE POLICY above ON vault_next USING ({policies.STORE}) WITH CHECK ({policies.STORE})",
    f"GRANT SELECT, INSERT, UPDATE, DELETE ON vault_next TO {ROLE}",
)
RINGS = """
SELECT w.uuid, r.purpose, r.term, r.state, r.kek_id, r.wrapped, r.created_at, r.seals
FROM rings r JOIN workspaces w ON w.id = r.workspace_id
"""
_OWN = "WHERE r.workspace_id = %s ORDER BY r.term, r.purpose"
_ADD = """
INSERT INTO rings (workspace_id, purpose, term, state, kek_id, wrapped, created_at)
VALUES (%s, %s, %s, %s, %s, %s, %s)
"""
_RETIRE = "UPDATE rings SET state = 'decrypt_only' WHERE workspace_id = %s AND state = 'active'"
_BEGIN = "UPDATE rings SET state = 'active' WHERE workspace_id = %s AND state = 'pre_active' AND term = %s"
_DESTROY = """
UPDATE rings SET state = 'destroyed', wrapped = NULL
WHERE workspace_id = %s AND term = %s AND purpose IN ('dek', 'fpk') AND state = 'decrypt_only'
"""
# Answers of an earlier release are known again by a digest that is made with the key, for a day.
_NEEDED = """
SELECT EXISTS (SELECT 1 FROM secrets WHERE workspace_id = %s AND substring(sealed from 3 for 4) = %s)
OR EXISTS (
    SELECT 1 FROM idempotency WHERE workspace_id = %s AND length(digest) = 16
        AND created_at >= (extract(epoch FROM now()) - 86400) * 1000
)
"""
_REWRAP = """
UPDATE rings SET kek_id = %s, wrapped = %s
WHERE workspace_id = %s AND purpose = %s AND term = %s AND kek_id = %s AND wrapped = %s
"""
_WALK = """
WITH page AS MATERIALIZED (
    SELECT * FROM secrets
    WHERE workspace_id = %s AND (integration_id, path, version) > (%s, %s, %s)
        AND (%s::bytea IS NULL OR substring(sealed from 3 for 4) <> %s::bytea)
    ORDER BY workspace_id, integration_id, path, version LIMIT %s
)
SELECT s.uuid, s.path, s.version, s.destination, s.rule, s.fingerprint, s.sealed,
    s.integration_id, i.uuid, i.name, i.type, s.last_version IS NULL
FROM page s CROSS JOIN LATERAL (
    SELECT * FROM integrations i WHERE i.workspace_id = s.workspace_id AND i.id = s.integration_id OFFSET 0
) i
ORDER BY s.integration_id, s.path, s.version
"""
_COUNT = "SELECT substring(sealed from 3 for 4), count(*) FROM secrets WHERE workspace_id = %s GROUP BY 1"
# What a save has locked is passed over, so that nobody who holds rows waits here for another's. Row by row:
# the statistics of rows that were just imported would make the planner read all of the workspace instead.
_LOCK_FREE = """
SELECT n.at FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::bytea[])
    WITH ORDINALITY n (id, path, version, old, at)
CROSS JOIN LATERAL (
    SELECT 1 FROM secrets s
    WHERE s.workspace_id = %s AND s.integration_id = n.id AND s.path = n.path COLLATE "C"
        AND s.version = n.version AND s.sealed = n.old
    FOR NO KEY UPDATE SKIP LOCKED
) free
"""
_RESEAL = """
UPDATE secrets SET fingerprint = %s, sealed = %s
WHERE workspace_id = %s AND integration_id = %s AND path = %s AND version = %s
"""
# For the same reason: a page is to be read from the index, in its order.
_BY_INDEX = "; ".join(
    f"SET LOCAL enable_{way} TO off" for way in ("bitmapscan", "seqscan", "sort", "hashjoin", "mergejoin")
)
_NOTE = """
UPDATE integrations i SET digest = n.digest FROM unnest(%s::bytea[], %s::bigint[], %s::bigint[])
    n (digest, id, version)
WHERE i.workspace_id = %s AND i.id = n.id AND i.version = n.version
"""
_VAULT = "SELECT uuid, format, created_at, kek_id, key_check, keepsake FROM"
_WRAPPED = "SELECT count(*) FROM rings WHERE wrapped IS NOT NULL AND kek_id"
_PREPARE = """
INSERT INTO vault_next (id, uuid, format, created_at, kek_id, key_check, keepsake)
VALUES (1, %s, %s, %s, %s, %s, %s)
ON CONFLICT (id) DO UPDATE SET uuid = excluded.uuid, format = excluded.format,
    created_at = excluded.created_at, kek_id = excluded.kek_id, key_check = excluded.key_check,
    keepsake = excluded.keepsake
"""
_TURN = """
UPDATE vault v SET kek_id = n.kek_id, key_check = n.key_check, keepsake = n.keepsake
FROM vault_next n WHERE n.kek_id = %s AND n.uuid = v.uuid
"""
_TERMS = "SELECT purpose, state, count(*), max(seals), min(created_at) FROM rings GROUP BY purpose, state"
_UNFINISHED = """
SELECT w.id, w.uuid, w.slug, w.created_at, r.term FROM workspaces w
JOIN rings r ON r.workspace_id = w.id AND r.purpose = 'dek' AND r.state = 'active'
WHERE EXISTS (
    SELECT 1 FROM rings o WHERE o.workspace_id = w.id AND o.purpose = 'dek' AND o.state = 'decrypt_only'
)
"""
_OLD = "SELECT count(*) FROM secrets WHERE workspace_id = %s AND substring(sealed from 3 for 4) <> %s"


class KeyRows:
    """What a transaction in one workspace can do with its ring, and with what is sealed under it."""

    _connection: Connection
    _tenant: Tenant
    _workspace: int

    @property
    def _writes(self) -> bool:
        raise NotImplementedError

    def rings(self) -> Sequence[RingRow]:
        """Return the wrapped keys of the workspace, all terms; whoever writes has them alone."""
        lock = " FOR NO KEY UPDATE OF r" if self._writes else ""
        return [RingRow(*row) for row in fetch(self._connection, f"{RINGS} {_OWN}{lock}", (self._workspace,))]

    def add_rings(self, rows: Sequence[RingRow]) -> None:
        """Add the keys of a new term."""
        try:
            add_rings(self._connection, self._workspace, rows, scope="")
        except errors.UniqueViolation:
            raise Conflict from None

    def activate(self, term: int) -> None:
        """Let a term that is pre_active seal from now on, and the one that did so only open."""
        retired = self._connection.execute(_RETIRE, (self._workspace,)).rowcount
        begun = self._connection.execute(_BEGIN, (self._workspace, term)).rowcount
        if begun == 0 or begun != retired:
            raise Conflict

    def destroy(self, term: int) -> bool:
        """Destroy the dek and fpk of a term that is decrypt_only; False: it is not, or is still needed."""
        asked = (self._workspace, term.to_bytes(4, "big"), self._workspace)
        if fetch(self._connection, _NEEDED, asked) != [(False,)]:
            return False
        return self._connection.execute(_DESTROY, (self._workspace, term)).rowcount > 0

    def rewrap(self, pairs: Sequence[tuple[RingRow, RingRow]]) -> int:
        """Replace wrapped keys, each where it is as it was read; return how many were."""
        return sum(
            self._connection.execute(
                _REWRAP,
                (new.kek_id, new.wrapped, self._workspace, old.purpose, old.term, old.kek_id, old.wrapped),
            ).rowcount
            for old, new in pairs
        )

    def sealed(
        self, *, after: SealedRow | None = None, limit: int, but: int | None = None
    ) -> Sequence[SealedRow]:
        """Return stored secrets of all versions, in the order of their keys."""
        place = (after.row, after.secret.path, after.secret.version) if after else (0, "", -1)
        term = None if but is None else but.to_bytes(4, "big")
        asked = (self._workspace, *place, term, term, limit)
        self._connection.execute(_BY_INDEX)
        return [read_sealed(row) for row in fetch(self._connection, _WALK, asked)]

    def count_sealed(self) -> Mapping[int, int]:
        """Return how many stored secrets are sealed under each term."""
        return {read_term(term): count for term, count in fetch(self._connection, _COUNT, (self._workspace,))}

    def reseal(self, pairs: Sequence[tuple[SealedRow, Secret]]) -> int:
        """Replace sealed values and fingerprints, each where it is as it was read; return how many were."""
        keys = [(old.row, old.secret.path, old.secret.version, old.secret.blob) for old, _ in pairs]
        if not keys:
            return 0
        free = fetch(self._connection, _LOCK_FREE, (*columns(keys), self._workspace))
        rows = [
            (new.fingerprint, new.blob, self._workspace, old.row, old.secret.path, old.secret.version)
            for old, new in (pairs[at - 1] for (at,) in free)
        ]
        if rows:
            with self._connection.cursor() as cursor:
                cursor.executemany(_RESEAL, rows)
        return len(rows)

    def note_digests(self, pairs: Sequence[tuple[Record, bytes]]) -> None:
        """Keep by what the text of records is known again, where they are at the version that was read."""
        rows = [(digest, record.row, record.version) for record, digest in pairs]
        if rows:
            self._connection.execute(_NOTE, (*columns(rows), self._workspace))


class KeyMeta:
    """What a store says of the key-encryption key that its vault has, and of the one it is to have."""

    _query: Callable[..., list[tuple[Any, ...]]]
    _submit: Callable[[Callable[[], None]], Future[None]]
    _pool: Pool

    def next_vault(self) -> VaultMeta | None:
        """Return the vault's description with the key it is to have."""
        return next((VaultMeta(*row) for row in self._query(f"{_VAULT} vault_next")), None)

    def prepare_vault(self, meta: VaultMeta) -> None:
        """Keep the description of the vault with the key it is to have."""

        def job() -> None:
            with self._pool.begin(None, write=True) as connection:
                _lock(connection)
                used = f"{_WRAPPED} = (SELECT kek_id FROM vault_next WHERE kek_id <> %s)"  # noqa: S608
                if fetch(connection, used, (meta.kek_id,)) != [(0,)]:
                    raise Conflict
                connection.execute(_PREPARE, msgspec.structs.astuple(meta))

        self._submit(job).result()

    def turn_vault(self, meta: VaultMeta, leaving: int = 0) -> None:
        """Make the prepared description the vault's own."""

        def job() -> None:
            with self._pool.begin(None, write=True) as connection:
                _lock(connection)
                if fetch(connection, f"{_WRAPPED} <> %s", (meta.kek_id,))[0][0] > leaving:
                    raise Conflict
                if connection.execute(_TURN, (meta.kek_id,)).rowcount != 1:
                    raise Conflict
                connection.execute("DELETE FROM vault_next")

        self._submit(job).result()

    def count_terms(self) -> Sequence[TermCount]:
        """Return how many terms there are in all workspaces, by purpose and state."""
        return [TermCount(*row) for row in self._query(_TERMS)]

    def count_old(self) -> int:
        """Return how many secrets of all workspaces are sealed under a term that is not active."""
        count = 0
        try:
            for *tenant, term in self._query(_UNFINISHED):
                with self._pool.begin(Tenant(*tenant)) as connection:
                    count += fetch(connection, _OLD, (tenant[0], term.to_bytes(4, "big")))[0][0]
        except psycopg.Error as error:
            raise translate(error) from None
        return count


def add_rings(connection: Connection, workspace: int, rows: Sequence[RingRow], *, scope: str) -> None:
    """Add keys to the ring of a workspace, in a transaction of this scope; see `KeyTx.add_rings`."""
    # Shared with others who add keys, and kept from whoever turns the vault until the transaction ends.
    connection.execute("SELECT set_config('credenza.scope', 'store', true)")
    named = {row[0] for row in fetch(connection, "SELECT kek_id FROM vault FOR SHARE")}
    connection.execute("SELECT set_config('credenza.scope', %s, true)", (scope,))
    if named and {row.kek_id for row in rows} != named:
        raise TermRetired
    for r in rows:
        values = (workspace, r.purpose, r.term, r.state, r.kek_id, r.wrapped, r.created_at)
        connection.execute(_ADD, values)


def _lock(connection: Connection) -> None:
    """Keep everybody else from adding keys or turning the vault until the transaction ends."""
    connection.execute("SELECT 1 FROM vault FOR UPDATE")
