"""Pages of things whose status is found when they are read, and not all of it stored."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, TypeVar

import msgspec

from credenza.errors import Invalid, Problem
from credenza.model import Choice, Paper, Place
from credenza.web.templates.answers import Page
from credenza.workspace.desk import Desk

T = TypeVar("T")
Found = Sequence[tuple[Place, Paper]]
_CHUNK = 200
_MOST = 5_000  # things that one page looks at
_TOO_MANY = "Too many things would have to be looked at: narrow the list, by time or by what they are of."


class Stored(NamedTuple):
    """Where to look for things of a status: those stored under some, begun after a time in milliseconds."""

    statuses: Collection[str]
    since: int | None = None


def read_effective_page(
    desk: Desk,
    choice: Choice,
    stored: Sequence[Stored],
    find: Callable[[Found], Sequence[tuple[str, T]]],
) -> Page[T]:
    """Return the page of a choice, of things that have one of its statuses as `find` tells it.

    `stored` says for each of these where such things are. A page ends where it has looked at many.

    Raises:
        Invalid: `too_many`: among many things there is none of these statuses.
    """
    anchor = choice.before or choice.after
    if anchor is not None and desk.place(choice.kind, anchor) is None:
        return Page([])
    wanted, narrowed = set(choice.statuses), _narrow(choice, stored)
    found: list[T] = []
    more, seen = bool(narrowed.statuses), 0
    while more and len(found) <= choice.limit and seen < _MOST:
        chunk = desk.page(narrowed)
        chosen = [thing for status, thing in find(chunk) if status in wanted]
        found = [*chosen, *found] if choice.before is not None else [*found, *chosen]
        more, seen = len(chunk) == narrowed.limit, seen + len(chunk)
        if more and choice.before is not None:
            narrowed = msgspec.structs.replace(narrowed, before=chunk[0][0].id)
        elif more:
            narrowed = msgspec.structs.replace(narrowed, after=chunk[-1][0].id)
        narrowed = msgspec.structs.replace(narrowed, limit=_CHUNK)
    if more and not found:
        raise Invalid(_TOO_MANY, problems=[Problem("too_many", _TOO_MANY, "", "range")])
    beyond = more or len(found) > choice.limit
    if choice.before is not None:
        return Page(found[-choice.limit :], more_after=True, more_before=beyond)
    return Page(found[: choice.limit], more_after=beyond, more_before=anchor is not None)


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
