"""The store on PostgreSQL: many servers on one database, each with a pool of connections."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import psycopg

from credenza.errors import Conflict, CredenzaError, Unavailable
from credenza.model import ApiKey, RingRow, Tenant, VaultMeta
from credenza.observer import Observer
from credenza.ports import Load, Subject, Tx
from credenza.stores.postgres import connect, keys, news, schema
from credenza.stores.postgres.endings import Endings
from credenza.stores.postgres.jobs import WORKERS, Jobs
from credenza.stores.postgres.keys import KnownKeys
from credenza.stores.postgres.patience import Watch
from credenza.stores.postgres.rows import Rows
from credenza.stores.postgres.terms import RINGS, KeyMeta, add_rings
from credenza.stores.postgres.transaction import PostgresTx
from credenza.stores.rows import USED_UP, read_key

T = TypeVar("T")
_IS_USED_UP = "SELECT 1 FROM shredded WHERE slug = %s"
_ADD_VAULT = """
INSERT INTO vault (id, uuid, format, created_at, kek_id, key_check, keepsake)
VALUES (1, %s, %s, %s, %s, %s, %s)
"""
_ENTER = """
SELECT set_config('credenza.workspace', %s, true), set_config('credenza.slug', %s, true),
    set_config('credenza.scope', '', true)
"""
_LOST = """
SELECT count(*) FROM integrations i WHERE NOT EXISTS (
    SELECT 1 FROM integration_versions v
    WHERE v.workspace_id = i.workspace_id AND v.integration_id = i.id AND v.version = i.version
)
"""


class PostgresStore(KeyMeta, Endings):
    """Rows in one database. The constructor migrates it, unless it is to be read only.

    `workers` is how many jobs write at a time.
    """

    workers = WORKERS

    def __init__(self, said: dict[str, Any], *, create: bool = True, read_only: bool = False) -> None:
        """Open a database, or make the tables in it; `said` is what psycopg connects by.

        Raises:
            StoreRejected: it is too new, not to be made, or its login may not do what must be done.
            Unavailable: it cannot be reached.
        """
        try:
            with connect.connect(said) as connection:
                schema.migrate(connection, create=create, read_only=read_only)
        except psycopg.Error as error:
            raise (schema.translate(error) or connect.translate(error)) from None
        self._said = said
        self._watch = Watch()
        self._pool = connect.Pool(said, self._watch)
        self._jobs = Jobs()
        self._submit = self._jobs.submit
        self._rows = Rows()
        self._news = news.News(said, self._watch, lambda: dict(self._query(news.COUNTS)))
        self._keys = KnownKeys(self._news)

    is_near = False

    @property
    def folder(self) -> Path | None:
        """Return where the store's own files are: not on this machine, as far as anybody knows."""
        return None

    @property
    def is_alone(self) -> bool:
        """Say no: any number of servers may have the database open."""
        return False

    def read(self, tenant: Tenant, job: Callable[[Tx], T]) -> T:
        """Run a job on one consistent, read-only view."""
        try:
            with self._pool.begin(tenant) as connection:
                return job(PostgresTx(connection, tenant))
        except psycopg.Error as error:
            raise connect.translate(error) from None

    def write(self, tenant: Tenant, job: Callable[[Tx], T], *, names: Sequence[str] = ()) -> Future[T]:  # noqa: ARG002  # a hint of no use here
        """Run a job in a transaction of its own and commit it."""

        def run() -> T:
            with self._pool.begin(tenant, write=True) as connection:
                return self._work(connection, tenant, job)

        return self._jobs.submit(run)

    def ready(self) -> None:
        """Return if the store can be read and written; raises Unavailable."""
        if self._query("SELECT pg_is_in_recovery()") != [(False,)]:
            raise Unavailable("The store takes no changes at the moment.")

    def revision(self, subject: Subject) -> int:
        """Return how often a subject changed, as far as was heard."""
        return self._news.revision(subject)

    def tenants(self) -> Sequence[Tenant]:
        """Return all workspaces in order of their slugs."""
        return [
            Tenant(*row)
            for row in self._query("SELECT id, uuid, slug, created_at FROM workspaces ORDER BY slug")
        ]

    def tenant(self, id: bytes) -> Tenant | None:
        """Return the workspace of an id; None: there is none."""
        rows = self._query("SELECT id, uuid, slug, created_at FROM workspaces WHERE uuid = %s", id)
        return next((Tenant(*row) for row in rows), None)

    def add_tenant(self, tenant: Tenant, rings: Sequence[RingRow], begin: Callable[[Tx], None]) -> Tenant:
        """Add a workspace with its key ring, and what `begin` writes into it."""

        def job() -> Tenant:
            with self._pool.begin(None, write=True) as connection:
                row = connection.execute(
                    "INSERT INTO workspaces (uuid, slug, created_at) VALUES (%s, %s, %s) RETURNING id",
                    (tenant.id, tenant.slug, tenant.created_at),
                ).fetchone()
                # After the row, which waits for whoever ends a workspace of this name.
                if connect.fetch(connection, _IS_USED_UP, (tenant.slug,)):
                    raise Conflict(USED_UP)
                added = msgspec.structs.replace(tenant, row=row[0] if row else 0)
                add_rings(connection, added.row, rings, scope="store")
                connection.execute(_ENTER, (str(added.row), added.slug))
                self._work(connection, added, begin)
                return added

        return self._unique(job, "A workspace of this name exists already.")

    def api_key(self, id: str) -> ApiKey | None:
        """Return one API key, revoked or not, as the last change that was heard of left it."""
        known = self._keys.place()
        if id in known:
            return known[id]
        rows = self._query(f"{keys.KEYS} WHERE k.id = %s", id)
        found = next(map(read_key, rows), None)
        if found is not None:
            known[id] = found
        return found

    def api_keys(self, tenant: Tenant) -> Sequence[ApiKey]:
        """Return the workspace's API keys, oldest first."""
        query = f"{keys.KEYS} WHERE k.workspace_id = %s ORDER BY k.created_at, k.id"
        return [read_key(row) for row in self._query(query, tenant.row)]

    def add_api_key(self, key: ApiKey, tell: Callable[[Tx], None]) -> None:
        """Keep a new API key, and what `tell` writes of it."""

        def job() -> None:
            with self._pool.begin(key.tenant, write=True) as connection:
                connection.execute(keys.ADD, keys.write_key(key))
                self._work(connection, key.tenant, tell)

        self._unique(job, "An API key of this id exists already.")

    def revoke_api_key(self, tenant: Tenant, id: str, at: int, tell: Callable[[Tx], None] | None) -> bool:
        """Revoke a key for ever, destroying its hash, and write what `tell` writes; False: no such key."""

        def job() -> bool:
            with self._pool.begin(tenant, write=True) as connection:
                if connection.execute(keys.REVOKE, (at, id, tenant.row)).rowcount == 0:
                    return False
                if tell is not None:
                    self._work(connection, tenant, tell)
                return True

        revoked = self._jobs.submit(job).result()
        self._keys.forget()
        return revoked

    def vault(self) -> VaultMeta | None:
        """Return what the store says of its vault."""
        rows = self._query("SELECT uuid, format, created_at, kek_id, key_check, keepsake FROM vault")
        return next((VaultMeta(*row) for row in rows), None)

    def add_vault(self, meta: VaultMeta) -> None:
        """Keep a new vault's description."""

        def job() -> None:
            with self._pool.begin(None, write=True) as connection:
                connection.execute(_ADD_VAULT, msgspec.structs.astuple(meta))

        self._unique(job, "This store has a vault already.")

    def rings(self, workspace: bytes) -> Sequence[RingRow]:
        """Return the wrapped keys of a workspace, all terms."""
        rows = self._query(f"{RINGS} WHERE w.uuid = %s ORDER BY r.term, r.purpose", workspace)
        lost = (
            msgspec.structs.replace(row, state="lost", wrapped=None) for row in self.lost_rings(workspace)
        )
        return [*(RingRow(*row) for row in rows), *lost]

    def watch(self, observer: Observer) -> None:
        """Tell an observer of every commit from now on."""
        self._pool.observer = observer

    def load(self) -> Load:
        """Return how busy the store is."""
        return Load(self._jobs.waiting, self._pool.load())

    def check(self) -> Sequence[str]:
        """Look over the role in effect, the policies and the rows, and return what is wrong."""
        try:
            with self._pool.begin(None) as connection:
                found = schema.examine(connection)
            lost = 0
            for tenant in self.tenants():
                with self._pool.begin(tenant) as connection:
                    lost += connect.fetch(connection, _LOST)[0][0]
        except psycopg.Error as error:
            return [connect.translate(error).message]
        except CredenzaError as error:
            return [error.message]
        return [*found, "There are integrations without the version they are at."] if lost else found

    def settle(self, seconds: float) -> bool:  # noqa: ARG002  # no waiting helps
        """Say no: old rows stay in the server's files and its log until it cleans up by itself."""
        return False

    def close(self) -> None:
        """Finish what was begun and let go of everything."""
        self._jobs.close()
        self._news.close()
        self._pool.close()
        self._watch.close()

    def _work(self, connection: connect.Connection, tenant: Tenant, job: Callable[[Tx], T]) -> T:
        tx = PostgresTx(connection, tenant, self._rows)
        done = job(tx)
        tx.flush()
        self._pool.note(connection, tx.audited, tx.seals)
        return done

    def _query(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        try:
            with self._pool.begin(None) as connection:
                return connect.fetch(connection, statement, parameters or None)
        except psycopg.Error as error:
            raise connect.translate(error) from None

    def _unique(self, job: Callable[[], T], taken: str) -> T:
        def guarded() -> T:
            try:
                return job()
            except psycopg.errors.UniqueViolation:
                raise Conflict(taken) from None

        return self._jobs.submit(guarded).result()
