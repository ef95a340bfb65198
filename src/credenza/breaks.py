"""Breaks in an audit trail: when the key that signed it is lost, nobody can verify what lies before. Pure.

Then a new stream begins. Its first row is signed with the new key and names the streams of before, each with
its number of rows and a hash over them: what was done to them until then stays unknown, and whatever is done
to them later is found.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from credenza import audit
from credenza.model import Tenant
from credenza.trail import Entry, Head, Note, current, next_stream
from credenza.vault.envelope import encode_context

VERB = "vault.reinit"
_RESULT = "unverifiable"
_FIRST = "main"

if TYPE_CHECKING:
    from hashlib import _Hash as Hash


class _Group(msgspec.Struct):
    result: str
    version: int | None
    changed: tuple[str, ...]
    names: tuple[str | None, ...]


_read_groups = msgspec.json.Decoder(list[_Group]).decode


class Break:
    """Where the rows of one stream stop that no key here can verify: at `count`, on a day."""

    def __init__(self, stream: str, count: int, digest: str, at: int) -> None:
        """Take what the first row after it says."""
        self.stream = stream
        self.count = count
        self.at = at
        self._digest = digest
        self._rows = 0
        self._hash = hashlib.sha256()

    def take(self, entry: Entry) -> bool:
        """Take the next row of the stream; tell whether it lies before the break."""
        if entry.sequence > self.count:
            return False
        self._rows += 1
        _add(self._hash, entry)
        return True

    def findings(self) -> list[str]:
        """Say what is no longer as it was at the break."""
        if (self._rows, self._hash.hexdigest()) == (self.count, self._digest):
            return []
        return [f"Stream {self.stream}: rows were changed or removed after {self._day()}."]

    def tell(self) -> str:
        """Say that what lies before it cannot be verified."""
        return (
            f"Stream {self.stream}: its {self.count:,} rows were signed with a key that was lost. On "
            f"{self._day()} the vault was given another one, and nobody can tell whether they were changed "
            "before that day; after it they were not."
        )

    def _day(self) -> str:
        return f"{datetime.fromtimestamp(self.at // 1000, UTC):%Y-%m-%d}"


class Signing(NamedTuple):
    """Who lets a stream begin, when, signed by what, and a mark that tells it from others of its number."""

    actor: str
    at: int
    mark: str
    signer: audit.Signer


def begin(
    tenant: Tenant, trail: Iterable[Entry], heads: Sequence[Head], signing: Signing
) -> tuple[Entry, Head]:
    """Return the first row after a break, and its head."""
    counts: dict[str, int] = {head.stream: 0 for head in heads}
    hashes = {stream: hashlib.sha256() for stream in counts}
    for entry in trail:
        counts[entry.stream] = counts.get(entry.stream, 0) + 1
        _add(hashes.setdefault(entry.stream, hashlib.sha256()), entry)
    items = [
        (stream, _RESULT, count, (hashes[stream].hexdigest(),)) for stream, count in sorted(counts.items())
    ]
    last = current(heads)
    stream = next_stream(last.stream if last else _FIRST, signing.mark)
    return audit.begin(tenant, stream, Note(signing.actor, VERB, items, signing.at), signing.signer)


def find(
    tenant: Tenant, trail: Iterable[Entry], heads: Sequence[Head], verify: audit.Verify
) -> dict[str, Break]:
    """Return the breaks of a trail by stream: of those that no key here verifies, and those that are gone."""
    genuine = {head.stream for head in heads if audit.is_genuine(tenant, head, verify)}
    found: dict[str, Break] = {}
    # Where there is only the first stream, nothing came before it.
    for entry in trail if genuine - {_FIRST} else ():
        first = entry.sequence == 1 and entry.verb == VERB
        if first and verify(audit.row_bytes(tenant, entry, b""), entry.mac):
            for each in _read(entry):
                found[each.stream] = each
    return {stream: each for stream, each in found.items() if stream not in genuine}


def _read(entry: Entry) -> list[Break]:
    try:
        groups = _read_groups(entry.items)
    except msgspec.DecodeError:
        return []
    return [
        Break(name, group.version, group.changed[0], entry.at)
        for group in groups
        if group.result == _RESULT and group.version is not None and len(group.changed) == 1
        for name in group.names
        if name is not None
    ]


def _add(hash: Hash, entry: Entry) -> None:
    fields = msgspec.json.encode([entry.stream, entry.sequence, entry.at, entry.actor, entry.verb])
    hash.update(encode_context(fields, entry.items, entry.mac))
