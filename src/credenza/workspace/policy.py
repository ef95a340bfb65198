"""How a workspace decides, as one value."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from credenza.observer import SILENT, Observer


def milliseconds() -> int:
    """Return the time of day in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


class Policy(msgspec.Struct, frozen=True):
    """Settings of the core. `lenient` accepts missing and unknown keys; the clock is milliseconds.

    The observer hears what is done.
    """

    lenient: bool = False
    keep_versions: int = 10
    clock: Callable[[], int] = milliseconds
    observer: Observer = SILENT
