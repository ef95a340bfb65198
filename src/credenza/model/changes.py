"""What may be asked of a workspace: the words of the one way to change it."""

from __future__ import annotations

from typing import Any

import msgspec

from credenza.errors import Problem
from credenza.model.actors import Tag
from credenza.model.cards import Card, Choice
from credenza.model.entries import CatalogueEntry
from credenza.sensitive import Sensitive

# What a record is: an integration, or one half of what some integrations refer to, or an OAuth client.
INTEGRATION, CONFIG, AUTH, CLIENT = "integration", "config", "auth_config", "auth_credentials"
OWNED = "~"  # begins the names of records that belong to papers: behind all names that anybody may choose


class TokenLimit(msgspec.Struct, frozen=True, omit_defaults=True):
    """How many tokens may be used in a period; `api` None: by all apis together.

    `period` is DAY, WEEK or MONTH.
    """

    max_tokens: int
    period: str
    api: str | None = None
    updated_at: int = 0
    updated_by: str = ""


class ApiPut(msgspec.Struct, frozen=True):
    """One model, index or table to save; what is None keeps its value."""

    api: str
    description: str | None = None
    enabled: bool | None = None
    configuration: Sensitive[dict[str, Any]] | None = None
    tags: tuple[Tag, ...] | None = None


class Source(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a managed integration has its values from: two records, by name, of its type's halves.

    `instance` is whose integration it is, `provider` what of that it is for; both are ids.
    """

    instance: str
    provider: str = ""
    config: str | None = None
    auth: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the records."""
        return tuple(name for name in (self.config, self.auth) if name is not None)


class Put(msgspec.Struct, frozen=True, kw_only=True):
    """Save one integration; what is None keeps its value, and a type of None is the one it has.

    `source` is the exact text the change was read from: the same text again is known to change nothing.
    `replace_apis` removes the apis that are not listed. `expected_version` 0 means: must not exist. Without
    `leads` no api may begin to lead to a place of its own with secrets that are kept, whoever asks.

    Of another `kind` it saves a record that belongs to a paper, by the half of the type that this names:
    `name` is then `~` and an id. An `auth_config` is sealed for where the record `bound_to` leads, a
    `config`, saved before or together with it; None: for where the type leads by itself. With `refers` it
    saves a managed integration, which has no configuration or apis of its own. `member` is the id of the
    member of an install that a new one is made as; it stays so.
    """

    name: str
    type: str | None
    category: str | None = None
    description: str | None = None
    enabled: bool | None = None
    configuration: Sensitive[dict[str, Any]] | None = None
    tags: tuple[Tag, ...] | None = None
    apis: tuple[ApiPut, ...] | None = None
    replace_apis: bool = False
    leads: bool = True
    expected_version: int | None = None
    source: Sensitive[bytes] | None = None
    kind: str = INTEGRATION
    bound_to: str | None = None
    refers: Source | None = None
    member: str = ""


class Drop(msgspec.Struct, frozen=True):
    """Remove one integration with everything it owns.

    A record that belongs to a paper is removed by its `kind`, a managed integration by whose it is.
    """

    name: str
    expected_version: int | None = None
    kind: str = INTEGRATION
    instance: str | None = None


class Park(msgspec.Struct, frozen=True):
    """Take one integration out of sight under a name that belongs to papers, or bring it back from there.

    It keeps everything it has, its history and its secrets, which are sealed for the record and not for its
    name. It is how an upgrade removes what a rollback is to bring back as it was.
    """

    name: str
    into: str
    expected_version: int | None = None


class DropApi(msgspec.Struct, frozen=True):
    """Remove one api of an integration."""

    api: str


class AddTags(msgspec.Struct, frozen=True):
    """Add labels to an integration, or to one of its apis; those it has already stay."""

    tags: tuple[Tag, ...]
    api: str | None = None


class DropTags(msgspec.Struct, frozen=True):
    """Remove labels from an integration, or from one of its apis; those it has not are no matter."""

    tags: tuple[Tag, ...]
    api: str | None = None


class AddPrompt(msgspec.Struct, frozen=True):
    """Say that a prompt may be used with an api."""

    api: str
    prompt: str


Amendment = ApiPut | DropApi | AddTags | DropTags | AddPrompt | TokenLimit


class Amend(msgspec.Struct, frozen=True, kw_only=True):
    """Change parts of an integration that is there, and leave the rest as it is."""

    name: str
    parts: tuple[Amendment, ...]
    expected_version: int | None = None


class Restore(msgspec.Struct, frozen=True):
    """Make what one integration said at an earlier version its next version."""

    name: str
    version: int
    expected_version: int | None = None


class Migrate(msgspec.Struct, frozen=True):
    """Move one integration to the version that its type has now, or mark it where it does not fit that.

    In an atomic batch one that does not fit refuses the batch, and is not marked.
    """

    name: str
    expected_version: int | None = None


class Expect(msgspec.Struct, frozen=True):
    """Refuse the batch unless the integration is at this version (0: does not exist).

    With a `kind`, it is the paper of that kind and slug. In per-item mode it fails only itself.
    """

    name: str
    version: int
    kind: str | None = None


class Rely(msgspec.Struct, frozen=True):
    """Refuse the batch unless this workspace may still read a paper of the catalogue, whoever keeps that."""

    name: str
    kind: str


class ExpectPage(msgspec.Struct, frozen=True):
    """Refuse the batch unless a page of cards still holds just these ids, in this order.

    So what a plan did because nothing, or nothing else, was there is not done where something came meanwhile.
    """

    choice: Choice
    ids: tuple[str, ...]

    @property
    def name(self) -> str:
        """Return what a receipt calls it."""
        return self.choice.kind


class Flawed(msgspec.Struct, frozen=True):
    """A change that cannot even be read; it stands in its batch so that all problems are told at once."""

    name: str
    problems: tuple[Problem, ...]


class Keep(msgspec.Struct, frozen=True, kw_only=True):
    """Save a paper: a surface's own document, such as a registered connector type.

    `slug` is its name, unique among those of its kind; `body` None removes it. An expected version of 0
    means: must not exist. `cards` are what lists know of it and of its parts, all of them; `entry` is what
    the catalogue of packages knows.
    """

    kind: str
    slug: str
    body: bytes | None
    expected_version: int | None = None
    cards: tuple[Card, ...] = ()
    entry: CatalogueEntry | None = None

    @property
    def name(self) -> str:
        """Return what a receipt calls it."""
        return self.slug


Change = Put | Drop | Amend | Restore | Migrate | Expect | ExpectPage | Rely | Keep | Park | Flawed
