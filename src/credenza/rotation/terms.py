"""Begin a new term in a workspace's ring, and end those under which nothing is sealed any more.

    pre_active    its keys are stored, and were seen to open from there; nothing is sealed under them yet
    active        it seals; every process that meets it reads the ring again
    decrypt_only  it opens what was sealed under it; the store refuses any further seal
    destroyed     nothing is sealed under it, and its keys for sealing and fingerprints are gone

Keys for signatures stay, to verify what they signed: the audit, API keys and papers outlive every term.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from credenza import audit
from credenza.errors import Conflict, TermRetired, VaultLocked, WrongKey
from credenza.model import RingRow, Tenant
from credenza.ports import Store, Tx
from credenza.rotation.reencryption import Passed, Tell, reencrypt
from credenza.trail import Head, Note
from credenza.vault import Ring, Vault
from credenza.workspace import milliseconds
from credenza.workspace.openings import Closed

_TRIES = 5


class Rotated(NamedTuple):
    """What became of a workspace: its active term, and whether that is new.

    `resealed` secrets were sealed anew, `closed` ones cannot be opened and hold their term; `destroyed` are
    the terms that ended, `left` those that only open still.
    """

    term: int
    begun: bool
    resealed: int
    closed: tuple[Closed, ...]
    destroyed: tuple[int, ...]
    left: tuple[int, ...]


def rotate(
    store: Store,
    vault: Vault,
    tenant: Tenant,
    *,
    by: str,
    tell: Tell = lambda _: None,
    yielding: bool = True,
    clock: Callable[[], int] = milliseconds,
) -> Rotated:
    """Finish what an earlier rotation of the workspace has begun, or else begin a new term and finish that.

    Raises:
        VaultLocked, Unavailable: nothing more can be done now; the next call goes on from there.
        Conflict: others kept changing the ring.
    """
    return _Rotation(store, vault, tenant, by, clock).run(tell, yielding=yielding)


def is_begun(rows: Sequence[RingRow]) -> bool:
    """Tell whether a term was prepared and does not seal yet."""
    return any(row.state == "pre_active" for row in rows)


def list_retired(rows: Sequence[RingRow]) -> list[int]:
    """Return the terms whose keys for sealing only open."""
    return sorted({row.term for row in rows if row.purpose == "dek" and row.state == "decrypt_only"})


def active_term(rows: Sequence[RingRow]) -> int:
    """Return the term that seals; 0: none does."""
    return next((row.term for row in rows if row.purpose == "dek" and row.state == "active"), 0)


class _Rotation:
    """One workspace's rotation; `begin` and `end` are each one transaction, and each may be the last."""

    def __init__(self, store: Store, vault: Vault, tenant: Tenant, by: str, clock: Callable[[], int]) -> None:
        self._store = store
        self._vault = vault
        self._tenant = tenant
        self._by = by
        self._clock = clock
        self._begun = False
        self._ended: tuple[int, ...] = ()
        self._passed = Passed(0, ())

    def run(self, tell: Tell, *, yielding: bool) -> Rotated:
        """Go on from what is in the store."""
        self._vault.forget(self._tenant.id)
        rows = self._rows()
        if active_term(rows) == 0:
            raise VaultLocked("This workspace has no active key, and gets no other by a rotation.")
        if not is_begun(rows) and list_retired(rows):
            # What a run before this one has left: where that is nothing any more, a new term is asked for.
            self._seal(tell, yielding=yielding)
            if self._passed.resealed or self._ended:
                return self._tell()
        if not is_begun(rows):
            self._prepare()
        self._activate()
        self._seal(tell, yielding=yielding)
        return self._tell()

    def _seal(self, tell: Tell, *, yielding: bool) -> None:
        self._passed = reencrypt(self._store, self._vault, self._tenant, tell, yielding=yielding)
        self._end()

    def _rows(self) -> Sequence[RingRow]:
        return self._store.rings(self._tenant.id)

    def _prepare(self) -> None:
        """Store a further term, unless somebody else does."""
        for _ in range(_TRIES):
            term = max((row.term for row in self._rows()), default=0) + 1
            new = self._vault.new_rings(self._tenant.id, self._clock(), term, "pre_active")
            try:
                self._store.write(self._tenant, partial(_add, new)).result()
            except TermRetired:  # the vault has been given another key
                self._vault.renew()
            except Conflict:
                if is_begun(self._rows()):
                    return
            else:
                return
        raise Conflict

    def _activate(self) -> None:
        """Let the prepared term seal, once its keys were read back from the store and opened."""
        rows = self._rows()
        new = [row for row in rows if row.state == "pre_active"]
        if not new:
            return  # somebody else did
        term = max(row.term for row in new)
        opened = self._vault.keys(rows, self._tenant.id)
        if not all(opened.has(row.purpose, row.term) for row in new):
            raise WrongKey("The keys of the new term do not open; they were changed in the store.")

        def job(tx: Tx) -> bool:
            # The head first, as every save takes it before it comes to the ring.
            head = tx.head()
            if not any(row.state == "pre_active" and row.term == term for row in tx.rings()):
                return False
            self._note(tx, head, opened, "activated", [term])
            tx.activate(term)
            return True

        self._begun = self._store.write(self._tenant, job).result()
        self._vault.forget(self._tenant.id)

    def _end(self) -> None:
        """Destroy the terms under which nothing is sealed."""
        needed = self._store.read(self._tenant, lambda tx: tx.count_sealed())
        idle = [term for term in list_retired(self._rows()) if not needed.get(term)]
        if not idle:
            return
        ring = self._vault.ring(self._tenant.id)

        def job(tx: Tx) -> tuple[int, ...]:
            head = tx.head()
            gone = tuple(term for term in idle if tx.destroy(term))
            if gone:
                self._note(tx, head, ring, "destroyed", gone)
            return gone

        self._ended += self._store.write(self._tenant, job).result()
        self._vault.forget(self._tenant.id)

    def _note(self, tx: Tx, head: Head | None, ring: Ring, what: str, terms: Sequence[int]) -> None:
        items = [(f"term {term}", what, None, ()) for term in terms]
        note = Note(self._by, "vault.rotate", items, self._clock())
        tx.append(*audit.chain(self._tenant, tx.stream, head, note, ring))

    def _tell(self) -> Rotated:
        rows, (resealed, closed) = self._rows(), self._passed
        return Rotated(
            active_term(rows), self._begun, resealed, closed, self._ended, tuple(list_retired(rows))
        )


def _add(rows: Sequence[RingRow], tx: Tx) -> None:
    tx.add_rings(rows)
