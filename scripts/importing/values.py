"""Walking into the fields of a record: into objects, texts that are JSON objects, and URLs. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

Fields = Mapping[str, Any]

_EMPTY: tuple[object, ...] = ("", [], {}, ())
_JDBC = "jdbc:"
_ALIASES = ("scheme", "server", "search")
# What a used part of a URL leaves nothing of.
_COVERS = {"server": ("host", "port"), "search": ("query",)}


def holds(value: object) -> bool:
    """Say whether a value is there at all: not null, not an empty text, list or object."""
    return value is not None and value not in _EMPTY


def look_up(fields: Fields, path: str) -> object:
    """Return what stands at a path, or None; of `a.b.c` the longest name that is there goes first."""
    if path in fields:
        return fields[path]
    head = path
    while "." in head:
        head = head.rpartition(".")[0]
        inner = enter(fields[head]) if head in fields else None
        if inner is not None:
            found = look_up(inner, path[len(head) + 1 :])
            if holds(found):
                return found
    return None


def enter(value: object) -> Fields | None:
    """Return the fields inside a value: of an object, a text that is a JSON object, or a URL.

    A URL has `scheme`, `user`, `password`, `host`, `port`, `server` (hosts and ports as they stand), `path`
    (without the first slash), `search` (the query with its question mark) and `query`; user, password and
    path are decoded.
    """
    if isinstance(value, Mapping):
        return value
    if not isinstance(value, str):
        return None
    if value.lstrip().startswith("{"):
        return _read_object(value)
    return _read_url(value) if "://" in value else None


def list_unused(fields: Fields, used: set[str]) -> list[str]:
    """Return the paths of what is there and none of the used paths reached, in order."""
    return sorted(path for name, value in fields.items() for path in _unused(name, value, used))


def _unused(path: str, value: object, used: set[str]) -> Iterator[str]:
    if path in used or not holds(value):
        return
    below = f"{path}."
    # A text is taken apart only where a mapping did; its names are no business of ours otherwise.
    inner = enter(value) if isinstance(value, Mapping) or _reached(below, used) else None
    if not inner:
        yield path
        return
    covered = {part for whole, parts in _COVERS.items() if below + whole in used for part in parts}
    for name, each in inner.items():
        if name not in covered and (isinstance(value, Mapping) or name not in _ALIASES):
            yield from _unused(below + name, each, used)


def _reached(below: str, used: set[str]) -> bool:
    return any(path.startswith(below) for path in used)


def _read_object(text: str) -> Fields | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _read_url(text: str) -> Fields | None:
    try:
        parts = urlsplit(text.strip().removeprefix(_JDBC))
        _, _, server = parts.netloc.rpartition("@")
        several = "," in server
        host = None if several else parts.hostname
        port = None if several else parts.port
    except ValueError:
        return None
    return {
        "scheme": parts.scheme,
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "host": f"[{host}]" if host and ":" in host else host,
        "port": port,
        "server": server,
        "path": unquote(parts.path.removeprefix("/")),
        "search": f"?{parts.query}" if parts.query else "",
        "query": dict(parse_qsl(parts.query)),
    }
