"""Upgrading an install from one version of its package to another.

What an upgrade removes is only put out of sight, under the id of its member, and goes for good with the next
upgrade: so going back restores exactly what was, secrets and local changes too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from credenza.errors import Clash, Invalid, Problem
from credenza.model import CONFIG, Change, Drop, Park, Record
from credenza.plans.packages.given import Given, split_variables, take_variables
from credenza.plans.packages.installs import (
    Bound,
    Install,
    InstalledMember,
    Snapshot,
    keep_install,
    make_member,
    put_managed,
    render_members,
)
from credenza.plans.packages.merging import LOCAL, Conflict, Standing, Terms, list_local, merge
from credenza.plans.packages.reading import Library
from credenza.plans.packages.rendering import Rendered
from credenza.plans.packages.selection import ALL, DEFAULTS, MANUAL, select, sort
from credenza.plans.packages.variables import Variables, read_variables
from credenza.plans.packages.versions import PackageVersion, is_newer

UPDATED, ADDED, REMOVED, SKIPPED = "updated", "added", "removed", "skipped"
UNCHANGED, RESTORED = "unchanged", "restored"
_PARKED = "parked"


class UpgradeBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How to upgrade: to which version, with which variables and further members, and who wins a conflict."""

    integrationVersionId: str | None = None  # noqa: N815
    variables: dict[str, Any] | None = None
    authStateId: str | None = None  # noqa: N815
    selectedMemberSlugs: list[str] | None = None  # noqa: N815
    conflicts: Literal["local", "package"] = "local"

    def __repr__(self) -> str:
        """Show nothing of the variables."""
        return "<upgrade>"


class Outcome(NamedTuple):
    """What becomes of a member: a word, what changes by pointer, conflicts, and why it is left as it is."""

    slug: str
    name: str
    type: str
    result: str
    changes: tuple[tuple[str, str], ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    reason: str = ""


class Upgrade(NamedTuple):
    """An install after an upgrade or a way back, the changes that make it so, and what becomes of members."""

    install: Install
    changes: list[Change]
    outcomes: list[Outcome]


class Versions(NamedTuple):
    """From which version to which."""

    old: PackageVersion
    new: PackageVersion


def upgrade(
    library: Library, install: Install, versions: Versions, body: UpgradeBody, bound: Bound | None, *, at: int
) -> Upgrade:
    """Return what upgrading an install comes to; the same version again takes new variables alone.

    Raises:
        Clash: `version_not_newer`: the version is older than what is installed.
        Invalid: with all that is missing or wrong; secrets that the new version needs are to be given.
    """
    if versions.new.id != versions.old.id and not is_newer(versions.new.version, versions.old.version):
        raise Clash(
            f"Version {versions.old.version} is installed, and is not older.", code="version_not_newer"
        )
    return _Upgrading(library, install, versions, body, bound, at).run()


class _Upgrading:
    """One upgrade on its way, member by member."""

    def __init__(  # noqa: PLR0917  # what an upgrade is of
        self,
        library: Library,
        install: Install,
        versions: Versions,
        body: UpgradeBody,
        bound: Bound | None,
        at: int,
    ) -> None:
        self._library = library
        self._install = install
        self._versions = versions
        self._body = body
        self._bound = bound
        self._winner = body.conflicts
        self._at = at
        self._records = library.records([member.name for member in install.members])
        self._members: list[InstalledMember] = []
        self._changes: list[Change] = []
        self._outcomes: list[Outcome] = []
        self._problems: list[Problem] = []
        self._parked: list[str] = []

    def run(self) -> Upgrade:
        install, (old, new) = self._install, self._versions
        public, secrets = split_variables(new, self._body.variables or {})
        before = take_variables(old, install.variables, {}, _list_secrets(old))
        stays = _keep_variables(install, before.variables, read_variables(new.variables_schema)[0])
        given = take_variables(new, {**stays, **public}, secrets, install.secrets)
        self._terms = Terms(given.secrets, given.variables.required, self._winner)
        was = self._render(old, [each.slug for each in install.members], before)
        wanted = self._choose(new)
        becomes = self._render(new, wanted, given)
        for member in install.members:
            self._take(member, was.get(member.slug), becomes.get(member.slug))
        known = {member.slug for member in install.members}
        self._add([becomes[slug] for slug in wanted if slug not in known], given)
        if self._problems:
            raise Invalid(
                "This integration cannot be upgraded, for the reasons listed.", problems=self._problems
            )
        if not self._changes and new.id == old.id and given.public == install.variables:
            return Upgrade(install, [], self._outcomes)
        after = self._finish(given)
        return Upgrade(after, [*drop_parked(install), *self._changes, keep_install(after)], self._outcomes)

    def _render(self, version: PackageVersion, slugs: Sequence[str], given: Given) -> dict[str, Rendered]:
        there = [slug for slug in slugs if version.manifest.find(slug) is not None]
        return {each.slug: each for each in render_members(self._library, version, there, given)}

    def _choose(self, new: PackageVersion) -> list[str]:
        """Return the members that are to be there: those that are, and new ones as the policy has it."""
        install, old = self._install, self._versions.old
        present = {member.slug for member in install.members}
        named = self._body.selectedMemberSlugs or ()
        present |= {*select(new.manifest, MANUAL, named)}
        present |= {
            member.slug
            for member in new.manifest.members
            if old.manifest.find(member.slug) is None
            and (install.policy == ALL or (install.policy == DEFAULTS and member.default))
        }
        waiting = [*present]
        while waiting:
            member = new.manifest.find(waiting.pop())
            more = [slug for slug in member.dependsOn if slug not in present] if member else []
            present |= {*more}
            waiting += more
        return [slug for slug in sort(new.manifest) if slug in present]

    def _take(self, member: InstalledMember, old: Rendered | None, new: Rendered | None) -> None:
        record = self._records.get(member.name)
        if member.detached:
            self._skip(member, "It is detached.")
        elif record is None or record.type != member.type:
            self._skip(member, "Its integration is not there any longer.")
        elif new is None:
            self._remove(member, old, record)
        elif member.config is not None:
            self._update_managed(member, old, new)
        else:
            self._update(member, old or new, new, record)

    def _skip(self, member: InstalledMember, reason: str, conflicts: tuple[Conflict, ...] = ()) -> None:
        self._members.append(member)
        self._outcomes.append(
            Outcome(member.slug, member.name, member.type, SKIPPED, conflicts=conflicts, reason=reason)
        )

    def _update(self, member: InstalledMember, old: Rendered, new: Rendered, record: Record) -> None:
        merged = merge(old, new, Standing(record, record.document(), member.given), self._terms)
        self._problems += merged.problems
        if merged.put is not None:
            self._changes.append(merged.put)
        self._members.append(msgspec.structs.replace(member, given=dict(merged.secrets)))
        word = UNCHANGED if merged.put is None else UPDATED
        self._outcomes.append(
            Outcome(member.slug, member.name, member.type, word, merged.changes, merged.conflicts)
        )

    def _update_managed(self, member: InstalledMember, old: Rendered | None, new: Rendered) -> None:
        # Nobody else changes one that refers to an auth config, so there is nothing to merge.
        self._members.append(member)
        said = None if old is None else old._replace(name=new.name)
        if said == new or self._bound is None:
            self._outcomes.append(Outcome(member.slug, member.name, member.type, UNCHANGED))
            return
        kept = new._replace(name=member.name)
        self._changes += put_managed(self._install.id, member, kept, self._bound, expected=None)
        self._outcomes.append(Outcome(member.slug, member.name, member.type, UPDATED))

    def _remove(self, member: InstalledMember, old: Rendered | None, record: Record) -> None:
        standing = Standing(record, record.document(), member.given)
        local = list_local(old, standing) if old is not None and member.config is None else []
        reason = "The new version removes this member, and it was changed here since."
        conflicts = tuple(Conflict(pointer, self._winner, reason) for pointer in local)
        if local and self._winner == LOCAL:
            self._skip(
                msgspec.structs.replace(member, detached=True), f"{reason} It stays, detached.", conflicts
            )
            return
        self._parked.append(member.id)
        self._changes.append(Park(member.name, name_parked(member)))
        self._outcomes.append(Outcome(member.slug, member.name, member.type, REMOVED, conflicts=conflicts))

    def _add(self, members: Sequence[Rendered], given: Given) -> None:
        taken = self._library.taken([each.name for each in members])
        for each in members:
            if each.name.lower() in taken:
                message = f"An integration of the name of member {each.slug} is there already."
                place = f"/members/{each.slug}/name"
                raise Clash(
                    message,
                    code="name_taken",
                    problems=[Problem("name_taken", message, place, "uniqueItems", name=each.name)],
                )
            lacking = [
                name
                for name in each.secrets.values()
                if name in given.variables.required and name not in given.secrets
            ]
            # Nobody knows whether a secret may go where a new member sends it: whoever upgrades says so.
            self._problems += [
                Problem(
                    "variable_required",
                    f"The new member {each.slug} needs the secret variable {name}: give it with the upgrade.",
                    f"/variables/{name}",
                    "required",
                    name=each.slug,
                )
                for name in dict.fromkeys(lacking)
            ]
            member, puts = make_member(
                self._install.id, each, given, self._bound, self._versions.new, self._at
            )
            self._members.append(member)
            self._changes += puts
            self._outcomes.append(Outcome(each.slug, each.name, each.type, ADDED))

    def _finish(self, given: Given) -> Install:
        install, (old, new) = self._install, self._versions
        snapshot = Snapshot(
            version_id=old.id,
            version=old.version,
            variables=install.variables,
            secrets=install.secrets,
            auth=install.auth,
            members=install.members,
            records={name: record.version for name, record in self._records.items()},
            parked=tuple(self._parked),
        )
        return msgspec.structs.replace(
            install,
            version_id=new.id,
            version=new.version,
            variables=dict(given.public),
            secrets=tuple(dict.fromkeys([*_still(install.secrets, given), *given.secrets])),
            members=tuple(self._members),
            previous=snapshot,
            upgraded_at=self._at,
        )


def _keep_variables(install: Install, old: Variables, new: Variables) -> dict[str, Any]:
    """Return the variables that stay; one that is the old version's default becomes the new version's."""
    followed = {
        name
        for name, value in old.defaults.items()
        if name in new.defaults and install.variables.get(name) == value
    }
    return {name: value for name, value in install.variables.items() if name in {*new.names} - followed}


def _list_secrets(version: PackageVersion) -> tuple[str, ...]:
    return tuple((version.variables_schema or {}).get("properties", {}))


def _still(secrets: Sequence[str], given: Given) -> list[str]:
    return [name for name in secrets if name in given.variables.secrets]


def drop_parked(install: Install) -> list[Change]:
    """Return the changes that remove for good what the last upgrade put out of sight."""
    before = install.previous
    changes: list[Change] = []
    for member in before.members if before else ():
        if before is not None and member.id in before.parked:
            changes.append(Drop(name_parked(member), kind=_PARKED, instance=install.id))
            changes += [Drop(member.config, kind=CONFIG)] if member.config is not None else []
    return changes


def name_parked(member: InstalledMember) -> str:
    """Return under which name the integration of a member is out of sight."""
    return f"~{member.id}"
