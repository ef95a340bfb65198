"""What is done when nobody waits: new rows are indexed, and what was taken out leaves the files too.

Until the write-ahead log is folded in and emptied, the log and the old pages of the file hold what a commit
has taken out of earlier versions; by itself SQLite does that after megabytes of log, or at the very end.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from credenza.stores.sqlite import search


class Upkeep:
    """The upkeep of the one program that may checkpoint; all of it is done by its writing thread.

    Emptying the log is due after a commit that took something out, after whatever another program wrote, and
    at the start, for what a program that was killed left behind.
    """

    def __init__(self) -> None:
        """Begin with everything due."""
        self._due = True
        self._seen = 0

    def note_scrubbed(self) -> None:
        """Take note of a commit that took something out."""
        self._due = True

    def work(self, connection: sqlite3.Connection) -> bool:
        """Do a short piece of work outside a transaction; True: more is left to do at once."""
        if search.index_some(connection):
            return True
        seen = connection.execute("PRAGMA data_version").fetchone()[0]  # other programs' commits change it
        if self._due or seen != self._seen:
            self._due = not empty_log(connection)
            self._seen = seen
        return False


def empty_log(connection: sqlite3.Connection) -> bool:
    """Fold the log into the file and empty it; False: somebody reads or writes, and is not waited for."""
    patience = connection.execute("PRAGMA busy_timeout").fetchone()[0]
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    finally:
        connection.execute(f"PRAGMA busy_timeout = {patience}")
    return not busy


def is_log_empty(path: Path) -> bool:
    """Tell whether the log beside a file is empty, so that nothing committed before stands in it."""
    try:
        return path.with_name(f"{path.name}-wal").stat().st_size == 0
    except FileNotFoundError:
        return True
