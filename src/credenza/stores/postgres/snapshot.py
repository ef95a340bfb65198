"""A whole store, read from its database as it was at one moment."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import errors

from credenza.errors import StoreRejected
from credenza.stores.postgres import connect, schema
from credenza.stores.postgres.connect import SCHEMA, Connection
from credenza.tables import TABLES, Row, Table

SERVED = (
    "Servers or commands are connected to the store that is to be moved; stop them first: what they saved "
    "meanwhile would stay behind."
)
_PLACE = f"SET LOCAL search_path TO {SCHEMA}, pg_catalog"
# Rows that a policy hides would be missing without a word; like this, PostgreSQL refuses the query.
_WHOLE = "SET LOCAL row_security TO off; SET LOCAL statement_timeout TO 0"
_UNHURRIED = "SET LOCAL idle_in_transaction_session_timeout TO 0; SET LOCAL lock_timeout TO '10s'"
_OTHERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = %s
"""
_PATIENCE = 2.0  # seconds for those that are just about to go
_NAME = "credenza copy"
_OWNER = "The login of the store must own its tables, so that no row is hidden from a copy."
_TYPES = {"int": "int8", "text": "text", "bytes": "bytea", "json": "bytea"}
# Where a number has fewer bytes than others.
_SMALL = {("vault", "id"): "int4", ("vault_next", "id"): "int4"}


class PostgresSnapshot:
    """The rows of one database, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        """Take a connection on which a transaction has begun."""
        self._connection = connection

    @property
    def highest(self) -> int:
        """Return the highest row number in use; those that a process has in hand are its own business."""
        return int(self._one("SELECT coalesce(max(id), 0) FROM integrations"))

    @property
    def schema(self) -> str:
        """Return up to which step the tables were migrated."""
        last = self._one("SELECT max(name) FROM migrations")
        return f"postgresql:{last}"

    def count(self, table: Table) -> int:
        """Return how many rows a table has."""
        return int(self._one(f"SELECT count(*) FROM {table.name}"))  # noqa: S608  # our own words

    def rows(self, table: Table) -> Iterator[Row]:
        """Return the rows of a table in the order of its key."""
        return read_rows(self._connection, table)

    def close(self) -> None:
        """Let go of the database."""
        with suppress(psycopg.Error):
            self._connection.close()

    def _one(self, statement: str) -> Any:  # noqa: ANN401  # whatever stands there
        try:
            return connect.fetch(self._connection, statement)[0][0]
        except psycopg.Error as error:
            raise translate(error) from None


def read_rows(connection: Connection, table: Table) -> Iterator[Row]:
    """Return the rows of a table in the order of its key, as `tables` describes them."""
    columns = ", ".join(f"{each.name}::int" if each.kind == "flag" else each.name for each in table.columns)
    query = f"SELECT {columns} FROM {table.name} ORDER BY {', '.join(table.key)}"  # noqa: S608  # our own words
    try:
        with connection.cursor() as cursor, cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT BINARY)") as copy:
            copy.set_types(types_of(table, flag="int4"))
            yield from copy.rows()
    except psycopg.Error as error:
        raise translate(error) from None


def types_of(table: Table, *, flag: str) -> list[str]:
    """Return the types of a table's columns, flags passed as this one."""
    types = {**_TYPES, "flag": flag}
    return [_SMALL.get((table.name, each.name), types[each.kind]) for each in table.columns]


def read_store(said: dict[str, Any], *, alone: bool) -> PostgresSnapshot:
    """Open a database to read its store as a whole; `alone`: while nobody else may write to it.

    Raises:
        StoreRejected: there is no store, or it is of another release, not its login's, or in use.
        Unavailable: it cannot be reached.
    """
    connection = reach(said)
    try:
        schema.migrate(connection, create=False, read_only=True)
        if alone:
            refuse_others(connection, SERVED)
        begin(connection, "REPEATABLE READ" if alone else "REPEATABLE READ READ ONLY")
        if alone:
            # Before the first query, which is what a transaction of this kind sees from then on.
            lock_all(connection, "SHARE", SERVED)
        connection.execute("SELECT count(*) FROM migrations").fetchone()
    except psycopg.Error as error:
        connection.close()
        raise translate(error) from None
    except BaseException:
        connection.close()
        raise
    return PostgresSnapshot(connection)


def reach(said: dict[str, Any]) -> Connection:
    """Connect under a name of its own, by which no copy is taken for a server; raises Unavailable."""
    try:
        return connect.connect({**said, "application_name": _NAME})
    except psycopg.Error as error:
        raise (schema.translate(error) or connect.translate(error)) from None


def begin(connection: Connection, kind: str) -> None:
    """Begin a transaction of a kind that sees all rows and is given the time it takes."""
    connection.execute(f"BEGIN ISOLATION LEVEL {kind}; {_PLACE}; {_WHOLE}; {_UNHURRIED}")


def lock_all(connection: Connection, mode: str, told: str) -> None:
    """Lock all tables until the end; raises StoreRejected with what is told where one is in use."""
    try:
        connection.execute(f"LOCK TABLE {', '.join(table.name for table in TABLES)} IN {mode} MODE")
    except errors.LockNotAvailable:
        raise StoreRejected(told) from None


def refuse_others(connection: Connection, told: str) -> None:
    """Return if no server and no command is connected to the database; raises StoreRejected."""
    end = time.monotonic() + _PATIENCE
    while connect.fetch(connection, _OTHERS, ("credenza",)) != [(0,)]:
        if time.monotonic() >= end:
            raise StoreRejected(told)
        time.sleep(0.05)


def translate(error: psycopg.Error) -> Exception:
    """Return our error for one of PostgreSQL's while a store is copied."""
    if isinstance(error, errors.InsufficientPrivilege):
        return StoreRejected(_OWNER)
    return connect.translate(error)
