"""`/sessions/{id}/resolved`: what a session opens, for who has its secret."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Sequence
from typing import Any, NamedTuple, TypedDict

from litestar import get
from litestar.params import FromPath

from credenza.access import allows
from credenza.errors import Damaged, Unauthenticated
from credenza.model import Actor, Permission, Role, Tenant
from credenza.plans.instances import InstanceProvider
from credenza.plans.links import SESSION, read_secret
from credenza.plans.sessions import SHELF, Session, find_filters, hash_secret, name_part, require_open
from credenza.plans.tool_filters import ShownFilter, show_filter
from credenza.sensitive import Sensitive
from credenza.settings import Credenza
from credenza.web.answers import Answer
from credenza.web.asking import AnyRequest
from credenza.web.auth import credential_of
from credenza.web.paths import segment
from credenza.web.templates.answers import answer
from credenza.web.templates.query import require_no_query
from credenza.web.templates.sessions import ONE, PART
from credenza.web.templates.times import write_time
from credenza.web.templates.wholes import find_whole
from credenza.workspace.desk import Desk, Papers

_NO_STORE = {"Cache-Control": "no-store"}
_NOBODY = "0" * 64
_MAKER_GONE = "The key that this session was made with may not reveal any longer: make one with another key."


class ResolvedProvider(TypedDict):
    """A provider with its configuration in clear; what all `tool_filters` let pass may be used."""

    object: str
    id: str
    integration_instance_provider_id: str
    provider_id: str
    name: str
    type: str
    integration: str
    configuration: dict[str, Any]
    tool_filters: list[ShownFilter]


class ResolvedSession(TypedDict):
    """What a session opens."""

    object: str
    session_id: str
    integration_instance_id: str
    providers: Sequence[ResolvedProvider]
    expires_at: str


class _Opened(NamedTuple):
    """What is to be revealed: the integrations of an instance, with the filters that count for them.

    `maker` is the name of who made the session.
    """

    session: Session
    maker: str
    providers: tuple[InstanceProvider, ...]
    filters: dict[str, list[ShownFilter]]


@get(f"{ONE}/resolved")
async def resolve_session(request: AnyRequest, session_id: FromPath[str]) -> Answer:
    """Return what the instance of a session resolves to, secrets in clear."""
    require_no_query(request)
    secret, wanted = Sensitive(credential_of(request)), segment(session_id)
    opened: Credenza = request.app.state.credenza
    proof = read_secret(SESSION, secret.reveal())
    tenant = (
        None if proof is None else await asyncio.to_thread(opened.accounts.find_workspace, proof.workspace)
    )
    if tenant is None:
        raise _refuse()
    reader = Actor(tenant, "session", Role.RUNTIME)
    found = await asyncio.to_thread(
        Papers(opened.workspace(reader)).read,
        lambda desk: _find(desk, wanted, secret, opened.policy.clock()),
    )
    maker = await asyncio.to_thread(opened.accounts.find_actor, tenant, found.maker)
    if maker is None or maker.names or maker.tags or not allows(maker, Permission.REVEAL):
        raise Unauthenticated(_MAKER_GONE, code="invalid_token")
    actor = request.scope["user"] = _make_actor(tenant, found)
    return answer(request, await asyncio.to_thread(_reveal, opened, actor, found), _NO_STORE)


def _refuse() -> Unauthenticated:
    """Return the same error for every secret that opens nothing here."""
    message = "Send the secret of this session: Authorization: Bearer <client_secret>."
    return Unauthenticated(message, code="invalid_token")


def _find(desk: Desk, id: str, secret: Sensitive[str], at: int) -> _Opened:
    """Return what a session opens.

    Raises:
        Unauthenticated: the secret is not its own, or there is no such session.
        Gone: the secret is right, and the session is over.
    """
    paper = desk.paper(SHELF.kind, id)
    session = None if paper is None else SHELF.read(paper)
    known = _NOBODY if session is None else session.secret_hash
    if not hmac.compare_digest(hash_secret(secret.reveal()), known) or paper is None or session is None:
        raise _refuse()
    _, template, instance = find_whole(desk, session)
    require_open(session, template, instance, at)
    filters = find_filters(desk, template, instance)
    shown = {each: [show_filter(one) for one in chain] for each, chain in filters.items()}
    # Of a provider that the template has no longer, the instance may still have to be told.
    offered = {each.id for each in template.active_providers}
    used = (each for each in instance.active_providers if each.integration_provider_id in offered)
    ready = tuple(each for each in used if each.integration is not None)
    return _Opened(session, paper.created_by, ready, shown)


def _make_actor(tenant: Tenant, found: _Opened) -> Actor:
    """Return who a session is, in audit rows too: it reads its own integrations, and no others."""
    names = tuple(each.integration.name for each in found.providers if each.integration)
    return Actor(tenant, f"session:{found.session.id}", Role.RUNTIME, names or ("",))


def _reveal(opened: Credenza, actor: Actor, found: _Opened) -> ResolvedSession:
    workspace, session = opened.workspace(actor), found.session
    providers: list[ResolvedProvider] = []
    for each in found.providers:
        name = each.integration.name if each.integration else ""
        resolved = workspace.reveal(name)
        source = resolved.document.source
        if source is None or source.instance != session.integration_instance_id:
            raise Damaged("An integration of this instance was changed behind the program's back.")
        providers.append(
            {
                "object": "session.resolved.provider",
                "id": name_part(PART, session.id, each.id),
                "integration_instance_provider_id": each.id,
                "provider_id": each.provider_id,
                "name": each.name,
                "type": each.type,
                "integration": name,
                "configuration": resolved.configuration.reveal(),
                "tool_filters": found.filters[each.id],
            }
        )
    return {
        "object": "session.resolved",
        "session_id": session.id,
        "integration_instance_id": session.integration_instance_id,
        "providers": providers,
        "expires_at": write_time(session.expires_at),
    }


HANDLERS = [resolve_session]
