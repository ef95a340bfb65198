"""Keys as text, vaults as names: the two spellings all providers share."""

from __future__ import annotations

import base64
import binascii
import hmac
import os
from uuid import UUID

from credenza.errors import KeyBroken
from credenza.sensitive import Sensitive

KEY_BYTES = 32
ONE_LINER = 'python -c "import base64,os;print(base64.b64encode(os.urandom(32)).decode())"'

_STANDARD = str.maketrans("-_", "+/")


def make_key() -> Sensitive[bytes]:
    """Draw 32 bytes from the operating system."""
    return Sensitive(os.urandom(KEY_BYTES))


def encode_key(key: Sensitive[bytes]) -> Sensitive[str]:
    """Spell a key as base64 (RFC 4648, section 4): 44 characters."""
    return Sensitive(base64.b64encode(key.reveal()).decode("ascii"))


def decode_key(text: Sensitive[str], place: str) -> Sensitive[bytes]:
    """Read a key from base64, standard or URL-safe; blanks around it do not count.

    Raises:
        KeyBroken: it is not base64, or not 32 bytes. The message names the place.
    """
    try:
        key = base64.b64decode(text.reveal().strip().translate(_STANDARD), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise KeyBroken(f"What is in {place} is not a key: expected {KEY_BYTES} bytes as base64.")
    return Sensitive(key)


def same_key(one: Sensitive[bytes], other: Sensitive[bytes]) -> bool:
    """Compare two keys in constant time."""
    return hmac.compare_digest(one.reveal(), other.reveal())


def spell_vault(vault: bytes) -> str:
    """Spell a vault's 16-byte id as UUID text (RFC 9562)."""
    return str(UUID(bytes=vault))
