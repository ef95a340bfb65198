"""What is stored of integrations and of the papers of surfaces."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from credenza.errors import Damaged, Problem
from credenza.model.actors import Tag, Tenant
from credenza.model.changes import Source, TokenLimit
from credenza.pointers import escape

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
NAME_RULE = (
    "A name has 1 to 128 letters, digits, dots, dashes, underscores or spaces, begins with a letter or "
    "digit and does not end with a space."
)
is_name = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._ -]{0,126}[A-Za-z0-9._-])?").fullmatch


class SecretRef(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a snapshot says of a secret: that it is there, its version and when it was set.

    `redacted` is the public form of a URL or connection string that was sealed as a whole.
    """

    version: int
    updated_at: int
    redacted: str | None = None


class Prompt(msgspec.Struct, frozen=True):
    """A prompt that may be used with an api."""

    name: str
    created_at: int
    created_by: str


class Api(msgspec.Struct, frozen=True, omit_defaults=True):
    """One stored child record; `secrets` are by JSON Pointer into its own configuration."""

    api: str
    created_at: int
    created_by: str
    updated_at: int
    updated_by: str
    description: str | None = None
    enabled: bool = True
    configuration: dict[str, Any] = {}
    secrets: dict[str, SecretRef] = {}
    tags: tuple[Tag, ...] = ()
    prompts: tuple[Prompt, ...] = ()


class Document(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one version of a record says: everything but name, type and secret values.

    `configuration` holds the public values, `secrets` a reference by JSON Pointer for each sealed one,
    `missing` the pointers a lenient save left out. `type_version` is the version of the type that all this
    was saved under; `unfit` says why a migration to a later one found that it does not fit. A managed
    integration has its values from its `source`. `binding` is for where else the secrets were sealed.
    `member` is the id of the member of an install that it was made as.
    """

    category: str
    configuration: dict[str, Any]
    secrets: dict[str, SecretRef] = {}
    description: str | None = None
    enabled: bool = True
    tags: tuple[Tag, ...] = ()
    apis: tuple[Api, ...] = ()
    missing: tuple[str, ...] = ()
    limits: tuple[TokenLimit, ...] = ()
    type_version: int = 1
    unfit: tuple[Problem, ...] = ()
    source: Source | None = None
    binding: bytes = b""
    member: str = ""

    def references(self) -> dict[str, SecretRef]:
        """Return all its secrets, those of its apis too, by the path under which they are stored."""
        found = dict(self.secrets)
        for api in self.apis:
            if api.secrets:
                found |= {nest(api.api, pointer): ref for pointer, ref in api.secrets.items()}
        return found


def nest(api: str, pointer: str) -> str:
    """Return the path under which a secret of an api is stored; no configuration key begins with `$`."""
    return f"{_NESTED}{escape(api)}{pointer}"


def locate(path: str) -> str:
    """Return the JSON Pointer at which people find a stored secret, in the integration as reads show it."""
    if not path.startswith(_NESTED):
        return f"/configuration{path}"
    api, _, rest = path.removeprefix(_NESTED).partition("/")
    return f"/apis/{api}/configuration/{rest}"


class Paper(msgspec.Struct, frozen=True):
    """A surface's own document as a store keeps it; `mac` signs all the rest."""

    kind: str
    slug: str
    version: int
    created_at: int
    created_by: str
    updated_at: int
    updated_by: str
    body: bytes
    mac: bytes = b""


class Shared(NamedTuple):
    """A paper of some workspace that another one may read."""

    tenant: Tenant
    paper: Paper


class Usage(msgspec.Struct, frozen=True):
    """The tokens an api used in one day, which begins at `period`; `total` may be more than is split."""

    api: str
    period: int
    prompt: int
    completion: int
    total: int


_NESTED = "/$apis/"
_SOURCE = b'"source":{'
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
    type_version: int = 1

    def document(self) -> Document:
        """Decode the body; raises Damaged where it was changed behind the program's back."""
        return _decode_document(self.body)

    def source(self) -> Source | None:
        """Return where a managed integration has its values from; None: it has its own. Raises Damaged."""
        # At a glance, as nearly always: what is found may still be a key of a configuration.
        return self.document().source if _SOURCE in self.body else None


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
    `restored` secrets of earlier versions that become current again, as (path, version); `scrubbed` are
    bodies of earlier versions without what has become a secret since, as (version, body); a store goes
    through them once, in the transaction.
    """

    before: Record | None
    record: Record
    document: Document
    edits: tuple[Edit, ...]
    secrets: tuple[Secret, ...] = ()
    retired: tuple[str, ...] = ()
    restored: tuple[tuple[str, int], ...] = ()
    scrubbed: Iterable[tuple[int, bytes]] = ()
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
