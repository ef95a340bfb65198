"""The labels of an integration and of its apis; a label is known by its key and value together."""

from __future__ import annotations

import asyncio

from litestar import delete, get, put
from litestar.params import FromPath

from credenza.model import AddTags, DropTags
from credenza.web.answers import Answer, answer_json, answer_nothing
from credenza.web.asking import AnyRequest, decoded, saved, workspace_of, writing
from credenza.web.auth import require_actor
from credenza.web.integrations import bodies, shapes
from credenza.web.integrations.apis import PATH as API
from credenza.web.integrations.apis import find_api
from credenza.web.integrations.providers import PATH as PROVIDER
from credenza.web.paths import segment
from credenza.web.requests import Query, read_body, read_if_match


@get(f"{PROVIDER}/tags", before_request=require_actor)
async def list_tags(request: AnyRequest, name: FromPath[str]) -> Answer:
    """List the labels of an integration."""
    Query(request)
    view = await asyncio.to_thread(workspace_of(request).view, segment(name))
    return answer_json(shapes.show_tags(view.document.tags))


@put(f"{PROVIDER}/tags", before_request=require_actor, status_code=200)
async def add_tags(request: AnyRequest, name: FromPath[str]) -> Answer:
    """Add labels to an integration; those it has stay."""
    return await _retag(request, AddTags, name)


@delete(f"{PROVIDER}/tags", before_request=require_actor, status_code=200)
async def drop_tags(request: AnyRequest, name: FromPath[str]) -> Answer:
    """Remove labels from an integration: those of the body, a list or a single one."""
    return await _retag(request, DropTags, name)


@get(f"{API}/tags", before_request=require_actor)
async def list_api_tags(request: AnyRequest, name: FromPath[str], api: FromPath[str]) -> Answer:
    """List the labels of an api."""
    Query(request)
    _, found = await find_api(request, name, api)
    return answer_json(shapes.show_tags(found.tags))


@put(f"{API}/tags", before_request=require_actor, status_code=200)
async def add_api_tags(request: AnyRequest, name: FromPath[str], api: FromPath[str]) -> Answer:
    """Add labels to an api; those it has stay."""
    return await _retag(request, AddTags, name, segment(api))


@delete(f"{API}/tags", before_request=require_actor, status_code=200)
async def drop_api_tags(request: AnyRequest, name: FromPath[str], api: FromPath[str]) -> Answer:
    """Remove labels from an api: those of the body, a list or a single one."""
    return await _retag(request, DropTags, name, segment(api))


async def _retag(
    request: AnyRequest, kind: type[AddTags | DropTags], name: str, api: str | None = None
) -> Answer:
    Query(request)
    expected, workspace = read_if_match(request), await writing(request)
    tags, within = await decoded(await read_body(request), bodies.read_tag_list)
    change = workspace.amend(segment(name), kind(tags, api), expected_version=expected)
    await saved(request, change, within)
    return answer_nothing()


HANDLERS = [list_tags, add_tags, drop_tags, list_api_tags, add_api_tags, drop_api_tags]
