"""`/api/token`: a short-lived token for an API key, and whose it is. Nothing is written."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from litestar import Request, get, post

from credenza.errors import Invalid, Problem
from credenza.settings import Credenza
from credenza.web.answers import Answer, answer_json
from credenza.web.auth import actor_of, require_actor
from credenza.web.requests import Query, read_body


class TokenRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A key id, its secret, and how many milliseconds the token should live (negative: as long as may be)."""

    keyId: str  # noqa: N815
    keySecret: str  # noqa: N815
    expiration: int | None = None

    def __repr__(self) -> str:
        """Show nothing of the secret."""
        return "<token request>"


class TokenAnswer(msgspec.Struct):
    """The token."""

    token: str


class UserRole(msgspec.Struct):
    """A role of the caller."""

    name: str


class UserInfo(msgspec.Struct, omit_defaults=True):
    """Who a credential belongs to; `claims` where they were asked for."""

    id: str
    name: str
    workspace: str
    roles: list[UserRole]
    groups: list[str]
    applicationUser: bool  # noqa: N815
    claims: dict[str, Any] | None = None


_decode = msgspec.json.Decoder(TokenRequest).decode


@get("/api/token/userInfo", before_request=require_actor)
async def read_user(request: Request[Any, Any, Any]) -> Answer:
    """Return who the credential belongs to; with `claims`, also what it is limited to."""
    claims = Query(request, "claims").flag("claims", default=False)
    actor = actor_of(request)
    name = actor.name.partition(":")[2]
    tags = [{"key": tag.key, "value": tag.value} for tag in actor.tags]
    limits = {"role": actor.role.value, "names": actor.names, "tags": tags}
    roles = [UserRole(actor.role.value.upper())]
    user = UserInfo(name, name, actor.tenant.slug, roles, [], True, limits if claims else None)
    return answer_json(user)


@post("/api/token", status_code=200)
async def issue_token(request: Request[Any, Any, Any]) -> Answer:
    """Exchange a key id and its secret for a token."""
    Query(request)
    try:
        asked = _decode(await read_body(request))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        message = 'Send {"keyId": "…", "keySecret": "…"}.'
        raise Invalid(message, problems=[Problem("invalid_data", message, "", "type")]) from None
    opened: Credenza = request.app.state.credenza
    token = await asyncio.to_thread(
        opened.accounts.issue_token, asked.keyId, asked.keySecret, asked.expiration
    )
    return answer_json(TokenAnswer(token), headers={"Cache-Control": "no-store"})


HANDLERS = [issue_token, read_user]
