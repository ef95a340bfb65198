"""`/sessions`: for a while, a runtime may read what an instance resolves to."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, TypedDict

import msgspec
from litestar import delete, get, post
from litestar.params import FromPath

from credenza.errors import Gone
from credenza.model import Permission, Role
from credenza.plans.catalogue import Providers
from credenza.plans.links import SESSION, write_secret
from credenza.plans.previews import ACTIVE, ARCHIVED
from credenza.plans.sessions import (
    KIND,
    SHELF,
    Grant,
    Session,
    SessionBody,
    create_session,
    find_started,
    hash_secret,
    is_open,
    name_part,
)
from credenza.plans.singles import MINUTE, archive
from credenza.randomness import random_bytes
from credenza.sensitive import Sensitive
from credenza.settings import Credenza
from credenza.web.answers import Answer
from credenza.web.asking import AnyRequest, now, read_papers, require_writer
from credenza.web.auth import actor_of, require_actor
from credenza.web.links import own_address
from credenza.web.paths import segment
from credenza.web.templates.answers import Page, answer, answer_page
from credenza.web.templates.asking import change_papers, providers_of
from credenza.web.templates.bodies import Body
from credenza.web.templates.effective import Found, Stored, read_effective_page
from credenza.web.templates.query import Listing, read_choice, require_no_query
from credenza.web.templates.session_parts import ProviderPart, Shown
from credenza.web.templates.session_templates import PART as TEMPLATE_PART
from credenza.web.templates.times import write_time, write_time_or_none
from credenza.web.templates.wholes import Whole, Wholes, find_whole
from credenza.workspace.desk import Desk, Papers, Planned

PATH = "/sessions"
ONE = f"{PATH}/{{session_id:str}}"
_CREATE = "/integration-instances/{integration_instance_id:str}/session"
_VERB = "session"
PART = "spv"  # what the ids of its providers begin with
_RANDOM = 32  # bytes
_WEEK = 7 * 24 * 60 * MINUTE  # no session lasts longer
_NO_STORE = {"Cache-Control": "no-store"}
LISTING = Listing(
    KIND,
    links=(
        "integration_id",
        "integration_instance_id",
        "session_template_id",
        "identity_id",
        "identity_actor_id",
    ),
)
_body = Body(SessionBody)


class Usage(TypedDict):
    """How many messages were counted: none, for no message passes through here."""

    total_productive_client_message_count: int
    total_productive_provider_message_count: int


class SessionProvider(ProviderPart):
    """A provider of a session."""

    usage: Usage
    session_id: str
    from_template_id: str
    from_template_provider_id: str


class SessionAnswer(TypedDict):
    """A session. What it opens is read at its `connection_url`, with the secret as a bearer token.

    `client_secret` is shown once, by the call that makes the session. One that is over shows as archived.
    """

    object: str
    id: str
    status: str
    name: str
    description: str | None
    metadata: dict[str, Any] | None
    connection_state: str
    connection_url: str
    client_secret: str | None
    usage: Usage
    providers: Sequence[SessionProvider]
    from_templates_ids: list[str]
    from_template_ids: list[str]
    has_errors: bool
    has_warnings: bool
    integration_instance_id: str
    identity_actor_id: str | None
    identity_id: str | None
    created_at: str
    updated_at: str
    expires_at: str
    archived_at: str | None


def show_sessions(
    desk: Desk, providers: Providers, wholes: Sequence[Whole[Session]], base: str, at: int
) -> list[SessionAnswer]:
    """Return sessions as answers show them at a time; `base` is the server's own address."""
    shown = Shown.read(desk, providers, [whole.instance for whole in wholes])
    return [_show(whole, shown, base, at) for whole in wholes]


def _show(whole: Whole[Session], shown: Shown, base: str, at: int) -> SessionAnswer:
    session, instance = whole.session, whole.instance
    parts = shown.list_parts(instance, PART, session.id, "session.provider")
    return {
        "object": "session",
        "id": session.id,
        "status": ACTIVE if is_open(*whole, at) else ARCHIVED,
        "name": session.name or "",
        "description": session.description,
        "metadata": session.metadata,
        "connection_state": "disconnected",
        "connection_url": f"{base}{PATH}/{session.id}/resolved",
        "client_secret": None,
        "usage": _count_nothing(),
        "providers": [_show_provider(part, session) for part in parts],
        "from_templates_ids": [session.session_template_id],
        "from_template_ids": [session.session_template_id],
        "has_errors": False,
        "has_warnings": False,
        "integration_instance_id": instance.id,
        "identity_actor_id": session.identity_actor_id,
        "identity_id": session.identity_id,
        "created_at": write_time(session.created_at),
        "updated_at": write_time(session.updated_at),
        "expires_at": write_time(session.expires_at),
        "archived_at": write_time_or_none(session.archived_at),
    }


def _show_provider(part: ProviderPart, session: Session) -> SessionProvider:
    return {
        **part,
        "usage": _count_nothing(),
        "session_id": session.id,
        "from_template_id": session.session_template_id,
        "from_template_provider_id": name_part(
            TEMPLATE_PART, session.session_template_id, part["integration_instance_provider_id"]
        ),
    }


def _count_nothing() -> Usage:
    return {"total_productive_client_message_count": 0, "total_productive_provider_message_count": 0}


@post(_CREATE, before_request=require_actor, status_code=200)
async def create_instance_session(request: AnyRequest, integration_instance_id: FromPath[str]) -> Answer:
    """Make a session of an instance; its secret is shown here and never again."""
    require_no_query(request)
    # Whoever has a session reads secrets in clear: nobody gives away what they may not do themselves.
    await require_writer(request, _VERB, Permission.REVEAL)
    body, at, base = await _body.read(request), now(request), own_address(request)
    wanted, providers = segment(integration_instance_id), await providers_of(request)
    opened: Credenza = request.app.state.credenza
    maker = actor_of(request)
    tenant = maker.tenant
    secret = Sensitive(write_secret(SESSION, tenant.id, random_bytes(_RANDOM)))
    grant = Grant(hash_secret(secret.reveal()), opened.settings.session_minutes * MINUTE)

    def plan(desk: Desk) -> Planned[SessionAnswer]:
        template, before = find_started(desk, wanted)
        session, instance, changes = create_session(
            template, before, body, grant, at, name=f"Session {write_time(at)}"
        )
        [shown] = show_sessions(desk, providers(desk), [Whole(session, template, instance)], base, at)
        return Planned(changes, shown)

    # A runtime writes nothing else; the paper names the key in any case, which the session dies with.
    papers = Papers(opened.workspace(msgspec.structs.replace(maker, role=Role.EDITOR)))
    shown: SessionAnswer = await asyncio.to_thread(papers.change, _VERB, plan)
    return answer(request, {**shown, "client_secret": secret.reveal()}, _NO_STORE)


@get(PATH, before_request=require_actor)
async def list_sessions(request: AnyRequest) -> Answer:
    """List sessions."""
    choice, at, base = read_choice(request, LISTING), now(request), own_address(request)
    providers = await providers_of(request)
    stored = [_find_stored(status, at) for status in choice.statuses]

    def job(desk: Desk) -> Page[msgspec.Raw]:
        wholes, known = Wholes(desk), providers(desk)

        def find(found: Found) -> list[tuple[str, Whole[Session]]]:
            run = wholes.find([SHELF.read(paper) for _, paper in found])
            return [(ACTIVE if is_open(*whole, at) else ARCHIVED, whole) for whole in run]

        def show(run: Sequence[Whole[Session]]) -> list[SessionAnswer]:
            return show_sessions(desk, known, run, base, at)

        return read_effective_page(desk, choice, stored, find, show)

    return answer_page(request, await read_papers(request, job))


def _find_stored(status: str, at: int) -> Stored:
    if status == ACTIVE:
        return Stored((ACTIVE,), at - _WEEK)
    return Stored((ACTIVE, ARCHIVED) if status == ARCHIVED else ())


@get(ONE, before_request=require_actor)
async def read_session(request: AnyRequest, session_id: FromPath[str]) -> Answer:
    """Return one session, without its secret."""
    require_no_query(request)
    providers, wanted = await providers_of(request), segment(session_id)
    at, base = now(request), own_address(request)

    def job(desk: Desk) -> SessionAnswer:
        [shown] = show_sessions(desk, providers(desk), [find_whole(desk, SHELF.find(desk, wanted))], base, at)
        return shown

    return answer(request, await read_papers(request, job))


@delete(ONE, before_request=require_actor, status_code=200)
async def end_session(request: AnyRequest, session_id: FromPath[str]) -> Answer:
    """End a session: from now on its secret opens nothing."""
    require_no_query(request)
    await require_writer(request, _VERB)
    providers, wanted = await providers_of(request), segment(session_id)
    at, base = now(request), own_address(request)

    def plan(desk: Desk) -> Planned[SessionAnswer]:
        whole = find_whole(desk, SHELF.find(desk, wanted))
        if whole.session.status != ACTIVE:
            raise Gone("This session is archived.")
        ended = whole._replace(session=archive(whole.session, at))
        [shown] = show_sessions(desk, providers(desk), [ended], base, at)
        return Planned([SHELF.keep(ended.session)], shown)

    shown: SessionAnswer = await change_papers(request, _VERB, plan)
    return answer(request, shown)


HANDLERS = [create_instance_session, list_sessions, read_session, end_session]
