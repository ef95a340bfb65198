"""`/session-templates`: what the sessions of an instance are made from, one for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict

import msgspec
from litestar import get, post
from litestar.params import FromPath

from credenza.model import Paper, Place
from credenza.plans.catalogue import Providers
from credenza.plans.instances import SESSION_TEMPLATE, Instance, keep_instance, read_instance
from credenza.plans.sessions import (
    SessionTemplateBody,
    find_session_template,
    find_started,
    put_session_template,
)
from credenza.web.answers import Answer
from credenza.web.asking import AnyRequest, now, read_papers, require_writer
from credenza.web.auth import require_actor
from credenza.web.paths import segment
from credenza.web.templates.answers import Page, answer, answer_page, read_page
from credenza.web.templates.asking import change_papers, providers_of
from credenza.web.templates.bodies import Body
from credenza.web.templates.query import Listing, read_choice, require_no_query
from credenza.web.templates.session_parts import ProviderPart, Shown
from credenza.web.templates.times import write_time, write_time_or_none
from credenza.workspace.desk import Desk, Planned

PATH = "/session-templates"
_ONE = f"{PATH}/{{session_template_id:str}}"
_PUT = "/integration-instances/{integration_instance_id:str}/session-template"
_VERB = "session_template"
PART = "stp"  # what the ids of its providers begin with
LISTING = Listing(
    SESSION_TEMPLATE, links=("integration_id", "integration_instance_id", "identity_id", "identity_actor_id")
)
_body = Body(SessionTemplateBody)


class SessionTemplateAnswer(TypedDict):
    """The session template of an instance, with the providers that sessions will have."""

    object: str
    id: str
    status: str
    name: str
    description: str | None
    metadata: dict[str, Any] | None
    integration_instance_id: str
    integration_instance_group_id: None
    identity_actor_id: str | None
    identity_id: str | None
    providers: Sequence[ProviderPart]
    created_at: str
    updated_at: str
    archived_at: str | None


def show_session_templates(
    desk: Desk, providers: Providers, instances: Sequence[Instance]
) -> list[SessionTemplateAnswer]:
    """Return the session templates of instances as answers show them; those without have none."""
    shown = Shown.read(desk, providers, instances)
    return [_show(each, shown) for each in instances if each.session_template is not None]


def _show(instance: Instance, shown: Shown) -> SessionTemplateAnswer:
    template = instance.session_template
    if template is None:
        raise ValueError("an instance without a session template shows none")
    part = "session.template.provider"
    return {
        "object": "session.template",
        "id": template.id,
        "status": template.status,
        "name": template.name,
        "description": template.description,
        "metadata": template.metadata,
        "integration_instance_id": instance.id,
        "integration_instance_group_id": None,
        "identity_actor_id": instance.identity_actor_id,
        "identity_id": instance.identity_id,
        "providers": shown.list_parts(instance, PART, template.id, part),
        "created_at": write_time(template.created_at),
        "updated_at": write_time(template.updated_at),
        "archived_at": write_time_or_none(template.archived_at),
    }


@post(_PUT, before_request=require_actor, status_code=200)
async def put_session_template_of(request: AnyRequest, integration_instance_id: FromPath[str]) -> Answer:
    """Make the session template of an instance, or change it."""
    require_no_query(request)
    await require_writer(request, _VERB)
    body, at = await _body.read(request), now(request)
    wanted, providers = segment(integration_instance_id), await providers_of(request)

    def plan(desk: Desk) -> Planned[SessionTemplateAnswer]:
        _, before = find_started(desk, wanted)
        instance = put_session_template(before, body, at)
        [shown] = show_session_templates(desk, providers(desk), [instance])
        return Planned([] if instance == before else [keep_instance(instance)], shown)

    shown: SessionTemplateAnswer = await change_papers(request, _VERB, plan)
    return answer(request, shown)


@get(PATH, before_request=require_actor)
async def list_session_templates(request: AnyRequest) -> Answer:
    """List session templates."""
    choice, providers = read_choice(request, LISTING), await providers_of(request)

    def show_all(desk: Desk, found: Sequence[tuple[Place, Paper]]) -> list[SessionTemplateAnswer]:
        return show_session_templates(desk, providers(desk), [read_instance(paper) for _, paper in found])

    def job(desk: Desk) -> Page[msgspec.Raw]:
        return read_page(desk, choice, lambda found: show_all(desk, found))

    return answer_page(request, await read_papers(request, job))


@get(_ONE, before_request=require_actor)
async def read_session_template(request: AnyRequest, session_template_id: FromPath[str]) -> Answer:
    """Return one session template."""
    require_no_query(request)
    providers, wanted = await providers_of(request), segment(session_template_id)

    def job(desk: Desk) -> SessionTemplateAnswer:
        [shown] = show_session_templates(desk, providers(desk), [find_session_template(desk, wanted)])
        return shown

    return answer(request, await read_papers(request, job))


HANDLERS = [put_session_template_of, list_session_templates, read_session_template]
