"""Credential -> Actor, before a handler is called: a stranger's body is never read, let alone parsed."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection

from credenza.errors import CredenzaError, Unauthenticated
from credenza.model import Actor
from credenza.settings import Credenza
from credenza.web.requests import headers

_BEARER = "bearer "


async def require_actor(request: Request[Any, Any, Any]) -> None:
    """Put the actor into the request, or raise Unauthenticated.

    For `before_request`: a guard does the same, and has the route handler copied for every call.
    """
    opened: Credenza = request.app.state.credenza
    credential = credential_of(request)
    if opened.store.is_near:
        with opened.policy.observer.part("authenticate"):
            request.scope["user"] = opened.accounts.authenticate(credential)
    else:
        request.scope["user"] = await asyncio.to_thread(_admit, opened, credential)


def _admit(opened: Credenza, credential: str) -> Actor:
    """Return who a credential proves to be, with what handlers ask for on the event loop ready at hand."""
    with opened.policy.observer.part("authenticate"):
        actor = opened.accounts.authenticate(credential)
    # What is missing is told by whoever needs it.
    with suppress(CredenzaError):
        opened.vault.ring(actor.tenant.id)
        opened.types.of(actor.tenant)
    return actor


def actor_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Actor:
    """Return who was let in."""
    actor: Actor = connection.scope["user"]
    return actor


def credential_of(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """Return the credential that a request brings; raises Unauthenticated where it brings none, or two."""
    keys, others = (headers(connection, name) for name in (b"x-authorization", b"authorization"))
    if len(keys) > 1 or len(others) > 1:
        # Two readings of one request must not come to believe two different credentials.
        raise Unauthenticated("Send one credential.", code="invalid_token")
    if keys:
        key = keys[0].strip()
        key = key[len(_BEARER) :].strip() if key.lower().startswith(_BEARER) else key
    else:
        scheme, _, key = "".join(others).partition(" ")
        key = key.strip() if scheme.lower() == _BEARER.strip() else ""
    if not key:
        raise Unauthenticated
    return key
