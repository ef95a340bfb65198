"""Guard the key-encryption key of one store, and open with it the rings of its workspaces."""

from __future__ import annotations

import hmac
import os
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from threading import Lock
from typing import Self

import msgspec

from credenza.errors import CredenzaError, Damaged, KeyBroken, KeyUnusable, VaultLocked, WrongKey
from credenza.model import RingRow, VaultMeta
from credenza.ports import KeyProvider
from credenza.sensitive import Sensitive
from credenza.vault import envelope
from credenza.vault.descriptions import describe_key, fetch_any
from credenza.vault.kept import Kept, outline
from credenza.vault.ring import PURPOSES, Ring, Terms
from credenza.vault.wrapping import ring_context

Load = Callable[[bytes], Sequence[RingRow]]
Describe = Callable[[], Sequence[VaultMeta]]

_LIVE = ("pre_active", "active", "decrypt_only")
_NEXT = (
    " Where the vault has just been given another key, name its place in CREDENZA_KEK_NEXT or CREDENZA_KEK."
)
LOST = "lost"  # the state of keys that are kept for the day when what wraps them is found
_KEPT = 1024
_ASK_SECONDS = 5.0  # between questions for a key that was not to be had


class Vault:
    """The key-encryption key of one store, or the reason why it is missing.

    A vault without its key is locked, not broken: the service runs, and whatever needs a key raises
    VaultLocked until `unlock` succeeds. No key is ever made but by `create` and `rewrapping.prepare`.

    While the vault is given another key, rings are wrapped with either: `others` are the places where the
    other one is looked for, and `describe` reads what the store says of both.
    """

    def __init__(
        self,
        provider: KeyProvider,
        meta: VaultMeta,
        load: Load,
        *,
        others: Sequence[KeyProvider] = (),
        describe: Describe = list,
        clock: Callable[[], float] = time.monotonic,
        ttl: float = 300.0,
    ) -> None:
        """Take what `open` takes; a vault made like this is locked until `unlock`."""
        self.meta, self._providers = meta, (provider, *others)
        self._describe = describe
        self._keks: dict[str, Sensitive[bytes]] = {}
        self._asked: dict[str, float] = {}
        self._provider = provider
        self._load = load
        self._clock = clock
        self._ttl = ttl
        self._locked: str | None = "The vault was not unlocked yet."
        self._lock = Lock()
        self._asking = Lock()
        self._rings: dict[bytes, Kept] = {}
        self._revision: Callable[[], object] = lambda: None

    @classmethod
    def create(
        cls,
        provider: KeyProvider,
        load: Load,
        *,
        now: int,
        others: Sequence[KeyProvider] = (),
        describe: Describe = list,
    ) -> tuple[Self, VaultMeta]:
        """Begin a new vault, and return it with its description, to be stored before anything is sealed.

        Raises:
            KeyUnusable: the provider makes no key, or does not give back the one it made.
        """
        new = uuid.uuid4().bytes
        box, keepsake = provider.create(new)
        kek = box.reveal()
        meta = describe_key(new, kek, created_at=now, keepsake=keepsake)
        vault = cls.open(provider, meta, load, others=others, describe=describe)
        if vault.locked is not None:
            raise KeyBroken(vault.locked)
        return vault, meta

    @classmethod
    def open(
        cls,
        provider: KeyProvider,
        meta: VaultMeta,
        load: Load,
        *,
        others: Sequence[KeyProvider] = (),
        describe: Describe = list,
    ) -> Self:
        """Open a stored vault; see `locked` for whether that worked.

        `load` reads the wrapped keys of a workspace (`Store.rings`).
        """
        vault = cls(provider, meta, load, others=others, describe=describe)
        vault.unlock()
        return vault

    @property
    def locked(self) -> str | None:
        """Say why there is no key, in a sentence for a person; None: there is one."""
        return self._locked

    def reveal_key(self) -> Sensitive[bytes]:
        """Return the key itself, to be kept elsewhere or to wrap with; raises VaultLocked."""
        return self._key()

    def unlock(self) -> None:
        """Ask for the key again, and forget what the one before had opened."""
        with suppress(CredenzaError):
            # The vault may have been given another key since this was opened.
            self.meta = next((meta for meta in self._describe()[:1] if meta.id == self.meta.id), self.meta)
        try:
            kek = self._find(self.meta)
        except KeyUnusable as error:
            label = self._provider.label
            self.lock(error.message if label in error.message else f"{label}: {error.message}")
            return
        self._keks, self._locked = {self.meta.kek_id: kek}, None
        self._asked = {}
        self.forget()

    def lock(self, why: str) -> None:
        """Let go of the key and of all that it opened; `why` is a sentence for a person."""
        self._keks, self._asked = {}, {}
        self._locked = f"{why} This vault needs the key {self.meta.kek_id}."
        self.forget()

    def confirm(self) -> None:
        """Ask again for every key that is at hand, and let go of those that the vault needs no longer.

        Raises:
            KeyUnusable: the vault's own key is not given any more.
        """
        metas = [self.meta]
        with suppress(CredenzaError):  # a store that does not answer says nothing of keys
            self.learn()
            metas = [meta for meta in self._describe() if meta.kek_id in self._keks] or [self.meta]
            self._keks = {meta.kek_id: self._keks[meta.kek_id] for meta in metas}
        for meta in metas:
            try:
                self._find(meta)
            except KeyUnusable as error:
                if meta.kek_id == self.meta.kek_id:
                    raise
                if not isinstance(error, KeyBroken):
                    self._keks.pop(meta.kek_id, None)
                    self.forget()

    def learn(self) -> None:
        """Read again what the store says of the vault, and ask for the keys that it names.

        A key that is not to be had now is asked for again when a ring needs it.
        """
        for number, meta in enumerate(self._describe()):
            if meta.id != self.meta.id:
                continue
            if meta.kek_id not in self._keks:
                with suppress(KeyUnusable):
                    self._keks[meta.kek_id] = self._find(meta)
            if number == 0 and meta.kek_id in self._keks:
                self.meta = meta

    def renew(self) -> None:
        """Learn which key the vault has by now, to make rings under it.

        Raises:
            VaultLocked: it is not at hand.
        """
        self.learn()
        now = next(iter(self._describe()), self.meta)
        if now.kek_id != self.meta.kek_id:
            raise VaultLocked(f"The vault has been given the key {now.kek_id}.{_NEXT}")

    def lacking(self) -> list[str]:
        """Return the names of keys that the store names and that are not at hand, after asking for them."""
        self.learn()
        return [meta.kek_id for meta in self._describe() if meta.kek_id not in self._keks]

    def adopt(self, meta: VaultMeta, kek: Sensitive[bytes]) -> None:
        """Have another key for rings that are wrapped with it."""
        self._keks[meta.kek_id] = kek

    def new_rings(self, workspace: bytes, now: int, term: int = 1, state: str = "active") -> list[RingRow]:
        """Make a term of every purpose for a workspace, the first one for a new workspace.

        Raises:
            VaultLocked: the vault has no key.
        """
        meta, kek = self.meta, self._key().reveal()
        rows = []
        for purpose in PURPOSES:
            context = self._context(workspace, purpose, term, meta.kek_id)
            wrapped = envelope.wrap(kek, os.urandom(envelope.KEY_SIZE), context)
            rows.append(RingRow(workspace, purpose, term, state, meta.kek_id, wrapped, now))
        return rows

    def rewrap(self, row: RingRow, to: VaultMeta) -> RingRow:
        """Return a ring row wrapped with a key that was adopted, which was seen to open it.

        Raises:
            VaultLocked: the key it is wrapped with is not at hand.
            WrongKey, Damaged: the row was made with another key, changed, or moved here.
        """
        key = self._unwrap(row, row.workspace)
        context = self._context(row.workspace, row.purpose, row.term, to.kek_id)
        wrapped = envelope.wrap(self._keks[to.kek_id].reveal(), key.reveal(), context)
        new = msgspec.structs.replace(row, kek_id=to.kek_id, wrapped=wrapped)
        if not hmac.compare_digest(self._unwrap(new, row.workspace).reveal(), key.reveal()):
            raise Damaged("A ring was not wrapped as it was.")
        return new

    def keys(self, rows: Sequence[RingRow], workspace: bytes) -> Ring:
        """Open the live keys of a workspace.

        Raises:
            VaultLocked: the vault has no key, the rows need another one, or there are none.
            WrongKey, Damaged: a row was made with another key, changed, or moved here.
        """
        return Ring(self.meta.id, workspace, self._open(rows, workspace))

    def ring(self, workspace: bytes) -> Ring:
        """Return the ring of a workspace, kept for a while; raises what `keys` and the store raise."""
        self._key()
        kept, revision = self._rings.get(workspace), self._revision()
        if kept is None or self._clock() >= kept.expires:
            return self._keep(workspace, revision)
        if kept.revision != revision:
            return self._renew(workspace, kept, revision)
        return kept.ring

    def follow(self, revision: Callable[[], object]) -> None:
        """Keep a ring no longer than its rows stay as they are; `revision` changes whenever any may have."""
        self._revision = revision

    def forget(self, workspace: bytes | None = None) -> None:
        """Drop the ring of a workspace, or every ring that is kept, so that the next use reads the store."""
        # Into a new dict: a ring that is being read meanwhile goes into the old one, and is not kept.
        rest = {} if workspace is None else dict(self._rings)
        rest.pop(workspace or b"", None)
        self._rings = rest

    def _renew(self, workspace: bytes, kept: Kept, revision: object) -> Ring:
        """Keep a ring on whose rows are what they were, or read it anew."""
        rings, rows = self._rings, outline(self._load(workspace))
        if rows != kept.rows:
            return self._keep(workspace, revision)
        with self._lock:
            rings[workspace] = kept._replace(revision=revision)
        return kept.ring

    def _keep(self, workspace: bytes, revision: object) -> Ring:
        # Into the dict of before the store was read: what `forget` dropped meanwhile stays dropped.
        rings, expires = self._rings, self._clock() + self._ttl
        rows = self._load(workspace)
        opened = self._open(rows, workspace)
        ring = Ring(self.meta.id, workspace, opened, partial(self._read, workspace))
        with self._lock:
            rings.pop(workspace, None)
            # What nobody asks for any longer, as of a workspace that is gone, does not stay in memory.
            for each in [each for each, kept in rings.items() if kept.expires <= self._clock()]:
                del rings[each]
            if len(rings) >= _KEPT:
                del rings[next(iter(rings))]
            rings[workspace] = Kept(expires, ring, revision, outline(rows))
        return ring

    def _read(self, workspace: bytes) -> Terms:
        return self._open(self._load(workspace), workspace)

    def _open(self, rows: Sequence[RingRow], workspace: bytes) -> Terms:
        self._key()
        live = [row for row in rows if row.state in _LIVE and row.wrapped is not None]
        if not live:
            raise VaultLocked("This workspace has no keys.")
        keys = {}
        for row in live:
            try:
                keys[row.purpose, row.term] = self._unwrap(row, workspace)
            except (WrongKey, Damaged, VaultLocked):
                # A key that seals no longer takes with it what it sealed, and nothing else.
                if row.state == "active":
                    raise
        active = {row.purpose: row.term for row in live if row.state == "active"}
        lost = frozenset(row.term for row in rows if row.state == LOST and row.purpose == "dek")
        return Terms(keys, active, lost)

    def _key(self) -> Sensitive[bytes]:
        kek = self._keks.get(self.meta.kek_id)
        if kek is None:
            raise VaultLocked(self._locked or "")
        return kek

    def _kek_of(self, row: RingRow, name: str) -> Sensitive[bytes]:
        if row.kek_id not in self._keks:
            with self._asking:  # whoever comes while the key is being fetched waits for it
                if row.kek_id not in self._keks and self._may_ask(row.kek_id):
                    self.learn()
        kek = self._keks.get(row.kek_id)
        if kek is None:
            raise VaultLocked(f"{name} needs the key {row.kek_id}; this vault has {self.meta.kek_id}.{_NEXT}")
        return kek

    def _may_ask(self, kek_id: str) -> bool:
        """Tell whether it is time to ask for a key: at once, then every few seconds."""
        now = self._clock()
        if now < self._asked.get(kek_id, float("-inf")) + _ASK_SECONDS:
            return False
        if len(self._asked) >= _KEPT:
            self._asked = {}
        self._asked[kek_id] = now
        return True

    def _find(self, meta: VaultMeta) -> Sensitive[bytes]:
        return fetch_any(self._providers, meta)

    def _unwrap(self, row: RingRow, workspace: bytes) -> Sensitive[bytes]:
        name = f"The {row.purpose} key of term {row.term} of this workspace"
        kek = self._kek_of(row, name)
        context = self._context(workspace, row.purpose, row.term, row.kek_id)
        try:
            return envelope.unwrap(kek, row.wrapped or b"", context)
        except WrongKey:
            raise WrongKey(f"{name} was wrapped with another key.") from None
        except Damaged:
            raise Damaged(f"{name} was changed or moved.") from None

    def _context(self, workspace: bytes, purpose: str, term: int, kek_id: str) -> bytes:
        return ring_context(self.meta.id, workspace, purpose, term, kek_id)
