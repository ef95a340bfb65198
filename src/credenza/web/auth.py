"""Credential -> Actor, as a guard: a stranger's body is never read, let alone parsed."""

from __future__ import annotations

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from credenza.errors import Unauthenticated
from credenza.model import Actor
from credenza.settings import Credenza

_BEARER = "bearer "


async def require_actor(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Put the actor into the connection, or raise Unauthenticated."""
    opened: Credenza = connection.app.state.credenza
    connection.scope["user"] = opened.accounts.authenticate(_credential(connection))


def actor_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Actor:
    """Return who was let in."""
    actor: Actor = connection.scope["user"]
    return actor


def _credential(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    key = connection.headers.get("x-authorization")
    if key is None:
        scheme, _, key = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() != _BEARER.strip():
            raise Unauthenticated
    key = key.strip()
    if not key:
        raise Unauthenticated
    return key[len(_BEARER) :].strip() if key.lower().startswith(_BEARER) else key
