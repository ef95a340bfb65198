"""A whole store in the making: one transaction, before whose end there is none of it.

Rows go right into their tables: the login owns them, so that no policy binds it, and nobody else sees them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import errors

from credenza.errors import Conflict, StoreDamaged, StoreRejected, Unavailable
from credenza.stores.postgres import schema, snapshot
from credenza.stores.postgres.connect import SCHEMA, Connection, fetch
from credenza.stores.rows import fold
from credenza.tables import TABLES, Row, Table

TAKEN = (
    "There is a store with a vault in the database that was named already; name another one, which is empty."
)
BUSY = "Servers or commands are connected to that store; stop them first."
_LOST = (
    "The connection was lost at the very end, so it is not known whether the store is complete: look with "
    "`credenza doctor`. It is there as a whole, or not at all."
)
# What is folded for searches, from which column.
_FOLDED = {"integrations": (("name_folded", "name"), ("description_folded", "description"))}
_TAKEN_ALREADY = "SELECT EXISTS (SELECT 1 FROM vault) OR EXISTS (SELECT 1 FROM workspaces)"
_WORKSPACES = """
SELECT setval(pg_get_serial_sequence('workspaces', 'id'), max(id)) FROM workspaces HAVING max(id) IS NOT NULL
"""


class PostgresIntake:
    """Rows on their way into a database; nobody sees any before `finish`."""

    def __init__(self, connection: Connection, kept: str = "") -> None:
        """Take a connection on which a transaction has begun; `kept` is where the store before is."""
        self._connection = connection
        self._kept = kept

    def put(self, table: Table, rows: Iterable[Row]) -> None:
        """Take the rows of a table."""
        folded = _FOLDED.get(table.name, ())
        places = table.places(*(source for _, source in folded))
        names = ", ".join([*table.names, *(name for name, _ in folded)])
        types = [*snapshot.types_of(table, flag="bool"), *("text" for _ in folded)]
        flags = [number for number, column in enumerate(table.columns) if column.kind == "flag"]
        statement = f"COPY {table.name} ({names}) FROM STDIN (FORMAT BINARY)"
        try:
            with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
                copy.set_types(types)
                for row in rows:
                    values = [*row, *(fold(row[place]) for place in places)]
                    for flag in flags:
                        values[flag] = bool(values[flag])
                    copy.write_row(values)
        except psycopg.Error as error:
            raise _translate(error) from None

    def settle(self, highest: int) -> None:
        """Take the highest row number: the sequences go on behind it."""
        try:
            self._connection.execute("SELECT setval('integration_rows', %s, false)", (highest + 1,))
            self._connection.execute(_WORKSPACES)
        except psycopg.Error as error:
            raise _translate(error) from None

    def rows(self, table: Table) -> Iterator[Row]:
        """Return the rows that were put in."""
        return snapshot.read_rows(self._connection, table)

    def finish(self) -> str:
        """Commit; return the schema that the store before was renamed to."""
        try:
            self._connection.execute("COMMIT")
        except psycopg.Error as error:
            raise (Unavailable(_LOST) if self._connection.broken else _translate(error)) from None
        with suppress(psycopg.Error):  # only plans are better for it
            self._connection.execute("; ".join(f"ANALYZE {SCHEMA}.{table.name}" for table in TABLES))
        return self._kept and f"schema {self._kept}"

    def close(self) -> None:
        """Let go of the database, which forgets what was not committed."""
        with suppress(psycopg.Error):
            self._connection.close()


def begin_store(said: dict[str, Any], *, aside: bool = False) -> PostgresIntake:
    """Begin a store in a database that holds none; `aside`: one that is there is kept as another schema.

    Raises:
        StoreRejected: there is one with a vault, it is in use, or the login may not make one.
        Unavailable: it cannot be reached.
    """
    connection = snapshot.reach(said)
    try:
        snapshot.refuse_others(connection, BUSY)
        snapshot.begin(connection, "READ COMMITTED")
        connection.execute("SET LOCAL synchronous_commit TO on")
        kept = _set_aside(connection) if aside else ""
        schema.migrate(connection, create=True, read_only=False)
        connection.execute(f"SET LOCAL search_path TO {SCHEMA}, pg_catalog")
        snapshot.lock_all(connection, "ACCESS EXCLUSIVE", BUSY)
        _refuse_taken(connection)
    except psycopg.Error as error:
        connection.close()
        raise (schema.translate(error) or snapshot.translate(error)) from None
    except BaseException:
        connection.close()
        raise
    return PostgresIntake(connection, kept)


def _refuse_taken(connection: Connection) -> None:
    if fetch(connection, _TAKEN_ALREADY) != [(False,)]:
        raise StoreRejected(TAKEN)


def _set_aside(connection: Connection) -> str:
    """Give the schema of the store another name; return it, or nothing where there is no store."""
    if fetch(connection, "SELECT to_regclass(%s)::text", (f"{SCHEMA}.migrations",)) == [(None,)]:
        return ""
    kept = f"{SCHEMA}_replaced_{datetime.now(UTC):%Y%m%d_%H%M%S_%f}"
    connection.execute(f"ALTER SCHEMA {SCHEMA} RENAME TO {kept}")
    return kept


def _translate(error: psycopg.Error) -> Exception:
    if isinstance(error, errors.InsufficientPrivilege):
        return snapshot.translate(error)
    told = snapshot.translate(error)
    # Nobody else writes here: what does not fit was never right.
    return (
        StoreDamaged("The rows of this store do not belong together.") if isinstance(told, Conflict) else told
    )
