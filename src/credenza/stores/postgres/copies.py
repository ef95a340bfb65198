"""Whole stores by their `postgresql:` URI: the entry point of `credenza.copies`."""

from __future__ import annotations

from pathlib import Path

from credenza.stores.postgres.connect import read_uri
from credenza.stores.postgres.intake import PostgresIntake, begin_store
from credenza.stores.postgres.snapshot import PostgresSnapshot, read_store


def open_snapshot(uri: str, *, alone: bool = False) -> PostgresSnapshot:
    """Open a store to read it as a whole, `alone`: while nobody writes; see `snapshot.read_store`."""
    return read_store(read_uri(uri), alone=alone)


def open_intake(uri: str, *, aside: bool = False) -> PostgresIntake:
    """Begin a store, `aside`: in place of one that is kept; see `intake.begin_store`."""
    return begin_store(read_uri(uri), aside=aside)


def find_folder(uri: str) -> Path | None:  # noqa: ARG001  # wherever it is
    """Return where the store's own files are: not on this machine, as far as anybody knows."""
    return None
