"""Ids as the surfaces of templates and packages write them: a prefix, then 22 letters and digits."""

from __future__ import annotations

from hashlib import sha256

from credenza.randomness import random_bytes

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_TIME, _RANDOM = 9, 13  # letters
_DRAWN = 10  # bytes: a little more than 13 letters hold


def new_id(prefix: str, at: int) -> str:
    """Return an id nobody has, for a time in milliseconds: ids of one prefix sort by it."""
    drawn = int.from_bytes(random_bytes(_DRAWN), "big")
    return f"{prefix}_{_write(at, 36, _TIME).lower()}{_write(drawn, 62, _RANDOM)}"


def derive_id(prefix: str, *words: str) -> str:
    """Return the id of what words alone make what it is, such as a connector type: always the same."""
    said = "\0".join(("credenza.id.v1", prefix, *words)).encode()
    return f"{prefix}_{_write(int.from_bytes(sha256(said).digest(), 'big'), 62, _TIME + _RANDOM)}"


def _write(number: int, base: int, length: int) -> str:
    """Write the last digits of a number."""
    digits = []
    for _ in range(length):
        number, digit = divmod(number, base)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))
