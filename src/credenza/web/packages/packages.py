"""`/api/integrations` with ids and object bodies: packages, as drafts and as others see them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import msgspec
from litestar import delete, get, patch, post
from litestar.params import FromPath

from credenza.errors import Invalid
from credenza.model import Change, Permission
from credenza.model import questions as q
from credenza.model.entries import PACKAGES, VERSIONS
from credenza.plans.packages.checking import require_sound
from credenza.plans.packages.packages import (
    Package,
    PackageBody,
    PackageUpdate,
    create_package,
    delete_package,
    find_own,
    keep_package,
    needs_operator,
    purge_package,
    restore_package,
    update_package,
)
from credenza.plans.packages.versions import read_version
from credenza.plans.packages.visible import find_visible, see_all
from credenza.web.answers import Answer, answer_json
from credenza.web.asking import AnyRequest, now, opened_of, require_writer
from credenza.web.auth import actor_of, require_actor
from credenza.web.integrations.bodies import Body
from credenza.web.packages.asking import (
    answer_change,
    answer_operation,
    is_operator,
    read_shared,
    require_trust,
    tenant_of,
    viewer_of,
)
from credenza.web.packages.queries import read_list
from credenza.web.packages.shapes import PackageAnswer, PackageListAnswer, show_package
from credenza.web.paths import segment
from credenza.web.requests import Query, read_body
from credenza.workspace.desk import Desk, Planned

PATH = "/api/integrations"
ONE = f"{PATH}/{{integration_id:str}}"
_VERB = "package"
_MOST_BYTES = 8 << 20  # of the packages of a page; a manifest has up to one MiB
_AT_ONCE = 10  # packages that are read by one statement, and are in memory all the same
_SHORTHANDS = {
    "workspace_id": "workspaceId",
    "publisher": "publisher",
    "visibility": "visibility",
    "name": "name",
    "trust_tier": "trustTier",
    "created_by": "createdBy",
    "retention_tier": "retentionTier",
}
_new = Body[PackageBody](PackageBody)
_update = Body[PackageUpdate](PackageUpdate)


class Success(TypedDict):
    """It is done."""

    success: bool


DONE: Success = {"success": True}


async def list_packages(request: AnyRequest) -> Answer:
    """List packages: those of the workspace, those granted to it, and those that are public."""
    opened, tenant = opened_of(request), tenant_of(request)
    asked = read_list(request, q.PACKAGE, opened.vault, tenant, _SHORTHANDS)
    question = msgspec.structs.replace(asked.question, operating=is_operator(request))

    def job(desk: Desk) -> PackageListAnswer:
        found = desk.ask(question)
        ids, _ = asked.page(found)
        shown = _show_all(desk, ids, request)
        _, told = asked.page(found, len(shown))
        return {"data": shown, "pageInfo": told}

    return answer_json(await read_shared(request, job))


def _show_all(desk: Desk, ids: Sequence[str], request: AnyRequest) -> list[PackageAnswer]:
    """Return the packages of a page, from its beginning, as many as fit into an answer."""
    tenant, shown, size = viewer_of(request), list[PackageAnswer](), 0
    for at in range(0, len(ids), _AT_ONCE):
        for package, seen, own, shared in see_all(desk, tenant, ids[at : at + _AT_ONCE]):
            size += len(shared.paper.body)
            if shown and size > _MOST_BYTES:
                return shown
            workspace, operating = shared.tenant.slug, tenant is None
            shown.append(show_package(package, seen, workspace, own=own, operating=operating))
    return shown


async def create_integration_package(
    request: AnyRequest, body: bytearray, *, dry_run: bool = False
) -> Answer:
    """Make a draft of a package in the workspace."""
    await require_writer(request, _VERB, Permission.WRITE)
    said, tenant, at = _new.read(body), tenant_of(request), now(request)
    if needs_operator(said.trustTier):
        require_trust(request)

    def plan(desk: Desk) -> Planned[PackageAnswer]:
        package = create_package(desk, said, tenant.slug, actor_of(request).name, at)
        require_sound(package, desk.catalogue)
        return Planned([keep_package(package)], show_package(package, None, tenant.slug, own=True))

    return await answer_change(request, _VERB, plan, dry_run=dry_run)


@get(ONE, before_request=require_actor)
async def read_package(request: AnyRequest, integration_id: FromPath[str]) -> Answer:
    """Return a package: a draft to its own workspace, to others what was published."""
    Query(request)
    wanted, tenant = segment(integration_id), viewer_of(request)

    def job(desk: Desk) -> PackageAnswer:
        package, seen, own, shared = find_visible(desk, tenant, wanted)
        return show_package(package, seen, shared.tenant.slug, own=own, operating=tenant is None)

    return answer_json(await read_shared(request, job))


@patch(ONE, before_request=require_actor, status_code=200)
async def update_integration_package(request: AnyRequest, integration_id: FromPath[str]) -> Answer:
    """Change a draft: what it says of itself, its manifest, its variables. Operators change trust alone."""
    Query(request)
    wanted, at = segment(integration_id), now(request)
    if is_operator(request):
        return await _change_trust(request, wanted)
    await require_writer(request, _VERB, Permission.WRITE)
    said, tenant = _update.read(await read_body(request)), tenant_of(request)

    def plan(desk: Desk) -> Planned[PackageAnswer]:
        before = find_own(desk, wanted)
        if needs_operator(said.trustTier) and said.trustTier != before.trust_tier:
            require_trust(request)
        package = update_package(before, said, at)
        changes: list[Change] = []
        if package is not before:
            require_sound(package, desk.catalogue)
            changes = [keep_package(package)]
        return Planned(changes, show_package(package, None, tenant.slug, own=True))

    return await answer_change(request, _VERB, plan)


async def _change_trust(request: AnyRequest, wanted: str) -> Answer:
    said, at = _update.read(await read_body(request)), now(request)
    if said != PackageUpdate(trustTier=said.trustTier) or said.trustTier is msgspec.UNSET:
        raise Invalid("An operator changes the trustTier of a package, and nothing else.")

    def plan(desk: Desk) -> Planned[PackageAnswer]:
        package = update_package(find_own(desk, wanted), said, at)
        return Planned([keep_package(package)], show_operated(desk, package))

    return await answer_operation(request, _VERB, wanted, plan)


def show_operated(desk: Desk, package: Package) -> PackageAnswer:
    """Return a package as an operator sees it: as it was published, and how far its review has come."""
    shared, current = desk.shared(PACKAGES, [package.id])[package.id], package.current
    versions = {} if current is None else desk.shared(VERSIONS, [current.id])
    newest = next((read_version(each.paper) for each in versions.values()), None)
    return show_package(package, newest, shared.tenant.slug, own=False, operating=True)


@delete(ONE, before_request=require_actor, status_code=200)
async def delete_integration_package(request: AnyRequest, integration_id: FromPath[str]) -> Answer:
    """Delete a package softly: nobody installs it any longer, and what is installed goes on working."""
    Query(request)
    await require_writer(request, _VERB, Permission.WRITE)
    wanted, at = segment(integration_id), now(request)

    def plan(desk: Desk) -> Planned[Success]:
        return Planned([keep_package(delete_package(find_own(desk, wanted), at))], DONE)

    return await answer_change(request, "package.delete", plan)


@post(f"{ONE}/restore", before_request=require_actor, status_code=200)
async def restore_integration_package(request: AnyRequest, integration_id: FromPath[str]) -> Answer:
    """Restore a package that was deleted softly."""
    Query(request)
    await require_writer(request, _VERB, Permission.WRITE)
    wanted, at, tenant = segment(integration_id), now(request), tenant_of(request)

    def plan(desk: Desk) -> Planned[PackageAnswer]:
        before = find_own(desk, wanted, deleted=True)
        package = before if before.deleted_at is None else restore_package(before, at)
        changes: list[Change] = [] if package is before else [keep_package(package)]
        return Planned(changes, show_package(package, None, tenant.slug, own=True))

    return await answer_change(request, "package.restore", plan)


@delete(f"{ONE}/purge", before_request=require_actor, status_code=200)
async def purge_integration_package(request: AnyRequest, integration_id: FromPath[str]) -> Answer:
    """Remove a deleted package for good, once its retention is over and nobody has it installed."""
    Query(request)
    await require_writer(request, _VERB, Permission.ADMINISTER)
    wanted, at = segment(integration_id), now(request)

    def plan(desk: Desk) -> Planned[Success]:
        return Planned(purge_package(desk, find_own(desk, wanted, deleted=True), at), DONE)

    return await answer_change(request, "package.purge", plan)


HANDLERS = [
    read_package,
    update_integration_package,
    delete_integration_package,
    restore_integration_package,
    purge_integration_package,
]
