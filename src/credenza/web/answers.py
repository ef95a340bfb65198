"""Answers as handlers give them: bytes that are ready, under the few headers that this surface has.

`ASGIResponse` and no `Response`: that would be built anew into this one, for a tenth of what a small save
costs in the event loop.
"""

from __future__ import annotations

import msgspec
from litestar.response.base import ASGIResponse

Answer = ASGIResponse
_encode = msgspec.json.encode


def answer_json(
    content: object, *, status: int = 200, etag: int | None = None, headers: dict[str, str] | None = None
) -> Answer:
    """Return content as JSON; `etag` is the version of what is shown."""
    headers = headers or {}
    if etag is not None:
        headers = {**headers, "ETag": f'"{etag}"'}
    return ASGIResponse(
        body=_encode(content), status_code=status, media_type="application/json", headers=headers
    )


def answer_nothing() -> Answer:
    """Return an empty 200."""
    return ASGIResponse(body=b"", status_code=200, media_type="application/json")
