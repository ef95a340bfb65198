"""The records an actor may see, in the order of their names, read chunk by chunk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypedDict

from credenza import access
from credenza.model import Actor, Record
from credenza.ports import Tx
from credenza.workspace.view import View

CHUNK = 250  # records


class Filters(TypedDict, total=False):
    """What the records of a list have in common, as `ports.Tx.page` takes it."""

    category: str | None
    type: str | None
    enabled: bool | None
    search: str | None
    tags: Sequence[tuple[str, str | None]]


class Chunk(NamedTuple):
    """Some records, and the name of the last one that was looked at; None: there are no more."""

    views: Sequence[View]
    last: str | None


Read = Callable[[Callable[[Tx], Chunk]], Chunk]


def read_chunks(
    read: Read,
    actor: Actor,
    see: Callable[[Tx, Sequence[Record]], Sequence[View]],
    filters: Filters,
    *,
    after: str | None,
    size: int,
) -> Iterator[Sequence[View]]:
    """Look at some records at a time and return those that the actor may see; a chunk may be empty.

    `read` runs a job on the store; `size` is how many records are asked for. What the actor's limits hide is
    taken out after the query.
    """
    if actor.names or actor.tags:
        size = max(size, CHUNK)

    def look(tx: Tx) -> Chunk:
        records = list(tx.page(**filters, after=after, limit=size))
        views = see(tx, [record for record in records if _covers(actor, record)])
        return Chunk(views, records[-1].name if len(records) == size else None)

    more = True
    while more:
        views, after = read(look)
        yield views
        more = after is not None


def read_tag(text: str) -> tuple[str, str | None]:
    """Return the tag that `key=value` asks for; a key alone asks for any value of it."""
    key, equals, value = text.partition("=")
    return key, value if equals else None


def _covers(actor: Actor, record: Record) -> bool:
    if not access.covers_name(actor, record.name):
        return False
    return not actor.tags or access.covers(actor, record.name, record.document().tags)
