"""What a reader yields. Names and places may be shown; fields stay in their box until they are saved."""

from __future__ import annotations

from typing import Any

import msgspec

from credenza.sensitive import Sensitive


class Found(msgspec.Struct, frozen=True):
    """One record of a source: `kind` is the source's own word for its type, which a mapping knows.

    `place` says in a few words where a person finds it: "row 7", "line 3", "connection `my_db`".
    """

    name: str
    kind: str
    fields: Sensitive[dict[str, Any]]
    place: str


class Ready(msgspec.Struct, frozen=True):
    """One record that is an item of a bulk save already; it needs no mapping.

    `item` holds what stands beside name and type: configuration, description, enabled, category, tags, apis.
    `missing` names the keys whose values the source did not hand out, `unused` those that are not taken over.
    """

    name: str
    type: str
    item: Sensitive[dict[str, Any]]
    place: str
    missing: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()


class Single(msgspec.Struct, frozen=True):
    """One value of a source that has no records, only names; a mapping's `names` puts several together."""

    name: str
    value: Sensitive[str]
    place: str


class Unreadable(msgspec.Struct, frozen=True):
    """One record, or the part of a source, that cannot be read.

    `reason` is a clause of our own words, without a value and without a full stop.
    """

    name: str | None
    place: str
    field: str
    reason: str


class Loose(msgspec.Struct, frozen=True):
    """Something of a source that belongs to no record; it is told, and stands in nothing's way."""

    name: str
    place: str


Record = Found | Ready | Single | Unreadable | Loose
