"""Parts of receipts, one object for all that say the same: a large batch has few kinds of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from credenza.workspace.compose import escape


@lru_cache(maxsize=1_024)
def all_set(pointers: tuple[str, ...]) -> Mapping[str, str]:
    """Return what a new record says of its secrets."""
    return {f"/configuration{pointer}": "set" for pointer in pointers}


@lru_cache(maxsize=1_024)
def share_words(words: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    """Return words as a mapping."""
    return dict(words)


@lru_cache(maxsize=1_024)
def name_paths(keys: tuple[str, ...], pointers: tuple[str, ...]) -> tuple[str, ...]:
    """Return the key paths that a new record sets."""
    return tuple(f"/configuration/{escape(key)}" for key in keys) + tuple(
        f"/configuration{pointer}" for pointer in pointers
    )
