"""`/integration-setup-sessions`: links with which people fill in what an instance still needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, NoReturn, TypedDict

import msgspec
from litestar import get, post
from litestar.params import FromPath

from credenza.access import allows
from credenza.errors import Invalid, Problem
from credenza.model import Actor, Permission
from credenza.plans.catalogue import Providers
from credenza.plans.origins import find_origins
from credenza.plans.previews import ARCHIVED
from credenza.plans.setup_sessions import (
    EXPIRED,
    KIND,
    MAX_MINUTES,
    PENDING,
    SHELF,
    STATUSES,
    SUCCESSFUL,
    Lifetime,
    PageConfiguration,
    SetupSession,
    SetupSessionBody,
    StepView,
    create_setup_session,
    find_status,
    list_steps,
)
from credenza.plans.singles import MINUTE
from credenza.plans.templates import find_usable_template
from credenza.settings import Credenza
from credenza.web.answers import Answer
from credenza.web.asking import AnyRequest, now, read_papers, require_writer
from credenza.web.auth import actor_of, require_actor
from credenza.web.links import derive_secret, own_address, write_link
from credenza.web.paths import segment
from credenza.web.templates.answers import Page, answer, answer_page
from credenza.web.templates.asking import change_papers, providers_of
from credenza.web.templates.bodies import Body
from credenza.web.templates.effective import Found, Stored, read_effective_page
from credenza.web.templates.instance_means import find_means
from credenza.web.templates.instances import InstanceAnswer, show_instances
from credenza.web.templates.integration_providers import preview_of
from credenza.web.templates.previews import ProviderPreview
from credenza.web.templates.query import GONE, Listing, read_choice, require_no_query
from credenza.web.templates.times import read_time, write_time
from credenza.web.templates.wholes import Whole, Wholes, find_whole
from credenza.workspace.desk import Desk, Planned

PATH = "/integration-setup-sessions"
_ONE = f"{PATH}/{{integration_setup_session_id:str}}"
_VERB = "setup_session"
_NO_STORE = {"Cache-Control": "no-store"}
LISTING = Listing(
    KIND, statuses=(*STATUSES, *GONE), links=("integration_id", "integration_instance_id"), search=False
)
_body = Body(SetupSessionBody)


class ProviderSearch(TypedDict):
    """Which providers are offered."""

    groups: Sequence[Any]
    collections: Sequence[Any]
    categories: Sequence[Any]


class ToolFilterChoice(TypedDict):
    """Whether the page lets a person choose tools."""

    enabled: bool


class Ui(TypedDict):
    """How the page looks."""

    layout: str


class SetupConfiguration(TypedDict):
    """How the page of a session is."""

    provider_search: ProviderSearch
    tool_filters: ToolFilterChoice
    ui: Ui


class SetupStepAnswer(TypedDict):
    """A step: one provider to set. It is `failed` where what was saved does not do any longer."""

    object: str
    id: str
    status: str
    url: str
    integration_provider_id: str
    provider: ProviderPreview
    provider_setup_session_id: None
    integration_instance_provider_id: str | None
    created_at: str
    updated_at: str


class SetupSessionAnswer(TypedDict):
    """A setup session with its instance and its steps; its addresses hold the secret for who may write."""

    object: str
    id: str
    status: str
    url: str
    name: str
    description: str | None
    metadata: dict[str, Any] | None
    configuration: SetupConfiguration
    redirect_url: str | None
    integration_id: str
    integration_instance_id: str
    integration_instance: InstanceAnswer
    steps: list[SetupStepAnswer]
    created_at: str
    updated_at: str
    expires_at: str


class Addresses(NamedTuple):
    """How addresses of sessions are written: for who may write, with the secret."""

    opened: Credenza
    actor: Actor
    base: str

    @classmethod
    def of(cls, request: AnyRequest) -> Addresses:
        """Return how they are written for the caller of a request."""
        return cls(request.app.state.credenza, actor_of(request), own_address(request))

    def of_session(self, session: SetupSession) -> Callable[[str | None], str]:
        """Return what writes the address of a session, or of a step of it."""
        limited = self.actor.names or self.actor.tags
        trusted = allows(self.actor, Permission.WRITE) and not limited
        secret = derive_secret(self.opened, self.actor.tenant, session) if trusted else None
        return lambda step_id: write_link(self.base, session.id, secret, step_id)


def show_setup_sessions(
    desk: Desk, providers: Providers, wholes: Sequence[Whole[SetupSession]], addresses: Addresses, at: int
) -> list[SetupSessionAnswer]:
    """Return sessions as answers show them at a time."""
    instances = show_instances(desk, providers, [whole.instance for whole in wholes])
    return [
        _show(whole, shown, providers, addresses.of_session(whole.session), at)
        for whole, shown in zip(wholes, instances, strict=True)
    ]


def _show(
    whole: Whole[SetupSession],
    instance: InstanceAnswer,
    providers: Providers,
    write: Callable[[str | None], str],
    at: int,
) -> SetupSessionAnswer:
    session = whole.session
    return {
        "object": "integration.setup_session",
        "id": session.id,
        "status": find_status(*whole, at),
        "url": write(None),
        "name": session.name or "",
        "description": session.description,
        "metadata": session.metadata,
        "configuration": _show_configuration(session.configuration),
        "redirect_url": session.redirect_url,
        "integration_id": session.integration_id,
        "integration_instance_id": session.integration_instance_id,
        "integration_instance": instance,
        "steps": [_show_step(step, providers, write) for step in list_steps(*whole, at)],
        "created_at": write_time(session.created_at),
        "updated_at": write_time(session.updated_at),
        "expires_at": write_time(session.expires_at),
    }


def _show_configuration(configuration: PageConfiguration) -> SetupConfiguration:
    return {
        "provider_search": {
            "groups": configuration.groups,
            "collections": configuration.collections,
            "categories": configuration.categories,
        },
        "tool_filters": {"enabled": configuration.tool_filters},
        "ui": {"layout": configuration.layout},
    }


def _show_step(view: StepView, providers: Providers, write: Callable[[str | None], str]) -> SetupStepAnswer:
    step, provider = view.step, view.provider
    return {
        "object": "integration.setup_session.step",
        "id": step.id,
        "status": view.status,
        "url": write(step.id),
        "integration_provider_id": step.integration_provider_id,
        "provider": preview_of(view.parent, providers),
        "provider_setup_session_id": None,
        "integration_instance_provider_id": provider.id if provider and provider.is_set else None,
        "created_at": write_time(step.created_at),
        "updated_at": write_time(step.updated_at),
    }


@post(PATH, before_request=require_actor, status_code=200)
async def create_integration_setup_session(request: AnyRequest) -> Answer:
    """Make a setup session, and a draft instance that it fills."""
    require_no_query(request)
    await require_writer(request, _VERB)
    body, find = await _body.read(request), await find_means(request)
    opened, addresses = request.app.state.credenza, Addresses.of(request)
    settings, until = opened.settings, _read_until(body)
    lifetime = Lifetime(until, settings.setup_minutes)

    def plan(desk: Desk) -> Planned[SetupSessionAnswer]:
        means, redirects = find(desk), find_origins(desk).redirects(settings.redirects())
        template = find_usable_template(desk, body.integration_id)
        session, instance, changes = create_setup_session(means, template, body, lifetime, redirects)
        whole = Whole(session, template, instance)
        [shown] = show_setup_sessions(desk, means.providers, [whole], addresses, means.at)
        return Planned(changes, shown)

    shown: SetupSessionAnswer = await change_papers(request, _VERB, plan)
    return answer(request, shown, _NO_STORE)


def _read_until(body: SetupSessionBody) -> int | None:
    try:
        return None if body.expires_at is None else read_time(body.expires_at)
    except ValueError:
        _refuse_time()


def _refuse_time() -> NoReturn:
    message = "expires_at is a date and time, like 2026-01-10T14:45:00Z."
    raise Invalid(message, problems=[Problem("invalid_data", message, "/expires_at", "format")]) from None


@get(PATH, before_request=require_actor)
async def list_setup_sessions(request: AnyRequest) -> Answer:
    """List setup sessions."""
    choice, at, addresses = read_choice(request, LISTING), now(request), Addresses.of(request)
    providers = await providers_of(request)
    stored = [_find_stored(status, at) for status in choice.statuses]

    def job(desk: Desk) -> Page[msgspec.Raw]:
        wholes, known = Wholes(desk), providers(desk)

        def find(found: Found) -> list[tuple[str, Whole[SetupSession]]]:
            run = wholes.find([SHELF.read(paper) for _, paper in found])
            return [(find_status(*whole, at), whole) for whole in run]

        def show(run: Sequence[Whole[SetupSession]]) -> list[SetupSessionAnswer]:
            return show_setup_sessions(desk, known, run, addresses, at)

        return read_effective_page(desk, choice, stored, find, show)

    return answer_page(request, await read_papers(request, job), _NO_STORE)


def _find_stored(status: str, at: int) -> Stored:
    """Say under which statuses sessions of one are stored: what ends by itself still stands as pending."""
    if status == PENDING:
        return Stored((PENDING,), at - MAX_MINUTES * MINUTE)
    found = {SUCCESSFUL: (PENDING, SUCCESSFUL), EXPIRED: (PENDING,), ARCHIVED: (PENDING,)}
    return Stored(found.get(status, ()))


@get(_ONE, before_request=require_actor)
async def read_setup_session(request: AnyRequest, integration_setup_session_id: FromPath[str]) -> Answer:
    """Return one setup session."""
    require_no_query(request)
    providers, wanted = await providers_of(request), segment(integration_setup_session_id)
    at, addresses = now(request), Addresses.of(request)

    def job(desk: Desk) -> SetupSessionAnswer:
        whole = find_whole(desk, SHELF.find(desk, wanted))
        [shown] = show_setup_sessions(desk, providers(desk), [whole], addresses, at)
        return shown

    return answer(request, await read_papers(request, job), _NO_STORE)


HANDLERS = [create_integration_setup_session, list_setup_sessions, read_setup_session]
