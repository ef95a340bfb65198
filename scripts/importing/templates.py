"""Texts with fields in them, as mapping files write them. Pure.

    ${login}            the value of a field as it is, where nothing stands around it
    ${host|server.name} the first of several that is there; a dot walks into a value
    ${port:-5432}       with a default
    ${password!url}     percent-encoded, for inside of a URL
    $${                 a plain ${

A text of which one field is not there is not there either.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple, Self
from urllib.parse import quote

from importing.values import Fields, holds, look_up

_PART = re.compile(r"\$\$\{|\$\{([^}]*)\}")
_FIELD = re.compile(r"(?P<paths>[^|!{}$:]+(?:\|[^|!{}$:]+)*)(?P<url>!url)?(?::-(?P<default>.*))?", re.DOTALL)


class Broken(Exception):
    """What stands between `${` and `}` names no field."""


class Field(NamedTuple):
    """A place in a text where a field goes: the first path that is there, else the default."""

    paths: tuple[str, ...]
    encoded: bool
    default: str | None

    def find(self, fields: Fields, used: set[str]) -> object:
        """Return its value, or None; the path it was found at is added to `used`."""
        for path in self.paths:
            value = look_up(fields, path)
            if holds(value):
                used.add(path)
                return quote(_write(value), safe="") if self.encoded else value
        return self.default


class Template(NamedTuple):
    """A text with fields in it."""

    parts: tuple[str | Field, ...]

    @classmethod
    def read(cls, text: str) -> Self:
        """Read a template; raises Broken."""
        parts: list[str | Field] = []
        end = 0
        for match in _PART.finditer(text):
            parts += [text[end : match.start()], "${" if match[1] is None else _read_field(match[1])]
            end = match.end()
        rest = text[end:]
        if "${" in rest:
            raise Broken
        return cls(tuple(_join([*parts, rest])))

    @property
    def field(self) -> Field | None:
        """Return the only thing in it, where that is a field."""
        only = self.parts[0] if len(self.parts) == 1 else None
        return only if isinstance(only, Field) else None

    def fill(self, fields: Fields, used: set[str]) -> Any:  # noqa: ANN401  # any JSON value
        """Return the text with its fields, or a lone field's value; None where one is not there."""
        if self.field is not None:
            return self.field.find(fields, used)
        texts, touched = [], set[str]()
        for part in self.parts:
            value = part if isinstance(part, str) else part.find(fields, touched)
            if value is None:
                return None
            texts.append(_write(value))
        used |= touched
        return "".join(texts)


def _read_field(text: str) -> Field:
    match = _FIELD.fullmatch(text.strip())
    if match is None:
        raise Broken
    paths = tuple(path.strip() for path in match["paths"].split("|"))
    if not all(paths):
        raise Broken
    return Field(paths, match["url"] is not None, match["default"])


def _join(parts: list[str | Field]) -> list[str | Field]:
    """Run neighbouring texts together and leave out empty ones."""
    joined: list[str | Field] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        elif part != "":
            joined.append(part)
    return joined


def _write(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return ""  # told as broken by whoever fills
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
