"""Give a vault whose key is lost a new one, and say what must be entered again.

The id of the vault stays. Every workspace gets a ring of a new term under the new key; the wrapped keys of
before are set aside, so that `recovery` can bring them back when the lost key is found. Until then what they
sealed opens for nobody.

Nothing that was signed can be proved any more: papers are signed again as they stand, API keys are revoked
or, where the operator says so, signed again, and each audit trail goes on in a new stream (`breaks`). All of
it is one transaction.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from credenza import access, breaks
from credenza.errors import Clash, Conflict, KeyAbsent, KeyBroken, KeyDenied, KeyUnreachable
from credenza.loss_ports import LossTx
from credenza.model import ApiKey, RingRow, Tenant, VaultMeta, locate
from credenza.ports import KeyProvider, Store, Tx
from credenza.sensitive import Sensitive
from credenza.vault import Ring, Vault, envelope
from credenza.vault.wrapping import describe, is_key_of
from credenza.workspace import milliseconds
from credenza.workspace.papers import sign_paper

_CHUNK = 500
_MARK = 4  # bytes
_OPENS = "The vault opens with the key that it has: nothing is lost, and nothing was changed."
_WITHHELD = "The key is there and is not handed over, so it is not lost. {why}"
_SILENT = "Nobody can tell whether the key is lost while its place does not answer. {why}"
_CHANGED = "Somebody else has given this vault a key meanwhile; look at it again with `credenza doctor`."


class Gone(NamedTuple):
    """The secrets of one integration that cannot be opened, by where people find them."""

    workspace: str
    integration: str
    keys: tuple[str, ...]


class Renewed(NamedTuple):
    """What became of a vault: its new key, and how many API keys were revoked or signed again."""

    meta: VaultMeta
    revoked: int
    kept: int
    papers: int


def list_gone(store: Store, tenant: Tenant, terms: frozenset[int] | None = None) -> Iterator[Gone]:
    """Yield what cannot be opened in a workspace: what is sealed under these terms, None: everything.

    What belongs to a surface's own document is named `~` and an id.
    """
    for owned in (False, True):
        after: str | None = None
        while True:
            found, after = store.read(tenant, partial(_look, tenant, owned, after, terms))
            yield from found
            if after is None:
                break


def require_loss(vault: Vault, provider: KeyProvider) -> None:
    """Return if a vault's key is lost.

    Raises:
        Clash: it is not: the vault opens, its key is only withheld, or its place does not answer now.
    """
    if vault.locked is None:
        raise Clash(_OPENS, code="key_not_lost")
    try:
        provider.fetch(vault.meta.id, vault.meta.keepsake)
    except KeyDenied as error:
        raise Clash(_WITHHELD.format(why=error.message), code="key_not_lost") from None
    except KeyUnreachable as error:
        raise Clash(_SILENT.format(why=error.message), code="key_not_lost") from None
    except (KeyAbsent, KeyBroken):
        pass


def reinit(  # noqa: PLR0917
    store: Store,
    provider: KeyProvider,
    old: VaultMeta,
    by: str,
    keep_keys: bool = False,
    clock: Callable[[], int] = milliseconds,
) -> Renewed:
    """Give a vault a new key, which the provider makes or has in the place of the lost one.

    Raises:
        KeyUnusable: the provider gives no new key, or not twice the same.
        Clash: it gives the very key of the vault, which then is not lost.
        Conflict: somebody else was faster.
    """
    now = clock()
    kek, keepsake = _find_new(provider, old)
    if is_key_of(kek, old):
        raise Clash(_OPENS, code="key_not_lost")
    meta = describe(old.id, kek, old.created_at, keepsake)
    vault = Vault.open(provider, meta, store.rings)
    if vault.locked is not None:
        raise KeyBroken(vault.locked)
    signing = _Signing(store, vault, by, now, keep_keys)
    try:
        store.give_up(old, meta, (now, by), signing.begin)
    except Conflict:
        raise Conflict(_CHANGED) from None
    return Renewed(meta, signing.revoked, signing.kept, signing.papers)


class _Signing:
    """What is done in each workspace; a transaction that is run again counts anew."""

    def __init__(self, store: Store, vault: Vault, by: str, now: int, keep_keys: bool) -> None:
        self._vault = vault
        self._by = by
        self._now = now
        self._keep_keys = keep_keys
        self._keys = {tenant.id: store.api_keys(tenant) for tenant in store.tenants()}
        self._terms = {
            tenant.id: 1 + max((row.term for row in store.rings(tenant.id)), default=0)
            for tenant in store.tenants()
        }
        self._done: dict[bytes, tuple[int, int, int]] = {}

    @property
    def revoked(self) -> int:
        return sum(revoked for revoked, _, _ in self._done.values())

    @property
    def kept(self) -> int:
        return sum(kept for _, kept, _ in self._done.values())

    @property
    def papers(self) -> int:
        return sum(papers for _, _, papers in self._done.values())

    def begin(self, tenant: Tenant, tx: LossTx) -> Sequence[RingRow]:
        rows = self._vault.new_rings(tenant.id, self._now, self._terms.get(tenant.id, 1))
        ring = self._vault.keys(rows, tenant.id)
        papers = 0
        for paper in tx.all_papers():
            tx.resign_paper(sign_paper(tenant, paper, ring))
            papers += 1
        kept = self._sign_keys(tx, ring, self._keys.get(tenant.id, ())) if self._keep_keys else 0
        revoked = 0 if self._keep_keys else tx.revoke_keys(self._now)
        signing = breaks.Signing(self._by, self._now, secrets.token_hex(_MARK), ring)
        tx.append(*breaks.begin(tenant, tx.trail(), tx.heads(), signing))
        self._done[tenant.id] = (revoked, kept, papers)
        return rows

    def _sign_keys(self, tx: LossTx, ring: Ring, keys: Sequence[ApiKey]) -> int:
        live = [key for key in keys if key.revoked_at is None]
        for key in live:
            tx.resign_key(key.id, ring.sign(access.key_bytes(key)))
        return len(live)


def _find_new(provider: KeyProvider, old: VaultMeta) -> tuple[Sensitive[bytes], bytes | None]:
    """Return the new key and its keepsake: one that is there already, or else one that is made.

    So a run that was cut off goes on with the key that it had made.
    """
    try:
        kek = provider.fetch(old.id, None)
    except KeyAbsent:
        return provider.create(old.id)
    except KeyBroken:
        # Whatever is there is no key; the provider says so, or makes one where nothing is in the way.
        return provider.create(old.id)
    if len(kek.reveal()) != envelope.KEY_SIZE:
        raise KeyBroken("What it holds is not 32 bytes long.")
    return kek, None


def _look(
    tenant: Tenant, owned: bool, after: str | None, terms: frozenset[int] | None, tx: Tx
) -> tuple[list[Gone], str | None]:
    records = list(tx.page(owned=owned, after=after, limit=_CHUNK))
    held = tx.held([record.row for record in records])
    found = []
    for record in records:
        paths = [
            path
            for path, secret in held.get(record.row, {}).items()
            if terms is None or envelope.read_term(secret.blob) in terms
        ]
        if paths:
            found.append(Gone(tenant.slug, record.name, tuple(sorted(map(locate, paths)))))
    return found, records[-1].name if len(records) == _CHUNK else None


def list_keys(store: Store, tenant: Tenant) -> list[ApiKey]:
    """Return the API keys of a workspace that are in force."""
    return [key for key in store.api_keys(tenant) if key.revoked_at is None]
