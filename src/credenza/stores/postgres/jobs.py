"""A few threads that write, each job in a transaction of its own.

A job that loses a race is run again: it reads what the winner wrote, and goes on from that. Only one that
goes on losing, or that was made of what is no longer so, is told of it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import psycopg
from psycopg import errors

from credenza.errors import Unavailable
from credenza.randomness import begin_afresh
from credenza.stores.postgres.connect import CLOSED, translate

T = TypeVar("T")
_BUSY = "The store is busy, or cannot be reached at the moment."
WORKERS = 8
QUEUE_SECONDS = 20.0  # longer, and whoever waits is better told to come back
_ATTEMPTS = 4
_OF_UNIQUE = 2  # attempts, where something was taken: what is taken still was taken for good
_LOST = (errors.SerializationFailure, errors.DeadlockDetected, errors.UniqueViolation)


class Jobs:
    """Run jobs on threads of their own, at most `WORKERS` at a time."""

    def __init__(self) -> None:
        """Begin with no thread; each is started when it is needed."""
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="credenza-writer")

    def submit(self, job: Callable[[], T]) -> Future[T]:
        """Queue a job; its future is done when its transaction is durable, or undone.

        Raises:
            Unavailable: no more jobs are taken.
        """
        try:
            return self._pool.submit(_take, job, time.monotonic())
        except RuntimeError:
            raise Unavailable(CLOSED) from None

    @property
    def waiting(self) -> int:
        """Return the number of jobs that no thread has begun."""
        return self._pool._work_queue.qsize()  # noqa: SLF001  # it says so in no other way

    def close(self) -> None:
        """Finish what is queued, then stop."""
        self._pool.shutdown()


def _take(job: Callable[[], T], queued: float) -> T:
    if time.monotonic() - queued > QUEUE_SECONDS:
        raise Unavailable(_BUSY)
    return _run(job)


def _run(job: Callable[[], T]) -> T:
    for attempt in range(1, _ATTEMPTS + 1):
        begin_afresh()
        try:
            return job()
        except _LOST as error:
            if attempt == (_OF_UNIQUE if isinstance(error, errors.UniqueViolation) else _ATTEMPTS):
                raise translate(error) from None
            time.sleep(random.uniform(0, 0.005 * attempt))  # noqa: S311  # no secret hangs on it
        except psycopg.Error as error:
            raise translate(error) from None
    raise Unavailable  # never reached: the last attempt returns or raises
