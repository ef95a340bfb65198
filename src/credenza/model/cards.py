"""What lists know of papers: a card for each, and for each part with an id of its own."""

from __future__ import annotations

import msgspec


class Card(msgspec.Struct, frozen=True):
    """What lists filter and sort by. Ids sort by creation; times are milliseconds since the epoch.

    `links` are pairs of a relation and the id of another card. One that is `hidden` is found by its id alone.
    """

    kind: str
    id: str
    status: str
    name: str
    description: str | None
    created_at: int
    updated_at: int
    links: tuple[tuple[str, str], ...] = ()
    hidden: bool = False


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Which cards of a kind a page shows: all conditions must hold, of each one of its values.

    `search` is a part of name or description in any case. The page begins `after` an id, or ends `before`
    one, both exclusive, in the order of ids or the reverse of it. Spans of time are exclusive too.
    """

    kind: str
    limit: int
    ids: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    links: tuple[tuple[str, tuple[str, ...]], ...] = ()
    search: str | None = None
    created: tuple[int | None, int | None] = (None, None)
    updated: tuple[int | None, int | None] = (None, None)
    descending: bool = False
    after: str | None = None
    before: str | None = None
    hidden: bool = False


class Place(msgspec.Struct, frozen=True, order=True):
    """Where what a card is about stands: a paper, by kind and slug."""

    id: str
    kind: str
    slug: str
