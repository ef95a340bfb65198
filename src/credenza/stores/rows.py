"""What the rows of every store mean, whatever SQL has read them, and how lists narrow them down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from credenza.errors import Damaged
from credenza.model import ApiKey, Edit, Role, SealedRow, Secret, Tag, Tenant, Version

Row = tuple[Any, ...]
_TERM = 4  # bytes
USED_UP = "A workspace of this name was shredded, and its name is not given again."
_edits = msgspec.json.Decoder(tuple[Edit, ...])
_names = msgspec.json.Decoder(tuple[str, ...])
_tags = msgspec.json.Decoder(tuple[Tag, ...])


class Filters(NamedTuple):
    """What the records of a list have in common, as `ports.Tx.page` takes it."""

    category: str | None
    type: str | None
    enabled: bool | None
    search: str | None
    tags: Sequence[tuple[str, str | None]]
    below: int | None = None
    owned: bool = False


def fold(text: str | None) -> str:
    """Return a text without its case; none counts as empty."""
    return (text or "").casefold()


def read_secret(row: Row) -> Secret:
    """Return the secret of a row: id, path, version, destination, rule, fingerprint and the sealed value."""
    return Secret(
        id=row[0],
        path=row[1],
        version=row[2],
        destination=row[3],
        rule=row[4],
        fingerprint=row[5],
        blob=row[6],
    )


def read_sealed(row: Row) -> SealedRow:
    """Return the secret of a row with its owner: behind its own columns, those of the integration."""
    return SealedRow(row[7], row[8], row[9], row[10], bool(row[11]), read_secret(row))


def read_term(mark: bytes) -> int:
    """Return the term that four bytes of a sealed value name; -1: there are not so many."""
    return int.from_bytes(mark, "big") if len(mark) == _TERM else -1


def read_version(row: Row, document: bytes) -> Version:
    """Return the entry of the history of a row: version, time, author and edits; raises Damaged."""
    try:
        edits = _edits.decode(row[3])
    except msgspec.DecodeError:
        raise Damaged("A record of the store cannot be read any longer.") from None
    return Version(row[0], row[1], row[2], edits, document)


def read_key(row: Row) -> ApiKey:
    """Return the API key of a row: its own columns, and behind them those of its workspace."""
    return ApiKey(
        id=row[0],
        tenant=Tenant(*row[9:13]),
        hash=row[1],
        role=Role(row[2]),
        names=_names.decode(row[3]),
        tags=_tags.decode(row[4]),
        created_at=row[5],
        created_by=row[6],
        revoked_at=row[7],
        mac=row[8],
    )
