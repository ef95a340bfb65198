"""Where integrations are read and saved: a store on this machine or a server, asked in the same words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

import msgspec
import rich_click as click

from credenza.access import matches
from credenza.cli.allowances import allowance_options, allows_leads
from credenza.cli.options import with_options
from credenza.cli.progress import bar, watched
from credenza.cli.recipients import identity_option
from credenza.cli.remote import (
    connected,
    names_server,
    read_receipt,
    remote_options,
    show,
    show_resolved,
)
from credenza.cli.session import (
    json_option,
    read_settings,
    saving_options,
    session,
    store_options,
    workspace_option,
)
from credenza.connectors import Catalogue
from credenza.errors import Conflict
from credenza.model import Change, Drop, Item, Receipt
from credenza.sensitive import Sensitive
from credenza.transfer.documents import Whole
from credenza.web.integrations import shapes
from credenza.web.integrations.wire import Items
from credenza.workspace import Mode, Workspace
from credenza.workspace.changes import Changes, Outline
from credenza.workspace.listing import read_tag

if TYPE_CHECKING:
    from credenza import client

Command = TypeVar("Command", bound=Callable[..., Any])
_CHANGED = "An integration changed while it was read; repeat the command."


class Saving(msgspec.Struct, frozen=True):
    """How items are saved: all or each for itself, really or as a plan, and whether unlisted apis go."""

    mode: Mode = Mode.ATOMIC
    dry_run: bool = False
    replace_apis: bool = False


class Scope(msgspec.Struct, frozen=True):
    """Which integrations are meant: any of the globs, and all of the tags; of nothing given, all."""

    names: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    def covers(self, name: str) -> bool:
        """Say whether a name is meant."""
        return matches(self.names, name)

    def meets(self, item: Mapping[str, Any]) -> bool:
        """Say whether an integration of a file is meant."""
        name, listed = item.get("name"), item.get("tags")
        tags = [tag for tag in listed if isinstance(tag, dict)] if isinstance(listed, list) else []
        wanted = map(read_tag, self.tags)
        return (
            isinstance(name, str)
            and self.covers(name)
            and all(
                any(tag.get("key") == key and (value is None or tag.get("value") == value) for tag in tags)
                for key, value in wanted
            )
        )


def scope_options(command: Command) -> Command:
    """Add the options that say which integrations are meant, as the argument `scope`."""

    @wraps(command)
    def scoped(*, names: tuple[str, ...], tags: tuple[str, ...], **rest: Any) -> Any:  # noqa: ANN401  # as click has it
        return command(scope=Scope(names, tags), **rest)

    add_tags = click.option(
        "--tag",
        "tags",
        metavar="KEY[=VALUE]",
        multiple=True,
        help="Only with this tag; of several, with all.",
    )
    add_names = click.option(
        "--names", metavar="GLOB", multiple=True, help="Only of these names; of several, of any."
    )
    return cast("Command", add_names(add_tags(scoped)))


def target_options(command: Command) -> Command:
    """Add the options of commands that save what files hold."""
    return with_options(
        command,
        identity_option,
        allowance_options,
        remote_options,
        workspace_option,
        store_options,
        saving_options,
        json_option,
    )


class Target(Protocol):
    """What integrations are read from and saved to."""

    @property
    def catalogue(self) -> Catalogue:
        """Return the connector types that it has."""

    def list(self, scope: Scope) -> Sequence[Whole]:
        """Return integrations as reads show them, disabled ones too, in the order of their names."""

    def reveal(self, shown: Whole) -> Sensitive[dict[str, Any]]:
        """Return one that was read in clear; the audit has it before. Raises Conflict: it is not the same."""

    def save(self, raws: Sequence[msgspec.Raw], drops: Sequence[Drop] = (), *, how: Saving) -> Receipt:
        """Save items and remove integrations; the receipt has the latter last. Raises as the core does."""


class WithDrops:
    """Items and removals as the changes of one batch."""

    def __init__(self, items: Items, drops: Sequence[Drop]) -> None:
        """Take both."""
        self.replace_apis = items.replace_apis
        self._items = items
        self._drops = drops

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._items) + len(self._drops)

    def outline(self, first: int, last: int) -> Sequence[Outline]:
        """Return the outlines of a run of changes."""
        count = len(self._items)
        rest = self._drops[max(first - count, 0) : max(last - count, 0)]
        return [*self._items.outline(first, min(last, count)), *(Outline(drop.name) for drop in rest)]

    def read(self, indexes: Sequence[int]) -> Sequence[Change]:
        """Return these changes."""
        count = len(self._items)
        items = self._items.read([index for index in indexes if index < count])
        return [*items, *(self._drops[index - count] for index in indexes if index >= count)]


class Store:
    """A workspace of a store on this machine: everything is one transaction."""

    def __init__(self, workspace: Workspace, *, leads: bool = False) -> None:
        """Take the workspace; with `leads` apis may begin to lead elsewhere with secrets that are kept."""
        self._workspace = workspace
        self._leads = leads

    @property
    def catalogue(self) -> Catalogue:
        """Return the connector types of the workspace."""
        return self._workspace.catalogue

    def list(self, scope: Scope) -> Sequence[Whole]:
        """Return integrations as reads show them, all as they are at one moment."""
        views = self._workspace.list(tags=[read_tag(text) for text in scope.tags])
        return [dict(shapes.show(view, apis=True)) for view in views if scope.covers(view.record.name)]

    def reveal(self, shown: Whole) -> Sensitive[dict[str, Any]]:
        """Return one that was read in clear."""
        found = self._workspace.reveal(shown["name"])
        return _match(Sensitive(dict(shapes.show(found.view(), apis=True))), shown)

    def save(self, raws: Sequence[msgspec.Raw], drops: Sequence[Drop] = (), *, how: Saving) -> Receipt:
        """Save items and remove integrations, all in one batch."""
        items = Items([*raws], replace_apis=how.replace_apis, expected=None, leads=self._leads)
        changes: Changes = WithDrops(items, drops) if drops else items
        with watched(changes) as told:
            return self._workspace.submit(told, mode=how.mode, dry_run=how.dry_run).result()


class Server:
    """A workspace of a server: what is saved comes first, and each removal is a call of its own."""

    def __init__(self, client: client.Client, *, leads: bool = False) -> None:
        """Take the client; of connector types, those that are known on this machine."""
        self._client = client
        self._leads = leads
        self._catalogue: Catalogue | None = None

    @property
    def catalogue(self) -> Catalogue:
        """Return the connector types of this machine: a server does not hand out the rules of its own."""
        if self._catalogue is None:
            self._catalogue = read_settings().catalogue()
        return self._catalogue

    def list(self, scope: Scope) -> Sequence[Whole]:
        """Return integrations as reads show them, page by page."""
        found = self._client.integrations(tag=scope.tags, active_only=False)
        return [show(each) for each in found if scope.covers(each.name)]

    def reveal(self, shown: Whole) -> Sensitive[dict[str, Any]]:
        """Return one that was read in clear."""
        return _match(Sensitive(show_resolved(self._client.reveal(shown["name"]))), shown)

    def save(self, raws: Sequence[msgspec.Raw], drops: Sequence[Drop] = (), *, how: Saving) -> Receipt:
        """Save items in as many batches as it takes, then remove integrations one after the other."""
        with bar(len(raws)) as tell:
            saved = self._client.save(
                raws,
                dry_run=how.dry_run,
                mode=how.mode.value,
                replace_apis=how.replace_apis,
                leads="allow" if self._leads else "refuse",
                progress=None if tell is None else lambda done, _: tell(done),
            )
        for drop in drops if how.dry_run else ():
            self._client.delete(drop.name, expected_version=drop.expected_version, dry_run=True)
        self._remove(drops if not how.dry_run else ())
        gone = tuple(Item(drop.name, "deleted", drop.expected_version) for drop in drops)
        return Receipt((*read_receipt(saved).items, *gone), how.dry_run)

    def _remove(self, drops: Sequence[Drop]) -> None:
        from credenza.client import ClientError  # noqa: PLC0415  # is loaded where there is a client

        for done, drop in enumerate(drops):
            try:
                self._client.delete(drop.name, expected_version=drop.expected_version)
            except ClientError as error:
                error.message += f" All others were saved before, and {done:,} removed of {len(drops):,}."
                raise


@contextmanager
def opened_target(*, reads_stdin: bool = False) -> Iterator[Target]:
    """Open the store or the server that the command line names.

    Raises:
        Misused: options that do not go together.
        CredenzaError: it cannot be opened, or refuses.
    """
    if names_server(reads_stdin=reads_stdin):
        with connected() as client:
            yield Server(client, leads=allows_leads())
    else:
        with session() as opened:
            yield Store(opened.workspace, leads=allows_leads())


def _match(clear: Sensitive[dict[str, Any]], shown: Mapping[str, Any]) -> Sensitive[dict[str, Any]]:
    # What is secret is known of the version that was read, and of no other.
    if clear.reveal()["version"] != shown["version"]:
        raise Conflict(_CHANGED)
    return clear
