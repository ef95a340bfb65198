"""A whole store in the making: a file beside the one it is to be, whose name it takes in the end."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from filelock import FileLock

from credenza.errors import Conflict, StoreDamaged, StoreFull, StoreRejected
from credenza.stores.rows import fold
from credenza.stores.sqlite import connect, facets, schema, search
from credenza.stores.sqlite.snapshot import CACHE_KIB, FOLDED, read_rows
from credenza.tables import Row, Table

# Nobody else reads the file, and nothing of it counts before the end, where it is written out as a whole.
_PRAGMAS = {
    "locking_mode": "EXCLUSIVE",
    "journal_mode": "MEMORY",
    "synchronous": "OFF",
    "temp_store": "MEMORY",
    "foreign_keys": "OFF",
    "trusted_schema": "OFF",
    "cache_size": f"-{CACHE_KIB}",
}
_FULL_DEVICE = 28  # ENOSPC
TAKEN = "There is a store with a vault in the place that was named already; name another one, which is empty."
BUSY = "Another process is using that store, or is making it; stop it first."
_HEADER = 100  # bytes
_SIDES = ("-journal", "-wal", "-shm")
_INDEX_CARDS = """
INSERT INTO cards_search (rowid, name, description) SELECT row, folded(name), folded(description) FROM cards
"""


class SqliteIntake:
    """Rows on their way into a file that is none of ours before `finish`."""

    def __init__(self, path: Path, lock: FileLock, *, aside: bool = False) -> None:
        """Begin a new file beside `path`; `aside`: what is there by then is kept under another name.

        Raises:
            StoreRejected: no file can be made there.
            StoreFull: the device is full.
        """
        self._path = path
        self._partial = path.with_name(f"{path.name}.partial")
        self._lock = lock
        self._aside = aside
        self._connection: sqlite3.Connection | None = None
        try:
            self._connection = self._begin()
        except BaseException:
            self.close()
            raise

    def put(self, table: Table, rows: Iterable[Row]) -> None:
        """Take the rows of a table."""
        with self._work() as connection:
            if table.owner is not None:  # whose workspace it is stands with the owner
                [place] = table.places("workspace_id")
                rows = (row[:place] + row[place + 1 :] for row in rows)
            connection.executemany(_insert(table), rows)

    def settle(self, highest: int) -> None:
        """Take the highest row number, and make the indexes that are filled when nobody waits."""
        with self._work() as connection:
            self._settle(connection, highest)
            connection.execute("COMMIT")
            orphans = connection.execute("PRAGMA foreign_key_check").fetchone()
        if orphans is not None:
            raise StoreDamaged("There are rows whose owner is gone; run `credenza doctor`.")

    def rows(self, table: Table) -> Iterator[Row]:
        """Return the rows that were put in."""
        with self._work() as connection:
            yield from read_rows(connection, table)

    def finish(self) -> str:
        """Write the file out and give it its name; return where the one before it is kept."""
        with self._work() as connection:
            self._mark(connection)
        return self._put_in_place()

    def close(self) -> None:
        """Let go of it; whatever is still on its way is removed."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        for side in ("", *_SIDES):
            _beside(self._partial, side).unlink(missing_ok=True)
        self._lock.release()

    def _begin(self) -> sqlite3.Connection:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            for side in ("", *_SIDES):  # of one that was killed: whoever has the lock is alone
                _beside(self._partial, side).unlink(missing_ok=True)
            os.close(os.open(self._partial, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except OSError as error:
            raise _translate(error) from None
        address = f"file:{quote(str(self._partial))}?mode=rw"
        connection = sqlite3.connect(address, uri=True, isolation_level=None)
        try:
            for pragma, value in _PRAGMAS.items():
                connection.execute(f"PRAGMA {pragma} = {value}")
            connection.create_function("folded", 1, fold, deterministic=True)
            schema.migrate(connection)
            # A file that is found half made by somebody must not be taken for a store.
            connection.execute("PRAGMA application_id = 0")
            connection.execute("BEGIN")
        except sqlite3.Error as error:
            connection.close()
            raise connect.translate(error) from None
        return connection

    def _mark(self, connection: sqlite3.Connection) -> None:
        connection.execute(f"PRAGMA application_id = {connect.APPLICATION}")
        connection.execute("PRAGMA locking_mode = NORMAL")
        connection.execute("PRAGMA journal_mode = WAL")

    def _settle(self, connection: sqlite3.Connection, highest: int) -> None:
        connection.execute("UPDATE counters SET value = ? WHERE name = 'integrations'", (highest,))
        search.index_all(connection, highest)
        facets.index_next(connection, 0, highest)
        connection.execute(_INDEX_CARDS)

    def _put_in_place(self) -> str:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        try:
            sync(self._partial)
            kept = self._set_aside() if self._aside else ""
            self._take_name()
            sync(self._path.parent)
        except OSError as error:
            raise _translate(error) from None
        return kept

    def _take_name(self) -> None:
        """Give the file its name, unless somebody took it meanwhile; after `_set_aside`, that is known."""
        if self._aside:
            self._partial.replace(self._path)
            return
        self._clear()
        try:
            os.link(self._partial, self._path)
        except FileExistsError:
            raise StoreRejected(TAKEN) from None
        except OSError:  # a file system without links
            if self._path.exists():
                raise StoreRejected(TAKEN) from None
            self._partial.rename(self._path)

    def _clear(self) -> None:
        clear_empty(self._path)

    def _set_aside(self) -> str:
        """Keep the file that is there under another name; it stays in place until the new one takes it."""
        if not self._path.exists():
            return ""
        kept = self._path.with_name(f"{self._path.name}.replaced-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}")
        fold_log(self._path)
        log = _beside(self._path, "-wal")
        if log.exists() and log.stat().st_size:
            # It cannot be folded in, so it stays with its file: beside the new one it would be taken for its.
            self._path.rename(kept)
            log.rename(_beside(kept, "-wal"))
        else:
            try:
                os.link(self._path, kept)
            except OSError:
                self._path.rename(kept)
            log.unlink(missing_ok=True)
        _beside(self._path, "-shm").unlink(missing_ok=True)
        return str(kept)

    @contextlib.contextmanager
    def _work(self) -> Iterator[sqlite3.Connection]:
        if self._connection is None:
            raise StoreRejected("This store is complete, or was given up.")
        try:
            yield self._connection
        except sqlite3.Error as error:
            told = connect.translate(error)
            raise (StoreDamaged() if isinstance(told, Conflict) else told) from None


def begin_store(path: Path, *, aside: bool = False) -> SqliteIntake:
    """Begin a store at a path that holds none; `aside`: one that is there is kept under another name.

    Raises:
        StoreRejected: there is one with a vault, a server has it open, or no file can be made there.
        StoreFull: the device is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise _translate(error) from None
    lock = connect.hold(path, serving=False)
    if lock is None:
        raise StoreRejected(BUSY)
    try:
        if not aside:
            refuse_taken(path)
        return SqliteIntake(path, lock, aside=aside)
    except BaseException:
        lock.release()
        raise


def refuse_taken(path: Path) -> None:
    """Return if there is nothing at a path, or a store without a vault; raises StoreRejected."""
    if not path.exists():
        return
    connection = connect.connect(path, cache_kib=2_048, checkpoint_pages=0)
    try:
        if connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'vault'").fetchone() is None:
            return
        found = connection.execute(
            "SELECT EXISTS (SELECT 1 FROM vault) OR EXISTS (SELECT 1 FROM workspaces)"
        ).fetchone()
    except sqlite3.Error as error:
        raise connect.translate(error) from None
    finally:
        connection.close()
    if found[0]:
        raise StoreRejected(TAKEN)


def clear_empty(path: Path) -> None:
    """Remove a store without a vault, so that another one can take its name; raises StoreRejected."""
    if not path.exists():
        return
    refuse_taken(path)
    # Whoever makes a vault in it in this very moment must not lose that: it is looked at again apart.
    removed = path.with_name(f"{path.name}.removed")
    path.rename(removed)
    try:
        refuse_taken(removed)
    except StoreRejected:
        removed.rename(path)
        raise
    for each in (removed, *(_beside(place, side) for place in (removed, path) for side in _SIDES)):
        each.unlink(missing_ok=True)


def fold_log(path: Path) -> None:
    """Have SQLite fold the write-ahead log of a store into its file; of another file it would drop it."""
    if not _is_store(path):
        return
    with suppress(sqlite3.Error, StoreRejected):
        connection = connect.connect(path, cache_kib=2_048, checkpoint_pages=0)
        try:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            connection.close()


def _is_store(path: Path) -> bool:
    """Tell by its header whether SQLite would take a file for one of our stores; nobody has it open here."""
    with path.open("rb") as file:
        header = file.read(_HEADER)
    return header.startswith(b"SQLite format 3\0") and header[68:72] == connect.APPLICATION.to_bytes(4, "big")


def sync(path: Path) -> None:
    """Have the device keep a file, or the names in a folder; raises OSError."""
    if path.is_dir() and os.name == "nt":
        return  # Windows opens no folders
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _translate(error: OSError) -> StoreFull | StoreRejected:
    if error.errno == _FULL_DEVICE:
        return StoreFull()
    return StoreRejected(f"No file can be made where it was asked for: {error.strerror}.")


def _beside(path: Path, side: str) -> Path:
    return path.with_name(f"{path.name}{side}")


def _insert(table: Table) -> str:
    """Return the statement for rows of a table."""
    kept = [each for each in table.columns if table.owner is None or each.name != "workspace_id"]
    columns = ", ".join(FOLDED.get((table.name, each.name), each.name) for each in kept)
    values = ", ".join("CAST(? AS TEXT)" if each.kind == "json" else "?" for each in kept)
    return f"INSERT INTO {table.name} ({columns}) VALUES ({values})"  # noqa: S608  # our own words
