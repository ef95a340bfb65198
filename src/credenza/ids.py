"""Outside ids: UUIDv7 (RFC 9562), made many at a time."""

from __future__ import annotations

import os
from uuid import UUID

_RANDOM = 10


def new_ids(now: int, count: int) -> list[bytes]:
    """Return `count` UUIDv7 of 16 bytes for the time `now` in milliseconds."""
    stamp = now.to_bytes(6, "big")
    random = os.urandom(_RANDOM * count)
    ids = []
    for start in range(0, len(random), _RANDOM):
        tail = random[start : start + _RANDOM]
        version = bytes(((tail[0] & 0x0F) | 0x70, tail[1], (tail[2] & 0x3F) | 0x80))
        ids.append(stamp + version + tail[3:])
    return ids


def id_text(id: bytes) -> str:
    """Write an id with its dashes."""
    return str(UUID(bytes=id))
