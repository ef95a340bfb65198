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
    is_of,
    keep_install,
    list_declared,
    make_member,
    put_managed,
    render_installed,
    render_members,
)
from credenza.plans.packages.merging import merge
from credenza.plans.packages.naming import require_names
from credenza.plans.packages.reading import Library
from credenza.plans.packages.rendering import Rendered
from credenza.plans.packages.resealing import LOCAL, Conflict, Standing, Terms
from credenza.plans.packages.selection import ALL, DEFAULTS, MANUAL, select, sort
from credenza.plans.packages.variables import read_variables
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
        names = (new.variables_schema or {}).get("properties", {})
        stays = {name: value for name, value in _list_chosen(install, old) if name in names}
        given = take_variables(new, {**stays, **public}, secrets, install.secrets)
        self._require_secrecy(given)
        self._terms = Terms(
            given.secrets, given.variables.required, self._winner, list_declared(self._library)
        )
        was = render_installed(old, install)
        wanted = self._choose(new)
        becomes = self._render(new, wanted, given)
        for member in install.members:
            self._take(member, was.get(member.slug), becomes.get(member.slug))
        known = {member.slug for member in install.members}
        self._add([becomes[slug] for slug in wanted if slug not in known], given)
        if self._problems:
            message = "This install cannot be upgraded, for the reasons listed."
            raise Invalid(message, problems=self._problems)
        after = self._finish(given, tuple({**stays, **public}))
        if not self._changes and msgspec.structs.replace(after, upgraded_at=install.upgraded_at) == install:
            return Upgrade(install, [], self._outcomes)
        stale = [] if new.id == old.id else drop_parked(install)
        return Upgrade(after, [*stale, *self._changes, keep_install(after)], self._outcomes)

    def _require_secrecy(self, given: Given) -> None:
        """Refuse a version in which what was given as a secret would be shown."""
        shown = [name for name in self._install.secrets if name in given.public]
        if shown:
            message = "This variable was given as a secret, and the new version shows it."
            problems = [Problem("secret_in_clear", message, f"/variables/{name}", "format") for name in shown]
            raise Invalid(message, code="secret_in_clear", problems=problems)

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
        elif record is None or not is_of(record, member):
            self._skip(member, "Its integration is not there any longer.")
        elif new is None:
            self._remove(member, record)
        elif member.config is not None:
            self._update_managed(member, old, new, record)
        else:
            self._update(member, old or new, new, record)

    def _skip(self, member: InstalledMember, reason: str, conflicts: tuple[Conflict, ...] = ()) -> None:
        self._members.append(member)
        self._outcomes.append(
            Outcome(member.slug, member.name, member.type, SKIPPED, conflicts=conflicts, reason=reason)
        )

    def _update(self, member: InstalledMember, old: Rendered, new: Rendered, record: Record) -> None:
        def same(path: str, text: str) -> bool:
            return self._library.matches(record, path, text)

        merged = merge(old, new, Standing(record, record.document(), member.given, same), self._terms)
        self._problems += merged.problems
        if merged.put is not None:
            self._changes.append(merged.put)
        # What was changed here before the package wrote it again stays a change that was made here.
        written = (
            record.version + 1 if merged.written and record.version == member.written else member.written
        )
        self._members.append(msgspec.structs.replace(member, given=dict(merged.given), written=written))
        word = UNCHANGED if merged.put is None else UPDATED
        self._outcomes.append(
            Outcome(member.slug, member.name, member.type, word, merged.changes, merged.conflicts)
        )

    def _update_managed(
        self, member: InstalledMember, old: Rendered | None, new: Rendered, record: Record
    ) -> None:
        # Nobody else changes one that refers to an auth config, so there is nothing to merge.
        self._members.append(member)
        said, source = (None if old is None else old._replace(name=new.name)), record.source()
        bound = self._bound
        if bound is None or (said == new and source is not None and source.auth == bound.record):
            self._outcomes.append(Outcome(member.slug, member.name, member.type, UNCHANGED))
            return
        kept = new._replace(name=member.name)
        self._changes += put_managed(self._install.id, member, kept, bound, expected=None)
        self._outcomes.append(Outcome(member.slug, member.name, member.type, UPDATED))

    def _remove(self, member: InstalledMember, record: Record) -> None:
        local = [] if member.config is not None else self._library.edits_since(record, member.written)
        reason = "The new version removes this member, and it was changed here since."
        conflicts = tuple(Conflict(pointer, self._winner, reason) for pointer in local)
        if local and self._winner == LOCAL:
            detached = msgspec.structs.replace(member, detached=True)
            self._skip(detached, f"{reason} It stays, detached.", conflicts)
            return
        self._parked.append(member.id)
        self._changes.append(Park(member.name, name_parked(member)))
        self._outcomes.append(Outcome(member.slug, member.name, member.type, REMOVED, conflicts=conflicts))

    def _add(self, members: Sequence[Rendered], given: Given) -> None:
        require_names(self._library, members)
        for each in members:
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
                self._library, self._install.id, each, given, self._bound, self._versions.new, self._at
            )
            self._members.append(member)
            self._changes += puts
            self._outcomes.append(Outcome(each.slug, each.name, each.type, ADDED))

    def _finish(self, given: Given, chosen: tuple[str, ...]) -> Install:
        install, (old, new) = self._install, self._versions
        secrets = [name for name in install.secrets if name in given.variables.secrets]
        return msgspec.structs.replace(
            install,
            version_id=new.id,
            version=new.version,
            variables=dict(given.public),
            chosen=chosen,
            secrets=tuple(dict.fromkeys([*secrets, *given.secrets])),
            auth=(self._body.authStateId or install.auth) if new.auth_config is not None else None,
            members=tuple(self._members),
            # New variables alone leave the way back to the version before as it is.
            previous=install.previous if new.id == old.id else self._snapshot(),
            upgraded_at=self._at,
        )

    def _snapshot(self) -> Snapshot:
        install = self._install
        return Snapshot(
            version_id=install.version_id,
            version=install.version,
            variables=install.variables,
            chosen=install.chosen,
            secrets=install.secrets,
            auth=install.auth,
            members=install.members,
            records={name: record.version for name, record in self._records.items()},
            parked=tuple(self._parked),
        )


def _list_chosen(install: Install, old: PackageVersion) -> list[tuple[str, Any]]:
    """Return the variables that were given; one that says what the default said counts as that."""
    defaults = read_variables(old.variables_schema)[0].defaults
    return [
        (name, install.variables[name])
        for name in install.chosen
        if name not in defaults or install.variables[name] != defaults[name]
    ]


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
