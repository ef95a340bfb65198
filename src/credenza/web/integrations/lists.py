"""The lists: integrations with or without their apis, and names alone. Long ones go out part by part."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain, islice
from urllib.parse import quote, urlencode

import msgspec
from litestar import get

from credenza.errors import Invalid, Problem
from credenza.model import CATEGORIES
from credenza.settings import Credenza
from credenza.web.answers import Answer, answer_json, answer_parts
from credenza.web.asking import AnyRequest, workspace_of
from credenza.web.auth import require_actor
from credenza.web.cursors import Cursors
from credenza.web.integrations import shapes
from credenza.web.paths import SLASH, show_route
from credenza.web.requests import Query
from credenza.workspace import View
from credenza.workspace.listing import Filters, read_tag

MOST = 1_000  # integrations on a page
_LISTED = f"/api/integrations/{SLASH}"
_PROVIDERS = "/api/integrations/provider"
_NAMES = "/api/integrations/all"
_FILTERS = ("category", "type", "activeOnly")
_PAGED = (*_FILTERS, "search", "tag", "limit", "cursor")
Show = Callable[[View], Sequence[object]]


@get(_LISTED, before_request=require_actor)
async def list_integrations(request: AnyRequest) -> Answer:
    """List integrations with their apis."""
    return await _list(request, show_route(_LISTED), lambda view: [shapes.show(view, apis=True)])


@get(_PROVIDERS, before_request=require_actor)
async def list_providers(request: AnyRequest) -> Answer:
    """List integrations without their apis."""
    return await _list(request, _PROVIDERS, lambda view: [shapes.show(view)])


@get(_NAMES, before_request=require_actor)
async def list_names(request: AnyRequest) -> Answer:
    """List names: `integration:api` for each api, `integration` where there is none."""
    query = Query(request, *_FILTERS)
    filters = _read_filters(query, legacy=True)
    return await asyncio.to_thread(
        lambda: _answer_all(workspace_of(request).walk(**filters), partial(_show_names, filters))
    )


async def _list(request: AnyRequest, path: str, show: Show) -> Answer:
    query = Query(request, *_PAGED, repeated="tag")
    filters = _read_filters(query, legacy=path == _PROVIDERS)
    limit = query.number("limit", None, least=1, most=MOST)
    cursor = query.text("cursor")
    workspace = workspace_of(request)
    opened: Credenza = request.app.state.credenza
    cursors = Cursors(opened.vault, workspace.actor.tenant, path, filters)

    def answer() -> Answer:
        after = None if cursor is None else cursors.read(cursor)
        if limit is None:
            return _answer_all(workspace.walk(after=after, **filters), show)
        chunks = workspace.walk(after=after, size=limit + 1, **filters)
        views = [*islice(chain.from_iterable(chunks), limit + 1)]
        headers = {}
        if len(views) > limit:
            following = cursors.write(views[limit - 1].record.name)
            headers["Link"] = _link(path, query, following)
        return answer_json(_show_all(views[:limit], show), headers=headers)

    return await asyncio.to_thread(answer)


def _read_filters(query: Query, *, legacy: bool) -> Filters:
    """Return what was asked for; `legacy` lists take a category where it stands as a type."""
    category, type_ = query.text("category"), query.text("type")
    if legacy and type_ in CATEGORIES and category in {None, type_}:
        category, type_ = type_, None
    if category not in {None, *CATEGORIES}:
        message = f"category is one of: {', '.join(CATEGORIES)}."
        raise Invalid(message, problems=[Problem("invalid_request", message, "", "enum")])
    return Filters(
        category=category,
        type=type_,
        enabled=True if query.flag("activeOnly", default=True) else None,
        search=query.text("search"),
        tags=[read_tag(text) for text in query.texts("tag")],
    )


def _answer_all(chunks: Iterator[Sequence[View]], show: Show) -> Answer:
    """Answer everything; the first read comes before the status, which can still say what went wrong."""
    shown = (_show_all(chunk, show) for chunk in chunks)
    head = [*islice(shown, 2)]
    if len(head) == 1:
        return answer_json(head[0])
    return answer_parts(_join(chain(head, shown)))


def _join(chunks: Iterator[Sequence[object]]) -> Iterator[bytes]:
    """Write one JSON array of all chunks."""
    before = b"["
    for chunk in chunks:
        if chunk:
            yield before + msgspec.json.encode(chunk)[1:-1]
            before = b","
    yield b"[]" if before == b"[" else b"]"


def _show_all(views: Sequence[View], show: Show) -> list[object]:
    return [each for view in views for each in show(view)]


def _show_names(filters: Filters, view: View) -> list[str]:
    # Only here: an integration shown without some of its apis would lose them where it replaces them.
    active = bool(filters["enabled"])
    name = view.record.name
    return [f"{name}:{api.api}" for api in view.document.apis if api.enabled or not active] or [name]


def _link(path: str, query: Query, cursor: str) -> str:
    """Return the Link header (RFC 8288) of the next page: the same query from a cursor on."""
    pairs = [(name, value) for name, value in query.pairs if name != "cursor"]
    return f'<{path}?{urlencode([*pairs, ("cursor", cursor)], quote_via=quote)}>; rel="next"'


HANDLERS = [list_integrations, list_providers, list_names]
