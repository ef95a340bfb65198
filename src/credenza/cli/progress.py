"""How far a long save has come, where somebody watches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from credenza.model import Change
from credenza.workspace.changes import Changes, Outline

_LONG = 1_000


class Watched:
    """The changes of a batch; says how far it has come whenever the next chunk is asked for."""

    def __init__(self, changes: Changes, tell: Callable[[int], None]) -> None:
        """Take the changes and whom to tell."""
        self.replace_apis = changes.replace_apis
        self._changes = changes
        self._tell = tell

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._changes)

    def outline(self, first: int, last: int) -> Sequence[Outline]:
        """Return the outlines of a run of changes."""
        self._tell(first)
        return self._changes.outline(first, last)

    def read(self, indexes: Sequence[int]) -> Sequence[Change]:
        """Return these changes."""
        return self._changes.read(indexes)


@contextmanager
def watched(changes: Changes) -> Iterator[Changes]:
    """Give the changes, which show how far they have come if they are many."""
    with bar(len(changes)) as tell:
        yield changes if tell is None else Watched(changes, tell)


@contextmanager
def bar(total: int, what: str = "Saving") -> Iterator[Callable[[int], None] | None]:
    """Show how far something long has come, where somebody watches; give how to say so."""
    if total <= _LONG or not someone_watches():
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(what, total=total)
        yield lambda done: shown.update(task, completed=done)


def someone_watches() -> bool:
    """Say whether standard error is a terminal."""
    return sys.stderr.isatty()
