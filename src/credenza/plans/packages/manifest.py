"""The manifest of a package: its members, each an integration as in a bulk save, with variables in its texts.

    {"members": [{"slug": "chat", "default": true, "dependsOn": ["store"],
                  "integration": {"name": "${variables.prefix}-chat", "type": "openai",
                                  "configuration": {"api_key": "${variables.key}"},
                                  "apis": [{"api": "gpt-4o"}]}}]}

In a manifest no field that reads carry and saves ignore has a place, nor a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from typing import Any

import msgspec

from credenza.errors import Problem
from credenza.plans.packages.references import is_name as is_variable
from credenza.plans.packages.references import names_in, walk
from credenza.plans.packages.variables import Variables

MAX_MEMBERS, MAX_MANIFEST = 1_000, 1 << 20  # bytes
SLUG = r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?"
is_slug = re.compile(SLUG).fullmatch
SLUG_RULE = "1 to 63 lower-case letters, digits, `_` and inner dashes"


class TagPart(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A label of a member."""

    key: str
    value: str


class ApiPart(msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """A model, index or table of a member."""

    api: str
    description: str | None = None
    enabled: bool | None = None
    configuration: dict[str, Any] | None = None
    tags: tuple[TagPart, ...] | None = None

    def __repr__(self) -> str:
        """Show nothing of the configuration."""
        return "<api>"


class IntegrationPart(
    msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True, kw_only=True
):
    """The integration that a member becomes; without a name, it is called as the member's slug."""

    type: str
    name: str | None = None
    category: str | None = None
    description: str | None = None
    enabled: bool | None = None
    configuration: dict[str, Any] = {}
    tags: tuple[TagPart, ...] | None = None
    apis: tuple[ApiPart, ...] | None = None

    def __repr__(self) -> str:
        """Show nothing of the configuration."""
        return "<member>"


class MemberPart(msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True, kw_only=True):
    """A member: what it is called in the package, and what it needs to be there as well."""

    slug: str
    integration: IntegrationPart
    default: bool = True
    dependsOn: tuple[str, ...] = ()  # noqa: N815


class Manifest(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """All members of a package."""

    members: tuple[MemberPart, ...] = ()

    def find(self, slug: str) -> MemberPart | None:
        """Return a member by its slug."""
        return next((member for member in self.members if member.slug == slug), None)


class AuthPart(msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """What an installer brings: an auth config of a provider, for those members that are of its type."""

    provider: str
    members: tuple[str, ...] | None = None
    required: bool = True

    def covers(self, member: MemberPart) -> bool:
        """Tell whether a member has its secrets from what is brought."""
        named = self.members is None or member.slug in self.members
        return named and member.integration.type == self.provider


def check_shape(manifest: Manifest, auth: AuthPart | None, variables: Variables) -> Iterator[Problem]:
    """Return what is wrong with a manifest whatever the types of its members say."""
    if len(manifest.members) > MAX_MEMBERS:
        message = f"A package has at most {MAX_MEMBERS:,} members."
        yield Problem("too_many", message, "/manifest/members", "maxItems")
        return
    if len(msgspec.json.encode(manifest)) > MAX_MANIFEST:
        message = f"A manifest has at most {MAX_MANIFEST >> 20} MiB."
        yield Problem("too_long", message, "/manifest", "maxLength")
        return
    yield from _check_slugs(manifest)
    yield from _check_order(manifest)
    yield from _check_auth(manifest, auth)
    yield from _check_references(manifest, variables)


def _check_slugs(manifest: Manifest) -> Iterator[Problem]:
    seen: set[str] = set()
    for position, member in enumerate(manifest.members):
        pointer = f"/manifest/members/{position}/slug"
        if is_slug(member.slug) is None:
            yield Problem("invalid_slug", f"A slug is {SLUG_RULE}.", pointer, "pattern")
        elif member.slug in seen:
            yield Problem("duplicate_slug", "Two members have this slug.", pointer, "uniqueItems")
        seen.add(member.slug)


def _check_order(manifest: Manifest) -> Iterator[Problem]:
    slugs = {member.slug for member in manifest.members}
    for position, member in enumerate(manifest.members):
        for place, slug in enumerate(member.dependsOn):
            if slug not in slugs:
                pointer = f"/manifest/members/{position}/dependsOn/{place}"
                yield Problem("unknown_member", "There is no member of this slug.", pointer, "reference")
    try:
        TopologicalSorter({member.slug: member.dependsOn for member in manifest.members}).prepare()
    except CycleError as error:
        circle = [slug for slug in error.args[1] if is_slug(slug)]
        message = f"Members depend on one another in a circle: {' -> '.join(circle)}."
        yield Problem("dependency_cycle", message, "/manifest/members", "dependsOn")


def _check_auth(manifest: Manifest, auth: AuthPart | None) -> Iterator[Problem]:
    if auth is None:
        return
    for place, slug in enumerate(auth.members or ()):
        member, pointer = manifest.find(slug), f"/authConfig/members/{place}"
        if member is None:
            yield Problem("unknown_member", "There is no member of this slug.", pointer, "reference")
        elif member.integration.type != auth.provider:
            message = "This member is of another type than what is to be brought."
            yield Problem("wrong_type", message, pointer, "const")


def _check_references(manifest: Manifest, variables: Variables) -> Iterator[Problem]:
    used: set[str] = set()
    for pointer, text in walk(msgspec.to_builtins(manifest), "/manifest"):
        for name in names_in(text):
            used.add(name)
            if not is_variable(name):
                message = "A reference reads ${variables.name}; write $${ for the characters themselves."
                yield Problem("invalid_reference", message, pointer, "pattern")
            elif name not in variables.names:
                message = f"The variable {name} is not declared in variablesSchema."
                yield Problem("undeclared_variable", message, pointer, "reference")
    for name in variables.names if manifest.members else ():
        if name not in used:
            message = f"The variable {name} is used by no member."
            yield Problem("unused_variable", message, f"/variablesSchema/properties/{name}", "reference")
