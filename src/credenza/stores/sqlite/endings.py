"""Workspaces that end, as SQL: every row goes, and then what the files still keep of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from credenza.errors import Conflict
from credenza.loss_ports import LossTx, Sealings
from credenza.model import Tenant
from credenza.stores.sqlite import facets, search
from credenza.stores.sqlite.losses import Losses
from credenza.stores.sqlite.shared import Shared

_SEALED = (
    "SELECT s.sealed FROM integrations i JOIN secrets s ON s.integration_id = i.id WHERE i.workspace_id = ?",
    "SELECT wrapped FROM rings WHERE workspace_id = ? AND wrapped IS NOT NULL",
    "SELECT wrapped FROM lost_rings WHERE workspace_id = ?",
)
# Others hold on to what they have installed of this workspace's packages.
_INSTALLS = """
SELECT p.slug, count(*) FROM packages p JOIN package_installs i ON i.package = p.id
WHERE p.workspace_id = ? AND i.workspace_id <> p.workspace_id AND i.deleted_at IS NULL
GROUP BY p.slug ORDER BY p.slug
"""
_UNINDEX_CARDS = """
INSERT INTO cards_search (cards_search, rowid, name, description)
SELECT 'delete', row, folded(name), folded(description) FROM cards WHERE workspace_id = ?
"""
# Children that hang on their parent's key go with it.
_OWNED = (
    "card_links",
    "cards",
    "install_members",
    "package_installs",
    "package_versions",
    "packages",
    "papers",
    "integrations",
    "integration_facets",
    "idempotency",
    "audit",
    "audit_heads",
    "api_keys",
    "lost_rings",
    "rings",
)
_COUNTED = ("integrations", "papers", "packages", "package_installs", "api_keys", "audit")
_END = """
INSERT INTO shredded (workspace_id, uuid, slug, created_at, shredded_at, shredded_by)
SELECT id, uuid, slug, created_at, ?, ? FROM workspaces WHERE id = ? AND uuid = ?
"""


class Endings(Losses):
    """What a store does where a workspace ends, and before."""

    path: Path
    _keys_good_until: float

    def look_at_end(self, tenant: Tenant) -> Sealings:
        """Return what would go with a workspace, and which of its packages others have installed."""
        return _look(lambda statement: self._query(statement, tenant.row))

    def shred(
        self,
        tenant: Tenant,
        ended: tuple[int, str],
        take: Callable[[Iterable[bytes]], None],
        home: Tenant,
        tell: Callable[[LossTx], None],
    ) -> Sealings:
        """Take a workspace out with every row, and note that its name is used up; return what went."""

        def job(connection: sqlite3.Connection, shared: Shared) -> Sealings:
            shared.write_rows()
            found = _look(lambda statement: connection.execute(statement, (tenant.row,)).fetchall())
            for statement in _SEALED:
                take(row[0] for row in connection.execute(statement, (tenant.row,)))
            if connection.execute(_END, (*ended, tenant.row, tenant.id)).rowcount != 1:
                raise Conflict("There is no such workspace any more.")
            tell(self._enter(connection, home, shared))
            _remove(connection, tenant)
            shared.forget_all()
            shared.scrubbed = True
            return found

        gone: Sealings = self._submit(job).result()
        self._keys_good_until = 0.0
        return gone

    def compact(self) -> bool:
        """Merge the indexes of search, whose old parts keep words of rows that were taken out."""

        def job(connection: sqlite3.Connection, shared: Shared) -> None:
            for table in ("integrations_search", "cards_search"):
                connection.execute(f"INSERT INTO {table} ({table}) VALUES ('optimize')")  # noqa: S608
            shared.scrubbed = True

        self._submit(job).result()
        return True

    def live_files(self) -> Sequence[Path]:
        """Return the file with those that SQLite has beside it."""
        places = [self.path.with_name(f"{self.path.name}{end}") for end in ("", "-wal", "-shm", "-journal")]
        return [place for place in places if place.exists()]


def _look(query: Callable[[str], Sequence[tuple[Any, ...]]]) -> Sealings:
    def count(source: str) -> int:
        number: int = query(f"SELECT count(*) FROM ({source})")[0][0]  # noqa: S608  # our own words
        return number

    rows = {table: count(f"SELECT 1 FROM {table} WHERE workspace_id = ?") for table in _COUNTED}  # noqa: S608
    return Sealings(
        secrets=count(_SEALED[0]),
        keys=count("SELECT 1 FROM api_keys WHERE workspace_id = ? AND revoked_at IS NULL"),
        rows=rows,
        installs=[(slug, number) for slug, number in query(_INSTALLS)],
    )


def _remove(connection: sqlite3.Connection, tenant: Tenant) -> None:
    rows = [
        row[0]
        for row in connection.execute("SELECT id FROM integrations WHERE workspace_id = ?", (tenant.row,))
    ]
    search.forget(connection, rows, forever=True)
    facets.forget(connection, rows)
    connection.execute(_UNINDEX_CARDS, (tenant.row,))
    for table in _OWNED:
        connection.execute(f"DELETE FROM {table} WHERE workspace_id = ?", (tenant.row,))  # noqa: S608
    connection.execute("DELETE FROM workspaces WHERE id = ?", (tenant.row,))
