"""Setup pages as HTML, and the headers that every one of them carries."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec
from litestar import Response

from credenza.plans.redirects import read_destination, read_origin
from credenza.sensitive import Sensitive
from credenza.web.links import SETUP_PATH
from credenza.web.setup import posted
from credenza.web.setup.assets import HTMX, ROOT, SCRIPT, STYLE
from credenza.web.setup.model import Layout, Page, StepState

_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors {}"
)
_HEADERS = {
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_SECURE = {"Strict-Transport-Security": "max-age=31536000"}
# No code out of strings, no styles of its own, and no page with a link's secret kept in the browser.
_HTMX = {
    "allowEval": False,
    "allowScriptTags": False,
    "includeIndicatorStyles": False,
    "historyEnabled": False,
    "historyCacheSize": 0,
    "selfRequestsOnly": True,
}
_STATES = {StepState.OPEN: "To do", StepState.DONE: "Done", StepState.FAILED: "Try again"}
_WORDS: dict[int, tuple[str, str]] = {
    404: (
        "This link does not work",
        "Open the whole link as you received it. If you did, ask for a new one where you got it.",
    ),
    410: (
        "This link has expired",
        "Nothing more can be entered here. Ask for a new link where you got this one.",
    ),
    403: (
        "This form came from another site",
        "Nothing was saved. Open the link as you received it and fill in the form there.",
    ),
    409: (
        "This was saved before",
        "The form was sent twice, or somebody was faster. Open the link again to see what is left to do.",
    ),
    413: (
        "That is too large",
        "Nothing was saved. A form with its files may have 1 MiB; choose smaller files.",
    ),
    415: ("This form cannot be read", "Nothing was saved. Open the link again and send the form from there."),
    400: ("This form cannot be read", "Nothing was saved. Open the link again and send the form from there."),
    503: (
        "This does not work at the moment",
        "What you entered was not saved. Open the link again in a while.",
    ),
}
_BUSY = (
    "This could not be saved just now",
    "Nothing was saved: something changed at the same moment. Open the link again and send the form anew.",
)
_FAILED = (
    "Something went wrong on our side",
    "What you entered was not saved. Open the link again in a while.",
)


@cache
def _templates() -> Any:  # noqa: ANN401  # of a package that only the first page needs
    import jinja2  # noqa: PLC0415

    made = jinja2.Environment(
        loader=jinja2.PackageLoader("credenza.web.setup"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    htmx = msgspec.json.encode(_HTMX).decode()
    made.globals.update({"names": posted, "states": _STATES, "htmx": htmx, "StepState": StepState})
    return made


class Addresses:
    """The addresses of one session's pages, under the address that the server is known by."""

    def __init__(self, public_url: str | None, session_id: str, secret: Sensitive[str]) -> None:
        """Take the server's own address, where it has one, and the link."""
        self._base = urlsplit(public_url or "").path.rstrip("/")
        self._session = f"{self._base}{SETUP_PATH}/{quote(session_id, safe='')}"
        self._secret = secret

    def __repr__(self) -> str:
        """Show nothing: they hold the link's secret."""
        return "<addresses>"

    @property
    def secret(self) -> str:
        """Return the link's secret, for the form."""
        return self._secret.reveal()

    @property
    def style(self) -> str:
        """Return the address of the style sheet."""
        return f"{self._base}{ROOT}/{STYLE.name}"

    @property
    def scripts(self) -> list[str]:
        """Return the addresses of the scripts, in the order they are loaded in."""
        return [f"{self._base}{ROOT}/{asset.name}" for asset in (HTMX, SCRIPT)]

    def action(self, step_id: str) -> str:
        """Return where a step's form is sent; the secret stands in the form."""
        return f"{self._session}/{quote(step_id, safe='')}"

    def link(self, step_id: str | None = None) -> str:
        """Return the address of a step, else of the session, with the secret."""
        address = self.action(step_id) if step_id else self._session
        return f"{address}?{urlencode({posted.SECRET: self._secret.reveal()})}"


def show_page(
    page: Page, addresses: Addresses, *, status: int = 200, secure: bool = False
) -> Response[bytes]:
    """Return the page of a session; `secure`: the server is reached by https alone."""
    body = (
        _templates()
        .get_template("session.html")
        .render(
            page=page,
            addresses=addresses,
            destination=read_destination(page.redirect_url),
            until=_write_time(page.expires_at),
        )
    )
    return _answer(body, status, ancestors=_list_ancestors(page.frame_ancestors), secure=secure)


def show_failure(
    status: int, addresses: Addresses, *, busy: bool = False, secure: bool = False
) -> Response[bytes]:
    """Return the plain page of a link or a form that leads nowhere, without a word of what was sent.

    `busy`: it clashed with another change alone, and may be sent again.
    """
    title, text = _BUSY if busy else _WORDS.get(status, _FAILED)
    body = (
        _templates()
        .get_template("failure.html")
        .render(title=title, text=text, addresses=addresses, layout=Layout.BOX)
    )
    return _answer(body, status, ancestors="'none'", secure=secure)


def leave(address: str, *, secure: bool = False) -> Response[bytes]:
    """Return the way to another page of the session, behind a form that was saved."""
    answer = _answer("", HTTPStatus.SEE_OTHER, ancestors="'none'", secure=secure)
    answer.headers["Location"] = address
    return answer


def _answer(body: str, status: int, *, ancestors: str, secure: bool) -> Response[bytes]:
    headers = {
        "Content-Security-Policy": _POLICY.format(ancestors),
        **_HEADERS,
        **(_SECURE if secure else {}),
    }
    return Response(body.encode(), status_code=status, media_type="text/html", headers=headers)


def _list_ancestors(origins: tuple[str, ...]) -> str:
    """Return the sources of a `frame-ancestors` directive, without what is no origin."""
    return " ".join(origin for origin in origins if read_origin(origin)) or "'none'"


def _write_time(milliseconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds is not None else None
