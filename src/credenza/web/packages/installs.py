"""`/api/integration-installs` and `/api/integration-members`: packages in a workspace."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from litestar import delete, get, post
from litestar.params import FromPath

from credenza.model import Permission
from credenza.model import questions as q
from credenza.model.entries import INSTALLS
from credenza.plans.packages.installs import (
    Install,
    InstallBody,
    find_install,
    keep_install,
    read_install,
)
from credenza.plans.packages.returns import detach, find_holder, remove
from credenza.plans.packages.upgrades import Upgrade, UpgradeBody
from credenza.web.answers import Answer, answer_json
from credenza.web.asking import AnyRequest, now, opened_of, read_papers, require_writer
from credenza.web.auth import require_actor
from credenza.web.integrations.bodies import Body
from credenza.web.packages.asking import answer_change, by_of, tenant_of
from credenza.web.packages.install_shapes import (
    InstallAnswer,
    InstallListAnswer,
    MemberListAnswer,
    UpgradeAnswer,
    show_install,
    show_members,
    show_outcome,
    show_upgrade,
)
from credenza.web.packages.packages import DONE, ONE, Success
from credenza.web.packages.queries import read_list
from credenza.web.paths import segment
from credenza.web.requests import Query, is_sent, read_body
from credenza.workspace import packages as planning
from credenza.workspace.desk import Desk, Planned

PATH = "/api/integration-installs"
_ONE = f"{PATH}/{{install_id:str}}"
_SHORTHANDS = {
    "integration_id": "integrationId",
    "parent_install_id": "parentInstallId",
    "retention_tier": "retentionTier",
}


class DetachBody(msgspec.Struct, forbid_unknown_fields=True):
    """Whether upgrades pass over a member."""

    detached: bool


_detach = Body[DetachBody](DetachBody)
_install = Body[InstallBody](InstallBody)
_upgrade = Body[UpgradeBody](UpgradeBody)


@get(PATH, before_request=require_actor)
async def list_installs(request: AnyRequest) -> Answer:
    """List the installs of the workspace."""
    opened, tenant = opened_of(request), tenant_of(request)
    asked = read_list(request, q.INSTALL, opened.vault, tenant, _SHORTHANDS)

    def job(desk: Desk) -> InstallListAnswer:
        ids, told = asked.page(desk.ask(asked.question))
        papers = desk.papers(INSTALLS, ids)
        shown = [show_install(read_install(papers[each]), tenant.slug) for each in ids if each in papers]
        return {"data": shown, "pageInfo": told}

    return answer_json(await read_papers(request, job))


@get(_ONE, before_request=require_actor)
async def read_one_install(request: AnyRequest, install_id: FromPath[str]) -> Answer:
    """Return an install."""
    Query(request)
    wanted, tenant = segment(install_id), tenant_of(request)
    return answer_json(
        await read_papers(
            request, lambda desk: show_install(find_install(desk, wanted, deleted=True), tenant.slug)
        )
    )


@post(f"{ONE}/install", before_request=require_actor, status_code=200)
async def install_package(request: AnyRequest, integration_id: FromPath[str]) -> Answer:
    """Install a package into the workspace: its members become integrations, all of them or none."""
    dry_run = Query(request, "dryRun").flag("dryRun", default=False)
    await require_writer(request, "package.install", Permission.WRITE)
    wanted, by = segment(integration_id), by_of(request)
    said = _install.read(await read_body(request))

    def plan(desk: Desk) -> Planned[InstallAnswer]:
        done = planning.install_package(desk, wanted, said, by)
        shown = show_install(done.install, by.tenant.slug)
        shown["members"] = [*map(show_outcome, done.outcomes)]
        shown["dryRun"] = dry_run
        return Planned(done.changes, shown)

    with planning.unplaced():
        return await answer_change(request, "package.install", plan, dry_run=dry_run)


@post(f"{_ONE}/upgrade", before_request=require_actor, status_code=200)
async def upgrade_install(request: AnyRequest, install_id: FromPath[str]) -> Answer:
    """Upgrade an install to the current version of its package, and keep what was changed here since."""
    dry_run = Query(request, "dryRun").flag("dryRun", default=False)
    await require_writer(request, "package.upgrade", Permission.WRITE)
    by = by_of(request)
    body = await read_body(request) if is_sent(request) else bytearray(b"{}")
    said = _upgrade.read(body or bytearray(b"{}"))

    def come_to(desk: Desk, before: Install) -> Upgrade:
        return planning.upgrade_install(desk, before, said, by)

    return await _move(request, install_id, "package.upgrade", come_to, dry_run=dry_run)


@post(f"{_ONE}/rollback", before_request=require_actor, status_code=200)
async def roll_back_install(request: AnyRequest, install_id: FromPath[str]) -> Answer:
    """Bring an install back to what it was before its last upgrade, with its integrations as they were."""
    dry_run = Query(request, "dryRun").flag("dryRun", default=False)
    await require_writer(request, "package.rollback", Permission.WRITE)
    by = by_of(request)
    return await _move(
        request,
        install_id,
        "package.rollback",
        lambda desk, before: planning.roll_back_install(desk, before, by),
        dry_run=dry_run,
    )


@delete(_ONE, before_request=require_actor, status_code=200)
async def remove_install(request: AnyRequest, install_id: FromPath[str]) -> Answer:
    """Remove an install with its integrations, or with `keep=members` without them."""
    query = Query(request, "keep", "dryRun")
    keeps = query.choice("keep", "nothing", "members") == "members"
    dry_run = query.flag("dryRun", default=False)
    await require_writer(request, "package.uninstall", Permission.WRITE)
    at = now(request)

    def come_to(desk: Desk, before: Install) -> Upgrade:
        return remove(desk, before, at, keep_members=keeps)

    return await _move(request, install_id, "package.uninstall", come_to, dry_run=dry_run)


@get(f"{_ONE}/members", before_request=require_actor)
async def list_install_members(request: AnyRequest, install_id: FromPath[str]) -> Answer:
    """List the integrations of an install, and how each stands."""
    Query(request)
    wanted = segment(install_id)

    def job(desk: Desk) -> MemberListAnswer:
        found = find_install(desk, wanted, deleted=True)
        return {"members": show_members(desk, found)}

    return answer_json(await read_papers(request, job))


async def _move(
    request: AnyRequest,
    install_id: str,
    verb: str,
    come_to: Callable[[Desk, Install], Upgrade],
    *,
    dry_run: bool,
) -> Answer:
    """Bring an install from one state to another; of two who do so at once, one is told."""
    move = planning.Move(segment(install_id))

    def plan(desk: Desk) -> Planned[UpgradeAnswer]:
        before, moved = move.plan(desk, come_to)
        return Planned(moved.changes, show_upgrade(before, moved, dry_run=dry_run))

    with planning.unplaced():
        return await answer_change(request, verb, plan, dry_run=dry_run)


@post("/api/integration-members/{member_id:str}/detach", before_request=require_actor, status_code=200)
async def detach_member(request: AnyRequest, member_id: FromPath[str]) -> Answer:
    """Let upgrades pass over a member of an install, or take part in it again."""
    Query(request)
    await require_writer(request, "package.detach", Permission.WRITE)
    wanted, said = segment(member_id), _detach.read(await read_body(request))

    def plan(desk: Desk) -> Planned[Success]:
        before = find_holder(desk, wanted)
        after = detach(before, wanted, detached=said.detached)
        return Planned([] if after == before else [keep_install(after)], DONE)

    return await answer_change(request, "package.detach", plan)


HANDLERS = [
    list_installs,
    read_one_install,
    install_package,
    upgrade_install,
    roll_back_install,
    remove_install,
    list_install_members,
    detach_member,
]
