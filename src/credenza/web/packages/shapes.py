"""Packages, versions and installs as answers show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NotRequired, TypedDict

import msgspec

from credenza.connectors import Catalogue
from credenza.model import Record
from credenza.plans.packages.installs import Install, InstalledMember
from credenza.plans.packages.manifest import MemberPart
from credenza.plans.packages.packages import Package
from credenza.plans.packages.references import names_in, walk
from credenza.plans.packages.upgrades import ADDED, REMOVED, RESTORED, SKIPPED, UPDATED, Outcome, Upgrade
from credenza.plans.packages.variables import Variables
from credenza.plans.packages.versions import Difference, PackageVersion
from credenza.web.templates.times import write_time, write_time_or_none

PRESENCE = "$secret"


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


class VersionAnswer(TypedDict):
    """A published version, which never changes."""

    id: str
    integrationId: str
    version: str
    manifestSnapshot: dict[str, Any]
    variablesSchemaSnapshot: dict[str, Any] | None
    authConfigSnapshot: dict[str, Any] | None
    memberEntityVersions: dict[str, Any]
    changelog: str | None
    publishedBy: str | None
    publishedAt: str


class InstallAnswer(TypedDict):
    """An install. Of its secret variables it says that they were given."""

    id: str
    integrationId: str
    integrationVersionId: str
    workspaceId: str
    variables: dict[str, Any]
    authStateId: str | None
    memberPolicy: str
    parentInstallId: str | None
    solutionId: None
    installedBy: str
    installedAt: str
    lastUpgradedAt: str | None
    deletedAt: str | None
    retentionTier: str
    version: str
    members: NotRequired[list[OutcomeAnswer]]
    dryRun: NotRequired[bool]


class ConflictAnswer(TypedDict):
    """A key that the package and the workspace both changed, who wins, and why."""

    pointer: str
    winner: str
    reason: str


class OutcomeAnswer(TypedDict):
    """What becomes, or would become, of a member: keys and words, never a value."""

    slug: str
    name: str
    type: str
    result: str
    changes: list[dict[str, str]]
    conflicts: list[ConflictAnswer]
    reason: NotRequired[str]


class UpgradeAnswer(TypedDict):
    """What an upgrade did, or would do, by the slugs of members."""

    updated: list[str]
    added: list[str]
    removed: list[str]
    skipped: list[str]
    fromVersion: str
    toVersion: str
    members: list[OutcomeAnswer]
    dryRun: bool


class MemberAnswer(TypedDict):
    """A member of an install: its integration, whether upgrades pass it over, and how it stands.

    `configState` is complete, incomplete, needs_reconfiguration or missing; `modified` are pointers to what
    was changed here since.
    """

    id: str
    installId: str
    slug: str
    name: str
    type: str
    detached: bool
    configState: str
    missing: list[str]
    modified: list[str]
    version: int | None


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


class DifferenceAnswer(TypedDict):
    """How two versions differ, in words that a person reads: never a value of a secret, for there is none."""

    fromVersion: str
    toVersion: str
    changes: list[dict[str, Any]]
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
        "updatedAt": write_time(package.updated_at if own or seen is None else seen.published_at),
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


def show_install(install: Install, workspace: str) -> InstallAnswer:
    """Return an install."""
    given: dict[str, Any] = {PRESENCE: {"updatedAt": write_time(install.upgraded_at or install.installed_at)}}
    return {
        "id": install.id,
        "integrationId": install.package,
        "integrationVersionId": install.version_id,
        "workspaceId": workspace,
        "variables": {**install.variables, **dict.fromkeys(install.secrets, given)},
        "authStateId": install.auth,
        "memberPolicy": install.policy,
        "parentInstallId": install.parent,
        "solutionId": None,
        "installedBy": install.installed_by,
        "installedAt": write_time(install.installed_at),
        "lastUpgradedAt": write_time_or_none(install.upgraded_at),
        "deletedAt": write_time_or_none(install.deleted_at),
        "retentionTier": install.retention_tier,
        "version": install.version,
    }


def show_upgrade(before: Install, upgrade: Upgrade, *, dry_run: bool) -> UpgradeAnswer:
    """Return what an upgrade comes to."""

    def slugs(*words: str) -> list[str]:
        return [each.slug for each in upgrade.outcomes if each.result in words]

    return {
        "updated": slugs(UPDATED, RESTORED),
        "added": slugs(ADDED),
        "removed": slugs(REMOVED),
        "skipped": slugs(SKIPPED),
        "fromVersion": before.version,
        "toVersion": upgrade.install.version,
        "members": [show_outcome(each) for each in upgrade.outcomes],
        "dryRun": dry_run,
    }


def show_outcome(outcome: Outcome) -> OutcomeAnswer:
    """Return what becomes of a member."""
    shown: OutcomeAnswer = {
        "slug": outcome.slug,
        "name": outcome.name,
        "type": outcome.type,
        "result": outcome.result,
        "changes": [{"pointer": pointer, "change": word} for pointer, word in outcome.changes],
        "conflicts": [
            {"pointer": each.pointer, "winner": each.winner, "reason": each.reason}
            for each in outcome.conflicts
        ],
    }
    if outcome.reason:
        shown["reason"] = outcome.reason
    return shown


def show_member(
    install: Install, member: InstalledMember, record: Record | None, modified: Sequence[str]
) -> MemberAnswer:
    """Return a member of an install; `record` is its integration, `modified` what was changed there since."""
    state, missing = "missing", list[str]()
    if record is not None:
        document = record.document()
        missing = [f"/configuration{pointer}" for pointer in document.missing]
        state = "needs_reconfiguration" if document.unfit else "incomplete" if missing else "complete"
    return {
        "id": member.id,
        "installId": install.id,
        "slug": member.slug,
        "name": member.name,
        "type": member.type,
        "detached": member.detached,
        "configState": state,
        "missing": missing,
        "modified": [*modified],
        "version": record.version if record else None,
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


def show_difference(before: str, after: str, found: Sequence[Difference]) -> DifferenceAnswer:
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
