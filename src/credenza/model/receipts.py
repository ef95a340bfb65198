"""What became of a batch."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from credenza.errors import Problem


class Item(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one change: names, versions, key paths and words, never a value.

    `result` is created, updated, unchanged, deleted, failed, or of a migration marked; `changed` lists key
    paths, `secrets` says by path: set, replaced, unchanged, kept, cleared or provided.
    """

    name: str | None
    result: str
    version: int | None = None
    changed: tuple[str, ...] = ()
    secrets: Mapping[str, str] = {}
    missing: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


class Receipt(msgspec.Struct, frozen=True):
    """The answer to a batch, one item per change, in order."""

    items: tuple[Item, ...]
    dry_run: bool = False
