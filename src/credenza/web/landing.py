"""Bringing what another thread has settled back to the event loop, many futures with one wake-up."""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class Landing:
    """Await futures of other threads, as `asyncio.wrap_future` does, in one event loop at a time.

    Those settled together (a group of saves that shared a commit) wake the loop once: each wake-up is a
    system call, at which the thread that settles them would have to win the interpreter back.
    """

    def __init__(self) -> None:
        """Begin with nothing in the air."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._landed: deque[tuple[asyncio.Future[Any], Future[Any]]] = deque()
        self._called = False

    async def wait(self, future: Future[T]) -> T:
        """Return what the future holds, or raise it; who stops waiting does not stop the work."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            # The one before has ended: nobody waits there any longer, and it will not call back.
            self._loop, self._landed, self._called = loop, deque(), False
        waiting: asyncio.Future[T] = loop.create_future()

        def land(settled: Future[T]) -> None:
            if loop is not self._loop or loop.is_closed():
                return
            self._landed.append((waiting, settled))
            if not self._called:
                self._called = True
                loop.call_soon_threadsafe(self._drain)

        future.add_done_callback(land)
        return await waiting

    def _drain(self) -> None:
        # First the flag, then the queue: what lands from here on calls again.
        self._called = False
        while self._landed:
            waiting, settled = self._landed.popleft()
            if waiting.done():
                continue
            error = settled.exception()
            if error is None:
                waiting.set_result(settled.result())
            else:
                waiting.set_exception(error)
