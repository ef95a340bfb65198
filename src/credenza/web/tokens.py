"""`POST /api/token`: a short-lived token for an API key. Nothing is written."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, post

from credenza.errors import Invalid, Problem
from credenza.settings import Credenza
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


_decode = msgspec.json.Decoder(TokenRequest).decode


@post("/api/token", status_code=200)
async def issue_token(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Exchange a key id and its secret for a token."""
    Query(request)
    try:
        asked = _decode(await read_body(request))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        message = 'Send {"keyId": "…", "keySecret": "…"}.'
        raise Invalid(message, problems=[Problem("invalid_data", message, "", "type")]) from None
    opened: Credenza = request.app.state.credenza
    token = opened.accounts.issue_token(asked.keyId, asked.keySecret, asked.expiration)
    return Response(
        msgspec.json.encode(TokenAnswer(token)),
        status_code=200,
        media_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
