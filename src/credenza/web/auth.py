"""Credential -> Actor, before a handler is called: a stranger's body is never read, let alone parsed."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection

from credenza.errors import Unauthenticated
from credenza.model import Actor
from credenza.settings import Credenza

_BEARER = "bearer "


async def require_actor(request: Request[Any, Any, Any]) -> None:
    """Put the actor into the request, or raise Unauthenticated.

    For `before_request`: a guard does the same, and has the route handler copied for every call.
    """
    opened: Credenza = request.app.state.credenza
    request.scope["user"] = opened.accounts.authenticate(_credential(request))


def actor_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Actor:
    """Return who was let in."""
    actor: Actor = connection.scope["user"]
    return actor


def _credential(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    for header in ("x-authorization", "authorization"):
        # Two readers of one request must not come to believe two different credentials.
        if len(connection.headers.getall(header, [])) > 1:
            raise Unauthenticated(f"Send the header {header} once.", code="invalid_token")
    key = connection.headers.get("x-authorization")
    if key is None:
        scheme, _, key = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() != _BEARER.strip():
            raise Unauthenticated
    key = key.strip()
    if not key:
        raise Unauthenticated
    return key[len(_BEARER) :].strip() if key.lower().startswith(_BEARER) else key
