"""Writing many rows by few statements.

`executemany` makes a step of SQLite for every row, and around each step Python lets go of the interpreter:
beside a busy event loop the writing thread would lose its turn once a row, with everybody waiting for the
commit. A statement of many rows loses it once.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from functools import cache
from itertools import chain

# Powers of two, so that a few statements, prepared once, serve any number of rows.
_SIZES = (64, 32, 16, 8, 4, 2, 1)
_row = re.compile(r"(?<=VALUES )\([?, ]+\)")


def insert_rows(connection: sqlite3.Connection, statement: str, rows: Sequence[Sequence[object]]) -> None:
    """Run an `INSERT … VALUES (?, …)` for all rows, in their order; raises what SQLite raises."""
    start = 0
    for size in _SIZES:
        while len(rows) - start >= size:
            values = [*chain.from_iterable(rows[start : start + size])]
            connection.execute(_repeat(statement, size), values)
            start += size


@cache
def _repeat(statement: str, size: int) -> str:
    return _row.sub(lambda found: ", ".join([found[0]] * size), statement, count=1)
