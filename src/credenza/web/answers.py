"""Answers as handlers give them: bytes that are ready, under the few headers that this surface has.

`ASGIResponse` and no `Response`: that would be built anew into this one, for a tenth of what a small save
costs in the event loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator

import msgspec
from litestar.response.base import ASGIResponse
from litestar.response.streaming import ASGIStreamingResponse

from credenza.web.problems import describe

_log = logging.getLogger("credenza")
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


def answer_parts(parts: Iterator[bytes]) -> Answer:
    """Return JSON that is sent part by part; each is made in a thread, once the one before has gone out.

    When making one fails, the connection is cut: what has gone out must not look whole.
    """
    return ASGIStreamingResponse(iterator=_pump(parts), status_code=200, media_type="application/json")


async def _pump(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    # The framework's own way from an iterator takes a ValueError for the end.
    try:
        while (part := await asyncio.to_thread(next, parts, None)) is not None:
            yield part
    except Exception as error:
        _log.error("answer cut short", extra={"failure": describe(error)})
        raise
