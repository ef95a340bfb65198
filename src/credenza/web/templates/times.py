"""Times as this surface writes them: ISO 8601 in UTC with milliseconds and a Z."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(4_096)
def write_time(at: int) -> str:
    """Return a time in milliseconds since the epoch as text."""
    whole = datetime.fromtimestamp(at // 1000, UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{at % 1000:03}Z"


def write_time_or_none(at: int | None) -> str | None:
    """Return the same; None stays None."""
    return None if at is None else write_time(at)


def read_time(text: str) -> int:
    """Return the milliseconds since the epoch of a date, or of a date and time; without an offset, in UTC.

    Raises:
        ValueError: it is neither, or no year of four digits.
    """
    read = datetime.fromisoformat(text.strip())
    aware = read if read.tzinfo is not None else read.replace(tzinfo=UTC)
    try:
        span = aware - _EPOCH
    except OverflowError:
        raise ValueError from None
    return (span.days * 86_400 + span.seconds) * 1000 + span.microseconds // 1000
