"""`/integrations`: templates, each of which says which providers a feature needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypedDict

import msgspec
from litestar import delete, get, patch, post
from litestar.params import FromPath

from credenza.model import Change, Paper, Place
from credenza.plans.catalogue import Providers
from credenza.plans.templates import (
    KIND,
    Template,
    TemplateBody,
    TemplateUpdate,
    archive_template,
    create_template,
    find_open_template,
    find_template,
    keep_template,
    read_template,
    update_template,
)
from credenza.web.answers import Answer
from credenza.web.asking import AnyRequest, now, read_papers, require_writer
from credenza.web.auth import require_actor
from credenza.web.paths import segment
from credenza.web.templates.answers import Page, answer, answer_page, read_page
from credenza.web.templates.asking import change_papers, providers_of
from credenza.web.templates.bodies import Body
from credenza.web.templates.instance_cascade import follow, mark
from credenza.web.templates.instance_means import name_providers
from credenza.web.templates.integration_providers import (
    References,
    TemplateProviderAnswer,
    show_template_provider,
)
from credenza.web.templates.query import Listing, read_choice, require_no_query
from credenza.web.templates.times import write_time, write_time_or_none
from credenza.workspace.desk import Desk, Planned

PATH = "/integrations"
_ONE = f"{PATH}/{{integration_id:str}}"
_VERB = "template"
LISTING = Listing(KIND, links=("provider_id", "integration_provider_id"))
_new = Body(TemplateBody)
_update = Body(TemplateUpdate)


class TemplateConfiguration(TypedDict):
    """What instances of a template may do differently."""

    can_attach_custom_tool_filters: bool
    can_attach_custom_provider_config: bool
    can_override_tool_filters: bool
    enable_callback_tools: bool
    use_integration_name_in_tool_names: bool | None


class TemplateAnswer(TypedDict):
    """A template with its active providers. It is a plain one: nothing else implements it."""

    object: str
    id: str
    status: str
    slug: str
    name: str
    description: str | None
    metadata: dict[str, Any] | None
    configuration: TemplateConfiguration
    implementation: None
    providers: list[TemplateProviderAnswer]
    created_at: str
    updated_at: str
    archived_at: str | None


def show_template(template: Template, references: References) -> TemplateAnswer:
    """Return a template as answers show it."""
    flags = template.flags
    return {
        "object": "integration",
        "id": template.id,
        "status": template.status,
        "slug": template.slug,
        "name": template.name,
        "description": template.description,
        "metadata": template.metadata,
        "configuration": {
            "can_attach_custom_tool_filters": flags.can_attach_custom_tool_filters,
            "can_attach_custom_provider_config": flags.can_attach_custom_provider_config,
            "can_override_tool_filters": flags.can_override_tool_filters,
            "enable_callback_tools": flags.enable_callback_tools,
            "use_integration_name_in_tool_names": flags.use_integration_name_in_tool_names,
        },
        "implementation": None,
        "providers": [
            show_template_provider(template, provider, references) for provider in template.active_providers
        ],
        "created_at": write_time(template.created_at),
        "updated_at": write_time(template.updated_at),
        "archived_at": write_time_or_none(template.archived_at),
    }


@get(PATH, before_request=require_actor)
async def list_templates(request: AnyRequest) -> Answer:
    """List templates."""
    choice, providers = read_choice(request, LISTING), await providers_of(request)

    def show_all(desk: Desk, found: Sequence[tuple[Place, Paper]]) -> list[TemplateAnswer]:
        return _show(desk, providers(desk), [read_template(paper) for _, paper in found])

    def job(desk: Desk) -> Page[msgspec.Raw]:
        named = name_providers(choice, providers(desk))
        return read_page(desk, named, lambda found: show_all(desk, found))

    return answer_page(request, await read_papers(request, job))


@get(_ONE, before_request=require_actor)
async def read_integration(request: AnyRequest, integration_id: FromPath[str]) -> Answer:
    """Return one template."""
    require_no_query(request)
    providers, wanted = await providers_of(request), segment(integration_id)
    [shown] = await read_papers(
        request, lambda desk: _show(desk, providers(desk), [find_template(desk, wanted)])
    )
    return answer(request, shown)


@post(PATH, before_request=require_actor, status_code=200)
async def create_integration(request: AnyRequest) -> Answer:
    """Make a template."""
    require_no_query(request)
    await require_writer(request, _VERB)
    body, at = await _new.read(request), now(request)
    return await _change(request, lambda _: create_template(body, at))


@patch(_ONE, before_request=require_actor)
async def update_integration(request: AnyRequest, integration_id: FromPath[str]) -> Answer:
    """Change a template."""
    require_no_query(request)
    await require_writer(request, _VERB)
    body, at, wanted = await _update.read(request), now(request), segment(integration_id)
    return await _change(request, lambda desk: update_template(find_open_template(desk, wanted), body, at))


@delete(_ONE, before_request=require_actor, status_code=200)
async def archive_integration(request: AnyRequest, integration_id: FromPath[str]) -> Answer:
    """Archive a template with its providers and instances."""
    require_no_query(request)
    await require_writer(request, _VERB)
    at, wanted = now(request), segment(integration_id)
    try:
        return await _change(
            request,
            lambda desk: archive_template(find_open_template(desk, wanted), at),
            lambda desk: mark(desk, KIND, wanted, at),
        )
    finally:
        # Also of one that is archived already: whoever was interrupted goes on by asking again.
        await follow(request, KIND, wanted)


async def _change(
    request: AnyRequest, plan: Callable[[Desk], Template], more: Callable[[Desk], list[Change]] | None = None
) -> Answer:
    """Save what becomes of a template, and answer it."""
    providers = await providers_of(request)

    def run(desk: Desk) -> Planned[TemplateAnswer]:
        template = plan(desk)
        [shown] = _show(desk, providers(desk), [template])
        return Planned([keep_template(template), *(more(desk) if more else [])], shown)

    shown: TemplateAnswer = await change_papers(request, _VERB, run)
    return answer(request, shown)


def _show(desk: Desk, providers: Providers, templates: Sequence[Template]) -> list[TemplateAnswer]:
    shown = [provider for template in templates for provider in template.active_providers]
    references = References.read(desk, providers, shown)
    return [show_template(template, references) for template in templates]


HANDLERS = [
    list_templates,
    read_integration,
    create_integration,
    update_integration,
    archive_integration,
]
