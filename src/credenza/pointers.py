"""JSON Pointers (RFC 6901): how a key is written as a step of one, and read back."""

from __future__ import annotations


def escape(key: str) -> str:
    """Write a key as a step of a pointer."""
    return key.replace("~", "~0").replace("/", "~1")


def split(pointer: str) -> list[str]:
    """Return the keys and positions that a pointer leads along."""
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
