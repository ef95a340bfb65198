"""The store for many servers, opened by `postgresql://user@host/database`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from credenza.stores.postgres.connect import read_uri
from credenza.stores.postgres.store import PostgresStore


def open_store(
    uri: str,
    *,
    serving: bool,  # noqa: ARG001  # many may serve
    create: bool = True,
    read_only: bool = False,
    approve: Callable[[Path], None] = lambda _: None,  # noqa: ARG001  # there is no file
    cache_mib: int = 2,  # noqa: ARG001  # memory is the server's business
    checkpoint_mib: int = 16,  # noqa: ARG001  # and so is its log
) -> PostgresStore:
    """Open the database of a `postgresql:` URI, as libpq reads it.

    Raises:
        Misconfigured: the URI cannot be read.
        StoreRejected: the database cannot be used, or there is no store in it and none is to be made.
    """
    return PostgresStore(read_uri(uri), create=create, read_only=read_only)


__all__ = ["PostgresStore", "open_store"]
