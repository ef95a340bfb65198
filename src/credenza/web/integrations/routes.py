"""The calls of the bulk-save surface. Each reads, asks the core, and shapes the answer."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import msgspec
from litestar import Request, delete, get, post
from litestar.params import FromPath

from credenza.access import allows
from credenza.errors import Invalid, Problem
from credenza.model import Permission
from credenza.sensitive import Sensitive
from credenza.settings import Credenza
from credenza.web.answers import Answer, answer_json, answer_nothing
from credenza.web.auth import actor_of, require_actor
from credenza.web.integrations import shapes, wire
from credenza.web.landing import Landing
from credenza.web.paths import SLASH, segment
from credenza.web.requests import Query, read_body, read_idempotency_key, read_if_match
from credenza.workspace import Mode, Once, View, Workspace

AnyRequest = Request[Any, Any, Any]
_LARGE = 64 * 1024  # bytes, and items, from which on the event loop is not to be held up
_MANY = 500
_landing = Landing()


_BULK = "/api/integrations"
_LISTED = f"{_BULK}/{SLASH}"


@post([_BULK, _LISTED], before_request=require_actor, status_code=200)
async def save_integrations(request: AnyRequest) -> Answer:
    """Create or update integrations in bulk, all or nothing."""
    query = Query(request, "mode", "dryRun", "apis")
    mode = Mode(query.choice("mode", "atomic", "per-item"))
    dry_run = query.flag("dryRun", default=False)
    replace = query.choice("apis", "upsert", "replace") == "replace"
    key, expected = read_idempotency_key(request), read_if_match(request)
    workspace = _workspace(request)
    if not allows(workspace.actor, Permission.WRITE):
        await _landing.wait(workspace.submit([]))  # refused before the body is read, and audited
    body = await read_body(request)
    once = None
    if key is not None:
        whole = request.scope["query_string"] + b"|%d|" % (-1 if expected is None else expected) + body
        once = Once(key, Sensitive(whole))
    if len(body) <= _LARGE:
        items = wire.read_items(body, replace_apis=replace, expected=expected)
    else:
        items = await asyncio.to_thread(wire.read_items, body, replace_apis=replace, expected=expected)
    if dry_run:
        future = await asyncio.to_thread(workspace.submit, items, mode=mode, dry_run=True, once=once)
    else:
        future = workspace.submit(items, mode=mode, once=once)
    del body, items  # a large batch is not to be held while its answer is written
    receipt = await _landing.wait(future)
    status = 207 if mode is Mode.PER_ITEM else 200
    if len(receipt.items) > _MANY:
        return await asyncio.to_thread(answer_json, shapes.show_receipt(receipt), status=status)
    return answer_json(shapes.show_receipt(receipt), status=status)


@get(_LISTED, before_request=require_actor)
async def list_integrations(request: AnyRequest) -> Answer:
    """List integrations with their apis."""
    return await _list(request, apis=True)


@get("/api/integrations/provider", before_request=require_actor)
async def list_providers(request: AnyRequest) -> Answer:
    """List integrations without their apis."""
    return await _list(request, apis=False)


@get("/api/integrations/provider/{name:str}", before_request=require_actor)
async def read_provider(request: AnyRequest, name: FromPath[str]) -> Answer:
    """Return one integration."""
    Query(request)
    view = await asyncio.to_thread(_workspace(request).view, segment(name))
    return answer_json(shapes.show(view), etag=view.record.version)


@delete("/api/integrations/provider/{name:str}", before_request=require_actor, status_code=200)
async def delete_provider(request: AnyRequest, name: FromPath[str]) -> Answer:
    """Remove one integration with its apis, history and secrets."""
    Query(request)
    expected = read_if_match(request)
    await _landing.wait(_workspace(request).delete(segment(name), expected_version=expected))
    return answer_nothing()


@get("/api/integrations/provider/{name:str}/resolved", before_request=require_actor)
async def resolve_provider(request: AnyRequest, name: FromPath[str]) -> Answer:
    """Return one integration with its secrets in clear; audited before it answers."""
    Query(request)
    resolved = await asyncio.to_thread(_workspace(request).reveal, segment(name))
    clear = View(resolved.record, resolved.document, resolved.configuration.reveal())
    return answer_json(shapes.show(clear), etag=clear.record.version, headers={"Cache-Control": "no-store"})


@get("/api/integrations/provider/{name:str}/history", before_request=require_actor)
async def read_history(request: AnyRequest, name: FromPath[str]) -> Answer:
    """List the versions of one integration, newest first."""
    query = Query(request, "before", "limit")
    before = query.number("before", None, least=1, most=10**9 - 1)
    limit = query.number("limit", 100, least=1, most=100) or 100
    workspace = _workspace(request)
    versions = await asyncio.to_thread(workspace.history, segment(name), before=before, limit=limit)
    return answer_json(shapes.show_history(segment(name), versions))


@get("/api/integrations/provider/{name:str}/history/{version:int}", before_request=require_actor)
async def read_version(request: AnyRequest, name: FromPath[str], version: FromPath[int]) -> Answer:
    """Return what one integration said at a version, or with `against` how it differs from another."""
    against = Query(request, "against").number("against", None, least=1, most=10**9 - 1)
    workspace = _workspace(request)
    if against is None:
        view = await asyncio.to_thread(workspace.version, segment(name), version)
        return answer_json(shapes.show(view, apis=True))
    edits = await asyncio.to_thread(workspace.difference, segment(name), against, version)
    return answer_json(shapes.show_difference(segment(name), against, version, edits))


class RollbackBody(msgspec.Struct, forbid_unknown_fields=True):
    """Which version to bring back."""

    version: int


_rollback = msgspec.json.Decoder(RollbackBody)


@post("/api/integrations/provider/{name:str}/rollback", before_request=require_actor, status_code=200)
async def roll_back(request: AnyRequest, name: FromPath[str]) -> Answer:
    """Make an earlier version the next one."""
    dry_run = Query(request, "dryRun").flag("dryRun", default=False)
    try:
        version = _rollback.decode(await read_body(request)).version
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        message = 'Send {"version": N}, with the number of the version to bring back.'
        raise Invalid(message, problems=[Problem("invalid_data", message, "/version", "type")]) from None
    receipt = await asyncio.to_thread(
        _workspace(request).rollback,
        segment(name),
        version,
        expected_version=read_if_match(request),
        dry_run=dry_run,
    )
    return answer_json(shapes.show_receipt(receipt))


async def _list(request: AnyRequest, *, apis: bool) -> Answer:
    query = Query(request, "category", "type", "activeOnly", "search")
    find = partial(
        _workspace(request).list,
        category=query.text("category"),
        type=query.text("type"),
        enabled=True if query.flag("activeOnly", default=True) else None,
        search=query.text("search"),
    )

    def answer() -> Answer:
        return answer_json([shapes.show(view, apis=apis) for view in find()])

    return await asyncio.to_thread(answer)


def _workspace(request: AnyRequest) -> Workspace:
    opened: Credenza = request.app.state.credenza
    return opened.workspace(actor_of(request))


HANDLERS = [
    save_integrations,
    list_integrations,
    list_providers,
    read_provider,
    delete_provider,
    resolve_provider,
    read_history,
    read_version,
    roll_back,
]
