"""The key-encryption key in a file of its own, sealed, for the day when the key provider has lost it.

    -----BEGIN CREDENZA KEY ESCROW-----
    Version: 1
    Vault: 0198c5a2-…                     which vault the key is of
    Key: 5b0c2f19a4d3e687                 which key of that vault
    Created: 2026-12-01T01:52:00Z
    Sealed: argon2id t=3 m=65536 p=4      or: age
    Salt: …                               with a passphrase only, base64

    …                                     what is sealed, in base64: 64 letters a line
    -----END CREDENZA KEY ESCROW-----

With a passphrase, what is sealed is a record of format 1 (`envelope`) under a key that Argon2id makes of it;
with age, an age file. Either holds the lines above it and the key behind them, so a line that was changed is
found. Blanks at the ends of lines, empty lines and what stands around the file do not count: it may have
been printed and typed in again.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from credenza.errors import Damaged, Invalid, WrongKey
from credenza.sensitive import Sensitive
from credenza.vault import envelope
from credenza.vault.envelope import Cost

Seal = Callable[[Sensitive[bytes]], str]
Unseal = Callable[[str], Sensitive[bytes]]

SHORTEST = 12  # characters of a passphrase
COST = Cost(passes=3, memory=64 * 1024, lanes=4)  # RFC 9106, section 4: where memory is scarce
# What a file may ask of whoever opens it: it may be a forged one.
_MOST = Cost(passes=16, memory=1024 * 1024, lanes=16)
LARGEST = 1 << 16  # bytes of a file
_VERSION = "1"
_BEGIN, _END = "-----BEGIN CREDENZA KEY ESCROW-----", "-----END CREDENZA KEY ESCROW-----"
_AGE = "age"
_FIELDS = ("Version", "Vault", "Key", "Created", "Sealed", "Salt")
_LABEL = b"credenza.escrow.v1"
_SALT = 16
_LINE = 64
_is_cost = re.compile(r"argon2id t=(\d{1,3}) m=(\d{1,8}) p=(\d{1,3})").fullmatch
_is_key = re.compile(r"[0-9a-f]{16}").fullmatch
_NONE = "This is no escrow of a key, or a part of it is missing."
_LATER = "This escrow was written by a later release of credenza; upgrade the program."
_COSTLY = "This escrow asks for more memory or time to open it than any that was written here."
WRONG = "The passphrase is not the one that this escrow was sealed with."
_CHANGED = "This escrow was changed since it was written, or a letter of it was copied wrongly."
_OTHERS = "This escrow cannot be opened: it is sealed to others than --identity, or it was changed."


class Escrow(NamedTuple):
    """An escrow as it was read, still closed: whose key it says it holds, and how that is sealed.

    `cost` and `salt` belong to a passphrase; of one that is sealed with age, `cost` is None.
    """

    vault: bytes
    kek_id: str
    created: str
    cost: Cost | None
    salt: bytes
    header: bytes
    body: str

    def open(self, passphrase: Callable[[], Sensitive[str]], unseal: Unseal) -> Sensitive[bytes]:
        """Return the key, by whichever of the two it is sealed with.

        Raises:
            Invalid: the passphrase is another, it is sealed to others, or the file was changed.
        """
        opened = self._unseal(unseal) if self.cost is None else self._open(passphrase(), self.cost)
        start = envelope.encode_context(_LABEL, self.header)
        data = opened.reveal()
        key, fits = data[len(start) :], hmac.compare_digest(data[: len(start)], start)
        if not fits or len(key) != envelope.KEY_SIZE:
            raise Invalid(_CHANGED, code="escrow_damaged")
        if not hmac.compare_digest(envelope.kek_id(key, self.vault).encode(), self.kek_id.encode()):
            raise Invalid(_CHANGED, code="escrow_damaged")
        return Sensitive(key)

    def _open(self, passphrase: Sensitive[str], cost: Cost) -> Sensitive[bytes]:
        key = Sensitive(envelope.stretch(_spell(passphrase), self.salt, cost))
        try:
            record = base64.b64decode(self.body, validate=True)
            return envelope.unwrap(key, record, envelope.encode_context(_LABEL, self.header))
        except WrongKey:
            raise Invalid(WRONG, code="escrow_wrong_passphrase") from None
        except (Damaged, binascii.Error, ValueError):
            raise Invalid(_CHANGED, code="escrow_damaged") from None

    def _unseal(self, unseal: Unseal) -> Sensitive[bytes]:
        try:
            return unseal(self.body)
        except ValueError:
            raise Invalid(_OTHERS, code="escrow_sealed_for_others") from None


def is_long_enough(passphrase: Sensitive[str]) -> bool:
    """Tell whether a passphrase is not refused for being short."""
    return len(unicodedata.normalize("NFC", passphrase.reveal())) >= SHORTEST


def write_for_passphrase(vault: bytes, kek: Sensitive[bytes], passphrase: Sensitive[str], at: int) -> str:
    """Return the escrow of a key, sealed with a passphrase.

    Raises:
        Invalid: the passphrase is too short.
    """
    if not is_long_enough(passphrase):
        raise Invalid(f"A passphrase has {SHORTEST} characters or more.", code="passphrase_too_short")
    salt = os.urandom(_SALT)
    sealed = f"argon2id t={COST.passes} m={COST.memory} p={COST.lanes}"
    header = _write_header(vault, kek, at, sealed) + f"Salt: {base64.b64encode(salt).decode()}\n"
    key = envelope.stretch(_spell(passphrase), salt, COST)
    start = envelope.encode_context(_LABEL, header.encode())
    record = envelope.wrap(key, start + kek.reveal(), start)
    return _write(header, base64.b64encode(record).decode())


def write_for_recipients(vault: bytes, kek: Sensitive[bytes], seal: Seal, at: int) -> str:
    """Return the escrow of a key, sealed to age recipients by `seal`, which gives an armoured age file."""
    header = _write_header(vault, kek, at, _AGE)
    start = envelope.encode_context(_LABEL, header.encode())
    armoured = seal(Sensitive(start + kek.reveal())).strip().splitlines()
    return _write(header, "".join(armoured[1:-1]))


def read(text: str) -> Escrow:
    """Return the escrow that a text holds, still closed.

    Raises:
        Invalid: it holds none, or one that cannot be opened here.
    """
    lines = [line.strip() for line in text.splitlines()]
    if _BEGIN not in lines or _END not in lines:
        raise Invalid(_NONE, code="no_escrow")
    inner = [line for line in lines[lines.index(_BEGIN) + 1 : lines.index(_END)] if line]
    stated = [line for line in inner if ": " in line]
    fields = dict(line.split(": ", 1) for line in stated)
    if "Version" in fields and fields["Version"] != _VERSION:
        raise Invalid(_LATER, code="escrow_version")
    if [*fields] != [*_FIELDS[: len(stated)]] or inner[: len(stated)] != stated:
        raise Invalid(_NONE, code="no_escrow")
    try:
        cost = _read_cost(fields["Sealed"])
        salt = base64.b64decode(fields["Salt"], validate=True) if cost else b""
        vault = UUID(fields["Vault"])
        whole = len(stated) == len(_FIELDS) - (cost is None) and len(salt) == (_SALT if cost else 0)
    except (KeyError, ValueError, binascii.Error):
        raise Invalid(_NONE, code="no_escrow") from None
    body = "".join(inner[len(stated) :])
    if not whole or not _is_key(fields["Key"]) or str(vault) != fields["Vault"] or not body:
        raise Invalid(_NONE, code="no_escrow")
    header = "".join(f"{line}\n" for line in stated).encode()
    return Escrow(vault.bytes, fields["Key"], fields["Created"], cost, salt, header, body)


def _read_cost(sealed: str) -> Cost | None:
    if sealed == _AGE:
        return None
    found = _is_cost(sealed)
    if found is None:
        raise ValueError
    cost = Cost(*map(int, found.groups()))
    if any(asked > most for asked, most in zip(cost, _MOST, strict=True)):
        raise Invalid(_COSTLY, code="escrow_cost")
    if min(cost) < 1 or cost.memory < 8 * cost.lanes:
        raise ValueError
    return cost


def _spell(passphrase: Sensitive[str]) -> bytes:
    # One keyboard writes ü as one character, another as two.
    return envelope.encode_text(unicodedata.normalize("NFC", passphrase.reveal()))


def _write_header(vault: bytes, kek: Sensitive[bytes], at: int, sealed: str) -> str:
    created = datetime.fromtimestamp(at // 1000, UTC)
    fields = (
        _VERSION,
        str(UUID(bytes=vault)),
        envelope.kek_id(kek.reveal(), vault),
        f"{created:%Y-%m-%dT%H:%M:%SZ}",
        sealed,
    )
    return "".join(f"{name}: {value}\n" for name, value in zip(_FIELDS, fields, strict=False))


def _write(header: str, body: str) -> str:
    lines = [body[start : start + _LINE] for start in range(0, len(body), _LINE)]
    return "\n".join([_BEGIN, header, *lines, _END, ""])
