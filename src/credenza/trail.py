"""What an audit trail is made of: notes of what was done, chained rows, and the ends of streams."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

_DIGITS = 9


class Note(msgspec.Struct, frozen=True):
    """What the audit says of one batch: who did what to which records, by key path.

    An item is name, result, version and changed key paths.
    """

    actor: str
    verb: str
    items: Iterable[tuple[str | None, str, int | None, tuple[str, ...]]]
    at: int


class Entry(msgspec.Struct, frozen=True):
    """One audit row of a stream; `mac` covers every field and the row before it."""

    stream: str
    sequence: int
    at: int
    actor: str
    verb: str
    items: bytes
    mac: bytes


class Head(msgspec.Struct, frozen=True):
    """The end of an audit stream: how many rows, the last row's MAC, and a MAC over both."""

    stream: str
    count: int
    mac: bytes
    seal: bytes


def current(heads: Sequence[Head]) -> Head | None:
    """Return the end of the stream that a trail goes on in; None: it has not begun.

    Streams follow one another: `main`, and after each time the store was set back one of the next number.
    """
    return max(heads, key=lambda head: (number_of(head.stream), head.stream), default=None)


def number_of(stream: str) -> int:
    """Return how often the store had been set back when a stream began."""
    _, _, rest = stream.partition("-")
    number = rest.partition("-")[0]
    return int(number) if number.isascii() and number.isdigit() and len(number) <= _DIGITS else 0


def next_stream(stream: str, mark: str) -> str:
    """Return the name of the stream after one; `mark` tells it from others of the same number."""
    return f"{stream.partition('-')[0]}-{number_of(stream) + 1}-{mark}"
