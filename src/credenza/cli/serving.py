"""One process that serves, and how it ends: it tells, goes on for a while, answers what it took, stops."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn

from credenza import __version__
from credenza.errors import Misconfigured
from credenza.metrics import Metrics
from credenza.settings import Credenza, Settings
from credenza.web.app import create_app
from credenza.web.draining import Draining
from credenza.web.protocol import Protocol

if TYPE_CHECKING:
    from wsgiref.simple_server import WSGIServer

try:
    import resource
except ImportError:  # Windows has no such limits
    resource = None  # type: ignore[assignment]

_log = logging.getLogger("credenza")
_LOOK_SECONDS, _SETTLE_SECONDS = 0.1, 0.02
_MOST_PORT = 65_535


class Server(uvicorn.Server):
    """uvicorn's server. The first signal begins the end, the next one hastens it, whichever they are."""

    def __init__(self, config: uvicorn.Config, draining: Draining, delay: float) -> None:
        """Take what the application is told by, and the seconds to go on serving after the first signal."""
        super().__init__(config)
        self._draining = draining
        self._delay = delay

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal."""
        del frame
        self._captured_signals.append(sig)
        if self.should_exit:
            self.force_exit = True
        elif self._draining.begun:
            self.should_exit = True
        else:
            self._draining.begun = True
            self.should_exit = self._delay <= 0

    async def main_loop(self) -> None:
        """Serve until the end has begun, and then for the delay."""
        until, loop, counter = float("inf"), asyncio.get_running_loop(), 0
        while not await self.on_tick(counter):
            if self._draining.begun and until == float("inf"):
                until = loop.time() + self._delay
                _log.info("ends soon", extra={"pid": os.getpid(), "requests": self._draining.requests})
            if loop.time() >= until:
                self.should_exit = True  # from here on the next signal hastens
                break
            counter = (counter + 1) % 864_000
            await asyncio.sleep(_LOOK_SECONDS)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting, and answer what was taken within the time there is."""
        self._draining.begun = True
        _log.info("ends", extra={"pid": os.getpid(), "requests": self._draining.requests})
        # Connections that the system has taken would be reset: they become ours first, then what they sent.
        await asyncio.sleep(_SETTLE_SECONDS)
        for listener in (*self.servers, *(sockets or ())):
            listener.close()
        await asyncio.sleep(_SETTLE_SECONDS)
        await super().shutdown(sockets)
        if self._draining.requests:
            _log.warning("requests were cut", extra={"requests": self._draining.requests})


def leave_no_core() -> None:
    """See to it that a crash writes no memory, and so no secret, to a file."""
    if resource is not None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run(credenza: Credenza, listener: socket.socket, metrics_listener: WSGIServer | None = None) -> None:
    """Serve until a signal ends it. What is open is closed by the caller."""
    settings, draining = credenza.settings, Draining()
    leave_no_core()
    server = Server(
        uvicorn.Config(
            create_app(credenza, draining=draining),
            http=Protocol,
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=settings.drain_seconds,
        ),
        draining,
        settings.drain_delay,
    )

    def end(_: int, __: FrameType | None) -> None:
        # uvicorn drains on a signal, then raises it again; before that, the signal finds it not begun. An
        # exception would end whatever runs just then, which may be a finalizer that swallows it.
        if not draining.begun:
            draining.begun = server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    gc.freeze()  # what is there by now stays there: no collection need look at it
    _log.info("serves", extra={"pid": os.getpid(), "version": __version__})
    server.run(sockets=[listener])
    if metrics_listener is not None:
        metrics_listener.shutdown()
        metrics_listener.server_close()


def serve_metrics(settings: Settings, metrics: Metrics, number: int = 0) -> WSGIServer | None:
    """Serve metrics at an address of their own, where the setting names one; of a worker, at its own port.

    Raises:
        Misconfigured: the setting is no address, or one that cannot be listened at.
    """
    place = read_place(settings.metrics)
    if place is None:
        return None
    from prometheus_client import start_http_server  # noqa: PLC0415  # few serve them elsewhere

    try:
        server, _ = start_http_server(place[1] + number, place[0], metrics.registry)
    except OSError as error:
        told = f"Metrics cannot be served there ({error.strerror}); choose another --metrics."
        raise Misconfigured(told) from None
    return server


def read_place(text: str) -> tuple[str, int] | None:
    """Return the host and port that metrics are set to; None: on, or off. Raises Misconfigured."""
    if text in {"on", "off"}:
        return None
    host, _, port = text.rpartition(":")
    if not (host and port.isascii() and port.isdigit() and 0 < int(port[:6]) <= _MOST_PORT):
        raise Misconfigured("CREDENZA_METRICS is on, off, or an address such as 127.0.0.1:9100.")
    return host.strip("[]"), int(port)
