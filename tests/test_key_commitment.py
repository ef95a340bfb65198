"""A record commits to one key: a ciphertext made to be valid under two opens under one of them only.

GHASH is a polynomial over GF(2**128), so "the same tag under both keys" is one linear equation in one
block of the ciphertext, which is solved here.
"""

from functools import reduce

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from credenza.errors import WrongKey
from credenza.sensitive import Sensitive
from credenza.vault.envelope import Opener

KEY, OTHER = bytes(range(32)), bytes(range(32, 64))
PLACE = b"a place"


def open_record(blob, key):
    return Opener(lambda _: Sensitive(key)).open(blob, PLACE)


def multiply(one, two):
    product = 0
    for bit in range(127, -1, -1):
        product ^= two if one >> bit & 1 else 0
        two = two >> 1 ^ (0xE1 << 120 if two & 1 else 0)
    return product


def invert(element):
    square, inverse = element, 1 << 127
    for _ in range(127):
        square = multiply(square, square)
        inverse = multiply(inverse, square)
    return inverse


def integers(data):
    padded = data + bytes(-len(data) % 16)
    return [int.from_bytes(padded[at : at + 16], "big") for at in range(0, len(padded), 16)]


def craft(keys, nonce, associated):
    """Return ciphertext and tag that AES-GCM accepts under both keys."""
    lengths = 8 * len(associated) << 64 | 128
    hashes, bases = [], []
    for key in keys:
        block = Cipher(AES(key), ECB()).encryptor()
        (point,) = integers(block.update(bytes(16)))
        (mask,) = integers(block.update(nonce + b"\0\0\0\1"))
        blocks = [*integers(associated), 0, lengths]
        hashes.append(multiply(point, point))
        bases.append(mask ^ reduce(lambda total, value, by=point: multiply(total ^ value, by), blocks, 0))
    free = multiply(bases[0] ^ bases[1], invert(hashes[0] ^ hashes[1]))
    tag = bases[0] ^ multiply(free, hashes[0])
    return free.to_bytes(16, "big") + tag.to_bytes(16, "big")


def test_a_record_crafted_for_two_keys_opens_under_the_one_it_commits_to_only():
    head, nonce = b"\1\1\0\0\0\1" + bytes(32), bytes(12)
    first, second = (
        HKDFExpand(SHA256(), 64, b"credenza/record/v1" + head).derive(key) for key in (KEY, OTHER)
    )
    header = head + nonce + first[32:]
    body = craft((first[:32], second[:32]), nonce, header + PLACE)
    texts = {AESGCM(key[:32]).decrypt(nonce, body, header + PLACE) for key in (first, second)}
    assert len(texts) == 2, "the bare cipher accepts both"

    assert open_record(header + body, KEY) in texts
    with pytest.raises(WrongKey):
        open_record(header + body, OTHER)
