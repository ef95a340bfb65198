"""`/integration-providers`: which providers a template has, and what each of them is bound to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypedDict

import msgspec
from litestar import delete, get, patch, post
from litestar.params import FromPath

from credenza.errors import Gone
from credenza.model import Paper, Place
from credenza.plans.catalogue import Providers
from credenza.plans.previews import Preview, find_previews
from credenza.plans.reading import Reader
from credenza.plans.template_providers import (
    Found,
    TemplateProviderBody,
    TemplateProviderUpdate,
    add_provider,
    find_open_provider,
    find_template_provider,
    update_provider,
)
from credenza.plans.templates import (
    KIND,
    PROVIDER_KIND,
    Template,
    TemplateProvider,
    archive_provider,
    find_usable_template,
    keep_template,
    read_template,
)
from credenza.plans.tool_filters import ShownFilter, show_filter
from credenza.web.answers import Answer
from credenza.web.asking import AnyRequest, now, read_papers, require_writer
from credenza.web.auth import require_actor
from credenza.web.paths import segment
from credenza.web.templates.answers import Page, answer, answer_page, read_page
from credenza.web.templates.asking import change_papers, providers_of
from credenza.web.templates.bodies import Body
from credenza.web.templates.catalogue import AuthMethodAnswer, preview_provider, show_auth_method
from credenza.web.templates.instance_cascade import follow, mark
from credenza.web.templates.instance_means import name_providers
from credenza.web.templates.previews import (
    CredentialsPreview,
    ProviderPreview,
    ReferencePreview,
    show_credentials,
    show_reference,
)
from credenza.web.templates.query import Listing, read_choice, require_no_query
from credenza.web.templates.times import write_time, write_time_or_none
from credenza.workspace.desk import Desk, Planned

PATH = "/integration-providers"
_ONE = f"{PATH}/{{integration_provider_id:str}}"
_VERB = "template"
LISTING = Listing(
    PROVIDER_KIND,
    links=(
        "integration_id",
        "provider_id",
        "provider_deployment_id",
        "provider_auth_method_id",
        "provider_auth_credentials_id",
        "provider_config_id",
    ),
)
_new = Body(TemplateProviderBody)
_update = Body(TemplateProviderUpdate)


class Callbacks(TypedDict):
    """Whether a provider calls back: never, here."""

    object: str
    status: str
    callback_id: str | None


class TemplateProviderAnswer(TypedDict):
    """A provider of a template, and in full what it is bound to."""

    object: str
    id: str
    status: str
    integration_id: str
    name: str
    description: str | None
    metadata: dict[str, Any] | None
    tool_filter: ShownFilter
    provider_id: str
    provider: ProviderPreview
    deployment_id: str
    deployment: ReferencePreview | None
    auth_method_id: str | None
    auth_method: AuthMethodAnswer | None
    auth_credentials_id: str | None
    auth_credentials: CredentialsPreview | None
    config: ReferencePreview | None
    callbacks: Callbacks
    created_at: str
    updated_at: str
    archived_at: str | None


class References(NamedTuple):
    """What providers of templates refer to, read together."""

    providers: Providers
    deployments: dict[str, Preview]
    configs: dict[str, Preview]
    credentials: dict[str, Preview]

    @classmethod
    def read(cls, reader: Reader, providers: Providers, shown: Iterable[TemplateProvider]) -> References:
        """Read what some providers of templates refer to."""
        current = [provider.current for provider in shown]
        return cls(
            providers,
            find_previews(reader, "deployment", [each.deployment_id for each in current]),
            find_previews(reader, "config", [each.config_id for each in current]),
            find_previews(reader, "auth_credentials", [each.auth_credentials_id for each in current]),
        )


def show_template_provider(
    template: Template, provider: TemplateProvider, references: References
) -> TemplateProviderAnswer:
    """Return a provider of a template as answers show it."""
    current = provider.current
    offered = references.providers.find(provider.provider_id)
    methods = references.providers.methods_of(offered) if offered else ()
    method = next((each for each in methods if each.id == current.auth_method_id), None)
    return {
        "object": "integration.provider",
        "id": provider.id,
        "status": provider.status,
        "integration_id": template.id,
        "name": provider.name,
        "description": provider.description,
        "metadata": provider.metadata,
        "tool_filter": show_filter(current.tool_filter),
        "provider_id": provider.provider_id,
        "provider": preview_of(provider, references.providers),
        "deployment_id": current.deployment_id,
        "deployment": show_reference("deployment", references.deployments.get(current.deployment_id)),
        "auth_method_id": current.auth_method_id,
        "auth_method": show_auth_method(method) if method else None,
        "auth_credentials_id": current.auth_credentials_id,
        "auth_credentials": show_credentials(references.credentials.get(current.auth_credentials_id or "")),
        "config": show_reference("config", references.configs.get(current.config_id or "")),
        "callbacks": {"object": "integration.provider.callbacks", "status": "disabled", "callback_id": None},
        "created_at": write_time(provider.created_at),
        "updated_at": write_time(provider.updated_at),
        "archived_at": write_time_or_none(provider.archived_at),
    }


def preview_of(provider: TemplateProvider, providers: Providers) -> ProviderPreview:
    """Return what a provider of a template offers; where its type is taken back, as that was called."""
    offered = providers.find(provider.provider_id)
    if offered is not None:
        return preview_provider(offered)
    return {
        "object": "provider#preview",
        "id": provider.provider_id,
        "name": provider.provider_name,
        "description": None,
        "slug": provider.type,
        "created_at": write_time(provider.created_at),
        "updated_at": write_time(provider.created_at),
    }


@get(PATH, before_request=require_actor)
async def list_integration_providers(request: AnyRequest) -> Answer:
    """List the providers of templates."""
    choice, providers = read_choice(request, LISTING), await providers_of(request)

    def show_all(desk: Desk, found: Sequence[tuple[Place, Paper]]) -> list[TemplateProviderAnswer]:
        pairs = [_pick(place, paper) for place, paper in found]
        references = References.read(desk, providers(desk), [provider for _, provider in pairs])
        return [show_template_provider(*pair, references) for pair in pairs]

    def job(desk: Desk) -> Page[msgspec.Raw]:
        named = name_providers(choice, providers(desk))
        return read_page(desk, named, lambda found: show_all(desk, found))

    return answer_page(request, await read_papers(request, job))


@get(_ONE, before_request=require_actor)
async def read_integration_provider(request: AnyRequest, integration_provider_id: FromPath[str]) -> Answer:
    """Return one provider of a template."""
    require_no_query(request)
    providers, wanted = await providers_of(request), segment(integration_provider_id)
    return answer(
        request,
        await read_papers(
            request, lambda desk: _show(desk, providers(desk), find_template_provider(desk, wanted))
        ),
    )


@post(PATH, before_request=require_actor, status_code=200)
async def create_integration_provider(request: AnyRequest) -> Answer:
    """Add a provider to a template."""
    require_no_query(request)
    await require_writer(request, _VERB)
    body, at = await _new.read(request), now(request)

    def plan(desk: Desk, providers: Providers) -> Found:
        template = find_usable_template(desk, body.integration_id)
        return add_provider(desk, providers, template, body, at)

    return await _change(request, plan, followed=False)


@patch(_ONE, before_request=require_actor)
async def update_integration_provider(request: AnyRequest, integration_provider_id: FromPath[str]) -> Answer:
    """Change a provider of a template."""
    require_no_query(request)
    await require_writer(request, _VERB)
    body, at, wanted = await _update.read(request), now(request), segment(integration_provider_id)
    return await _change(
        request,
        lambda desk, providers: update_provider(desk, providers, find_open_provider(desk, wanted), body, at),
    )


@delete(_ONE, before_request=require_actor, status_code=200)
async def archive_integration_provider(request: AnyRequest, integration_provider_id: FromPath[str]) -> Answer:
    """Archive a provider of a template."""
    require_no_query(request)
    await require_writer(request, _VERB)
    at, wanted = now(request), segment(integration_provider_id)

    def plan(desk: Desk, _: Providers) -> Found:
        found = find_open_provider(desk, wanted)
        return found.replace(archive_provider(found.provider, at), at)

    try:
        return await _change(request, plan)
    except Gone:
        # Whoever was interrupted goes on by asking again.
        template, _ = await read_papers(request, lambda desk: find_template_provider(desk, wanted))
        await follow(request, KIND, template.id)
        raise


async def _change(
    request: AnyRequest, plan: Callable[[Desk, Providers], Found], *, followed: bool = True
) -> Answer:
    """Save what becomes of a template, let its instances follow, and answer the provider it is about."""
    providers, at = await providers_of(request), now(request)

    def run(desk: Desk) -> Planned[TemplateProviderAnswer]:
        offered = providers(desk)
        found = plan(desk, offered)
        marks = mark(desk, KIND, found.template.id, at) if followed else []
        return Planned([keep_template(found.template), *marks], _show(desk, offered, found))

    shown: TemplateProviderAnswer = await change_papers(request, _VERB, run)
    if followed:
        await follow(request, KIND, shown["integration_id"])
    return answer(request, shown)


def _show(desk: Desk, providers: Providers, found: Found) -> TemplateProviderAnswer:
    references = References.read(desk, providers, [found.provider])
    return show_template_provider(*found, references)


def _pick(place: Place, paper: Paper) -> Found:
    template = read_template(paper)
    return Found(template, next(each for each in template.providers if each.id == place.id))


HANDLERS = [
    list_integration_providers,
    read_integration_provider,
    create_integration_provider,
    update_integration_provider,
    archive_integration_provider,
]
