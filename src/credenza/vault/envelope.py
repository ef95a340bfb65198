"""Seal bytes so that they open with the right key, in the right place and unchanged, or not at all.

A record of format 1 is 98 bytes longer than what it holds:

    offset  size  field
         0     1  format      1
         1     1  suite       1: HKDF-Expand-SHA256, AES-256-GCM, 32-byte key commitment
         2     4  term        which key of the ring, big-endian; 0: the key-encryption key
         6    32  salt        random, new for every derivation
        38    12  nonce       random, new for every seal
        50    32  commitment
        82   n+16 ciphertext, tag

    K_enc (32) ‖ commitment (32) = HKDF-Expand(key of the term, "credenza/record/v1" ‖ bytes 0-5 ‖ salt)
    associated data              = bytes 0-81 ‖ context

The context says whose record this is and where it belongs. It is never stored: who opens a record builds
it from the row the record was found in, so that a record moved to another row does not open there.
"""

from __future__ import annotations

import hmac
import os
import struct
from collections.abc import Callable
from hashlib import blake2b, sha256
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from credenza.errors import Damaged, WrongKey
from credenza.randomness import random_bytes
from credenza.sensitive import Sensitive

Random = Callable[[int], bytes]
Mac = Callable[[bytes], bytes]

FORMAT = 1
KEY_SIZE = 32
OVERHEAD = 98
# Random 96-bit nonces under one key repeat with a chance below 2**-64 in so many seals, where the usual
# bound of 2**32 seals allows 2**-32; and a bulk save of any size still derives only a handful of keys.
SEALS = 2**16

_HEAD = struct.Struct(">BBI")
_SUITE = 1
_MARK = bytes((FORMAT, _SUITE))
_SALT_END = 38
_NONCE = slice(38, 50)
_COMMITMENT = slice(50, 82)
_BODY = 82
_BLOCK = 64  # bytes in a block of SHA-256

_length = struct.Struct(">I").pack


def encode_context(*parts: bytes) -> bytes:
    """Join parts, each behind its length in four bytes, so that no two lists give the same bytes."""
    return b"".join([_length(len(part)) + part for part in parts])


_FINGERPRINT = encode_context(b"credenza.fp.v1")


class Sealer:
    """Seal the values of one request after another, by one thread, under keys derived from one key.

    Deriving costs five times what sealing does, so up to 2**16 seals share a derived key, each with a
    nonce of its own, and so do requests that follow one another. The salt stands in every record all the
    same: each opens alone, and a restored backup, which would set a counter back, can not make a nonce come
    twice under one derived key. `count` is how many seals are expected: their nonces are drawn at once.
    """

    def __init__(self, key: bytes, term: int, count: int = 1, random: Random = random_bytes) -> None:
        """Take the 32-byte key of a term; nothing is drawn or derived before the first seal."""
        self._key = Sensitive(key)
        self._start = _HEAD.pack(FORMAT, _SUITE, term)
        self._random = random
        self._left = 0
        self.expect(count)

    def expect(self, count: int) -> None:
        """Begin a request of about that many seals.

        Nonces that were drawn and not used are forgotten: a process forked meanwhile would have them too.
        """
        self._batch = min(max(count, 1), SEALS)
        self._nonces: list[bytes] = []

    def seal(self, plaintext: bytes, context: bytes) -> bytes:
        """Return the record that holds these bytes at this place."""
        if not self._nonces:
            self._draw()
        nonce = self._nonces.pop()
        header = self._head + nonce + self._commitment
        return header + self._cipher.encrypt(nonce, plaintext, header + context)

    def _draw(self) -> None:
        if not self._left:
            self._head = self._start + self._random(32)
            self._cipher, self._commitment = _derive(self._key.reveal(), self._head)
            self._left = SEALS
        size = min(self._batch, self._left)
        self._nonces = [nonce for (nonce,) in struct.iter_unpack("12s", self._random(12 * size))]
        self._left -= size


class Opener:
    """Open records with the key that `key_of` gives for a term, or None where there is none.

    It remembers the key derived last: records that were sealed together are mostly opened together.
    """

    def __init__(self, key_of: Callable[[int], Sensitive[bytes] | None]) -> None:
        """Take the way to a term's key."""
        self._key_of = key_of
        self._last: tuple[bytes, AESGCM, bytes] | None = None

    def open(self, blob: bytes, context: bytes) -> bytes:
        """Return what a record of this place holds.

        Raises:
            WrongKey: the record was made with another key, or the term has no key here.
            Damaged: it is no record, it was changed, or it belongs to another place.
        """
        if len(blob) < OVERHEAD or blob[:2] != _MARK:
            raise Damaged
        cipher, commitment = self._derived(blob[:_SALT_END])
        # GCM alone lets one record be crafted that opens under two keys, to two different texts.
        if not hmac.compare_digest(commitment, blob[_COMMITMENT]):
            raise WrongKey
        try:
            return cipher.decrypt(blob[_NONCE], blob[_BODY:], blob[:_BODY] + context)
        except InvalidTag:
            raise Damaged from None

    def _derived(self, head: bytes) -> tuple[AESGCM, bytes]:
        last = self._last
        if last is None or last[0] != head:
            key = self._key_of(read_term(head))
            if key is None:
                raise WrongKey
            last = self._last = (head, *_derive(key.reveal(), head))
        return last[1:]


def _derive(key: bytes, head: bytes) -> tuple[AESGCM, bytes]:
    # Expand without extract: keys are drawn uniformly, so there is nothing to extract from.
    derived = HKDFExpand(SHA256(), 64, b"credenza/record/v1" + head).derive(key)
    return AESGCM(derived[:32]), derived[32:]


def read_term(blob: bytes) -> int:
    """Return the term a record says it was sealed under; -1 where it is too short to say."""
    return int.from_bytes(blob[2:6], "big") if len(blob) >= _HEAD.size else -1


def wrap(kek: bytes, key: bytes, context: bytes, random: Random = os.urandom) -> bytes:
    """Seal a key of a ring under the key-encryption key."""
    return Sealer(kek, 0, random=random).seal(key, context)


def unwrap(kek: Sensitive[bytes], blob: bytes, context: bytes) -> Sensitive[bytes]:
    """Open a wrapped key of a ring; raises what `Opener.open` raises."""
    return Sensitive(Opener(lambda term: kek if term == 0 else None).open(blob, context))


def mac(key: bytes, data: bytes) -> bytes:
    """Return the HMAC-SHA256 of data, 32 bytes."""
    return hmac.digest(key, data, "sha256")


def keyed_mac(key: bytes) -> Mac:
    """Return HMAC-SHA256 under one key (RFC 2104).

    Its two hashes have taken the key already, once for all texts: that is less than half the time of
    `hmac.digest` for the value of a secret, and a batch has thousands.
    """
    block = key.ljust(_BLOCK, b"\0")
    inner, outer = (sha256(bytes(byte ^ pad for byte in block)) for pad in (0x36, 0x5C))

    def sign(data: bytes) -> bytes:
        first, second = inner.copy(), outer.copy()
        first.update(data)
        second.update(first.digest())
        return second.digest()

    return sign


def kek_id(kek: bytes, vault: bytes) -> str:
    """Return the public name of a key in one vault, 16 hexadecimal digits."""
    return mac(kek, b"credenza/kek-id/v1" + vault)[:8].hex()


def key_check(kek: bytes, vault: bytes) -> bytes:
    """Return the 16 bytes by which a vault knows its key again."""
    return mac(kek, b"kcv" + vault)[:16]


class Cost(NamedTuple):
    """What trying one passphrase costs: passes over so much memory, in KiB, by so many lanes."""

    passes: int
    memory: int
    lanes: int


def stretch(passphrase: bytes, salt: bytes, cost: Cost) -> bytes:
    """Return a 32-byte key made of a passphrase (Argon2id, RFC 9106)."""
    return Argon2id(
        salt=salt, length=KEY_SIZE, iterations=cost.passes, lanes=cost.lanes, memory_cost=cost.memory
    ).derive(passphrase)


def fingerprint(sign: Mac, secret: bytes, path: str, value: bytes) -> bytes:
    """Return 16 bytes that tell whether a secret still has this value, without opening it.

    The secret's id is part of it: one value kept in two places gives no hint of that in the rows.
    """
    place = encode_text(path)
    lengths = _length(len(secret)), _length(len(place)), _length(len(value))
    return sign(b"%b%b%b%b%b%b%b" % (_FINGERPRINT, lengths[0], secret, lengths[1], place, lengths[2], value))[
        :16
    ]


def digester(key: bytes, label: bytes) -> Callable[[bytes], bytes]:
    """Return a function to 16 bytes that tell a holder of the key whether a text was seen before.

    BLAKE2b is built to be keyed and personalised (RFC 7693), so it may share a key with `fingerprint`,
    and takes half the time of HMAC-SHA256 for the text of one integration; a state that has taken the
    key and the label already takes half of that again.
    """
    begun = blake2b(_length(len(label)) + label, digest_size=16, key=key, person=b"credenza.digest1")

    def digest(data: bytes) -> bytes:
        state = begun.copy()
        state.update(data)
        return state.digest()

    return digest


def encode_text(text: str) -> bytes:
    """Return a text as UTF-8; lone surrogates pass, since the error about them would carry the text."""
    return text.encode("utf-8", "surrogatepass")


def decode_text(data: bytes) -> str:
    """Return the text that `encode_text` was given."""
    return data.decode("utf-8", "surrogatepass")
