"""Bringing an install back to what it was before its upgrade, removing it, and letting go of its members."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from credenza.errors import Clash, NotFound, Problem
from credenza.model import CONFIG, Change, Drop, Keep, Park, Record, Restore
from credenza.model import questions as q
from credenza.model.entries import INSTALLS
from credenza.plans.packages.installs import Install, InstalledMember, Snapshot, find_install, keep_install
from credenza.plans.packages.packages import RETENTION
from credenza.plans.packages.reading import Library
from credenza.plans.packages.upgrades import (
    REMOVED,
    RESTORED,
    SKIPPED,
    UNCHANGED,
    Outcome,
    Upgrade,
    drop_parked,
    name_parked,
)

_SWEPT = 50


def roll_back(library: Library, install: Install, at: int) -> Upgrade:
    """Return an install as it was before it was upgraded, with its integrations as they were.

    Raises:
        Clash: `nothing_to_roll_back`, or `name_taken` where an integration cannot come back for its name.
    """
    before = install.previous
    if before is None:
        raise Clash("This install was not upgraded since.", code="nothing_to_roll_back")
    records = library.records([member.name for member in (*install.members, *before.members)])
    known = {member.slug: member for member in before.members}
    changes: list[Change] = []
    outcomes: list[Outcome] = []
    for member in install.members:
        if member.slug in known or member.name not in records:
            continue
        changes.append(Drop(member.name, instance=install.id if member.config else None))
        if member.config:
            changes.append(Drop(member.config, kind=CONFIG))
        outcomes.append(Outcome(member.slug, member.name, member.type, REMOVED))
    for member in before.members:
        change, outcome = _bring_back(member, before, records)
        changes += change
        outcomes.append(outcome)
    after = msgspec.structs.replace(
        install,
        version_id=before.version_id,
        version=before.version,
        variables=before.variables,
        secrets=before.secrets,
        auth=before.auth,
        members=before.members,
        previous=None,
        upgraded_at=at,
    )
    return Upgrade(after, [*changes, keep_install(after)], outcomes)


def _bring_back(
    member: InstalledMember, before: Snapshot, records: Mapping[str, Record]
) -> tuple[list[Change], Outcome]:
    record, version = records.get(member.name), before.records.get(member.name)
    outcome = Outcome(member.slug, member.name, member.type, RESTORED)
    if member.id in before.parked:
        if record is not None:
            message = f"An integration of the name of member {member.slug} is there meanwhile."
            place = f"/members/{member.slug}/name"
            problem = Problem("name_taken", message, place, "uniqueItems", name=member.name)
            raise Clash(message, code="name_taken", problems=[problem])
        return [Park(name_parked(member), member.name)], outcome
    if record is None or version is None:
        reason = "Its integration is not there any longer."
        return [], outcome._replace(result=SKIPPED, reason=reason)
    if record.version == version:
        return [], outcome._replace(result=UNCHANGED)
    if member.config is not None:
        return [], outcome._replace(result=SKIPPED, reason="It refers to an auth config, and stays as it is.")
    return [Restore(member.name, version)], outcome


def remove(library: Library, install: Install, at: int, *, keep_members: bool) -> Upgrade:
    """Return an install that is removed, with its integrations; those that are detached stay.

    Raises:
        Clash: `has_installs_below`: other installs have it as their parent.
    """
    is_below = q.Every(
        (
            q.Comparison("parentInstallId", q.EQUAL, install.id),
            q.Comparison("deletedAt", q.MISSING, value=True),
        )
    )
    if _ask(library, is_below, 1):
        raise Clash("Other installs have this one as their parent.", code="has_installs_below")
    records = library.records([member.name for member in install.members])
    changes = drop_parked(install)
    outcomes: list[Outcome] = []
    for member in install.members:
        gone = member.name in records and not (keep_members or member.detached)
        # An integration whose configuration goes with the install cannot stay behind.
        gone = gone or (member.config is not None and member.name in records)
        word = REMOVED if gone else SKIPPED
        outcomes.append(Outcome(member.slug, member.name, member.type, word))
        if gone:
            changes.append(Drop(member.name, instance=install.id if member.config else None))
        if member.config is not None:
            changes.append(Drop(member.config, kind=CONFIG))
    after = msgspec.structs.replace(install, members=(), previous=None, deleted_at=at)
    return Upgrade(after, [*sweep(library, at), *changes, keep_install(after)], outcomes)


def sweep(library: Library, at: int) -> list[Change]:
    """Return the changes that forget some removed installs whose retention is over."""
    ended = q.Either(
        tuple(
            q.Every(
                (
                    q.Comparison("retentionTier", q.EQUAL, tier),
                    q.Comparison("deletedAt", q.AT_MOST, at - span),
                )
            )
            for tier, span in RETENTION.items()
        )
    )
    found = _ask(library, ended, _SWEPT)
    library.papers(INSTALLS, found)
    return [Keep(kind=INSTALLS, slug=each, body=None) for each in found]


def find_holder(library: Library, member_id: str) -> Install:
    """Return the install that has a member of this id; raises NotFound, Gone."""
    has_it = q.Every((q.Related("members", q.Comparison("id", q.EQUAL, member_id)),))
    found = _ask(library, has_it, 1)
    if not found:
        raise NotFound("There is no member of this id.")
    return find_install(library, found[0])


def detach(install: Install, member_id: str, *, detached: bool) -> Install:
    """Return an install one of whose members upgrades pass over, or no longer do."""
    members = tuple(
        msgspec.structs.replace(member, detached=detached) if member.id == member_id else member
        for member in install.members
    )
    return msgspec.structs.replace(install, members=members)


def _ask(library: Library, where: q.Condition, limit: int) -> list[str]:
    """Return the ids of installs of the workspace."""
    question = q.Question(entity=q.INSTALL, keys=(q.Key("id"),), limit=limit, where=where, count=1)
    return [row.id for row in library.ask(question).rows[:limit]]
