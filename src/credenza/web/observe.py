"""One thin layer around every request: its id, its line in the log, its count. Only allow-listed fields."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from itertools import count
from os import urandom
from typing import Any

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send
from prometheus_client import CollectorRegistry, Counter, Histogram

from credenza.web.paths import show_route
from credenza.workspace import milliseconds

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
# A method is any token that a client makes up: an unknown one is not repeated, and makes no new counter.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_FIELDS = ("request", "failure", "status", "method", "route", "milliseconds", "actor")


class Observe:
    """ASGI middleware: a request id, one log line without path or query, and metrics by route."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry, *, log: bool) -> None:
        """Wrap an application."""
        self._app = app
        self._log = log
        labels = ("method", "route", "status")
        self._count = Counter("credenza_requests", "Requests answered.", labels, registry=registry)
        self._seconds = Histogram(
            "credenza_request_seconds", "Time to answer.", ("route",), buckets=_BUCKETS, registry=registry
        )
        self._run = urandom(6).hex()
        self._numbers = count(1)
        self._children: dict[tuple[str, str, str], Any] = {}
        self._lines: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and watch its answer."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        request_id = f"{self._run}-{next(self._numbers):08x}"
        scope["credenza.id"] = request_id  # type: ignore[typeddict-unknown-key]
        status = 500

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message["headers"], (b"x-request-id", request_id.encode())]
                headers.append((b"x-content-type-options", b"nosniff"))
                message["headers"] = headers
            await send(message)

        try:
            await self._app(scope, receive, watch)
        finally:
            self._observe(scope, status, time.perf_counter() - begun, request_id)

    def _observe(self, scope: HTTPScope, status: int, seconds: float, request_id: str) -> None:
        # The route's pattern, never the path: a path may hold what was pasted by mistake.
        route = show_route(str(scope.get("path_template") or "none"))
        method = str(scope["method"])
        key = (method if method in _METHODS else "other", route, str(status))
        if key not in self._children:
            self._children[key] = (self._count.labels(*key), self._seconds.labels(route))
        counter, histogram = self._children[key]
        counter.inc()
        histogram.observe(seconds)
        if self._log:
            actor = scope.get("user")
            self._tell(
                level="info",
                event="request",
                request=request_id,
                method=key[0],
                route=route,
                status=status,
                milliseconds=round(seconds * 1000, 2),
                actor=actor.name if actor else None,
            )

    def _tell(self, **fields: object) -> None:
        if not self._lines:
            # All answers of one turn of the event loop share one write.
            asyncio.get_running_loop().call_soon(self._write)
        self._lines.append(_line(fields))

    def _write(self) -> None:
        lines, self._lines = self._lines, []
        sys.stderr.write("".join(lines))


def write_line(**fields: object) -> None:
    """Write one JSON line to standard error."""
    sys.stderr.write(_line(fields))


def _line(fields: dict[str, object]) -> str:
    return msgspec.json.encode({"at": milliseconds(), **fields}).decode() + "\n"


class LineHandler(logging.Handler):
    """Turn log records into JSON lines of allow-listed fields: no arguments, no traceback, no locals."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; its message is used only where it is one of ours."""
        ours = record.name.startswith("credenza")
        fields = {name: getattr(record, name) for name in _FIELDS if hasattr(record, name)}
        event = record.msg if ours and isinstance(record.msg, str) else "message withheld"
        write_line(level=record.levelname.lower(), event=event, logger=record.name, **fields)


def configure_logging() -> None:
    """Send every log of the process through `LineHandler`."""
    root = logging.getLogger()
    root.handlers = [LineHandler()]
    root.setLevel(logging.WARNING)
