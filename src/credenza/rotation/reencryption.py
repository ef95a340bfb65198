"""Seal secrets anew under the active term, a page at a time, beside everybody who reads and saves.

A page is read, sealed outside of any transaction, and written by a short one that replaces each secret only
where it is still as it was read: a save that was faster wins. Version, destination and id stay, so nothing
that refers to a secret changes.

The fingerprint is made anew too, but for those that others are bound to: what undeclared keys hold decides
where the secrets beside them go, and so do the sealed texts of a configuration that credentials are entered
for. Their fingerprint is part of a destination, in rows and documents of all versions, so it stays; it then
is a mark like any other number, and whether the same is entered again is told by opening.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from credenza.connectors import UNKNOWN
from credenza.errors import CredenzaError, Damaged, TermRetired, WrongKey
from credenza.model import SealedRow, Secret, Tenant
from credenza.ports import Store, Tx
from credenza.vault import Ring, Vault
from credenza.vault.envelope import read_term
from credenza.workspace.openings import Closed
from credenza.workspace.sealing import KIND

PAGE = 200  # secrets: a transaction of a few milliseconds
_PASSES = 100
_CONFIG = "#config"  # what the types of configurations end with that credentials are entered for

Tell = Callable[[int], None]


class Passed(NamedTuple):
    """What became of the secrets of a workspace: how many were sealed anew, and which cannot be opened."""

    resealed: int
    closed: tuple[Closed, ...]


def reencrypt(store: Store, vault: Vault, tenant: Tenant, tell: Tell, *, yielding: bool) -> Passed:
    """Seal every secret of a workspace under its active term; `tell` hears of each page how many it had.

    `yielding` leaves as much time to others as it takes.

    Raises:
        VaultLocked, Unavailable: nothing more can be done now; what was done stays.
    """
    done = 0
    closed: dict[tuple[int, str, int], Closed] = {}
    for _ in range(_PASSES):
        before, missed, after = done, 0, None
        while page := _read(store, vault, tenant, after):
            after = page[-1]
            ring = vault.ring(tenant.id)
            pairs, shut = seal_again(ring, page)
            closed |= {(each.row.row, each.row.secret.path, each.row.secret.version): each for each in shut}
            replaced = _replace(store, vault, tenant, pairs, yielding=yielding) if pairs else 0
            done += replaced
            missed += len(pairs) - replaced
            tell(replaced)
        if missed == 0 or done == before:
            break
    return Passed(done, tuple(closed.values()))


def seal_again(ring: Ring, page: Sequence[SealedRow]) -> tuple[list[tuple[SealedRow, Secret]], list[Closed]]:
    """Return secrets sealed under the active term beside what they were, and those that cannot be opened."""
    sealing = ring.sealing(KIND, len(page))
    pairs, closed = [], []
    for row in page:
        old = row.secret
        try:
            text = ring.open(KIND, row.owner, old)
        except (Damaged, WrongKey) as error:
            closed.append(Closed(row, error.message))
            continue
        new = sealing.seal(
            row.owner,
            old.path,
            id=old.id,
            version=old.version,
            destination=old.destination,
            rule=old.rule,
            text=text.reveal(),
        )
        if not ring.holds(KIND, row.owner, new, text.reveal()):
            raise CredenzaError("A secret that was sealed anew did not open; it was left as it is.")
        pairs.append(
            (row, msgspec.structs.replace(new, fingerprint=old.fingerprint) if is_mark(row) else new)
        )
    return pairs, closed


def is_mark(row: SealedRow) -> bool:
    """Tell whether the fingerprint of a secret is part of where others are bound to."""
    return row.secret.path.endswith(UNKNOWN) or row.type.endswith(_CONFIG)


def _read(store: Store, vault: Vault, tenant: Tenant, after: SealedRow | None) -> Sequence[SealedRow]:
    term = vault.ring(tenant.id).term
    return store.read(tenant, lambda tx: tx.sealed(after=after, limit=PAGE, but=term))


def _replace(
    store: Store, vault: Vault, tenant: Tenant, pairs: Sequence[tuple[SealedRow, Secret]], *, yielding: bool
) -> int:
    def job(tx: Tx) -> int:
        replaced = tx.reseal(pairs)
        # All seals count, also those that nobody will see: they were made with the key.
        tx.count_seals(term, len(pairs))
        return replaced

    term = read_term(pairs[0][1].blob)
    begun = time.monotonic()
    try:
        replaced = store.write(tenant, job).result()
    except TermRetired:
        # Somebody has begun another term meanwhile: the next page is sealed under that.
        vault.forget(tenant.id)
        return 0
    if yielding:
        time.sleep(time.monotonic() - begun)
    return replaced
