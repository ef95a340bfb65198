"""The audit chain: each row's MAC covers it and the row before it, a keyed head covers the end. Pure.

So a changed, removed, reordered or truncated row is found by whoever holds the key. A whole database set
back to an earlier day is found with a head that was exported then; where a backup was restored, the trail
goes on in a stream of its own, so that no row is ever told by the name of another one that was lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Protocol

import msgspec

from credenza.errors import CredenzaError, Damaged, WrongKey
from credenza.model import Tenant
from credenza.trail import Entry, Head, Note, next_stream
from credenza.vault.envelope import encode_context

BEGINNING = "workspace.create"  # the verb of a workspace's first row
RESTORED = (
    "store.restore"  # the verb of a stream's last row where the store was set back, and of the next's first
)
_CONTINUED = "continued"

BROKEN = "The audit trail does not end where its head says; run `credenza audit verify`."
Verify = Callable[[bytes, bytes], bool]
_encode = msgspec.json.encode


class _Group(msgspec.Struct):
    """What was done to some records, as far as it names streams."""

    result: str
    names: list[str | None]


_decode_groups = msgspec.json.Decoder(list[_Group]).decode


class Break(Protocol):
    """The end of what was signed with a key that is lost, in one stream."""

    def take(self, entry: Entry) -> bool:
        """Take the next row of the stream; tell whether it lies before the break."""

    def findings(self) -> list[str]:
        """Say what is no longer as it was at the break."""


class Signer(Protocol):
    """The workspace's MAC key."""

    def sign(self, data: bytes) -> bytes:
        """Return a signature of data."""

    def verify(self, data: bytes, signature: bytes) -> None:
        """Return if this is a signature of data; raises WrongKey or Damaged."""


def chain(tenant: Tenant, stream: str, head: Head | None, note: Note, signer: Signer) -> tuple[Entry, Head]:
    """Return the next row of a stream, and its new head; `stream` is the one to begin without a head.

    The head it continues from is verified: a forged one would be made genuine by the next row.

    Raises:
        CredenzaError: `audit_damaged`: the head is missing or forged.
    """
    _verify_head(tenant, head, note, signer)
    return _chain(tenant, head.stream if head else stream, head, note, signer)


def fork(
    tenant: Tenant, head: Head, signer: Signer, *, actor: str, at: int, mark: str
) -> tuple[tuple[Entry, Head], tuple[Entry, Head]]:
    """Return the last row of a stream, which names the next one, and the first row of that, with their heads.

    For a store that is set back: what its lost days wrote to the stream, this one will never write again.

    Raises:
        CredenzaError: `audit_damaged`: the head is forged.
    """
    stream = next_stream(head.stream, mark)
    last = Note(actor, RESTORED, [(stream, _CONTINUED, None, ())], at)
    first = Note(actor, RESTORED, [(head.stream, "restored", head.count, ())], at)
    _verify_head(tenant, head, last, signer)
    return _chain(tenant, head.stream, head, last, signer), _chain(tenant, stream, None, first, signer)


def begin(tenant: Tenant, stream: str, note: Note, signer: Signer) -> tuple[Entry, Head]:
    """Return the first row of a stream, and its head."""
    return _chain(tenant, stream, None, note, signer)


def _chain(tenant: Tenant, stream: str, head: Head | None, note: Note, signer: Signer) -> tuple[Entry, Head]:
    sequence = head.count + 1 if head else 1
    entry = Entry(stream, sequence, note.at, note.actor, note.verb, _write_items(note), b"")
    mac = signer.sign(row_bytes(tenant, entry, head.mac if head else b""))
    new = Head(stream, sequence, mac, signer.sign(_head_bytes(tenant, stream, sequence, mac)))
    return msgspec.structs.replace(entry, mac=mac), new


def examine(  # noqa: PLR0917  # what a trail is, and what is known of it
    tenant: Tenant,
    trail: Iterable[Entry],
    heads: Sequence[Head],
    verify: Verify,
    exported: Sequence[str] = (),
    breaks: Mapping[str, Break] = {},
) -> tuple[int, list[str]]:
    """Return how many rows were read, and what is wrong with the trail, in sentences.

    `exported` are heads as `export` wrote them: the trail must still contain each. Of streams that have a
    break, the rows before it are compared with what the break says of them.
    """
    found: list[str] = []
    ends: dict[str, tuple[int, bytes]] = {}
    wanted = set(exported)
    begun: set[str] = set()
    rows = 0
    promised: set[str] = set()
    for entry in trail:
        rows += 1
        if entry.verb == RESTORED and entry.sequence > 1:
            promised |= _read_streams(entry.items)
        count, mac = ends.get(entry.stream, (0, b""))
        if entry.sequence == 1:
            begun.add(entry.verb)
        if entry.sequence != count + 1:
            found.append(
                f"Stream {entry.stream}: {_say_rows(count + 1, entry.sequence - 1, 'is', 'are')} missing."
            )
        broken = breaks.get(entry.stream)
        before = broken is not None and broken.take(entry)
        if not before and not verify(row_bytes(tenant, entry, mac), entry.mac):
            found.append(
                f"Stream {entry.stream}: row {entry.sequence} was changed, moved or follows a lost row."
            )
        ends[entry.stream] = (entry.sequence, entry.mac)
        wanted.discard(f"{entry.stream}:{entry.sequence}:{entry.mac.hex()}")
    found += _compare_heads(tenant, ends, heads, verify, breaks)
    found += [finding for broken in breaks.values() for finding in broken.findings()]
    lost = sorted(promised - ends.keys() - {head.stream for head in heads})
    found += [f"Stream {stream}: it was cut off as a whole." for stream in lost]
    if ends and BEGINNING not in begun:
        found.append("The trail does not begin where its workspace did: earlier rows were removed.")
    if wanted:
        found.append(
            "A head exported earlier is not in the trail: the store was set back, or rows were cut off."
        )
    return rows, found


def export(heads: Sequence[Head]) -> list[str]:
    """Write heads as `stream:count:mac`, to be kept outside the store."""
    return [f"{head.stream}:{head.count}:{head.mac.hex()}" for head in heads]


def _say_rows(first: int, last: int, one: str, many: str) -> str:
    return f"row {first} {one}" if first == last else f"rows {first} to {last} {many}"


def _compare_heads(
    tenant: Tenant,
    ends: dict[str, tuple[int, bytes]],
    heads: Sequence[Head],
    verify: Verify,
    breaks: Mapping[str, Break],
) -> list[str]:
    found = []
    for head in heads:
        if head.stream not in breaks and not is_genuine(tenant, head, verify):
            found.append(f"Stream {head.stream}: its head was changed.")
        count, mac = ends.get(head.stream, (0, b""))
        if count < head.count:
            found.append(f"Stream {head.stream}: {_say_rows(count + 1, head.count, 'was', 'were')} cut off.")
        elif (count, mac) != (head.count, head.mac):
            found.append(f"Stream {head.stream}: its rows do not end where its head says.")
    known = {head.stream for head in heads}
    found += [f"Stream {stream}: its head is missing." for stream in sorted(ends.keys() - known)]
    if not heads and not ends:
        found.append("The trail is empty, and it is never empty: rows and head were removed.")
    return found


def is_genuine(tenant: Tenant, head: Head, verify: Verify) -> bool:
    """Tell whether a head is signed as it stands."""
    return verify(_head_bytes(tenant, head.stream, head.count, head.mac), head.seal)


def _verify_head(tenant: Tenant, head: Head | None, note: Note, signer: Signer) -> None:
    if head is None:
        if note.verb != BEGINNING:
            raise CredenzaError(BROKEN, code="audit_damaged")
        return
    try:
        signer.verify(_head_bytes(tenant, head.stream, head.count, head.mac), head.seal)
    except (Damaged, WrongKey):
        raise CredenzaError(BROKEN, code="audit_damaged") from None


def _write_items(note: Note) -> bytes:
    """Write what was done to which records; those to which the same was done stand together."""
    groups: dict[tuple[str, int | None, tuple[str, ...]], list[str | None]] = {}
    for name, result, version, changed in note.items:
        groups.setdefault((result, version, changed), []).append(name)
    return _encode(
        [
            {"result": result, "version": version, "changed": changed, "names": names}
            for (result, version, changed), names in groups.items()
        ]
    )


def _read_streams(items: bytes) -> set[str]:
    """Return the streams that the last row of another one names; what is damaged is told elsewhere."""
    try:
        groups = _decode_groups(items)
    except msgspec.DecodeError:
        return set()
    return {name for group in groups if group.result == _CONTINUED for name in group.names if name}


def row_bytes(tenant: Tenant, entry: Entry, before: bytes) -> bytes:
    """Return what the MAC of a row covers; `before` is the MAC of the row before it in its stream."""
    fields = _encode([entry.stream, entry.sequence, entry.at, entry.actor, entry.verb])
    # The items of a large batch go in as their hash, so that they are not copied to be signed.
    return encode_context(b"credenza.audit.v1", tenant.id, fields, sha256(entry.items).digest(), before)


def _head_bytes(tenant: Tenant, stream: str, count: int, mac: bytes) -> bytes:
    return encode_context(b"credenza.audit.head.v1", tenant.id, _encode([stream, count]), mac)
