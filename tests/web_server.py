"""A real server in a thread, for what a test client smooths over: raw paths, chunks, broken headers."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import contextmanager, suppress

import uvicorn

from credenza.web.protocol import Protocol
from made_once import lend_app


class Server(uvicorn.Server):
    """uvicorn's server, which ends at once where that looks every tenth of a second whether it is to."""

    def __init__(self, config):
        super().__init__(config)
        self.ended = asyncio.Event()

    def end(self):
        self.should_exit = True
        self.loop.call_soon_threadsafe(self.ended.set)

    async def main_loop(self):
        self.loop = asyncio.get_running_loop()
        for counter in range(864_000):
            if await self.on_tick(counter):
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(self.ended.wait(), 0.1)

    async def shutdown(self, sockets=None):  # noqa: ARG002  # uvicorn's signature
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        while self.server_state.connections or self.server_state.tasks:  # noqa: ASYNC110  # nothing tells
            await asyncio.sleep(0.001)


@contextmanager
def serve(service, **options):
    """Serve on a free port of the loopback address and give its base URL; options are those of the app."""
    with lend_app(service, **options) as app:
        server = Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off", http=Protocol))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not (server.started and hasattr(server, "loop")):
            time.sleep(0.001)
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.end()
            thread.join(10)
