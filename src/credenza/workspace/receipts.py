"""Parts of receipts, one object for all that say the same: a large batch has few kinds of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from credenza.model import locate
from credenza.pointers import escape


@lru_cache(maxsize=1_024)
def all_set(paths: tuple[str, ...]) -> Mapping[str, str]:
    """Return what a new record says of its secrets, by stored path."""
    return {locate(path): "set" for path in paths}


@lru_cache(maxsize=1_024)
def share_words(words: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    """Return words as a mapping."""
    return dict(words)


@lru_cache(maxsize=1_024)
def name_paths(keys: tuple[str, ...], paths: tuple[str, ...]) -> tuple[str, ...]:
    """Return the key paths that a new record sets: its public keys, and secrets by stored path."""
    return tuple(f"/configuration/{escape(key)}" for key in keys) + tuple(locate(path) for path in paths)
