"""`/provider-deployments`: providers as a workspace uses them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypedDict

import msgspec
from litestar import delete, get, patch, post
from litestar.params import FromPath

from credenza.model import Change, Paper, Place
from credenza.plans import configs
from credenza.plans.catalogue import PROVIDER, Providers
from credenza.plans.deployments import (
    CONFIG,
    KIND,
    SHELF,
    Deployment,
    DeploymentBody,
    DeploymentUpdate,
    create_deployment,
    find_configs,
    update_deployment,
)
from credenza.plans.previews import Preview, preview_kept
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
from credenza.web.templates.previews import ReferencePreview, show_reference
from credenza.web.templates.query import Listing, read_choice, require_no_query
from credenza.web.templates.times import write_time, write_time_or_none
from credenza.workspace.desk import Desk, Planned

PATH = "/provider-deployments"
_ONE = f"{PATH}/{{provider_deployment_id:str}}"
_VERB = "deployment"
_FOLLOWED = "provider_deployment"  # what instances are linked to it by
LISTING = Listing(KIND, links=("provider_id",))
_new = Body(DeploymentBody)
_update = Body(DeploymentUpdate)


class DeploymentAnswer(TypedDict):
    """A deployment; its default config is shown without any value of it."""

    object: str
    id: str
    status: str
    is_default: bool
    name: str | None
    description: str | None
    metadata: dict[str, Any] | None
    tool_filter: ShownFilter
    provider_id: str
    locked_version: None
    default_config: ReferencePreview | None
    created_at: str
    updated_at: str
    archived_at: str | None


def show_deployment(deployment: Deployment, previews: dict[str, Preview]) -> DeploymentAnswer:
    """Return a deployment as answers show it; no provider has one that nobody made, so none is default."""
    return {
        "object": "provider.deployment",
        "id": deployment.id,
        "status": deployment.status,
        "is_default": False,
        "name": deployment.name,
        "description": deployment.description,
        "metadata": deployment.metadata,
        "tool_filter": show_filter(deployment.tool_filter),
        "provider_id": deployment.provider_id,
        "locked_version": None,
        "default_config": show_reference("config", previews.get(deployment.default_config_id or "")),
        "created_at": write_time(deployment.created_at),
        "updated_at": write_time(deployment.updated_at),
        "archived_at": write_time_or_none(deployment.archived_at),
    }


@get(PATH, before_request=require_actor)
async def list_deployments(request: AnyRequest) -> Answer:
    """List deployments."""
    choice, providers = read_choice(request, LISTING), await providers_of(request)

    def show_all(desk: Desk, found: Sequence[tuple[Place, Paper]]) -> list[DeploymentAnswer]:
        deployments = [SHELF.read(paper) for _, paper in found]
        previews = find_configs(desk, *deployments)
        return [show_deployment(each, previews) for each in deployments]

    def job(desk: Desk) -> Page[msgspec.Raw]:
        known = providers(desk)
        links = tuple(
            (relation, known.translate(ids) if relation == PROVIDER else ids)
            for relation, ids in choice.links
        )
        named = msgspec.structs.replace(choice, links=links)
        return read_page(desk, named, lambda found: show_all(desk, found))

    return answer_page(request, await read_papers(request, job))


@get(_ONE, before_request=require_actor)
async def read_deployment(request: AnyRequest, provider_deployment_id: FromPath[str]) -> Answer:
    """Return one deployment."""
    require_no_query(request)
    named = segment(provider_deployment_id)
    return answer(request, await read_papers(request, lambda desk: _show(desk, SHELF.find(desk, named))))


@post(PATH, before_request=require_actor, status_code=200)
async def create_provider_deployment(request: AnyRequest) -> Answer:
    """Make a deployment of a provider."""
    require_no_query(request)
    await require_writer(request, _VERB)
    body, at = await _new.read(request), now(request)
    return await _change(request, lambda desk, providers: create_deployment(desk, providers, body, at))


@patch(_ONE, before_request=require_actor)
async def update_provider_deployment(request: AnyRequest, provider_deployment_id: FromPath[str]) -> Answer:
    """Change a deployment."""
    require_no_query(request)
    await require_writer(request, _VERB)
    body, at, named = await _update.read(request), now(request), segment(provider_deployment_id)

    def plan(desk: Desk, _: Providers) -> tuple[Deployment, list[Change]]:
        deployment, changes = update_deployment(desk, SHELF.find_open(desk, named), body, at)
        return deployment, [*changes, *mark(desk, _FOLLOWED, named, at)] if changes else []

    changed = await _change(request, plan)
    await follow(request, _FOLLOWED, named)
    return changed


@delete(_ONE, before_request=require_actor, status_code=200)
async def archive_deployment(request: AnyRequest, provider_deployment_id: FromPath[str]) -> Answer:
    """Archive a deployment that nothing active uses."""
    require_no_query(request)
    await require_writer(request, _VERB)
    at, named = now(request), segment(provider_deployment_id)

    def run(desk: Desk, _: Providers) -> tuple[Deployment, list[Change]]:
        return end(desk, SHELF, named, at)

    return await _change(request, run)


async def _change(
    request: AnyRequest, plan: Callable[[Desk, Providers], tuple[Deployment, list[Change]]]
) -> Answer:
    """Save what becomes of a deployment, and answer it."""
    providers = await providers_of(request)

    def run(desk: Desk) -> Planned[DeploymentAnswer]:
        deployment, changes = plan(desk, providers(desk))
        previews = find_configs(desk, deployment) | preview_kept(changes, CONFIG)
        return Planned(changes, show_deployment(deployment, previews))

    shown = await save_values(request, _VERB, run, {configs.PREFIX: "/provider_config/value"})
    return answer(request, shown)


def _show(desk: Desk, deployment: Deployment) -> DeploymentAnswer:
    return show_deployment(deployment, find_configs(desk, deployment))


HANDLERS = [
    list_deployments,
    read_deployment,
    create_provider_deployment,
    update_provider_deployment,
    archive_deployment,
]
