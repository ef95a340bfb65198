"""Bringing an install back to what it was before its upgrade, removing it, and letting go of its members."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec

from credenza.errors import Clash, NotFound
from credenza.model import CONFIG, Change, Drop, Keep, Park, Record, Restore
from credenza.model import questions as q
from credenza.model.entries import INSTALLS
from credenza.plans.packages.installs import (
    Bound,
    Install,
    InstalledMember,
    Snapshot,
    find_install,
    is_of,
    keep_install,
    put_managed,
    render_installed,
)
from credenza.plans.packages.naming import tell_taken
from credenza.plans.packages.packages import RETENTION
from credenza.plans.packages.reading import Library
from credenza.plans.packages.rendering import Rendered
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
from credenza.plans.packages.versions import PackageVersion

_SWEPT = 50


Rebind = Callable[[PackageVersion, str | None], Bound | None]


def roll_back(library: Library, install: Install, was: PackageVersion, rebind: Rebind, at: int) -> Upgrade:
    """Return an install as it was before it was upgraded, with its integrations as they were.

    What is detached is passed over, now or then. `was` is the version it goes back to, and `rebind` finds
    what the installer brought then.

    Raises:
        Clash: `name_taken` where an integration cannot come back for its name.
        Invalid: what the installer brought does not go with a member any longer.
    """
    before = require_previous(install)
    records = library.records([member.name for member in (*install.members, *before.members)])
    now = {member.id: member for member in install.members}
    known = {member.id for member in before.members}
    changes: list[Change] = []
    outcomes: list[Outcome] = []
    members = [member for member in install.members if member.id not in known and member.detached]
    for member in install.members:
        if member.id in known or member.detached or not is_of(records.get(member.name), member):
            continue
        changes.append(Drop(member.name, instance=install.id if member.config else None))
        changes += [Drop(member.config, kind=CONFIG)] if member.config else []
        outcomes.append(Outcome(member.slug, member.name, member.type, REMOVED))
    back = _Back(library, install, before, records)
    rendered = render_installed(was, install_of(install, before))
    bound = rebind(was, before.auth) if any(member.config for member in before.members) else None
    for member in before.members:
        current = now.get(member.id)
        if member.detached or (current is not None and current.detached and member.id not in before.parked):
            members.append(current or member)
            outcomes.append(_skipped(member, "It is detached."))
            continue
        members.append(member)
        change, outcome = back.bring(member, rendered.get(member.slug), bound)
        changes += change
        outcomes.append(outcome)
    after = msgspec.structs.replace(
        install_of(install, before), members=tuple(members), previous=None, upgraded_at=at
    )
    return Upgrade(after, [*changes, keep_install(after)], outcomes)


def require_previous(install: Install) -> Snapshot:
    """Return what an install was before it was upgraded; raises Clash: `nothing_to_roll_back`."""
    if install.previous is None:
        raise Clash("This install was not upgraded since.", code="nothing_to_roll_back")
    return install.previous


def install_of(install: Install, before: Snapshot) -> Install:
    """Return an install with the version, variables and members of a snapshot of it."""
    return msgspec.structs.replace(
        install,
        version_id=before.version_id,
        version=before.version,
        variables=before.variables,
        chosen=before.chosen,
        secrets=before.secrets,
        auth=before.auth,
        members=before.members,
    )


class _Back(NamedTuple):
    """A way back, member by member."""

    library: Library
    install: Install
    before: Snapshot
    records: Mapping[str, Record]

    def bring(
        self, member: InstalledMember, rendered: Rendered | None, bound: Bound | None
    ) -> tuple[list[Change], Outcome]:
        record, version = self.records.get(member.name), self.before.records.get(member.name)
        outcome = Outcome(member.slug, member.name, member.type, RESTORED)
        if member.id in self.before.parked:
            if self.library.taken([member.name]):
                problem = tell_taken(member.slug, member.name, "is there meanwhile")
                raise Clash(problem.message, code="name_taken", problems=[problem])
            return [Park(name_parked(member), member.name)], outcome
        if record is None or version is None or not is_of(record, member):
            return [], _skipped(member, "Its integration is not there any longer.")
        if record.version == version:
            return [], outcome._replace(result=UNCHANGED)
        if member.config is None:
            return [Restore(member.name, version)], outcome
        if rendered is None or bound is None:
            return [], _skipped(member, "What it says of its version cannot be told any longer.")
        kept = rendered._replace(name=member.name)
        return put_managed(self.install.id, member, kept, bound, expected=None), outcome


def _skipped(member: InstalledMember, reason: str) -> Outcome:
    return Outcome(member.slug, member.name, member.type, SKIPPED, reason=reason)


def remove(library: Library, install: Install, at: int, *, keep_members: bool) -> Upgrade:
    """Return an install that is removed, with its integrations; those that are detached stay.

    Raises:
        Clash: `has_installs_below`: other installs have it as their parent; `managed_members`: members are to
            stay whose configuration goes with the install.
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
    there = [member for member in install.members if is_of(records.get(member.name), member)]
    stay = [member for member in there if keep_members or member.detached]
    bound = [member.name for member in stay if member.config is not None]
    if bound:
        raise Clash(
            f"These have their secrets from an auth config, and go with the install: {', '.join(bound)}.",
            code="managed_members",
        )
    changes = drop_parked(install)
    for member in install.members:
        if member in there and member not in stay:
            changes.append(Drop(member.name, instance=install.id if member.config else None))
        changes += [Drop(member.config, kind=CONFIG)] if member.config is not None else []
    outcomes = [
        Outcome(each.slug, each.name, each.type, SKIPPED if each in stay or each not in there else REMOVED)
        for each in install.members
    ]
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
