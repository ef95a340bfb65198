"""What every handler reads of a request: its body, its query, its conditions. Nothing sent is repeated."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from litestar import Request
from litestar.connection import ASGIConnection

from credenza.errors import Invalid, Problem, TooLarge, Unsupported

MAX_BODY = 32 * 1024 * 1024
_TOO_LARGE = f"A body may have {MAX_BODY // 1024 // 1024} MiB."
_MAX_DIGITS = 12
_UTF8 = {"utf-8", "utf8"}
_MAX_KEY = 255
_MAX_TEXT = 256
_MOST_TEXTS = 16


def headers(connection: ASGIConnection[Any, Any, Any, Any], name: bytes) -> list[str]:
    """Return every value of a header, by its lower-case name.

    From the list as the server hands it over: building a mapping of all costs more than looking for a few.
    """
    return [value.decode("latin-1") for key, value in connection.scope["headers"] if key == name]


def header(connection: ASGIConnection[Any, Any, Any, Any], name: bytes) -> str | None:
    """Return the value of a header; None: it was not sent."""
    return next(iter(headers(connection, name)), None)


def is_sent(request: Request[Any, Any, Any]) -> bool:
    """Tell whether a request has a body."""
    return header(request, b"content-length") not in {None, "0"} or (
        header(request, b"transfer-encoding") is not None
    )


async def read_body(request: Request[Any, Any, Any]) -> bytearray:
    """Return a JSON body, held once: joining the parts of a large one would hold it twice.

    Raises:
        Unsupported: it is not declared as JSON, or as such in another charset than UTF-8.
        TooLarge: it is larger than 32 MiB.
        Invalid: its sender went away before its end.
    """
    kind, _, rest = (header(request, b"content-type") or "").lower().partition(";")
    kind = kind.strip()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise Unsupported
    said = [part.partition("=") for part in rest.split(";")]
    if any(name.strip() == "charset" and value.strip().strip('"') not in _UTF8 for name, _, value in said):
        raise Unsupported("Send the body in UTF-8, which is what JSON is written in.")
    declared = header(request, b"content-length") or ""
    if (
        declared.isascii()
        and declared.isdigit()
        and (len(declared) > _MAX_DIGITS or int(declared) > MAX_BODY)
    ):
        raise TooLarge(_TOO_LARGE)
    body = bytearray()
    more = True
    while more:
        message = await request.receive()
        if message["type"] != "http.request":
            raise _refuse("The body ended before it was whole.", "minLength")
        body += message.get("body", b"")
        if len(body) > MAX_BODY:
            raise TooLarge(_TOO_LARGE)
        more = message.get("more_body", False)
    return body


class Query:
    """The query of a request, as this call knows it: anything else, or anything twice, is refused.

    `repeated` names the one parameter that may stand several times; `pairs` is everything as it stands.
    """

    def __init__(self, request: Request[Any, Any, Any], *known: str, repeated: str | None = None) -> None:
        """Read the query; raises Invalid."""
        self.pairs = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
        self._values = dict(self.pairs)
        single = [name for name, _ in self.pairs if name != repeated]
        if len({*single}) != len(single):
            raise _refuse("A query parameter stands twice.", "uniqueItems")
        if not self._values.keys() <= set(known):
            raise _refuse(f"This call takes these query parameters: {', '.join(known) or 'none'}.", "enum")

    def text(self, name: str) -> str | None:
        """Return a parameter of at most 256 characters; an empty one counts as absent."""
        return self.long_text(name, _MAX_TEXT)

    def long_text(self, name: str, most: int) -> str | None:
        """Return a parameter of at most that many characters; an empty one counts as absent."""
        value = self._values.get(name) or None
        if value is not None and len(value) > most:
            raise _refuse(f"{name} has at most {most:,} characters.", "maxLength")
        return value

    def texts(self, name: str) -> list[str]:
        """Return at most 16 values of the parameter that may stand several times, without empty ones."""
        values = [value for key, value in self.pairs if key == name and value]
        if len(values) > _MOST_TEXTS:
            raise _refuse(f"{name} stands at most {_MOST_TEXTS} times.", "maxItems")
        return values

    def flag(self, name: str, *, default: bool) -> bool:
        """Return true or false."""
        value = self._values.get(name, str(default)).lower()
        if value not in {"true", "false"}:
            raise _refuse(f"{name} is true or false.", "type")
        return value == "true"

    def choice(self, name: str, default: str, *others: str) -> str:
        """Return one of the choices."""
        value = self._values.get(name, default)
        if value not in {default, *others}:
            raise _refuse(f"{name} is one of: {', '.join((default, *others))}.", "enum")
        return value

    def number(self, name: str, default: int | None, *, least: int, most: int) -> int | None:
        """Return a whole number within bounds."""
        value = self._values.get(name)
        if value is None:
            return default
        if not (value.isascii() and value.isdigit() and len(value) < 10 and least <= int(value) <= most):  # noqa: PLR2004
            raise _refuse(f"{name} is a whole number from {least} to {most}.", "range")
        return int(value)


def read_if_match(request: Request[Any, Any, Any]) -> int | None:
    """Return the version that If-Match asks for; None: it does not. Raises Invalid."""
    text = header(request, b"if-match")
    if text is None:
        return None
    version = text.strip().removeprefix("W/").strip('"')
    if not (version.isascii() and version.isdigit() and len(version) < 16):  # noqa: PLR2004
        raise _refuse('If-Match holds one version as its ETag was given, like "3".', "pattern")
    return int(version)


def read_idempotency_key(request: Request[Any, Any, Any]) -> str | None:
    """Return the Idempotency-Key header. Raises Invalid."""
    key = header(request, b"idempotency-key")
    if key is not None and not (0 < len(key) <= _MAX_KEY and key.isprintable() and key.isascii()):
        raise _refuse("An Idempotency-Key has 1 to 255 printable ASCII characters.", "pattern")
    return key


def _refuse(message: str, keyword: str) -> Invalid:
    return Invalid(message, problems=[Problem("invalid_request", message, "", keyword)])
