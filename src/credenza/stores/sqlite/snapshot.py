"""A whole store, or a backup of one, read from its file as it was at one moment."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import FileLock

from credenza.errors import StoreDamaged, StoreRejected
from credenza.stores.sqlite import connect
from credenza.tables import Row, Table

EARLIER = "This store was written by an earlier release; `credenza list` brings it up to date."
_SERVED = (
    "A server or another command is using the store that is to be moved; stop it first: what it saved "
    "meanwhile would stay behind."
)
_AT_ONCE = 500  # rows
CACHE_KIB = 65_536
# Searches need folded texts only, and so these alone are copied.
FOLDED = {("cards", "name_folded"): "name", ("cards", "description_folded"): "description"}


class SqliteSnapshot:
    """The rows of one file, within one transaction; `lock` keeps servers away until the end."""

    def __init__(self, connection: sqlite3.Connection, lock: FileLock | None = None) -> None:
        """Take a connection on which a transaction has begun."""
        self._connection = connection
        self._lock = lock

    @property
    def highest(self) -> int:
        """Return the highest row number that was given out."""
        return int(self._one("SELECT value FROM counters WHERE name = 'integrations'"))

    @property
    def schema(self) -> str:
        """Return up to which step the tables were migrated."""
        return f"sqlite:{self._one('PRAGMA user_version')}"

    def count(self, table: Table) -> int:
        """Return how many rows a table has."""
        return int(self._one(f"SELECT count(*) FROM {table.name}"))  # noqa: S608  # our own words, or checked

    def rows(self, table: Table) -> Iterator[Row]:
        """Return the rows of a table in the order of its key."""
        return read_rows(self._connection, table)

    def close(self) -> None:
        """Let go of the file."""
        with suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        self._connection.close()
        if self._lock is not None:
            self._lock.release()

    def _one(self, statement: str) -> Any:  # noqa: ANN401  # whatever stands there
        try:
            return self._connection.execute(statement).fetchone()[0]
        except sqlite3.Error as error:
            raise connect.translate(error) from None


def read_rows(connection: sqlite3.Connection, table: Table) -> Iterator[Row]:
    """Return the rows of a table in the order of its key, as `tables` describes them."""
    try:
        cursor = connection.execute(_select(table))
        while rows := cursor.fetchmany(_AT_ONCE):
            yield from rows
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", None) is None:  # a text that is none
            raise StoreDamaged from None
        raise connect.translate(error) from None
    except sqlite3.Error as error:
        raise connect.translate(error) from None


def read_store(path: Path, *, alone: bool) -> SqliteSnapshot:
    """Open the file of a store to read it as a whole; `alone`: while nobody else may write to it.

    Raises:
        StoreRejected: there is no store in it, it was written by another release, or it is in use.
    """
    if not path.exists():
        raise StoreRejected(f"There is no store at {path}.")
    lock = _lock(path) if alone else None
    try:
        connection = connect.connect(path, cache_kib=CACHE_KIB, checkpoint_pages=0, read_only=not alone)
        try:
            _begin(connection, alone=alone)
        except BaseException:
            connection.close()
            raise
    except BaseException:
        if lock is not None:
            lock.release()
        raise
    return SqliteSnapshot(connection, lock)


def _begin(connection: sqlite3.Connection, *, alone: bool) -> None:
    reached = connection.execute("PRAGMA user_version").fetchone()[0]
    if reached != connect.SCHEMA:
        raise StoreRejected(connect.LATER if reached > connect.SCHEMA else EARLIER)
    try:
        # A program beside us that never asked for the lock can write no longer either.
        connection.execute("BEGIN IMMEDIATE" if alone else "BEGIN")
        connection.execute("SELECT count(*) FROM counters").fetchone()
    except sqlite3.Error as error:
        raise connect.translate(error) from None


def _lock(path: Path) -> FileLock:
    lock = connect.hold(path, serving=False)
    if lock is None:
        raise StoreRejected(_SERVED)
    return lock


def _select(table: Table) -> str:
    """Return the query of a table's rows; its names are our own words, or were checked."""
    joined = ""
    if table.owner is not None:
        owner = table.owner
        joined = f" LEFT JOIN main.{owner.table} o ON o.{owner.key} = t.{owner.reference}"
    columns = []
    for name, kind in ((column.name, column.kind) for column in table.columns):
        plain = FOLDED.get((table.name, name))
        if plain is not None:
            columns.append(f"folded(t.{plain})")
        elif name == "workspace_id" and table.owner is not None:
            columns.append("o.workspace_id")
        else:
            columns.append(f"CAST(t.{name} AS BLOB)" if kind == "json" else f"t.{name}")
    order = ", ".join(f"t.{name}" for name in table.key)
    return f"SELECT {', '.join(columns)} FROM main.{table.name} t{joined} ORDER BY {order}"  # noqa: S608
