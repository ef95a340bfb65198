"""Connections to the database: a pool of them, how each transaction begins, and what errors mean."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import psycopg
from psycopg import errors, sql
from psycopg.adapt import AdaptersMap
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from credenza.errors import (
    Conflict,
    CredenzaError,
    Misconfigured,
    StoreDamaged,
    StoreFull,
    TooLarge,
    Unavailable,
)
from credenza.model import Tenant
from credenza.observer import SILENT, Observer
from credenza.ports import PoolLoad
from credenza.stores.postgres import text
from credenza.stores.postgres.patience import STATEMENT_SECONDS, Watch, Watched

Connection = Watched
Parameters = Sequence[object] | Mapping[str, object]

SCHEMA, ROLE = "credenza", "credenza_app"
WAIT_SECONDS = 5.0  # for a connection: longer, and whoever asks is better told to come back
_BRIEFLY, _A_WHILE = 0.25, 5.0  # seconds; how long is waited, for how long, once there was none in that time
_DEFAULTS = {"connect_timeout": "5", "keepalives_idle": "30", "tcp_user_timeout": "20000"}
_MOST = 16  # connections of one process
_PLACE = (
    f"SET LOCAL search_path TO {SCHEMA}, pg_catalog; SET LOCAL statement_timeout TO '{STATEMENT_SECONDS}s'; "
    f"SET LOCAL ROLE {ROLE}"
)
_READ = f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {_PLACE}"
# A server that froze while it held a row must not hold up the others for long.
_PATIENCE = "SET LOCAL lock_timeout TO '10s'; SET LOCAL idle_in_transaction_session_timeout TO '30s'"
_WRITE = f"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; {_PATIENCE}; {_PLACE}"
_EVERYWHERE = "; SET LOCAL credenza.scope TO 'store'"
_TOO_LONG = "A name, a path or a tag is longer than an index of PostgreSQL can hold; nothing was saved."
_MEANINGS: Mapping[str, Callable[[], CredenzaError]] = {
    "53100": StoreFull,
    "XX001": StoreDamaged,
    "XX002": StoreDamaged,
    "54000": partial(TooLarge, _TOO_LONG),
}
# Classes of SQLSTATE: connections, resources, an operator's doing, the system, and a server that only reads.
_PASSING = ("08", "53", "57", "58", "25006", "28", "3D", "55P03", "25P03")
# What psycopg says by itself where the server went away, sometimes in the middle of an answer.
_OF_CONNECTIONS = (psycopg.OperationalError, psycopg.InternalError, psycopg.InterfaceError)
_FEW = 50  # rows among which anything is found at once
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


def connect(said: dict[str, Any]) -> Watched:
    """Open one connection outside the pool; raises what psycopg raises."""
    return Watched.connect(**said, autocommit=True, context=_Context())


def is_direct(connection: Connection) -> bool:
    """Tell whether nothing stands between us and one server process, as a pooler would."""
    return connection.execute("SELECT pg_backend_pid()").fetchone() == (connection.info.backend_pid,)


class Pool:
    """Connections, each lent to one borrower at a time."""

    def __init__(self, said: dict[str, Any], watch: Watch) -> None:
        """Open none yet: each is opened when it is needed, and watched over while it is lent."""
        self._watch = watch
        self.observer: Observer = SILENT
        self._notes: dict[int, tuple[int, int]] = {}
        self._brief_until = float("-inf")
        self._pool: ConnectionPool[Watched] = ConnectionPool(
            connection_class=Watched,
            kwargs={**said, "autocommit": True, "context": _Context()},
            configure=_configure,
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
            except BaseException as error:
                with suppress(psycopg.Error):
                    connection.execute("ROLLBACK")
                if connection.closed and isinstance(error, psycopg.Error) and error.sqlstate is None:
                    raise errors.ConnectionFailure from None  # whatever it is that was noticed first
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
            self._take_back(connection)

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

    def _begin(self, beginning: str) -> Watched:
        """Return a connection on which a transaction has begun, passing by those that were cut meanwhile."""
        for _ in range(_MOST):
            connection = self._lend()
            try:
                connection.execute(beginning)
            except BaseException:
                cut = connection.broken
                self._take_back(connection)
                if not cut:
                    raise
            else:
                return connection
        raise errors.ConnectionFailure

    def _lend(self) -> Watched:
        """Return a connection; where there was none for long, nobody else waits for long."""
        brief = time.monotonic() < self._brief_until
        try:
            connection = self._pool.getconn(_BRIEFLY if brief else WAIT_SECONDS)
        except PoolTimeout:
            if not brief:
                self._brief_until = time.monotonic() + _A_WHILE
            raise
        self._brief_until = float("-inf")
        self._watch.begin(connection)
        return connection

    def _take_back(self, connection: Watched) -> None:
        self._watch.end(connection)
        self._pool.putconn(connection)


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


@contextmanager
def pipelined(connection: Connection) -> Iterator[None]:
    """Send what follows without waiting for each answer, where libpq can; an error is raised in the end."""
    if psycopg.Pipeline.is_supported():
        with connection.pipeline():
            yield
    else:
        yield


def plan_anew(connection: Connection, count: int) -> None:
    """Let the server forget its plans where rows have multiplied since it made them; `count` are new.

    What it plans for an empty table, it keeps: to see whether a row has its parent, it then walks over all
    parents of the workspace. That ends when it analyses the table, and no sooner than they are committed.
    """
    connection.written += count
    if connection.written > 2 * connection.planned_for + _FEW:
        connection.execute("DISCARD PLANS")
        connection.planned_for = connection.written


def columns(rows: Sequence[Sequence[object]]) -> list[list[object]]:
    """Return rows as columns, each to be one array."""
    return [list(column) for column in zip(*rows, strict=True)]


def translate(error: psycopg.Error) -> CredenzaError:
    """Return our error for one of PostgreSQL's; its text, which may hold a value, is dropped."""
    code = error.sqlstate or ""
    if code in _MEANINGS:
        return _MEANINGS[code]()
    if code.startswith(("23", "40")):
        return Conflict()  # a name was taken between looking and writing, or two waited for each other
    if isinstance(error, PoolClosed):
        return Unavailable(CLOSED)
    if code.startswith(_PASSING) or (not code and isinstance(error, _OF_CONNECTIONS)):
        return Unavailable(_AWAY)
    # A statement of ours is wrong: that is no state of the store, and trying again will not help.
    return CredenzaError(f"The store refused a statement (SQLSTATE {code or 'unknown'}).")


class _Context:
    """What psycopg asks for how values are written and read."""

    adapters = _adapters
    connection = None


def _configure(connection: Connection) -> None:
    """Prepare no statements where the next one may come to another server process."""
    if not is_direct(connection):
        connection.prepare_threshold = None


def _write_beginning(tenant: Tenant | None, *, write: bool) -> str:
    beginning = _WRITE if write else _READ
    if tenant is None:
        return beginning + _EVERYWHERE
    slug = sql.Literal(text.encode(tenant.slug)).as_string()
    return f"{beginning}; SET LOCAL credenza.workspace TO '{tenant.row:d}'; SET LOCAL credenza.slug TO {slug}"
