"""End a workspace: its keys first of all, every row of it, and then what the files still keep.

Without its ring nothing that it sealed opens for anybody, wherever a copy lies that has no ring with it. Its
name and its number are never given to another workspace: others may have them in memory, in grants of
packages or in an exported head of its audit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from credenza import audit
from credenza.errors import Clash
from credenza.loss.remnants import Windows
from credenza.loss_ports import LossTx, Sealings
from credenza.model import Tenant
from credenza.ports import Store
from credenza.trail import Note
from credenza.vault import Vault
from credenza.workspace import milliseconds

VERB = "workspace.shred"
_HOME = "The workspace {slug} is where it is written down that others were shredded; it stays."
_INSTALLED = (
    "Other workspaces have installed packages of this one: {which}. Have them uninstall or detach those "
    "first, or say --leave-installs: what they installed goes on working, and can not be upgraded any more."
)


class Shredded(NamedTuple):
    """What went with a workspace, and what to look for to see that it is gone."""

    gone: Sealings
    windows: Windows


def check_end(tenant: Tenant, home: Tenant, found: Sealings, *, leave_installs: bool) -> None:
    """Return if a workspace may end; raises Clash."""
    if tenant.id == home.id:
        raise Clash(_HOME.format(slug=home.slug), code="workspace_needed")
    if found.installs and not leave_installs:
        which = ", ".join(f"{slug} ({count:,})" for slug, count in found.installs)
        raise Clash(_INSTALLED.format(which=which), code="package_installed")


def shred(
    store: Store,
    vault: Vault,
    tenant: Tenant,
    home: Tenant,
    *,
    by: str,
    clock: Callable[[], int] = milliseconds,
) -> Shredded:
    """Take a workspace out for good, and write that down in the audit of `home`.

    Raises:
        VaultLocked: without the vault's key nothing can be written down.
        Conflict: there is no such workspace any more.
    """
    now, ring = clock(), vault.ring(home.id)
    note = Note(by, VERB, [(tenant.slug, "shredded", None, ())], now)
    noted = [Windows()]

    def take(values: Iterable[bytes]) -> None:
        noted[0].add(values)

    def tell(tx: LossTx) -> None:
        tx.append(*audit.chain(home, tx.stream, tx.head(), note, ring))

    gone = store.shred(tenant, (now, by), take, home, tell)
    vault.forget()
    return Shredded(gone, noted[0])
