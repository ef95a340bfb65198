"""One thin layer around every request: its id, its line in the log, its count. Only allow-listed fields."""

from __future__ import annotations

import asyncio
import time
from itertools import count
from os import urandom
from typing import TYPE_CHECKING, Any

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from credenza.metrics import Metrics
from credenza.web.draining import Draining
from credenza.web.logs import make_line, write_text
from credenza.web.paths import show_route

if TYPE_CHECKING:  # only where traces are asked for is it imported
    from credenza.tracing import Request

# A method is any token that a client makes up: an unknown one is not repeated, and makes no new counter.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_UNAUTHORIZED = 401


class Observe:
    """ASGI middleware: a request id, one log line without path or query, and metrics by route."""

    def __init__(self, app: ASGIApp, metrics: Metrics, draining: Draining, *, log: bool) -> None:
        """Wrap an application."""
        self._app = app
        self._log = log
        self._draining = draining
        self._tracing = metrics.tracing
        self._metrics = metrics
        self._run = urandom(6).hex()
        self._numbers = count(1)
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
        draining = self._draining
        draining.requests += 1
        method = str(scope["method"])
        method = method if method in _METHODS else "other"
        span = self._tracing.request(method, list(scope["headers"])) if self._tracing else None

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message["headers"], (b"x-request-id", request_id.encode())]
                headers.append((b"x-content-type-options", b"nosniff"))
                if draining.begun:
                    headers.append((b"connection", b"close"))
                message["headers"] = headers
            await send(message)

        try:
            await self._app(scope, receive, watch)
        finally:
            draining.requests -= 1
            self._observe(scope, method, status, time.perf_counter() - begun, span)

    def _observe(
        self, scope: HTTPScope, method: str, status: int, seconds: float, span: Request | None
    ) -> None:
        request_id = str(scope["credenza.id"])  # type: ignore[typeddict-item]
        # The route's pattern, never the path: a path may hold what was pasted by mistake.
        route = show_route(str(scope.get("path_template") or "none"))
        key = (method, route, str(status))
        metrics = self._metrics
        metrics.requests.of(*key).inc()
        metrics.seconds.of(route).observe(seconds)
        code: Any = scope.get("credenza.code")
        if code is not None:
            metrics.problems.of(code).inc()
            if status == _UNAUTHORIZED:
                metrics.strangers.of(code).inc()
        if span is not None:
            span.end(route, status, code, request_id)
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
                **({} if code is None else {"code": code}),
                **({} if span is None else {"trace": span.id}),
            )

    def _tell(self, **fields: object) -> None:
        if not self._lines:
            # All answers of one turn of the event loop share one write.
            asyncio.get_running_loop().call_soon(self._write)
        self._lines.append(make_line(fields))

    def _write(self) -> None:
        lines, self._lines = self._lines, []
        write_text("".join(lines))
