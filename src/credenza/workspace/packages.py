"""What is done with packages in a workspace, as plans on a desk: over HTTP and at a prompt alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, NoReturn

import msgspec

from credenza.connectors.halves import name_half
from credenza.errors import Clash, Conflict, CredenzaError, Invalid, NotFound, Problem
from credenza.model import Change, Tenant
from credenza.model.entries import INSTALLS, VERSIONS
from credenza.plans.auth_configs import SHELF
from credenza.plans.packages.installs import Bound, Install, InstallBody, find_install, install
from credenza.plans.packages.packages import Package, keep_package
from credenza.plans.packages.returns import require_previous, roll_back, sweep
from credenza.plans.packages.upgrades import ADDED, Outcome, Upgrade, UpgradeBody, Versions, upgrade
from credenza.plans.packages.versions import PackageVersion, PublishBody, keep_version, publish, read_version
from credenza.plans.packages.visible import find_pinned, find_version, find_version_of, find_visible
from credenza.plans.values import name_record
from credenza.workspace.desk import Desk
from credenza.workspace.pairing import Entered


class By(NamedTuple):
    """Who acts, in which workspace, and when."""

    tenant: Tenant
    name: str
    at: int


class Published(NamedTuple):
    """A package with one more version, that, the one before, and the changes that make it so."""

    package: Package
    version: PackageVersion
    before: PackageVersion | None
    changes: list[Change]


class Installed(NamedTuple):
    """A new install, the changes that make it, and what its members become."""

    install: Install
    changes: list[Change]
    outcomes: list[Outcome]


def publish_draft(desk: Desk, draft: Package, body: PublishBody, by: By) -> Published:
    """Return what publishing a draft comes to; raises what `versions.publish` does."""
    last = draft.current
    paper = None if last is None else desk.paper(VERSIONS, last.id)
    latest = None if paper is None else read_version(paper)
    package, version = publish(draft, latest, body, desk.catalogue, by=by.name, at=by.at)
    return Published(package, version, latest, [keep_version(version), keep_package(package)])


def install_package(desk: Desk, wanted: str, body: InstallBody, by: By) -> Installed:
    """Return what installing a package comes to, by its id.

    Raises:
        NotFound: there is no such workspace, package or version.
        Clash: the package is deleted, or names are taken.
        Invalid: with all that is missing or wrong.
    """
    if body.workspaceId != by.tenant.slug:
        raise NotFound("There is no workspace of this id.")
    package, seen, *_ = find_visible(desk, by.tenant, wanted)
    if package.deleted_at is not None:
        raise Clash("This integration is deleted; restore it first.", code="deleted")
    version = find_version(desk, package, body.integrationVersionId, seen)
    bound = bind(desk, version, body.authStateId)
    made, changes, rendered = install(desk, version, package.name, body, bound, by=by.name, at=by.at)
    outcomes = [Outcome(each.slug, each.name, each.type, ADDED) for each in rendered]
    return Installed(made, [*sweep(desk, by.at), *changes], outcomes)


def upgrade_install(desk: Desk, before: Install, body: UpgradeBody, by: By) -> Upgrade:
    """Return what upgrading an install comes to.

    Raises:
        NotFound: its package, or the version, is not there for this workspace.
        Clash: the package is deleted, or the version older.
        Invalid: with all that is missing or wrong.
    """
    package, seen, *_ = find_visible(desk, by.tenant, before.package)
    if package.deleted_at is not None:
        raise Clash("This integration is deleted: what is installed stays as it is.", code="deleted")
    new = find_version(desk, package, body.integrationVersionId, seen)
    old = find_pinned(desk, before)
    brought = body.authStateId or (before.auth if new.auth_config is not None else None)
    bound = bind(desk, new, brought)
    return upgrade(desk, before, Versions(old, new), body, bound, at=by.at)


def roll_back_install(desk: Desk, before: Install, by: By) -> Upgrade:
    """Return what bringing an install back to the version before comes to; raises what `roll_back` does."""
    was = find_version_of(desk, require_previous(before).version_id)
    return roll_back(desk, before, was, lambda version, auth: bind(desk, version, auth), by.at)


class Move:
    """One install on its way from a state to another; of two who move it at once, one is told."""

    def __init__(self, wanted: str) -> None:
        """Take the id of the install."""
        self._wanted = wanted
        self._seen: list[int] = []

    def plan(self, desk: Desk, come_to: Callable[[Desk, Install], Upgrade]) -> tuple[Install, Upgrade]:
        """Return the install as it is, and what it comes to; planned again, it is as it was the first time.

        Raises:
            Conflict: somebody else changed it meanwhile.
        """
        before = find_install(desk, self._wanted)
        paper = desk.paper(INSTALLS, self._wanted)
        self._seen.append(paper.version if paper else 0)
        if self._seen[-1] != self._seen[0]:
            raise Conflict("Somebody else changed this install meanwhile; look at it again.")
        return before, come_to(desk, before)


def bind(desk: Desk, version: PackageVersion, id: str | None) -> Bound | None:
    """Return the auth config that an installer brings, as a version asks for it; raises NotFound, Invalid."""
    auth = version.auth_config
    if auth is None:
        if id is not None:
            _refuse("not_allowed", "This integration takes no auth config.", "authConfig")
        return None
    if id is None:
        if auth.required:
            _refuse("required", "This integration needs an auth config of the workspace.", "required")
        return None
    found = SHELF.find_usable(desk, id, "/authStateId")
    name = name_record(found.id)
    record = desk.records([name]).get(name)
    if record is None or record.type != name_half(auth.provider, "auth"):
        _refuse("wrong_type", "This auth config is of another provider.", "const")

    def pair(type: str, values: Mapping[str, Any], config: str) -> Sequence[Problem]:
        kind = desk.catalogue.get(type)
        return [] if kind is None else desk.pairing(kind, config, name, Entered(config=values))

    return Bound(auth, name, pair)


@contextmanager
def unplaced() -> Iterator[None]:
    """Let what is wrong with an integration be told of that, not of its place among the changes."""
    try:
        yield
    except CredenzaError as error:
        error.problems = tuple(msgspec.structs.replace(each, index=None) for each in error.problems)
        raise


def _refuse(code: str, message: str, keyword: str) -> NoReturn:
    raise Invalid(message, code=code, problems=[Problem(code, message, "/authStateId", keyword)])
