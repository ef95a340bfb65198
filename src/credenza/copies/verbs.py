"""Move a store, back one up, look a backup over, and restore it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from credenza.copies import ends, manifest, restoring
from credenza.copies.checking import Opened, open_backup, read_meta
from credenza.copies.copying import Amend, Tell, compare, copy
from credenza.copies.ends import Backup
from credenza.copies.manifest import Manifest
from credenza.errors import CredenzaError, StoreRejected
from credenza.ports import KeyProvider
from credenza.tables import Snapshot
from credenza.workspace import milliseconds

_NO_VAULT = "This store has no vault yet, so there is nothing in it to be copied."
_SAME = (
    "The destination holds this very vault already: it is the source itself, or the source was moved there "
    "before. Nothing was changed; `credenza move --verify` compares the two."
)
_OTHER = "The store that is replaced has another vault than the backup."
_NO_BEFORE = (
    "The store that is replaced cannot be read, so which API keys were revoked since the backup is not known."
)


class Found(NamedTuple):
    """What was found in a backup: what it says of itself, which is so, and what its key opened, if asked.

    `digest` is the SHA-256 of what it says.
    """

    manifest: Manifest
    opened: Opened | None
    digest: str


class Restored(NamedTuple):
    """What was brought back, or would be.

    `kept` is where the store before is kept, `revoked` which keys stay revoked that the backup has in force,
    `in_force` how many are in force then, `findings` are sentences on what is not as it should be.
    """

    manifest: Manifest
    kept: str
    revoked: Sequence[str]
    in_force: int
    findings: Sequence[str]


def move(source: Snapshot, destination: str, tell: Tell | None = None) -> int:
    """Copy a store to where there is none, and return the number of rows; nobody may write to it meanwhile.

    Raises:
        Misconfigured: the source has no vault, or no store can be made at the destination.
        StoreDamaged: the source is damaged, or the copy is not like it.
        StoreFull: the destination's device is full.
    """
    _refuse_same(source, destination)
    with ends.begin_store(destination) as intake:
        sums = copy(source, intake, tell=tell)
        intake.finish()
    return sum(each.rows for each in sums.values())


def compare_stores(source: Snapshot, destination: str, tell: Tell | None = None) -> list[str]:
    """Return the names of the tables whose rows are not the same in both stores."""
    with ends.read_store(destination) as other:
        return compare(source, other, tell)


def back_up(source: Snapshot, path: Path, *, force: bool = False, tell: Tell | None = None) -> Manifest:
    """Write a store, which may be in use, to a file; return what the file says of itself.

    Raises:
        Misconfigured: there is a file already, or none can be made there; the store has no vault.
        StoreDamaged: the store is damaged.
        StoreFull: the device is full.
    """
    find_vault(source)
    with ends.begin_backup(path, force=force) as intake:
        sums = copy(source, intake, tell=tell)
        made = manifest.describe(source, sums, milliseconds())
        intake.describe(msgspec.json.encode(made))
        intake.finish()
    return made


def look_over(backup: Backup, tell: Tell | None = None) -> Manifest:
    """Return what a backup says of itself, if it is so; raises StoreRejected, StoreDamaged."""
    said = manifest.read(backup)
    manifest.verify(backup, said, tell)
    return said


def restore(
    backup: Backup,
    said: Manifest,
    opened: Opened | None,
    store: str,
    *,
    actor: str,
    replace: bool = False,
    tell: Tell | None = None,
) -> Restored:
    """Bring a backup that was looked over back as a store; `opened` None: without its key.

    Raises:
        Misconfigured: there is a store with a vault, and it is not to be replaced, or it is in use.
        StoreDamaged: the copy is not like the backup.
        StoreFull: the device is full.
    """
    plan, changes = plan_restore(backup, said, opened, store, actor=actor, replace=replace)
    with ends.begin_store(store, aside=replace) as intake:
        # What was looked over is what is restored, though somebody could write to the file meanwhile.
        expected = {part.table.name: part.sum for part in said.parts} if backup.is_original else None
        copy(backup, intake, amend=changes, expected=expected, tell=tell)
        kept = intake.finish()
    return plan._replace(kept=kept)


def plan_restore(
    backup: Backup, said: Manifest, opened: Opened | None, store: str, *, actor: str, replace: bool
) -> tuple[Restored, dict[str, Amend]]:
    """Return what a restore would do, and how it changes rows on their way; nothing is written."""
    findings = [*(opened.findings if opened else ())]
    revoked: dict[str, int] = {}
    if replace:
        try:
            with ends.read_store(store) as before:
                revoked = dict(restoring.list_revoked(before, backup))
                if find_vault(before) != find_vault(backup):
                    findings.append(_OTHER)
                findings += restoring.tell_shredded(before, backup)
        except CredenzaError:
            findings.append(_NO_BEFORE)
    changes: dict[str, Amend] = {"api_keys": restoring.keep_revoked(revoked)}
    if opened is not None:
        forks, broken = restoring.fork_audit(backup, opened, actor, milliseconds(), os.urandom)
        changes |= forks
        findings += broken
    keys = manifest.read_named(backup, "api_keys")
    in_force = sum(row["revoked_at"] is None and row["id"] not in revoked for row in keys)
    return Restored(said, "", sorted(revoked), in_force, findings), changes


def try_key(backup: Backup, providers: Sequence[KeyProvider]) -> Opened:
    """Try a key, and the one it is to have, on a backup; raises KeyUnusable, VaultLocked."""
    return open_backup(backup, providers)


def check_place(store: str, *, replace: bool) -> None:
    """Return if a store could be made at a place now; raises what `restore` raises for it."""
    with ends.begin_store(store, aside=replace):
        pass


def find_vault(source: Snapshot) -> bytes:
    """Return the id of the vault of a store; raises StoreRejected."""
    if not [*source.rows(manifest.find_table("vault"))]:
        raise StoreRejected(_NO_VAULT)
    return read_meta(source).id


def _refuse_same(source: Snapshot, destination: str) -> None:
    vault = find_vault(source)
    try:
        with ends.read_store(destination) as other:
            same = find_vault(other) == vault
    except CredenzaError:
        return  # it is not there, or `begin_store` says what is wrong with it
    if same:
        raise StoreRejected(_SAME)
