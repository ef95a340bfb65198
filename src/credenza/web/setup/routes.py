"""The addresses of setup pages. Opening one changes nothing, so that previews and scanners may."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from litestar import HttpMethod, Request, Response, get, post, route
from litestar.exceptions import HTTPException
from litestar.params import FromPath

from credenza.errors import Conflict, CredenzaError, NotFound
from credenza.sensitive import Sensitive
from credenza.settings import Credenza
from credenza.web.links import SETUP_PATH
from credenza.web.paths import segment
from credenza.web.problems import describe, status_of
from credenza.web.setup.assets import ASSETS, ROOT
from credenza.web.setup.model import LinkUnknown, Page, Setup
from credenza.web.setup.pages import Addresses, leave, show_failure, show_page
from credenza.web.setup.posted import SECRET, SHOW, check_origin, read_form

AnyRequest = Request[Any, Any, Any]

_READ = [HttpMethod.GET, HttpMethod.HEAD]
_LONGEST = 512  # characters of an id or a secret
_FOREVER = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}
_log = logging.getLogger("credenza")


def answer_failure(request: AnyRequest, error: Exception) -> Response[bytes]:
    """Turn any exception into a page for a person."""
    if isinstance(error, CredenzaError):
        status = int(status_of(error))
    else:
        status = error.status_code if isinstance(error, HTTPException) else 500
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        # The type and the place, never the text: it may hold a value.
        fields = {"request": str(request.scope.get("credenza.id", "")), "failure": describe(error)}
        _log.error("setup page failed", extra=fields)
    addresses = Addresses(_public_url(request), "", Sensitive(""))
    busy = isinstance(error, Conflict)
    return show_failure(status, addresses, busy=busy, secure=_is_secure(request))


_FAILURES: dict[int | type[Exception], Callable[..., Response[bytes]]] = dict.fromkeys(
    (CredenzaError, HTTPException, Exception), answer_failure
)


@route(
    [SETUP_PATH + "/{session_id:str}", SETUP_PATH + "/{session_id:str}/{step_id:str}"],
    http_method=_READ,
    include_in_schema=False,
    exception_handlers=_FAILURES,
)
async def read_session(
    request: AnyRequest, session_id: FromPath[str], step_id: FromPath[str | None] = None
) -> Response[bytes]:
    """Show a session at a step, else at the first one that is open."""
    secret = _read_secret(request)
    session, step = _read_id(session_id), step_id and _read_id(step_id)
    page = await asyncio.to_thread(_setup(request).open, session, secret, step)
    return _show(request, page, secret)


@post(
    SETUP_PATH + "/{session_id:str}/{step_id:str}",
    status_code=200,
    include_in_schema=False,
    exception_handlers=_FAILURES,
)
async def write_step(
    request: AnyRequest, session_id: FromPath[str], step_id: FromPath[str]
) -> Response[bytes]:
    """Save a step and go on to the next, or show its form again with what is wrong or newly asked for."""
    check_origin(request, _public_url(request))
    posted = await read_form(request)
    session, step, secret = _read_id(session_id), _read_id(step_id), posted.read_secret()
    if not 0 < len(secret.reveal()) <= _LONGEST:
        raise LinkUnknown
    setup, answers = _setup(request), posted.read_answers()
    if SHOW in posted:
        return _show(request, await asyncio.to_thread(setup.show, session, secret, step, answers), secret)
    page = await asyncio.to_thread(setup.submit, session, secret, step, answers)
    if page.form is not None and page.form.step_id == step and page.form.refused:
        return _show(request, page, secret, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    return leave(_addresses(request, session, secret).link(), secure=_is_secure(request))


@get(ROOT + "/{name:str}", include_in_schema=False)
async def read_asset(name: FromPath[str]) -> Response[bytes]:
    """Return a style sheet or script, which browsers may keep for good."""
    asset = ASSETS.get(segment(name))
    if asset is None:
        raise NotFound("There is nothing at this path.")
    return Response(asset.content, media_type=asset.media_type, headers=_FOREVER)


def _show(request: AnyRequest, page: Page, secret: Sensitive[str], *, status: int = 200) -> Response[bytes]:
    addresses = _addresses(request, page.session_id, secret)
    return show_page(page, addresses, status=status, secure=_is_secure(request))


def _setup(request: AnyRequest) -> Setup:
    setup: Setup | None = request.app.state.get("setup")
    if setup is None:
        raise LinkUnknown  # without sessions, no link is one of ours
    return setup


def _read_secret(request: AnyRequest) -> Sensitive[str]:
    """Return the secret of the address; what mail programs add to a link beside it is left alone."""
    pairs = parse_qsl(request.scope["query_string"].decode("latin-1"))
    found = [value for name, value in pairs if name == SECRET]
    if len(found) != 1 or len(found[0]) > _LONGEST:
        raise LinkUnknown
    return Sensitive(found[0])


def _read_id(text: str) -> str:
    name = segment(text)
    if len(name) > _LONGEST or not name.isascii() or not name.isprintable():
        raise LinkUnknown
    return name


def _addresses(request: AnyRequest, session_id: str, secret: Sensitive[str]) -> Addresses:
    return Addresses(_public_url(request), session_id, secret)


def _public_url(request: AnyRequest) -> str | None:
    opened: Credenza = request.app.state.credenza
    return opened.settings.public_url


def _is_secure(request: AnyRequest) -> bool:
    return (_public_url(request) or "").startswith("https://")


HANDLERS = [read_session, write_step, read_asset]
