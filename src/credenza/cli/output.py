"""What commands print: tables for people, tab-separated text into a pipe, JSON where it is asked for."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import msgspec
import rich_click as click
from click import get_current_context

JSON = "credenza.json"


def current_context() -> click.Context:
    """Return the command line that is being run."""
    return get_current_context()


def wants_json() -> bool:
    """Say whether this command was asked for JSON."""
    return bool(current_context().meta.get(JSON))


def write_json(content: object) -> None:
    """Print anything msgspec encodes, indented."""
    click.echo(msgspec.json.format(msgspec.json.encode(content), indent=2))


def json_or_text(content: object, text: str) -> None:
    """Print content where JSON was asked for, else a sentence."""
    if wants_json():
        write_json(content)
    else:
        click.echo(text)


def write_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under their headings; into a pipe, one line each with tabs between the cells."""
    cells = [[clean(_text(cell)) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for line in (columns, *cells):
            click.echo("\t".join(line))
        return
    _write_rich(columns, cells)


def write_fields(fields: Mapping[str, object]) -> None:
    """Print what is known of one thing, a line each."""
    width = max(map(len, fields), default=0)
    for name, value in fields.items():
        click.echo(f"{clean(name):<{width}}  {clean(_text(value))}")


def clean(text: str) -> str:
    """Return a text with everything escaped that a terminal could obey instead of show."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def count(number: int, thing: str) -> str:
    """Write a number of things."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def write_time(milliseconds: int) -> str:
    """Write a time as ISO 8601 in UTC, to the second."""
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return str(cell)


def _write_rich(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415  # only a terminal pays for it
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(*columns, box=SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*map(Text, row))  # as text: what stands in brackets is no markup
    Console().print(table)
