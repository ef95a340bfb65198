"""`/provider-auth-credentials`: OAuth clients of providers. Their secrets go in, and never come out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypedDict

import msgspec
from litestar import delete, get, patch, post
from litestar.params import FromPath

from credenza.model import Change
from credenza.plans.catalogue import Providers
from credenza.plans.credentials import (
    KIND,
    PREFIX,
    SHELF,
    Credentials,
    CredentialsBody,
    CredentialsUpdate,
    create_credentials,
    update_credentials,
)
from credenza.plans.retirement import end
from credenza.web.answers import Answer
from credenza.web.asking import AnyRequest, now, read_papers, require_writer
from credenza.web.auth import require_actor
from credenza.web.paths import segment
from credenza.web.templates.answers import Page, answer, answer_page, read_page
from credenza.web.templates.asking import providers_of, save_values
from credenza.web.templates.bodies import Body
from credenza.web.templates.instance_means import name_providers
from credenza.web.templates.query import Listing, read_choice, require_no_query
from credenza.web.templates.times import write_time, write_time_or_none
from credenza.workspace.desk import Desk, Planned

PATH = "/provider-auth-credentials"
_ONE = f"{PATH}/{{provider_auth_credentials_id:str}}"
_VERB = "auth_credentials"
_SENT, _CHANGED = {PREFIX: "/config"}, {PREFIX: ""}  # where the client stands in a body
LISTING = Listing(KIND, links=("provider_id",))
_new = Body(CredentialsBody)
_update = Body(CredentialsUpdate)


class AuthCredentialsAnswer(TypedDict):
    """Credentials, without the client; nobody but the workspace has made any, so none are managed."""

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
    archived_at: str | None


def show_auth_credentials(credentials: Credentials) -> AuthCredentialsAnswer:
    """Return credentials as answers show them."""
    return {
        "object": "provider.auth_credentials",
        "id": credentials.id,
        "type": credentials.type,
        "status": credentials.status,
        "is_default": credentials.is_default,
        "is_managed": False,
        "name": credentials.name,
        "description": credentials.description,
        "metadata": credentials.metadata,
        "scopes": None if credentials.scopes is None else [*credentials.scopes],
        "provider_id": credentials.provider_id,
        "created_at": write_time(credentials.created_at),
        "updated_at": write_time(credentials.updated_at),
        "archived_at": write_time_or_none(credentials.archived_at),
    }


@get(PATH, before_request=require_actor)
async def list_auth_credentials(request: AnyRequest) -> Answer:
    """List auth credentials."""
    choice, find = read_choice(request, LISTING), await providers_of(request)

    def job(desk: Desk) -> Page[msgspec.Raw]:
        named = name_providers(choice, find(desk))
        return read_page(
            desk, named, lambda found: [show_auth_credentials(SHELF.read(paper)) for _, paper in found]
        )

    return answer_page(request, await read_papers(request, job))


@get(_ONE, before_request=require_actor)
async def read_auth_credentials(request: AnyRequest, provider_auth_credentials_id: FromPath[str]) -> Answer:
    """Return auth credentials, without the client."""
    require_no_query(request)
    named = segment(provider_auth_credentials_id)
    shown = await read_papers(request, lambda desk: show_auth_credentials(SHELF.find(desk, named)))
    return answer(request, shown)


@post(PATH, before_request=require_actor, status_code=200)
async def create_auth_credentials(request: AnyRequest) -> Answer:
    """Make auth credentials of an OAuth client."""
    require_no_query(request)
    await require_writer(request, _VERB)
    body, at = await _new.read(request), now(request)
    return await _change(request, lambda _, providers: create_credentials(providers, body, at), _SENT)


@patch(_ONE, before_request=require_actor)
async def update_auth_credentials(request: AnyRequest, provider_auth_credentials_id: FromPath[str]) -> Answer:
    """Change auth credentials, or their client."""
    require_no_query(request)
    await require_writer(request, _VERB)
    body, at, named = await _update.read(request), now(request), segment(provider_auth_credentials_id)
    return await _change(
        request,
        lambda desk, providers: update_credentials(desk, providers, SHELF.find_open(desk, named), body, at),
        _CHANGED,
    )


@delete(_ONE, before_request=require_actor, status_code=200)
async def archive_auth_credentials(
    request: AnyRequest, provider_auth_credentials_id: FromPath[str]
) -> Answer:
    """Archive auth credentials that nothing active uses, and destroy the client's secret."""
    require_no_query(request)
    await require_writer(request, _VERB)
    at, named = now(request), segment(provider_auth_credentials_id)

    def plan(desk: Desk, _: Providers) -> tuple[Credentials, list[Change]]:
        return end(desk, SHELF, named, at)

    return await _change(request, plan, _CHANGED)


async def _change(
    request: AnyRequest,
    plan: Callable[[Desk, Providers], tuple[Credentials, list[Change]]],
    pointers: Mapping[str, str],
) -> Answer:
    """Save what becomes of credentials, and answer them."""
    find = await providers_of(request)

    def run(desk: Desk) -> Planned[AuthCredentialsAnswer]:
        credentials, changes = plan(desk, find(desk))
        return Planned(changes, show_auth_credentials(credentials))

    shown = await save_values(request, _VERB, run, pointers)
    return answer(request, shown)


HANDLERS = [
    list_auth_credentials,
    read_auth_credentials,
    create_auth_credentials,
    update_auth_credentials,
    archive_auth_credentials,
]
