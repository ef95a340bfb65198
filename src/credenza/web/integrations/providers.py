"""One integration at its own path: read, save, remove, reveal."""

from __future__ import annotations

import asyncio

from litestar import delete, get, post
from litestar.params import FromPath

from credenza.errors import Invalid, NotFound
from credenza.model import Drop, Receipt
from credenza.web.answers import Answer, answer_json, answer_nothing
from credenza.web.asking import AnyRequest, decoded, saved, workspace_of, writing
from credenza.web.auth import require_actor
from credenza.web.integrations import bodies, shapes
from credenza.web.paths import segment
from credenza.web.requests import Query, read_body, read_if_match
from credenza.workspace import Workspace
from credenza.workspace.admission import UNKNOWN_TYPE

PATH = "/api/integrations/provider/{name:str}"


@get(PATH, before_request=require_actor)
async def read_provider(request: AnyRequest, name: FromPath[str]) -> Answer:
    """Return one integration."""
    Query(request)
    view = await asyncio.to_thread(workspace_of(request).view, segment(name))
    return answer_json(shapes.show(view), etag=view.record.version)


@post(PATH, before_request=require_actor, status_code=200)
async def save_provider(request: AnyRequest, name: FromPath[str]) -> Answer:
    """Create or update one integration, and return it; with `dryRun` return what would come of it."""
    dry_run = Query(request, "dryRun").flag("dryRun", default=False)
    expected, workspace = read_if_match(request), await writing(request)
    put = await decoded(await read_body(request), bodies.read_provider, segment(name), expected)
    try:
        receipt = await saved(request, await asyncio.to_thread(workspace.submit, [put], dry_run=dry_run))
    except Invalid as error:
        if UNKNOWN_TYPE.code in {problem.code for problem in error.problems}:
            raise NotFound(error.message, code=UNKNOWN_TYPE.code, problems=error.problems) from None
        raise
    if dry_run:
        return answer_json(shapes.show_receipt(receipt))
    return await asyncio.to_thread(_show_saved, workspace, receipt)


@delete(PATH, before_request=require_actor, status_code=200)
async def delete_provider(request: AnyRequest, name: FromPath[str]) -> Answer:
    """Remove one integration with its apis, history and secrets; with `dryRun` only say whether it may."""
    dry_run = Query(request, "dryRun").flag("dryRun", default=False)
    drop = Drop(segment(name), read_if_match(request))
    await saved(request, workspace_of(request).submit([drop], dry_run=dry_run, verb="delete"))
    return answer_nothing()


@get(f"{PATH}/resolved", before_request=require_actor)
async def resolve_provider(request: AnyRequest, name: FromPath[str]) -> Answer:
    """Return one integration with its secrets in clear; audited before it answers."""
    Query(request)
    resolved = await asyncio.to_thread(workspace_of(request).reveal, segment(name))
    clear = shapes.show(resolved.view(), apis=True)
    return answer_json(clear, etag=resolved.record.version, headers={"Cache-Control": "no-store"})


def _show_saved(workspace: Workspace, receipt: Receipt) -> Answer:
    """Answer what was saved, at the version it made: somebody else may have saved or removed it since."""
    (item,) = receipt.items
    try:
        view = workspace.version(item.name or "", item.version or 0)
    except NotFound:
        return answer_nothing()
    return answer_json(shapes.show(view, apis=True), etag=view.record.version)


HANDLERS = [read_provider, save_provider, delete_provider, resolve_provider]
