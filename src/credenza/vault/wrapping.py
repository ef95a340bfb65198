"""Wrap the keys of a ring, and take them over from one key-encryption key to another."""

from __future__ import annotations

import hmac

import msgspec

from credenza.errors import Damaged
from credenza.model import RingRow, VaultMeta
from credenza.sensitive import Sensitive
from credenza.vault import envelope


def ring_context(vault: bytes, workspace: bytes, purpose: str, term: int, kek_id: str) -> bytes:
    """Return the place of a wrapped key: it opens for this vault, workspace, purpose and term alone."""
    return envelope.encode_context(
        b"credenza.ring.v1",
        vault,
        workspace,
        purpose.encode(),
        term.to_bytes(4, "big"),
        kek_id.encode(),
    )


def take_over(row: RingRow, old: Sensitive[bytes], to: VaultMeta, new: Sensitive[bytes]) -> RingRow:
    """Return a row that was wrapped with an old key, wrapped with the one of a description; it only opens.

    Raises:
        WrongKey, Damaged: the row was made with another key, changed, or moved here.
    """
    place = row.workspace, row.purpose, row.term
    key = envelope.unwrap(old, row.wrapped or b"", ring_context(to.id, *place, row.kek_id))
    context = ring_context(to.id, *place, to.kek_id)
    wrapped = envelope.wrap(new.reveal(), key.reveal(), context)
    if not hmac.compare_digest(envelope.unwrap(new, wrapped, context).reveal(), key.reveal()):
        raise Damaged("A ring was not wrapped as it was.")
    return msgspec.structs.replace(row, state="decrypt_only", kek_id=to.kek_id, wrapped=wrapped)


def is_key_of(kek: Sensitive[bytes], meta: VaultMeta) -> bool:
    """Tell whether a key is the one that a vault's description names."""
    key = kek.reveal()
    named = hmac.compare_digest(envelope.kek_id(key, meta.id).encode(), meta.kek_id.encode())
    return hmac.compare_digest(envelope.key_check(key, meta.id), meta.check) and named


def describe(vault: bytes, kek: Sensitive[bytes], created_at: int, keepsake: bytes | None) -> VaultMeta:
    """Return the description of a vault that has this key."""
    key = kek.reveal()
    name, check = envelope.kek_id(key, vault), envelope.key_check(key, vault)
    return VaultMeta(vault, envelope.FORMAT, created_at, name, check, keepsake)
