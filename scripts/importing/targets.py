"""Where an import goes: a store on this machine or a server, asked in the same words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from credenza.cli.remote import connected, names_server, read_receipt
from credenza.cli.session import session
from credenza.connectors import Catalogue
from credenza.model import Receipt
from credenza.web.integrations.wire import Items
from credenza.workspace import Mode, Workspace

if TYPE_CHECKING:
    from credenza.client import Client

TAG = "imported-from"
Tags = tuple[tuple[str, str], ...]


class Stored(NamedTuple):
    """An integration that an earlier run made."""

    type: str
    tags: Tags


class Target(Protocol):
    """What saves."""

    catalogue: Catalogue
    knows_all_types: bool

    def list_imported(self, source: str) -> Mapping[str, Stored]:
        """Return by name what was imported from a source before."""

    def save(self, items: Sequence[msgspec.Raw], mode: Mode, *, dry_run: bool) -> Receipt:
        """Save items, or say what would come of it."""


class Store:
    """A workspace of a store on this machine."""

    knows_all_types = True

    def __init__(self, workspace: Workspace) -> None:
        """Take the workspace."""
        self._workspace = workspace
        self.catalogue = workspace.catalogue

    def list_imported(self, source: str) -> Mapping[str, Stored]:
        """Return by name what was imported from a source before."""
        chunks = self._workspace.walk(tags=[(TAG, source)])
        return {
            view.record.name: Stored(view.record.type, tuple((t.key, t.value) for t in view.document.tags))
            for chunk in chunks
            for view in chunk
        }

    def save(self, items: Sequence[msgspec.Raw], mode: Mode, *, dry_run: bool) -> Receipt:
        """Save items, or say what would come of it."""
        changes = Items([*items], replace_apis=False, expected=None)
        return self._workspace.apply(changes, mode=mode, dry_run=dry_run)


class Server:
    """A workspace of a server."""

    knows_all_types = False

    def __init__(self, client: Client) -> None:
        """Take the client."""
        self._client = client
        self.catalogue = Catalogue.load()

    def list_imported(self, source: str) -> Mapping[str, Stored]:
        """Return by name what was imported from a source before."""
        found = self._client.integrations(tag=f"{TAG}={source}", active_only=False, apis=False)
        return {
            each.name: Stored(each.type, tuple((tag.key, tag.value) for tag in each.tags or ()))
            for each in found
        }

    def save(self, items: Sequence[msgspec.Raw], mode: Mode, *, dry_run: bool) -> Receipt:
        """Save items, or say what would come of it."""
        return read_receipt(self._client.save(items, mode=mode.value, dry_run=dry_run))


@contextmanager
def opened_target(*, reads_stdin: bool) -> Iterator[Target]:
    """Open the store or the server that the command line names; raises as `credenza apply` does."""
    if names_server(reads_stdin=reads_stdin):
        with connected() as client:
            yield Server(client)
    else:
        with session() as opened:
            yield Store(opened.workspace)
