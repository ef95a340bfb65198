"""Keep the vault's key no longer than its provider grants it, beside the requests; tell logs and metrics."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from credenza.vault.lease import Lease, Outcome

_LOG = logging.getLogger("credenza.keys")
_OUTCOMES: tuple[Outcome, ...] = ("confirmed", "locked", "unanswered")


class Leasing(Collector):
    """Ask for the key whenever the lease says so, and count what came of it."""

    def __init__(self, lease: Lease, registry: CollectorRegistry) -> None:
        """Take the lease, and where its metrics are shown."""
        self._lease = lease
        self._last: Outcome = "confirmed"
        self._count = Counter(
            "credenza_key_checks",
            "Times the vault's key was asked for again.",
            ("outcome",),
            registry=registry,
        )
        for outcome in _OUTCOMES:
            self._count.labels(outcome)
        registry.register(self)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Give when the provider last gave the key, and for how long it is used without another answer."""
        yield GaugeMetricFamily(
            "credenza_key_confirmed_timestamp_seconds",
            "When the provider last gave the vault's key.",
            value=time.time() - self._lease.age,
        )
        yield GaugeMetricFamily(
            "credenza_key_grace_seconds",
            "For how long the vault's key is used while its provider does not answer.",
            value=self._lease.left,
        )

    async def run(self) -> None:
        """Ask again and again, until cancelled."""
        while True:
            await asyncio.sleep(self._lease.wait)
            self._tell(await asyncio.to_thread(self._lease.renew))

    def _tell(self, outcome: Outcome) -> None:
        self._count.labels(outcome).inc()
        if outcome != self._last:
            _LOG.warning(self._describe(outcome))
        self._last = outcome

    def _describe(self, outcome: Outcome) -> str:
        if outcome == "confirmed":
            return "The provider of the vault's key gives it again."
        if outcome == "locked":
            return f"The vault is locked. {self._lease.trouble}"
        minutes = f"{self._lease.left / 60:.0f} minutes"
        return f"The vault's key is not confirmed, and used for {minutes} more at most. {self._lease.trouble}"
