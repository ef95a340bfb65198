#!/usr/bin/env python3
"""Bring in the credentials of a .env file, or of the environment, by the names of their variables.

FILE is a .env file; - is standard input, and --environment the environment of this very command. Well-known
names make integrations: OPENAI_API_KEY one called `openai`, STAGING_OPENAI_API_KEY one called
`staging-openai`, DATABASE_URL one called `database`. scripts/mappings/dotenv.yaml has them all; --mapping
adds your own. A file that GOOGLE_APPLICATION_CREDENTIALS names is read. Where a name stands twice in a file,
the later one counts, and ${OTHER} in a value is another variable's.

See first what would be done: import_dotenv.py .env --dry-run
"""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Iterable, Iterator

import rich_click as click

from credenza.cli.failures import Misused
from credenza.sensitive import Sensitive
from importing.command import make_command
from importing.files import read_text
from importing.records import Record, Single, Unreadable

try:
    from dotenv.main import resolve_variables
    from dotenv.parser import Binding, parse_stream
except ImportError:
    sys.exit("error: this script needs python-dotenv: pip install '.[import]'.")

OURS = ("CREDENZA_",)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
OPTIONS = (
    click.argument("file", required=False),
    click.option("--environment", is_flag=True, help="The environment of this command, instead of a file."),
)


def read(file: str | None, environment: bool) -> Iterable[Record]:
    """Return the variables of a file, or of the environment; raises Misused, Invalid."""
    if (file is None) is not environment:
        raise Misused("Say either which .env FILE to read, or --environment.")
    if file is None:
        return _read_environment()
    return _read_file(file)


def _read_environment() -> Iterator[Record]:
    for name, value in sorted(os.environ.items()):
        # What opens the vault or the server is not to lie in it.
        if not name.startswith(OURS):
            yield Single(name, Sensitive(value), "environment")


def _read_file(file: str) -> Iterator[Record]:
    bindings = list(parse_stream(io.StringIO(read_text(file).reveal())))
    lines: dict[str, int] = {}
    for binding in bindings:
        line = _find_line(binding)
        if _is_assignment(binding):
            lines[binding.key or ""] = line
        elif binding.error or binding.key is not None:
            # Its name is not told: it may be the rest of a value that was broken in the wrong place.
            yield Unreadable(None, f"line {line}", "", "it is no NAME=value")
    pairs = [(each.key or "", each.value) for each in bindings if _is_assignment(each)]
    for name, value in resolve_variables(pairs, override=True).items():
        yield Single(name, Sensitive(value or ""), f"line {lines[name]}")


def _is_assignment(binding: Binding) -> bool:
    return binding.value is not None and _NAME.fullmatch(binding.key or "") is not None


def _find_line(binding: Binding) -> int:
    """Return the line a binding stands on; what belongs to it begins with the empty lines before."""
    text = binding.original.string
    return int(binding.original.line) + text[: len(text) - len(text.lstrip())].count("\n")


COMMAND = make_command("dotenv", OPTIONS, read)

if __name__ == "__main__":
    COMMAND.main()
