"""References to variables in texts: `${variables.name}`, alone or inside; `$${` stands for `${` itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from credenza.pointers import escape

_TOKEN = re.compile(r"\$\$\{|\$\{variables\.([^}]*)\}?")
_BEGIN = "${variables."
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
Scalar = (str, int, float, bool)


def is_name(name: str) -> bool:
    """Tell whether a variable may have this name."""
    return _NAME.fullmatch(name) is not None


def whole(value: object) -> str | None:
    """Return the name of the variable that a value is nothing but a reference to; None: it is not one."""
    if not isinstance(value, str) or not value.startswith(_BEGIN):
        return None
    found = _TOKEN.fullmatch(value)
    return found[1] if found and found[1] is not None and value == write(found[1]) else None


def write(name: str) -> str:
    """Return the reference to a variable."""
    return f"${{variables.{name}}}"


def walk(value: object, pointer: str) -> Iterator[tuple[str, str]]:
    """Return each text of a value with its JSON Pointer (RFC 6901)."""
    if isinstance(value, str):
        yield pointer, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from walk(inner, f"{pointer}/{escape(key)}")
    elif isinstance(value, (list, tuple)):
        for position, inner in enumerate(value):
            yield from walk(inner, f"{pointer}/{position}")


def names_in(text: str) -> list[str]:
    """Return the names that a text refers to, well written or not, in their order."""
    return [found[1] for found in _TOKEN.finditer(text) if found[1] is not None]


def mentions(value: object) -> bool:
    """Tell whether any text of a value refers to a variable."""
    return any(names_in(text) for _, text in walk(value, ""))


def fill(value: Any, variables: Mapping[str, Any]) -> Any:  # noqa: ANN401  # any JSON
    """Return a value with its references replaced by variables; those that are not given stay.

    Raises:
        ValueError: a list or an object would have to stand inside a text.
    """
    if isinstance(value, str):
        if "${" not in value:
            return value  # as nearly always
        name = whole(value)
        if name is not None:
            return variables.get(name, value)
        return _TOKEN.sub(lambda found: _write_in(found, variables), value)
    if isinstance(value, Mapping):
        return {key: fill(inner, variables) for key, inner in value.items()}
    return [fill(inner, variables) for inner in value] if isinstance(value, (list, tuple)) else value


def _write_in(found: re.Match[str], variables: Mapping[str, Any]) -> str:
    name = found[1]
    if name is None:
        return "${"
    if name not in variables:
        return found[0]
    value = variables[name]
    if isinstance(value, bool):
        return str(value).lower()
    if value is None or not isinstance(value, Scalar):
        raise ValueError("a list or an object in a text")
    return str(value)
