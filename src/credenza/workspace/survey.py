"""Whether every current secret of a workspace can be opened, for its destination; no value is shown."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from credenza.connectors import Catalogue
from credenza.errors import CredenzaError
from credenza.model import Tenant
from credenza.ports import Store, Tx
from credenza.vault import Ring, Vault
from credenza.workspace.reveal import Sealed, open_all

_CHUNK = 500


class Survey(NamedTuple):
    """How many integrations and secrets there are; which integrations cannot be opened, and why.

    `behind` counts those saved under an earlier version of their type, `ahead` those of a later one, and
    `unfit` those marked as needing reconfiguration.
    """

    integrations: int
    secrets: int
    unreadable: tuple[tuple[str, str], ...]
    behind: int = 0
    ahead: int = 0
    unfit: int = 0


def survey(store: Store, vault: Vault, catalogue: Catalogue, tenant: Tenant) -> Survey:
    """Open every current secret of a workspace and tell what cannot be opened; raises VaultLocked."""
    ring = vault.ring(tenant.id)
    integrations, secrets, unreadable, after = 0, 0, [], ""
    behind = ahead = unfit = 0
    while True:
        part = store.read(tenant, partial(_look, ring, catalogue, after))
        integrations += part.integrations
        secrets += part.secrets
        unreadable += part.unreadable
        behind, ahead, unfit = behind + part.behind, ahead + part.ahead, unfit + part.unfit
        if part.last is None:
            return Survey(integrations, secrets, tuple(unreadable), behind, ahead, unfit)
        after = part.last


class _Part(NamedTuple):
    integrations: int
    secrets: int
    unreadable: list[tuple[str, str]]
    last: str | None
    behind: int
    ahead: int
    unfit: int


def _look(ring: Ring, catalogue: Catalogue, after: str, tx: Tx) -> _Part:
    records = list(tx.page(after=after, limit=_CHUNK))
    held = tx.held([record.row for record in records])
    unreadable, count, behind, ahead, unfit = [], 0, 0, 0, 0
    for record in records:
        type_ = catalogue.get(record.type)
        if type_ is not None:
            behind += record.type_version < type_.version
            ahead += record.type_version > type_.version
        try:
            sealed = Sealed(record, record.document(), held.get(record.row, {}))
            count += len(sealed.document.references())
            unfit += bool(sealed.document.unfit)
            open_all(ring, sealed, catalogue)
        except CredenzaError as error:
            unreadable.append((record.name, error.message))
    last = records[-1].name if len(records) == _CHUNK else None
    return _Part(len(records), count, unreadable, last, behind, ahead, unfit)
