"""`/openapi.json`, and `/docs` to browse it. No credential is asked, nothing is fetched from elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cached_property
from threading import Lock
from typing import Any

import msgspec
from litestar import Request, Response, get

_DOCUMENT, _PAGE, _STYLE = "/openapi.json", "/docs", "/docs/style.css"
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-cache",
}


class Pages:
    """The document and its page, made when they are first asked for."""

    def __init__(self, describe: Callable[[], dict[str, Any]]) -> None:
        """Take what makes the document."""
        self._describe = describe
        self._lock = Lock()

    def read(self) -> tuple[bytes, bytes]:
        """Return the document as JSON, and the page."""
        with self._lock:
            return self._made

    @cached_property
    def _made(self) -> tuple[bytes, bytes]:
        from credenza.web.openapi import render  # noqa: PLC0415  # only who asks for it pays for it

        document = self._describe()
        return msgspec.json.encode(document), render(document, style=_STYLE, source=_DOCUMENT)


@get(_DOCUMENT, include_in_schema=False)
async def read_document(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Return the OpenAPI document."""
    document, _ = await asyncio.to_thread(_pages(request).read)
    return Response(document, media_type="application/json", headers=HEADERS)


@get(_PAGE, include_in_schema=False)
async def read_page(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Return the page."""
    _, page = await asyncio.to_thread(_pages(request).read)
    return Response(page, media_type="text/html", headers=HEADERS)


@get(_STYLE, include_in_schema=False)
async def read_style() -> Response[bytes]:
    """Return the page's style sheet."""
    return Response(_CSS.encode(), media_type="text/css", headers=HEADERS)


def _pages(request: Request[Any, Any, Any]) -> Pages:
    pages: Pages = request.app.state.pages
    return pages


HANDLERS = [read_document, read_page, read_style]

_CSS = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --link: light-dark(#0550ae, #79b8ff) }
body { display: grid; grid-template-columns: 20rem minmax(0, 1fr); margin: 0;
  font: 16px/1.5 system-ui, sans-serif }
nav { position: sticky; top: 0; height: 100vh; box-sizing: border-box; overflow: auto; padding: 1.5rem 1rem;
  border-right: 1px solid var(--line); font-size: .85rem }
nav strong { display: block; margin: 1rem 0 .25rem }
nav a { display: block; padding: .15rem 0; overflow-wrap: anywhere; text-decoration: none }
main { max-width: 60rem; padding: 1rem 2rem 4rem }
a { color: var(--link) }
h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line) }
h3 { margin-top: 2rem }
section, details { scroll-margin-top: 1rem }
code, pre { font: .9em ui-monospace, monospace; overflow-wrap: anywhere }
pre { padding: .75rem; overflow: auto; background: var(--soft); border-radius: .4rem }
table { width: 100%; margin: .75rem 0; border-collapse: collapse; font-size: .9rem }
th, td { padding: .3rem .6rem .3rem 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--line) }
details { padding: .25rem 0 }
details details { margin-left: 1rem }
summary { cursor: pointer }
b { font: 600 .8em ui-monospace, monospace }
.get { color: light-dark(#1a7f37, #56d364) }
.post { color: light-dark(#0550ae, #79b8ff) }
.put { color: light-dark(#8a4600, #ffa657) }
.patch { color: light-dark(#6639ba, #d2a8ff) }
.delete { color: light-dark(#b42318, #ff7b72) }
@media (max-width: 50rem) {
  body { display: block }
  nav { position: static; height: auto }
  main { padding: 1rem }
}
"""
