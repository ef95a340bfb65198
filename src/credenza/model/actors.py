"""Who acts, and what lets them in."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import msgspec


class Tenant(msgspec.Struct, frozen=True):
    """A workspace as a store knows it: the slug is its id on the wire."""

    row: int
    id: bytes
    slug: str
    created_at: int


class Permission(StrEnum):
    """What a role may allow."""

    READ = "read"
    WRITE = "write"
    REVEAL = "reveal"
    COUNT = "count"
    ADMINISTER = "administer"
    OPERATE = "operate"


class Role(StrEnum):
    """A named set of permissions; the table is in `access`."""

    ADMIN = "admin"
    EDITOR = "editor"
    VIEWER = "viewer"
    RUNTIME = "runtime"
    OPERATOR = "operator"


class Tag(NamedTuple):
    """A label of a record; a record may carry one key with several values."""

    key: str
    value: str


class Actor(msgspec.Struct, frozen=True):
    """Who acts, in which workspace, and within which limits.

    `name` is what audit and history show (`key:<id>`, `cli:<user>`). Limits: any glob of `names`
    and any of `tags` must match, where given.
    """

    tenant: Tenant
    name: str
    role: Role
    names: tuple[str, ...] = ()
    tags: tuple[Tag, ...] = ()


class ApiKey(msgspec.Struct, frozen=True):
    """An API key as it is stored: of the secret only the SHA-256, and a MAC over the whole row."""

    id: str
    tenant: Tenant
    hash: bytes
    role: Role
    names: tuple[str, ...]
    tags: tuple[Tag, ...]
    created_at: int
    created_by: str
    revoked_at: int | None = None
    mac: bytes = b""
