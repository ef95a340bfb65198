"""Whether the key that is here opens what is in a backup: every ring, and one secret of each term."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import Any, NamedTuple

from credenza import audit, breaks
from credenza.copies.manifest import read_named
from credenza.errors import CredenzaError, KeyBroken, VaultLocked
from credenza.model import RingRow, Secret, Tenant, VaultMeta
from credenza.ports import KeyProvider
from credenza.tables import Snapshot
from credenza.trail import Entry, Head
from credenza.vault import Vault
from credenza.vault.envelope import read_term
from credenza.workspace.ledger import is_signed
from credenza.workspace.sealing import KIND

_LIVE = ("pre_active", "active", "decrypt_only")
_NOT_OPENED = (
    "The key opens this vault, but not {what} of the workspace {slug}: {why} Nothing was touched. With "
    "--without-key it is restored all the same, and what cannot be opened stays closed."
)


class Opened(NamedTuple):
    """A backup whose key is here: its vault, the workspaces that have keys, and what was tried."""

    vault: Vault
    tenants: Sequence[Tenant]
    secrets: int
    findings: Sequence[str]


class Trail(NamedTuple):
    """The heads of a workspace's audit streams."""

    tenant: Tenant
    heads: Sequence[Head]


def read_meta(source: Snapshot) -> VaultMeta:
    """Return what a store says of its vault."""
    return read_metas(source)[0]


def read_metas(source: Snapshot) -> list[VaultMeta]:
    """Return what a store says of its vault, and of it with the key that it is to have."""
    return [
        VaultMeta(
            row["uuid"], row["format"], row["created_at"], row["kek_id"], row["key_check"], row["keepsake"]
        )
        for name in ("vault", "vault_next")
        for row in read_named(source, name)
    ]


def read_tenants(source: Snapshot) -> list[Tenant]:
    """Return the workspaces of a store."""
    return [
        Tenant(row["id"], row["uuid"], row["slug"], row["created_at"])
        for row in read_named(source, "workspaces")
    ]


def open_backup(source: Snapshot, providers: Sequence[KeyProvider]) -> Opened:
    """Try the key on all rings of a store, on one secret of each of their terms, and on its audit trail.

    Raises:
        KeyUnusable: the key is not here, or is not this vault's.
        VaultLocked: a ring or a secret cannot be opened.
    """
    tenants = {tenant.row: tenant for tenant in read_tenants(source)}
    rings: dict[bytes, list[RingRow]] = {tenant.id: [] for tenant in tenants.values()}
    for row in read_named(source, "rings"):
        rings[tenants[row["workspace_id"]].id].append(_read_ring(row, tenants[row["workspace_id"]]))
    metas = read_metas(source)
    vault = Vault.open(
        providers[0],
        metas[0],
        lambda workspace: rings.get(workspace, []),
        others=providers[1:],
        describe=lambda: metas,
    )
    if vault.locked is not None:
        raise KeyBroken(
            f"The key of this backup is not here. {vault.locked} Nothing was touched. With --without-key it "
            "is restored all the same: everything but its secrets can be read until the key is found."
        )
    # A workspace that was shredded has no live key, and nothing that one would open.
    live = [tenant for tenant in tenants.values() if any(_is_live(row) for row in rings[tenant.id])]
    for tenant in live:
        _try(tenant, "the ring", partial(vault.ring, tenant.id))
    gone = {
        (tenant.row, row.term)
        for tenant in tenants.values()
        for row in rings[tenant.id]
        if row.purpose == "dek" and not _is_live(row)
    }
    # Nor does any key here open what was given up with one that is lost.
    gone |= {
        (row["workspace_id"], row["term"])
        for row in read_named(source, "lost_rings")
        if row["purpose"] == "dek"
    }
    tried = _try_secrets(source, vault, tenants, gone)
    return Opened(vault, live, tried, [*_examine(source, vault, live)])


def _try_secrets(
    source: Snapshot, vault: Vault, tenants: dict[int, Tenant], gone: set[tuple[int, int]]
) -> int:
    chosen = {}
    for row in read_named(source, "secrets"):
        place = row["workspace_id"], read_term(row["sealed"])
        # What was sealed under a key that was destroyed on purpose, no key opens.
        if place not in chosen and place not in gone:
            chosen[place] = row["integration_id"], _read_secret(row)
    wanted = {row for row, _ in chosen.values()}
    owners = {row["id"]: row["uuid"] for row in read_named(source, "integrations") if row["id"] in wanted}
    for (workspace, term), (row, secret) in chosen.items():
        tenant = tenants[workspace]
        what = f"a secret of term {term}"
        _try(tenant, what, partial(_open, vault, tenant, owners[row], secret))
    return len(chosen)


def _open(vault: Vault, tenant: Tenant, owner: bytes, secret: Secret) -> None:
    vault.ring(tenant.id).open(KIND, owner, secret)


def _examine(source: Snapshot, vault: Vault, tenants: Sequence[Tenant]) -> Iterator[str]:
    """Return what is wrong with the audit trails."""
    heads = {trail.tenant.row: trail.heads for trail in read_trails(source, tenants)}
    live = {tenant.row: tenant for tenant in tenants}
    broken = {
        workspace: breaks.find(live[workspace], entries, heads[workspace], _verify(vault, live[workspace]))
        for workspace, entries in _by_workspace(source)
        if workspace in live
    }
    for workspace, entries in _by_workspace(source):
        if workspace in live:
            yield from _told(live[workspace], vault, entries, heads[workspace], broken[workspace])
    for workspace in sorted(live.keys() - broken.keys()):
        yield from _told(live[workspace], vault, iter(()), heads[workspace], {})


def _by_workspace(source: Snapshot) -> Iterator[tuple[int, Iterator[Entry]]]:
    rows = groupby(read_named(source, "audit"), key=lambda row: int(row["workspace_id"]))
    return ((workspace, map(_read_entry, group)) for workspace, group in rows)


def _verify(vault: Vault, tenant: Tenant) -> audit.Verify:
    return partial(is_signed, vault.ring(tenant.id))


def read_trails(source: Snapshot, tenants: Sequence[Tenant]) -> list[Trail]:
    """Return the heads of the audit streams of these workspaces."""
    heads: dict[int, list[Head]] = {tenant.row: [] for tenant in tenants}
    for row in read_named(source, "audit_heads"):
        if row["workspace_id"] in heads:
            heads[row["workspace_id"]].append(Head(row["stream"], row["count"], row["mac"], row["seal"]))
    return [Trail(tenant, heads[tenant.row]) for tenant in tenants]


def _told(
    tenant: Tenant,
    vault: Vault,
    entries: Iterator[Entry],
    heads: Sequence[Head],
    broken: Mapping[str, breaks.Break],
) -> list[str]:
    _, found = audit.examine(tenant, entries, heads, _verify(vault, tenant), breaks=broken)
    return [f"Audit of the workspace {tenant.slug}: {each}" for each in found]


def _try(tenant: Tenant, what: str, attempt: partial[Any]) -> None:
    try:
        attempt()
    except CredenzaError as error:
        raise VaultLocked(_NOT_OPENED.format(what=what, slug=tenant.slug, why=error.message)) from None


def _is_live(row: RingRow) -> bool:
    return row.state in _LIVE and row.wrapped is not None


def _read_ring(row: dict[str, Any], tenant: Tenant) -> RingRow:
    return RingRow(
        tenant.id,
        row["purpose"],
        row["term"],
        row["state"],
        row["kek_id"],
        row["wrapped"],
        row["created_at"],
        row["seals"],
    )


def _read_secret(row: dict[str, Any]) -> Secret:
    return Secret(
        id=row["uuid"],
        path=row["path"],
        version=row["version"],
        destination=row["destination"],
        rule=row["rule"],
        fingerprint=row["fingerprint"],
        blob=row["sealed"],
    )


def _read_entry(row: dict[str, Any]) -> Entry:
    return Entry(
        row["stream"], row["sequence"], row["at"], row["actor"], row["verb"], row["items"], row["mac"]
    )
