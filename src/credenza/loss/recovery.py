"""Bring back what was set aside when a key was lost, now that the key is found.

The wrapped keys of before come back as terms that only open: what was not entered again since opens as it
did, and what was entered again stays as it is now. Audit rows from before can be verified again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from credenza import audit
from credenza.errors import Clash, Conflict
from credenza.loss_ports import LossTx
from credenza.model import RingRow, Tenant, VaultMeta
from credenza.ports import Store
from credenza.sensitive import Sensitive
from credenza.trail import Note
from credenza.vault import Vault, envelope
from credenza.vault.wrapping import take_over
from credenza.workspace import milliseconds

_UNKNOWN = "No key was given up as lost that this is: it is named {kek_id}, and nothing was set aside for it."
_PRESENT = "This is the key that the vault has now; there is nothing to bring back."
VERB = "vault.recover"


class Recovered(NamedTuple):
    """The key that was found, and how many wrapped keys came back."""

    kek_id: str
    keys: int


def find_description(store: Store, kek_id: str) -> VaultMeta | None:
    """Return the vault's description with a key that was given up as lost; None: none is known."""
    return next((lost.meta for lost in store.lost_vaults() if lost.meta.kek_id == kek_id), None)


def recover(
    store: Store, vault: Vault, found: Sensitive[bytes], *, by: str, clock: Callable[[], int] = milliseconds
) -> Recovered:
    """Take over with a key that was found what was set aside when it was lost.

    Raises:
        VaultLocked: the vault's own key is not at hand.
        Clash: it is no key that was given up here.
        WrongKey, Damaged: something that was set aside was changed.
        Conflict: the vault was given another key meanwhile.
    """
    own, now = vault.reveal_key(), clock()
    kek_id = envelope.kek_id(found.reveal(), vault.meta.id)
    if kek_id == vault.meta.kek_id:
        raise Clash(_PRESENT, code="key_not_lost")
    wrapped = [row for tenant in store.tenants() for row in store.lost_rings(tenant.id)]
    if not any(row.kek_id == kek_id for row in wrapped):
        raise Clash(_UNKNOWN.format(kek_id=kek_id), code="key_unknown")
    note = Note(by, VERB, [(kek_id, "recovered", None, ())], now)

    def renew(tenant: Tenant, rows: Sequence[RingRow], tx: LossTx) -> Sequence[RingRow]:
        tx.append(*audit.chain(tenant, tx.stream, tx.head(), note, vault.ring(tenant.id)))
        return [take_over(row, found, vault.meta, own) for row in rows]

    try:
        keys = store.bring_back(kek_id, vault.meta, renew)
    except Conflict:
        raise Conflict("The vault was given another key meanwhile; try again.") from None
    vault.forget()
    return Recovered(kek_id, keys)
