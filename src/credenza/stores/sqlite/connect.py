"""Opening a database file: one set of PRAGMAs on every connection, and who may write beside whom."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from urllib.parse import quote

from filelock import FileLock, Timeout

from credenza.errors import Conflict, CredenzaError, StoreDamaged, StoreFull, StoreRejected, Unavailable
from credenza.stores.rows import fold
from credenza.stores.sqlite import losses, search

APPLICATION = 0x43525A44  # "CRDZ": tells our files from other people's databases
BACKUP = 0x43525A42  # "CRZB": a file that is to be restored, and not to be written to
SCHEMA = 8  # the number of migrations, kept as `user_version`
# What migrations would bring, by their numbers: to be read beside the tables of a file that stays as it is.
_BESIDE = {
    4: "CREATE TEMP VIEW integrations AS SELECT *, 1 AS type_version FROM main.integrations",
    6: "SELECT 1",  # packages: likewise
    7: "CREATE TEMP VIEW vault_next AS SELECT * FROM main.vault WHERE 0",
    8: losses.BESIDE,
    5: "SELECT 1",  # what lists know of papers: no reading of integrations asks for it
}
OLDEST = (3, 38, 0)  # STRICT tables, the trigram tokenizer and unixepoch()
_PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": 2,  # FULL: with WAL, only FULL keeps an acknowledged commit through a power cut
    "foreign_keys": 1,
    "trusted_schema": 0,
    "cell_size_check": 1,
    "secure_delete": 1,
    "temp_store": 2,  # in memory: no temporary file may ever hold a row
    "busy_timeout": 10_000,
}
_HEADER = 100  # bytes; no database is shorter
LATER = "This store was written by a later release of credenza; upgrade the program and start again."
_TOO_EARLY = (
    "This store was written by a much earlier release of credenza, and this command changes nothing: bring a "
    "backup of it up to date with `credenza list`, and use this command on that."
)
_NO_DATABASE = "The file named by CREDENZA_STORE is not a database; nothing was changed in it."
_FULL = {sqlite3.SQLITE_FULL}
_PASSING = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PERM,
}
_BROKEN = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def connect(
    path: Path, *, cache_kib: int, checkpoint_pages: int, read_only: bool = False
) -> sqlite3.Connection:
    """Open one connection, set its PRAGMAs and check that each took.

    `checkpoint_pages` 0 never checkpoints: for programs beside a running server. With `read_only`, a file of
    an earlier release is read as it is: that may be the one that is running.

    Raises:
        StoreRejected: the file is no database, or cannot be opened as it must be.
    """
    try:
        connection = sqlite3.connect(
            f"file:{quote(str(path))}?mode={'ro' if read_only else 'rwc'}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
    except sqlite3.Error as error:
        raise StoreRejected(_why_not(error)) from None
    try:
        _recognise(path, connection)
        _configure(connection)
        connection.execute(f"PRAGMA cache_size = -{cache_kib}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {checkpoint_pages}")
        connection.create_function("contains_folded", 3, search.contains, deterministic=True)
        connection.create_function("folded", 1, fold, deterministic=True)
        if read_only:
            _stand_in(connection)
    except sqlite3.Error as error:
        connection.close()
        raise StoreRejected(_why_not(error)) from None
    except StoreRejected:
        connection.close()
        raise
    return connection


def hold(path: Path, *, serving: bool) -> FileLock | None:
    """Take the lock of the one program that may checkpoint; None: a server has it, and we are beside it.

    Raises:
        StoreRejected: we want to serve, and another server process is serving this file.
    """
    lock = FileLock(f"{path}.lock", mode=0o600, thread_local=False)
    try:
        lock.acquire(timeout=2 if serving else 0)
    except Timeout:
        if serving:
            raise StoreRejected(
                "Another process is using this store; stop it first, or give this one a store of its own."
            ) from None
        return None
    except OSError as error:
        raise StoreRejected(f"The folder of the store cannot be written to: {error.strerror}.") from None
    return lock


def create_privately(path: Path) -> None:
    """Make the folder and an empty file that only their owner may read."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return  # another process was faster
    except OSError as error:
        raise StoreRejected(f"The store cannot be opened: {error.strerror}.") from None


def translate(error: sqlite3.Error) -> CredenzaError:
    """Return our error for one of SQLite's; its text is dropped."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _FULL:
        return StoreFull()
    if code in _BROKEN:
        return StoreDamaged()
    if code == sqlite3.SQLITE_CONSTRAINT:
        return Conflict()  # a name was taken between looking and writing
    if code in _PASSING:
        return Unavailable("The store cannot be written to or read at the moment.")
    # A statement of ours is wrong: that is no state of the store, and trying again will not help.
    return CredenzaError(f"The store refused a statement (SQLite code {code}).")


def _configure(connection: sqlite3.Connection) -> None:
    for pragma, value in _PRAGMAS.items():
        connection.execute(f"PRAGMA {pragma} = {value}")
        if connection.execute(f"PRAGMA {pragma}").fetchone()[0] != value:
            raise StoreRejected(f"SQLite did not accept {pragma} = {value} for this store.")


def _stand_in(connection: sqlite3.Connection) -> None:
    """Give a connection what the tables of its file lack, in memory and for itself alone."""
    reached = connection.execute("PRAGMA user_version").fetchone()[0]
    if reached > SCHEMA:
        raise StoreRejected(LATER)
    lacking = range(reached + 1, SCHEMA + 1)
    if not all(number in _BESIDE for number in lacking):
        raise StoreRejected(_TOO_EARLY)
    for number in lacking:
        for statement in _BESIDE[number].split(";\n\n"):
            connection.execute(statement)


def _recognise(path: Path, connection: sqlite3.Connection) -> None:
    # Before the first PRAGMA that writes: journal_mode would change a file that is not ours, and SQLite
    # takes a file of a few bytes for an empty database. The file itself is never opened by us: closing
    # it again would drop every lock that this process holds on it (fcntl(2)), SQLite's own among them.
    if 0 < path.stat().st_size < _HEADER:
        raise StoreRejected(_NO_DATABASE)
    connection.execute("BEGIN")
    mark = connection.execute("PRAGMA application_id").fetchone()[0]
    empty = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0
    connection.execute("ROLLBACK")
    if mark == BACKUP:
        raise StoreRejected(
            "This file is a backup: name a store in CREDENZA_STORE, and run `credenza restore`."
        )
    if mark != APPLICATION and not (mark == 0 and empty):
        raise StoreRejected("This database belongs to another program; name another file in CREDENZA_STORE.")


def _why_not(error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_NOTADB:
        return _NO_DATABASE
    if code == sqlite3.SQLITE_BUSY:
        return "The store is in use by another program."
    return "The store cannot be opened: check that the file and its folder can be written to."
