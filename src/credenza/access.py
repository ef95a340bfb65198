"""Who may: roles as one table, limits as globs and tags, API keys and the short tokens made from them. Pure.

An API key reads `crdz_<id>_<secret>`, its token `crdt_<id>_<expiry>_<mac>`; the prefixes let leak scanners
find them. Of the secret only a SHA-256 is stored: 32 random bytes need no slow hash (ASVS 6.5.2).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

import msgspec

from credenza.errors import Forbidden, Unauthenticated
from credenza.model import Actor, ApiKey, Permission, Role, Tag

ROLES: dict[Role, frozenset[Permission]] = {
    Role.ADMIN: frozenset(Permission) - {Permission.OPERATE},
    Role.EDITOR: frozenset({Permission.READ, Permission.WRITE, Permission.COUNT}),
    Role.VIEWER: frozenset({Permission.READ}),
    Role.RUNTIME: frozenset({Permission.READ, Permission.REVEAL, Permission.COUNT}),
    Role.OPERATOR: frozenset({Permission.OPERATE}),
}
is_workspace = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?").fullmatch
TOKEN_MILLISECONDS = 60 * 60 * 1000
_KEY, _TOKEN = "crdz", "crdt"
_ID_BYTES, _SECRET_BYTES = 10, 32


Genuine = Callable[[ApiKey, bytes, bytes], bool]


class Credential(msgspec.Struct, frozen=True):
    """A credential taken apart, not yet believed. `expires_at` is None for an API key."""

    key_id: str
    proof: str
    expires_at: int | None = None

    def __repr__(self) -> str:
        """Show the public half."""
        return f"Credential({self.key_id})"


def allows(actor: Actor, permission: Permission) -> bool:
    """Say whether the actor's role has a permission at all."""
    return permission in ROLES[actor.role]


def require(actor: Actor, permission: Permission) -> None:
    """Let pass, or raise Forbidden with what is lacking."""
    if not allows(actor, permission):
        raise Forbidden(f"The role {actor.role.value} may not {permission.value}.")


def require_whole(actor: Actor, permission: Permission) -> None:
    """Let pass who may do this with the whole workspace, or raise Forbidden."""
    require(actor, permission)
    if actor.names or actor.tags:
        raise Forbidden("This credential is limited to some integrations; this asks for the whole workspace.")


def covers(actor: Actor, name: str, tags: tuple[Tag, ...]) -> bool:
    """Say whether a record of this name and these tags lies within the actor's limits."""
    return covers_name(actor, name) and (not actor.tags or any(tag in actor.tags for tag in tags))


def covers_name(actor: Actor, name: str) -> bool:
    """Say whether a name alone lies within the actor's limits."""
    return matches(actor.names, name)


def matches(globs: Sequence[str], name: str) -> bool:
    """Say whether a name is one of those that globs mean; without any, all are."""
    return not globs or any(fnmatchcase(name, glob) for glob in globs)


def make_key(random: bytes) -> tuple[str, str]:
    """Return the id and the secret of a new API key from 42 random bytes."""
    if len(random) != _ID_BYTES + _SECRET_BYTES:
        raise ValueError("42 random bytes are needed")
    key_id = base64.b32encode(random[:_ID_BYTES]).decode().lower()
    return key_id, _text(random[_ID_BYTES:])


def write_key(id: str, secret: str) -> str:
    """Return an API key as it is sent."""
    return f"{_KEY}_{id}_{secret}"


def hash_secret(secret: str) -> bytes:
    """Return what is stored of a key's secret."""
    return hashlib.sha256(secret.encode()).digest()


def key_bytes(key: ApiKey) -> bytes:
    """Return what the MAC of a stored key covers: a row that was put in or changed has no such MAC."""
    fields = [key.id, key.tenant.id.hex(), key.hash.hex(), key.role, key.names, key.tags, key.created_at]
    return b"credenza.apikey.v1" + msgspec.json.encode(fields)


def token_bytes(key: ApiKey, expires_at: int) -> bytes:
    """Return what the MAC of a token covers.

    It is made under the workspace's MAC key, which the store does not show: under the key's stored hash
    alone, whoever reads the store, or a backup of it, could make tokens.
    """
    return b"credenza.token.v1" + msgspec.json.encode([key.id, expires_at, key.hash.hex()])


def write_token(key: ApiKey, expires_at: int, mac: bytes) -> str:
    """Return a token for a key; nothing is stored, and it dies with the key."""
    return f"{_TOKEN}_{key.id}_{expires_at}_{_text(mac)}"


def read_credential(text: str) -> Credential:
    """Take a credential apart.

    Raises:
        Unauthenticated: it is neither a key nor a token.
    """
    prefix, _, rest = text.partition("_")
    key_id, _, proof = rest.partition("_")
    if prefix == _KEY and key_id and proof:
        return Credential(key_id, proof)
    expiry, _, mac = proof.partition("_")
    if prefix == _TOKEN and key_id and mac and expiry.isascii() and expiry.isdigit() and len(expiry) < 18:  # noqa: PLR2004
        return Credential(key_id, mac, int(expiry))
    raise _invalid()


def prove(credential: Credential, key: ApiKey | None, now: int, genuine: Genuine) -> ApiKey:
    """Return the key a credential proves to be; an unknown id costs the same work as a known one.

    `genuine` tells whether a MAC of a key's workspace is one.

    Raises:
        Unauthenticated: `expired_token`, or `invalid_token`.
    """
    known = key or _NOBODY
    expires_at = credential.expires_at
    if expires_at is None:
        good = hmac.compare_digest(hash_secret(credential.proof), known.hash)
    else:
        near = expires_at <= now + TOKEN_MILLISECONDS
        good = (
            key is not None and near and genuine(key, token_bytes(key, expires_at), _bytes(credential.proof))
        )
    if key is None or not good or key.revoked_at is not None:
        raise _invalid()
    if expires_at is not None and expires_at <= now:
        raise Unauthenticated("The token has expired; get a new one.", code="expired_token")
    return key


def _invalid() -> Unauthenticated:
    return Unauthenticated("The credential is not valid.", code="invalid_token")


def _text(raw: bytes) -> str:
    return binascii.b2a_base64(raw, newline=False).decode().translate(_URL_SAFE).rstrip("=")


def _bytes(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error):
        return b""


_URL_SAFE = str.maketrans("+/", "-_")
_NOBODY = ApiKey(
    id="",
    tenant=None,  # type: ignore[arg-type]  # stands in for an unknown key, is never handed out
    hash=bytes(32),
    role=Role.VIEWER,
    names=(),
    tags=(),
    created_at=0,
    created_by="",
)
