"""Random bytes for ids, salts and nonces, drawn from the system many at a time. Keys are drawn by themselves.

Each draw lets another thread take the interpreter: beside a busy event loop the thread that writes would
lose its turn twice for every save, while everybody in the group waits for it. Bytes drawn and not used lie
in memory, and a machine that is copied while it runs has them twice; so whoever writes begins each group
of changes with fresh ones.
"""

from __future__ import annotations

import os
from threading import local

_AHEAD = 4_096  # bytes


class _Pool(local):
    """What one thread has drawn and not used."""

    drawn = b""
    used = 0


_pool = _Pool()


def random_bytes(size: int) -> bytes:
    """Return bytes that nobody was given before: not in this process, nor in one forked from it."""
    start = _pool.used
    end = start + size
    if end > len(_pool.drawn):
        _pool.drawn, start, end = os.urandom(max(_AHEAD, size)), 0, size
    _pool.used = end
    return _pool.drawn[start:end]


def begin_afresh() -> None:
    """Forget what this thread has drawn and not used."""
    _pool.drawn = b""


if hasattr(os, "register_at_fork"):  # where there is no fork, there is nothing to forget
    # Of the threads, only the one that forked is in the child.
    os.register_at_fork(after_in_child=begin_afresh)
