"""What an audit trail is made of: notes of what was done, chained rows, and the ends of streams."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec


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
