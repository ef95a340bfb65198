"""Pages of things whose status is found when they are read, and not all of it stored."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple, TypeVar

import msgspec

from credenza.model import Choice, Paper, Place
from credenza.web.templates.answers import Filling, Page, is_there, walk
from credenza.web.templates.query import write_cursor
from credenza.workspace.desk import Desk

T = TypeVar("T")
Found = Sequence[tuple[Place, Paper]]
_CHUNK = 200
_MOST = 5_000  # things that one page looks at


class Stored(NamedTuple):
    """Where to look for things of a status: those stored under some, begun after a time in milliseconds."""

    statuses: Collection[str]
    since: int | None = None


def read_effective_page(
    desk: Desk,
    choice: Choice,
    stored: Sequence[Stored],
    find: Callable[[Found], Sequence[tuple[str, T]]],
    show: Callable[[Sequence[T]], Iterable[object]],
) -> Page[msgspec.Raw]:
    """Return the page of a choice, of things that have one of its statuses as `find` tells it, by `show`.

    `stored` says for each of these where such things are. A page ends where it has looked at many, be there
    something on it or not, and a cursor goes on from there.
    """
    if not is_there(desk, choice):
        return Page([])
    wanted, narrowed, filling = set(choice.statuses), _narrow(choice, stored), Filling(choice)
    side = "before" if filling.backwards else "after"
    more, seen, last = bool(narrowed.statuses), 0, ""
    while more and seen < _MOST:
        places = desk.places(narrowed)
        for run in walk(places, backwards=filling.backwards):
            chosen = [thing for status, thing in find(desk.standing(run)) if status in wanted]
            room = filling.room
            if not filling.add(show(chosen[:room])) or len(chosen) > room:
                return filling.finish(more=True)
        more, seen = len(places) == narrowed.limit, seen + len(places)
        if more:
            last = places[0 if filling.backwards else -1].id
            narrowed = msgspec.structs.replace(narrowed, limit=_CHUNK, **{side: last})
    return filling.finish(more=more, cursor=write_cursor(side, last) if more else None)


def _narrow(choice: Choice, stored: Sequence[Stored]) -> Choice:
    """Return a choice of what may have one of the statuses; where few do, more are looked at in chunks."""
    statuses = sorted({status for each in stored for status in each.statuses})
    starts = [each.since for each in stored]
    after, before = choice.created
    since = [start for start in starts if start is not None]
    if since and len(since) == len(starts):
        after = min(since) if after is None else max(min(since), after)
    return msgspec.structs.replace(
        choice,
        statuses=tuple(statuses),
        limit=choice.limit + 1,
        created=(after, before),
    )
