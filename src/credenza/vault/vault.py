"""Guard the key-encryption key of one store, and open with it the rings of its workspaces."""

from __future__ import annotations

import hmac
import os
import time
import uuid
from collections.abc import Callable, Sequence
from functools import partial
from threading import Lock
from typing import Self

from credenza.errors import Damaged, KeyBroken, KeyUnusable, VaultLocked, WrongKey
from credenza.model import RingRow, VaultMeta
from credenza.ports import KeyProvider
from credenza.sensitive import Sensitive
from credenza.vault import envelope
from credenza.vault.ring import PURPOSES, Ring, Terms
from credenza.vault.wrapping import ring_context

Load = Callable[[bytes], Sequence[RingRow]]

_LIVE = ("pre_active", "active", "decrypt_only")
LOST = "lost"  # the state of keys that are kept for the day when what wraps them is found
_KEPT = 1024


class Vault:
    """The key-encryption key of one store, or the reason why it is missing.

    A vault without its key is locked, not broken: the service runs, and whatever needs a key raises
    VaultLocked until `unlock` succeeds. No key is ever made but by `create`.
    """

    def __init__(
        self,
        provider: KeyProvider,
        meta: VaultMeta,
        load: Load,
        *,
        clock: Callable[[], float] = time.monotonic,
        ttl: float = 300.0,
    ) -> None:
        """Take what `open` takes; a vault made like this is locked until `unlock`."""
        self.meta = meta
        self._provider = provider
        self._load = load
        self._clock = clock
        self._ttl = ttl
        self._kek: Sensitive[bytes] | None = None
        self._locked: str | None = "The vault was not unlocked yet."
        self._lock = Lock()
        self._rings: dict[bytes, tuple[float, Ring]] = {}

    @classmethod
    def create(cls, provider: KeyProvider, load: Load, *, now: int) -> tuple[Self, VaultMeta]:
        """Begin a new vault, and return it with its description, to be stored before anything is sealed.

        Raises:
            KeyUnusable: the provider makes no key, or does not give back the one it made.
        """
        new = uuid.uuid4().bytes
        box, keepsake = provider.create(new)
        kek = box.reveal()
        name, check = envelope.kek_id(kek, new), envelope.key_check(kek, new)
        meta = VaultMeta(new, envelope.FORMAT, now, name, check, keepsake)
        vault = cls.open(provider, meta, load)
        if vault.locked is not None:
            raise KeyBroken(vault.locked)
        return vault, meta

    @classmethod
    def open(cls, provider: KeyProvider, meta: VaultMeta, load: Load) -> Self:
        """Open a stored vault; see `locked` for whether that worked.

        `load` reads the wrapped keys of a workspace (`Store.rings`).
        """
        vault = cls(provider, meta, load)
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
        """Ask the provider for the key again, and forget what the one before had opened."""
        try:
            kek = self._fetch()
        except KeyUnusable as error:
            self._kek, label = None, self._provider.label
            where = "" if label in error.message else f"{label}: "
            self._locked = f"{where}{error.message} This vault needs the key {self.meta.kek_id}."
        else:
            self._kek, self._locked = kek, None
        self.forget()

    def new_rings(self, workspace: bytes, now: int, term: int = 1, state: str = "active") -> list[RingRow]:
        """Make a term of every purpose for a workspace, the first one for a new workspace.

        Raises:
            VaultLocked: the vault has no key.
        """
        kek = self._key().reveal()
        rows = []
        for purpose in PURPOSES:
            context = self._context(workspace, purpose, term)
            wrapped = envelope.wrap(kek, os.urandom(envelope.KEY_SIZE), context)
            rows.append(RingRow(workspace, purpose, term, state, self.meta.kek_id, wrapped, now))
        return rows

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
        expires, ring = self._rings.get(workspace, (0.0, None))
        if ring is None or self._clock() >= expires:
            return self._keep(workspace)
        return ring

    def forget(self) -> None:
        """Drop every ring that is kept, so that the next use reads the store."""
        self._rings = {}

    def _keep(self, workspace: bytes) -> Ring:
        # Into the dict of before the store was read: what `forget` dropped meanwhile stays dropped.
        rings, expires = self._rings, self._clock() + self._ttl
        ring = Ring(self.meta.id, workspace, self._read(workspace), partial(self._read, workspace))
        with self._lock:
            rings.pop(workspace, None)
            # What nobody asks for any longer, as of a workspace that is gone, does not stay in memory.
            for each in [each for each, (expired, _) in rings.items() if expired <= self._clock()]:
                del rings[each]
            if len(rings) >= _KEPT:
                del rings[next(iter(rings))]
            rings[workspace] = expires, ring
        return ring

    def _read(self, workspace: bytes) -> Terms:
        return self._open(self._load(workspace), workspace)

    def _open(self, rows: Sequence[RingRow], workspace: bytes) -> Terms:
        kek = self._key()
        live = [row for row in rows if row.state in _LIVE and row.wrapped is not None]
        if not live:
            raise VaultLocked("This workspace has no keys.")
        keys = {(row.purpose, row.term): self._unwrap(kek, row, workspace) for row in live}
        active = {row.purpose: row.term for row in live if row.state == "active"}
        lost = frozenset(row.term for row in rows if row.state == LOST and row.purpose == "dek")
        return Terms(keys, active, lost)

    def _key(self) -> Sensitive[bytes]:
        kek = self._kek
        if kek is None:
            raise VaultLocked(self._locked or "")
        return kek

    def _fetch(self) -> Sensitive[bytes]:
        meta = self.meta
        if meta.format != envelope.FORMAT:
            raise KeyBroken(f"The vault has format {meta.format}, which this program does not know.")
        kek = self._provider.fetch(meta.id, meta.keepsake)
        key = kek.reveal()
        if len(key) != envelope.KEY_SIZE:
            raise KeyBroken("What it holds is not 32 bytes long.")
        found = envelope.kek_id(key, meta.id)
        if found != meta.kek_id:
            raise KeyBroken(f"The key it holds is {found}, which is not this vault's.")
        if not hmac.compare_digest(envelope.key_check(key, meta.id), meta.check):
            raise KeyBroken("The key has the right name, but the check value in the store does not fit it.")
        return kek

    def _unwrap(self, kek: Sensitive[bytes], row: RingRow, workspace: bytes) -> Sensitive[bytes]:
        name = f"The {row.purpose} key of term {row.term} of this workspace"
        if row.kek_id != self.meta.kek_id:
            raise VaultLocked(f"{name} needs the key {row.kek_id}; this vault has {self.meta.kek_id}.")
        context = self._context(workspace, row.purpose, row.term)
        try:
            return envelope.unwrap(kek, row.wrapped or b"", context)
        except WrongKey:
            raise WrongKey(f"{name} was wrapped with another key.") from None
        except Damaged:
            raise Damaged(f"{name} was changed or moved.") from None

    def _context(self, workspace: bytes, purpose: str, term: int) -> bytes:
        return ring_context(self.meta.id, workspace, purpose, term, self.meta.kek_id)
