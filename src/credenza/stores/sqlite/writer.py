"""One thread that writes: requests that wait together share a transaction and its fsync.

Each job is answered only after COMMIT returned. A job that finds nobody waiting commits at once. A job that
fails before it wrote anything leaves the others alone, which is how nearly all fail. When one fails later,
or the transaction itself is lost (a full disk), the group is undone and replayed one by one, so that only
the job that fails alone is told. That takes the place of a savepoint for each job, which every job would
pay for.
"""

from __future__ import annotations

import contextlib
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple

from credenza.errors import Unavailable
from credenza.observer import SILENT, Observer
from credenza.randomness import begin_afresh
from credenza.stores.sqlite.connect import translate
from credenza.stores.sqlite.shared import Shared
from credenza.stores.sqlite.upkeep import Upkeep

Job = Callable[[sqlite3.Connection, Shared], Any]
Names = tuple[int, Sequence[str]]  # a workspace, and what a job of it will look for
_GROUP = 64
_IDLE_SECONDS = 0.2
_LOOK_SECONDS = 1.0  # other programs write without a word to this one


class _Waiting(NamedTuple):
    job: Job
    future: Future[Any]
    names: Names | None


class Writer:
    """Own the writing connection; its `upkeep` is done when nobody waits, None: by another program."""

    def __init__(self, connection: sqlite3.Connection, upkeep: Upkeep | None) -> None:
        """Start the thread."""
        self.observer: Observer = SILENT
        self._connection = connection
        self._upkeep = upkeep
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._closing = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="credenza-writer", daemon=True)
        self._thread.start()

    def submit(self, job: Job, names: Names | None = None) -> Future[Any]:
        """Queue a job; its future is done when its transaction is durable, or undone.

        What several jobs of a group look for by `names` is read at once.
        """
        future: Future[Any] = Future()
        with self._closing:
            if self._closed:
                raise Unavailable("The store is closed.")
            self._queue.put(_Waiting(job, future, names))
        return future

    def close(self) -> None:
        """Finish what is queued, then stop."""
        with self._closing:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()
        self._connection.close()

    @property
    def waiting(self) -> int:
        """Return the number of jobs that nobody has begun."""
        return self._queue.qsize()

    @property
    def alive(self) -> bool:
        """Tell whether jobs are still taken."""
        return not self._closed and self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._serve()
        finally:
            # However the thread ends, nobody is left waiting for it.
            with self._closing:
                self._closed = True
            while not self._queue.empty():
                waiting = self._queue.get_nowait()
                if waiting is not None and waiting.future.set_running_or_notify_cancel():
                    waiting.future.set_exception(Unavailable("The store is closed."))

    def _serve(self) -> None:
        pause = _IDLE_SECONDS if self._upkeep else None
        wait = pause
        while True:
            try:
                first = self._queue.get(timeout=wait)
            except queue.Empty:
                wait = 0.001 if self._tidy() else _LOOK_SECONDS
                continue
            if first is None:
                return
            wait = pause
            group = [first]
            last = self._gather(group)
            self._commit(group)
            del first, group  # an idle thread holds no request alive
            if last:
                return

    def _gather(self, group: list[_Waiting]) -> bool:
        while len(group) < _GROUP:
            try:
                waiting = self._queue.get_nowait()
            except queue.Empty:
                return False
            if waiting is None:
                return True
            group.append(waiting)
        return False

    def _tidy(self) -> bool:
        try:
            return self._upkeep is not None and self._upkeep.work(self._connection)
        except (sqlite3.Error, MemoryError):
            self._undo()
            return False

    def _commit(self, group: list[_Waiting]) -> None:
        shared = Shared(self._connection)
        begin_afresh()
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            # From here on a caller who gives up can no longer cancel, only not look.
            group = [
                one for one in group if one.future.running() or one.future.set_running_or_notify_cancel()
            ]
            if len(group) > 1:
                shared.foresee([one.names for one in group if one.names])
            outcomes = [(one.future, *self._try(one.job, shared)) for one in group]
            shared.flush()
            begun = time.perf_counter()
            self._connection.execute("COMMIT")
            took = time.perf_counter() - begun
            if shared.scrubbed and self._upkeep is not None:
                self._upkeep.note_scrubbed()
        except BaseException as error:  # noqa: BLE001  # whatever it is, those who wait must hear of it
            self._undo()
            self._replay(group, error)
            return
        # Before anybody is answered: who asks for the counters then finds what was done.
        self.observer.count_commit(took, len(outcomes), shared.audited, shared.sealed)
        for future, result, failure in outcomes:
            if failure is None:
                future.set_result(result)
            else:
                future.set_exception(failure)

    def _try(self, job: Job, shared: Shared) -> tuple[Any, BaseException | None]:
        before = self._connection.total_changes + shared.size
        try:
            return job(self._connection, shared), None
        except sqlite3.Error:
            raise
        except BaseException as error:  # noqa: BLE001  # it belongs to the one who waits, whatever it is
            if self._connection.total_changes + shared.size != before:
                raise _Torn(error) from None
            return None, error

    def _replay(self, group: list[_Waiting], error: BaseException) -> None:
        if len(group) > 1:
            for one in group:
                self._commit([one])
        elif group:
            future = group[0].future
            # Where not even BEGIN worked, its caller may have given up meanwhile.
            if future.running() or future.set_running_or_notify_cancel():
                future.set_exception(_cause(error))

    def _undo(self) -> None:
        # A full disk rolls back by itself, and an explicit ROLLBACK would raise.
        with contextlib.suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")


class _Torn(Exception):
    """A job failed after it had written something."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__()
        self.cause = cause


def _cause(error: BaseException) -> BaseException:
    if isinstance(error, _Torn):
        return error.cause
    return translate(error) if isinstance(error, sqlite3.Error) else error
