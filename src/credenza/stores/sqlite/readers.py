"""Connections that read, each lent to one borrower at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

from credenza.errors import Unavailable


class Readers:
    """Keep as many connections as there were ever readers at once."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        """Take the way to open one more."""
        self._connect = connect
        self._lock = Lock()
        self._idle: list[sqlite3.Connection] = []
        self._closed = False

    @contextmanager
    def lend(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection for a while.

        Raises:
            Unavailable: the store is closed.
            StoreRejected: the file cannot be opened any more.
        """
        with self._lock:
            if self._closed:
                raise Unavailable("The store is closed.")
            connection = self._idle.pop() if self._idle else None
        connection = connection or self._connect()
        try:
            yield connection
        finally:
            self._take_back(connection)

    def close(self) -> None:
        """Close what is not lent now, and the rest as it comes back.

        Closed under its borrower, a connection takes the process down with it.
        """
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _take_back(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.close()
