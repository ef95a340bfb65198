"""A backup: one SQLite file with the tables of a store, and what was written down of them in a table beside.

It is marked as no store, so that no program goes on writing in it. A backup of an earlier release is read as
that release wrote it, and brought up to date in a copy.
"""

from __future__ import annotations

import hashlib
import hmac
import sqlite3
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import quote

from filelock import FileLock, Timeout

from credenza.errors import CredenzaError, Misconfigured, StoreDamaged, StoreRejected
from credenza.stores.rows import fold
from credenza.stores.sqlite import connect, schema
from credenza.stores.sqlite.intake import SqliteIntake
from credenza.stores.sqlite.snapshot import CACHE_KIB, SqliteSnapshot
from credenza.tables import TABLES

_TABLE = "CREATE TABLE backup (id INTEGER PRIMARY KEY CHECK (id = 1), manifest BLOB, sha256 BLOB) STRICT"
# The file may be anybody's: nothing in its schema may run a function.
_PRAGMAS = ("trusted_schema = 0", "cell_size_check = 1", "temp_store = 2", f"cache_size = -{CACHE_KIB}")
_ABSENT = "There is no such file, or it cannot be read."
_NO_BACKUP = "This file is no backup that `credenza backup` made."
_FOREIGN = "The tables in this file are not those of a backup; nothing was read from it."
DAMAGED = "This backup is damaged: it is not as it was written. Take another one."
_THERE = "There is a file of this name already; name another one, or use --force to replace it."
_BUSY = "Another process is writing this file."


class SqliteBackup(SqliteSnapshot):
    """A backup, read from its file."""

    def __init__(self, connection: sqlite3.Connection, manifest: bytes) -> None:
        """Take a connection on which a transaction has begun, and what the file says of itself."""
        super().__init__(connection)
        self.manifest = manifest
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @property
    def is_original(self) -> bool:
        """Tell whether it is the file itself, and not a copy that was brought up to date."""
        return self._folder is None

    @classmethod
    def open(cls, path: Path) -> SqliteBackup:
        """Open a backup; nothing is written, not even beside it.

        Raises:
            StoreRejected: it cannot be opened, is no backup, or of a later release.
            StoreDamaged: it is not as it was written.
        """
        if not path.is_file():
            raise StoreRejected(_ABSENT)
        connection = _connect(path, "ro&immutable=1")
        try:
            _recognise(connection)
            connection.execute("BEGIN")
            return cls(connection, _read_manifest(connection))
        except sqlite3.Error as error:
            connection.close()
            raise _explain(error) from None
        except BaseException:
            connection.close()
            raise

    def examine(self) -> None:
        """Look over pages, indexes and references; raises StoreDamaged."""
        try:
            told = self._connection.execute("PRAGMA integrity_check(1)").fetchall()
            orphans = self._connection.execute("PRAGMA foreign_key_check").fetchone()
        except sqlite3.Error:
            raise StoreDamaged(DAMAGED) from None
        if told != [("ok",)] or orphans is not None:
            raise StoreDamaged(DAMAGED)

    def bring_up_to_date(self) -> SqliteBackup:
        """Return this backup, or, where an earlier release wrote it, a copy of it as this one would.

        Raises:
            StoreRejected: a later release wrote it.
            StoreDamaged: its tables are not those of its release.
        """
        reached = int(self._one("PRAGMA user_version"))
        if reached > connect.SCHEMA:
            raise StoreRejected(connect.LATER)
        if reached == connect.SCHEMA:
            _compare_shape(self._connection)
            return self
        with ExitStack() as undone:
            folder = tempfile.TemporaryDirectory(prefix="credenza-restore-")
            undone.callback(folder.cleanup)
            path = Path(folder.name) / "backup.db"
            try:
                with closing(sqlite3.connect(path)) as copy:
                    self._connection.backup(copy)
                connection = _connect(path, "rw")
                undone.callback(connection.close)
                schema.migrate(connection)
                _compare_shape(connection)
                connection.execute("BEGIN")
            except sqlite3.Error as error:
                raise connect.translate(error) from None
            undone.pop_all()
        moved = SqliteBackup(connection, self.manifest)
        moved._folder = folder
        return moved

    def close(self) -> None:
        """Let go of the file, and of the copy."""
        super().close()
        if self._folder is not None:
            self._folder.cleanup()


class SqliteBackupIntake(SqliteIntake):
    """Rows on their way into a backup; it needs no index, since only a store is searched."""

    def __init__(self, path: Path, lock: FileLock, *, force: bool) -> None:
        """Begin a new file; `force` replaces one that is there in the end."""
        self._force = force
        self._manifest = b""
        super().__init__(path, lock)

    def describe(self, manifest: bytes) -> None:
        """Take what is to be said of the rows."""
        self._manifest = manifest

    def close(self) -> None:
        """Let go of it, and of the mark that it is being written."""
        super().close()
        Path(self._lock.lock_file).unlink(missing_ok=True)

    def _mark(self, connection: sqlite3.Connection) -> None:
        connection.execute(_TABLE)
        said = (self._manifest, hashlib.sha256(self._manifest).digest())
        connection.execute("INSERT INTO backup (id, manifest, sha256) VALUES (1, ?, ?)", said)
        connection.execute(f"PRAGMA application_id = {connect.BACKUP}")
        connection.execute("PRAGMA journal_mode = DELETE")

    def _settle(self, connection: sqlite3.Connection, highest: int) -> None:
        connection.execute("UPDATE counters SET value = ? WHERE name = 'integrations'", (highest,))

    def _take_name(self) -> None:
        if self._force:
            self._partial.replace(self._path)
        else:
            super()._take_name()

    def _clear(self) -> None:
        if self._path.exists():
            raise StoreRejected(_THERE)


def begin_backup(path: Path, *, force: bool) -> SqliteBackupIntake:
    """Begin a backup at a path.

    Raises:
        Misconfigured: there is a file, or it is being written, or none can be made there.
        StoreFull: the device is full.
    """
    if path.exists() and not (force and path.is_file()):
        raise StoreRejected(_THERE)
    if force and path.exists():
        _refuse_stores(path)
    lock = FileLock(f"{path}.lock", mode=0o600, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise StoreRejected(_BUSY) from None
    except OSError as error:
        raise Misconfigured(f"No file can be made where it was asked for: {error.strerror}.") from None
    return SqliteBackupIntake(path, lock, force=force)


def _refuse_stores(path: Path) -> None:
    """Refuse to replace a store by a backup, whatever was asked for."""
    try:
        with closing(_connect(path, "ro&immutable=1")) as connection:
            mark = connection.execute("PRAGMA application_id").fetchone()[0]
    except (sqlite3.Error, CredenzaError):
        return
    if mark == connect.APPLICATION:
        raise StoreRejected("This file is a store, and no backup: it is not replaced by one.")


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    connection = None
    try:
        address = f"file:{quote(str(path.absolute()))}?mode={mode}"
        connection = sqlite3.connect(address, uri=True, isolation_level=None)
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        raise _explain(error) from None
    connection.create_function("folded", 1, fold, deterministic=True)
    return connection


def _explain(error: sqlite3.Error) -> CredenzaError:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    if code == sqlite3.SQLITE_NOTADB:
        return StoreRejected(_NO_BACKUP)
    return StoreRejected(_ABSENT) if code == sqlite3.SQLITE_CANTOPEN else StoreDamaged(DAMAGED)


def _read_manifest(connection: sqlite3.Connection) -> bytes:
    row = connection.execute("SELECT manifest, sha256 FROM main.backup WHERE id = 1").fetchone()
    if row is None or not all(isinstance(each, bytes) for each in row):
        raise StoreDamaged(DAMAGED)
    manifest, digest = row
    if not hmac.compare_digest(hashlib.sha256(manifest).digest(), digest):
        raise StoreDamaged(DAMAGED)
    return bytes(manifest)


def _recognise(connection: sqlite3.Connection) -> None:
    """Refuse what is no backup, and a file that would do something when it is read or migrated."""
    if connection.execute("PRAGMA application_id").fetchone()[0] != connect.BACKUP:
        raise StoreRejected(_NO_BACKUP)
    query = "SELECT name, sql FROM main.sqlite_schema WHERE type IN ('view', 'trigger')"
    if not set(connection.execute(query)) <= {*schema.TRIGGERS}:
        raise StoreDamaged(_FOREIGN)


def _compare_shape(connection: sqlite3.Connection) -> None:
    """See that a file has the very tables of a store."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as fresh:
        schema.migrate(fresh)
        fresh.execute(_TABLE)
        if _list_shape(fresh) != _list_shape(connection):
            raise StoreDamaged(_FOREIGN)


def _list_shape(connection: sqlite3.Connection) -> dict[str, str]:
    query = "SELECT name, sql FROM main.sqlite_schema WHERE type = 'table'"
    read = {"backup", "counters", *(table.name for table in TABLES)}
    return {name: sql for name, sql in connection.execute(query) if name in read}
