"""How a workspace decides, as one value."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec


def milliseconds() -> int:
    """Return the time of day in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


class Policy(msgspec.Struct, frozen=True):
    """Settings of the core. `lenient` accepts missing and unknown keys; the clock is milliseconds."""

    lenient: bool = False
    keep_versions: int = 10
    clock: Callable[[], int] = milliseconds
