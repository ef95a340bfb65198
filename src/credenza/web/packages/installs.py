"""`/api/integration-installs` and `/api/integration-members`: packages in a workspace."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec
from litestar import delete, get, post
from litestar.params import FromPath

from credenza.errors import Clash, Conflict, CredenzaError, Invalid, NotFound, Problem
from credenza.model import Change, Keep, Permission
from credenza.model import questions as q
from credenza.model.entries import INSTALLS, VERSIONS
from credenza.plans.packages.given import take_variables
from credenza.plans.packages.installs import (
    Install,
    InstallBody,
    find_install,
    install,
    keep_install,
    read_install,
)
from credenza.plans.packages.packages import RETENTION
from credenza.plans.packages.rendering import Rendered, render
from credenza.plans.packages.returns import detach, remove, roll_back
from credenza.plans.packages.upgrades import ADDED, Outcome, Upgrade, UpgradeBody, Versions, upgrade
from credenza.plans.packages.versions import PackageVersion, read_version
from credenza.web.answers import Answer, answer_json
from credenza.web.asking import AnyRequest
from credenza.web.auth import actor_of, require_actor
from credenza.web.integrations.bodies import Body
from credenza.web.packages.asking import (
    answer_change,
    find_version,
    find_visible,
    now,
    opened_of,
    read_papers,
    require,
    tenant_of,
)
from credenza.web.packages.bringing import bind
from credenza.web.packages.install_shapes import (
    InstallAnswer,
    InstallListAnswer,
    MemberListAnswer,
    UpgradeAnswer,
    show_install,
    show_member,
    show_outcome,
    show_upgrade,
)
from credenza.web.packages.packages import DONE, ONE, Success
from credenza.web.packages.queries import read_list
from credenza.web.paths import segment
from credenza.web.requests import Query, header, read_body
from credenza.workspace.desk import Desk, Planned

PATH = "/api/integration-installs"
_ONE = f"{PATH}/{{install_id:str}}"
_SHORTHANDS = {
    "integration_id": "integrationId",
    "parent_install_id": "parentInstallId",
    "retention_tier": "retentionTier",
}
_SWEPT = 50


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
    await require(request, Permission.WRITE, "package.install")
    wanted, at, by, tenant = segment(integration_id), now(request), actor_of(request).name, tenant_of(request)
    said = _install.read(await read_body(request))

    def plan(desk: Desk) -> Planned[InstallAnswer]:
        if said.workspaceId != tenant.slug:
            raise NotFound("There is no workspace of this id.")
        package, seen, _ = find_visible(desk, tenant, wanted)
        if package.deleted_at is not None:
            raise Clash("This integration is deleted; restore it first.", code="deleted")
        version = find_version(desk, package, said.integrationVersionId, seen)
        bound = bind(desk, version, said.authStateId)
        made, changes, rendered = install(desk, version, package.name, said, bound, by=by, at=at)
        shown = show_install(made, tenant.slug)
        outcomes = [Outcome(each.slug, each.name, each.type, ADDED) for each in rendered]
        shown["members"] = [show_outcome(each) for each in outcomes]
        shown["dryRun"] = dry_run
        return Planned([*_sweep(desk, at), *changes], shown)

    return await _placed(answer_change(request, "package.install", plan, dry_run=dry_run))


@post(f"{_ONE}/upgrade", before_request=require_actor, status_code=200)
async def upgrade_install(request: AnyRequest, install_id: FromPath[str]) -> Answer:
    """Upgrade an install to the current version of its package, and keep what was changed here since."""
    dry_run = Query(request, "dryRun").flag("dryRun", default=False)
    await require(request, Permission.WRITE, "package.upgrade")
    at, tenant = now(request), tenant_of(request)
    body = await read_body(request) if _is_sent(request) else bytearray(b"{}")
    said = _upgrade.read(body or bytearray(b"{}"))

    def come_to(desk: Desk, before: Install) -> Upgrade:
        package, seen, _ = find_visible(desk, tenant, before.package)
        if package.deleted_at is not None:
            raise Clash("This integration is deleted: what is installed stays as it is.", code="deleted")
        new = find_version(desk, package, said.integrationVersionId, seen)
        old = _read_pinned(desk, before)
        bound = bind(desk, new, said.authStateId or before.auth)
        return upgrade(desk, before, Versions(old, new), said, bound, at=at)

    return await _move(request, install_id, "package.upgrade", come_to, dry_run=dry_run)


@post(f"{_ONE}/rollback", before_request=require_actor, status_code=200)
async def roll_back_install(request: AnyRequest, install_id: FromPath[str]) -> Answer:
    """Bring an install back to what it was before its last upgrade, with its integrations as they were."""
    dry_run = Query(request, "dryRun").flag("dryRun", default=False)
    await require(request, Permission.WRITE, "package.rollback")
    at = now(request)
    return await _move(
        request,
        install_id,
        "package.rollback",
        lambda desk, before: roll_back(desk, before, at),
        dry_run=dry_run,
    )


@delete(_ONE, before_request=require_actor, status_code=200)
async def remove_install(request: AnyRequest, install_id: FromPath[str]) -> Answer:
    """Remove an install with its integrations, or with `keep=members` without them."""
    query = Query(request, "keep", "dryRun")
    keeps = query.choice("keep", "nothing", "members") == "members"
    dry_run = query.flag("dryRun", default=False)
    await require(request, Permission.WRITE, "package.uninstall")
    at = now(request)

    def come_to(desk: Desk, before: Install) -> Upgrade:
        below = q.Every(
            (
                q.Comparison("parentInstallId", q.EQUAL, before.id),
                q.Comparison("deletedAt", q.MISSING, value=True),
            )
        )
        if desk.ask(q.Question(entity=q.INSTALL, keys=(q.Key("id"),), limit=1, where=below, count=1)).rows:
            raise Clash("Other installs have this one as their parent.", code="has_installs_below")
        removal = remove(desk, before, at, keep_members=keeps)
        return removal._replace(changes=[*_sweep(desk, at), *removal.changes])

    return await _move(request, install_id, "package.uninstall", come_to, dry_run=dry_run)


@get(f"{_ONE}/members", before_request=require_actor)
async def list_install_members(request: AnyRequest, install_id: FromPath[str]) -> Answer:
    """List the integrations of an install, and how each stands."""
    Query(request)
    wanted = segment(install_id)

    def job(desk: Desk) -> MemberListAnswer:
        found = find_install(desk, wanted, deleted=True)
        records = desk.records([member.name for member in found.members])
        version = desk.shared(VERSIONS, [found.version_id]).get(found.version_id)
        said = {} if version is None else _render_all(read_version(version.paper), found)
        return {
            "members": [
                show_member(found, member, records.get(member.name), said.get(member.slug))
                for member in found.members
            ]
        }

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
    wanted = segment(install_id)
    seen: list[int] = []

    def plan(desk: Desk) -> Planned[UpgradeAnswer]:
        before = find_install(desk, wanted)
        paper = desk.paper(INSTALLS, wanted)
        seen.append(paper.version if paper else 0)
        if seen[-1] != seen[0]:
            raise Conflict("Somebody else changed this install meanwhile; look at it again.")
        moved = come_to(desk, before)
        return Planned(moved.changes, show_upgrade(before, moved, dry_run=dry_run))

    return await _placed(answer_change(request, verb, plan, dry_run=dry_run))


async def _placed(changing: Awaitable[Answer]) -> Answer:
    """Return what a change comes to; what is wrong with an integration is told of that, not of its place."""
    try:
        return await changing
    except CredenzaError as error:
        if not error.problems:
            raise
        problems = [_unplace(problem) for problem in error.problems]
        raise type(error)(error.message, code=error.code, problems=problems) from None


def _unplace(problem: Problem) -> Problem:
    return Problem(problem.code, problem.message, problem.pointer, problem.keyword, name=problem.name)


def _read_pinned(desk: Desk, before: Install) -> PackageVersion:
    shared = desk.shared(VERSIONS, [before.version_id]).get(before.version_id)
    if shared is None:
        raise NotFound("The version that is installed is gone.")
    return read_version(shared.paper)


def _render_all(version: PackageVersion, found: Install) -> dict[str, Rendered]:
    """Return what a version says of each member, as far as that can be told."""
    names = tuple((version.variables_schema or {}).get("properties", {}))
    try:
        given = take_variables(version, found.variables, {}, names)
    except Invalid:
        return {}
    rendered = [
        render(member, at, given.variables, given.public)
        for at, member in enumerate(version.manifest.members)
    ]
    return {each.slug: each for each, problems in rendered if not problems}


def _sweep(desk: Desk, at: int) -> list[Change]:
    """Return the changes that forget some removed installs whose retention is over."""
    ended = q.Either(
        tuple(
            q.Every(
                (
                    q.Comparison("retentionTier", q.EQUAL, tier),
                    q.Comparison("deletedAt", q.AT_MOST, at - span),
                )
            )
            for tier, span in RETENTION.items()
        )
    )
    keys = (q.Key("id"),)
    found = desk.ask(q.Question(entity=q.INSTALL, keys=keys, limit=_SWEPT, where=ended, count=1)).rows[
        :_SWEPT
    ]
    desk.papers(INSTALLS, [row.id for row in found])
    return [Keep(kind=INSTALLS, slug=row.id, body=None) for row in found]


def _is_sent(request: AnyRequest) -> bool:
    return header(request, b"content-length") not in {None, "0"} or (
        header(request, b"transfer-encoding") is not None
    )


@post("/api/integration-members/{member_id:str}/detach", before_request=require_actor, status_code=200)
async def detach_member(request: AnyRequest, member_id: FromPath[str]) -> Answer:
    """Let upgrades pass over a member of an install, or take part in it again."""
    Query(request)
    await require(request, Permission.WRITE, "package.detach")
    wanted, said = segment(member_id), _detach.read(await read_body(request))
    has_it = q.Every((q.Related("members", q.Comparison("id", q.EQUAL, wanted)),))

    def plan(desk: Desk) -> Planned[Success]:
        rows = desk.ask(
            q.Question(entity=q.INSTALL, keys=(q.Key("id"),), limit=1, where=has_it, count=1)
        ).rows
        if not rows:
            raise NotFound("There is no member of this id.")
        before = find_install(desk, rows[0].id)
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
