"""What a setup form sends: who sent it, and its fields. Nothing of it is written to a file."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

from litestar import Request
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from credenza.errors import Forbidden, Invalid, TooLarge, Unsupported
from credenza.sensitive import Sensitive
from credenza.web import links
from credenza.web.requests import header
from credenza.web.setup.model import Answers, ToolChoice

MAX_FORM = 1024 * 1024  # bytes
SECRET, SHOW, ASKED = links.SECRET, "show", "asked"  # names of inputs
VALUE, OTHER, FILE, TOOLS, TOOL, OTHERS, PATTERNS = (
    "value.",
    "other.",
    "file.",
    "tools",
    "tool",
    "tool.others",
    "tool.patterns",
)
ELSE = "__other__"  # the option beside which a value of one's own is typed

_MAX_PARTS = 1_000
_MULTIPART, _URLENCODED = "multipart/form-data", "application/x-www-form-urlencoded"


class Posted:
    """The fields of a form by name, and its uploaded files."""

    def __init__(self) -> None:
        """Begin with an empty form."""
        self._texts: dict[str, list[str]] = {}
        self._files: dict[str, bytes] = {}

    def add(self, name: str, text: str) -> None:
        """Take one field; several of a name are kept in their order."""
        self._texts.setdefault(name, []).append(text)

    def add_file(self, name: str, content: bytes) -> None:
        """Take one uploaded file."""
        self._files[name] = content

    def __contains__(self, name: str) -> bool:
        return name in self._texts

    def read_secret(self) -> Sensitive[str]:
        """Return the link's secret; that of a form that brings two is none."""
        found = self._texts.get(SECRET, [])
        return Sensitive(found[0] if len(found) == 1 else "")

    def read_answers(self) -> Answers:
        """Return what was entered."""
        texts = {
            name.removeprefix(VALUE): Sensitive("" if given == [ELSE] else "\n".join(given))
            for name, given in self._texts.items()
            if name.startswith(VALUE)
        }
        # Where no script ties the two together, what somebody typed is what they mean.
        texts |= {
            name.removeprefix(OTHER): Sensitive("\n".join(given))
            for name, given in self._texts.items()
            if name.startswith(OTHER) and any(text.strip() for text in given)
        }
        uploads = {
            name.removeprefix(FILE): Sensitive(content)
            for name, content in self._files.items()
            if name.startswith(FILE) and content
        }
        asked = self._texts.get(ASKED, [])
        return Answers(texts, uploads, self._read_tools(), asked[0] if len(asked) == 1 else "")

    def _read_tools(self) -> ToolChoice | None:
        if TOOLS not in self._texts:
            return None
        keys = [*self._texts.get(TOOL, ()), *self._list_lines(OTHERS)]
        every = self._texts[TOOLS] == ["all"]
        return ToolChoice(every, tuple(dict.fromkeys(keys)), tuple(self._list_lines(PATTERNS)))

    def _list_lines(self, name: str) -> list[str]:
        lines = [line.strip() for text in self._texts.get(name, ()) for line in text.splitlines()]
        return [line for line in lines if line]


def check_origin(request: Request[Any, Any, Any], public_url: str | None) -> None:
    """Let a form of our own pages pass, by what the browser says of where it comes from.

    Raises:
        Forbidden: another site sent it.
    """
    site, origin = header(request, b"sec-fetch-site"), header(request, b"origin")
    if site is not None and site != "same-origin":
        raise Forbidden
    # A browser that was told `no-referrer` says `null`, and names no site to a plain-http host: what is left
    # then is the link's secret, which stands in the form and which no other site knows.
    if origin is None or origin == "null":
        return
    known = {header(request, b"host"), urlsplit(public_url or "").netloc}
    if urlsplit(origin).netloc not in known - {None, ""}:
        raise Forbidden


async def read_form(request: Request[Any, Any, Any]) -> Posted:
    """Return a form of at most 1 MiB.

    Raises:
        Unsupported: it is not sent as a form.
        TooLarge: it is larger.
        Invalid: it cannot be read, or its sender went away before its end.
    """
    kind, options = parse_options_header(header(request, b"content-type") or "")
    if kind not in {_MULTIPART, _URLENCODED}:
        raise Unsupported("Send the form as the page does.")
    body = await _read_body(request)
    try:
        if kind == _MULTIPART:
            return _read_parts(body, options.get("boundary", ""))
        return _read_pairs(body)
    except (MultipartError, ValueError):
        # The parser's own words repeat what it could not read.
        raise Invalid("The form cannot be read.", code="invalid_request") from None


async def _read_body(request: Request[Any, Any, Any]) -> bytes:
    body = bytearray()
    more = True
    while more:
        message = await request.receive()
        if message["type"] != "http.request":
            raise Invalid("The form ended before it was whole.", code="invalid_request")
        body += message.get("body", b"")
        if len(body) > MAX_FORM:
            raise TooLarge("A form may have 1 MiB.")
        more = message.get("more_body", False)
    return bytes(body)


def _read_pairs(body: bytes) -> Posted:
    posted = Posted()
    pairs = parse_qsl(
        body.decode(),
        keep_blank_values=True,
        strict_parsing=bool(body),
        errors="strict",
        max_num_fields=_MAX_PARTS,
    )
    for name, text in pairs:
        posted.add(name, text)
    return posted


def _read_parts(body: bytes, boundary: str) -> Posted:
    posted = Posted()
    segment: MultipartSegment | None = None
    content = bytearray()
    with PushMultipartParser(boundary, max_segment_count=_MAX_PARTS, strict=True) as parser:
        for event in (*parser.parse(body), *parser.parse(b"")):
            if isinstance(event, MultipartSegment):
                segment, content = event, bytearray()
            elif event:
                content += event
            elif segment is not None:
                _take(posted, segment, bytes(content))
    return posted


def _take(posted: Posted, segment: MultipartSegment, content: bytes) -> None:
    name = segment.name or ""
    if segment.filename is None:
        posted.add(name, content.decode())
    else:
        posted.add_file(name, content)
