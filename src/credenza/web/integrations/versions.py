"""What an integration was: its history, its earlier versions, and bringing one back."""

from __future__ import annotations

import asyncio

import msgspec
from litestar import get, post
from litestar.params import FromPath

from credenza.web.answers import Answer, answer_json
from credenza.web.asking import AnyRequest, workspace_of, writing
from credenza.web.auth import require_actor
from credenza.web.integrations import shapes
from credenza.web.integrations.bodies import Body
from credenza.web.integrations.providers import PATH
from credenza.web.paths import segment
from credenza.web.requests import Query, read_body, read_if_match


@get(f"{PATH}/history", before_request=require_actor)
async def read_history(request: AnyRequest, name: FromPath[str]) -> Answer:
    """List the versions of one integration, newest first."""
    query = Query(request, "before", "limit")
    before = query.number("before", None, least=1, most=10**9 - 1)
    limit = query.number("limit", 100, least=1, most=100) or 100
    workspace = workspace_of(request)
    versions = await asyncio.to_thread(workspace.history, segment(name), before=before, limit=limit)
    return answer_json(shapes.show_history(segment(name), versions))


@get(f"{PATH}/history/{{version:int}}", before_request=require_actor)
async def read_version(request: AnyRequest, name: FromPath[str], version: FromPath[int]) -> Answer:
    """Return what one integration said at a version, or with `against` how it differs from another."""
    against = Query(request, "against").number("against", None, least=1, most=10**9 - 1)
    workspace = workspace_of(request)
    if against is None:
        view = await asyncio.to_thread(workspace.version, segment(name), version)
        return answer_json(shapes.show(view, apis=True))
    edits = await asyncio.to_thread(workspace.difference, segment(name), against, version)
    return answer_json(shapes.show_difference(segment(name), against, version, edits))


class RollbackBody(msgspec.Struct, forbid_unknown_fields=True):
    """Which version to bring back."""

    version: int


_rollback = Body[RollbackBody](RollbackBody)


@post(f"{PATH}/rollback", before_request=require_actor, status_code=200)
async def roll_back(request: AnyRequest, name: FromPath[str]) -> Answer:
    """Make an earlier version the next one."""
    dry_run = Query(request, "dryRun").flag("dryRun", default=False)
    workspace = await writing(request, "rollback")
    version = _rollback.read(await read_body(request)).version
    receipt = await asyncio.to_thread(
        workspace.rollback,
        segment(name),
        version,
        expected_version=read_if_match(request),
        dry_run=dry_run,
    )
    return answer_json(shapes.show_receipt(receipt))


HANDLERS = [read_history, read_version, roll_back]
