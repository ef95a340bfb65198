"""What the work tells those who watch it: how often, how long and with what outcome; never a name or a value.

An observer is handed in where things are opened. This one hears everything and keeps nothing, so that nobody
below has to ask whether somebody watches.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

T = TypeVar("T")
_NOTHING = nullcontext()


class Watch:
    """One save as it is watched; `opened` is how many secrets its last try opened."""

    opened = 0

    def part(self, name: str) -> AbstractContextManager[None]:  # noqa: ARG002  # this one keeps nothing
        """Time a part of the save, which may come several times; `name` is one of our words."""
        return _NOTHING

    def look(self, tx: T) -> T:
        """Return what reads like this transaction, its reading timed."""
        return tx

    def end(self, outcome: str, results: Iterable[str]) -> None:
        """Take what became of it: `saved`, `planned` or the code of an error, and the result of each item."""


class Observer:
    """Whoever counts and times the work. Methods are called from any thread, and must not fail."""

    def watch(self, verb: str) -> Watch:  # noqa: ARG002
        """Begin to watch a save; `verb` is what the audit calls it."""
        return _WATCH

    def part(self, name: str) -> AbstractContextManager[None]:  # noqa: ARG002
        """Time a part of the request that is being served."""
        return _NOTHING

    def count_opened(self, count: int) -> None:
        """Take how many secrets were opened."""

    def count_commit(self, seconds: float, jobs: int, audited: int, sealed: int) -> None:
        """Take a commit: how long it took, the jobs that shared it, and its audit rows and seals."""

    def count_key_call(self, call: str, outcome: str, seconds: float) -> None:
        """Take a call of a key provider: which, `ok` or the code of the error, and how long it took."""


_WATCH = Watch()
SILENT = Observer()
