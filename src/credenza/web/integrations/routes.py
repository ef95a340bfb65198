"""The calls of the bulk-save surface. Each reads, asks the core, and shapes the answer."""

from __future__ import annotations

import asyncio

from litestar import get, post

from credenza.access import allows
from credenza.model import Permission
from credenza.sensitive import Sensitive
from credenza.web.answers import Answer, answer_json
from credenza.web.asking import AnyRequest, landed, workspace_of
from credenza.web.auth import require_actor
from credenza.web.integrations import apis, definitions, lists, providers, shapes, tags, usage, versions, wire
from credenza.web.paths import SLASH
from credenza.web.requests import Query, read_body, read_idempotency_key, read_if_match
from credenza.workspace import Mode, Once

_LARGE = 64 * 1024  # bytes, and items, from which on the event loop is not to be held up
_MANY = 500
_BULK = "/api/integrations"
_LISTED = f"{_BULK}/{SLASH}"


@post([_BULK, _LISTED], before_request=require_actor, status_code=200)
async def save_integrations(request: AnyRequest) -> Answer:
    """Create or update integrations in bulk, all or nothing; an object instead of a list drafts a package."""
    query = Query(request, "mode", "dryRun", "apis", "leads")
    mode = Mode(query.choice("mode", "atomic", "per-item"))
    dry_run = query.flag("dryRun", default=False)
    replace = query.choice("apis", "upsert", "replace") == "replace"
    leads = query.choice("leads", "allow", "refuse") == "allow"
    key, expected = read_idempotency_key(request), read_if_match(request)
    workspace = workspace_of(request)
    if not allows(workspace.actor, Permission.WRITE):
        await landed(request, workspace.submit([]))  # refused before the body is read, and audited
    body = await read_body(request)
    if body.lstrip()[:1] == b"{":
        from credenza.web.packages.routes import create_integration_package  # noqa: PLC0415

        return await create_integration_package(request, body, dry_run=dry_run)
    once = None
    if key is not None:
        whole = request.scope["query_string"] + b"|%d|" % (-1 if expected is None else expected) + body
        once = Once(key, Sensitive(whole))
    if len(body) <= _LARGE:
        items = wire.read_items(body, replace_apis=replace, expected=expected, leads=leads)
    else:
        items = await asyncio.to_thread(
            wire.read_items, body, replace_apis=replace, expected=expected, leads=leads
        )
    if dry_run:
        future = await asyncio.to_thread(workspace.submit, items, mode=mode, dry_run=True, once=once)
    else:
        future = workspace.submit(items, mode=mode, once=once)
    del body, items  # a large batch is not to be held while its answer is written
    receipt = await landed(request, future)
    status = 207 if mode is Mode.PER_ITEM else 200
    if len(receipt.items) > _MANY:
        return await asyncio.to_thread(answer_json, shapes.show_receipt(receipt), status=status)
    return answer_json(shapes.show_receipt(receipt), status=status)


@get(_BULK, before_request=require_actor)
async def list_integration_packages(request: AnyRequest) -> Answer:
    """List packages; with a slash at the end of the path, integrations."""
    from credenza.web.packages.routes import list_packages  # noqa: PLC0415  # few servers need it

    return await list_packages(request)


HANDLERS = [
    save_integrations,
    list_integration_packages,
    *lists.HANDLERS,
    *providers.HANDLERS,
    *versions.HANDLERS,
    *apis.HANDLERS,
    *tags.HANDLERS,
    *usage.HANDLERS,
    *definitions.HANDLERS,
]
