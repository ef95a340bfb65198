"""Which packages and versions of them a workspace sees, by id or by the words that people use."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from credenza.errors import NotFound
from credenza.model import Shared, Tenant
from credenza.model.entries import PACKAGES, VERSIONS
from credenza.model.questions import EQUAL, MISSING, PACKAGE, Comparison, Every, Key, Question
from credenza.plans.packages.installs import Install
from credenza.plans.packages.packages import Package, find_own, missing_package, read_package
from credenza.plans.packages.reading import Library
from credenza.plans.packages.versions import PackageVersion, read_version

_MOST = 20


def find_visible(
    library: Library, tenant: Tenant | None, wanted: str
) -> tuple[Package, PackageVersion | None, bool]:
    """Return a package as a workspace sees it, the version it sees of it, and whether it is its own.

    Nothing is of an operator, who is in no workspace (None).

    Of another workspace's package that is the newest version, or the newest one that is approved.

    Raises:
        NotFound: there is none of this id, or not for this workspace.
    """
    shared = library.shared(PACKAGES, [wanted]).get(wanted)
    if shared is None:
        raise missing_package()
    return see(shared, tenant, lambda ids: library.shared(VERSIONS, ids))


def see(
    shared: Shared, tenant: Tenant | None, read: Callable[[list[str]], Mapping[str, Shared]]
) -> tuple[Package, PackageVersion | None, bool]:
    """Return the same of a package that was found."""
    package, own = read_package(shared.paper), tenant is not None and shared.tenant.id == tenant.id
    wanted = [each.id for each in (package.current, *package.approved[-1:]) if each is not None]
    versions = read(list(dict.fromkeys(wanted)))
    seen = next((read_version(versions[each].paper) for each in wanted if each in versions), None)
    if seen is None and not own:
        raise missing_package()
    return package, seen, own


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
