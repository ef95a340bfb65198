"""The words of the project as frozen values: who acts, what changes, what is stored, what is answered.

Times are milliseconds since the epoch, ids are 16 bytes (UUIDv7, RFC 9562), `row` numbers stay
inside a store.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from credenza.errors import Damaged, Problem
from credenza.sensitive import Sensitive

CATEGORIES = (
    "API",
    "AI_MODEL",
    "VECTOR_DB",
    "RELATIONAL_DB",
    "MESSAGE_BROKER",
    "CLOUD",
    "GIT",
    "EMAIL",
    "MCP",
    "EVENT_SOURCE",
)


class Tenant(msgspec.Struct, frozen=True):
    """A workspace as a store knows it: the slug is its id on the wire."""

    row: int
    id: bytes
    slug: str
    created_at: int


class Permission(StrEnum):
    """What a role may allow."""

    READ = "read"
    WRITE = "write"
    REVEAL = "reveal"
    ADMINISTER = "administer"
    OPERATE = "operate"


class Role(StrEnum):
    """A named set of permissions; the table is in `access`."""

    ADMIN = "admin"
    EDITOR = "editor"
    VIEWER = "viewer"
    RUNTIME = "runtime"
    OPERATOR = "operator"


class Tag(NamedTuple):
    """A label of a record; a record may carry one key with several values."""

    key: str
    value: str


class Actor(msgspec.Struct, frozen=True):
    """Who acts, in which workspace, and within which limits.

    `name` is what audit and history show (`key:<id>`, `cli:<user>`). Limits: any glob of `names`
    and any of `tags` must match, where given.
    """

    tenant: Tenant
    name: str
    role: Role
    names: tuple[str, ...] = ()
    tags: tuple[Tag, ...] = ()


class ApiKey(msgspec.Struct, frozen=True):
    """An API key as it is stored: of the secret only the SHA-256, and a MAC over the whole row."""

    id: str
    tenant: Tenant
    hash: bytes
    role: Role
    names: tuple[str, ...]
    tags: tuple[Tag, ...]
    created_at: int
    created_by: str
    revoked_at: int | None = None
    mac: bytes = b""


class ApiPut(msgspec.Struct, frozen=True):
    """One model, index or table to save; what is None keeps its value."""

    api: str
    description: str | None = None
    enabled: bool | None = None


class Put(msgspec.Struct, frozen=True, kw_only=True):
    """Save one integration; what is None keeps its value.

    `source` is the exact text the change was read from: the same text again is known to change nothing.
    `replace_apis` removes the apis that are not listed. `expected_version` 0 means: must not exist.
    """

    name: str
    type: str
    category: str | None = None
    description: str | None = None
    enabled: bool | None = None
    configuration: Sensitive[dict[str, Any]] | None = None
    tags: tuple[Tag, ...] | None = None
    apis: tuple[ApiPut, ...] | None = None
    replace_apis: bool = False
    expected_version: int | None = None
    source: Sensitive[bytes] | None = None


class Drop(msgspec.Struct, frozen=True):
    """Remove one integration with everything it owns."""

    name: str
    expected_version: int | None = None


class Restore(msgspec.Struct, frozen=True):
    """Make what one integration said at an earlier version its next version."""

    name: str
    version: int
    expected_version: int | None = None


class Expect(msgspec.Struct, frozen=True):
    """Refuse the batch unless the integration is at this version (0: does not exist).

    In per-item mode it fails only itself.
    """

    name: str
    version: int


class Flawed(msgspec.Struct, frozen=True):
    """A change that cannot even be read; it stands in its batch so that all problems are told at once."""

    name: str
    problems: tuple[Problem, ...]


Change = Put | Drop | Restore | Expect | Flawed


class Api(msgspec.Struct, frozen=True, omit_defaults=True):
    """One stored child record."""

    api: str
    created_at: int
    created_by: str
    updated_at: int
    updated_by: str
    description: str | None = None
    enabled: bool = True


class SecretRef(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a snapshot says of a secret: that it is there, its version and when it was set.

    `redacted` is the public form of a URL or connection string that was sealed as a whole.
    """

    version: int
    updated_at: int
    redacted: str | None = None


class Document(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one version of a record says: everything but name, type and secret values.

    `configuration` holds the public values, `secrets` a reference by JSON Pointer for each sealed one,
    `missing` the pointers a lenient save left out.
    """

    category: str
    configuration: dict[str, Any]
    secrets: dict[str, SecretRef] = {}
    description: str | None = None
    enabled: bool = True
    tags: tuple[Tag, ...] = ()
    apis: tuple[Api, ...] = ()
    missing: tuple[str, ...] = ()


_read_document = msgspec.json.Decoder(Document).decode


def _decode_document(body: bytes) -> Document:
    try:
        return _read_document(body)
    except msgspec.DecodeError:
        raise Damaged("A record of the store cannot be read any longer.") from None


class Record(msgspec.Struct, frozen=True):
    """One integration at its current version; `body` is its `Document` as JSON, read when it is needed."""

    row: int
    id: bytes
    name: str
    type: str
    category: str
    description: str | None
    enabled: bool
    version: int
    digest: bytes | None
    created_at: int
    created_by: str
    updated_at: int
    updated_by: str
    body: bytes

    def document(self) -> Document:
        """Decode the body; raises Damaged where it was changed behind the program's back."""
        return _decode_document(self.body)


class Secret(msgspec.Struct, frozen=True):
    """One sealed value with all that its context is rebuilt from, but the owner.

    `destination` is the SHA-256 of where the value may be sent, under the rule numbered `rule`.
    """

    id: bytes
    path: str
    version: int
    destination: bytes
    rule: int
    fingerprint: bytes
    blob: bytes


class Edit(msgspec.Struct, frozen=True):
    """One secret or key path that a change touched, and how: never a value."""

    pointer: str
    change: str


class Write(msgspec.Struct, frozen=True):
    """One record's next version, ready for a store.

    `before` is the version that was read (None: must not exist) and is compared when it is written;
    `secrets` are new sealed values, `retired` the paths whose current value is current no longer,
    `restored` secrets of earlier versions that become current again, as (path, version).
    """

    before: Record | None
    record: Record
    document: Document
    edits: tuple[Edit, ...]
    secrets: tuple[Secret, ...] = ()
    retired: tuple[str, ...] = ()
    restored: tuple[tuple[str, int], ...] = ()
    children: bool = True


class Version(msgspec.Struct, frozen=True):
    """One entry of a record's history; `body` is its `Document` as JSON, read when it is needed."""

    version: int
    created_at: int
    created_by: str
    edits: tuple[Edit, ...]
    body: bytes

    def document(self) -> Document:
        """Decode the body; raises Damaged where it was changed behind the program's back."""
        return _decode_document(self.body)


class Item(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one change: names, versions, key paths and words, never a value.

    `result` is created, updated, unchanged, deleted or failed; `changed` lists key paths, `secrets`
    says by path: set, replaced, unchanged, kept, cleared or provided.
    """

    name: str | None
    result: str
    version: int | None = None
    changed: tuple[str, ...] = ()
    secrets: Mapping[str, str] = {}
    missing: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


class Receipt(msgspec.Struct, frozen=True):
    """The answer to a batch, one item per change, in order."""

    items: tuple[Item, ...]
    dry_run: bool = False


class VaultMeta(msgspec.Struct, frozen=True):
    """What a store says of its vault. `keepsake` belongs to the key provider (a wrapped key, or nothing)."""

    id: bytes
    format: int
    created_at: int
    kek_id: str
    check: bytes
    keepsake: bytes | None = None


class RingRow(msgspec.Struct, frozen=True):
    """One wrapped data key of a workspace: purpose `dek`, `fpk` or `mak`, and its term.

    `state` is pre_active, active, decrypt_only or destroyed; `wrapped` is None once destroyed.
    """

    workspace: bytes
    purpose: str
    term: int
    state: str
    kek_id: str
    wrapped: bytes | None
    created_at: int
    seals: int = 0
