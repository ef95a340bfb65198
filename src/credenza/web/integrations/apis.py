"""The apis of an integration: models, indexes, tables, each at a path of its own."""

from __future__ import annotations

import asyncio

from litestar import delete, get, post
from litestar.params import FromPath

from credenza.errors import NotFound
from credenza.model import Api, DropApi
from credenza.web.answers import Answer, answer_json, answer_nothing
from credenza.web.asking import AnyRequest, decoded, saved, workspace_of, writing
from credenza.web.auth import require_actor
from credenza.web.integrations import bodies, shapes
from credenza.web.integrations.providers import PATH as PROVIDER
from credenza.web.paths import ALL, segment
from credenza.web.requests import Query, read_body, read_if_match
from credenza.workspace import View
from credenza.workspace.amending import NO_API

LIST = f"{PROVIDER}/integration"
PATH = f"{LIST}/{{api:str}}"


@get(LIST, before_request=require_actor)
async def list_apis(request: AnyRequest, name: FromPath[str]) -> Answer:
    """List the apis of an integration; those that are switched off only with `activeOnly=false`."""
    active = Query(request, "activeOnly").flag("activeOnly", default=True)
    view = await asyncio.to_thread(workspace_of(request).view, segment(name))
    apis = [api for api in view.document.apis if api.enabled or not active]
    return answer_json([shapes.show_api(view, api) for api in apis])


@get(f"{LIST}/{ALL}", before_request=require_actor)
async def list_api_names(request: AnyRequest, name: FromPath[str]) -> Answer:
    """List the names of the apis of an integration."""
    Query(request)
    view = await asyncio.to_thread(workspace_of(request).view, segment(name))
    return answer_json([api.api for api in view.document.apis])


@get(PATH, before_request=require_actor)
async def read_api(request: AnyRequest, name: FromPath[str], api: FromPath[str]) -> Answer:
    """Return one api of an integration."""
    Query(request)
    view, found = await find_api(request, name, api)
    return answer_json(shapes.show_api(view, found), etag=view.record.version)


@post(PATH, before_request=require_actor, status_code=200)
async def save_api(request: AnyRequest, name: FromPath[str], api: FromPath[str]) -> Answer:
    """Create or update one api of an integration that is there."""
    Query(request)
    workspace = await writing(request)
    parts = await decoded(await read_body(request), bodies.read_api_update, segment(name), segment(api))
    change = workspace.amend(segment(name), *parts, expected_version=read_if_match(request))
    await saved(request, change, "/apis/0")
    return answer_nothing()


@delete(PATH, before_request=require_actor, status_code=200)
async def delete_api(request: AnyRequest, name: FromPath[str], api: FromPath[str]) -> Answer:
    """Remove one api of an integration with what is sealed of it."""
    Query(request)
    part, expected = DropApi(segment(api)), read_if_match(request)
    await saved(request, workspace_of(request).amend(segment(name), part, expected_version=expected))
    return answer_nothing()


async def find_api(request: AnyRequest, name: str, api: str) -> tuple[View, Api]:
    """Return an integration and one of its apis, by their segments of the path; raises NotFound."""
    view = await asyncio.to_thread(workspace_of(request).view, segment(name))
    wanted = segment(api)
    found = next((each for each in view.document.apis if each.api == wanted), None)
    if found is None:
        raise NotFound(NO_API.message)
    return view, found


HANDLERS = [list_apis, list_api_names, read_api, save_api, delete_api]
