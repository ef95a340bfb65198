"""Papers that hold one thing each, under its own id: how it is found, changed, archived and saved."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec

from credenza.errors import Gone, NotFound
from credenza.model import Card, Keep, Paper
from credenza.plans.fields import keep, read_description, read_metadata
from credenza.plans.previews import ACTIVE, ARCHIVED
from credenza.plans.reading import Reader
from credenza.plans.templates import archived, missing

Given = msgspec.UnsetType
MINUTE = 60_000  # milliseconds


class Single(msgspec.Struct, frozen=True, kw_only=True):
    """What all of these say; times are milliseconds since the epoch."""

    id: str
    status: str = ACTIVE
    name: str | None = None
    description: str | None = None
    metadata: dict[str, Any] | None = None
    created_at: int
    updated_at: int
    archived_at: int | None = None

    @property
    def links(self) -> tuple[tuple[str, str], ...]:
        """Return the ids that lists find it by, each with its relation."""
        return ()


class SingleUpdate(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What to change; what is left out stays."""

    name: str | Given | None = msgspec.UNSET
    description: str | Given | None = msgspec.UNSET
    metadata: dict[str, Any] | Given | None = msgspec.UNSET


T = TypeVar("T", bound=Single)
_encode = msgspec.json.encode


class Shelf(Generic[T]):
    """All things of one kind; `word` is what messages call one."""

    def __init__(self, kind: str, type: type[T], word: str) -> None:
        """Make the decoder once."""
        self.kind = kind
        self._word = word
        self._decode = msgspec.json.Decoder(type).decode

    def read(self, paper: Paper) -> T:
        """Return what a paper holds."""
        return self._decode(paper.body)

    def find(self, reader: Reader, id: str) -> T:
        """Return a thing by its id; raises NotFound."""
        paper = reader.paper(self.kind, id)
        if paper is None:
            raise NotFound(f"There is no {self._word} of this id.")
        return self.read(paper)

    def find_open(self, reader: Reader, id: str) -> T:
        """Return a thing that may be changed; raises NotFound, or Gone where it is archived."""
        found = self.find(reader, id)
        if found.status != ACTIVE:
            raise Gone(f"This {self._word} is archived.")
        return found

    def find_usable(self, reader: Reader, id: str, pointer: str) -> T:
        """Return a thing that something new is to refer to, by the place in the body that names it.

        Raises:
            NotFound: there is none of this id.
            Invalid: `use_after_delete`: it is archived.
        """
        paper = reader.paper(self.kind, id)
        if paper is None:
            raise missing(pointer, f"There is no {self._word} of this id.")
        found = self.read(paper)
        if found.status != ACTIVE:
            raise archived(pointer, f"This {self._word} is archived.")
        return found

    def keep(self, thing: T) -> Keep:
        """Return the change that saves a thing."""
        card = Card(
            kind=self.kind,
            id=thing.id,
            status=thing.status,
            name=thing.name or "",
            description=thing.description,
            created_at=thing.created_at,
            updated_at=thing.updated_at,
            links=thing.links,
        )
        return Keep(kind=self.kind, slug=thing.id, body=_encode(thing), cards=(card,))


def change_fields(thing: T, body: SingleUpdate, name: str | None) -> T:
    """Return a thing under a name, with the description and metadata that are given; raises Invalid."""
    return msgspec.structs.replace(
        thing,
        name=name,
        description=read_description(keep(body.description, thing.description)),
        metadata=read_metadata(keep(body.metadata, thing.metadata)),
    )


def touch(before: T, after: T, at: int) -> T:
    """Return what a thing became, with the time of that; the same one where nothing is changed."""
    return before if after == before else msgspec.structs.replace(after, updated_at=at)


def archive(thing: T, at: int) -> T:
    """Return a thing archived."""
    return msgspec.structs.replace(thing, status=ARCHIVED, updated_at=at, archived_at=at)
