"""`/integration-instance-providers`: what each provider of a template has become in an instance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypedDict

import msgspec
from litestar import get, put
from litestar.params import FromPath

from credenza.model import Paper, Place
from credenza.plans.catalogue import Providers
from credenza.plans.instance_changes import InstanceProviderBody, find_open, set_one
from credenza.plans.instance_providers import AUTH_CONFIG, CONFIG
from credenza.plans.instances import (
    PROVIDER_KIND,
    Instance,
    InstanceProvider,
    find_instance_provider,
    read_instance,
)
from credenza.plans.previews import ACTIVE, Preview, find_previews
from credenza.plans.reading import Reader
from credenza.plans.templates import KIND as TEMPLATE
from credenza.plans.templates import Template, TemplateProvider, read_template
from credenza.plans.tool_filters import ShownFilter, show_filter
from credenza.web.answers import Answer
from credenza.web.asking import AnyRequest, read_papers, require_writer
from credenza.web.auth import require_actor
from credenza.web.paths import segment
from credenza.web.templates.answers import Page, answer, answer_page, read_page
from credenza.web.templates.asking import change_papers, providers_of
from credenza.web.templates.bodies import Body
from credenza.web.templates.catalogue import AuthMethodAnswer
from credenza.web.templates.instance_means import find_means, name_providers
from credenza.web.templates.integration_providers import References, show_template_provider
from credenza.web.templates.previews import (
    CredentialsPreview,
    ProviderPreview,
    ReferencePreview,
    show_reference,
)
from credenza.web.templates.query import Listing, read_choice, require_no_query
from credenza.web.templates.times import write_time, write_time_or_none
from credenza.workspace.desk import Desk, Planned

PATH = "/integration-instance-providers"
_ONE = f"{PATH}/{{integration_instance_provider_id:str}}"
_SET = "/integration-instances/{integration_instance_id:str}/providers/{provider_id:str}"
VERB = "instance"
LISTING = Listing(
    PROVIDER_KIND,
    links=(
        "integration_id",
        "integration_instance_id",
        "provider_id",
        "integration_provider_id",
        "provider_deployment_id",
        "provider_config_id",
        "provider_auth_config_id",
        "session_template_id",
    ),
)
_body = Body(InstanceProviderBody)


class ProviderVersionPin(TypedDict):
    """At which version a provider of a template is used: the newest there is."""

    object: str
    id: str
    index: int


class ProviderSnapshot(TypedDict):
    """A provider of a template, as it is at one of its versions."""

    object: str
    id: str
    provider_version: ProviderVersionPin
    status: str
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
    created_at: str
    updated_at: str
    archived_at: str | None


class InstanceProviderAnswer(TypedDict):
    """A provider of an instance. Of its config and auth config no value is shown; `tool_filter` is its own.

    `integration` names what it has become, for the calls about the workspace's integrations; null: nothing
    as long as the instance is a draft.
    """

    object: str
    id: str
    status: str
    name: str
    description: str | None
    metadata: dict[str, Any] | None
    integration_id: str
    integration_instance_id: str
    tool_filter: ShownFilter | None
    is_override_tool_filter: bool
    provider: ProviderPreview
    integration_provider: ProviderSnapshot
    config: ReferencePreview | None
    auth_config: ReferencePreview | None
    callback_instance_id: None
    integration: str | None
    created_at: str
    updated_at: str
    archived_at: str | None


class Surroundings(NamedTuple):
    """What instances and their providers refer to, read together."""

    templates: dict[str, Template]
    snapshots: dict[str, ProviderSnapshot]
    configs: dict[str, Preview]
    auth_configs: dict[str, Preview]

    @classmethod
    def read(
        cls,
        reader: Reader,
        providers: Providers,
        instances: Iterable[Instance],
        pairs: Sequence[tuple[Instance, InstanceProvider]],
    ) -> Surroundings:
        """Read what instances refer to, and some of their providers."""
        wanted = sorted({instance.integration_id for instance in instances})
        papers = reader.papers(TEMPLATE, wanted)
        templates = {slug: read_template(paper) for slug, paper in papers.items()}
        parents = {
            parent.id: (templates[instance.integration_id], parent)
            for instance, provider in pairs
            for parent in (_find_parent(templates, instance, provider),)
        }
        references = References.read(reader, providers, [parent for _, parent in parents.values()])
        return cls(
            templates,
            {key: _show_snapshot(*found, references) for key, found in parents.items()},
            find_previews(reader, CONFIG, [each.used_config_id for _, each in pairs]),
            find_previews(reader, AUTH_CONFIG, [each.auth_config_id for _, each in pairs]),
        )

    def parent(self, instance: Instance, provider: InstanceProvider) -> TemplateProvider:
        """Return the provider of the template that one of an instance is of."""
        return _find_parent(self.templates, instance, provider)


def show_instance_provider(
    instance: Instance, provider: InstanceProvider, around: Surroundings
) -> InstanceProviderAnswer:
    """Return a provider of an instance as answers show it."""
    template = around.templates[instance.integration_id]
    parent = around.parent(instance, provider)
    snapshot = around.snapshots[parent.id]
    # An archived template or provider of it takes these along, also where that is still going on.
    gone = [each.archived_at for each in (provider, parent, template) if each.status != ACTIVE]
    own = provider.tool_filter
    return {
        "object": "integration.instance.provider",
        "id": provider.id,
        "status": "archived" if gone else provider.status,
        "name": provider.name,
        "description": parent.description,
        "metadata": parent.metadata,
        "integration_id": instance.integration_id,
        "integration_instance_id": instance.id,
        "tool_filter": None
        if own is None
        else {**show_filter(own), "ignore_parent_filters": provider.overrides},
        "is_override_tool_filter": provider.overrides,
        "provider": snapshot["provider"],
        "integration_provider": snapshot,
        "config": show_reference("config", around.configs.get(provider.used_config_id or "")),
        "auth_config": show_reference("auth_config", around.auth_configs.get(provider.auth_config_id or "")),
        "callback_instance_id": None,
        "integration": provider.integration.name if provider.integration else None,
        "created_at": write_time(provider.created_at),
        "updated_at": write_time(provider.updated_at),
        "archived_at": write_time_or_none(gone[0] if gone else None),
    }


def _find_parent(
    templates: dict[str, Template], instance: Instance, provider: InstanceProvider
) -> TemplateProvider:
    # Templates never lose a provider: one that is archived stays there.
    offered = templates[instance.integration_id].providers
    return next(each for each in offered if each.id == provider.integration_provider_id)


def _show_snapshot(template: Template, parent: TemplateProvider, references: References) -> ProviderSnapshot:
    shown, current = show_template_provider(template, parent, references), parent.current
    return {
        "object": "integration.provider#snapshot",
        "id": parent.id,
        "provider_version": {
            "object": "integration.provider.version",
            "id": current.id,
            "index": current.index,
        },
        "status": current.status,
        "name": shown["name"],
        "description": shown["description"],
        "metadata": shown["metadata"],
        "tool_filter": shown["tool_filter"],
        "provider_id": shown["provider_id"],
        "provider": shown["provider"],
        "deployment_id": shown["deployment_id"],
        "deployment": shown["deployment"],
        "auth_method_id": shown["auth_method_id"],
        "auth_method": shown["auth_method"],
        "auth_credentials_id": shown["auth_credentials_id"],
        "auth_credentials": shown["auth_credentials"],
        "config": shown["config"],
        "created_at": write_time(current.created_at),
        "updated_at": write_time(current.created_at),
        "archived_at": shown["archived_at"],
    }


@get(PATH, before_request=require_actor)
async def list_instance_providers(request: AnyRequest) -> Answer:
    """List the providers of instances."""
    choice, providers = read_choice(request, LISTING), await providers_of(request)

    def show_all(
        desk: Desk, known: Providers, found: Sequence[tuple[Place, Paper]]
    ) -> list[InstanceProviderAnswer]:
        pairs = [_pick(place, paper) for place, paper in found]
        around = Surroundings.read(desk, known, [instance for instance, _ in pairs], pairs)
        return [show_instance_provider(*pair, around) for pair in pairs]

    def job(desk: Desk) -> Page[msgspec.Raw]:
        known = providers(desk)
        return read_page(desk, name_providers(choice, known), lambda found: show_all(desk, known, found))

    return answer_page(request, await read_papers(request, job))


@get(_ONE, before_request=require_actor)
async def read_instance_provider(
    request: AnyRequest, integration_instance_provider_id: FromPath[str]
) -> Answer:
    """Return one provider of an instance."""
    require_no_query(request)
    providers, wanted = await providers_of(request), segment(integration_instance_provider_id)

    def job(desk: Desk) -> InstanceProviderAnswer:
        return _show(desk, providers(desk), *find_instance_provider(desk, wanted))

    return answer(request, await read_papers(request, job))


@put(_SET, before_request=require_actor)
async def set_instance_provider(
    request: AnyRequest, integration_instance_id: FromPath[str], provider_id: FromPath[str]
) -> Answer:
    """Set one provider of an instance."""
    require_no_query(request)
    await require_writer(request, VERB)
    body, means = await _body.read(request), await find_means(request)
    wanted, named = segment(integration_instance_id), segment(provider_id)

    def plan(desk: Desk) -> Planned[InstanceProviderAnswer]:
        template, instance = find_open(desk, wanted)
        held = means(desk)
        instance, provider, changes = set_one(held, template, instance, named, body)
        return Planned(changes, _show(desk, held.providers, instance, provider))

    shown: InstanceProviderAnswer = await change_papers(request, VERB, plan)
    return answer(request, shown)


def _show(
    desk: Desk, providers: Providers, instance: Instance, provider: InstanceProvider
) -> InstanceProviderAnswer:
    around = Surroundings.read(desk, providers, [instance], [(instance, provider)])
    return show_instance_provider(instance, provider, around)


def _pick(place: Place, paper: Paper) -> tuple[Instance, InstanceProvider]:
    instance = read_instance(paper)
    return instance, next(each for each in instance.providers if each.id == place.id)


HANDLERS = [list_instance_providers, read_instance_provider, set_instance_provider]
