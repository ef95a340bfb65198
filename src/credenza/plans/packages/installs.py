"""Installs: a package in a workspace, pinned to a version, and the integrations that its members became.

The secrets that an installer gives are sealed in those integrations, each for where it is sent; what the
install itself keeps of them is that they were given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from credenza.errors import Gone, Invalid, NotFound, Problem
from credenza.model import CONFIG, Change, InstallEntry, Keep, Member, Paper, Put, Record, Source
from credenza.model.entries import INSTALLS
from credenza.plans.identifiers import new_id
from credenza.plans.packages.given import Given, split_variables, take_variables
from credenza.plans.packages.manifest import AuthPart
from credenza.plans.packages.naming import require_names
from credenza.plans.packages.packages import Retention
from credenza.plans.packages.reading import Library
from credenza.plans.packages.rendering import Rendered, put_new, render
from credenza.plans.packages.resealing import path_in
from credenza.plans.packages.secrecy import check_embedded
from credenza.plans.packages.selection import DEFAULTS, Policy, select
from credenza.plans.packages.versions import PackageVersion
from credenza.pointers import escape
from credenza.sensitive import Sensitive

Pair = Callable[[str, Mapping[str, Any], str], Sequence[Problem]]


class InstalledMember(msgspec.Struct, frozen=True, kw_only=True):
    """A member as it was installed: the integration of this name.

    `given` are the versions of the secrets that the installer entered, by the paths they are stored under,
    and `written` is the version of the integration that the package made last: any later one was changed
    here. `config` is the record that holds the configuration of one whose secrets stand in an auth config.
    """

    id: str
    slug: str
    type: str
    name: str
    detached: bool = False
    given: dict[str, int] = {}
    written: int = 1
    config: str | None = None


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What an install was before it was upgraded; `records` are the versions of its integrations then."""

    version_id: str
    version: str
    variables: dict[str, Any]
    chosen: tuple[str, ...] = ()
    secrets: tuple[str, ...]
    auth: str | None
    members: tuple[InstalledMember, ...]
    records: dict[str, int]
    parked: tuple[str, ...]

    def __repr__(self) -> str:
        """Show nothing of the variables."""
        return "<snapshot>"


class Install(msgspec.Struct, frozen=True, kw_only=True):
    """An install; times are milliseconds.

    `variables` are the public ones, of which those that are `chosen` were given and the others are defaults;
    `secrets` are names of the secret ones that were given.
    """

    id: str
    package: str
    package_name: str
    version_id: str
    version: str
    variables: dict[str, Any]
    chosen: tuple[str, ...] = ()
    secrets: tuple[str, ...]
    auth: str | None
    policy: str
    selected: tuple[str, ...]
    parent: str | None
    members: tuple[InstalledMember, ...]
    previous: Snapshot | None = None
    installed_by: str
    installed_at: int
    upgraded_at: int | None = None
    deleted_at: int | None = None
    retention_tier: str = "medium"

    def __repr__(self) -> str:
        """Show nothing of the variables."""
        return "<install>"


class InstallBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A package to install into a workspace, with what its variables are to be."""

    workspaceId: str  # noqa: N815
    integrationVersionId: str | None = None  # noqa: N815
    variables: dict[str, Any] | None = None
    authStateId: str | None = None  # noqa: N815
    memberPolicy: Policy | None = None  # noqa: N815
    parentInstallId: str | None = None  # noqa: N815
    selectedMemberSlugs: list[str] | None = None  # noqa: N815
    retentionTier: Retention | None = None  # noqa: N815

    def __repr__(self) -> str:
        """Show nothing of the variables."""
        return "<install>"


class Bound(NamedTuple):
    """An auth config that an installer brought: its record, and what pairs a configuration with it."""

    auth: AuthPart
    record: str
    pair: Pair


_read = msgspec.json.Decoder(Install).decode
_encode = msgspec.json.encode


def read_install(paper: Paper) -> Install:
    """Return the install of a paper."""
    return _read(paper.body)


def find_install(library: Library, wanted: str, *, deleted: bool = False) -> Install:
    """Return an install of this workspace; raises NotFound, or Gone where it was removed."""
    paper = library.paper(INSTALLS, wanted)
    if paper is None:
        raise NotFound("There is no install of this id.")
    install = read_install(paper)
    if install.deleted_at is not None and not deleted:
        raise Gone("This install was removed.")
    return install


def install(
    library: Library,
    version: PackageVersion,
    package_name: str,
    body: InstallBody,
    bound: Bound | None,
    *,
    by: str,
    at: int,
) -> tuple[Install, list[Change], list[Rendered]]:
    """Return a new install, the changes that make it, and its members as they are made.

    Raises:
        Invalid: with what is wrong with the variables, the selection or the members.
        Clash: see `naming.require_names`.
    """
    public, secrets = split_variables(version, body.variables or {})
    given = take_variables(version, public, secrets)
    policy = body.memberPolicy or DEFAULTS
    named = tuple(dict.fromkeys(body.selectedMemberSlugs or ()))
    rendered = render_members(library, version, select(version.manifest, policy, named), given)
    require_names(library, rendered)
    if body.parentInstallId is not None:
        find_install(library, body.parentInstallId)
    made = new_id("ins", at)
    members, changes = [], list[Change]()
    for each in rendered:
        member, puts = make_member(library, made, each, given, bound, version, at)
        members.append(member)
        changes += puts
    whole = Install(
        id=made,
        package=version.package,
        package_name=package_name,
        version_id=version.id,
        version=version.version,
        variables=dict(given.public),
        chosen=tuple(public),
        secrets=tuple(given.secrets),
        auth=None if bound is None else body.authStateId,
        policy=policy,
        selected=named,
        parent=body.parentInstallId,
        members=tuple(members),
        installed_by=by,
        installed_at=at,
        retention_tier=body.retentionTier or "medium",
    )
    return whole, [*changes, keep_install(whole)], rendered


def render_members(
    library: Library, version: PackageVersion, slugs: Sequence[str], given: Given
) -> list[Rendered]:
    """Return members filled in, in the order of their slugs; raises Invalid."""
    rendered, problems = [], list[Problem]()
    positions = {member.slug: at for at, member in enumerate(version.manifest.members)}
    for slug in slugs:
        at = positions[slug]
        each, found = render(version.manifest.members[at], at, given.variables, given.public)
        rendered.append(each)
        problems += found
        if each.type not in library.catalogue:
            message = "There is no connector type of this name in this workspace."
            place = f"/manifest/members/{at}/integration/type"
            problems.append(Problem("unknown_type", message, place, "reference", name=slug))
        elif not found:
            problems += check_embedded(library.catalogue, each, given)
    if problems:
        raise Invalid("This integration cannot be installed, for the reasons listed.", problems=problems)
    return rendered


def render_installed(version: PackageVersion, install: Install) -> dict[str, Rendered]:
    """Return what a version says of each member of an install by slug, as far as that can be told."""
    names = tuple((version.variables_schema or {}).get("properties", {}))
    try:
        given = take_variables(version, install.variables, {}, names)
    except Invalid:
        return {}
    rendered = [
        render(member, at, given.variables, given.public)
        for at, member in enumerate(version.manifest.members)
    ]
    return {each.slug: each for each, problems in rendered if not problems}


def make_member(  # noqa: PLR0917  # what a member is made of
    library: Library,
    install_id: str,
    member: Rendered,
    given: Given,
    bound: Bound | None,
    version: PackageVersion,
    at: int,
) -> tuple[InstalledMember, list[Change]]:
    """Return a new member and the changes that make its integration; raises Invalid."""
    made = new_id("inm", at)
    part = version.manifest.find(member.slug)
    if bound is None or part is None or not bound.auth.covers(part):
        # A new record is at version 1, and so are its secrets.
        paths = {f"/{escape(key)}": 1 for key, name in member.secrets.items() if name in given.secrets}
        declared = list_declared(library)
        for api in member.apis:
            keys = [key for key, name in api.secrets.items() if name in given.secrets]
            paths |= {path_in(api.api, key, declared): 1 for key in keys}
        own = InstalledMember(id=made, slug=member.slug, type=member.type, name=member.name, given=paths)
        return own, [msgspec.structs.replace(put_new(member, given.secrets), member=made)]
    config = f"~{new_id('pcf', at)}"
    own = InstalledMember(id=made, slug=member.slug, type=member.type, name=member.name, config=config)
    return own, put_managed(install_id, own, member, bound, expected=0)


def put_managed(
    install_id: str, member: InstalledMember, rendered: Rendered, bound: Bound, expected: int | None
) -> list[Change]:
    """Return the changes of an integration whose secrets stand in an auth config: it refers to that.

    Raises:
        Invalid: the two do not go together, or lead to different places.
    """
    config = member.config or ""
    problems = bound.pair(rendered.type, rendered.configuration, config)
    if problems:
        told = [msgspec.structs.replace(problem, name=member.slug) for problem in problems]
        raise Invalid("What the installer brings does not go with this member.", problems=told)
    source = Source(instance=install_id, provider=member.id, config=config, auth=bound.record)
    return [
        Put(
            name=config,
            type=rendered.type,
            configuration=Sensitive(dict(rendered.configuration)),
            kind=CONFIG,
            expected_version=expected,
        ),
        Put(
            name=rendered.name,
            type=rendered.type,
            category=rendered.category,
            description=rendered.description,
            enabled=rendered.enabled,
            tags=rendered.tags,
            refers=source,
            expected_version=expected,
        ),
    ]


def list_declared(library: Library) -> frozenset[str]:
    """Return the keys that apis declare."""
    return frozenset(library.catalogue.api.schema["properties"])


def is_of(record: Record | None, member: InstalledMember) -> bool:
    """Tell whether a record is the one that a member was made as, and not another of its name."""
    if record is None or record.type != member.type:
        return False
    document = record.document()
    return member.id == (document.source.provider if document.source else document.member)


def keep_install(install: Install) -> Keep:
    """Return the change that saves an install."""
    entry = InstallEntry(
        id=install.id,
        package=install.package,
        version=install.version_id,
        previous=install.previous.version_id if install.previous else None,
        policy=install.policy,
        parent=install.parent,
        installed_by=install.installed_by,
        installed_at=install.installed_at,
        upgraded_at=install.upgraded_at,
        deleted_at=install.deleted_at,
        retention_tier=install.retention_tier,
        members=tuple(Member(m.id, m.slug, m.type, m.name, m.detached) for m in install.members),
    )
    return Keep(kind=INSTALLS, slug=install.id, body=_encode(install), entry=entry)
