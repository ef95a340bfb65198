"""Where a key-encryption key lives: outside the database, opened by URI, one file per kind of place."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import Protocol, runtime_checkable

from credenza.errors import Misconfigured
from credenza.ports import KeyProvider

__all__ = ["keep_apart", "open_provider"]

_GROUP = "credenza.keys"
_EXTRAS = {"aws-kms": "aws", "azure-kv": "azure", "gcp-kms": "gcp", "vault": "vault"}


@runtime_checkable
class _Placed(Protocol):
    """A provider whose key lies somewhere in the file system."""

    def keep_away_from(self, folder: Path) -> None:
        """Refuse a key that lies in this folder or below it."""


def open_provider(uri: str) -> KeyProvider:
    """Open the key provider that a URI names by its scheme; nothing is read yet.

    Providers are entry points of the group `credenza.keys`, called with the whole URI.

    Raises:
        Misconfigured: the scheme is unknown, its package cannot be imported, or the URI is not well formed.
    """
    scheme, separator, _ = uri.partition("://")
    offers = importlib.metadata.entry_points(group=_GROUP)
    found = {entry.value: entry for entry in offers if separator and entry.name == scheme.lower()}
    if len(found) != 1:
        # A key pasted where the URI belongs must not come back in the message.
        known = ", ".join(f"{name}://" for name in sorted({entry.name for entry in offers}))
        many = "More than one installed package offers this kind of key URI" if found else "Unknown key URI"
        raise Misconfigured(f"{many}; known are: {known or 'none (the package is not installed)'}.")
    (entry,) = found.values()
    try:
        provide = entry.load()
    except (ImportError, AttributeError):
        extra = _EXTRAS.get(entry.name)
        needs = f"it needs `pip install 'credenza[{extra}]'`" if extra else "install what it needs"
        message = f"The key provider {entry.name}:// cannot be imported; {needs}."
        raise Misconfigured(message) from None
    provider: KeyProvider = provide(uri)
    return provider


def keep_apart(provider: KeyProvider, folder: Path) -> None:
    """Refuse a key that lies in the store's own folder or below it, where one backup would hold both.

    Raises:
        KeyDenied: it does.
    """
    if isinstance(provider, _Placed):
        provider.keep_away_from(folder)
