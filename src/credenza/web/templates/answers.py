"""Answers of this surface: objects and lists as JSON, always 200, under the version they were asked in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypedDict, TypeVar

import msgspec

from credenza.model import Choice, Paper, Place
from credenza.web.answers import Answer, answer_json
from credenza.web.asking import AnyRequest
from credenza.web.templates.presentations import HEADER, read_version
from credenza.workspace.desk import Desk

T = TypeVar("T")


class Pagination(TypedDict):
    """Whether there is more on either side of a page."""

    has_more_after: bool
    has_more_before: bool


class Page(NamedTuple, Generic[T]):
    """What a page shows, in its order, and whether there is more on either side."""

    items: Sequence[T]
    more_after: bool = False
    more_before: bool = False


def answer(request: AnyRequest, content: object, headers: dict[str, str] | None = None) -> Answer:
    """Return an object as JSON."""
    return answer_json(content, headers={HEADER: read_version(request), **(headers or {})})


def answer_page(request: AnyRequest, page: Page[T], headers: dict[str, str] | None = None) -> Answer:
    """Return a list as JSON."""
    pagination: Pagination = {"has_more_after": page.more_after, "has_more_before": page.more_before}
    return answer(request, {"__typename": "list", "items": page.items, "pagination": pagination}, headers)


def read_page(
    desk: Desk, choice: Choice, show: Callable[[Sequence[tuple[Place, Paper]]], Sequence[T]]
) -> Page[T]:
    """Return the page of a choice, its papers shown together by `show`.

    One that begins or ends at an id which is not there is empty. Where the id is there, it is itself what
    comes before the page, or after it.
    """
    anchor = choice.before or choice.after
    if anchor is not None and desk.place(choice.kind, anchor) is None:
        return Page([])
    found = desk.page(msgspec.structs.replace(choice, limit=choice.limit + 1))
    more = len(found) > choice.limit
    if choice.before is not None:
        return Page(show(found[1:] if more else found), more_after=True, more_before=more)
    return Page(show(found[: choice.limit]), more_after=more, more_before=anchor is not None)
