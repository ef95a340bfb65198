"""The embedded store: one SQLite file, one writing thread, readers beside it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

import msgspec
from filelock import FileLock

from credenza.errors import Conflict, StoreRejected, Unavailable
from credenza.model import ApiKey, RingRow, Tenant, VaultMeta
from credenza.observer import Observer
from credenza.ports import Load, Subject, Tx
from credenza.stores.rows import USED_UP, read_key
from credenza.stores.sqlite import connect, upkeep
from credenza.stores.sqlite.endings import Endings
from credenza.stores.sqlite.readers import Readers
from credenza.stores.sqlite.shared import Shared
from credenza.stores.sqlite.terms import RINGS, KeyMeta, add_rings
from credenza.stores.sqlite.transaction import SqliteTx
from credenza.stores.sqlite.writer import Writer

T = TypeVar("T")
_KEYS = """
SELECT k.id, k.hash, k.role, k.names, k.tags, k.created_at, k.created_by, k.revoked_at,
    k.mac, w.id, w.uuid, w.slug, w.created_at
FROM api_keys k JOIN workspaces w ON w.id = k.workspace_id
"""
_ADD_KEY = """
INSERT INTO api_keys (id, workspace_id, hash, role, names, tags, created_at, created_by, mac)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_REVOKE = """
UPDATE api_keys SET revoked_at = coalesce(revoked_at, ?), hash = zeroblob(32), mac = x''
WHERE id = ? AND workspace_id = ?
"""
_IS_USED_UP = "SELECT 1 FROM shredded WHERE slug = ?"
# A number that a shredded workspace had is never given again: what others still have in memory may name it.
_ADD_WORKSPACE = """
INSERT INTO workspaces (id, uuid, slug, created_at)
SELECT 1 + max(
    (SELECT coalesce(max(id), 0) FROM workspaces), (SELECT coalesce(max(workspace_id), 0) FROM shredded)
), ?, ?, ?
RETURNING id
"""
# A read for every request costs a tenth of a small save, and makes the event loop wait for the writer.
_KEYS_GOOD = 0.02  # seconds
_MOST_KEYS = 10_000
_LOOK_SECONDS = 0.05


class SqliteStore(KeyMeta, Endings):
    """Rows in one file. The constructor migrates it; `serving` refuses a second server on it.

    With `read_only` nothing is written, and the tables of an earlier release are read as they are.
    """

    def __init__(
        self,
        path: Path,
        *,
        serving: bool,
        read_only: bool = False,
        cache_kib: int = 2_048,
        checkpoint_pages: int = 4_000,
    ) -> None:
        """Open a file, or make it.

        Raises:
            StoreRejected: the file is not ours, too new, in use by another server, or cannot be opened.
        """
        if sqlite3.sqlite_version_info < connect.OLDEST:
            raise StoreRejected("This Python carries an SQLite older than 3.38; use a newer Python.")
        self.path = path
        self._lock: FileLock | None = None
        if not read_only:
            connect.create_privately(path)
            self._lock = connect.hold(path, serving=serving)
        self._connect = partial(
            connect.connect,
            path,
            cache_kib=cache_kib,
            checkpoint_pages=checkpoint_pages if self._lock else 0,
            read_only=read_only,
        )
        try:
            connection = self._connect()
            if not read_only:
                self._migrate(connection)
        except BaseException:
            self._release()
            raise
        self._readers = Readers(self._connect_reader)
        self._watcher = self._connect_reader()
        self._watching = Lock()
        self._seen, self._keys_good_until = 0, 0.0
        self._known_keys: dict[str, ApiKey] = {}
        self._writer = Writer(connection, upkeep.Upkeep() if serving else None)
        self._submit = self._writer.submit
        self._enter = SqliteTx

    is_near = True

    @property
    def folder(self) -> Path:
        """Return the folder of the file."""
        return self.path.parent

    @property
    def is_alone(self) -> bool:
        """Say whether this program has the lock that a server holds."""
        return self._lock is not None

    def read(self, tenant: Tenant, job: Callable[[Tx], T]) -> T:
        """Run a job on one consistent, read-only view."""
        try:
            with self._readers.lend() as connection:
                connection.execute("BEGIN")
                try:
                    return job(SqliteTx(connection, tenant, Shared(connection)))
                finally:
                    connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise connect.translate(error) from None

    def write(self, tenant: Tenant, job: Callable[[Tx], T], *, names: Sequence[str] = ()) -> Future[T]:
        """Run a job in a transaction and commit it; jobs that wait together share a commit."""
        return self._writer.submit(
            lambda connection, shared: job(SqliteTx(connection, tenant, shared)),
            (tenant.row, names) if names else None,
        )

    def ready(self) -> None:
        """Return if the store can be read and written; raises Unavailable."""
        self._query("SELECT 1 FROM counters")
        if not self._writer.alive:
            raise Unavailable("The store takes no more changes; start the service again.")

    def revision(self, subject: Subject) -> int:  # noqa: ARG002  # any commit may have changed it
        """Return the number of the last commit that was noticed."""
        now = time.monotonic()
        if now >= self._keys_good_until:
            self._watch_keys(now)
        return self._seen

    def tenants(self) -> Sequence[Tenant]:
        """Return all workspaces in order of their slugs."""
        rows = self._query("SELECT id, uuid, slug, created_at FROM workspaces ORDER BY slug")
        return [Tenant(*row) for row in rows]

    def tenant(self, id: bytes) -> Tenant | None:
        """Return the workspace of an id; None: there is none."""
        rows = self._query("SELECT id, uuid, slug, created_at FROM workspaces WHERE uuid = ?", id)
        return next((Tenant(*row) for row in rows), None)

    def add_tenant(self, tenant: Tenant, rings: Sequence[RingRow], begin: Callable[[Tx], None]) -> Tenant:
        """Add a workspace with its key ring, and what `begin` writes into it."""

        def job(connection: sqlite3.Connection, shared: Shared) -> Tenant:
            if connection.execute(_IS_USED_UP, (tenant.slug,)).fetchone() is not None:
                raise Conflict(USED_UP)
            row = connection.execute(_ADD_WORKSPACE, (tenant.id, tenant.slug, tenant.created_at)).fetchone()[
                0
            ]
            add_rings(connection, row, rings)
            added = msgspec.structs.replace(tenant, row=row)
            begin(SqliteTx(connection, added, shared))
            return added

        return self._unique(job, "A workspace of this name exists already.")

    def api_key(self, id: str) -> ApiKey | None:
        """Return one API key, revoked or not, as it was at most 20 ms ago."""
        self.revision(Subject.KEYS)
        known = self._known_keys
        if id in known:
            return known[id]
        rows = self._query(f"{_KEYS} WHERE k.id = ?", id)
        found = next((read_key(row) for row in rows), None)
        if found is not None:
            known[id] = found
        return found

    def api_keys(self, tenant: Tenant) -> Sequence[ApiKey]:
        """Return the workspace's API keys, oldest first."""
        rows = self._query(f"{_KEYS} WHERE k.workspace_id = ? ORDER BY k.created_at, k.id", tenant.row)
        return [read_key(row) for row in rows]

    def add_api_key(self, key: ApiKey, tell: Callable[[Tx], None]) -> None:
        """Keep a new API key, and what `tell` writes of it."""
        values = (
            *(key.id, key.tenant.row, key.hash, key.role.value),
            *(msgspec.json.encode(limit).decode() for limit in (key.names, key.tags)),
            *(key.created_at, key.created_by, key.mac),
        )

        def job(connection: sqlite3.Connection, shared: Shared) -> None:
            connection.execute(_ADD_KEY, values)
            tell(SqliteTx(connection, key.tenant, shared))

        self._unique(job, "An API key of this id exists already.")

    def revoke_api_key(self, tenant: Tenant, id: str, at: int, tell: Callable[[Tx], None] | None) -> bool:
        """Revoke a key for ever, destroying its hash, and write what `tell` writes; False: no such key."""

        def job(connection: sqlite3.Connection, shared: Shared) -> bool:
            if connection.execute(_REVOKE, (at, id, tenant.row)).rowcount == 0:
                return False
            if tell is not None:
                tell(SqliteTx(connection, tenant, shared))
            return True

        revoked: bool = self._writer.submit(job).result()
        self._keys_good_until = 0.0
        return revoked

    def vault(self) -> VaultMeta | None:
        """Return what the store says of its vault."""
        rows = self._query("SELECT uuid, format, created_at, kek_id, key_check, keepsake FROM vault")
        return next((VaultMeta(*row) for row in rows), None)

    def add_vault(self, meta: VaultMeta) -> None:
        """Keep a new vault's description."""
        self._unique(
            lambda connection, _: (
                connection.execute(
                    "INSERT INTO vault (id, uuid, format, created_at, kek_id, key_check, keepsake) "
                    "VALUES (1, ?, ?, ?, ?, ?, ?)",
                    msgspec.structs.astuple(meta),
                ).rowcount
            ),
            "This store has a vault already.",
        )

    def rings(self, workspace: bytes) -> Sequence[RingRow]:
        """Return the wrapped keys of a workspace, all terms."""
        rows = self._query(
            f"{RINGS} WHERE w.uuid = ? ORDER BY r.term, r.purpose",
            workspace,
        )
        lost = (
            msgspec.structs.replace(row, state="lost", wrapped=None) for row in self.lost_rings(workspace)
        )
        return [*(RingRow(*row) for row in rows), *lost]

    def watch(self, observer: Observer) -> None:
        """Tell an observer of every commit from now on."""
        self._writer.observer = observer

    def load(self) -> Load:
        """Return how busy the store is."""
        return Load(self._writer.waiting)

    def check(self) -> Sequence[str]:
        """Look the whole file over and return what is wrong with it, in sentences."""
        try:
            told = [row[0] for row in self._query("PRAGMA quick_check") if row[0] != "ok"]
            orphans = self._query("PRAGMA foreign_key_check")
        except Unavailable as error:
            return [error.message]
        found = [f"SQLite finds damage: {sentence}." for sentence in told]
        return [*found, "There are rows whose owner is gone."] if orphans else found

    def settle(self, seconds: float) -> bool:
        """Wait until no file holds what was taken out; False: one still does, after so many seconds."""
        end = time.monotonic() + seconds
        while not self._is_settled():
            if time.monotonic() >= end:
                return False
            time.sleep(_LOOK_SECONDS)
        return True

    def close(self) -> None:
        """Finish what was begun and let go of the file."""
        self._writer.close()
        self._readers.close()
        with self._watching:
            self._watcher.close()
        self._release()

    def _is_settled(self) -> bool:
        if self._lock is None:
            return upkeep.is_log_empty(self.path)  # whoever has the lock empties it
        try:
            with self._readers.lend() as connection:
                return upkeep.empty_log(connection)
        except sqlite3.Error as error:
            raise connect.translate(error) from None

    def _migrate(self, connection: sqlite3.Connection) -> None:
        try:
            if connection.execute("PRAGMA user_version").fetchone()[0] != connect.SCHEMA:
                # Only where there is something to do: sqlite-utils costs 10 MB and a tenth of a second.
                from credenza.stores.sqlite import schema  # noqa: PLC0415

                schema.migrate(connection)
        except sqlite3.Error as error:
            connection.close()
            raise connect.translate(error) from None
        except BaseException:
            connection.close()
            raise

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()

    def _watch_keys(self, now: float) -> None:
        """Forget the API keys that are known if anybody committed anything since the last look."""
        try:
            with self._watching:
                row = self._watcher.execute("PRAGMA data_version").fetchone()
        except sqlite3.ProgrammingError:
            raise Unavailable("The store is closed.") from None
        except sqlite3.Error as error:
            raise connect.translate(error) from None
        if row[0] != self._seen or len(self._known_keys) > _MOST_KEYS:
            # Replaced, not emptied: an answer that is being looked up meanwhile goes to the old one.
            self._seen, self._known_keys = row[0], {}
        self._keys_good_until = now + _KEYS_GOOD

    def _connect_reader(self) -> sqlite3.Connection:
        connection = self._connect()
        connection.execute("PRAGMA query_only = 1")
        return connection

    def _query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        try:
            with self._readers.lend() as connection:
                return connection.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise connect.translate(error) from None

    def _unique(self, job: Callable[[sqlite3.Connection, Shared], T], taken: str) -> T:
        def guarded(connection: sqlite3.Connection, shared: Shared) -> T:
            try:
                return job(connection, shared)
            except sqlite3.IntegrityError:
                raise Conflict(taken) from None

        future: Future[T] = self._writer.submit(guarded)
        return future.result()
