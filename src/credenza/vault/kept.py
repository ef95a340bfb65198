"""Rings that a process keeps for a while, and what says that they are still good."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from credenza.model import RingRow
from credenza.vault.ring import Ring


class Kept(NamedTuple):
    """A ring, until when it is good, and the rows it was made of as of a revision of all rings."""

    expires: float
    ring: Ring
    revision: object
    rows: Sequence[RingRow]


def outline(rows: Sequence[RingRow]) -> list[RingRow]:
    """Return rows without what changes while their keys stay: the count of seals, and what wraps them."""
    return [msgspec.structs.replace(row, seals=0, kek_id="", wrapped=None) for row in rows]
