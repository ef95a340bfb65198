"""The HTTP server's end: balancers are told first, then what was begun is finished, within a time limit.

    a signal -> /readyz answers 503, and each answer ends its connection; after the delay
             -> nothing more is taken, and what came on open connections is still answered
             -> requests come to their end; then the caller commits what is queued and closes the store

Each further signal cuts short what is waited for: first the delay, then the requests.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress
from types import FrameType

import uvicorn

from credenza.web.protocol import Protocol

# A client that is about to ask again on an open connection learns from its next answer that it ends.
_LINGER_SECONDS = 0.2


class Server(uvicorn.Server):
    """uvicorn's server, which leaves in steps."""

    def __init__(self, config: uvicorn.Config, stopping: threading.Event, *, delay: int) -> None:
        """Take what sets `/readyz` to 503, and for how many seconds that is shown before the end begins."""
        super().__init__(config)
        self._stopping = stopping
        self._delay = delay
        self._loop: asyncio.AbstractEventLoop | None = None
        self._hastened = asyncio.Event()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to leave at the first signal, whichever it is, and hasten at each further one."""
        del frame
        if not self.should_exit:
            self._captured_signals.append(sig)  # it alone is raised again in the end
            self.should_exit = True
        elif self._loop is not None:
            self._loop.call_soon_threadsafe(self._hastened.set)

    async def main_loop(self) -> None:
        """Serve until a signal comes, and then for as long as the delay is."""
        await super().main_loop()
        self._loop = asyncio.get_running_loop()
        self._stopping.set()
        self.server_state.default_headers = [*self.server_state.default_headers, (b"connection", b"close")]
        for connection in self.server_state.connections:
            if isinstance(connection, Protocol):
                connection.finish()
        await self._wait(self._delay)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, and finish what those that are open have asked."""
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        # A signal that ended the delay hastens no more than that.
        self._hastened.clear()
        force = asyncio.create_task(self._force())
        try:
            await asyncio.sleep(_LINGER_SECONDS)
            await super().shutdown(sockets)
        finally:
            force.cancel()

    async def _force(self) -> None:
        await self._hastened.wait()
        self.force_exit = True

    async def _wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._hastened.wait(), seconds)
