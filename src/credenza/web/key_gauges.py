"""What an operator has to know of the data keys, as gauges: whether it is time for new ones, or one is stuck.

By purpose and state, not by workspace: there may be thousands. Read from the store when they are asked for,
at most twice a minute; a store that cannot be read leaves them out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from credenza.errors import CredenzaError
from credenza.model import TermCount
from credenza.ports import Store
from credenza.rotation import Limits
from credenza.workspace import milliseconds

_GOOD_SECONDS = 30.0
_LIMITS = Limits()
_DAY = 86_400  # seconds


class KeyGauges(Collector):
    """Gauges of the terms of all workspaces."""

    def __init__(self, store: Store, clock: Callable[[], int] = milliseconds) -> None:
        """Take the store; nothing is read yet."""
        self._store = store
        self._clock = clock
        self._good_until = 0.0
        self._seen: tuple[Sequence[TermCount], int] = ((), 0)

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Give nothing: what there is needs no store to be named."""
        return iter(())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Give the gauges as the store has them."""
        now = time.monotonic()
        if now >= self._good_until:
            try:
                self._seen = self._store.count_terms(), self._store.count_old()
            except CredenzaError:
                return
            self._good_until = now + _GOOD_SECONDS
        yield from self._write(*self._seen)

    def _write(self, counts: Sequence[TermCount], old: int) -> Iterator[GaugeMetricFamily]:
        terms = GaugeMetricFamily(
            "credenza_key_terms", "Terms of data keys in all workspaces.", labels=("purpose", "state")
        )
        age = GaugeMetricFamily(
            "credenza_key_age_seconds_max", "Age of the oldest active term.", labels=("purpose",)
        )
        for count in counts:
            terms.add_metric((count.purpose, count.state), count.terms)
            if count.state == "active":
                age.add_metric((count.purpose,), max(self._clock() - count.created_at, 0) / 1000)
        yield terms
        yield age
        seals = max((c.seals for c in counts if (c.purpose, c.state) == ("dek", "active")), default=0)
        for name, told, value in (
            ("credenza_key_seals_max", "Most seals under one active term.", seals),
            ("credenza_key_seals_limit", "Seals from which on a term is to be replaced.", _LIMITS.seals),
            (
                "credenza_key_age_seconds_limit",
                "Age from which on a term is to be replaced.",
                _LIMITS.days * _DAY,
            ),
            ("credenza_secrets_under_earlier_terms", "Secrets that a rotation has still to seal anew.", old),
        ):
            yield GaugeMetricFamily(name, told, value=value)
