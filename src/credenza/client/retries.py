"""When a call is repeated, and how late: exponential back-off with jitter, the server's own wish first. Pure.

One expression instead of a library: those bring a loop and a sleep for each kind of driver, and plans have
both already.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import msgspec

from credenza.client.errors import PASSING, ApiError, Unreachable

_MOST_DIGITS = 9


class Retries(msgspec.Struct, frozen=True):
    """How often a call is repeated, and the bounds of the pauses, in seconds.

    A server that asks for more than `patience` is not waited for.
    """

    most: int = 4
    first: float = 0.25
    longest: float = 8.0
    patience: float = 60.0

    def pause(self, attempt: int, failure: ApiError | Unreachable, *, repeatable: bool) -> float | None:
        """Return how many seconds to wait before the next attempt; None: do not repeat.

        `attempt` counts from 0. A call that is not `repeatable` is repeated only where the server cannot
        have seen it.
        """
        if attempt >= self.most or not failure.retryable:
            return None
        # Of many that were refused together, not all shall come back together.
        spread = random.uniform(0.5, 1.0)  # noqa: S311  # a pause is no secret
        own = min(self.longest, self.first * 2**attempt) * spread
        if isinstance(failure, Unreachable):
            return own if repeatable or not failure.sent else None
        if failure.status not in PASSING or not repeatable:
            return None
        wish = read_retry_after(failure.retry_after)
        return None if wish > self.patience else max(own, wish + self.first * spread if wish else 0.0)


def read_retry_after(text: str) -> float:
    """Return the seconds that a Retry-After asks for (RFC 9110, 10.2.3): a number or a date; else 0."""
    if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS:
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
