"""What all import scripts have in common: their options, and the way from a reader to a save."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import msgspec
import rich_click as click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from credenza.cli.failures import REFUSED, tell
from credenza.cli.output import current_context
from credenza.cli.progress import someone_watches
from credenza.cli.remote import remote_options
from credenza.cli.session import saving_options, store_options, workspace_option
from credenza.errors import CredenzaError, Invalid, Problem
from credenza.sensitive import Sensitive
from credenza.workspace import Mode
from importing.files import STDIN, read_text
from importing.mapping import load_mapping
from importing.names import Naming, read_naming
from importing.plan import BATCH, Plan, Tell, check_types
from importing.records import Record
from importing.report import write_plan, write_report, write_summary
from importing.sheet import RENAME, Sheet, fill_sheet
from importing.targets import opened_target

Option = Callable[[Any], Any]
Read = Callable[..., Iterable[Record]]


class Shared(msgspec.Struct, frozen=True, kw_only=True):
    """The options of every import script."""

    dry_run: bool
    mapping: tuple[Path, ...]
    prefix: str
    rename: tuple[str, ...]
    only: tuple[str, ...]
    mode: str
    skip_bad: bool
    report: Path | None


_FILE = click.Path(dir_okay=False, path_type=Path)
_SHARED: Sequence[Option] = (
    click.option("--dry-run", is_flag=True, help="Show the plan and save nothing."),
    click.option(
        "--mapping",
        type=_FILE,
        multiple=True,
        metavar="FILE",
        help="A mapping of your own; later ones go first.",
    ),
    click.option("--prefix", default="", metavar="TEXT", help="What every name is to begin with."),
    click.option("--rename", multiple=True, metavar="OLD=NEW", help="Another name for one record."),
    click.option("--only", multiple=True, metavar="GLOB", help="Only records of these names."),
    click.option(
        "--mode",
        type=click.Choice([mode.value for mode in Mode]),
        default=Mode.ATOMIC.value,
        show_default=True,
        help="Nothing, unless all of them can be saved; or each one that can.",
    ),
    click.option("--skip-bad", is_flag=True, help="The same as --mode per-item."),
    click.option("--report", type=_FILE, metavar="FILE", help="Write what became of each record, as JSON."),
    remote_options,
    workspace_option,
    store_options,
    saving_options,
)


class Script(click.RichCommand):
    """A command that turns every error into a sentence, and leaves as `credenza` does."""

    def main(  # type: ignore[override]
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: object
    ) -> NoReturn:
        """Run a command line and leave with its exit code."""
        rest: dict[str, Any] = {**extra, "standalone_mode": False}
        try:
            outcome = super().main(args, prog_name, **rest)
        except Exception as error:  # noqa: BLE001  # the last place where one can be told decently
            sys.exit(tell(error, as_json=False))
        sys.exit(outcome if isinstance(outcome, int) else 0)


def make_command(
    source: str, options: Sequence[Option], read: Read, namesakes: str = RENAME
) -> click.Command:
    """Return the command of an import script: its own options and those of all, then the import.

    `read` is called with the values of its own options by keyword. What the script's module says of itself
    is its help. `namesakes` is as in `sheet`. The command leaves with 0 if all went in, or would, else with
    1 or as `credenza` does.
    """

    def callback(**given: Any) -> None:  # noqa: ANN401  # click gives them by name
        shared = Shared(**{name: given.pop(name) for name in Shared.__struct_fields__})
        naming = read_naming(shared.prefix, shared.rename, shared.only)
        mapping = load_mapping(source, shared.mapping)
        with opened_target(reads_stdin=_names_stdin(given)) as target:
            check_types(mapping, target)
            sheet = fill_sheet(read(**given), mapping, naming, _read_named, namesakes)
            _check_renames(naming, sheet)
            plan = Plan(sheet, target, source)
            with _bar("Planning", len(sheet.lines)) as watch:
                plan.prepare(watch)
            good = _carry_out(plan, shared, source)
        current_context().exit(0 if good else REFUSED)

    callback.__doc__ = sys.modules[read.__module__].__doc__
    for add in reversed([*options, *_SHARED]):
        callback = add(callback)
    settings = {"help_option_names": ["-h", "--help"]}
    return click.command(cls=Script, context_settings=settings)(callback)


def _carry_out(plan: Plan, shared: Shared, source: str) -> bool:
    """Show the plan, and save it if it may be saved; say whether all of it is in, or would be."""
    sheet = plan.sheet
    mode = Mode.PER_ITEM if shared.skip_bad else Mode(shared.mode)
    refused = bool(sheet.bad) and mode is Mode.ATOMIC
    _report(shared, source, sheet, finished=False)
    if not (shared.dry_run or refused):
        try:
            with _bar("Saving", len(plan.list_changes())) as watch:
                plan.execute(mode, watch)
        except BaseException:
            _report(shared, source, sheet, finished=False)
            _tell_how_far(sheet)
            raise
    write_plan(sheet.lines if shared.dry_run else sheet.bad)
    write_summary(sheet, dry_run=shared.dry_run, refused=refused)
    _report(shared, source, sheet, finished=not refused)
    return not sheet.bad


def _report(shared: Shared, source: str, sheet: Sheet, *, finished: bool) -> None:
    if shared.report is not None:
        write_report(shared.report, source, sheet, dry_run=shared.dry_run, finished=finished)


def _tell_how_far(sheet: Sheet) -> None:
    saved = sum(line.saved for line in sheet.lines)
    message = f"Stopped: {saved:,} of {len(sheet.lines):,} are in; the same command goes on from there."
    click.echo(message, err=True)


def _check_renames(naming: Naming, sheet: Sheet) -> None:
    idle = naming.find_idle(line.foreign for line in sheet.lines if line.foreign is not None)
    if idle:
        problems = [Problem("unknown_name", "No record has this name.", "", "", None, old) for old in idle]
        raise Invalid("--rename names what was not found.", code="unknown_name", problems=problems)


def _names_stdin(given: dict[str, Any]) -> bool:
    return any(STDIN in map(str, each if isinstance(each, tuple) else [each]) for each in given.values())


def _read_named(path: str) -> Sensitive[str] | None:
    """Return the text of a file that a value names; the path itself is a value too, and not repeated."""
    try:
        return read_text(Path(os.path.expanduser(path)))  # noqa: PTH111  # of no user there is, it stays
    except CredenzaError:
        return None


@contextmanager
def _bar(what: str, total: int) -> Iterator[Tell]:
    """Show how far a long import has come, where somebody watches; give how to say so."""
    if total <= BATCH or not someone_watches():
        yield lambda _: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)
