"""Sealing to public keys and opening with private ones, in the age format (age-encryption.org/v1).

Nothing that the library says is repeated: its messages may show a part of what it was given.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any

import pyrage

from credenza.sensitive import Sensitive

PRIVATE = "AGE-SECRET-KEY-"
_ARMOUR = "-----BEGIN AGE ENCRYPTED FILE-----"
_MAGIC = b"age-encryption.org/v1\n"
_SSH_PRIVATE = b"-----BEGIN "
_OPENSSH = b"-----BEGIN OPENSSH PRIVATE KEY-----"
_OPEN = b"openssh-key-v1\0\0\0\0\4none"

Recipient = Any  # the library has a class for each kind
Identity = Any


class Locked(ValueError):
    """A private key of SSH has a passphrase, under which the library does not open it."""


def read_recipient(text: str) -> Recipient:
    """Return a public key: `age1…`, `ssh-ed25519 …` or `ssh-rsa …`.

    Raises:
        ValueError: it is none of these.
    """
    read = pyrage.ssh.Recipient.from_str if text.startswith("ssh-") else pyrage.x25519.Recipient.from_str
    try:
        return read(text)
    except pyrage.RecipientError:
        pass
    raise ValueError


def read_identities(data: Sensitive[bytes], ask: Callable[[], Sensitive[str]]) -> list[Identity]:
    """Return the private keys of an identity file, of age or of SSH.

    `ask` gives the passphrase of a file that is itself sealed with one.

    Raises:
        Locked: it is a key of SSH under a passphrase.
        ValueError: the file holds something else, or the passphrase is another.
    """
    text = data.reveal()
    if text.lstrip().startswith((_MAGIC, _ARMOUR.encode())):
        return read_identities(_open_file(data, ask()), _refuse)
    try:
        if text.lstrip().startswith(_SSH_PRIVATE):
            if _is_locked(text):
                raise Locked
            return [pyrage.ssh.Identity.from_buffer(text)]
        lines = (line.strip() for line in text.decode("ascii").splitlines())
        found = [pyrage.x25519.Identity.from_str(line) for line in lines if line and line[0] != "#"]
    except (pyrage.IdentityError, UnicodeDecodeError):
        found = []
    if not found:
        raise ValueError
    return found


def seal(data: Sensitive[bytes], recipients: Sequence[Recipient]) -> str:
    """Return data sealed to every recipient, as an armoured age file."""
    sealed: bytes = pyrage.encrypt(data.reveal(), list(recipients), armored=True)
    return sealed.decode("ascii")


def unseal(text: str, identities: Sequence[Identity]) -> Sensitive[bytes]:
    """Return what an age file holds, armoured or in base64.

    Raises:
        ValueError: it was sealed to others, or is not what was sealed.
    """
    try:
        if text.strip().startswith(_ARMOUR):
            data = text.strip().encode("ascii") + b"\n"
        else:
            data = base64.b64decode("".join(text.split()), validate=True)
        return Sensitive(pyrage.decrypt(data, list(identities)))
    except (pyrage.DecryptError, binascii.Error, UnicodeEncodeError):
        pass
    raise ValueError


def _open_file(data: Sensitive[bytes], passphrase: Sensitive[str]) -> Sensitive[bytes]:
    text = data.reveal()
    armoured = text.lstrip().startswith(_ARMOUR.encode())
    try:
        whole = text.strip() + b"\n" if armoured else text
        return Sensitive(pyrage.passphrase.decrypt(whole, passphrase.reveal()))
    except pyrage.DecryptError:
        pass
    raise ValueError


def _is_locked(text: bytes) -> bool:
    """Say whether a private key of SSH is under a passphrase: PEM says so, OpenSSH names its cipher."""
    body = b"".join(line.strip() for line in text.splitlines() if not line.startswith(b"-----"))
    try:
        return not base64.b64decode(body).startswith(_OPEN) if _OPENSSH in text else b"ENCRYPTED" in text
    except binascii.Error:
        return False


def _refuse() -> Sensitive[str]:
    raise ValueError
