#!/usr/bin/env python3
"""Bring in the rows of a table: a CSV file, JSON, JSON Lines, or a table of a SQLite database.

A mapping file says what becomes of a row, by its kind: scripts/mappings/table-example.yaml is one to begin
with. The kind stands in the column `type`, or is the same for all with --type; the name stands in the column
`name`. The first line of a CSV file names its columns.

See first what would be done: import_table.py accounts.csv --mapping accounts.yaml --dry-run
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import rich_click as click
from sqlite_utils.utils import Format, maximize_csv_field_size_limit, rows_from_file

from credenza.cli.failures import Misused
from credenza.errors import Invalid
from credenza.sensitive import Sensitive
from importing.command import make_command
from importing.files import open_sqlite, read_text
from importing.records import Found, Record, Unreadable

FORMATS = {".csv": "csv", ".tsv": "csv", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_SQLITE = (".db", ".sqlite", ".sqlite3")
_DELIMITERS = ",;\t|"
_MORE = "more"
_NO_OBJECT = "it is no JSON object"

OPTIONS = (
    click.argument("file"),
    click.option("--table", metavar="NAME", help="Which table of a SQLite database."),
    click.option("--type", "kind", metavar="KIND", help="The kind of all rows, as the mapping calls it."),
    click.option(
        "--type-column", default="type", show_default=True, metavar="NAME", help="Where kinds stand."
    ),
    click.option(
        "--name-column", default="name", show_default=True, metavar="NAME", help="Where names stand."
    ),
    click.option(
        "--format",
        type=click.Choice(["csv", "json", "jsonl", "sqlite"]),
        help="Instead of what the file's name says.",
    ),
)
Row = dict[str, Any]


def read(  # noqa: PLR0917  # click gives them by name
    file: str, table: str | None, kind: str | None, type_column: str, name_column: str, format: str | None
) -> Iterable[Record]:
    """Return the rows of a table as records; raises Misused, Invalid."""
    for place, row in _read_rows(file, table, format, name_column):
        if isinstance(row, str):
            yield Unreadable(None, place, "", row)
            continue
        name = row.pop(name_column, None)
        own = row.pop(type_column, None) if kind is None else kind
        if not _is_word(name):
            yield Unreadable(None, place, name_column, "a name belongs here")
        elif not _is_word(own):
            yield Unreadable(str(name), place, type_column, "a kind belongs here, or --type for all rows")
        else:
            yield Found(str(name), str(own), Sensitive(row), place)


def _read_rows(
    file: str, table: str | None, format: str | None, name_column: str
) -> Iterator[tuple[str, Row | str]]:
    """Return every row with its place; in the place of one that cannot be read, why."""
    suffix = Path(file).suffix.lower()
    form = format or ("sqlite" if suffix in _SQLITE else FORMATS.get(suffix))
    if form is None:
        raise Misused("What the file is does not follow from its name; say --format.")
    if form == "sqlite":
        return _read_sqlite(Path(file), table, name_column)
    if table is not None:
        raise Misused("--table goes with a SQLite database.")
    text = read_text(file)
    if form == "csv":
        return _read_csv(file, text, name_column)
    return _read_json(file, text) if form == "json" else _read_lines(text)


def _read_csv(file: str, text: Sensitive[str], name_column: str) -> Iterator[tuple[str, Row | str]]:
    head = text.reveal().partition("\n")[0]

    class Dialect(csv.excel):
        strict = True
        delimiter = max(_DELIMITERS, key=head.count)

    maximize_csv_field_size_limit()
    columns = next(csv.reader([head], Dialect), [])
    # Told without the columns: in a file without a first line of names they are values.
    if name_column not in columns or len(set(columns)) < len(columns):
        sentence = (
            f"The first line of {file} is to name the columns, each once, with `{name_column}` among them."
        )
        raise Invalid(sentence, code="unreadable_source")
    data = io.BytesIO(text.reveal().encode())
    rows, _ = rows_from_file(data, Format.CSV, dialect=Dialect, extras_key=_MORE)
    number = 0
    try:
        for number, row in enumerate(rows, 1):
            yield f"row {number}", _check_cells(dict(row), columns)
    except csv.Error:
        sentence = f"{file} is no CSV from row {number + 1} on."
    else:
        return
    raise Invalid(sentence, code="unreadable_source")


def _check_cells(row: Row, columns: list[str]) -> Row | str:
    if _MORE in row and _MORE not in columns:
        return "it has more cells than the first line has names"
    if None in row.values():
        return "it has fewer cells than the first line has names"
    return row


def _read_json(file: str, text: Sensitive[str]) -> Iterator[tuple[str, Row | str]]:
    try:
        whole = json.loads(text.reveal())
    except (ValueError, RecursionError):
        whole = None
    if not isinstance(whole, list):
        raise Invalid(f"{file} is no JSON array of objects.", code="unreadable_source")
    for number, row in enumerate(whole, 1):
        yield f"row {number}", row if isinstance(row, dict) else _NO_OBJECT


def _read_lines(text: Sensitive[str]) -> Iterator[tuple[str, Row | str]]:
    for number, line in enumerate(text.reveal().split("\n"), 1):
        if line.strip():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            yield f"line {number}", row if isinstance(row, dict) else _NO_OBJECT


def _read_sqlite(path: Path, table: str | None, name_column: str) -> Iterator[tuple[str, Row | str]]:
    with open_sqlite(path) as database:
        names = [*database.table_names(), *database.view_names()]
        if table is None and len(names) != 1:
            raise Misused(f"Say which --table: {', '.join(sorted(names)) or 'there is none'}.")
        chosen = names[0] if table is None else table
        if chosen not in names:
            raise Misused(f"There is no such --table: there are {', '.join(sorted(names))}.")
        if name_column not in database[chosen].columns_dict:
            raise Invalid(f"The table has no column `{name_column}`.", code="unreadable_source")
        for number, row in enumerate(database[chosen].rows, 1):
            yield f"row {number}", row


def _is_word(value: object) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip() != ""


COMMAND = make_command("table", OPTIONS, read)

if __name__ == "__main__":
    COMMAND.main()
