"""How old the terms of the rings are and how often they sealed, and when that is time for new ones.

A seal draws a key of its own every 2**16 times, so the usual bound of 2**32 messages under one key is far
off; a term ends at 2**30 seals or 365 days all the same (NIST SP 800-38D, SP 800-57).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from credenza.model import RingRow, Tenant
from credenza.ports import Store
from credenza.rotation.terms import active_term, is_begun, list_retired

_DAY = 86_400_000  # milliseconds


class Limits(NamedTuple):
    """From where on a term is to be replaced."""

    seals: int = 2**30
    days: int = 365


class Standing(NamedTuple):
    """Where the ring of a workspace stands.

    `seals` and `created_at` are of the active term, and `current` are the secrets sealed under it; `old` are
    those sealed under others, by term, `retired` the terms that only open still, and `prepared` says that a
    term was begun that does not seal yet.
    """

    term: int
    seals: int
    created_at: int
    current: int
    old: Mapping[int, int]
    retired: Sequence[int]
    prepared: bool

    def age(self, now: int) -> int:
        """Return how many days ago the active term was made."""
        return max(now - self.created_at, 0) // _DAY

    def warnings(self, now: int, limits: Limits | None = None) -> Iterator[str]:
        """Say what is to be done, in sentences; nothing: all is well."""
        limits = limits or Limits()
        how = "run `credenza vault rotate`"
        if self.age(now) >= limits.days:
            yield f"Its data key, term {self.term}, is {self.age(now):,} days old: {how}."
        if self.seals >= limits.seals:
            yield f"Its data key, term {self.term}, has sealed {self.seals:,} times: {how}."
        left = sum(self.old.values())
        if self.prepared or self.retired:
            what = "secret is" if left == 1 else "secrets are"
            yield f"A rotation is not finished, and {left:,} {what} sealed under an earlier term: {how}."


def look(store: Store, tenant: Tenant) -> Standing:
    """Return where the ring of a workspace stands; it reads the term of every secret."""
    rows = store.rings(tenant.id)
    term, retired = active_term(rows), list_retired(rows)
    sealed = store.read(tenant, lambda tx: tx.count_sealed())
    active = _find(rows, term)
    return Standing(
        term=term,
        seals=active.seals if active else 0,
        created_at=active.created_at if active else 0,
        current=sealed.get(term, 0),
        old={number: count for number, count in sealed.items() if number != term},
        retired=retired,
        prepared=is_begun(rows),
    )


def _find(rows: Sequence[RingRow], term: int) -> RingRow | None:
    return next((row for row in rows if (row.purpose, row.term) == ("dek", term)), None)
