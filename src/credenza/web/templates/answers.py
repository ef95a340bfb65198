"""Answers of this surface: objects and lists as JSON, always 200, under the version they were asked in.

A page ends at its limit, or sooner: once what it shows is large, for things repeat much of what they refer
to. Things are read and written out in runs, so that no page is held whole in any other form than that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Generic, NamedTuple, NotRequired, TypedDict, TypeVar

import msgspec

from credenza.model import Choice, Paper, Place
from credenza.web.answers import Answer, answer_json
from credenza.web.asking import AnyRequest
from credenza.web.templates.presentations import HEADER, read_version
from credenza.workspace.desk import Desk

T = TypeVar("T")
RUN = 20  # things that are read at a time
LARGE = 8 << 20  # bytes, from which on a page takes no more
_encode = msgspec.json.encode


class Pagination(TypedDict):
    """Whether there is more on either side of a page.

    `cursor` goes on where a page ended behind things that it does not show, so that no id of it does.
    """

    has_more_after: bool
    has_more_before: bool
    cursor: NotRequired[str]


class Page(NamedTuple, Generic[T]):
    """What a page shows, in its order, whether there is more on either side, and a cursor if needed."""

    items: Sequence[T]
    more_after: bool = False
    more_before: bool = False
    cursor: str | None = None


class Filling:
    """A page that is being filled from one end on, as JSON."""

    def __init__(self, choice: Choice) -> None:
        """Begin empty."""
        self._choice = choice
        self._items: list[msgspec.Raw] = []
        self._size = 0

    @property
    def backwards(self) -> bool:
        """Tell whether the last of its things comes first."""
        return self._choice.before is not None

    @property
    def room(self) -> int:
        """Return how many things it takes yet."""
        return self._choice.limit - len(self._items) if self._size < LARGE else 0

    def add(self, shown: Iterable[object]) -> bool:
        """Add things as long as there is room; False: there was none for all of them."""
        for each in shown:
            if self.room <= 0:
                return False
            made = msgspec.Raw(_encode(each))
            if self._items and self._size + len(made) > LARGE:
                self._size = LARGE
                return False
            self._items.append(made)
            self._size += len(made)
        return True

    def finish(self, *, more: bool, cursor: str | None = None) -> Page[msgspec.Raw]:
        """Return the page; `more`: there is more beyond."""
        if self.backwards:
            return Page(self._items[::-1], more_after=True, more_before=more, cursor=cursor)
        anchored = self._choice.after is not None
        return Page(self._items, more_after=more, more_before=anchored, cursor=cursor)


def answer(request: AnyRequest, content: object, headers: dict[str, str] | None = None) -> Answer:
    """Return an object as JSON."""
    return answer_json(content, headers={HEADER: read_version(request), **(headers or {})})


def answer_page(request: AnyRequest, page: Page[T], headers: dict[str, str] | None = None) -> Answer:
    """Return a list as JSON."""
    pagination: Pagination = {"has_more_after": page.more_after, "has_more_before": page.more_before}
    if page.cursor is not None:
        pagination["cursor"] = page.cursor
    return answer(request, {"__typename": "list", "items": page.items, "pagination": pagination}, headers)


def is_there(desk: Desk, choice: Choice) -> bool:
    """Tell whether the id is there at which a page begins or ends, if it names one."""
    anchor = choice.before or choice.after
    return anchor is None or desk.place(choice.kind, anchor) is not None


def read_page(
    desk: Desk, choice: Choice, show: Callable[[Sequence[tuple[Place, Paper]]], Iterable[object]]
) -> Page[msgspec.Raw]:
    """Return the page of a choice, its papers shown run by run by `show`.

    One that begins or ends at an id which is not there is empty. Where the id is there, it is itself what
    comes before the page, or after it.
    """
    if not is_there(desk, choice):
        return Page([])
    places = desk.places(msgspec.structs.replace(choice, limit=choice.limit + 1))
    filling = Filling(choice)
    more = len(places) > choice.limit
    for run in walk(places, backwards=filling.backwards, most=choice.limit):
        if not filling.add(show(desk.standing(run))):
            return filling.finish(more=True)
    return filling.finish(more=more)


def walk(places: Sequence[Place], *, backwards: bool, most: int | None = None) -> Iterator[Sequence[Place]]:
    """Return places in runs, from the end where a page is filled first."""
    ordered = (places[::-1] if backwards else places)[:most]
    for first in range(0, len(ordered), RUN):
        yield ordered[first : first + RUN]
