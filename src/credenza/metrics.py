"""Counting the work for Prometheus. No label ever holds a name, a path or a value, only words of ours."""

from __future__ import annotations

import platform
from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TypeVar

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector

from credenza.observer import Observer, Watch
from credenza.ports import Store

if TYPE_CHECKING:  # only where traces are asked for is it imported
    from credenza.tracing import Parts, Tracing

T = TypeVar("T")
_TIMES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_GROUPS = (1, 2, 4, 8, 16, 32, 64)
Others = Callable[[], Iterable[tuple[str, str, float]]]
_MOST_WORDS = 1_000  # of one label; what somebody adds beyond is counted together


class Metrics(Observer):
    """The counters of one process, in a registry of their own; `tracing` None: nobody traces."""

    def __init__(self, tracing: Tracing | None = None) -> None:
        """Begin at nothing."""
        self.registry = registry = CollectorRegistry()
        self.tracing = tracing
        self._saves = Words(Counter("credenza_saves", "Saves.", ("verb", "outcome"), registry=registry))
        self._items = Words(Counter("credenza_items", "Items of saves.", ("result",), registry=registry))
        self._opened = Counter("credenza_secrets_opened", "Secrets opened.", registry=registry)
        self._sealed = Counter("credenza_secrets_sealed", "Secrets sealed and stored.", registry=registry)
        self._audited = Counter("credenza_audit_rows", "Audit rows written.", registry=registry)
        self._commits = Histogram(
            "credenza_commit_seconds", "Time of a COMMIT.", buckets=_FAST, registry=registry
        )
        self._jobs = Histogram(
            "credenza_commit_jobs", "Jobs that shared a commit.", buckets=_GROUPS, registry=registry
        )
        self._keys = Words(
            Histogram(
                "credenza_kek_call_seconds",
                "Time of a call of the key provider.",
                ("call", "outcome"),
                buckets=_FAST,
                registry=registry,
            )
        )
        labels = ("method", "route", "status")
        self.requests = Words(Counter("credenza_requests", "Requests answered.", labels, registry=registry))
        self.seconds = Words(
            Histogram(
                "credenza_request_seconds", "Time to answer.", ("route",), buckets=_TIMES, registry=registry
            )
        )
        self.problems = Words(
            Counter("credenza_problems", "Requests refused or failed.", ("code",), registry=registry)
        )
        self.strangers = Words(
            Counter(
                "credenza_auth_failures", "Requests without a good credential.", ("code",), registry=registry
            )
        )
        ProcessCollector(registry=registry)

    def watch(self, verb: str) -> Watch:
        """Begin to watch a save."""
        return _Save(self, verb, self.tracing.parts() if self.tracing else None)

    def part(self, name: str) -> AbstractContextManager[None]:
        """Time a part of the request that is being served."""
        return self.tracing.part(name) if self.tracing else super().part(name)

    def count_opened(self, count: int) -> None:
        """Take how many secrets were opened."""
        self._opened.inc(count)

    def count_commit(self, seconds: float, jobs: int, audited: int, sealed: int) -> None:
        """Take a commit."""
        self._commits.observe(seconds)
        self._jobs.observe(jobs)
        if audited:
            self._audited.inc(audited)
        if sealed:
            self._sealed.inc(sealed)

    def count_key_call(self, call: str, outcome: str, seconds: float) -> None:
        """Take a call of a key provider."""
        self._keys.of(call, outcome).observe(seconds)

    def count_save(self, verb: str, outcome: str, results: Iterable[str]) -> None:
        """Take a save that has come to its end."""
        self._saves.of(verb, outcome).inc()
        if outcome == "saved":
            for result, count in Tally(results).items():
                self._items.of(result).inc(count)


class Words:
    """The children of a metric by their labels, found faster than the library finds them."""

    def __init__(self, metric: Counter | Histogram) -> None:
        """Begin with none."""
        self._metric = metric
        self._known: dict[tuple[str, ...], Any] = {}

    def of(self, *labels: str) -> Any:  # noqa: ANN401  # a child of whatever the metric is
        """Return the child with these labels; beyond a thousand of them, one that stands for all others."""
        child = self._known.get(labels)
        if child is None:
            if len(self._known) >= _MOST_WORDS:
                labels = ("other",) * len(labels)
            child = self._known[labels] = self._metric.labels(*labels)
        return child


class _Save(Watch):
    """One save, for the counters, and for the trace where there is one."""

    __slots__ = ("_metrics", "_parts", "_verb", "opened")

    def __init__(self, metrics: Metrics, verb: str, parts: Parts | None) -> None:
        self.opened = 0
        self._metrics = metrics
        self._verb = verb
        self._parts = parts

    def part(self, name: str) -> AbstractContextManager[None]:
        return super().part(name) if self._parts is None else self._parts.part(name)

    def look(self, tx: T) -> T:
        return tx if self._parts is None else self._parts.look(tx)

    def end(self, outcome: str, results: Iterable[str]) -> None:
        if self._parts is not None:
            results = list(results)
            self._parts.end(self._verb, outcome, len(results))
        if self.opened:
            self._metrics.count_opened(self.opened)
        self._metrics.count_save(self._verb, outcome, results)


class Gauges(Collector):
    """What is read when it is asked for: the build, the key, and how busy the store is."""

    def __init__(self, store: Store, kind: str, others: Others) -> None:
        """Take the store, its kind, and what gives name, meaning and value of others."""
        self._store = store
        self._kind = kind
        self._others = others

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Give nothing: the store need not be asked for names."""
        return iter(())

    def collect(self) -> Iterator[GaugeMetricFamily | InfoMetricFamily]:
        """Give the gauges as things stand."""
        told = {"version": version("credenza"), "python": platform.python_version(), "store": self._kind}
        yield InfoMetricFamily("credenza_build", "What runs here.", value=told)
        for name, text, value in self._others():
            yield GaugeMetricFamily(name, text, value=value)
        load = self._store.load()
        yield GaugeMetricFamily("credenza_writer_queue_jobs", "Jobs that wait to be written.", load.waiting)
        if load.pool is not None:
            pool = GaugeMetricFamily(
                "credenza_pool_connections", "Connections of the pool.", labels=("state",)
            )
            pool.add_metric(("idle",), load.pool.idle)
            pool.add_metric(("used",), load.pool.open - load.pool.idle)
            yield pool
            yield GaugeMetricFamily("credenza_pool_connections_max", "As many as may be.", load.pool.most)
            yield GaugeMetricFamily(
                "credenza_pool_waiting", "Jobs and reads that wait for a connection.", load.pool.waiting
            )
