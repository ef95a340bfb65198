"""Outside ids: UUIDv7 (RFC 9562), their random bits drawn for many at a time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from credenza.randomness import random_bytes

_RANDOM = 10  # of 80 bits, six are overwritten by version and variant
_MARKS = 0x7 << 76 | 0b10 << 62
_LOW = (1 << 62) - 1
_HIGH = 0xFFF << 64


def make_ids(now: int, ahead: int) -> Iterator[bytes]:
    """Return ids of 16 bytes without end for the time `now` in milliseconds; `ahead` are drawn at once."""
    stamp = now << 80 | _MARKS
    while True:
        drawn = random_bytes(_RANDOM * ahead)
        for start in range(0, len(drawn), _RANDOM):
            bits = int.from_bytes(drawn[start : start + _RANDOM], "big")
            yield (stamp | bits & _HIGH | bits & _LOW).to_bytes(16, "big")


def new_ids(now: int, count: int) -> list[bytes]:
    """Return `count` ids of 16 bytes for the time `now` in milliseconds."""
    return list(islice(make_ids(now, count), count))
