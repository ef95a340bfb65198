"""What one workspace's transaction can do, as SQL; children hang on their parent's key."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from credenza.errors import Conflict
from credenza.model import (
    Choice,
    Found,
    Paper,
    Place,
    Question,
    Record,
    Secret,
    Tenant,
    Usage,
    Version,
    Write,
)
from credenza.model import Shared as SharedPaper
from credenza.ports import Sheet
from credenza.stores.rows import Filters, read_secret, read_version
from credenza.stores.sqlite import cards, catalogue, facets, listing, papers, saving, search
from credenza.stores.sqlite.losses import LossRows
from credenza.stores.sqlite.shared import NAME, STREAM, Shared, read_heads
from credenza.stores.sqlite.terms import KeyRows
from credenza.trail import Entry, Head

_SEALED = "SELECT s.uuid, s.path, s.version, s.destination, s.rule, s.fingerprint, s.sealed"
# CROSS JOIN keeps SQLite from beginning with all integrations of the workspace.
_OWN_SECRETS = """
CROSS JOIN integrations i ON i.id = wanted.value AND i.workspace_id = ?
CROSS JOIN secrets s ON s.integration_id = i.id
"""
_HISTORY = """
SELECT v.version, v.created_at, v.created_by, v.edits, v.document
FROM integration_versions v JOIN integrations i ON i.id = v.integration_id
WHERE v.integration_id = ? AND i.workspace_id = ? AND v.version < ? ORDER BY v.version DESC LIMIT ?
"""
_NO_LIMIT = 2**62


class SqliteTx(KeyRows, LossRows):
    """One transaction, bound to one workspace."""

    stream = STREAM

    def __init__(self, connection: sqlite3.Connection, tenant: Tenant, shared: Shared) -> None:
        """Bind a connection that is in a transaction to a workspace."""
        self._connection = connection
        self._tenant = tenant
        self._workspace = tenant.row
        self._shared = shared

    def find(self, names: Sequence[str]) -> Mapping[str, Record]:
        """Return the records of these names, whatever their case, by lower-cased name."""
        rows = self._shared.find(self._workspace, names)
        return {row[NAME].lower(): _record(row) for row in rows}

    def held(self, rows: Sequence[int]) -> Mapping[int, Mapping[str, Secret]]:
        """Return the current secrets of these records by row and path."""
        held: dict[int, dict[str, Secret]] = {row: {} for row in rows}
        for row in self._execute(
            f"{_SEALED}, s.integration_id FROM json_each(?) wanted {_OWN_SECRETS} AND s.last_version IS NULL",
            (_json(rows), self._workspace),
        ):
            held[row[7]][row[1]] = read_secret(row)
        return held

    def secrets(self, row: int, versions: Mapping[str, int]) -> Mapping[str, Secret]:
        """Return the secrets of one record at these versions; destroyed ones are missing."""
        kept = self._execute(
            f"{_SEALED} FROM (SELECT ? AS value) wanted {_OWN_SECRETS}", (row, self._workspace)
        )
        return {each[1]: read_secret(each) for each in kept if versions.get(each[1]) == each[2]}

    def reserve(self, count: int) -> range:
        """Return that many row numbers nobody else gets."""
        return self._shared.reserve(count)

    def save(self, writes: Sequence[Write], keep: int) -> None:
        """Write next versions, comparing the versions that were read."""
        created = [write for write in writes if write.before is None]
        updated = [write for write in writes if write.before is not None]
        if created:
            names = [write.record.name for write in created]
            self._shared.defer(self._workspace, names, saving.create_rows(self._workspace, created))
        if updated:
            self._shared.write_rows()
            self._shared.forget(self._workspace, [write.record.name for write in updated])
            if saving.update(self._connection, self._workspace, updated, keep):
                self._shared.scrubbed = True

    def distrust(self, row: int) -> None:
        """Forget the text a record was made from, so that the same text is looked at again."""
        self._shared.forget_all()
        self._execute(
            "UPDATE integrations SET digest = NULL WHERE id = ? AND workspace_id = ?", (row, self._workspace)
        )

    def drop(self, records: Sequence[Record]) -> None:
        """Remove records with all they own, comparing versions."""
        if not records:
            return
        self._shared.write_rows()
        self._shared.forget(self._workspace, [record.name for record in records])
        rows = [record.row for record in records]
        search.forget(self._connection, rows, forever=True)
        facets.forget(self._connection, rows)
        gone = self._connection.executemany(
            "DELETE FROM integrations WHERE id = ? AND version = ? AND workspace_id = ?",
            [(record.row, record.version, self._workspace) for record in records],
        ).rowcount
        if gone != len(records):
            raise Conflict

    def papers(self, kind: str, slugs: Sequence[str] | None = None) -> Mapping[str, Paper]:
        """Return the papers of a kind by slug, in its order."""
        return papers.find(self._connection, self._workspace, kind, slugs)

    def keep(self, sheets: Sequence[Sheet]) -> None:
        """Write next versions of papers, comparing the versions that were read."""
        papers.keep(self._connection, self._tenant, sheets)

    def cards(self, choice: Choice) -> Sequence[Place]:
        """Return where what is on a page stands, in its order."""
        return cards.list_page(self._connection, self._workspace, choice)

    def places(self, kind: str, ids: Sequence[str]) -> Mapping[str, Place]:
        """Return where what these cards are about stands, by id."""
        return cards.find(self._connection, self._workspace, kind, ids)

    def ask(self, question: Question) -> Found:
        """Return a page of the catalogue of packages, one row more than its limit where there are more."""
        return catalogue.ask(self._connection, self._tenant, question)

    def shared(self, kind: str, ids: Sequence[str], *, operating: bool = False) -> Mapping[str, SharedPaper]:
        """Return packages, or versions of them, by id: those that this workspace may read."""
        return catalogue.find_shared(self._connection, self._tenant, kind, ids, operating=operating)

    def is_installed(self, package: str) -> bool:
        """Tell whether any workspace has a package installed."""
        return catalogue.is_installed(self._connection, package)

    def park(self, moves: Sequence[tuple[Record, str]]) -> None:
        """Give records other names, comparing versions."""
        if not moves:
            return
        self._shared.write_rows()
        self._shared.forget(self._workspace, [name for record, name in moves for name in (record.name, name)])
        saving.rename(self._connection, self._workspace, moves)

    def count_tokens(self, row: int, usage: Usage) -> None:
        """Add to what an api of a record used in a day."""
        self._shared.write_rows()
        papers.count(self._connection, self._workspace, row, usage)

    def usage(self, row: int, *, since: int = 0, api: str | None = None) -> Sequence[Usage]:
        """Return what the apis of a record used, by api and day."""
        self._shared.write_rows()
        return papers.list_usage(self._connection, self._workspace, row, since, api)

    def page(
        self,
        *,
        category: str | None = None,
        type: str | None = None,
        enabled: bool | None = None,
        search: str | None = None,
        tags: Sequence[tuple[str, str | None]] = (),
        below: int | None = None,
        owned: bool = False,
        after: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Record]:
        """Return records in the order of their names, filtered."""
        self._shared.write_rows()
        filters = Filters(category, type, enabled, search, tags, below, owned)
        rows = listing.list_page(self._connection, self._workspace, filters, after, limit)
        return (_record(row) for row in rows)

    def history(self, row: int, *, before: int | None = None, limit: int = 100) -> Sequence[Version]:
        """Return versions, newest first, below `before`."""
        return [
            read_version(each, each[4].encode())
            for each in self._execute(
                _HISTORY, (row, self._workspace, _NO_LIMIT if before is None else before, limit)
            )
        ]

    def version(self, row: int, version: int) -> Version | None:
        """Return one entry of the history; None: no such version."""
        if not 0 < version < _NO_LIMIT:
            return None  # a number that SQLite cannot hold is no version either
        found = [each for each in self.history(row, before=version + 1, limit=1) if each.version == version]
        return found[0] if found else None

    def head(self) -> Head | None:
        """Return the end of the audit stream."""
        return self._shared.head(self._workspace)

    def heads(self) -> Sequence[Head]:
        """Return the ends of all audit streams."""
        return read_heads(self._connection, self._workspace)

    def append(self, entry: Entry, head: Head) -> None:
        """Append an audit row and move the stream's head."""
        self._shared.append(self._workspace, entry, head)

    def trail(self) -> Iterator[Entry]:
        """Return all audit rows, by stream and sequence."""
        rows = self._execute(
            "SELECT stream, sequence, at, actor, verb, items, mac FROM audit "
            "WHERE workspace_id = ? ORDER BY stream, sequence",
            (self._workspace,),
        )
        return (Entry(*row) for row in rows)

    def recall(self, key: str, since: int) -> tuple[bytes, bytes] | None:
        """Return the request digest and the answer kept under an idempotency key since a time."""
        row = self._execute(
            "SELECT digest, answer FROM idempotency WHERE workspace_id = ? AND key = ? AND created_at >= ?",
            (self._workspace, key, since),
        ).fetchone()
        return None if row is None else (row[0], row[1])

    def remember(self, key: str, digest: bytes, answer: bytes, at: int, since: int) -> None:
        """Keep an answer under an idempotency key, and forget those from before `since`."""
        self._execute("DELETE FROM idempotency WHERE created_at < ?", (since,))
        self._execute(
            "INSERT INTO idempotency (workspace_id, key, digest, answer, created_at) VALUES (?, ?, ?, ?, ?)",
            (self._workspace, key, digest, answer, at),
        )

    def count_seals(self, term: int, count: int) -> None:
        """Add to the number of seals made under a term."""
        self._shared.count_seals(self._workspace, term, count)

    def _execute(self, statement: str, parameters: object = ()) -> sqlite3.Cursor:
        # What new records wait to be written must be seen by every reader of this transaction.
        self._shared.write_rows()
        return self._connection.execute(statement, parameters)  # type: ignore[arg-type]


def _json(values: Sequence[object]) -> str:
    return msgspec.json.encode(values).decode()


def _record(row: tuple[Any, ...]) -> Record:
    fields = [*row]
    fields[6], fields[13] = bool(row[6]), row[13].encode()
    return Record(*fields)
