"""`/identities` and `/identity-actors`: for whom something is set up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypedDict

from litestar import delete, get, patch, post
from litestar.params import FromPath

from credenza.model import Paper, Place
from credenza.plans.identities import (
    ACTOR,
    ACTORS,
    IDENTITIES,
    KIND,
    Identity,
    IdentityActor,
    IdentityActorBody,
    IdentityActorUpdate,
    IdentityBody,
    IdentityCredential,
    IdentityUpdate,
    create_actor,
    create_identity,
    find_actors,
    update_actor,
    update_identity,
)
from credenza.plans.singles import archive
from credenza.web.answers import Answer
from credenza.web.asking import AnyRequest, now, read_papers, require_writer
from credenza.web.auth import require_actor
from credenza.web.paths import segment
from credenza.web.templates.answers import answer, answer_page, read_page
from credenza.web.templates.asking import change_papers
from credenza.web.templates.bodies import Body
from credenza.web.templates.query import Listing, read_choice, require_no_query
from credenza.web.templates.times import write_time, write_time_or_none
from credenza.workspace.desk import Desk, Planned

ACTORS_PATH, PATH = "/identity-actors", "/identities"
_ACTOR = f"{ACTORS_PATH}/{{identity_actor_id:str}}"
_ONE = f"{PATH}/{{identity_id:str}}"
_VERB = "identity"
ACTOR_LISTING, LISTING = Listing(ACTOR), Listing(KIND, links=("actor_id",))
_new_actor, _actor_update = Body(IdentityActorBody), Body(IdentityActorUpdate)
_new, _update = Body(IdentityBody), Body(IdentityUpdate)


class IdentityActorAnswer(TypedDict):
    """A person or an agent."""

    object: str
    id: str
    type: str
    status: str
    name: str | None
    description: str | None
    metadata: dict[str, Any] | None
    agent_id: None
    created_at: str
    updated_at: str
    archived_at: str | None


class IdentityOwner(TypedDict):
    """Whose an identity is."""

    type: str
    actor: IdentityActorAnswer


class IdentityCredentialAnswer(TypedDict):
    """What an identity may use of a provider, by ids; no value of it is ever shown."""

    object: str
    id: str
    status: str
    identity_id: str
    provider_id: str
    deployment_id: str | None
    config_id: str | None
    auth_config_id: str | None
    delegation_config_id: None
    created_at: str
    updated_at: str


class IdentityAnswer(TypedDict):
    """An identity of an actor."""

    object: str
    id: str
    status: str
    name: str | None
    description: str | None
    metadata: dict[str, Any] | None
    owner: IdentityOwner
    credentials: list[IdentityCredentialAnswer]
    delegation_config_id: None
    created_at: str
    updated_at: str
    archived_at: str | None


def show_actor(actor: IdentityActor) -> IdentityActorAnswer:
    """Return an actor as answers show it."""
    return {
        "object": "identity.actor",
        "id": actor.id,
        "type": actor.type,
        "status": actor.status,
        "name": actor.name,
        "description": actor.description,
        "metadata": actor.metadata,
        "agent_id": None,
        "created_at": write_time(actor.created_at),
        "updated_at": write_time(actor.updated_at),
        "archived_at": write_time_or_none(actor.archived_at),
    }


def show_identity(identity: Identity, actor: IdentityActor) -> IdentityAnswer:
    """Return an identity of an actor as answers show it."""
    return {
        "object": "identity",
        "id": identity.id,
        "status": identity.status,
        "name": identity.name,
        "description": identity.description,
        "metadata": identity.metadata,
        "owner": {"type": "actor", "actor": show_actor(actor)},
        "credentials": [_show_credential(identity, each) for each in identity.credentials],
        "delegation_config_id": None,
        "created_at": write_time(identity.created_at),
        "updated_at": write_time(identity.updated_at),
        "archived_at": write_time_or_none(identity.archived_at),
    }


@get(ACTORS_PATH, before_request=require_actor)
async def list_identity_actors(request: AnyRequest) -> Answer:
    """List actors."""
    choice = read_choice(request, ACTOR_LISTING)
    page = await read_papers(request, lambda desk: read_page(desk, choice, _show_actors))
    return answer_page(request, page)


@get(_ACTOR, before_request=require_actor)
async def read_identity_actor(request: AnyRequest, identity_actor_id: FromPath[str]) -> Answer:
    """Return one actor."""
    require_no_query(request)
    named = segment(identity_actor_id)
    return answer(request, show_actor(await read_papers(request, lambda desk: ACTORS.find(desk, named))))


@post(ACTORS_PATH, before_request=require_actor, status_code=200)
async def create_identity_actor(request: AnyRequest) -> Answer:
    """Make an actor."""
    require_no_query(request)
    await require_writer(request, _VERB)
    body, at = await _new_actor.read(request), now(request)
    return await _change_actor(request, lambda _: create_actor(body, at))


@patch(_ACTOR, before_request=require_actor)
async def update_identity_actor(request: AnyRequest, identity_actor_id: FromPath[str]) -> Answer:
    """Change an actor."""
    require_no_query(request)
    await require_writer(request, _VERB)
    body, at, named = await _actor_update.read(request), now(request), segment(identity_actor_id)
    return await _change_actor(request, lambda desk: update_actor(ACTORS.find_open(desk, named), body, at))


@delete(_ACTOR, before_request=require_actor, status_code=200)
async def archive_identity_actor(request: AnyRequest, identity_actor_id: FromPath[str]) -> Answer:
    """Archive an actor; identities it has stay."""
    require_no_query(request)
    await require_writer(request, _VERB)
    at, named = now(request), segment(identity_actor_id)
    return await _change_actor(request, lambda desk: archive(ACTORS.find_open(desk, named), at))


@get(PATH, before_request=require_actor)
async def list_identities(request: AnyRequest) -> Answer:
    """List identities."""
    choice = read_choice(request, LISTING)

    def show_all(desk: Desk, found: Sequence[tuple[Place, Paper]]) -> list[IdentityAnswer]:
        return _show(desk, [IDENTITIES.read(paper) for _, paper in found])

    page = await read_papers(
        request, lambda desk: read_page(desk, choice, lambda found: show_all(desk, found))
    )
    return answer_page(request, page)


@get(_ONE, before_request=require_actor)
async def read_identity(request: AnyRequest, identity_id: FromPath[str]) -> Answer:
    """Return one identity."""
    require_no_query(request)
    named = segment(identity_id)
    [shown] = await read_papers(request, lambda desk: _show(desk, [IDENTITIES.find(desk, named)]))
    return answer(request, shown)


@post(PATH, before_request=require_actor, status_code=200)
async def create_actor_identity(request: AnyRequest) -> Answer:
    """Make an identity of an actor."""
    require_no_query(request)
    await require_writer(request, _VERB)
    body, at = await _new.read(request), now(request)
    return await _change(request, lambda desk: create_identity(desk, body, at))


@patch(_ONE, before_request=require_actor)
async def update_actor_identity(request: AnyRequest, identity_id: FromPath[str]) -> Answer:
    """Change an identity."""
    require_no_query(request)
    await require_writer(request, _VERB)
    body, at, named = await _update.read(request), now(request), segment(identity_id)
    return await _change(request, lambda desk: update_identity(IDENTITIES.find_open(desk, named), body, at))


@delete(_ONE, before_request=require_actor, status_code=200)
async def archive_identity(request: AnyRequest, identity_id: FromPath[str]) -> Answer:
    """Archive an identity."""
    require_no_query(request)
    await require_writer(request, _VERB)
    at, named = now(request), segment(identity_id)
    return await _change(request, lambda desk: archive(IDENTITIES.find_open(desk, named), at))


async def _change_actor(request: AnyRequest, plan: Callable[[Desk], IdentityActor]) -> Answer:
    def run(desk: Desk) -> Planned[IdentityActorAnswer]:
        actor = plan(desk)
        return Planned([ACTORS.keep(actor)], show_actor(actor))

    shown = await change_papers(request, _VERB, run)
    return answer(request, shown)


async def _change(request: AnyRequest, plan: Callable[[Desk], Identity]) -> Answer:
    def run(desk: Desk) -> Planned[IdentityAnswer]:
        identity = plan(desk)
        [shown] = _show(desk, [identity])
        return Planned([IDENTITIES.keep(identity)], shown)

    shown = await change_papers(request, _VERB, run)
    return answer(request, shown)


def _show_actors(found: Sequence[tuple[Place, Paper]]) -> list[IdentityActorAnswer]:
    return [show_actor(ACTORS.read(paper)) for _, paper in found]


def _show(desk: Desk, identities: Sequence[Identity]) -> list[IdentityAnswer]:
    actors = find_actors(desk, identities)
    return [show_identity(each, actors[each.actor_id]) for each in identities]


def _show_credential(identity: Identity, credential: IdentityCredential) -> IdentityCredentialAnswer:
    return {
        "object": "identity.credential",
        "id": credential.id,
        "status": identity.status,
        "identity_id": identity.id,
        "provider_id": credential.provider_id,
        "deployment_id": credential.deployment_id,
        "config_id": credential.config_id,
        "auth_config_id": credential.auth_config_id,
        "delegation_config_id": None,
        "created_at": write_time(credential.created_at),
        "updated_at": write_time(credential.created_at),
    }


HANDLERS = [
    list_identity_actors,
    read_identity_actor,
    create_identity_actor,
    update_identity_actor,
    archive_identity_actor,
    list_identities,
    read_identity,
    create_actor_identity,
    update_actor_identity,
    archive_identity,
]
