"""Which package or install a word on the command line means: an id, a slug, or `workspace/slug`."""

from __future__ import annotations

from credenza.errors import Clash, NotFound
from credenza.model import Tenant
from credenza.model import questions as q
from credenza.model.entries import INSTALLS, PACKAGES
from credenza.plans.packages.installs import Install, find_install
from credenza.plans.packages.visible import list_slug
from credenza.workspace.desk import Desk

_MOST = 20


def find_package_id(desk: Desk, tenant: Tenant, word: str) -> str:
    """Return the id of the package that a word means to a workspace.

    Raises:
        NotFound: it sees none.
        Clash: several workspaces have one, which are named.
    """
    if word.startswith("int_") and desk.shared(PACKAGES, [word]):
        return word
    found = list_slug(desk, tenant, word)
    if len(found) > 1:
        slug = word.rpartition("/")[2]
        owners = ", ".join(f"{workspace}/{slug}" for workspace, _ in found)
        raise Clash(f"Several workspaces have a package of this slug; say which: {owners}.", code="ambiguous")
    if not found:
        raise NotFound(
            "This workspace sees no such package; `credenza package list` shows those it does.",
            code="unknown_package",
        )
    return found[0][1]


def find_install_id(desk: Desk, tenant: Tenant, word: str) -> str:
    """Return the id of the install that a word means: its own, or the package's where one is installed once.

    Raises:
        NotFound: there is none.
        Gone: it was removed.
        Clash: the package is installed several times; the installs are named.
    """
    if word.startswith("ins_") and desk.paper(INSTALLS, word) is not None:
        return find_install(desk, word).id
    found = list_installs(desk, find_package_id(desk, tenant, word), _MOST)
    if len(found) > 1:
        ids = ", ".join(each.id for each in found)
        raise Clash(f"This package is installed several times; say which install: {ids}.", code="ambiguous")
    if not found:
        raise NotFound(
            "There is no install of this package here; `credenza package installs` lists what there is.",
            code="unknown_install",
        )
    return found[0].id


def list_installs(desk: Desk, package: str | None, limit: int) -> list[Install]:
    """Return installs of the workspace that were not removed, of one package or of all, the oldest first."""
    parts = [q.Comparison("deletedAt", q.MISSING, value=True)]
    parts += [] if package is None else [q.Comparison("integrationId", q.EQUAL, package)]
    question = q.Question(
        entity=q.INSTALL, keys=(q.Key("id"),), limit=limit, where=q.Every(tuple(parts)), count=1
    )
    return [find_install(desk, row.id) for row in desk.ask(question).rows[:limit]]
