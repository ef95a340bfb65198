"""Who sees a package: its visibility, the workspaces it is granted to, and an operator's review."""

from __future__ import annotations

from typing import Literal, TypedDict

import msgspec
from litestar import delete, get, post, put
from litestar.params import FromPath

from credenza.access import is_workspace
from credenza.errors import Invalid, NotFound, Problem
from credenza.model import Change, Permission
from credenza.plans.packages.packages import (
    Package,
    Tier,
    change_grant,
    change_visibility,
    find_own,
    keep_package,
    review_package,
)
from credenza.web.answers import Answer, answer_json
from credenza.web.asking import AnyRequest, now, read_papers, require_writer
from credenza.web.auth import require_actor
from credenza.web.integrations.bodies import Body
from credenza.web.packages.asking import answer_change, answer_operation, tenant_of
from credenza.web.packages.packages import DONE, ONE, Success, show_operated
from credenza.web.packages.shapes import PackageAnswer, show_package
from credenza.web.paths import segment
from credenza.web.requests import Query, read_body
from credenza.workspace.desk import Desk, Planned

_GRANTS = f"{ONE}/grants"
_GRANT = f"{_GRANTS}/{{workspace_id:str}}"
_VERB = "package.share"


class VisibilityBody(msgspec.Struct, forbid_unknown_fields=True):
    """Who sees a package from now on."""

    visibility: Literal["private", "unlisted", "public"]


class ReviewBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What an operator decides of the version that was looked at."""

    decision: Literal["approve", "reject"]
    integrationVersionId: str  # noqa: N815
    trustTier: Tier | None = None  # noqa: N815


class GrantListAnswer(TypedDict):
    """The workspaces that a package is granted to."""

    data: list[str]


_visibility = Body[VisibilityBody](VisibilityBody)
_review = Body[ReviewBody](ReviewBody)


@put(f"{ONE}/visibility", before_request=require_actor, status_code=200)
async def set_visibility(request: AnyRequest, integration_id: FromPath[str]) -> Answer:
    """Say who sees a package: its workspace and grantees, whoever has its id, or everybody."""
    Query(request)
    await require_writer(request, _VERB, Permission.ADMINISTER)
    wanted, at, tenant = segment(integration_id), now(request), tenant_of(request)
    said = _visibility.read(await read_body(request))

    def plan(desk: Desk) -> Planned[PackageAnswer]:
        before = find_own(desk, wanted)
        package = change_visibility(before, said.visibility, at)
        return Planned(_save(before, package), show_package(package, None, tenant.slug, own=True))

    return await answer_change(request, _VERB, plan)


@get(_GRANTS, before_request=require_actor)
async def list_grants(request: AnyRequest, integration_id: FromPath[str]) -> Answer:
    """List the workspaces that a package is granted to."""
    Query(request)
    wanted = segment(integration_id)

    def job(desk: Desk) -> GrantListAnswer:
        return {"data": [*find_own(desk, wanted, deleted=True).grants]}

    return answer_json(await read_papers(request, job))


@get(_GRANT, before_request=require_actor)
async def read_grant(
    request: AnyRequest, integration_id: FromPath[str], workspace_id: FromPath[str]
) -> Answer:
    """Say that a package is granted to a workspace; 404 where it is not."""
    Query(request)
    wanted, workspace = segment(integration_id), segment(workspace_id)

    def job(desk: Desk) -> Success:
        if workspace not in find_own(desk, wanted, deleted=True).grants:
            raise NotFound("This integration is not granted to a workspace of this id.")
        return DONE

    return answer_json(await read_papers(request, job))


@put(_GRANT, before_request=require_actor, status_code=200)
async def add_grant(
    request: AnyRequest, integration_id: FromPath[str], workspace_id: FromPath[str]
) -> Answer:
    """Let a workspace see a package, whatever its visibility. Nobody is told whether there is such a one."""
    return await _change_grant(request, integration_id, workspace_id, granted=True)


@delete(_GRANT, before_request=require_actor, status_code=200)
async def remove_grant(
    request: AnyRequest, integration_id: FromPath[str], workspace_id: FromPath[str]
) -> Answer:
    """Take a grant back; what is installed by it goes on working."""
    return await _change_grant(request, integration_id, workspace_id, granted=False)


async def _change_grant(request: AnyRequest, id: str, workspace: str, *, granted: bool) -> Answer:
    Query(request)
    await require_writer(request, _VERB, Permission.ADMINISTER)
    wanted, grantee, at = segment(id), segment(workspace), now(request)
    if is_workspace(grantee) is None:
        message = "A workspace has 1 to 63 lower-case letters, digits and inner dashes."
        raise Invalid(message, problems=[Problem("invalid_name", message, "/workspaceId", "pattern")])

    def plan(desk: Desk) -> Planned[Success]:
        before = find_own(desk, wanted)
        return Planned(_save(before, change_grant(before, grantee, at, granted=granted)), DONE)

    return await answer_change(request, _VERB, plan)


@post(f"{ONE}/review", before_request=require_actor, status_code=200)
async def review_integration_package(request: AnyRequest, integration_id: FromPath[str]) -> Answer:
    """Approve a version of a package that asks to be public, or reject it."""
    Query(request)
    await require_writer(request, "package.review", Permission.OPERATE)
    wanted, at = segment(integration_id), now(request)
    said = _review.read(await read_body(request))

    def plan(desk: Desk) -> Planned[PackageAnswer]:
        before = find_own(desk, wanted)
        named = said.integrationVersionId
        release = next((each for each in reversed(before.releases) if named in each), None)
        if release is None:
            raise NotFound("There is no such version of this integration.")
        package = review_package(before, release, at, approve=said.decision == "approve")
        if said.trustTier is not None:
            package = msgspec.structs.replace(package, trust_tier=said.trustTier)
        return Planned(_save(before, package), show_operated(desk, package))

    return await answer_operation(request, "package.review", wanted, plan)


def _save(before: Package, after: Package) -> list[Change]:
    return [] if after == before else [keep_package(after)]


HANDLERS = [
    set_visibility,
    list_grants,
    read_grant,
    add_grant,
    remove_grant,
    review_integration_package,
]
