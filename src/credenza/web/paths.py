"""Reading the raw path, before anything has decoded it: a slash that was encoded stays in its segment.

Servers hand over a path with `%2F` decoded and routers drop a trailing slash; both matter here. Each
segment is decoded once and handed to the router with only `/` and `%` still encoded; handlers call
`segment` on what the router gives them. Where the slash at the end makes another resource, it reaches the
router as the segment `SLASH`, which no request can spell.

An api's name may hold slashes, and not every client encodes them. So behind
`/api/integrations/provider/{name}/integration/` everything is the name, up to the verb that may end the
path: `prompt/{prompt}`, `prompt`, `tags` or `metrics`. Verbs are recognised before decoding: an api of such
a name is meant where any letter of it is encoded, or where no other name is there. `all` is a verb where
nothing else follows, and reaches the router as the segment `ALL`.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote, unquote, unquote_to_bytes

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

SLASH = "%"
ALL = "%all"
_NOWHERE = "/-"
_SLASHED = frozenset({"/api/integrations"})
_PROVIDER = ["api", "integrations", "provider"]
_API = len(_PROVIDER) + 2  # behind {name} and `integration`
_ENDINGS = frozenset({b"tags", b"metrics", b"prompt"})
_STEPS = frozenset({"", ".", ".."})


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
    """Return the path for the router.

    One that is not UTF-8 leads nowhere, nor does one with an empty or a dot segment outside an api's name, or
    with an api's name of nothing.
    """
    segments = raw.split(b"/")[1:]
    if segments and segments[-1] == b"":
        segments.pop()
    try:
        texts = [unquote_to_bytes(segment).decode() for segment in segments]
    except UnicodeDecodeError:
        return _NOWHERE
    head, tail = texts, []
    if _names_api(texts):
        head, tail = texts[:_API], _read_api(segments[_API:], texts[_API:])
        if not tail:
            return _NOWHERE
    if not _STEPS.isdisjoint(head):
        return _NOWHERE
    path = "/" + "/".join([*map(_write, head), *tail])
    return f"{path}/{SLASH}" if raw.endswith(b"/") and path in _SLASHED else path


def segment(text: str) -> str:
    """Return what a segment said, from what the router gave."""
    return unquote(text)


def show_route(template: str) -> str:
    """Return a route as people write it."""
    return template.removesuffix(SLASH).replace(f"/{ALL}", "/all")


def _names_api(texts: Sequence[str]) -> bool:
    return len(texts) > _API and texts[: len(_PROVIDER)] == _PROVIDER and texts[_API - 1] == "integration"


def _read_api(raw: Sequence[bytes], texts: Sequence[str]) -> list[str]:
    """Return an api's name in one segment and the verb behind it; nothing where there is no such name."""
    if raw == [b"all"]:
        return [ALL]
    end = len(raw) - _count_verb(raw)
    name, verb = "/".join(texts[:end]), texts[end:]
    if not name or not _STEPS.isdisjoint(verb):
        return []
    return [_write(name), *map(_write, verb)]


def _count_verb(raw: Sequence[bytes]) -> int:
    if raw[-2:-1] == [b"prompt"]:  # a prompt may be called `tags`
        return 2
    # Alone it can only be a name: some clients encode no letter of an api called `tags`.
    return 1 if len(raw) > 1 and raw[-1] in _ENDINGS else 0


def _write(text: str) -> str:
    return text.replace("%", "%25").replace("/", "%2F")
