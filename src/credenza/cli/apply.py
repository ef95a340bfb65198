"""`credenza apply`: save what a file says, by the same way as over HTTP."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import rich_click as click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from credenza.cli.documents import FORMATS, convert
from credenza.cli.failures import REFUSED, Misused
from credenza.cli.receipts import write_receipt
from credenza.cli.remote import STDIN, connected, names_server, read_receipt, remote_options
from credenza.cli.session import json_option, saving_options, session, store_options, workspace_option
from credenza.model import Change, Receipt
from credenza.web.integrations.wire import Items, read_items
from credenza.workspace import Mode
from credenza.workspace.changes import Changes, Outline

_LONG = 1_000
_raws = msgspec.json.Decoder(list[msgspec.Raw])


@click.command("apply")
@click.argument("file")
@click.option("--dry-run", is_flag=True, help="Show the plan and save nothing.")
@click.option(
    "--mode",
    type=click.Choice([mode.value for mode in Mode]),
    default=Mode.ATOMIC.value,
    show_default=True,
    help="All or nothing, or each integration for itself.",
)
@click.option("--replace-apis", is_flag=True, help="Remove the apis that are not listed.")
@click.option("--format", type=click.Choice(FORMATS), help="Instead of what the file's name or text says.")
@remote_options
@workspace_option
@store_options
@saving_options
@json_option
@click.pass_context
def apply(  # noqa: PLR0917  # click gives them by name
    ctx: click.Context, file: str, dry_run: bool, mode: str, replace_apis: bool, format: str | None
) -> None:
    """Save the integrations of FILE, or of standard input for `-`: JSON, JSON Lines or YAML.

    At most 10,000 are one batch, which is saved as a whole or not at all; a server, named by --url, is sent
    more in several batches. In YAML a plain text is a number, a boolean or null only where it looks like one
    in JSON: dates, `yes` and `012` stay text.
    """
    remote = names_server(reads_stdin=file == STDIN)
    body = convert(_read(file), format or Path(file).suffix.lower().removeprefix("."))
    if remote:
        items, receipt = _save_there(body, mode=Mode(mode), dry_run=dry_run, replace_apis=replace_apis)
    else:
        items = read_items(body, replace_apis=replace_apis)
        with session() as (_, _, workspace), _progress(items) as watched:
            receipt = workspace.submit(watched, mode=Mode(mode), dry_run=dry_run).result()
    write_receipt(receipt, [outline.type for outline in items.outline(0, len(items))])
    if any(item.problems for item in receipt.items):
        ctx.exit(REFUSED)


def _save_there(body: bytes, *, mode: Mode, dry_run: bool, replace_apis: bool) -> tuple[Items, Receipt]:
    """Save through a server, in as many batches as it takes."""
    raws = _split(body)
    with connected() as client, _bar(len(raws)) as bar:
        receipt = client.save(
            raws,
            dry_run=dry_run,
            mode=mode.value,
            replace_apis=replace_apis,
            progress=None if bar is None else lambda done, _: bar(done),
        )
    return Items(raws, replace_apis=replace_apis, expected=None), read_receipt(receipt)


def _split(body: bytes) -> list[msgspec.Raw]:
    try:
        raws = _raws.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raws = []
    if not raws:
        read_items(body)  # says what is wrong with it
    return raws


class Watched:
    """The changes of a batch; says how far it has come whenever the next chunk is asked for."""

    def __init__(self, changes: Changes, tell: Callable[[int], None]) -> None:
        """Take the changes and whom to tell."""
        self.replace_apis = changes.replace_apis
        self._changes = changes
        self._tell = tell

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._changes)

    def outline(self, first: int, last: int) -> Sequence[Outline]:
        """Return the outlines of a run of changes."""
        self._tell(first)
        return self._changes.outline(first, last)

    def read(self, indexes: Sequence[int]) -> Sequence[Change]:
        """Return these changes."""
        return self._changes.read(indexes)


@contextmanager
def _progress(changes: Changes) -> Iterator[Changes]:
    with _bar(len(changes)) as bar:
        yield changes if bar is None else Watched(changes, bar)


@contextmanager
def _bar(total: int) -> Iterator[Callable[[int], None] | None]:
    """Show how far a long save has come, where somebody watches; give how to say so."""
    if total <= _LONG or not someone_watches():
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Saving", total=total)
        yield lambda done: bar.update(task, completed=done)


def someone_watches() -> bool:
    """Say whether standard error is a terminal."""
    return sys.stderr.isatty()


def _read(file: str) -> bytes:
    if file == STDIN:
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise Misused(f"The file cannot be read: {error.strerror}.") from None
