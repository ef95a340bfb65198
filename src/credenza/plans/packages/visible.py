"""Which packages and versions of them a workspace sees, by id or by the words that people use."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from credenza.errors import Clash, NotFound
from credenza.model import Shared, Tenant
from credenza.model.entries import PACKAGES, VERSIONS
from credenza.model.questions import EQUAL, MISSING, PACKAGE, Comparison, Every, Key, Question
from credenza.plans.packages.installs import Install
from credenza.plans.packages.packages import Package, missing_package, read_package
from credenza.plans.packages.reading import Library
from credenza.plans.packages.versions import PackageVersion, read_version

_MOST = 20


def find_visible(
    library: Library, tenant: Tenant, wanted: str
) -> tuple[Package, PackageVersion | None, bool]:
    """Return a package as a workspace sees it, the version it sees of it, and whether it is its own.

    Of another workspace's package that is the newest version, or the newest one that is approved.

    Raises:
        NotFound: there is none of this id, or not for this workspace.
    """
    shared = library.shared(PACKAGES, [wanted]).get(wanted)
    if shared is None:
        raise missing_package()
    return see(shared, tenant, lambda ids: library.shared(VERSIONS, ids))


def see(
    shared: Shared, tenant: Tenant, read: Callable[[list[str]], Mapping[str, Shared]]
) -> tuple[Package, PackageVersion | None, bool]:
    """Return the same of a package that was found."""
    package, own = read_package(shared.paper), shared.tenant.id == tenant.id
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


def find_slug(library: Library, tenant: Tenant, word: str) -> str:
    """Return the id of a package by its slug, as `workspace/slug` where that is another workspace's.

    A slug alone is the workspace's own package, else the only one of this slug that it sees.

    Raises:
        NotFound: it sees none.
        Clash: `ambiguous`: several workspaces have one, which are named.
    """
    workspace, _, slug = word.rpartition("/")
    found = _ask(library, slug, workspace or tenant.slug)
    if not found and not workspace:
        found = _ask(library, slug, None)
    if not found:
        raise missing_package()
    if len(found) > 1:
        owners = ", ".join(sorted(f"{owner}/{slug}" for _, owner in found))
        raise Clash(f"Several workspaces have a package of this slug; say which: {owners}.", code="ambiguous")
    return found[0][0]


def _ask(library: Library, slug: str, workspace: str | None) -> list[tuple[str, str]]:
    parts = [Comparison("slug", EQUAL, slug), Comparison("deletedAt", MISSING, value=True)]
    parts += [] if workspace is None else [Comparison("workspaceId", EQUAL, workspace)]
    keys = (Key("workspaceId"), Key("id"))
    question = Question(entity=PACKAGE, keys=keys, limit=_MOST, where=Every(tuple(parts)), count=1)
    return [(row.id, str(row.keys[0])) for row in library.ask(question).rows[:_MOST]]
