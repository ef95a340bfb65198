"""Packages, their versions and members as answers show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict

import msgspec

from credenza.connectors import Catalogue
from credenza.plans.packages.manifest import MemberPart
from credenza.plans.packages.packages import Package
from credenza.plans.packages.references import names_in, walk
from credenza.plans.packages.variables import Variables
from credenza.plans.packages.versions import Difference, PackageVersion
from credenza.web.templates.times import write_time, write_time_or_none


class PackageAnswer(TypedDict):
    """A package. Others than its workspace see what was published, and not who made it or how it is kept."""

    id: str
    workspaceId: str
    slug: str
    name: str
    description: str | None
    iconUrl: str | None
    publisher: str | None
    trustTier: str
    currentVersion: str | None
    currentVersionId: str | None
    manifest: dict[str, Any]
    variablesSchema: dict[str, Any] | None
    authConfig: dict[str, Any] | None
    visibility: str
    review: str | None
    createdBy: str | None
    deletedAt: str | None
    retentionTier: str | None
    createdAt: str
    updatedAt: str


class PageInfo(TypedDict):
    """Where a page lies: how many rows there are (null: more than were counted), and its cursors."""

    total: int | None
    hasNextPage: bool
    hasPreviousPage: bool
    startCursor: str | None
    endCursor: str | None


class PackageListAnswer(TypedDict):
    """A page of packages."""

    data: list[PackageAnswer]
    pageInfo: PageInfo


class TypePinAnswer(TypedDict):
    """The version of its type that a member was published against."""

    type: str
    typeVersion: int
    schemaDigest: str


class VersionAnswer(TypedDict):
    """A published version, which never changes."""

    id: str
    integrationId: str
    version: str
    manifestSnapshot: dict[str, Any]
    variablesSchemaSnapshot: dict[str, Any] | None
    authConfigSnapshot: dict[str, Any] | None
    memberEntityVersions: dict[str, TypePinAnswer]
    changelog: str | None
    publishedBy: str | None
    publishedAt: str


class PreviewAnswer(TypedDict):
    """A member that an install would make, and the variables that it takes."""

    slug: str
    name: str
    type: str
    typeVersion: int | None
    description: str | None
    default: bool
    dependsOn: list[str]
    variables: list[str]
    secretVariables: list[str]
    authConfig: bool
    apis: list[str]


class PreviewListAnswer(TypedDict):
    """Members of a package, and the schemas of their types by name."""

    members: list[PreviewAnswer]
    schemas: dict[str, Any]


class ChangedPart(TypedDict):
    """A member that was added, removed or changed, or with null what a package asks for; and its keys."""

    member: str | None
    change: str
    keys: list[str]


class PackageDifference(TypedDict):
    """How two versions differ, in words that a person reads: never a value of a secret, for there is none."""

    fromVersion: str
    toVersion: str
    changes: list[ChangedPart]
    sentences: list[str]


def show_package(
    package: Package, seen: PackageVersion | None, workspace: str, *, own: bool, operating: bool = False
) -> PackageAnswer:
    """Return a package as it is shown to its own workspace, to another, or to an operator."""
    said = package if own or seen is None else seen
    current = package.current if own else None
    return {
        "id": package.id,
        "workspaceId": workspace,
        "slug": package.slug,
        "name": package.name,
        "description": package.description,
        "iconUrl": package.icon_url,
        "publisher": package.publisher,
        "trustTier": package.trust_tier,
        "currentVersion": (current.version if current else None) if own else seen.version if seen else None,
        "currentVersionId": (current.id if current else None) if own else seen.id if seen else None,
        "manifest": msgspec.to_builtins(said.manifest),
        "variablesSchema": said.variables_schema,
        "authConfig": msgspec.to_builtins(said.auth_config),
        "visibility": package.visibility,
        "review": package.review if own or operating else None,
        "createdBy": package.created_by if own else None,
        "deletedAt": write_time_or_none(package.deleted_at) if own else None,
        "retentionTier": package.retention_tier if own else None,
        "createdAt": write_time(package.created_at),
        "updatedAt": write_time(package.updated_at),
    }


def show_version(version: PackageVersion, *, own: bool) -> VersionAnswer:
    """Return a version."""
    return {
        "id": version.id,
        "integrationId": version.package,
        "version": version.version,
        "manifestSnapshot": msgspec.to_builtins(version.manifest),
        "variablesSchemaSnapshot": version.variables_schema,
        "authConfigSnapshot": msgspec.to_builtins(version.auth_config),
        "memberEntityVersions": {
            slug: {"type": pin.type, "typeVersion": pin.version, "schemaDigest": pin.digest}
            for slug, pin in version.pins.items()
        },
        "changelog": version.changelog,
        "publishedBy": version.published_by if own else None,
        "publishedAt": write_time(version.published_at),
    }


def show_previews(
    version: PackageVersion | Package, members: Sequence[MemberPart], types: Catalogue, variables: Variables
) -> PreviewListAnswer:
    """Return the members of a package with the schemas of their types."""
    auth = version.auth_config
    schemas = {
        each.integration.type: types[each.integration.type].schema
        for each in members
        if each.integration.type in types
    }
    shown: list[PreviewAnswer] = []
    for member in members:
        said, kind = member.integration, types.get(member.integration.type)
        used = dict.fromkeys(
            name for _, text in walk(msgspec.to_builtins(said), "") for name in names_in(text)
        )
        shown.append(
            {
                "slug": member.slug,
                "name": said.name or member.slug,
                "type": said.type,
                "typeVersion": kind.version if kind else None,
                "description": said.description,
                "default": member.default,
                "dependsOn": [*member.dependsOn],
                "variables": [*used],
                "secretVariables": [name for name in used if name in variables.secrets],
                "authConfig": auth is not None and auth.covers(member),
                "apis": [api.api for api in said.apis or ()],
            }
        )
    return {"members": shown, "schemas": schemas}


def show_difference(before: str, after: str, found: Sequence[Difference]) -> PackageDifference:
    """Return how two versions differ."""
    return {
        "fromVersion": before,
        "toVersion": after,
        "changes": [
            {"member": each.member or None, "change": each.change, "keys": [*each.keys]} for each in found
        ],
        "sentences": [*map(say_difference, found)],
    }


def say_difference(found: Difference) -> str:
    """Return a difference as a sentence."""
    if found.change == "variables":
        return f"Variables: {_say_keys(found.keys)}."
    if found.change == "authConfig":
        return "What the installer brings has changed."
    if found.keys:
        return f"Member {found.member}: {_say_keys(found.keys)}."
    return f"Member {found.member} {found.change}."


def _say_keys(keys: Sequence[str]) -> str:
    words = {"+": "added", "-": "removed"}
    said = [(words.get(key[0], "changed"), key.lstrip("+-") if key[0] in words else key) for key in keys]
    groups: dict[str, list[str]] = {}
    for word, key in said:
        groups.setdefault(word, []).append(key)
    return "; ".join(f"{word} {', '.join(group)}" for word, group in groups.items())
