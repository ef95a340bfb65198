"""`/integration-instances`: templates set up for somebody."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypedDict

import msgspec
from litestar import delete, get, patch, post
from litestar.params import FromPath

from credenza.model import Change, Paper, Place
from credenza.plans.catalogue import Providers
from credenza.plans.instance_changes import (
    InstanceBody,
    InstanceUpdate,
    archive_instance,
    create_instance,
    find_open,
    update_instance,
)
from credenza.plans.instance_providers import Means
from credenza.plans.instances import DRAFT, KIND, Instance, find_instance, read_instance
from credenza.plans.previews import ACTIVE, ARCHIVED
from credenza.plans.templates import find_usable_template
from credenza.web.answers import Answer
from credenza.web.asking import AnyRequest, read_papers, require_writer
from credenza.web.auth import require_actor
from credenza.web.paths import segment
from credenza.web.templates.answers import Page, answer, answer_page, read_page
from credenza.web.templates.asking import change_papers, providers_of
from credenza.web.templates.bodies import Body
from credenza.web.templates.instance_means import find_means, name_providers
from credenza.web.templates.instance_providers import (
    VERB,
    InstanceProviderAnswer,
    Surroundings,
    show_instance_provider,
)
from credenza.web.templates.query import GONE, Listing, read_choice, require_no_query
from credenza.web.templates.times import write_time, write_time_or_none
from credenza.workspace.desk import Desk, Planned

PATH = "/integration-instances"
_ONE = f"{PATH}/{{integration_instance_id:str}}"
LISTING = Listing(
    KIND,
    statuses=(DRAFT, ACTIVE, *GONE),
    links=(
        "integration_id",
        "provider_id",
        "integration_provider_id",
        "identity_id",
        "identity_credential_id",
        "identity_actor_id",
        "provider_deployment_id",
        "provider_config_id",
        "provider_auth_config_id",
        "session_template_id",
    ),
)
_new = Body(InstanceBody)
_update = Body(InstanceUpdate)


class InstanceAnswer(TypedDict):
    """An instance with its active providers. It is a plain one: nothing else implements it."""

    object: str
    id: str
    status: str
    name: str
    description: str | None
    metadata: dict[str, Any] | None
    integration_id: str
    identity_actor_id: str | None
    identity_id: str | None
    implementation: None
    providers: list[InstanceProviderAnswer]
    created_at: str
    updated_at: str
    archived_at: str | None


def show_instances(desk: Desk, providers: Providers, instances: Sequence[Instance]) -> list[InstanceAnswer]:
    """Return instances as answers show them."""
    shown = [(instance, provider) for instance in instances for provider in instance.active_providers]
    around = Surroundings.read(desk, providers, instances, shown)
    return [_show(instance, around) for instance in instances]


def _show(instance: Instance, around: Surroundings) -> InstanceAnswer:
    template = around.templates[instance.integration_id]
    # An archived template takes its instances along, also where that is still going on.
    gone = [each.archived_at for each in (instance, template) if each.status == ARCHIVED]
    active = [
        each
        for each in instance.active_providers
        if not gone and around.parent(instance, each).status == ACTIVE
    ]
    return {
        "object": "integration.instance",
        "id": instance.id,
        "status": ARCHIVED if gone else instance.status,
        "name": instance.name,
        "description": instance.description,
        "metadata": instance.metadata,
        "integration_id": instance.integration_id,
        "identity_actor_id": instance.identity_actor_id,
        "identity_id": instance.identity_id,
        "implementation": None,
        "providers": [show_instance_provider(instance, each, around) for each in active],
        "created_at": write_time(instance.created_at),
        "updated_at": write_time(instance.updated_at),
        "archived_at": write_time_or_none(gone[0] if gone else None),
    }


@get(PATH, before_request=require_actor)
async def list_instances(request: AnyRequest) -> Answer:
    """List instances."""
    choice, providers = read_choice(request, LISTING), await providers_of(request)

    def job(desk: Desk) -> Page[msgspec.Raw]:
        known = providers(desk)

        def show_all(found: Sequence[tuple[Place, Paper]]) -> list[InstanceAnswer]:
            return show_instances(desk, known, [read_instance(paper) for _, paper in found])

        return read_page(desk, name_providers(choice, known), show_all)

    return answer_page(request, await read_papers(request, job))


@get(_ONE, before_request=require_actor)
async def read_integration_instance(request: AnyRequest, integration_instance_id: FromPath[str]) -> Answer:
    """Return one instance."""
    require_no_query(request)
    providers, wanted = await providers_of(request), segment(integration_instance_id)
    [shown] = await read_papers(
        request, lambda desk: show_instances(desk, providers(desk), [find_instance(desk, wanted)])
    )
    return answer(request, shown)


@post(PATH, before_request=require_actor, status_code=200)
async def create_integration_instance(request: AnyRequest) -> Answer:
    """Make an instance of a template."""
    require_no_query(request)
    await require_writer(request, VERB)
    body = await _new.read(request)

    def plan(means: Means) -> tuple[Instance, list[Change]]:
        return create_instance(means, find_usable_template(means.reader, body.integration_id), body)

    return await _change(request, plan)


@patch(_ONE, before_request=require_actor)
async def update_integration_instance(request: AnyRequest, integration_instance_id: FromPath[str]) -> Answer:
    """Change an instance."""
    require_no_query(request)
    await require_writer(request, VERB)
    body, wanted = await _update.read(request), segment(integration_instance_id)

    def plan(means: Means) -> tuple[Instance, list[Change]]:
        template, instance = find_open(means.reader, wanted)
        return update_instance(means, template, instance, body)

    return await _change(request, plan)


@delete(_ONE, before_request=require_actor, status_code=200)
async def archive_integration_instance(request: AnyRequest, integration_instance_id: FromPath[str]) -> Answer:
    """Archive an instance with all that it owns; its integrations are removed."""
    require_no_query(request)
    await require_writer(request, VERB)
    wanted = segment(integration_instance_id)
    return await _change(request, lambda means: archive_instance(means, find_open(means.reader, wanted)[1]))


async def _change(request: AnyRequest, plan: Callable[[Means], tuple[Instance, list[Change]]]) -> Answer:
    """Save what becomes of an instance, and answer it."""
    find = await find_means(request)

    def run(desk: Desk) -> Planned[InstanceAnswer]:
        means = find(desk)
        instance, changes = plan(means)
        [shown] = show_instances(desk, means.providers, [instance])
        return Planned(changes, shown)

    shown: InstanceAnswer = await change_papers(request, VERB, run)
    return answer(request, shown)


HANDLERS = [
    list_instances,
    read_integration_instance,
    create_integration_instance,
    update_integration_instance,
    archive_integration_instance,
]
