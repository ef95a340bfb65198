"""How a batch is handed over: first in outline, then only what is not known already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from credenza.model import Change, Flawed, Put


class Outline(NamedTuple):
    """What is needed to recognise a change without reading it; `source` is its exact text, if it has one."""

    name: str
    type: str = ""
    expected_version: int | None = None
    source: bytes | None = None


class Torn(Flawed, frozen=True):
    """A change of which a part cannot be read; the `rest` is looked at only for what else is wrong."""

    rest: Put


class Changes(Protocol):
    """The changes of one request. Reading the same twice gives the same."""

    replace_apis: bool

    def __len__(self) -> int:
        """Return how many there are."""

    def outline(self, first: int, last: int) -> Sequence[Outline]:
        """Return the outlines of a run of changes."""

    def read(self, indexes: Sequence[int]) -> Sequence[Change]:
        """Return these changes, in this order; what cannot be read is `Flawed`."""


class Listed:
    """Changes that are at hand."""

    replace_apis = False

    def __init__(self, changes: Sequence[Change]) -> None:
        """Take the list."""
        self._changes = changes

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._changes)

    def outline(self, first: int, last: int) -> Sequence[Outline]:
        """Return the outlines of a run of changes."""
        return [_outline(change) for change in self._changes[first:last]]

    def read(self, indexes: Sequence[int]) -> Sequence[Change]:
        """Return these changes."""
        return [self._changes[index] for index in indexes]


def _outline(change: Change) -> Outline:
    if isinstance(change, Put):
        return Outline(change.name, change.type or "", change.expected_version, None)
    return Outline(change.name)
