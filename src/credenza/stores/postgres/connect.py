"""Connections to the database: a pool of them, how each transaction begins, and what errors mean."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg import errors, sql
from psycopg.adapt import AdaptersMap
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus
from psycopg_pool import ConnectionPool, PoolClosed

from credenza.errors import Conflict, CredenzaError, Misconfigured, StoreDamaged, StoreFull, Unavailable
from credenza.model import Tenant
from credenza.observer import SILENT, Observer
from credenza.ports import PoolLoad
from credenza.stores.postgres import text

Connection = psycopg.Connection[tuple[Any, ...]]
Parameters = Sequence[object] | Mapping[str, object]

SCHEMA, ROLE = "credenza", "credenza_app"
WAIT_SECONDS = 5.0  # for a connection: longer, and whoever asks is better told to come back
_DEFAULTS = {"connect_timeout": "5", "keepalives_idle": "30", "tcp_user_timeout": "20000"}
_MOST = 16  # connections of one process
_PLACE = f"SET LOCAL search_path TO {SCHEMA}, pg_catalog; SET LOCAL ROLE {ROLE}"
_READ = f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {_PLACE}"
# A server that froze while it held a row must not hold up the others for long.
_PATIENCE = "SET LOCAL lock_timeout TO '10s'; SET LOCAL idle_in_transaction_session_timeout TO '30s'"
_WRITE = f"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; {_PATIENCE}; {_PLACE}"
_EVERYWHERE = "; SET LOCAL credenza.scope TO 'store'"
_FULL = {"53100"}
_DAMAGED = {"XX001", "XX002"}
# Classes of SQLSTATE: connections, resources, an operator's doing, the system, and a server that only reads.
_PASSING = ("08", "53", "57", "58", "25006", "28", "3D", "55P03", "25P03")
_AT_ONCE = 500  # rows of a stream
_numbers = itertools.count()
CLOSED = "The store is closed."
_AWAY = "The store cannot be reached at the moment."

# What libpq says of a connection, and the pool logs, names hosts and logins; our errors say what matters.
for _name in ("psycopg", "psycopg.pool"):
    logging.getLogger(_name).propagate = False
    logging.getLogger(_name).addHandler(logging.NullHandler())

_adapters = AdaptersMap(psycopg.adapters)
text.register(_adapters)


def read_uri(uri: str) -> dict[str, Any]:
    """Return what a URI says of a connection, with what it leaves out; raises Misconfigured."""
    try:
        said = {**_DEFAULTS, "application_name": "credenza", **conninfo_to_dict(uri)}
        for name in ("connect_timeout", "tcp_user_timeout", "keepalives_idle"):
            int(str(said[name]))
    except (psycopg.ProgrammingError, ValueError):
        raise Misconfigured(
            "Write the store as postgresql://user@host:port/database, with its options as libpq has them."
        ) from None
    return said


def connect(said: dict[str, Any]) -> Connection:
    """Open one connection outside the pool; raises what psycopg raises."""
    return psycopg.Connection.connect(**said, autocommit=True, context=_Context())


class Pool:
    """Connections, each lent to one borrower at a time."""

    def __init__(self, said: dict[str, Any]) -> None:
        """Open none yet: each is opened when it is needed."""
        self.observer: Observer = SILENT
        self._notes: dict[int, tuple[int, int]] = {}
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            kwargs={**said, "autocommit": True, "context": _Context()},
            min_size=0,
            max_size=_MOST,
            timeout=WAIT_SECONDS,
            reconnect_timeout=WAIT_SECONDS,
            max_lifetime=1_800,
            num_workers=2,
            open=True,
        )

    @contextmanager
    def begin(self, tenant: Tenant | None, *, write: bool = False) -> Iterator[Connection]:
        """Lend a connection in a transaction, which is committed in the end, or rolled back.

        It runs as the role that the row policies bind, in one workspace; None: in what stands above them.
        Raises what psycopg raises.
        """
        connection = self._begin(_write_beginning(tenant, write=write))
        try:
            try:
                yield connection
            except BaseException:
                with suppress(psycopg.Error):
                    connection.execute("ROLLBACK")
                raise
            if connection.info.transaction_status is not TransactionStatus.INTRANS:
                # After an error that somebody passed over, COMMIT would undo everything without a word.
                connection.execute("ROLLBACK")
                raise errors.InFailedSqlTransaction
            begun = time.perf_counter()
            connection.execute("COMMIT")
            if write:
                noted = self._notes.get(id(connection), (0, 0))
                self.observer.count_commit(time.perf_counter() - begun, 1, *noted)
        finally:
            self._notes.pop(id(connection), None)
            self._pool.putconn(connection)

    def note(self, connection: Connection, audited: int, sealed: int) -> None:
        """Take what the transaction of a connection that is lent writes, to be told once it is committed."""
        self._notes[id(connection)] = audited, sealed

    def load(self) -> PoolLoad:
        """Return how busy the pool is."""
        told = self._pool.get_stats()
        return PoolLoad(
            told["pool_size"], told["pool_available"], told["pool_max"], told.get("requests_waiting", 0)
        )

    def close(self) -> None:
        """Let go of all connections."""
        self._pool.close()

    def _begin(self, beginning: str) -> Connection:
        """Return a connection on which a transaction has begun, passing by those that were cut meanwhile."""
        for _ in range(_MOST):
            connection = self._pool.getconn()
            try:
                connection.execute(beginning)
            except BaseException:
                cut = connection.broken
                self._pool.putconn(connection)
                if not cut:
                    raise
            else:
                return connection
        raise errors.ConnectionFailure


def fetch(
    connection: Connection, statement: str, parameters: Parameters | None = None
) -> list[tuple[Any, ...]]:
    """Return all rows of a query."""
    return connection.execute(statement, parameters, binary=True).fetchall()


def stream(
    connection: Connection, statement: str, parameters: Parameters | None = None
) -> Iterator[tuple[Any, ...]]:
    """Return the rows of a query a few at a time, within the transaction, which closes what it opens.

    Whoever reads no further leaves nothing to be done later, on a connection that is somebody else's by then.
    """
    name = f"credenza_{next(_numbers)}"
    connection.execute(f"DECLARE {name} NO SCROLL CURSOR FOR {statement}", parameters)
    while rows := fetch(connection, f"FETCH {_AT_ONCE} FROM {name}"):
        yield from rows


def columns(rows: Sequence[Sequence[object]]) -> list[list[object]]:
    """Return rows as columns, each to be one array."""
    return [list(column) for column in zip(*rows, strict=True)]


def translate(error: psycopg.Error) -> CredenzaError:
    """Return our error for one of PostgreSQL's; its text, which may hold a value, is dropped."""
    code = error.sqlstate or ""
    if code in _FULL:
        return StoreFull()
    if code in _DAMAGED:
        return StoreDamaged()
    if code.startswith(("23", "40")):
        return Conflict()  # a name was taken between looking and writing, or two waited for each other
    if isinstance(error, PoolClosed):
        return Unavailable(CLOSED)
    if code.startswith(_PASSING) or (not code and isinstance(error, psycopg.OperationalError)):
        return Unavailable(_AWAY)
    # A statement of ours is wrong: that is no state of the store, and trying again will not help.
    return CredenzaError(f"The store refused a statement (SQLSTATE {code or 'unknown'}).")


class _Context:
    """What psycopg asks for how values are written and read."""

    adapters = _adapters
    connection = None


def _write_beginning(tenant: Tenant | None, *, write: bool) -> str:
    beginning = _WRITE if write else _READ
    if tenant is None:
        return beginning + _EVERYWHERE
    slug = sql.Literal(text.encode(tenant.slug)).as_string()
    return f"{beginning}; SET LOCAL credenza.workspace TO '{tenant.row:d}'; SET LOCAL credenza.slug TO {slug}"
