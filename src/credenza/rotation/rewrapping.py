"""Wrap the rings with another key-encryption key, and make it the vault's.

    1  the new key is made where it is to live, read back from there, and seen to wrap and unwrap
    2  its description is stored beside the vault's: what a provider needs to find it again is safe from here
    3  each ring row is unwrapped, wrapped, unwrapped again, and replaced where it is as it was read
    4  when no row is wrapped with the old key, the new description becomes the vault's

Until the last step the vault has its old key, and new rings are wrapped with that; the third step is repeated
until there are none. The old key is nowhere destroyed: backups from before need it.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NamedTuple

from credenza import audit
from credenza.errors import Clash, Conflict, Damaged, KeyAbsent, KeyBroken, VaultLocked, WrongKey
from credenza.model import RingRow, Tenant, VaultMeta
from credenza.ports import KeyProvider, Store, Tx
from credenza.sensitive import Sensitive
from credenza.trail import Note
from credenza.vault import Vault, describe_key, envelope, fetch
from credenza.workspace import milliseconds

_PASSES = 10
_ANY = 2**62  # more rows than there are
_OTHER = (
    "Rings are wrapped already with the key {kek_id}, which was prepared before and is not the one in this "
    "place: finish that first, with `--to` its place."
)
_STUCK = "Rings kept being added while they were wrapped; run it again."


class Rewrapped(NamedTuple):
    """What became of the rings: the vault's key by now, how many rows were wrapped, which cannot be."""

    kek_id: str
    rewrapped: int
    closed: tuple[tuple[str, str], ...]
    turned: bool


def prepare(store: Store, vault: Vault, place: KeyProvider) -> VaultMeta:
    """Make or find the new key in its place, prove it, and store its description beside the vault's.

    A key that the vault has already is returned as it is described, and one prepared before is given up.

    Raises:
        KeyUnusable: the place does not give the key, or not twice the same.
        Clash: it is not the one that rings are wrapped with already.
    """
    vault.learn()
    begun = store.next_vault()
    kek, keepsake = _find(place, vault.meta.id, begun)
    meta = describe_key(vault.meta.id, kek.reveal(), created_at=vault.meta.created_at, keepsake=keepsake)
    if meta.kek_id == vault.meta.kek_id:
        if begun is not None:
            _give_up(store, vault.meta, begun)
        return vault.meta
    if not hmac.compare_digest(fetch(place, meta).reveal(), kek.reveal()) or not _round_trips(kek):
        raise KeyBroken("The new place did not give back the key it was given.")
    _store(store, meta, begun)
    vault.adopt(meta, kek)
    return meta


def rewrap(
    store: Store,
    vault: Vault,
    to: VaultMeta,
    *,
    by: str,
    tell: Callable[[int], None] = lambda _: None,
    leaving: bool = False,
    clock: Callable[[], int] = milliseconds,
) -> Rewrapped:
    """Wrap every ring with a key that was prepared, and make it the vault's; `tell` hears of each row.

    Rows that cannot be unwrapped keep the vault at its old key, unless they may be left behind (`leaving`).

    Raises:
        VaultLocked, Unavailable: nothing more can be done now; the next call goes on from there.
        Conflict: others kept adding rings.
    """
    done = 0
    for _ in range(_PASSES):
        closed: list[tuple[str, str]] = []
        for tenant in store.tenants():
            rows = list_rows(store, tenant, to.kek_id)
            pairs, shut = _wrap(vault, tenant, rows, to)
            closed += shut
            if pairs:
                done += store.write(tenant, _job(vault, tenant, pairs, by, clock())).result()
            tell(len(rows))
        if to.kek_id == vault.meta.kek_id or (closed and not leaving):
            turned = to.kek_id == vault.meta.kek_id
            return Rewrapped(vault.meta.kek_id, done, tuple(closed), turned)
        try:
            store.turn_vault(to, len(closed))
        except Conflict:
            continue
        vault.learn()
        vault.forget()
        return Rewrapped(to.kek_id, done, tuple(closed), turned=True)
    raise Conflict(_STUCK)


def list_rows(store: Store, tenant: Tenant, kek_id: str) -> list[RingRow]:
    """Return the ring rows of a workspace that are wrapped with another key than this one."""
    return [row for row in store.rings(tenant.id) if row.wrapped is not None and row.kek_id != kek_id]


def _store(store: Store, meta: VaultMeta, begun: VaultMeta | None) -> None:
    try:
        store.prepare_vault(meta)
    except Conflict:
        raise Clash(_OTHER.format(kek_id=begun.kek_id if begun else "")) from None


def _give_up(store: Store, own: VaultMeta, begun: VaultMeta) -> None:
    """Let the vault be given no other key than its own, where nothing is wrapped with that one yet."""
    _store(store, own, begun)
    store.turn_vault(own, _ANY)


def _find(place: KeyProvider, vault: bytes, begun: VaultMeta | None) -> tuple[Sensitive[bytes], bytes | None]:
    """Return the new key and its keepsake: the one prepared before, one that is there, or a new one."""
    if begun is not None:
        try:
            return fetch(place, begun), begun.keepsake
        except (KeyAbsent, KeyBroken):
            pass  # prepared for another place, and perhaps given up; whether it is in use is seen later
    try:
        kek = place.fetch(vault, None)
    except KeyAbsent:
        return place.create(vault)
    if len(kek.reveal()) != envelope.KEY_SIZE:
        raise KeyBroken("What it holds is not 32 bytes long.")
    return kek, None


def _round_trips(kek: Sensitive[bytes]) -> bool:
    probe, context = os.urandom(envelope.KEY_SIZE), b"credenza.probe.v1"
    wrapped = envelope.wrap(kek.reveal(), probe, context)
    return hmac.compare_digest(envelope.unwrap(kek, wrapped, context).reveal(), probe)


def _wrap(
    vault: Vault, tenant: Tenant, rows: list[RingRow], to: VaultMeta
) -> tuple[list[tuple[RingRow, RingRow]], list[tuple[str, str]]]:
    pairs, closed = [], []
    for row in rows:
        try:
            pairs.append((row, vault.rewrap(row, to)))
        except (WrongKey, Damaged, VaultLocked) as error:
            if isinstance(error, VaultLocked) and row.kek_id == vault.meta.kek_id:
                raise  # the vault's own key is away for the moment: nothing is wrong with the row
            closed.append((tenant.slug, error.message))
    return pairs, closed


def _job(
    vault: Vault, tenant: Tenant, pairs: list[tuple[RingRow, RingRow]], by: str, at: int
) -> Callable[[Tx], int]:
    new = {(old.purpose, old.term): row for old, row in pairs}
    note = Note(by, "vault.rewrap", [(pairs[0][1].kek_id, "rewrapped", None, ())], at)

    def job(tx: Tx) -> int:
        head = tx.head()
        rows = [new.get((row.purpose, row.term), row) for row in tx.rings()]
        replaced = tx.rewrap(pairs)
        if replaced:
            # One whose own keys do not open has no audit that could be gone on with.
            with suppress(WrongKey, Damaged, VaultLocked):
                tx.append(*audit.chain(tenant, tx.stream, head, note, vault.keys(rows, tenant.id)))
        return replaced

    return job


def count_rows(store: Store, kek_id: str) -> Iterator[tuple[str, int]]:
    """Give each workspace with the number of its ring rows that are wrapped with another key."""
    for tenant in store.tenants():
        yield tenant.slug, len(list_rows(store, tenant, kek_id))
