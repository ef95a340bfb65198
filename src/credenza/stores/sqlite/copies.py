"""Whole stores by their `sqlite:` URI, and backups by their path: the entry point of `credenza.copies`."""

from __future__ import annotations

from pathlib import Path

from credenza.stores.sqlite import read_path
from credenza.stores.sqlite.backup import SqliteBackup, begin_backup
from credenza.stores.sqlite.intake import SqliteIntake, begin_store
from credenza.stores.sqlite.snapshot import SqliteSnapshot, read_store


def open_snapshot(uri: str, *, alone: bool = False) -> SqliteSnapshot:
    """Open a store to read it as a whole, `alone`: while nobody writes; see `snapshot.read_store`."""
    return read_store(read_path(uri), alone=alone)


def open_intake(uri: str, *, aside: bool = False) -> SqliteIntake:
    """Begin a store, `aside`: in place of one that is kept; see `intake.begin_store`."""
    return begin_store(read_path(uri), aside=aside)


def find_folder(uri: str) -> Path | None:
    """Return the folder of a store's own files."""
    return read_path(uri).parent


__all__ = ["SqliteBackup", "begin_backup", "find_folder", "open_intake", "open_snapshot"]
