"""Workspaces and API keys: the only verbs that are not confined to one workspace."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import msgspec

from credenza import access, audit
from credenza.errors import (
    Conflict,
    Damaged,
    Invalid,
    NotFound,
    Problem,
    TermRetired,
    Unauthenticated,
    VaultLocked,
    WrongKey,
)
from credenza.ids import new_ids
from credenza.model import Actor, ApiKey, Role, Tag, Tenant
from credenza.ports import Store, Tx
from credenza.sensitive import Sensitive
from credenza.trail import Note
from credenza.vault import Vault
from credenza.workspace import Policy

DEFAULT = "default"
_RANDOM = 42
_MOST_SEEN = 10_000
_KEY = "key:"  # what the names of actors with a key begin with


class NewKey(msgspec.Struct, frozen=True):
    """A key at the only moment its secret is known: the id, the secret, and both as they are sent."""

    key: ApiKey
    secret: Sensitive[str]
    token: Sensitive[str]


class Accounts:
    """Who there is: the workspaces of a store and the keys to them. `by` is named in the audit."""

    def __init__(self, store: Store, vault: Vault, policy: Policy) -> None:
        """Bind a store and the vault its rings come from."""
        self._store = store
        self._vault = vault
        self._clock = policy.clock
        self._seen: dict[str, ApiKey] = {}  # verified already, as the very objects the store gave

    def create_workspace(self, slug: str, *, by: str) -> Tenant:
        """Add a workspace with a key ring of its own.

        Raises:
            Invalid: the slug is not one.
            Conflict: it is taken.
            VaultLocked: no ring can be made without the vault's key.
        """
        if access.is_workspace(slug) is None:
            message = "A workspace has 1 to 63 lower-case letters, digits and inner dashes."
            raise Invalid(message, problems=[Problem("invalid_name", message, "/workspace", "pattern")])
        now = self._clock()
        tenant = Tenant(0, new_ids(now, 1)[0], slug, now)
        try:
            return self._add(tenant, by)
        except TermRetired:  # the vault has been given another key
            self._vault.renew()
            return self._add(tenant, by)

    def _add(self, tenant: Tenant, by: str) -> Tenant:
        now = tenant.created_at
        rows = self._vault.new_rings(tenant.id, now)
        ring = self._vault.keys(rows, tenant.id)
        note = Note(by, audit.BEGINNING, [(tenant.slug, "created", None, ())], now)

        def begin(tx: Tx) -> None:
            tx.append(*audit.chain(tenant, tx.stream, None, note, ring))

        return self._store.add_tenant(tenant, rows, begin)

    def ensure_workspace(self, slug: str, *, by: str) -> Tenant:
        """Return a workspace, adding it where it is missing."""
        try:
            return self.workspace(slug)
        except NotFound:
            try:
                return self.create_workspace(slug, by=by)
            except Conflict:  # another process was faster
                return self.workspace(slug)

    def workspaces(self) -> Sequence[Tenant]:
        """Return all workspaces in order of their slugs."""
        return self._store.tenants()

    def find_workspace(self, id: bytes) -> Tenant | None:
        """Return the workspace of an id; None: there is none."""
        return self._store.tenant(id)

    def workspace(self, slug: str) -> Tenant:
        """Return one workspace; raises NotFound."""
        found = [tenant for tenant in self._store.tenants() if tenant.slug == slug]
        if not found:
            raise NotFound("There is no workspace of this name.")
        return found[0]

    def create_key(
        self,
        tenant: Tenant,
        role: Role,
        *,
        names: Sequence[str] = (),
        tags: Sequence[Tag] = (),
        by: str,
    ) -> NewKey:
        """Make an API key for one workspace; its secret is returned here and never again."""
        name, secret = access.make_key(os.urandom(_RANDOM))
        key = ApiKey(
            id=name,
            tenant=tenant,
            hash=access.hash_secret(secret),
            role=role,
            names=tuple(names),
            tags=tuple(tags),
            created_at=self._clock(),
            created_by=by,
        )
        ring = self._vault.ring(tenant.id)
        key = msgspec.structs.replace(key, mac=ring.sign(access.key_bytes(key)))
        self._store.add_api_key(key, self._tell(tenant, by, "apikey.create", "created", name))
        return NewKey(key, Sensitive(secret), Sensitive(access.write_key(name, secret)))

    def keys(self, tenant: Tenant) -> Sequence[ApiKey]:
        """Return the keys of a workspace, oldest first, revoked ones too."""
        return self._store.api_keys(tenant)

    def revoke_key(self, tenant: Tenant, id: str, *, by: str) -> None:
        """Make a key and every token of it useless.

        Raises:
            NotFound: there is no such key in this workspace.
            VaultLocked: it is revoked, and the audit could not be told.
        """
        try:
            tell, why = self._tell(tenant, by, "apikey.revoke", "revoked", id), None
        except VaultLocked as error:
            tell, why = None, error.message
        if not self._store.revoke_api_key(tenant, id, self._clock(), tell):
            raise NotFound("There is no API key of this id in this workspace.")
        if why is not None:
            raise VaultLocked(f"The key is revoked; only the audit could not be told of it. {why}")

    def authenticate(self, credential: str) -> Actor:
        """Return who a credential proves to be.

        Raises:
            Unauthenticated: it is malformed, wrong, revoked or expired.
        """
        return _make_actor(self._prove(access.read_credential(credential)))

    def find_actor(self, tenant: Tenant, name: str) -> Actor | None:
        """Return who a key of a workspace is, by the name it acts under; None: it is none in force."""
        key = self._store.api_key(name.removeprefix(_KEY)) if name.startswith(_KEY) else None
        if key is None or key.tenant.id != tenant.id or key.revoked_at is not None:
            return None
        return _make_actor(key) if self._is_as_made(key) else None

    def issue_token(self, id: str, secret: str, lifetime: int | None = None) -> str:
        """Return a token for a key, good for `lifetime` milliseconds, at most an hour; nothing is written.

        Raises:
            Unauthenticated: id and secret do not belong together.
        """
        now = self._clock()
        claimed = access.Credential(id, secret)
        try:
            key = self._prove(claimed)
        except Unauthenticated:
            raise Unauthenticated("The key id or its secret is not valid.", code="invalid_token") from None
        longest = access.TOKEN_MILLISECONDS
        asked = longest if lifetime is None or lifetime < 0 else lifetime
        expires_at = now + min(asked, longest)
        mac = self._vault.ring(key.tenant.id).sign(access.token_bytes(key, expires_at))
        return access.write_token(key, expires_at, mac)

    def _prove(self, claimed: access.Credential) -> ApiKey:
        key = access.prove(claimed, self._store.api_key(claimed.key_id), self._clock(), self._genuine)
        if not self._is_as_made(key):
            raise Unauthenticated("The credential is not valid.", code="invalid_token")
        return key

    def _is_as_made(self, key: ApiKey) -> bool:
        # Without the vault's key there is nothing to verify with, and nothing secret to be read either.
        if self._vault.locked is None and self._seen.get(key.id) is not key:
            if not self._genuine(key, access.key_bytes(key), key.mac):
                return False
            if len(self._seen) >= _MOST_SEEN:
                self._seen.clear()
            self._seen[key.id] = key
        return True

    def _genuine(self, key: ApiKey, data: bytes, mac: bytes) -> bool:
        try:
            self._vault.ring(key.tenant.id).verify(data, mac)
        except (Damaged, WrongKey):
            return False
        return True

    def _tell(self, tenant: Tenant, by: str, verb: str, result: str, id: str) -> Callable[[Tx], None]:
        ring = self._vault.ring(tenant.id)
        note = Note(by, verb, [(id, result, None, ())], self._clock())

        def tell(tx: Tx) -> None:
            tx.append(*audit.chain(tenant, tx.stream, tx.head(), note, ring))

        return tell


def _make_actor(key: ApiKey) -> Actor:
    return Actor(key.tenant, f"{_KEY}{key.id}", key.role, key.names, key.tags)
