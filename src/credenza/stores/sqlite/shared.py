"""What the jobs of one transaction share: read once, kept in memory, written once before COMMIT.

Row numbers, ends of audit streams and counts of seals belong to every save, and new records need nothing of
one another. Written by each job, they would cost as many statements as there are jobs, and at each of them
the writing thread may lose its turn to another; so a shared commit writes them once for all.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from credenza.errors import CredenzaError
from credenza.stores.sqlite import listing
from credenza.stores.sqlite.inserting import insert_rows
from credenza.trail import Entry, Head, current

_MOST_DEFERRED = 250  # records, as many as a chunk of a large batch
STREAM = "main"  # one file has one writer, hence one audit stream at a time
NAME = 2  # the place of a record's name in its row
_RECORD = f"""
SELECT {listing.COLUMNS}
FROM integrations i JOIN integration_versions v ON v.integration_id = i.id AND v.version = i.version
WHERE i.workspace_id = :workspace
"""  # noqa: S608  # made of our own words
_BROKEN = "The audit trail does not end where its head says; run `credenza audit verify`."


class Shared:
    """The common state of one transaction; forgotten with it when it is undone.

    `scrubbed` says that it takes something out which the files must not hold for longer than need be.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Begin a transaction's state; nothing is read yet."""
        self.scrubbed = False
        self._connection = connection
        self._last_row: int | None = None
        self._deferred = 0
        self._reserved = False
        self._heads: dict[int, Head | None] = {}
        self._entries: list[tuple[object, ...]] = []
        self._seals: Counter[tuple[int, int]] = Counter()
        self._rows: dict[str, list[tuple[object, ...]]] = {}
        self._names: set[tuple[int, str]] = set()
        self._foreseen: dict[tuple[int, str], tuple[Any, ...] | None] = {}

    @property
    def size(self) -> int:
        """Return a number that grows with whatever would have to be undone."""
        return len(self._entries) + self._seals.total() + self._deferred

    def foresee(self, wanted: Sequence[tuple[int, Sequence[str]]]) -> None:
        """Read the records that the jobs of a group will look for, by one statement per workspace.

        Each statement is a moment at which the writing thread may lose its turn.
        """
        names: dict[int, list[str]] = {}
        for workspace, some in wanted:
            names.setdefault(workspace, []).extend(some)
        for workspace, all_ in names.items():
            self._foreseen.update({(workspace, name.lower()): None for name in all_})
            found = find_rows(self._connection, workspace, all_)
            self._foreseen.update({(workspace, row[NAME].lower()): row for row in found})

    def find(self, workspace: int, names: Sequence[str]) -> Sequence[tuple[Any, ...]]:
        """Return the rows of the records of these names, whatever their case, as they are by now."""
        if self.awaits(workspace, names):
            self.write_rows()
        keys = [(workspace, name.lower()) for name in names]
        if self._foreseen and all(key in self._foreseen for key in keys):
            return [row for row in map(self._foreseen.__getitem__, keys) if row is not None]
        return find_rows(self._connection, workspace, names)

    def forget(self, workspace: int, names: Sequence[str]) -> None:
        """Look for these records again: they are about to change."""
        if self._foreseen:
            for name in names:
                self._foreseen.pop((workspace, name.lower()), None)

    def forget_all(self) -> None:
        """Look for every record again."""
        self._foreseen.clear()

    def reserve(self, count: int) -> range:
        """Return that many row numbers nobody else gets."""
        if self._last_row is None:
            row = self._connection.execute(
                "SELECT value FROM counters WHERE name = 'integrations'"
            ).fetchone()
            self._last_row = row[0]
        first = self._last_row + 1
        self._last_row += count
        self._reserved = self._reserved or count > 0
        return range(first, first + count)

    def head(self, workspace: int) -> Head | None:
        """Return the end of a workspace's audit stream."""
        if workspace not in self._heads:
            self._heads[workspace] = current(read_heads(self._connection, workspace))
        return self._heads[workspace]

    def append(self, workspace: int, entry: Entry, head: Head) -> None:
        """Take an audit row and the stream's new head."""
        self._entries.append((workspace, *msgspec.structs.astuple(entry)))
        self._heads[workspace] = head

    def count_seals(self, workspace: int, term: int, count: int) -> None:
        """Add to the number of seals made under a term."""
        self._seals[workspace, term] += count

    def defer(self, workspace: int, names: Sequence[str], rows: dict[str, list[tuple[object, ...]]]) -> None:
        """Take the rows of new records, to be written with those of others."""
        self._deferred += len(names)
        self._names.update((workspace, name.lower()) for name in names)
        self.forget(workspace, names)
        for statement, values in rows.items():
            self._rows.setdefault(statement, []).extend(values)
        if len(self._names) >= _MOST_DEFERRED:
            self.write_rows()

    def awaits(self, workspace: int, names: Sequence[str]) -> bool:
        """Tell whether one of these names belongs to a record that is not written yet."""
        return bool(self._names) and any((workspace, name.lower()) in self._names for name in names)

    def write_rows(self) -> None:
        """Write the rows of new records that wait; raises sqlite3.IntegrityError where a name is taken."""
        if self._names:
            rows, self._rows, self._names = self._rows, {}, set()
            for statement, values in rows.items():
                insert_rows(self._connection, statement, values)

    def flush(self) -> None:
        """Write everything, in the transaction.

        Raises:
            CredenzaError: a head does not fit its stream: the trail was tampered with.
        """
        self.write_rows()
        execute = self._connection.execute
        if self._reserved:
            execute("UPDATE counters SET value = ? WHERE name = 'integrations'", (self._last_row,))
        for (workspace, term), count in self._seals.items():
            execute(
                "UPDATE rings SET seals = seals + ? WHERE workspace_id = ? AND purpose = 'dek' AND term = ?",
                (count, workspace, term),
            )
        if self._entries:
            self._write_audit()

    def _write_audit(self) -> None:
        try:
            insert_rows(
                self._connection,
                "INSERT INTO audit (workspace_id, stream, sequence, at, actor, verb, items, mac) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                self._entries,
            )
        except sqlite3.IntegrityError:
            raise CredenzaError(_BROKEN, code="audit_damaged") from None
        self._connection.executemany(
            "INSERT INTO audit_heads (workspace_id, stream, count, mac, seal) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET count = excluded.count, mac = excluded.mac, seal = excluded.seal",
            [(workspace, *msgspec.structs.astuple(head)) for workspace, head in self._heads.items() if head],
        )


def find_rows(
    connection: sqlite3.Connection, workspace: int, names: Sequence[str]
) -> Sequence[tuple[Any, ...]]:
    """Return the rows of the records of these names, whatever their case."""
    if len(names) == 1:
        clause, wanted = "AND i.name = :names", names[0]
    else:
        clause = "AND i.name IN (SELECT value FROM json_each(:names))"
        wanted = msgspec.json.encode(names).decode()
    return connection.execute(f"{_RECORD}{clause}", {"workspace": workspace, "names": wanted}).fetchall()


def read_heads(connection: sqlite3.Connection, workspace: int) -> Sequence[Head]:
    """Return the ends of all audit streams of a workspace."""
    rows = connection.execute(
        "SELECT stream, count, mac, seal FROM audit_heads WHERE workspace_id = ? ORDER BY stream",
        (workspace,),
    )
    return [Head(*row) for row in rows]
