"""The query of a list: which page, of what. Values that stand several times are alternatives.

status=a&status=b   status[]=a&status[]=b   status[0]=a&status[1]=b     all the same
created_at[gt]=2026-01-10T14:45:00.000Z&created_at[lt]=…                both ends exclusive
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import NamedTuple, NoReturn
from urllib.parse import parse_qsl

import msgspec

from credenza.errors import Invalid, Problem
from credenza.model import Choice
from credenza.web.asking import AnyRequest
from credenza.web.templates.presentations import PARAMETER
from credenza.web.templates.times import read_time

MOST, DEFAULT = 100, 20
PAGED = ("limit", "after", "before", "cursor", "order")
SPANS = ("created_at", "updated_at")
GONE = ("archived", "deleted")
_MOST_VALUES = 100
_MAX_TEXT = 256
_KEY = re.compile(r"([a-z_-]{1,64})(?:\[([a-z0-9]{0,8})\])?")
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CURSOR = "cur_"
_LONGEST_CURSOR = 512


class Listing(NamedTuple):
    """What a list is of, and what it can be narrowed by.

    `links` are the names in the query; the relation of a card is called the same without `_id`. What is
    archived or deleted is left out unless a status is named.
    """

    kind: str
    statuses: Sequence[str] = ("active", *GONE)
    links: Sequence[str] = ()
    search: bool = True

    @property
    def parameters(self) -> tuple[str, ...]:
        """Return the names that a query may hold, in the order in which they are told."""
        search = ("search",) if self.search else ()
        return (*PAGED, *search, "status", "id", *self.links, *SPANS, PARAMETER)


def require_no_query(request: AnyRequest) -> None:
    """Refuse a query where a call takes none but the version; raises Invalid."""
    _Query(request, (PARAMETER,))


def read_texts(request: AnyRequest, names: Sequence[str]) -> dict[str, str]:
    """Return what the query of a call that is no list says, by name; raises Invalid."""
    query = _Query(request, (*names, PARAMETER))
    found = {name: query.text(name) for name in names}
    return {name: text for name, text in found.items() if text is not None}


def read_choice(request: AnyRequest, listing: Listing) -> Choice:
    """Return which cards the query of a request asks for; raises Invalid."""
    query = _Query(request, listing.parameters)
    after, before = _read_anchor(query)
    named = query.texts("status")
    if not set(named) <= set(listing.statuses):
        _refuse("status", f"status is one of: {', '.join(listing.statuses)}.", "enum")
    shown = tuple(status for status in listing.statuses if status not in GONE)
    links = ((name.removesuffix("_id"), query.texts(name)) for name in listing.links)
    return Choice(
        kind=listing.kind,
        limit=_read_limit(query.text("limit")),
        ids=query.texts("id"),
        statuses=named or shown,
        links=tuple((relation, values) for relation, values in links if values),
        search=(query.text("search") or "").strip() or None,
        created=query.span("created_at"),
        updated=query.span("updated_at"),
        descending=_read_order(query.text("order")),
        after=after,
        before=before,
    )


class _Query:
    """A query by name, then by what stands in brackets behind it."""

    def __init__(self, request: AnyRequest, known: Sequence[str]) -> None:
        pairs = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
        self._known = known
        self._values: dict[str, list[tuple[str | None, str]]] = {}
        for key, value in pairs:
            match = _KEY.fullmatch(key)
            if match is None or match[1] not in known:
                message = f"This call takes these query parameters: {', '.join(known)}."
                raise Invalid(message, problems=[Problem("unknown_parameter", message, "", "enum")])
            self._values.setdefault(match[1], []).append((match[2], value))

    def text(self, name: str) -> str | None:
        """Return the one value of a parameter, which may be empty; None: it is absent."""
        values = self._values.get(name, [])
        if len(values) > 1 or any(inner is not None for inner, _ in values):
            _refuse(name, f"{name} stands once, with one value.", "maxItems")
        most = _LONGEST_CURSOR if name == "cursor" else _MAX_TEXT
        if values and len(values[0][1]) > most:
            _refuse(name, f"{name} has at most {most} characters.", "maxLength")
        return values[0][1] if values else None

    def texts(self, name: str) -> tuple[str, ...]:
        """Return all values of a parameter, without empty ones."""
        values = self._values.get(name, [])
        if any(inner and not inner.isdigit() for inner, _ in values):
            _refuse(name, f"{name} is one value or a list of them.", "type")
        found = tuple(value for _, value in values if value)
        if len(values) > _MOST_VALUES:
            _refuse(name, f"{name} takes at most {_MOST_VALUES} values.", "maxItems")
        if any(len(value) > _MAX_TEXT for value in found):
            _refuse(name, f"Each {name} has at most {_MAX_TEXT} characters.", "maxLength")
        return found

    def span(self, name: str) -> tuple[int | None, int | None]:
        """Return the exclusive ends of a span of time, in milliseconds."""
        ends: dict[str, int] = {}
        for inner, value in self._values.get(name, []):
            if inner not in {"gt", "lt"} or inner in ends:
                _refuse(name, f"{name} is given as {name}[gt] and {name}[lt], each once.", "type")
            try:
                ends[inner] = read_time(value)
            except ValueError:
                _refuse(f"{name}/{inner}", f"{name}[{inner}] is a date, like 2026-01-10T14:45:00Z.", "format")
        return ends.get("gt"), ends.get("lt")


def _read_limit(text: str | None) -> int:
    if text is None:
        return DEFAULT
    # Clients that hold numbers as floats send 20.0.
    whole = re.fullmatch(r"([0-9]{1,3})(\.0*)?", text)
    if whole is None or not 1 <= int(whole[1]) <= MOST:
        _refuse("limit", f"limit is a whole number from 1 to {MOST}.", "range")
    return int(whole[1])


def _read_order(text: str | None) -> bool:
    if text not in {None, "asc", "desc"}:
        _refuse("order", "order is asc or desc.", "enum")
    return text == "desc"


def _read_anchor(query: _Query) -> tuple[str | None, str | None]:
    """Return after which id the page begins, or before which it ends."""
    after, before, cursor = (query.text(name) for name in ("after", "before", "cursor"))
    if after:
        return after, None
    if before or not cursor:
        return None, before or None
    side, anchor = read_cursor(cursor)
    return (anchor, None) if side == "after" else (None, anchor)


def read_cursor(text: str) -> tuple[str, str]:
    """Return the side, after or before, and the id of a cursor.

    That is `cur_` and JSON like ["after", "int_…"], in base 62 or 64. It opens nothing that `after` and
    `before` do not, so nobody signs it.

    Raises:
        Invalid: `bad_request`: it is none.
    """
    body = text.removeprefix(_CURSOR)
    if body != text:
        for decode in (_read_base62, _read_base64):
            try:
                side, anchor = msgspec.json.decode(decode(body), type=tuple[str, str])
            except (ValueError, msgspec.DecodeError):
                continue
            if side in {"after", "before"} and anchor:
                return side, anchor
    message = "This cursor is not one; begin again without it."
    raise Invalid(
        message, code="bad_request", problems=[Problem("bad_request", message, "/cursor", "format")]
    )


def write_cursor(side: str, anchor: str) -> str:
    """Return the cursor of an id, and the side of it that a page is on: after or before."""
    said = msgspec.json.encode((side, anchor))
    return _CURSOR + base64.urlsafe_b64encode(said).decode().rstrip("=")


def _read_base62(text: str) -> bytes:
    number = 0
    for digit in text:
        number = number * 62 + _DIGITS.index(digit)
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _read_base64(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _refuse(name: str, message: str, keyword: str) -> NoReturn:
    raise Invalid(message, problems=[Problem("invalid_data", message, f"/{name}", keyword)])
