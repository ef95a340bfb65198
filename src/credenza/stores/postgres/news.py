"""What has changed of what processes keep in memory, as far as this process has heard.

Triggers count each change of a subject in the table `changes` and notify whoever listens, in the transaction
that makes it: nobody who writes has to think of it. One connection of each process listens, outside the pool,
and looks at the counts again and again, in case that a notification was lost. Where it hears nothing, or is
not to be relied on, as behind a pooler that gives each transaction another connection, the counts are asked
for whenever somebody wants to know.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import psycopg

from credenza.ports import Subject
from credenza.stores.postgres.connect import connect, is_direct
from credenza.stores.postgres.patience import Watch, Watched

CHANNEL = "credenza_keys"  # as it has been called since there were only keys to tell of
COUNTS = "SELECT subject, count FROM credenza.changes"
# Tables that have rows and were never analysed, as long as that takes no time.
_UNKNOWN = """
SELECT format('ANALYZE %I.%I', n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'credenza' AND c.relkind = 'r' AND c.reltuples < 0
    AND pg_relation_size(c.oid) BETWEEN 1 AND 8388608
"""
Counts = Mapping[str, int]
_LOOK_SECONDS = 0.25
_GOOD_SECONDS = 1.0
_LOOKS = 4  # between two that look for tables, too
_ASKED_SECONDS = 0.02  # what was asked for is good for
_PAUSE_SECONDS = (0.1, 3.0)  # before a connection that could not be made is tried again: at first, at most
_PATIENCE = 5.0


class News:
    """The counts of changes; `ask` reads them by a connection of the pool."""

    def __init__(self, said: dict[str, Any], watch: Watch, ask: Callable[[], Counts]) -> None:
        """Begin to listen, by a connection of one's own; it is made on the thread."""
        self._said = said
        self._watch = watch
        self._ask = ask
        self._counts: Counts = {}
        self._heard = self._asked = float("-inf")
        self._asking = threading.Lock()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="credenza-news", daemon=True)
        self._thread.start()

    def revision(self, subject: Subject) -> int:
        """Return how often a subject changed; raises what asking raises."""
        if not self.hears and time.monotonic() - self._asked > _ASKED_SECONDS:
            with self._asking:
                if time.monotonic() - self._asked > _ASKED_SECONDS:
                    begun = time.monotonic()
                    self._counts = self._ask()
                    self._asked = begun
        return self._counts.get(subject, 0)

    @property
    def hears(self) -> bool:
        """Tell whether changes are heard of as they are made."""
        return time.monotonic() - self._heard <= _GOOD_SECONDS

    def close(self) -> None:
        """Stop listening."""
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        first, most = _PAUSE_SECONDS
        pause = first
        while not self._closed.is_set():
            try:
                with connect(self._said) as connection:
                    pause = first
                    self._attend(connection)
                pause = most  # a pooler is between: it may be gone some day
            except psycopg.Error:
                self._heard = float("-inf")
            self._closed.wait(pause)
            pause = min(2 * pause, most)

    def _attend(self, connection: Watched) -> None:
        """Listen for as long as that can be relied on."""
        connection.patience = _PATIENCE
        self._watch.begin(connection)
        try:
            if is_direct(connection):
                self._listen(connection)
        finally:
            self._watch.end(connection)

    def _listen(self, connection: Watched) -> None:
        connection.execute(f"LISTEN {CHANNEL}")
        for look in itertools.count():
            if self._closed.is_set():
                return
            if look % _LOOKS == 0:
                _analyse(connection)
            begun = time.monotonic()
            self._counts = dict(connection.execute(COUNTS).fetchall())
            self._heard = begun
            for _ in connection.notifies(timeout=_LOOK_SECONDS, stop_after=1):
                pass


def _analyse(connection: Watched) -> None:
    """Have the server look at tables which it plans for as if they had rows of many workspaces.

    It does so by itself, a minute later; until then a new store grows slower the more it holds. Where this
    login does not own the tables, nothing happens.
    """
    for (statement,) in connection.execute(_UNKNOWN).fetchall():
        connection.execute(statement)
