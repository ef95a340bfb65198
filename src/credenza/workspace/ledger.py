"""Leaving a trace: the audit row of what was done, in its transaction, and of what was refused, after it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import TypeVar

from credenza import access, audit, breaks
from credenza.errors import CredenzaError, Forbidden
from credenza.model import Actor, Item, Permission, Tenant, is_name
from credenza.ports import Store, Tx
from credenza.trail import Head, Note
from credenza.vault import Ring, Vault
from credenza.workspace.policy import Policy, milliseconds

T = TypeVar("T")
_SILENT = {"unchanged", "failed", "pending"}
_MOST_NAMES = 100


class Ledger:
    """Write audit rows for one actor."""

    def __init__(self, actor: Actor, store: Store, vault: Vault, policy: Policy) -> None:
        """Bind the actor to where rows go and to the key that chains them."""
        self._actor = actor
        self._store = store
        self._vault = vault
        self._policy = policy

    def ring(self) -> Ring:
        """Return the workspace's keys; raises VaultLocked."""
        return self._vault.ring(self._actor.tenant.id)

    def renew(self) -> None:
        """Read the workspace's keys anew when they are asked for next."""
        self._vault.forget(self._actor.tenant.id)

    def note(self, tx: Tx, ring: Ring, verb: str, items: Sequence[Item], at: int) -> None:
        """Append what was done in this transaction; what changed nothing leaves no row."""
        if any(item.result not in _SILENT for item in items):
            told = ((i.name, i.result, i.version, i.changed) for i in items if i.result not in _SILENT)
            self._append(tx, ring, Note(self._actor.name, verb, told, at))

    def refuse(self, verb: str, names: Sequence[str | None]) -> Future[None]:
        """Write that something was refused; where that cannot be written, it is refused all the same."""
        try:
            ring = self.ring()
            # What is no name may be anything, pasted by mistake, and what an audit row holds stays.
            told = [name if name is not None and is_name(name) else None for name in names[:_MOST_NAMES]]
            items = [(name, "refused", None, ()) for name in told]
            note = Note(self._actor.name, f"{verb}.refused", items, self._policy.clock())
            return self._store.write(self._actor.tenant, lambda tx: self._append(tx, ring, note))
        except CredenzaError as error:
            failed: Future[None] = Future()
            failed.set_exception(error)
            return failed

    def require(self, permission: Permission, verb: str, name: str | None = None) -> None:
        """Let the actor pass, or leave a row and raise Forbidden."""
        self.watch(lambda: access.require(self._actor, permission), verb, name)

    def watch(self, call: Callable[[], T], verb: str, name: str | None) -> T:
        """Make a call, and leave a row where it is forbidden."""
        try:
            return call()
        except Forbidden:
            self.refuse(verb, [name]).exception()
            raise

    def verify(self, exported: Sequence[str]) -> tuple[int, Sequence[str], Sequence[str]]:
        """Return the number of audit rows, what is wrong with them, and the heads to keep elsewhere."""
        self.require(Permission.ADMINISTER, "audit")
        genuine, tenant = partial(is_signed, self.ring()), self._actor.tenant

        def job(tx: Tx) -> tuple[int, list[str], Sequence[Head]]:
            heads = tx.heads()
            broken = breaks.find(tenant, tx.trail(), heads, genuine)
            rows, found = audit.examine(tenant, tx.trail(), heads, genuine, exported, broken)
            return rows, found, heads

        rows, found, heads = self._store.read(tenant, job)
        return rows, found, audit.export(heads)

    def breaks(self) -> Sequence[str]:
        """Say of which rows nobody can tell whether they were changed, since a key was lost."""
        self.require(Permission.ADMINISTER, "audit")
        genuine, tenant = partial(is_signed, self.ring()), self._actor.tenant
        found = self._store.read(
            tenant, lambda tx: breaks.find(tenant, tx.trail(), tx.heads(), genuine).values()
        )
        return [each.tell() for each in found]

    def _append(self, tx: Tx, ring: Ring, note: Note) -> None:
        tx.append(*audit.chain(self._actor.tenant, tx.stream, tx.head(), note, ring))


def tell(  # noqa: PLR0917
    store: Store, vault: Vault, tenant: Tenant, actor: str, verb: str, item: tuple[str, str]
) -> None:
    """Leave a row of what was done to one thing, by name and result, that stands above all workspaces."""
    ring, now = vault.ring(tenant.id), milliseconds()
    note = Note(actor, verb, [(item[0], item[1], None, ())], now)
    store.write(tenant, lambda tx: tx.append(*audit.chain(tenant, tx.stream, tx.head(), note, ring))).result()


def is_signed(ring: Ring, data: bytes, signature: bytes) -> bool:
    """Tell whether this ring made a signature of this data."""
    try:
        ring.verify(data, signature)
    except CredenzaError:
        return False
    return True
