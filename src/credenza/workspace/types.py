"""The connector types of each workspace: the shipped ones, and those it has registered itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import msgspec

from credenza.connectors import Catalogue, ConnectorType
from credenza.connectors.registration import compile_type
from credenza.errors import Conflict, VaultLocked
from credenza.model import Paper, Tenant
from credenza.ports import Store, Subject, Tx
from credenza.vault import Vault
from credenza.workspace.papers import TYPE, is_genuine

GOOD_SECONDS = 5.0
# Between two looks where any commit may have changed a type, and after one that could not verify all.
AGAIN_SECONDS = 0.25
Signed = Mapping[str, tuple[bytes, ConnectorType]]


class OwnCatalogue(Catalogue):
    """The shipped types and those of one workspace, with the MAC of the paper that each was made from."""

    def __init__(self, shipped: Catalogue, own: Signed, forget: Callable[[], None]) -> None:
        """Take the types, and what is to be called when they are found to be out of date."""
        super().__init__({slug: type_ for slug, (_, type_) in own.items()} | {**shipped}, shipped.api)
        self._macs = {slug: mac for slug, (mac, _) in own.items() if slug not in shipped}
        self._forget = forget

    def confirm(self, tx: Tx, names: Iterable[str]) -> None:
        """Return if these types are what they were when they were read.

        Raises:
            Conflict: one was replaced or removed since; the next catalogue knows.
        """
        whole = {name.partition("#")[0] for name in names} if self._macs else set()
        macs = {name: self._macs[name] for name in whole if name in self._macs}
        if macs and macs != {slug: paper.mac for slug, paper in tx.papers(TYPE, [*macs]).items()}:
            self._forget()
            raise Conflict


class _Seen(NamedTuple):
    good_until: float
    certain_until: float
    revision: tuple[int, bool]
    types: Signed
    catalogue: Catalogue


class Types:
    """Catalogues by workspace; what another process registers is known as soon as the store hears of it.

    In an embedded store, where nothing but the number of commits is heard of, that is a quarter of a second.
    """

    def __init__(self, shipped: Catalogue, store: Store, vault: Vault) -> None:
        """Take the types that every workspace has."""
        self.shipped = shipped
        self._store = store
        self._vault = vault
        self._seen: dict[int, _Seen] = {}

    def of(self, tenant: Tenant) -> Catalogue:
        """Return the types of one workspace."""
        now = time.monotonic()
        revision = self._store.revision(Subject.TYPES), self._vault.locked is None
        seen = self._seen.get(tenant.row)
        if seen is not None and now < (seen.good_until if seen.revision == revision else seen.certain_until):
            return seen.catalogue
        found = self._store.read(tenant, lambda tx: tx.papers(TYPE))
        papers = self._genuine(tenant, found)
        known = seen.types if seen else {}
        types = {slug: _compile(paper, known.get(slug)) for slug, paper in papers.items()}
        if seen is not None and types == known:
            catalogue = seen.catalogue
        else:
            catalogue = OwnCatalogue(self.shipped, types, lambda: self.forget(tenant))
        good_until = now + (GOOD_SECONDS if len(papers) == len(found) else AGAIN_SECONDS)
        certain_until = now + AGAIN_SECONDS if self._store.is_near else now
        self._seen[tenant.row] = _Seen(good_until, certain_until, revision, types, catalogue)
        return catalogue

    def forget(self, tenant: Tenant) -> None:
        """Look at a workspace's types anew when they are asked for next."""
        seen = self._seen.get(tenant.row)
        if seen is not None:
            self._seen[tenant.row] = seen._replace(good_until=0.0, certain_until=0.0)

    def _genuine(self, tenant: Tenant, papers: Mapping[str, Paper]) -> Mapping[str, Paper]:
        """Return the papers that are as they were kept; without the vault's key nobody can tell."""
        if not papers:
            return papers
        try:
            ring = self._vault.ring(tenant.id)
        except VaultLocked:
            return {}
        return {slug: paper for slug, paper in papers.items() if is_genuine(tenant, paper, ring)}


def _compile(paper: Paper, known: tuple[bytes, ConnectorType] | None) -> tuple[bytes, ConnectorType]:
    if known is not None and known[0] == paper.mac:
        return known
    return paper.mac, compile_type(msgspec.json.decode(paper.body))
