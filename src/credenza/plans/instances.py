"""Instances: a template set up for somebody; what they say and how they are found and saved.

An instance's paper holds its providers and its session template, so that its version guards every rule that
spans them. What it inherits from its template is looked up there whenever it is read; of that it keeps only
what lists find it by.
"""

from __future__ import annotations

from typing import Any

import msgspec

from credenza.errors import Gone, Invalid, NotFound, Problem
from credenza.model import Card, Keep, Paper
from credenza.plans.previews import ACTIVE, ARCHIVED
from credenza.plans.reading import Reader
from credenza.plans.templates import MAX_PAPER
from credenza.plans.tool_filters import ToolFilter

KIND, PROVIDER_KIND, SESSION_TEMPLATE = "instance", "instance_provider", "session_template"
DRAFT = "draft"


class Materialised(msgspec.Struct, frozen=True, kw_only=True):
    """The integration of the workspace that a provider has become, and what that refers to."""

    name: str
    config_id: str | None
    auth_config_id: str | None
    description: str


class InstanceProvider(msgspec.Struct, frozen=True, kw_only=True):
    """One provider of an instance; `config_id` None: what its template says, or else its deployment.

    Of what it inherits, `version_id`, `deployment_id` and `used_config_id` say what counted when it was last
    looked at. It `is_set` once it has all that its connector type requires.
    """

    id: str
    status: str
    integration_provider_id: str
    provider_id: str
    type: str
    provider_name: str
    name: str
    description: str | None
    version_id: str
    deployment_id: str
    used_config_id: str | None
    config_id: str | None = None
    auth_config_id: str | None = None
    tool_filter: ToolFilter | None = None
    overrides: bool = False
    is_set: bool = False
    integration: Materialised | None = None
    created_at: int
    updated_at: int
    archived_at: int | None = None


class SessionTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """What sessions of an instance are made from; an instance has one at most."""

    id: str
    status: str = ACTIVE
    name: str
    description: str | None = None
    metadata: dict[str, Any] | None = None
    created_at: int
    updated_at: int
    archived_at: int | None = None


class Instance(msgspec.Struct, frozen=True, kw_only=True):
    """An instance of a template; times are milliseconds since the epoch.

    `owned_identity_id` is the identity it made for itself. One that is `hidden` is found by its id alone;
    in one that `waits`, providers that need nothing are set by somebody all the same.
    """

    id: str
    status: str = DRAFT
    name: str
    description: str | None = None
    metadata: dict[str, Any] | None = None
    integration_id: str
    identity_id: str | None = None
    identity_actor_id: str | None = None
    identity_credential_ids: tuple[str, ...] = ()
    owned_identity_id: str | None = None
    providers: tuple[InstanceProvider, ...] = ()
    session_template: SessionTemplate | None = None
    hidden: bool = False
    waits: bool = False
    activated_at: int | None = None
    created_at: int
    updated_at: int
    archived_at: int | None = None

    @property
    def active_providers(self) -> tuple[InstanceProvider, ...]:
        """Return the providers that are not archived, in the order in which they were set first."""
        return tuple(provider for provider in self.providers if provider.status == ACTIVE)

    @property
    def is_open(self) -> bool:
        """Tell whether it may be changed."""
        return self.status in {DRAFT, ACTIVE}

    def put(self, provider: InstanceProvider) -> Instance:
        """Return it with a provider changed, or added."""
        kept = {each.id: each for each in self.providers} | {provider.id: provider}
        return msgspec.structs.replace(self, providers=tuple(kept.values()))

    def provider_of(self, integration_provider_id: str) -> InstanceProvider | None:
        """Return what became of a provider of its template; None: nothing yet."""
        return next(
            (each for each in self.providers if each.integration_provider_id == integration_provider_id), None
        )


_read = msgspec.json.Decoder(Instance).decode
_encode = msgspec.json.encode


def read_instance(paper: Paper) -> Instance:
    """Return the instance of a paper."""
    return _read(paper.body)


def find_instance(reader: Reader, id: str) -> Instance:
    """Return an instance by id; raises NotFound."""
    paper = reader.paper(KIND, id)
    if paper is None:
        raise NotFound("There is no integration instance of this id.")
    return read_instance(paper)


def find_open_instance(reader: Reader, id: str) -> Instance:
    """Return an instance that may be changed; raises NotFound, or Gone where it is archived."""
    instance = find_instance(reader, id)
    if not instance.is_open:
        raise Gone("This integration instance is archived.")
    return instance


def find_instance_provider(reader: Reader, id: str) -> tuple[Instance, InstanceProvider]:
    """Return a provider of an instance by id, with the instance; raises NotFound."""
    place = reader.place(PROVIDER_KIND, id)
    if place is None or place.kind != KIND:
        raise NotFound("There is no integration instance provider of this id.")
    instance = find_instance(reader, place.slug)
    return instance, next(each for each in instance.providers if each.id == id)


def keep_instance(instance: Instance, *, follows: bool = False) -> Keep:
    """Return the change that saves an instance; one that `follows` its template is shortened where it grows.

    Raises:
        Invalid: it is too large.
    """
    body = _encode(instance)
    if len(body) > MAX_PAPER and follows:
        instance = _shorten(instance)
        body = _encode(instance)
    # What is archived, or follows, must not be kept from it by its size.
    if len(body) > MAX_PAPER and instance.is_open and not follows:
        message = (
            f"An instance and its providers hold at most {MAX_PAPER // 1_000_000} MB together; "
            "shorten tool filters or metadata."
        )
        raise Invalid(message, problems=[Problem("too_large", message, "", "maxLength")])
    return Keep(kind=KIND, slug=instance.id, body=body, cards=_list_cards(instance))


def _shorten(instance: Instance) -> Instance:
    """Return an instance without what it keeps of its template for searches alone."""
    providers = tuple(msgspec.structs.replace(each, description=None) for each in instance.providers)
    return msgspec.structs.replace(instance, providers=providers)


def _list_cards(instance: Instance) -> tuple[Card, ...]:
    # Archived with its instance, a provider is still found by it; removed from one in use, it is not.
    linked = instance.active_providers if instance.status != ARCHIVED else instance.providers
    links = [
        ("integration", instance.integration_id),
        ("identity", instance.identity_id),
        ("identity_actor", instance.identity_actor_id),
        *(("identity_credential", each) for each in instance.identity_credential_ids),
        *(link for provider in linked for link in _link(provider)),
        *_link_session_template(instance),
    ]
    own = Card(
        kind=KIND,
        id=instance.id,
        status=instance.status,
        name=instance.name,
        description=instance.description,
        created_at=instance.created_at,
        updated_at=instance.updated_at,
        links=_given(links),
        hidden=instance.hidden,
    )
    parts = [_make_card(instance, provider) for provider in instance.providers]
    if instance.session_template is not None:
        parts.append(_make_session_template_card(instance, instance.session_template))
    return (own, *parts)


def _link(provider: InstanceProvider) -> list[tuple[str, str | None]]:
    return [
        ("provider", provider.provider_id),
        ("integration_provider", provider.integration_provider_id),
        ("provider_deployment", provider.deployment_id),
        ("provider_config", provider.used_config_id),
        ("provider_auth_config", provider.auth_config_id),
    ]


def _link_session_template(instance: Instance) -> list[tuple[str, str | None]]:
    return [("session_template", instance.session_template.id)] if instance.session_template else []


def _make_card(instance: Instance, provider: InstanceProvider) -> Card:
    links = [
        ("integration", instance.integration_id),
        ("integration_instance", instance.id),
        *_link(provider),
        *_link_session_template(instance),
    ]
    return Card(
        kind=PROVIDER_KIND,
        id=provider.id,
        status=provider.status,
        name=provider.name,
        # A search finds it by what the provider is called, too.
        description=f"{provider.description or ''}\n{provider.provider_name}",
        created_at=provider.created_at,
        updated_at=provider.updated_at,
        links=_given(links),
        hidden=instance.hidden,
    )


def _make_session_template_card(instance: Instance, template: SessionTemplate) -> Card:
    links = [
        ("integration", instance.integration_id),
        ("integration_instance", instance.id),
        ("identity", instance.identity_id),
        ("identity_actor", instance.identity_actor_id),
    ]
    return Card(
        kind=SESSION_TEMPLATE,
        id=template.id,
        status=template.status,
        name=template.name,
        description=template.description,
        created_at=template.created_at,
        updated_at=template.updated_at,
        links=_given(links),
        hidden=instance.hidden,
    )


def _given(links: list[tuple[str, str | None]]) -> tuple[tuple[str, str], ...]:
    found = {(relation, target): None for relation, target in links if target is not None}
    return tuple((relation, target) for relation, target in found if target is not None)
