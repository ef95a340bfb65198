"""Copy all rows of a store into another one, and read them back from it.

Each table is summed up while its rows go in, and again while they are read back: count and SHA-256, in the
order of its key. Only when all sums agree may the copy be finished.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec

from credenza.errors import StoreDamaged
from credenza.tables import TABLES, Intake, Row, Snapshot, Table

Amend = Callable[[Iterator[Row]], Iterator[Row]]
Tell = Callable[[int], None]
_SHOWN = 500  # rows, after which progress is told
_encode = msgspec.msgpack.Encoder().encode


class Sum(msgspec.Struct, frozen=True):
    """How many rows there are, and the SHA-256 of them all, each written as MessagePack, as hex."""

    rows: int
    sha256: str


class Progress:
    """How many rows were passed, told now and then."""

    def __init__(self, tell: Tell | None) -> None:
        """Take whom to tell; None: nobody."""
        self._tell = tell
        self._done = 0

    def pass_row(self) -> None:
        """Count one row."""
        self._done += 1
        if self._tell is not None and self._done % _SHOWN == 0:
            self._tell(self._done)


class Summing:
    """Rows that are summed up while somebody else takes them."""

    def __init__(self, rows: Iterable[Row], progress: Progress) -> None:
        """Take the rows."""
        self._rows = rows
        self._progress = progress
        self._digest = hashlib.sha256()
        self._count = 0

    def __iter__(self) -> Iterator[Row]:
        """Give each row once."""
        for row in self._rows:
            self._digest.update(_encode(row))
            self._count += 1
            self._progress.pass_row()
            yield row

    @property
    def sum(self) -> Sum:
        """Return the sum of the rows that were given."""
        return Sum(self._count, self._digest.hexdigest())


def count_rows(source: Snapshot) -> int:
    """Return how many rows a store has in all its tables."""
    return sum(source.count(table) for table in TABLES)


def copy(
    source: Snapshot,
    intake: Intake,
    *,
    amend: Mapping[str, Amend] | None = None,
    expected: Mapping[str, Sum] | None = None,
    tell: Tell | None = None,
) -> dict[str, Sum]:
    """Put all rows of a store into another one, settle that, read them back, and return their sums by table.

    `amend` says by table how rows are changed on the way, in the order of its key, and `expected` what the
    sums of the source's rows must be; every row is told twice.

    Raises:
        StoreDamaged: the source has rows that do not belong together, or the copy is not like the source.
        StoreFull: the device is full.
        Unavailable: one of the stores cannot be reached any longer.
    """
    progress, sums = Progress(tell), {}
    for table in TABLES:
        read = Summing(source.rows(table), Progress(None))
        change = (amend or {}).get(table.name)
        given = Summing(iter(read) if change is None else change(iter(read)), progress)
        intake.put(table, given)
        if read.sum.rows != source.count(table):
            raise StoreDamaged(_told(table, "cannot all be read"))
        if expected is not None and read.sum != expected.get(table.name, read.sum):
            raise StoreDamaged(_told(table, "are no longer as they were found to be"))
        sums[table.name] = given.sum
    intake.settle(source.highest)
    for table in TABLES:
        if sum_up(intake.rows(table), progress) != sums[table.name]:
            raise StoreDamaged(_told(table, "are not in the copy as they are in the source"))
    return sums


def sum_up(rows: Iterable[Row], progress: Progress | None = None) -> Sum:
    """Return the sum of rows."""
    summing = Summing(rows, progress or Progress(None))
    for _ in summing:
        pass
    return summing.sum


def compare(one: Snapshot, other: Snapshot, tell: Tell | None = None) -> list[str]:
    """Return the names of the tables whose rows are not the same in two stores."""
    progress = Progress(tell)
    return [
        table.name
        for table in TABLES
        if sum_up(one.rows(table), progress) != sum_up(other.rows(table), progress)
    ]


def _told(table: Table, what: str) -> str:
    return f"The rows of the table {table.name} {what}; nothing was made of the copy."
