"""Traces by OpenTelemetry, where its own variables ask for them. Nothing of it is imported otherwise.

A span has a route's pattern, words of ours, counts and codes; no path, query, name or value. Of what a caller
sends only `traceparent` is taken: `tracestate` and `baggage` are texts of anybody's.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar, cast

from credenza.errors import Misconfigured

if TYPE_CHECKING:  # only who asks for traces pays for it
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer

T = TypeVar("T")
_TRACEPARENT = re.compile(rb"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})\Z")
_TIMED = {"find": "read", "held": "read"}
_PATIENCE = 5_000  # milliseconds for what is left at the end
_current: ContextVar[Context | None] = ContextVar("credenza_trace", default=None)


def is_asked_for(environment: Mapping[str, str]) -> bool:
    """Tell whether the standard variables ask for traces.

    Raises:
        Misconfigured: they ask for an exporter or a protocol that there is not.
    """
    exporter = environment.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    places = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true" or exporter == "none":
        return False
    if not exporter and not any(environment.get(place) for place in places):
        return False
    if exporter not in {"", "otlp"}:
        raise Misconfigured("OTEL_TRACES_EXPORTER is otlp or none.")
    for name in ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        if environment.get(name, "http/protobuf") != "http/protobuf":
            raise Misconfigured(f"{name} is http/protobuf, or left out.")
    return True


def start_tracing(environment: Mapping[str, str]) -> Tracing | None:
    """Return what traces, where the variables ask for it; None: they do not.

    Raises:
        Misconfigured: they ask for what there is not, or `credenza[otel]` is not installed.
    """
    if not is_asked_for(environment):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError:
        raise Misconfigured(
            "OTEL_* asks for traces: install them with pip install 'credenza[otel]'."
        ) from None
    # Not Resource.create: other detectors, which a variable may name, tell the command line of the process.
    named = Resource({"service.name": "credenza"}).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=named, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracing(provider)


class Tracing:
    """Make the spans of one process."""

    def __init__(self, provider: TracerProvider) -> None:
        """Take what makes and sends spans."""
        from opentelemetry import trace  # noqa: PLC0415

        self._api = trace
        self._provider = provider
        self._tracer: Tracer = provider.get_tracer("credenza")

    def request(self, method: str, headers: list[tuple[bytes, bytes]]) -> Request:
        """Begin the span of a request; `method` is one of those that are known."""
        attributes = {"http.request.method": method}
        span = self._tracer.start_span(
            method, self._read_parent(headers), self._api.SpanKind.SERVER, attributes
        )
        return Request(span, self._api)

    def parts(self) -> Parts | None:
        """Return what is to be told of the parts of a save; None: its request is not recorded."""
        context = _current.get()
        return None if context is None else Parts(self._tracer, context)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Time a part of the request that is being served."""
        context = _current.get()
        if context is None:
            yield
            return
        begun = time.time_ns()
        try:
            yield
        finally:
            self._tracer.start_span(name, context, start_time=begun).end()

    def close(self) -> None:
        """Send what is left."""
        self._provider.force_flush(_PATIENCE)
        self._provider.shutdown()

    def _read_parent(self, headers: list[tuple[bytes, bytes]]) -> Context:
        """Return the context of a caller; two, or one that cannot be read, are none."""
        empty: Context = self._api.set_span_in_context(self._api.INVALID_SPAN)
        found = [value for name, value in headers if name == b"traceparent"]
        match = _TRACEPARENT.match(found[0]) if len(found) == 1 else None
        if match is None:
            return empty
        trace, span, flags = (int(part, 16) for part in match.groups())
        parent = self._api.SpanContext(
            trace, span, is_remote=True, trace_flags=self._api.TraceFlags(flags & 1)
        )
        said: Context = self._api.set_span_in_context(self._api.NonRecordingSpan(parent))
        return said if parent.is_valid else empty


class Request:
    """The span of one request, while it is served."""

    def __init__(self, span: Span, api: Any) -> None:  # noqa: ANN401  # a module
        """Make it the one that parts belong to, where it is recorded at all."""
        self._span = span
        self._api = api
        self.id = f"{span.get_span_context().trace_id:032x}"
        context = api.set_span_in_context(span) if span.is_recording() else None
        self._token = _current.set(context)

    def end(self, route: str, status: int, code: str | None, request_id: str) -> None:
        """End it; `route` is a pattern, `code` that of the problem, None: there was none."""
        _current.reset(self._token)
        span = self._span
        if span.is_recording():
            method = cast("Any", span).attributes["http.request.method"]
            span.update_name(f"{method} {route}")
            span.set_attributes(
                {"http.route": route, "http.response.status_code": status, "credenza.request": request_id}
            )
            if code is not None:
                span.set_attribute("error.type", code)
            if status >= 500:  # noqa: PLR2004  # a fault of ours
                span.set_status(self._api.StatusCode.ERROR)
        span.end()


class _Times:
    """When a part was begun first and left last, how long it took in all, in nanoseconds, and how often."""

    __slots__ = ("busy", "first", "last", "times")

    def __init__(self, first: int) -> None:
        self.first = self.last = first
        self.busy = self.times = 0


class Parts:
    """The parts of one save. Those that come several times make one span."""

    def __init__(self, tracer: Tracer, context: Context) -> None:
        """Begin to wait for the store's turn."""
        self._tracer = tracer
        self._context = context
        self._begun = time.time_ns()
        self._seen: dict[str, _Times] = {}

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Time a part."""
        begun = time.time_ns()
        times = self._seen.setdefault(name, _Times(begun))
        try:
            yield
        finally:
            times.last = time.time_ns()
            times.busy += times.last - begun
            times.times += 1

    def look(self, tx: T) -> T:
        """Return what reads like a transaction, its reading timed."""
        return cast("T", _Timed(tx, self))

    def end(self, verb: str, outcome: str, items: int) -> None:
        """Make the spans; what came after the work was done was the commit."""
        ended, work = time.time_ns(), self._seen.pop("work", None)
        if work is not None:
            self._tell("queue", self._begun, work.first, {})
        for name, times in self._seen.items():
            told = {"credenza.busy_seconds": times.busy / 1e9, "credenza.times": times.times}
            self._tell(name, times.first, times.last, told)
        if work is not None:
            self._tell(
                "commit",
                work.last,
                ended,
                {"credenza.verb": verb, "credenza.outcome": outcome, "credenza.items": items},
            )

    def _tell(self, name: str, begun: int, ended: int, attributes: Mapping[str, str | int | float]) -> None:
        self._tracer.start_span(name, self._context, attributes=attributes, start_time=begun).end(ended)


class _Timed:
    """A transaction whose reading is timed."""

    def __init__(self, tx: object, parts: Parts) -> None:
        self._tx = tx
        self._parts = parts

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever a transaction has
        found = getattr(self._tx, name)
        if name not in _TIMED:
            return found

        def timed(*arguments: object) -> object:
            with self._parts.part(_TIMED[name]):
                return found(*arguments)

        return timed
