"""Whether every current secret of a workspace can be opened, for its destination; no value is shown."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from credenza.connectors import Catalogue
from credenza.errors import CredenzaError, Damaged
from credenza.model import Record, Tenant
from credenza.ports import Store, Tx
from credenza.vault import Ring, Vault
from credenza.workspace.reveal import Sealed, collect, open_all

_CHUNK = 500


class Survey(NamedTuple):
    """How many integrations and secrets there are; which integrations cannot be opened, and why.

    What managed integrations refer to is looked at as well, and named `~` and an id.
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
    integrations, secrets, unreadable = 0, 0, []
    behind = ahead = unfit = 0
    for owned in (False, True):
        after: str | None = None
        while True:
            part = store.read(tenant, partial(_look, ring, catalogue, after, owned))
            integrations += 0 if owned else part.integrations
            secrets += part.secrets
            unreadable += part.unreadable
            behind, ahead, unfit = behind + part.behind, ahead + part.ahead, unfit + part.unfit
            after = part.last
            if after is None:
                break
    return Survey(integrations, secrets, tuple(unreadable), behind, ahead, unfit)


class _Part(NamedTuple):
    integrations: int
    secrets: int
    unreadable: list[tuple[str, str]]
    last: str | None
    behind: int
    ahead: int
    unfit: int


def _look(ring: Ring, catalogue: Catalogue, after: str | None, owned: bool, tx: Tx) -> _Part:
    records = list(tx.page(owned=owned, after=after, limit=_CHUNK))
    unreadable, count, behind, ahead, unfit = [], 0, 0, 0, 0
    for record in records:
        type_ = catalogue.find(record.type)
        if type_ is not None:
            behind += record.type_version < type_.version
            ahead += record.type_version > type_.version
    for record, sealed in _collect(tx, records, catalogue):
        try:
            if isinstance(sealed, Damaged):
                raise sealed
            # Those of a managed integration are counted where they are.
            count += 0 if sealed.document.source else len(sealed.document.references())
            unfit += bool(sealed.document.unfit)
            open_all(ring, sealed, catalogue)
        except CredenzaError as error:
            unreadable.append((record.name, error.message))
    last = records[-1].name if len(records) == _CHUNK else None
    return _Part(len(records), count, unreadable, last, behind, ahead, unfit)


def _collect(
    tx: Tx, records: Sequence[Record], catalogue: Catalogue
) -> list[tuple[Record, Sealed | Damaged]]:
    """Return records with their secrets; one that cannot be read, or its parts, stops only itself."""
    try:
        found = collect(tx, records, catalogue, lenient=True)
    except Damaged as error:
        if len(records) == 1:
            return [(records[0], error)]
        return [each for record in records for each in _collect(tx, [record], catalogue)]
    return list(zip(records, found, strict=True))
