"""What one workspace's transaction can do, as SQL; what it reads in order to write, it locks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from psycopg import errors

from credenza.errors import CredenzaError, TermRetired
from credenza.model import (
    Choice,
    Found,
    Paper,
    Place,
    Question,
    Record,
    Secret,
    Shared,
    Tenant,
    Usage,
    Version,
    Write,
)
from credenza.model.entries import PACKAGES
from credenza.ports import Sheet
from credenza.stores.postgres import cards, catalogue, listing, papers, saving
from credenza.stores.postgres.connect import Connection, fetch, stream
from credenza.stores.postgres.losses import LossRows
from credenza.stores.postgres.rows import Rows
from credenza.stores.postgres.terms import KeyRows
from credenza.stores.rows import Filters, read_secret, read_version
from credenza.trail import Entry, Head, current

STREAM = "main"
_SEALED = "SELECT uuid, path, version, destination, rule, fingerprint, sealed, integration_id FROM secrets s"
_HELD = f"{_SEALED} WHERE workspace_id = %s AND integration_id = ANY(%b::bigint[]) AND last_version IS NULL"
_KEPT = f"{_SEALED} WHERE workspace_id = %s AND integration_id = %s AND path = ANY(%b::text[])"
_HISTORY = """
SELECT version, created_at, created_by, edits, document FROM integration_versions
WHERE workspace_id = %s AND integration_id = %s AND version < %s ORDER BY version DESC LIMIT %s
"""
# One statement: everybody else who writes to the stream waits for it.
_APPEND = """
WITH entry AS (
    INSERT INTO audit (workspace_id, stream, sequence, at, actor, verb, items, mac)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
)
INSERT INTO audit_heads (workspace_id, stream, count, mac, seal) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (workspace_id, stream)
    DO UPDATE SET count = excluded.count, mac = excluded.mac, seal = excluded.seal
"""
_HEADS = "SELECT stream, count, mac, seal FROM audit_heads WHERE workspace_id = %s"
_TRAIL = """
SELECT stream, sequence, at, actor, verb, items, mac FROM audit
WHERE workspace_id = %s ORDER BY stream, sequence
"""
_RECALL = """
SELECT digest, answer FROM idempotency WHERE workspace_id = %s AND key = %s AND created_at >= %s
"""
_REMEMBER = """
INSERT INTO idempotency (workspace_id, key, digest, answer, created_at) VALUES (%s, %s, %s, %s, %s)
"""
_FORGET = "DELETE FROM idempotency WHERE workspace_id = %s AND key = %s AND created_at < %s"
_SEALS = """
UPDATE rings SET seals = seals + %s
WHERE workspace_id = %s AND purpose = 'dek' AND term = %s AND state = 'active'
"""
_BROKEN = "The audit trail does not end where its head says; run `credenza audit verify`."
_NO_LIMIT = 2**62
_LOCK_PAPERS = "SELECT pg_advisory_xact_lock(1129992241, %s)"  # "CZP1": a number of ours
# Whoever installs a package shares it; whoever changes or removes it has it alone.
_SHARE_PACKAGE = "SELECT pg_advisory_xact_lock_shared(hashtextextended(%s, 0))"
_LOCK_PACKAGE = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"


class PostgresTx(KeyRows, LossRows):
    """One transaction, bound to one workspace; `rows` are numbers to give, None: it only reads."""

    stream = STREAM

    def __init__(self, connection: Connection, tenant: Tenant, rows: Rows | None = None) -> None:
        """Bind a connection that is in a transaction to a workspace."""
        self._connection = connection
        self._tenant = tenant
        self._workspace = tenant.row
        self._rows = rows
        self._seals: Counter[int] = Counter()
        self._first = False
        self.audited = 0

    @property
    def seals(self) -> int:
        """Return the number of seals that were counted."""
        return self._seals.total()

    def find(self, names: Sequence[str]) -> Mapping[str, Record]:
        """Return the records of these names, whatever their case, by lower-cased name."""
        return listing.find(self._connection, self._workspace, names, lock=self._writes)

    def held(self, rows: Sequence[int]) -> Mapping[int, Mapping[str, Secret]]:
        """Return the current secrets of these records by row and path."""
        held: dict[int, dict[str, Secret]] = {row: {} for row in rows}
        for each in self._fetch(_HELD, self._workspace, [*rows]):
            held[each[7]][each[1]] = read_secret(each)
        return held

    def secrets(self, row: int, versions: Mapping[str, int]) -> Mapping[str, Secret]:
        """Return the secrets of one record at these versions; destroyed ones are missing."""
        kept = self._fetch(_KEPT, self._workspace, row, [*versions])
        return {each[1]: read_secret(each) for each in kept if versions.get(each[1]) == each[2]}

    def reserve(self, count: int) -> range:
        """Return that many row numbers nobody else gets."""
        if self._rows is None:
            raise CredenzaError("This transaction only reads.")
        return self._rows.reserve(self._connection, count)

    def save(self, writes: Sequence[Write], keep: int) -> None:
        """Write next versions, comparing the versions that were read."""
        created = [write for write in writes if write.before is None]
        updated = [write for write in writes if write.before is not None]
        if created:
            saving.create(self._connection, self._workspace, created)
        if updated:
            saving.update(self._connection, self._workspace, updated, keep)

    def distrust(self, row: int) -> None:
        """Forget the text a record was made from, so that the same text is looked at again."""
        self._connection.execute(
            "UPDATE integrations SET digest = NULL WHERE workspace_id = %s AND id = %s",
            (self._workspace, row),
        )

    def drop(self, records: Sequence[Record]) -> None:
        """Remove records with all they own, comparing versions."""
        if records:
            saving.drop(self._connection, self._workspace, records)

    def papers(self, kind: str, slugs: Sequence[str] | None = None) -> Mapping[str, Paper]:
        """Return the papers of a kind by slug, in its order."""
        return papers.find(self._connection, self._workspace, kind, slugs, lock=self._writes)

    def keep(self, sheets: Sequence[Sheet]) -> None:
        """Write next versions of papers, comparing the versions that were read."""
        if not sheets:
            return
        self._take_turns()
        kept = [sheet.after or sheet.before for sheet in sheets]
        for slug in sorted({paper.slug for paper in kept if paper is not None and paper.kind == PACKAGES}):
            self._connection.execute(_LOCK_PACKAGE, (slug,))
        papers.keep(self._connection, self._tenant, sheets)

    def cards(self, choice: Choice) -> Sequence[Place]:
        """Return where what is on a page stands, in its order."""
        self._take_turns()
        return cards.list_page(self._connection, self._workspace, choice)

    def places(self, kind: str, ids: Sequence[str]) -> Mapping[str, Place]:
        """Return where what these cards are about stands, by id."""
        return cards.find(self._connection, self._workspace, kind, ids)

    def ask(self, question: Question) -> Found:
        """Return a page of the catalogue of packages, one row more than its limit where there are more."""
        return catalogue.ask(self._connection, self._tenant, question)

    def shared(self, kind: str, ids: Sequence[str], *, operating: bool = False) -> Mapping[str, Shared]:
        """Return packages, or versions of them, by id: those that this workspace may read."""
        if self._writes and kind == PACKAGES:
            for each in sorted(ids):
                self._connection.execute(_SHARE_PACKAGE, (each,))
        return catalogue.find_shared(self._connection, self._tenant, kind, ids, operating=operating)

    def is_installed(self, package: str) -> bool:
        """Tell whether any workspace has a package installed."""
        return catalogue.is_installed(self._connection, package)

    def park(self, moves: Sequence[tuple[Record, str]]) -> None:
        """Give records other names, comparing versions."""
        if moves:
            saving.rename(self._connection, self._workspace, moves)

    def count_tokens(self, row: int, usage: Usage) -> None:
        """Add to what an api of a record used in a day."""
        papers.count(self._connection, self._workspace, row, usage)

    def usage(self, row: int, *, since: int = 0, api: str | None = None) -> Sequence[Usage]:
        """Return what the apis of a record used, by api and day."""
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
        filters = Filters(category, type, enabled, search, tags, below, owned)
        return listing.list_page(self._connection, self._workspace, filters, after, limit)

    def history(self, row: int, *, before: int | None = None, limit: int = 100) -> Sequence[Version]:
        """Return versions, newest first, below `before`."""
        below = _NO_LIMIT if before is None else before
        return [
            read_version(each, each[4]) for each in self._fetch(_HISTORY, self._workspace, row, below, limit)
        ]

    def version(self, row: int, version: int) -> Version | None:
        """Return one entry of the history; None: no such version."""
        if not 0 < version < _NO_LIMIT:
            return None  # a number that no column can hold is no version either
        found = [each for each in self.history(row, before=version + 1, limit=1) if each.version == version]
        return found[0] if found else None

    def head(self) -> Head | None:
        """Return the end of the audit stream; whoever writes is then the only one to go on from it."""
        lock = "FOR NO KEY UPDATE" if self._writes else ""
        rows = self._fetch(f"{_HEADS} ORDER BY stream {lock}", self._workspace)
        return current([Head(*row) for row in rows])

    def heads(self) -> Sequence[Head]:
        """Return the ends of all audit streams."""
        return [Head(*row) for row in self._fetch(f"{_HEADS} ORDER BY stream", self._workspace)]

    def append(self, entry: Entry, head: Head) -> None:
        """Append an audit row and move the stream's head."""
        row, end = msgspec.structs.astuple(entry), msgspec.structs.astuple(head)
        try:
            self._connection.execute(_APPEND, (self._workspace, *row, self._workspace, *end))
            self.audited += 1
        except errors.UniqueViolation:
            if entry.sequence == 1:
                raise  # two begin the stream: one goes on from where the other has begun
            raise CredenzaError(_BROKEN, code="audit_damaged") from None

    def trail(self) -> Iterator[Entry]:
        """Return all audit rows, by stream and sequence."""
        return (Entry(*row) for row in stream(self._connection, _TRAIL, (self._workspace,)))

    def recall(self, key: str, since: int) -> tuple[bytes, bytes] | None:
        """Return the request digest and the answer kept under an idempotency key since a time."""
        rows = self._fetch(_RECALL, self._workspace, key, since)
        return (rows[0][0], rows[0][1]) if rows else None

    def remember(self, key: str, digest: bytes, answer: bytes, at: int, since: int) -> None:
        """Keep an answer under an idempotency key, and forget those from before `since`."""
        self._connection.execute("SELECT forget_answers(%s)", (since,))
        # That forgets some of all; this key's own answer must not be among those that are left.
        self._connection.execute(_FORGET, (self._workspace, key, since))
        self._connection.execute(_REMEMBER, (self._workspace, key, digest, answer, at))

    def count_seals(self, term: int, count: int) -> None:
        """Add to the number of seals made under a term."""
        self._seals[term] += count

    def flush(self) -> None:
        """Write what every save writes to one and the same row, last, so that others wait for it least."""
        for term, count in sorted(self._seals.items()):
            # Whoever retires a term waits for this row, or has done so: then what was sealed is undone.
            if self._connection.execute(_SEALS, (count, self._workspace, term)).rowcount != 1:
                raise TermRetired

    def _take_turns(self) -> None:
        """Let nobody else of the workspace change papers until the end, so that pages stay as they were seen.

        No row can be locked for what is not there.
        """
        if self._writes and not self._first:
            self._first = True
            self._connection.execute(_LOCK_PAPERS, (self._workspace % 2**31,))

    @property
    def _writes(self) -> bool:
        return self._rows is not None

    def _fetch(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        return fetch(self._connection, statement, parameters)
