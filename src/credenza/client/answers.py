"""What is sent and answered, as frozen values. Times are milliseconds since the epoch.

Fields keep their names on the wire, in Python's spelling; what an answer has beyond them is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from credenza.sensitive import Sensitive


class Tag(msgspec.Struct, frozen=True):
    """A label of an integration."""

    key: str
    value: str


class Api(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """A model, index or table of an integration; without `integration_name` it is that of where it stands."""

    api: str
    integration_name: str = ""
    description: str | None = None
    enabled: bool | None = None
    configuration: dict[str, Any] | None = None
    tags: Sequence[Tag] | None = None
    create_time: int = 0
    created_by: str | None = None
    update_time: int = 0
    updated_by: str | None = None
    max_tokens: int | None = None
    frequency: str | None = None

    def __repr__(self) -> str:
        """Show nothing of the configuration."""
        return f"<Api {self.api!r}>"


class Integration(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """An integration to save, or as it was read; what is None keeps its value.

    Read, `configuration` holds `{"$secret": …}` in the place of each secret. What was read can be saved back
    and changes nothing: all from `version` on is the server's and is not looked at by a save.
    `expected_version` 0 means: must not exist.
    """

    name: str
    type: str
    category: str | None = None
    description: str | None = None
    enabled: bool | None = None
    configuration: dict[str, Any] | None = None
    tags: Sequence[Tag] | None = None
    apis: Sequence[Api] | None = None
    expected_version: int | None = None
    version: int = 0
    complete: bool = True
    missing: Sequence[str] = ()
    type_version: int = 1
    needs_reconfiguration: bool = False
    misfits: Sequence[Problem] = ()
    managed_by: str | None = None
    models_count: int = 0
    create_time: int = 0
    created_by: str | None = None
    update_time: int = 0
    updated_by: str | None = None

    def __repr__(self) -> str:
        """Show nothing of the configuration."""
        return f"<Integration {self.name!r}, {self.type!r}>"


class Resolved(NamedTuple):
    """An integration without configurations, and these in clear, boxed: its own, and its apis' by name."""

    integration: Integration
    configuration: Sensitive[dict[str, Any]]
    apis: Mapping[str, Sensitive[dict[str, Any]]]


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that is wrong, by place and rule, never by value.

    `index` counts the items of the whole call from 0; `pointer` is a JSON Pointer (RFC 6901) inside the item.
    """

    code: str = ""
    message: str = ""
    pointer: str = ""
    keyword: str = ""
    index: int | None = None
    name: str | None = None


class Result(msgspec.Struct, frozen=True):
    """What became of one item: created, updated, unchanged, deleted or failed.

    `changed` lists key paths, `secrets` says by path: set, replaced, unchanged, kept, cleared or provided.
    """

    name: str | None
    result: str
    version: int | None = None
    changed: tuple[str, ...] = ()
    secrets: Mapping[str, str] = {}
    missing: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


class Receipt(msgspec.Struct, frozen=True, rename="camel"):
    """What became of a save: how many of each result, and every item in order."""

    dry_run: bool = False
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    failed: int = 0
    results: tuple[Result, ...] = ()


class Change(msgspec.Struct, frozen=True):
    """One key path that a version changed, and how; never a value."""

    pointer: str
    change: str


class Version(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One entry of a history."""

    version: int
    create_time: int
    created_by: str
    changes: tuple[Change, ...] = ()


class History(msgspec.Struct, frozen=True):
    """Some versions of one integration, newest first."""

    versions: tuple[Version, ...]


class Token(msgspec.Struct, frozen=True):
    """A short-lived token."""

    token: str

    def __repr__(self) -> str:
        """Show nothing of it."""
        return "<Token>"


def box(whole: Integration) -> Resolved:
    """Return an integration in clear with every configuration in a box of its own."""
    apis = whole.apis or ()
    bare = [msgspec.structs.replace(api, configuration=None) for api in apis]
    return Resolved(
        msgspec.structs.replace(whole, configuration=None, apis=bare),
        Sensitive(whole.configuration or {}),
        {api.api: Sensitive(api.configuration or {}) for api in apis},
    )
