"""How the apis of an integration are used: with which prompts, by how many tokens, up to which limit."""

from __future__ import annotations

import asyncio
from collections import defaultdict

from litestar import get, post
from litestar.params import FromPath

from credenza.access import allows
from credenza.errors import NotFound
from credenza.model import AddPrompt, Permission, Usage
from credenza.web.answers import Answer, answer_json, answer_nothing
from credenza.web.asking import AnyRequest, decoded, landed, saved, workspace_of, writing
from credenza.web.auth import require_actor
from credenza.web.integrations import bodies, shapes
from credenza.web.integrations.apis import PATH as API
from credenza.web.integrations.apis import find_api
from credenza.web.integrations.providers import PATH as PROVIDER
from credenza.web.paths import segment
from credenza.web.requests import Query, read_body, read_if_match
from credenza.workspace import milliseconds

_LIMIT = "/api/integrations/llm/{name:str}/token"
_DAY = 86_400_000  # milliseconds
_WINDOW, _LONGEST_WINDOW = 31, 3_660  # days


@post(f"{API}/prompt/{{prompt:str}}", before_request=require_actor, status_code=200)
async def associate_prompt(
    request: AnyRequest, name: FromPath[str], api: FromPath[str], prompt: FromPath[str]
) -> Answer:
    """Say that a prompt may be used with an api."""
    Query(request)
    part, expected = AddPrompt(segment(api), segment(prompt)), read_if_match(request)
    await saved(request, workspace_of(request).amend(segment(name), part, expected_version=expected))
    return answer_nothing()


@get(f"{API}/prompt", before_request=require_actor)
async def list_prompts(request: AnyRequest, name: FromPath[str], api: FromPath[str]) -> Answer:
    """List the prompts that may be used with an api: their names, for their texts are kept elsewhere."""
    Query(request)
    view, found = await find_api(request, name, api)
    return answer_json([shapes.show_prompt(view, found, prompt) for prompt in found.prompts])


@get(f"{PROVIDER}/metrics", before_request=require_actor)
async def read_provider_metrics(request: AnyRequest, name: FromPath[str]) -> Answer:
    """Return by api how many tokens were used."""
    Query(request)
    workspace = workspace_of(request)
    view = await asyncio.to_thread(workspace.view, segment(name))
    counts = defaultdict(int, {api.api: 0 for api in view.document.apis})
    for used in await asyncio.to_thread(workspace.usage, segment(name)):
        counts[used.api] += used.total
    return answer_json(counts)


@get(f"{API}/metrics", before_request=require_actor)
async def read_api_metrics(request: AnyRequest, name: FromPath[str], api: FromPath[str]) -> Answer:
    """Return how many tokens an api used."""
    Query(request)
    await find_api(request, name, api)
    used = await asyncio.to_thread(workspace_of(request).usage, segment(name), api=segment(api))
    return answer_json(sum(each.total for each in used))


@post(f"{API}/metrics", before_request=require_actor, status_code=200)
async def count_tokens(request: AnyRequest, name: FromPath[str], api: FromPath[str]) -> Answer:
    """Add to the tokens an api used: a number, or how many of prompts and of completions."""
    Query(request)
    workspace = workspace_of(request)
    if not allows(workspace.actor, Permission.COUNT):
        nothing = Usage(segment(api), 0, 0, 0, 0)  # refused before the body is read, and audited
        await landed(request, await asyncio.to_thread(workspace.count, segment(name), nothing))
    usage = await decoded(await read_body(request), bodies.read_count, segment(api), milliseconds())
    counted = await asyncio.to_thread(workspace.count, segment(name), usage)
    await landed(request, counted)
    return answer_nothing()


@get(_LIMIT, before_request=require_actor)
async def read_token_limit(request: AnyRequest, name: FromPath[str]) -> Answer:
    """Return the token limit that was set last, or with `api` that of an api."""
    api = Query(request, "api").text("api")
    view = await asyncio.to_thread(workspace_of(request).view, segment(name))
    limits = [limit for limit in view.document.limits if api in {None, limit.api}]
    if not limits:
        raise NotFound("No token limit is set.")
    return answer_json(shapes.show_limit(view, limits[-1]))


@post(_LIMIT, before_request=require_actor, status_code=200)
async def set_token_limit(request: AnyRequest, name: FromPath[str]) -> Answer:
    """Set the token limit of an integration or of one of its apis; 0 takes it away."""
    Query(request)
    expected, workspace = read_if_match(request), await writing(request)
    limit = bodies.read_limit(await read_body(request), segment(name))
    await saved(request, workspace.amend(segment(name), limit, expected_version=expected))
    return answer_nothing()


@get(f"{_LIMIT}/history", before_request=require_actor)
async def read_token_history(request: AnyRequest, name: FromPath[str]) -> Answer:
    """List the tokens used by api and day, of the last `lookUpWindow` days; `model` may name one api."""
    query = Query(request, "model", "lookUpWindow")
    days = query.number("lookUpWindow", _WINDOW, least=1, most=_LONGEST_WINDOW) or _WINDOW
    model = query.text("model")
    since = milliseconds() - days * _DAY
    api = None if model in {None, "*"} else model
    used = await asyncio.to_thread(workspace_of(request).usage, segment(name), since=since, api=api)
    return answer_json([shapes.show_usage(segment(name), each) for each in used])


HANDLERS = [
    associate_prompt,
    list_prompts,
    read_provider_metrics,
    read_api_metrics,
    count_tokens,
    read_token_limit,
    set_token_limit,
    read_token_history,
]
