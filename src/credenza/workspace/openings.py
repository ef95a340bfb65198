"""Which stored secrets cannot be opened, of all versions; no value is shown.

Such a secret stops nothing but itself: it can still be entered anew, cleared, or deleted with what it
belongs to.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

from credenza.errors import CredenzaError, Damaged, WrongKey
from credenza.model import SealedRow, Tenant
from credenza.ports import Store, Tx
from credenza.vault import Ring, Vault
from credenza.vault.envelope import read_term
from credenza.workspace.sealing import KIND

_CHUNK = 500


class Closed(NamedTuple):
    """A secret that cannot be opened, and why."""

    row: SealedRow
    why: str


def find_closed(store: Store, vault: Vault, tenant: Tenant) -> Iterator[Closed]:
    """Give every stored secret of a workspace that cannot be opened: all of them, where its ring cannot."""
    ring, why = _find_ring(vault, tenant)
    after: SealedRow | None = None
    while page := store.read(tenant, partial(_read, after)):
        after = page[-1]
        for row in page:
            reason = why if ring is None else _try(ring, row)
            if ring is not None and not row.current and read_term(row.secret.blob) in ring.lost:
                continue  # given up with its key; nobody can enter what is past
            if reason:
                yield Closed(row, reason)


def _read(after: SealedRow | None, tx: Tx) -> Sequence[SealedRow]:
    return tx.sealed(after=after, limit=_CHUNK)


def _find_ring(vault: Vault, tenant: Tenant) -> tuple[Ring | None, str]:
    if vault.locked is not None:
        return None, "The vault is locked."
    try:
        return vault.ring(tenant.id), ""
    except CredenzaError as error:
        return None, error.message


def _try(ring: Ring, row: SealedRow) -> str:
    """Return why a secret cannot be opened; nothing: it can."""
    try:
        ring.open(KIND, row.owner, row.secret)
    except (Damaged, WrongKey) as error:
        return error.message
    return ""
