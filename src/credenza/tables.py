"""What the rows of every store are, so that they can be copied from one to another: `ports` for whole stores.

Each store has the same tables. What a store adds to make its own statements quick (folded texts, indexes, row
keys of its own) is not described here: whoever puts rows in makes that anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, Protocol, get_args

import msgspec

Row = tuple[Any, ...]
# `json` is JSON text, passed as UTF-8; `flag` is 0 or 1.
Kind = Literal["int", "text", "bytes", "json", "flag"]
KINDS: tuple[str, ...] = get_args(Kind)


class Column(msgspec.Struct, frozen=True, array_like=True):
    """One column by its name, and what it holds."""

    name: str
    kind: Kind


class Owner(msgspec.Struct, frozen=True, array_like=True):
    """The table and key of the row that says which workspace a row belongs to, and what refers to it."""

    table: str
    key: str
    reference: str


class Table(msgspec.Struct, frozen=True):
    """One table: its columns in the order in which rows are passed, and the columns that rows are ordered by.

    `owner` is where the workspace of a row stands, in a store that does not keep it in the row itself.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    owner: Owner | None = None

    @property
    def names(self) -> list[str]:
        """Return the names of the columns."""
        return [column.name for column in self.columns]

    def places(self, *names: str) -> list[int]:
        """Return where in a row these columns stand."""
        return [self.names.index(name) for name in names]


class Snapshot(Protocol):
    """A store as it was at one moment, to be read as a whole; nothing is written to it, and no key is asked.

    Raises (from every method):
        StoreDamaged: what is read cannot be a store's rows.
        Unavailable: the store cannot be reached any longer.
    """

    @property
    def highest(self) -> int:
        """Return the highest row number of an integration that may have been given out."""

    @property
    def schema(self) -> str:
        """Return up to which step the tables were migrated."""

    def count(self, table: Table) -> int:
        """Return how many rows a table has."""

    def rows(self, table: Table) -> Iterator[Row]:
        """Return the rows of a table in the order of its key; one table at a time."""

    def close(self) -> None:
        """Let go of it."""


class Intake(Protocol):
    """A store in the making: it is none before `finish`, whatever happens, and nothing of it is left then.

    Raises (from every method):
        StoreFull: the device is full.
        Unavailable: the store cannot be reached any longer.
    """

    def put(self, table: Table, rows: Iterable[Row]) -> None:
        """Take the rows of a table, in the order of its key; tables come in the order of `TABLES`.

        Raises:
            StoreDamaged: the rows do not fit the table, or those before them.
        """

    def settle(self, highest: int) -> None:
        """Take the highest row number, and make what the store derives from its rows; no rows come then."""

    def rows(self, table: Table) -> Iterator[Row]:
        """Return the rows that were put in, as they are kept."""

    def finish(self) -> str:
        """Make it durable, and the store that everybody opens; return what became of the one before it.

        Raises:
            StoreRejected: somebody else has made a store there meanwhile.
        """

    def close(self) -> None:
        """Let go of it; unless it was finished, nothing is left."""


def _describe(name: str, columns: str, key: str, owner: Owner | None = None) -> Table:
    made = []
    for said in columns.split():
        column, _, kind = said.partition(":")
        made.append(msgspec.convert((column, kind or "text"), Column))
    return Table(name, tuple(made), tuple(key.split()), owner)


_ROW = "integration_id:int workspace_id:int"
_INTEGRATION = Owner("integrations", "id", "integration_id")
_PACKAGE = Owner("packages", "id", "package")
_VAULT = "id:int uuid:bytes format:int created_at:int kek_id key_check:bytes keepsake:bytes"
_RINGS = "workspace_id:int purpose term:int state kek_id wrapped:bytes created_at:int seals:int"
_RING_KEY = "workspace_id purpose term"
_SAVED = "created_at:int created_by updated_at:int updated_by"
# In an order in which whatever a row refers to comes before it.
TABLES: Sequence[Table] = (
    _describe("vault", _VAULT, "id"),
    _describe("vault_next", _VAULT, "id"),
    _describe("escrows", "kek_id verified_at:int verified_by", "kek_id"),
    _describe(
        "lost_vaults",
        "kek_id uuid:bytes format:int created_at:int key_check:bytes keepsake:bytes lost_at:int lost_by",
        "kek_id",
    ),
    _describe(
        "shredded",
        "workspace_id:int uuid:bytes slug created_at:int shredded_at:int shredded_by",
        "workspace_id",
    ),
    _describe("workspaces", "id:int uuid:bytes slug created_at:int", "id"),
    _describe("rings", _RINGS, _RING_KEY),
    _describe("lost_rings", _RINGS, _RING_KEY),
    _describe(
        "api_keys",
        "id workspace_id:int hash:bytes role names tags created_at:int created_by revoked_at:int mac:bytes",
        "id",
    ),
    _describe(
        "audit",
        "workspace_id:int stream sequence:int at:int actor verb items:bytes mac:bytes",
        "workspace_id stream sequence",
    ),
    _describe("audit_heads", "workspace_id:int stream count:int mac:bytes seal:bytes", "workspace_id stream"),
    _describe(
        "idempotency",
        "workspace_id:int key digest:bytes answer:bytes created_at:int",
        "workspace_id key",
    ),
    _describe(
        "integrations",
        "id:int workspace_id:int uuid:bytes name type category description enabled:flag version:int "
        f"digest:bytes {_SAVED} type_version:int",
        "id",
    ),
    _describe(
        "integration_versions",
        f"{_ROW} version:int created_at:int created_by edits:json document:json",
        "integration_id version",
        _INTEGRATION,
    ),
    _describe(
        "integration_apis",
        f"{_ROW} api description enabled:flag {_SAVED}",
        "integration_id api",
        _INTEGRATION,
    ),
    _describe("integration_tags", f"{_ROW} key value", "integration_id key value", _INTEGRATION),
    _describe(
        "secrets",
        f"{_ROW} path version:int uuid:bytes destination:bytes rule:int fingerprint:bytes sealed:bytes "
        "last_version:int",
        "integration_id path version",
        _INTEGRATION,
    ),
    _describe(
        "usage",
        f"{_ROW} api period:int prompt:int completion:int total:int",
        "integration_id api period",
        _INTEGRATION,
    ),
    _describe(
        "papers",
        f"workspace_id:int kind slug version:int {_SAVED} body:json mac:bytes",
        "workspace_id kind slug",
    ),
    _describe(
        "cards",
        "workspace_id:int kind id paper_kind paper_slug status name_folded description_folded "
        "created_at:int updated_at:int hidden:flag",
        "workspace_id kind id",
    ),
    _describe(
        "card_links",
        "workspace_id:int kind relation target id",
        "workspace_id kind relation target id",
    ),
    _describe(
        "packages",
        "id workspace_id:int workspace slug name name_folded description description_folded icon_url "
        "publisher publisher_folded trust_tier visibility published:flag listed:flag by_id:flag current "
        "current_id current_at:int public_version public_id public_at:int created_by deleted_at:int "
        "retention_tier created_at:int updated_at:int",
        "id",
    ),
    _describe("package_grants", "package workspace workspace_id:int", "package workspace", _PACKAGE),
    _describe("package_approvals", "package version workspace_id:int", "package version", _PACKAGE),
    _describe(
        "package_versions",
        "id workspace_id:int package version published_by published_at:int",
        "id",
    ),
    _describe(
        "package_parts",
        "version slug type is_default:flag workspace_id:int",
        "version slug",
        Owner("package_versions", "id", "version"),
    ),
    _describe(
        "package_installs",
        "id workspace_id:int package version previous policy parent installed_by installed_at:int "
        "upgraded_at:int deleted_at:int retention_tier",
        "id",
    ),
    _describe(
        "install_members",
        "id workspace_id:int install slug type name detached:flag",
        "id",
    ),
)
