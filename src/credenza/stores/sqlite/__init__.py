"""The embedded store, opened by `sqlite:////absolute/path.db`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from credenza.errors import Misconfigured, StoreRejected
from credenza.stores.sqlite.store import SqliteStore


def open_store(
    uri: str,
    *,
    serving: bool,
    create: bool = True,
    read_only: bool = False,
    approve: Callable[[Path], None] = lambda _: None,
    cache_mib: int = 2,
    checkpoint_mib: int = 16,
) -> SqliteStore:
    """Open the file of a `sqlite:` URI; four slashes begin an absolute path (SQLAlchemy's convention).

    `approve` is shown the path before anything is made there, and may raise.

    Raises:
        Misconfigured: the URI names no file.
        StoreRejected: the file cannot be used, or is not there and is not to be made.
    """
    path = read_path(uri)
    if not create and not path.exists():
        raise StoreRejected(
            f"There is no store at {path} yet: run `credenza init`, or `credenza serve --dev`."
        )
    approve(path)
    return SqliteStore(
        path,
        serving=serving,
        read_only=read_only,
        cache_kib=cache_mib * 1024,
        checkpoint_pages=checkpoint_mib * 256,  # pages of 4 KiB
    )


def read_path(uri: str) -> Path:
    """Return the path that a URI names; raises Misconfigured."""
    parts = urlsplit(uri)
    path = Path(unquote(parts.path).removeprefix("/"))
    if parts.netloc or parts.query or parts.fragment or not path.name or not path.is_absolute():
        raise Misconfigured(
            "Write the store as sqlite:////absolute/path.db, with four slashes: a path from where a program "
            "is started would be another store elsewhere."
        )
    return path


__all__ = ["SqliteStore", "open_store", "read_path"]
