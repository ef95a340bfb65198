"""`/provider-configs`: what providers are configured with in clear. Values go in, and never come out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict

import msgspec
from litestar import delete, get, patch, post
from litestar.params import FromPath

from credenza.model import Change, Paper, Place
from credenza.plans.catalogue import Providers
from credenza.plans.configs import (
    DEPLOYMENT,
    KIND,
    PREFIX,
    SHELF,
    Config,
    ConfigBody,
    ConfigUpdate,
    create_config,
    update_config,
)
from credenza.plans.previews import Preview, find_previews
from credenza.plans.retirement import end
from credenza.plans.tool_filters import ShownFilter, show_filter
from credenza.web.answers import Answer
from credenza.web.asking import AnyRequest, now, read_papers, require_writer
from credenza.web.auth import require_actor
from credenza.web.paths import segment
from credenza.web.templates.answers import Page, answer, answer_page, read_page
from credenza.web.templates.asking import providers_of, save_values
from credenza.web.templates.bodies import Body
from credenza.web.templates.instance_cascade import follow, mark
from credenza.web.templates.instance_means import name_providers
from credenza.web.templates.previews import ReferencePreview, show_reference
from credenza.web.templates.query import Listing, read_choice, require_no_query
from credenza.web.templates.times import write_time, write_time_or_none
from credenza.workspace.desk import Desk, Planned

PATH = "/provider-configs"
_ONE = f"{PATH}/{{provider_config_id:str}}"
_VERB = "config"
_FOLLOWED = "provider_config"  # what instances are linked to it by
_POINTERS = {PREFIX: "/value"}
LISTING = Listing(KIND, links=("provider_id", "provider_deployment_id"))
_new = Body(ConfigBody)
_update = Body(ConfigUpdate)


class ConfigAnswer(TypedDict):
    """A config, without any value of it. `is_default`: its deployment uses it where no other is named."""

    object: str
    id: str
    status: str
    is_default: bool
    name: str | None
    description: str | None
    metadata: dict[str, Any] | None
    tool_filter: ShownFilter
    provider_id: str
    specification_id: str | None
    deployment: ReferencePreview | None
    from_vault: None
    created_at: str
    updated_at: str
    archived_at: str | None


def show_config(config: Config, deployments: Mapping[str, Preview], providers: Providers) -> ConfigAnswer:
    """Return a config as answers show it."""
    provider = providers.find(config.provider_id)
    return {
        "object": "provider.config",
        "id": config.id,
        "status": config.status,
        "is_default": config.is_default,
        "name": config.name,
        "description": config.description,
        "metadata": config.metadata,
        "tool_filter": show_filter(config.tool_filter),
        "provider_id": config.provider_id,
        "specification_id": provider.specification_id if provider else None,
        "deployment": show_reference(DEPLOYMENT, deployments.get(config.deployment_id or "")),
        "from_vault": None,
        "created_at": write_time(config.created_at),
        "updated_at": write_time(config.updated_at),
        "archived_at": write_time_or_none(config.archived_at),
    }


@get(PATH, before_request=require_actor)
async def list_configs(request: AnyRequest) -> Answer:
    """List configs."""
    choice, find = read_choice(request, LISTING), await providers_of(request)

    def job(desk: Desk) -> Page[msgspec.Raw]:
        providers = find(desk)

        def show_all(found: Sequence[tuple[Place, Paper]]) -> list[ConfigAnswer]:
            configs = [SHELF.read(paper) for _, paper in found]
            return _show_all(desk, providers, configs)

        return read_page(desk, name_providers(choice, providers), show_all)

    return answer_page(request, await read_papers(request, job))


@get(_ONE, before_request=require_actor)
async def read_config(request: AnyRequest, provider_config_id: FromPath[str]) -> Answer:
    """Return one config."""
    require_no_query(request)
    named, find = segment(provider_config_id), await providers_of(request)

    def job(desk: Desk) -> ConfigAnswer:
        (shown,) = _show_all(desk, find(desk), [SHELF.find(desk, named)])
        return shown

    return answer(request, await read_papers(request, job))


@post(PATH, before_request=require_actor, status_code=200)
async def create_provider_config(request: AnyRequest) -> Answer:
    """Make a config of a provider, with its values."""
    require_no_query(request)
    await require_writer(request, _VERB)
    body, at = await _new.read(request), now(request)
    return await _change(request, lambda desk, providers: create_config(desk, providers, body, at))


@patch(_ONE, before_request=require_actor)
async def update_provider_config(request: AnyRequest, provider_config_id: FromPath[str]) -> Answer:
    """Change a config; its values stay."""
    require_no_query(request)
    await require_writer(request, _VERB)
    body, at, named = await _update.read(request), now(request), segment(provider_config_id)

    def plan(desk: Desk, _: Providers) -> tuple[Config, list[Change]]:
        before = SHELF.find_open(desk, named)
        config = update_config(before, body, at)
        return config, [] if config == before else [SHELF.keep(config)]

    return await _change(request, plan)


@delete(_ONE, before_request=require_actor, status_code=200)
async def archive_provider_config(request: AnyRequest, provider_config_id: FromPath[str]) -> Answer:
    """Archive a config that nothing active uses, and destroy its values."""
    require_no_query(request)
    await require_writer(request, _VERB)
    at, named = now(request), segment(provider_config_id)

    def plan(desk: Desk, _: Providers) -> tuple[Config, list[Change]]:
        config, changes = end(desk, SHELF, named, at)
        return config, [*changes, *mark(desk, _FOLLOWED, named, at)]

    gone = await _change(request, plan)
    await follow(request, _FOLLOWED, named)
    return gone


async def _change(
    request: AnyRequest, plan: Callable[[Desk, Providers], tuple[Config, list[Change]]]
) -> Answer:
    """Save what becomes of a config, and answer it."""
    find = await providers_of(request)

    def run(desk: Desk) -> Planned[ConfigAnswer]:
        providers = find(desk)
        config, changes = plan(desk, providers)
        (shown,) = _show_all(desk, providers, [config])
        return Planned(changes, shown)

    shown = await save_values(request, _VERB, run, _POINTERS)
    return answer(request, shown)


def _show_all(desk: Desk, providers: Providers, configs: Sequence[Config]) -> list[ConfigAnswer]:
    deployments = find_previews(desk, DEPLOYMENT, [config.deployment_id for config in configs])
    return [show_config(config, deployments, providers) for config in configs]


HANDLERS = [
    list_configs,
    read_config,
    create_provider_config,
    update_provider_config,
    archive_provider_config,
]
