"""What a backup says of itself, and whether it is so."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any

import msgspec

from credenza import audit
from credenza.copies.copying import Progress, Sum, Tell, sum_up
from credenza.copies.ends import Backup
from credenza.errors import StoreDamaged, StoreRejected
from credenza.tables import TABLES, Snapshot, Table
from credenza.trail import Head

FORMAT = 1
_is_name = re.compile(r"[a-z][a-z_]{0,60}").fullmatch
_DAMAGED = "This backup is damaged: it is not as it was written. Take another one."
_LATER = "This backup was made by a later release of credenza; restore it with that one."


class Part(msgspec.Struct, frozen=True):
    """One table of a backup: how its rows are read, and their sum."""

    table: Table
    sum: Sum


class Manifest(msgspec.Struct, frozen=True):
    """What is in a backup: of which vault, wrapped with which keys, when and by what it was made.

    `heads` are the ends of the audit streams by workspace, as `audit heads` prints them; `made_at` is in
    milliseconds since 1970.
    """

    format: int
    program: str
    made_at: int
    vault: str
    keys: list[str]
    schema: str
    highest: int
    heads: dict[str, list[str]]
    parts: list[Part]

    def count(self, table: str) -> int:
        """Return how many rows of a table there are."""
        return sum(part.sum.rows for part in self.parts if part.table.name == table)

    @property
    def rows(self) -> int:
        """Return how many rows there are."""
        return sum(part.sum.rows for part in self.parts)


class _Format(msgspec.Struct):
    format: int


def describe(source: Snapshot, sums: Mapping[str, Sum], at: int) -> Manifest:
    """Return what is to be said of the rows of a store, which has a vault."""
    [vault] = read_named(source, "vault")
    keys = {row["kek_id"] for name in ("vault", "vault_next", "rings") for row in read_named(source, name)}
    return Manifest(
        format=FORMAT,
        program=version("credenza"),
        made_at=at,
        vault=vault["uuid"].hex(),
        keys=sorted(keys),
        schema=source.schema,
        highest=source.highest,
        heads=read_heads(source),
        parts=[Part(table, sums[table.name]) for table in TABLES],
    )


def read(backup: Backup) -> Manifest:
    """Return what a backup says of itself; raises StoreRejected, StoreDamaged."""
    try:
        if msgspec.json.decode(backup.manifest, type=_Format).format != FORMAT:
            raise StoreRejected(_LATER)
        manifest = msgspec.json.decode(backup.manifest, type=Manifest)
    except msgspec.MsgspecError:
        raise StoreDamaged(_DAMAGED) from None
    # They become parts of statements, and whoever wrote the file may have written them.
    if not all(map(_is_name, _list_names(manifest))):
        raise StoreDamaged(_DAMAGED)
    return manifest


def verify(backup: Backup, manifest: Manifest, tell: Tell | None = None) -> None:
    """Return if a backup is sound and holds what it says; raises StoreDamaged."""
    backup.examine()
    progress = Progress(tell)
    for part in manifest.parts:
        if sum_up(backup.rows(part.table), progress) != part.sum:
            raise StoreDamaged(_DAMAGED)


def read_heads(source: Snapshot) -> dict[str, list[str]]:
    """Return the ends of the audit streams by workspace, as `audit heads` prints them."""
    slugs = {row["id"]: row["slug"] for row in read_named(source, "workspaces")}
    heads: dict[str, list[str]] = {slug: [] for slug in slugs.values()}
    for row in read_named(source, "audit_heads"):
        head = Head(row["stream"], row["count"], row["mac"], row["seal"])
        heads[slugs[row["workspace_id"]]] += audit.export([head])
    return heads


def read_named(source: Snapshot, name: str) -> Iterable[dict[str, Any]]:
    """Return the rows of a table with the names of their columns."""
    table = find_table(name)
    return (dict(zip(table.names, row, strict=True)) for row in source.rows(table))


def find_table(name: str) -> Table:
    """Return a table by its name."""
    return next(table for table in TABLES if table.name == name)


def _list_names(manifest: Manifest) -> Iterable[str]:
    for part in manifest.parts:
        table = part.table
        yield table.name
        yield from table.names
        yield from table.key
        if table.owner is not None:
            yield from (table.owner.table, table.owner.key, table.owner.reference)
