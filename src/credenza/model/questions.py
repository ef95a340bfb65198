"""Questions to the catalogue of packages: a filter as a tree, an order of several keys, and a place to begin.

What may be asked for is the table `ENTITIES`. A filter knows two answers only: a comparison with a value
that is not there does not hold, its opposite does, and `NOT` always turns an answer round.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

Value = str | int | bool | None

PACKAGE, VERSION, INSTALL, PART, MEMBER = "integration", "version", "install", "part", "member"
TEXT, TIME, FLAG = "text", "time", "flag"
EQUAL, UNEQUAL, LESS, AT_MOST, MORE, AT_LEAST = "eq", "ne", "lt", "lte", "gt", "gte"
ONE_OF, NONE_OF, CONTAINS, STARTS, MISSING = "in", "notIn", "contains", "startsWith", "isNull"


class Field(NamedTuple):
    """A field of an entity: its sort, whether it may be missing, and the values there are, if not any."""

    sort: str = TEXT
    missing: bool = False
    among: tuple[str, ...] = ()


class Entity(NamedTuple):
    """What a kind of row has: fields and relations, by their names on the wire."""

    fields: Mapping[str, Field]
    relations: Mapping[str, str]


_TIME, _OPTIONAL, _OPTIONAL_TIME = Field(TIME), Field(missing=True), Field(TIME, missing=True)
_VISIBILITIES = ("private", "unlisted", "public")
_POLICIES = ("auto_all", "auto_defaults", "manual")
_TIERS = ("first_party", "vendor_official", "verified_partner", "verified_publisher")
_RETENTIONS = ("short", "medium", "long", "none")

# Of a package of another workspace, what is that workspace's own business is missing: who made it, when it
# was deleted, and how long it is kept.
ENTITIES: Mapping[str, Entity] = {
    PACKAGE: Entity(
        {
            "id": Field(),
            "workspaceId": Field(),
            "slug": Field(),
            "name": Field(),
            "description": _OPTIONAL,
            "iconUrl": _OPTIONAL,
            "publisher": _OPTIONAL,
            "trustTier": Field(missing=True, among=_TIERS),
            "currentVersion": _OPTIONAL,
            "visibility": Field(among=_VISIBILITIES),
            "createdBy": _OPTIONAL,
            "deletedAt": _OPTIONAL_TIME,
            "retentionTier": Field(missing=True, among=_RETENTIONS),
            "createdAt": _TIME,
            "updatedAt": _TIME,
        },
        {"versions": VERSION, "installs": INSTALL, "members": PART},
    ),
    VERSION: Entity(
        {"id": Field(), "version": Field(), "publishedBy": _OPTIONAL, "publishedAt": _TIME},
        {"integration": PACKAGE, "members": PART},
    ),
    INSTALL: Entity(
        {
            "id": Field(),
            "integrationId": Field(),
            "integrationVersionId": Field(),
            "workspaceId": Field(),
            "memberPolicy": Field(among=_POLICIES),
            "parentInstallId": _OPTIONAL,
            "installedBy": Field(),
            "installedAt": _TIME,
            "lastUpgradedAt": _OPTIONAL_TIME,
            "deletedAt": _OPTIONAL_TIME,
            "retentionTier": Field(among=_RETENTIONS),
        },
        {"integration": PACKAGE, "version": VERSION, "members": MEMBER},
    ),
    PART: Entity({"slug": Field(), "type": Field(), "default": Field(FLAG)}, {}),
    MEMBER: Entity(
        {"id": Field(), "slug": Field(), "type": Field(), "name": Field(), "detached": Field(FLAG)},
        {"install": INSTALL},
    ),
}


class Comparison(msgspec.Struct, frozen=True):
    """A field compared with a value, or with several (`in`, `notIn`); times are milliseconds."""

    field: str
    operator: str
    value: Value | tuple[Value, ...]


class Every(msgspec.Struct, frozen=True):
    """All parts hold; of none, that is so."""

    parts: tuple[Condition, ...]


class Either(msgspec.Struct, frozen=True):
    """One of the parts holds; of none, that is not so."""

    parts: tuple[Condition, ...]


class Opposite(msgspec.Struct, frozen=True):
    """The part does not hold."""

    part: Condition


class Related(msgspec.Struct, frozen=True):
    """One of the rows that a relation leads to meets the part."""

    relation: str
    part: Condition


Condition = Comparison | Every | Either | Opposite | Related


class Key(msgspec.Struct, frozen=True):
    """A field to sort by; text sorts by its code points."""

    field: str
    descending: bool = False
    nulls_first: bool = False


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows of an entity a page shows; the order ends with the id, which is among the keys.

    `after` and `before` are the values of all keys of the row that the page begins after, or ends before.
    `operating`: it is an operator who looks, who is in no workspace and sees what asks to be public.
    Rows are counted up to `count`.
    """

    entity: str
    keys: tuple[Key, ...]
    limit: int
    where: Condition = Every(())
    after: tuple[Value, ...] | None = None
    before: tuple[Value, ...] | None = None
    operating: bool = False
    count: int = 10_000


class Row(NamedTuple):
    """A row of a page: its id, and the values of the keys it was sorted by."""

    id: str
    keys: tuple[Value, ...]


class Found(NamedTuple):
    """A page in its order, and how many rows there are; None: more than were to be counted."""

    rows: tuple[Row, ...]
    total: int | None
