"""Reading the raw path, before anything has decoded it: a slash that was encoded stays in its segment.

Servers hand over a path with `%2F` decoded and routers drop a trailing slash; both matter here. Each
segment is decoded once and handed to the router with only `/` and `%` still encoded; handlers call
`segment` on what the router gives them. Where the slash at the end makes another resource, it reaches the
router as the segment `SLASH`, which no request can spell.
"""

from __future__ import annotations

from urllib.parse import quote, unquote, unquote_to_bytes

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

SLASH = "%"
_NOWHERE = "/-"
_SLASHED = frozenset({"/api/integrations"})


class Paths:
    """ASGI middleware that splits `raw_path`."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Rewrite the path of a request and pass it on."""
        if scope["type"] == ScopeType.HTTP:
            raw = scope.get("raw_path") or quote(scope["path"]).encode()
            scope["path"] = read_path(raw.partition(b"?")[0])
        await self._app(scope, receive, send)


def read_path(raw: bytes) -> str:
    """Return the path for the router; one that is not UTF-8, or has an empty segment, leads nowhere."""
    segments = raw.split(b"/")[1:]
    if segments and segments[-1] == b"":
        segments.pop()
    try:
        texts = [unquote_to_bytes(segment).decode() for segment in segments]
    except UnicodeDecodeError:
        return _NOWHERE
    if any(text in {"", ".", ".."} for text in texts):
        return _NOWHERE
    path = "/" + "/".join(text.replace("%", "%25").replace("/", "%2F") for text in texts)
    return f"{path}/{SLASH}" if raw.endswith(b"/") and path in _SLASHED else path


def segment(text: str) -> str:
    """Return what a segment said, from what the router gave."""
    return unquote(text)


def show_route(template: str) -> str:
    """Return a route as people write it."""
    return template.removesuffix(SLASH)
