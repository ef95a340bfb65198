"""How one thing shows another that it refers to, as an object of its own."""

from __future__ import annotations

from typing import Any, TypedDict

from credenza.plans.previews import Preview
from credenza.web.templates.times import write_time


class ProviderPreview(TypedDict):
    """A provider, as whatever refers to it shows it."""

    object: str
    id: str
    name: str
    description: str | None
    slug: str
    created_at: str
    updated_at: str


class ReferencePreview(TypedDict):
    """A deployment, a config or an auth config, as whatever refers to it shows it."""

    object: str
    id: str
    is_default: bool
    name: str | None
    description: str | None
    metadata: dict[str, Any] | None
    provider_id: str
    created_at: str
    updated_at: str


class CredentialsPreview(TypedDict):
    """Credentials of an OAuth client, without its secret."""

    object: str
    id: str
    type: str
    status: str
    is_default: bool
    is_managed: bool
    name: str | None
    description: str | None
    metadata: dict[str, Any] | None
    scopes: list[str] | None
    provider_id: str
    created_at: str
    updated_at: str


def show_reference(kind: str, preview: Preview | None) -> ReferencePreview | None:
    """Return a preview of a `deployment`, `config` or `auth_config`; None where there is nothing."""
    if preview is None:
        return None
    return {
        "object": f"provider.{kind}#preview",
        "id": preview.id,
        "is_default": preview.is_default,
        "name": preview.name,
        "description": preview.description,
        "metadata": preview.metadata,
        "provider_id": preview.provider_id,
        "created_at": write_time(preview.created_at),
        "updated_at": write_time(preview.updated_at),
    }


def show_credentials(preview: Preview | None) -> CredentialsPreview | None:
    """Return credentials; None where there are none."""
    if preview is None:
        return None
    return {
        "object": "provider.auth_credentials",
        "id": preview.id,
        "type": "oauth",
        "status": preview.status,
        "is_default": preview.is_default,
        "is_managed": False,
        "name": preview.name,
        "description": preview.description,
        "metadata": preview.metadata,
        "scopes": preview.scopes,
        "provider_id": preview.provider_id,
        "created_at": write_time(preview.created_at),
        "updated_at": write_time(preview.updated_at),
    }
