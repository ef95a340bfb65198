"""Keep the keys of workspaces: wrapped in the store, opened here by a key the store never sees.

    key provider -> key-encryption key (KEK)
                      └ wraps the ring of each workspace, numbered terms of three purposes
                          dek  seals secrets
                          fpk  fingerprints and digests
                          mak  signatures

Of each purpose one term is active, and it alone seals; `pre_active` and `decrypt_only` terms open what
was sealed under them, by this process or another; `destroyed` ones are gone. The terms of `dek` and `fpk`
go together: a secret is fingerprinted under the term that seals it.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Callable, Mapping
from functools import partial
from threading import local
from typing import NamedTuple

from credenza.errors import Damaged, VaultLocked, WrongKey
from credenza.model import Secret
from credenza.sensitive import Sensitive
from credenza.vault import envelope

PURPOSES = ("dek", "fpk", "mak")

_ID, _HASH, _SIGNATURE = 16, 32, 36
_OWNER = struct.Struct(">I16sI").pack
_REST = struct.Struct(">I16sIQI32sIQ").pack


class Terms(NamedTuple):
    """The live keys of a workspace by purpose and term, and the active term of each purpose.

    `lost` are the terms of `dek` whose keys nothing here unwraps any more.
    """

    keys: Mapping[tuple[str, int], Sensitive[bytes]]
    active: Mapping[str, int]
    lost: frozenset[int] = frozenset()


class Sealing:
    """Seal the secrets of one request, by one thread, under the active term.

    `seals` counts what was sealed, for the store to add to the term's count.
    """

    def __init__(self, prefix: bytes, term: int, sealer: envelope.Sealer, mac: envelope.Mac) -> None:
        """Take the part of the context that all secrets of the request share, and the keys."""
        self.term = term
        self.seals = 0
        self._prefix = prefix
        self._mac = Sensitive(mac)
        self._sealer = sealer

    def seal(
        self, owner: bytes, path: str, *, id: bytes, version: int, destination: bytes, rule: int, text: str
    ) -> Secret:
        """Return one secret of an owner, sealed: ids are 16 bytes, the destination 32.

        Raises:
            ValueError: an id or the destination has another size, or a number is out of range.
        """
        place = self._prefix + _place(owner, path, id, version, destination, rule)
        plaintext = envelope.encode_text(text)
        blob = self._sealer.seal(plaintext, place)
        self.seals += 1
        fingerprint = envelope.fingerprint(self._mac.reveal(), id, path, plaintext)
        return Secret(id, path, version, destination, rule, fingerprint, blob)


class Ring:
    """The opened keys of one workspace. What it opens, seals or signs belongs to that workspace alone."""

    def __init__(
        self,
        vault: bytes,
        workspace: bytes,
        terms: Terms,
        reload: Callable[[], Terms] | None = None,
    ) -> None:
        """Take the ids of vault and workspace, the opened terms, and a way to look for newer ones."""
        self._place = (vault, workspace)
        self._terms = terms
        self._reload = reload
        self._macs: dict[tuple[str, int], envelope.Mac] = {}
        self._prefixes: dict[str, bytes] = {}
        self._signed: tuple[bytes, bytes] | None = None
        self._opener = envelope.Opener(partial(self._find, "dek"))
        self._sealers = local()

    @property
    def term(self) -> int:
        """Return the term that seals; raises VaultLocked where no term is active."""
        return self._current("dek")

    def has(self, purpose: str, term: int) -> bool:
        """Tell whether the key of a term was opened."""
        return (purpose, term) in self._terms.keys

    @property
    def lost(self) -> frozenset[int]:
        """Return the terms under which secrets were sealed that cannot be opened since a key was lost."""
        return self._terms.lost

    def sealing(self, kind: str, count: int = 1) -> Sealing:
        """Begin to seal about `count` secrets whose owners are of this kind (`integration`, `instance` ...).

        Raises:
            VaultLocked: no term is active.
        """
        term = self.term
        return Sealing(self._prefix(kind), term, self._sealer(term, count), self._mac("fpk", term))

    def open(self, kind: str, owner: bytes, secret: Secret) -> Sensitive[str]:
        """Return the text of a secret of this owner.

        Raises:
            WrongKey: it was sealed under a key that this workspace does not hold.
            Damaged: it was changed, or it belongs to another owner, path, version or destination.
        """
        try:
            place = _place(owner, secret.path, secret.id, secret.version, secret.destination, secret.rule)
        except ValueError:
            raise Damaged from None
        plaintext = self._opener.open(secret.blob, self._prefix(kind) + place)
        return Sensitive(envelope.decode_text(plaintext))

    def matches(self, secret: Secret, text: str) -> bool:
        """Tell whether a secret holds this text, by its fingerprint; False also where its key is gone."""
        term = envelope.read_term(secret.blob)
        if self._find("fpk", term) is None:
            return False
        known = envelope.fingerprint(
            self._mac("fpk", term), secret.id, secret.path, envelope.encode_text(text)
        )
        return hmac.compare_digest(known, secret.fingerprint)

    def holds(self, kind: str, owner: bytes, secret: Secret, text: str) -> bool:
        """Tell whether a secret of this owner opens to this text; False also where it cannot be opened."""
        try:
            opened = self.open(kind, owner, secret).reveal()
        except (Damaged, WrongKey):
            return False
        return hmac.compare_digest(envelope.encode_text(opened), envelope.encode_text(text))

    def digest(self, label: bytes, data: bytes) -> bytes:
        """Return 16 bytes by which the same text is known again while the term stays active.

        `label` keeps the digests of one use from being those of another.
        """
        return self.digester(label)(data)

    def recognises(self, label: bytes, data: bytes, known: bytes) -> bool:
        """Tell whether `digest` gave this of the same data, under any term that is there still."""
        keys = [key for (purpose, _), key in self._terms.keys.items() if purpose == "fpk"]
        digests = [envelope.digester(key.reveal(), label)(data) for key in keys]
        return any(hmac.compare_digest(digest, known) for digest in digests)

    def digester(self, label: bytes) -> Callable[[bytes], bytes]:
        """Return `digest` for one label, made ready for the many texts of one request."""
        return envelope.digester(self._need("fpk", self.term).reveal(), label)

    def sign(self, data: bytes) -> bytes:
        """Return the term (4 bytes) and MAC (32 bytes) of data; two uses begin their data differently."""
        term = self._current("mak")
        signature = term.to_bytes(4, "big") + self._mac("mak", term)(data)
        self._signed = data, signature
        return signature

    def verify(self, data: bytes, signature: bytes) -> None:
        """Return if `sign` made this signature of this data.

        Raises:
            WrongKey: the key of its term is not in the ring.
            Damaged: data or signature were changed.
        """
        # The end of an audit trail is mostly the one that was signed last, here.
        if (data, signature) == self._signed:
            return
        if len(signature) != _SIGNATURE:
            raise Damaged
        term = int.from_bytes(signature[:4], "big")
        if self._find("mak", term) is None:
            raise WrongKey
        if not hmac.compare_digest(self._mac("mak", term)(data), signature[4:]):
            raise Damaged

    def _sealer(self, term: int, count: int) -> envelope.Sealer:
        """Return this thread's sealer for a term, ready for another request."""
        last: tuple[int, envelope.Sealer] | None = getattr(self._sealers, "last", None)
        if last is None or last[0] != term:
            last = term, envelope.Sealer(self._need("dek", term).reveal(), term)
            self._sealers.last = last
        last[1].expect(count)
        return last[1]

    def _prefix(self, kind: str) -> bytes:
        ready = self._prefixes.get(kind)
        if ready is None:
            place = (*self._place, kind.encode())
            ready = self._prefixes[kind] = envelope.encode_context(b"credenza.secret.v1", *place)
        return ready

    def _current(self, purpose: str) -> int:
        term = self._terms.active.get(purpose)
        if term is None:
            self._refresh()
            term = self._terms.active.get(purpose)
        if term is None:
            raise VaultLocked(f"This workspace has no active {purpose} key.")
        return term

    def _need(self, purpose: str, term: int) -> Sensitive[bytes]:
        key = self._find(purpose, term)
        if key is None:
            raise VaultLocked(f"This workspace has no {purpose} key of term {term}.")
        return key

    def _mac(self, purpose: str, term: int) -> envelope.Mac:
        """Return the MAC of a term, made ready once: the key of a term never changes."""
        ready = self._macs.get((purpose, term))
        if ready is None:
            ready = self._macs[purpose, term] = envelope.keyed_mac(self._need(purpose, term).reveal())
        return ready

    def _find(self, purpose: str, term: int) -> Sensitive[bytes] | None:
        key = self._terms.keys.get((purpose, term))
        if key is None:
            # Another process may have begun a term since this ring was read: look again, once.
            self._refresh()
            key = self._terms.keys.get((purpose, term))
        return key

    def _refresh(self) -> None:
        if self._reload is not None:
            self._terms = self._reload()


def _place(  # noqa: PLR0917, its arguments are the columns of the row, in the order of the context
    owner: bytes, path: str, id: bytes, version: int, destination: bytes, rule: int
) -> bytes:
    # The same bytes as encode_context gives, in a third of the time; `16s` would pad and cut in silence.
    if len(owner) != _ID or len(id) != _ID or len(destination) != _HASH:
        raise ValueError("an id is 16 bytes long, a destination 32")
    name = envelope.encode_text(path)
    try:
        rest = _REST(_ID, id, 8, version, _HASH, destination, 8, rule)
    except struct.error:
        raise ValueError("a version is from 0 to 2**64 - 1") from None
    return _OWNER(_ID, owner, len(name)) + name + rest
