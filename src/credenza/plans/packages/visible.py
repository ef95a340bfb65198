"""Which packages and versions of them a workspace sees, by id or by the words that people use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from credenza.errors import NotFound
from credenza.model import Shared, Tenant
from credenza.model.entries import PACKAGES, VERSIONS
from credenza.model.questions import EQUAL, MISSING, PACKAGE, Comparison, Every, Key, Question
from credenza.plans.packages.installs import Install
from credenza.plans.packages.packages import Package, find_own, missing_package, read_package
from credenza.plans.packages.reading import Library
from credenza.plans.packages.versions import PackageVersion, read_version

_MOST = 20


class Sight(NamedTuple):
    """A package as a workspace sees it: which version of it, whether it is its own, and where it is kept.

    Of another workspace's package that is the newest version, or the newest one that is approved.
    """

    package: Package
    version: PackageVersion | None
    own: bool
    shared: Shared


def find_visible(library: Library, tenant: Tenant | None, wanted: str) -> Sight:
    """Return a package as a workspace sees it; nothing is of an operator, who is in no workspace (None).

    Raises:
        NotFound: there is none of this id, or not for this workspace.
    """
    found = see_all(library, tenant, [wanted])
    if not found:
        raise missing_package()
    return found[0]


def see_all(library: Library, tenant: Tenant | None, wanted: Sequence[str]) -> list[Sight]:
    """Return the same of those packages of several that are there, in their order; raises NotFound."""
    shared = library.shared(PACKAGES, wanted)
    packages = {each: read_package(kept.paper) for each, kept in shared.items()}
    versions = library.shared(
        VERSIONS, [each for package in packages.values() for each in _list_seen(package)]
    )
    return [_see(packages[each], shared[each], tenant, versions) for each in wanted if each in shared]


def _list_seen(package: Package) -> list[str]:
    """Return the ids of its newest version, and of the newest that the public may see."""
    return list(dict.fromkeys(each.id for each in (package.current, *package.approved[-1:]) if each))


def _see(package: Package, shared: Shared, tenant: Tenant | None, versions: Mapping[str, Shared]) -> Sight:
    own = tenant is not None and shared.tenant.id == tenant.id
    seen = (read_version(versions[each].paper) for each in _list_seen(package) if each in versions)
    version = next(seen, None)
    if version is None and not own:
        raise missing_package()
    return Sight(package, version, own, shared)


def find_version(
    library: Library, package: Package, wanted: str | None, seen: PackageVersion | None
) -> PackageVersion:
    """Return a version of a package that this workspace may read, by id or number; None: the one it sees.

    Raises:
        NotFound: there is no such version, or not for this workspace.
    """
    if wanted is None:
        if seen is None:
            raise NotFound("Nothing of this integration is published yet.")
        return seen
    ids = [release.id for release in package.releases if wanted in release]
    shared = library.shared(VERSIONS, ids)
    if not shared:
        raise NotFound("There is no such version of this integration.")
    return read_version(shared[ids[0]].paper)


def find_pinned(library: Library, install: Install) -> PackageVersion:
    """Return the version that is installed; raises NotFound."""
    return find_version_of(library, install.version_id)


def find_version_of(library: Library, wanted: str) -> PackageVersion:
    """Return a version by its id alone; raises NotFound."""
    shared = library.shared(VERSIONS, [wanted]).get(wanted)
    if shared is None:
        raise NotFound("This version is gone.")
    return read_version(shared.paper)


def find_own_slug(library: Library, tenant: Tenant, slug: str) -> Package | None:
    """Return the workspace's own package of a slug; None: there is none. Raises Gone where it is deleted."""
    found = _ask(library, Comparison("slug", EQUAL, slug), Comparison("workspaceId", EQUAL, tenant.slug))
    return find_own(library, found[0][1]) if found else None


def list_slug(library: Library, tenant: Tenant, word: str) -> list[tuple[str, str]]:
    """Return workspace and id of the packages that a slug, or `workspace/slug`, may mean to a workspace.

    A slug alone means the workspace's own package, where it has one.
    """
    workspace, _, slug = word.rpartition("/")
    there = (Comparison("slug", EQUAL, slug), Comparison("deletedAt", MISSING, value=True))
    own = _ask(library, *there, Comparison("workspaceId", EQUAL, workspace or tenant.slug))
    return own or ([] if workspace else _ask(library, *there))


def _ask(library: Library, *parts: Comparison) -> list[tuple[str, str]]:
    keys = (Key("workspaceId"), Key("id"))
    question = Question(entity=PACKAGE, keys=keys, limit=_MOST, where=Every(parts), count=1)
    return [(str(row.keys[0]), row.id) for row in library.ask(question).rows[:_MOST]]
