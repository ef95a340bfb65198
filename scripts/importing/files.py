"""Sources of this machine, opened read-only; what they hold goes into a box at once."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

import sqlite_utils

from credenza.errors import Invalid
from credenza.sensitive import Sensitive

STDIN = "-"
LARGEST = 256 << 20  # bytes
_MAGIC = b"SQLite format 3\0"
_WAL = 2
_WAL_AT = 18


def read_bytes(path: Path | str) -> Sensitive[bytes]:
    """Return what a file holds, or standard input for `-`; at most 256 MiB.

    Raises:
        Invalid: it cannot be read, or is larger.
    """
    try:
        if str(path) == STDIN:
            data = Sensitive(sys.stdin.buffer.read(LARGEST + 1))
        else:
            with Path(path).open("rb") as opened:
                data = Sensitive(opened.read(LARGEST + 1))
    except OSError as error:
        sentence = f"{path} cannot be read: {error.strerror}."
    else:
        if len(data.reveal()) <= LARGEST:
            return data
        sentence = f"{path} is larger than {LARGEST >> 20} MiB."
    raise Invalid(sentence, code="unreadable_source")


def read_text(path: Path | str) -> Sensitive[str]:
    """Return the text of a file, or of standard input for `-`, in UTF-8 with or without a mark.

    Raises:
        Invalid: it cannot be read, is larger than 256 MiB, or is no UTF-8.
    """
    data = read_bytes(path)
    try:
        return Sensitive(data.reveal().decode("utf-8-sig"))
    except UnicodeDecodeError:
        pass
    raise Invalid(f"{path} is not a text in UTF-8.", code="unreadable_source")


@contextmanager
def open_sqlite(path: Path) -> Iterator[sqlite_utils.Database]:
    """Open a SQLite database read-only, beside programs that use it; no file is made, none is changed.

    A text in it that is not UTF-8 comes as bytes.

    Raises:
        Invalid: there is none, it is something else, or SQLite cannot read on; also while it is used.
    """
    sentence = _refuse(path)
    if sentence is None:
        try:
            with closing(sqlite3.connect(_uri(path), uri=True)) as connection:
                connection.text_factory = _read_text
                yield sqlite_utils.Database(connection)
                return
        except sqlite3.Error:
            sentence = f"{path} cannot be read: it is locked, damaged, or not what it was taken for."
    # SQLite's own message may show a value.
    raise Invalid(sentence, code="unreadable_source") from None


def _refuse(path: Path) -> str | None:
    try:
        with path.open("rb") as opened:
            if opened.read(len(_MAGIC)) != _MAGIC:
                return f"{path} is not a SQLite database."
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}."
    wal, index = (path.with_name(path.name + suffix) for suffix in ("-wal", "-shm"))
    if wal.exists() and wal.stat().st_size and not index.exists():
        return f"{path} was not closed properly; open and close it once with the program it belongs to."
    return None


def _uri(path: Path) -> str:
    """Return the address under which SQLite opens a file without making one beside it."""
    with path.open("rb") as opened:
        uses_wal = opened.read(_WAL_AT + 1)[_WAL_AT] == _WAL
    # Without a log nobody has it open; to open it like any other would make a log, and leave it there.
    still = uses_wal and not path.with_name(f"{path.name}-wal").exists()
    return f"file:{quote(str(path.resolve()))}?mode=ro{'&immutable=1' if still else ''}"


def _read_text(data: bytes) -> str | bytes:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data
