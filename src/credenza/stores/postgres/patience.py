"""How long PostgreSQL is waited for: a server that froze, or a network that swallows all, is given up.

The kernel gives up a peer that acknowledges nothing, and the server a statement that takes too long. Neither
helps where something between acknowledges everything and answers nothing; then it is us who hang up.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import suppress
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen

T = TypeVar("T")
STATEMENT_SECONDS = 30  # that the server gives a statement
SECONDS = STATEMENT_SECONDS + 10.0  # that we give the server
_LOOK_SECONDS = 0.5


class Watched(psycopg.Connection[tuple[Any, ...]]):
    """A connection that notes since when it waits for an answer, how long it may, and what it has written."""

    patience = SECONDS
    asked: float | None = None
    written = planned_for = 0  # new rows: by now, and when the server last planned

    def wait(self, gen: PQGen[T], *rest: Any, **named: Any) -> T:  # noqa: ANN401  # whatever psycopg passes
        """Wait as psycopg does."""
        self.asked = time.monotonic()
        try:
            return super().wait(gen, *rest, **named)
        finally:
            self.asked = None


class Watch:
    """A thread that hangs up for whoever waits too long; the statement then fails as when the server died."""

    def __init__(self) -> None:
        """Begin with nothing to watch over; the thread starts with the first connection."""
        self._lent: set[Watched] = set()
        self._closed = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def begin(self, connection: Watched) -> None:
        """Watch over a connection."""
        self._lent.add(connection)
        if self._thread is None:
            with self._starting:
                if self._thread is None and not self._closed.is_set():
                    self._thread = threading.Thread(target=self._run, name="credenza-watch", daemon=True)
                    self._thread.start()

    def end(self, connection: Watched) -> None:
        """Leave a connection alone."""
        self._lent.discard(connection)

    def close(self) -> None:
        """Stop watching."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._closed.wait(_LOOK_SECONDS):
            now = time.monotonic()
            for connection in tuple(self._lent):
                asked = connection.asked
                if asked is not None and now - asked > connection.patience:
                    _hang_up(connection)


def _hang_up(connection: Watched) -> None:
    # Closing it would pull it from under the thread that waits; a connection shut down ends that wait.
    with suppress(OSError, psycopg.Error):
        copy = os.dup(connection.fileno())
        with socket.socket(fileno=copy) as peer:
            peer.shutdown(socket.SHUT_RDWR)
