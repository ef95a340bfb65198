"""A plan and what came of it: for a person and as a file. Names, keys and rules; never a value."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec
import rich_click as click

from credenza.cli.failures import Misused, write_problem
from credenza.cli.output import clean, count, write_table
from credenza.errors import Problem
from importing.sheet import Line, Sheet

COLUMNS = ("name", "type", "result", "secrets", "missing", "not taken over", "from")
_ORDER = ("created", "updated", "unchanged", "clash", "refused", "unmapped", "unreadable")


class Entry(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """One record in a report file. `foreign_name` is what the source calls it, `place` where it is there."""

    name: str | None
    foreign_name: str | None
    place: str
    kind: str
    type: str
    result: str
    saved: bool
    secrets: tuple[str, ...]
    missing: tuple[str, ...]
    not_taken_over: tuple[str, ...]
    problems: tuple[Problem, ...]


class Report(msgspec.Struct, frozen=True, rename="camel"):
    """A report file. `saved` says how many of the records are in; `loose` are names that make no record."""

    source: str
    dry_run: bool
    finished: bool
    saved: int
    records: int
    ignored: int
    loose: tuple[str, ...]
    results: tuple[Entry, ...]


def write_plan(lines: Sequence[Line]) -> None:
    """Print lines as a table."""
    if lines:
        write_table(COLUMNS, [_row(line) for line in lines])


def write_summary(sheet: Sheet, *, dry_run: bool, refused: bool) -> None:
    """Print what is wrong, what was passed over, and how many there are of each result."""
    for line in sheet.bad:
        for problem in line.problems:
            click.echo(clean(write_problem(problem)), err=True)
    if sheet.loose:
        click.echo(f"Not taken over: {', '.join(map(clean, sheet.loose))}.")
    if sheet.ignored:
        click.echo(f"{count(sheet.ignored, 'record')} left out, as the mapping says.")
    found = Counter(line.result for line in sheet.lines)
    counts = ", ".join(f"{found[word]:,} {word}" for word in _ORDER if found[word]) or "Nothing was found"
    click.echo(f"{counts}{_explain(dry_run=dry_run, refused=refused)}.")


def write_report(path: Path, source: str, sheet: Sheet, *, dry_run: bool, finished: bool) -> None:
    """Write the report file, readable for its owner alone; what was there is replaced at once.

    Raises:
        Misused: it cannot be written.
    """
    report = Report(
        source,
        dry_run,
        finished,
        sum(line.saved for line in sheet.lines),
        len(sheet.lines),
        sheet.ignored,
        tuple(sheet.loose),
        tuple(_describe(line) for line in sheet.lines),
    )
    text = msgspec.json.format(msgspec.json.encode(report), indent=2)
    try:
        _replace(path, text)
    except OSError as error:
        sentence = f"The report cannot be written: {error.strerror}."
    else:
        return
    raise Misused(sentence)


def _row(line: Line) -> tuple[object, ...]:
    lists = (", ".join(each) for each in (line.secrets, line.missing, line.unused))
    came = line.foreign or line.place
    return (
        line.name or "(no name)",
        line.type or line.kind,
        line.result,
        *lists,
        came if came != line.name else "",
    )


def _explain(*, dry_run: bool, refused: bool) -> str:
    if dry_run:
        return "; nothing was saved: this is a dry run"
    if refused:
        return "; nothing was saved: --mode per-item saves what can be saved"
    return ""


def _describe(line: Line) -> Entry:
    return Entry(
        name=line.name,
        foreign_name=line.foreign,
        place=line.place,
        kind=line.kind,
        type=line.type,
        result=line.result,
        saved=line.saved,
        secrets=line.secrets,
        missing=line.missing,
        not_taken_over=line.unused,
        problems=line.problems,
    )


def _replace(path: Path, text: bytes) -> None:
    number, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # 0600, as mkstemp makes them
    try:
        with os.fdopen(number, "wb") as opened:
            opened.write(text + b"\n")
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
