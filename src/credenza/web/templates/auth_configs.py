"""`/provider-auth-configs`: the secrets of providers. They go in, are sealed, and never come out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypedDict

import msgspec
from litestar import delete, get, patch, post
from litestar.params import FromPath

from credenza.model import Change, Paper, Place
from credenza.plans.auth_configs import (
    KIND,
    PREFIX,
    SHELF,
    AuthConfig,
    AuthConfigBody,
    AuthConfigUpdate,
    create_auth_config,
    update_auth_config,
)
from credenza.plans.catalogue import Providers
from credenza.plans.configs import DEPLOYMENT
from credenza.plans.configs import KIND as CONFIG
from credenza.plans.previews import Preview, find_previews
from credenza.plans.retirement import end
from credenza.plans.singles import Given
from credenza.plans.tool_filters import ShownFilter, show_filter
from credenza.web.answers import Answer
from credenza.web.asking import AnyRequest, now, read_papers, require_writer, workspace_of
from credenza.web.auth import require_actor
from credenza.web.paths import segment
from credenza.web.templates.answers import Page, answer, answer_page, read_page
from credenza.web.templates.asking import providers_of, save_values
from credenza.web.templates.bodies import Body
from credenza.web.templates.catalogue import AuthMethodAnswer, show_auth_method
from credenza.web.templates.instance_cascade import follow, mark
from credenza.web.templates.instance_means import name_providers
from credenza.web.templates.previews import ReferencePreview, show_reference
from credenza.web.templates.query import Listing, read_choice, require_no_query
from credenza.web.templates.times import write_time, write_time_or_none
from credenza.workspace.desk import Desk, Planned

PATH = "/provider-auth-configs"
_ONE = f"{PATH}/{{provider_auth_config_id:str}}"
_VERB = "auth_config"
_FOLLOWED = "provider_auth_config"  # what instances are linked to it by
_POINTERS = {PREFIX: "/value"}
LISTING = Listing(
    KIND,
    links=("provider_id", "provider_deployment_id", "provider_config_id", "provider_auth_method_id"),
)
_new = Body(AuthConfigBody)
_update = Body(AuthConfigUpdate)


class AuthConfigAnswer(TypedDict):
    """An auth config, without its secrets; `config` is the one it is for, where it names one."""

    object: str
    id: str
    type: str
    source: str
    status: str
    is_default: bool
    name: str | None
    description: str | None
    metadata: dict[str, Any] | None
    tool_filter: ShownFilter
    provider_id: str
    deployment: ReferencePreview | None
    config: ReferencePreview | None
    credentials: None
    auth_method: AuthMethodAnswer | None
    created_at: str
    updated_at: str
    archived_at: str | None


class _Around(NamedTuple):
    """What auth configs refer to."""

    providers: Providers
    deployments: dict[str, Preview]
    configs: dict[str, Preview]


def show_auth_config(auth: AuthConfig, around: _Around) -> AuthConfigAnswer:
    """Return an auth config as answers show it."""
    method = around.providers.find_method(auth.auth_method_id)
    return {
        "object": "provider.auth_config",
        "id": auth.id,
        "type": auth.type,
        "source": auth.source,
        "status": auth.status,
        "is_default": auth.is_default,
        "name": auth.name,
        "description": auth.description,
        "metadata": auth.metadata,
        "tool_filter": show_filter(auth.tool_filter),
        "provider_id": auth.provider_id,
        "deployment": show_reference(DEPLOYMENT, around.deployments.get(auth.deployment_id or "")),
        "config": show_reference(CONFIG, around.configs.get(auth.config_id or "")),
        "credentials": None,
        "auth_method": show_auth_method(method) if method else None,
        "created_at": write_time(auth.created_at),
        "updated_at": write_time(auth.updated_at),
        "archived_at": write_time_or_none(auth.archived_at),
    }


@get(PATH, before_request=require_actor)
async def list_auth_configs(request: AnyRequest) -> Answer:
    """List auth configs."""
    choice, find = read_choice(request, LISTING), await providers_of(request)

    def job(desk: Desk) -> Page[msgspec.Raw]:
        providers = find(desk)

        def show_all(found: Sequence[tuple[Place, Paper]]) -> list[AuthConfigAnswer]:
            return _show_all(desk, providers, [SHELF.read(paper) for _, paper in found])

        return read_page(desk, name_providers(choice, providers), show_all)

    return answer_page(request, await read_papers(request, job))


@get(_ONE, before_request=require_actor)
async def read_auth_config(request: AnyRequest, provider_auth_config_id: FromPath[str]) -> Answer:
    """Return one auth config."""
    require_no_query(request)
    named, find = segment(provider_auth_config_id), await providers_of(request)

    def job(desk: Desk) -> AuthConfigAnswer:
        (shown,) = _show_all(desk, find(desk), [SHELF.find(desk, named)])
        return shown

    return answer(request, await read_papers(request, job))


@post(PATH, before_request=require_actor, status_code=200)
async def create_provider_auth_config(request: AnyRequest) -> Answer:
    """Make an auth config, with its secrets."""
    require_no_query(request)
    await require_writer(request, _VERB)
    body, at, lenient = await _new.read(request), now(request), workspace_of(request).lenient
    return await _change(
        request,
        lambda desk, providers: create_auth_config(desk, providers, body, at, lenient=lenient),
    )


@patch(_ONE, before_request=require_actor)
async def update_provider_auth_config(request: AnyRequest, provider_auth_config_id: FromPath[str]) -> Answer:
    """Change an auth config, or some of its secrets."""
    require_no_query(request)
    await require_writer(request, _VERB)
    body, at, named = await _update.read(request), now(request), segment(provider_auth_config_id)
    lenient = workspace_of(request).lenient

    def plan(desk: Desk, providers: Providers) -> tuple[AuthConfig, list[Change]]:
        before = SHELF.find_open(desk, named)
        auth, changes = update_auth_config(desk, providers, before, body, at, lenient=lenient)
        follows = changes and not isinstance(body.value, Given)
        return auth, [*changes, *mark(desk, _FOLLOWED, named, at)] if follows else changes

    changed = await _change(request, plan)
    if not (isinstance(body.value, Given) and isinstance(body.provider_config_id, Given)):
        # What was missing for an instance may be there now, and what led elsewhere be entered anew.
        await follow(request, _FOLLOWED, named)
    return changed


@delete(_ONE, before_request=require_actor, status_code=200)
async def archive_provider_auth_config(request: AnyRequest, provider_auth_config_id: FromPath[str]) -> Answer:
    """Archive an auth config that nothing active uses, and destroy its secrets."""
    require_no_query(request)
    await require_writer(request, _VERB)
    at, named = now(request), segment(provider_auth_config_id)

    def plan(desk: Desk, _: Providers) -> tuple[AuthConfig, list[Change]]:
        auth, changes = end(desk, SHELF, named, at)
        return auth, [*changes, *mark(desk, _FOLLOWED, named, at)]

    gone = await _change(request, plan)
    await follow(request, _FOLLOWED, named)
    return gone


async def _change(
    request: AnyRequest, plan: Callable[[Desk, Providers], tuple[AuthConfig, list[Change]]]
) -> Answer:
    """Save what becomes of an auth config, and answer it."""
    find = await providers_of(request)

    def run(desk: Desk) -> Planned[AuthConfigAnswer]:
        providers = find(desk)
        auth, changes = plan(desk, providers)
        (shown,) = _show_all(desk, providers, [auth])
        return Planned(changes, shown)

    shown = await save_values(request, _VERB, run, _POINTERS)
    return answer(request, shown)


def _show_all(desk: Desk, providers: Providers, auths: Sequence[AuthConfig]) -> list[AuthConfigAnswer]:
    around = _Around(
        providers,
        find_previews(desk, DEPLOYMENT, [auth.deployment_id for auth in auths]),
        find_previews(desk, CONFIG, [auth.config_id for auth in auths]),
    )
    return [show_auth_config(auth, around) for auth in auths]


HANDLERS = [
    list_auth_configs,
    read_auth_config,
    create_provider_auth_config,
    update_provider_auth_config,
    archive_provider_auth_config,
]
