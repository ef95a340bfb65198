"""Installs, what becomes of them, and their members as answers show them."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

from credenza.connectors import PRESENCE
from credenza.model import Record
from credenza.plans.packages.installs import Install, InstalledMember, is_of
from credenza.plans.packages.reading import Library
from credenza.plans.packages.upgrades import ADDED, REMOVED, RESTORED, SKIPPED, UPDATED, Outcome, Upgrade
from credenza.web.packages.shapes import PageInfo
from credenza.web.templates.times import write_time, write_time_or_none


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


class InstallListAnswer(TypedDict):
    """A page of installs."""

    data: list[InstallAnswer]
    pageInfo: PageInfo


class KeyChangeAnswer(TypedDict):
    """What becomes of a key, never its value."""

    pointer: str
    change: str


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
    changes: list[KeyChangeAnswer]
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


class MemberListAnswer(TypedDict):
    """The members of an install."""

    members: list[MemberAnswer]


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


def show_members(library: Library, install: Install) -> list[MemberAnswer]:
    """Return the members of an install, each as its integration stands."""
    records = library.records([member.name for member in install.members])
    return [_show_member(library, install, each, records.get(each.name)) for each in install.members]


def _show_member(
    library: Library, install: Install, member: InstalledMember, record: Record | None
) -> MemberAnswer:
    state, missing, modified = "missing", list[str](), list[str]()
    if record is not None and is_of(record, member):
        document = record.document()
        missing = [f"/configuration{pointer}" for pointer in document.missing]
        state = "needs_reconfiguration" if document.unfit else "incomplete" if missing else "complete"
        # One that refers to an auth config is changed by its install alone.
        modified = [] if member.config is not None else library.edits_since(record, member.written)
    else:
        record = None
    return {
        "id": member.id,
        "installId": install.id,
        "slug": member.slug,
        "name": member.name,
        "type": member.type,
        "detached": member.detached,
        "configState": state,
        "missing": missing,
        "modified": modified,
        "version": record.version if record else None,
    }
