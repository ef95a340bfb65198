"""Providers and what belongs to them, as answers show them. No value of a configuration ever comes here."""

from __future__ import annotations

from typing import Any, TypedDict

from credenza.connectors.halves import public_half
from credenza.plans.catalogue import Method, Provider, Providers, Publisher
from credenza.web.templates.previews import ProviderPreview
from credenza.web.templates.times import write_time


class PublisherAnswer(TypedDict):
    """Who a provider comes from: the service, or the workspace that registered it."""

    object: str
    id: str
    name: str
    description: str | None
    slug: str
    image_url: str | None
    created_at: str
    updated_at: str


class ProviderVersionAnswer(TypedDict):
    """The one version of a provider that there is: that of its type, as its schema numbers it."""

    object: str
    id: str
    version: str
    provider_id: str
    is_current: bool
    name: str
    description: str | None
    metadata: dict[str, Any] | None
    specification_id: str | None
    created_at: str
    updated_at: str


class ProviderAnswer(TypedDict):
    """A connector type, as templates and instances know it. `access` is `tenant` for the workspace's own."""

    object: str
    id: str
    access: str
    status: str
    publisher: PublisherAnswer
    current_version: ProviderVersionAnswer
    oauth: dict[str, Any]
    identifier: str
    name: str
    description: str | None
    slug: str
    metadata: dict[str, Any] | None
    created_at: str
    updated_at: str


class SchemaAnswer(TypedDict):
    """A JSON Schema (2020-12)."""

    type: str
    schema: dict[str, Any]


class AuthMethodAnswer(TypedDict):
    """A way to give a provider its secrets; `input_schema` says which, null: none."""

    object: str
    id: str
    type: str
    key: str
    name: str
    description: str | None
    capabilities: dict[str, Any]
    input_schema: SchemaAnswer | None
    output_schema: SchemaAnswer | None
    scopes: list[dict[str, Any]]
    provider_id: str
    provider_specification_id: str
    created_at: str
    updated_at: str


class SpecificationAnswer(TypedDict):
    """What a provider may be configured with; the keys of its schemas are all there are."""

    object: str
    id: str
    key: str
    name: str
    description: str | None
    config_schema: dict[str, Any]
    config_visibility: str
    tools: list[dict[str, Any]]
    tool_categories: list[dict[str, Any]]
    auth_methods: list[AuthMethodAnswer]
    provider_id: str
    created_at: str
    updated_at: str


class ConfigSchemaAnswer(TypedDict):
    """What a config of a provider may hold; null: there is nothing to configure but secrets."""

    object: str
    schema: SchemaAnswer | None
    visibility: str
    specification_id: str
    provider_id: str
    created_at: str
    updated_at: str


def preview_provider(provider: Provider) -> ProviderPreview:
    """Return a provider in short."""
    return {
        "object": "provider#preview",
        "id": provider.id,
        "name": provider.type.title,
        "description": provider.type.description,
        "slug": provider.type.name,
        "created_at": write_time(provider.created_at),
        "updated_at": write_time(provider.updated_at),
    }


def show_provider(provider: Provider) -> ProviderAnswer:
    """Return a provider."""
    return {
        "object": "provider",
        "id": provider.id,
        "access": "tenant" if provider.own else "public",
        "status": "active",
        "publisher": _show_publisher(provider.publisher),
        "current_version": show_version(provider),
        "oauth": {"status": "disabled", "callback_url": None, "auto_registration": {"status": "unsupported"}},
        "identifier": provider.type.name,
        "name": provider.type.title,
        "description": provider.type.description,
        "slug": provider.type.name,
        "metadata": None,
        "created_at": write_time(provider.created_at),
        "updated_at": write_time(provider.updated_at),
    }


def show_version(provider: Provider) -> ProviderVersionAnswer:
    """Return the version a provider is at."""
    return {
        "object": "provider.version",
        "id": provider.version_id,
        "version": provider.version,
        "provider_id": provider.id,
        "is_current": True,
        "name": provider.type.title,
        "description": provider.type.description,
        "metadata": None,
        "specification_id": provider.specification_id,
        "created_at": write_time(provider.updated_at),
        "updated_at": write_time(provider.updated_at),
    }


def show_auth_method(method: Method) -> AuthMethodAnswer:
    """Return a way to give a provider its secrets: a `token` where there is only one, else `custom`."""
    provider, way = method.provider, method.way
    return {
        "object": "provider.capabilities.auth_method",
        "id": method.id,
        "type": "token" if len(way.schema["properties"]) == 1 else "custom",
        "key": way.key,
        "name": way.name,
        "description": way.description,
        "capabilities": {},
        "input_schema": _show_schema(way.schema),
        "output_schema": None,
        "scopes": [],
        "provider_id": provider.id,
        "provider_specification_id": provider.specification_id,
        "created_at": write_time(provider.created_at),
        "updated_at": write_time(provider.updated_at),
    }


def show_specification(providers: Providers, provider: Provider) -> SpecificationAnswer:
    """Return what a provider may be configured with."""
    return {
        "object": "provider.specification",
        "id": provider.specification_id,
        "key": provider.type.name,
        "name": provider.type.title,
        "description": provider.type.description,
        "config_schema": public_half(provider.type),
        "config_visibility": "plain",
        "tools": [],
        "tool_categories": [],
        "auth_methods": [show_auth_method(method) for method in providers.methods_of(provider)],
        "provider_id": provider.id,
        "created_at": write_time(provider.updated_at),
        "updated_at": write_time(provider.updated_at),
    }


def show_config_schema(provider: Provider) -> ConfigSchemaAnswer:
    """Return what a config of a provider may hold."""
    return {
        "object": "provider.capabilities.config.schema",
        "schema": _show_schema(public_half(provider.type)),
        "visibility": "plain",
        "specification_id": provider.specification_id,
        "provider_id": provider.id,
        "created_at": write_time(provider.updated_at),
        "updated_at": write_time(provider.updated_at),
    }


def _show_publisher(publisher: Publisher) -> PublisherAnswer:
    at = write_time(publisher.created_at)
    return {
        "object": "provider.publisher",
        "id": publisher.id,
        "name": publisher.name,
        "description": None,
        "slug": publisher.slug,
        "image_url": None,
        "created_at": at,
        "updated_at": at,
    }


def _show_schema(schema: dict[str, Any]) -> SchemaAnswer | None:
    return {"type": "json_schema", "schema": schema} if schema["properties"] else None
