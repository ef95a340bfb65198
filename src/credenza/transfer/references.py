"""What may stand in the place of a secret in a file, and where in an integration such places are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from credenza.connectors import UNKNOWN, ConnectorType
from credenza.model import nest

AGE: Final = "$age"
ENV: Final = "$env"
SECRET: Final = "$secret"  # noqa: S105  # the name of a key
UNDECLARED: Final = UNKNOWN[1:]
_SENT = (AGE, ENV)


class Part(NamedTuple):
    """One configuration of an integration, as a file has it: its own, or that of the api at a position.

    `content` is the mapping itself, so that what is changed in it is changed in the integration.
    """

    type: ConnectorType
    content: dict[str, Any]
    pointer: str
    api: str | None = None

    def path(self, key: str) -> str:
        """Return what a sealed value says of its place: the key, by name of the api, not by its position."""
        return f"/{key}" if self.api is None else nest(self.api, f"/{key}")

    def point(self, key: str) -> str:
        """Return the JSON Pointer of a declared key, or of undeclared ones, inside the integration."""
        return f"{self.pointer}/{key}"


def list_parts(item: Mapping[str, Any], type: ConnectorType, api: ConnectorType) -> list[Part]:
    """Return the configurations of an integration, its own first; what has another form is passed over."""
    own = item.get("configuration")
    found = [Part(type, own, "/configuration")] if isinstance(own, dict) else []
    apis = item.get("apis")
    for at, each in enumerate(apis if isinstance(apis, list) else ()):
        content = each.get("configuration") if isinstance(each, dict) else None
        if isinstance(content, dict) and isinstance(each.get("api"), str):
            found.append(Part(api, content, f"/apis/{at}/configuration", each["api"]))
    return found


def list_keys(type: ConnectorType) -> tuple[str, ...]:
    """Return the keys at which a secret may stand, in form order; undeclared ones, together, are the last."""
    return (*(key for key in type.keys if key in type.secrets or key in type.embeds), UNDECLARED)


def list_undeclared(part: Part) -> dict[str, Any]:
    """Return what stands in a configuration beyond the keys of its type, but not the reference to such."""
    declared = part.type.schema["properties"]
    return {
        key: value
        for key, value in part.content.items()
        if key not in declared and not (key == UNDECLARED and is_reference(value))
    }


def is_reference(value: object) -> bool:
    """Say whether a value stands for a secret; it may be malformed."""
    return isinstance(value, dict) and any(mark in value for mark in (SECRET, *_SENT))


def is_sent(value: object) -> bool:
    """Say whether a value is a reference that becomes a value before it is saved."""
    return isinstance(value, dict) and any(mark in value for mark in _SENT)


def find_mark(value: object) -> str | None:
    """Return which reference a value is, or None where it is none, or one that is malformed."""
    if not isinstance(value, dict) or len(value) != 1:
        return None
    ((mark, content),) = value.items()
    form = {AGE: str, ENV: str, SECRET: dict}.get(mark)
    return mark if form is not None and isinstance(content, form) else None


def holds_reference(value: object) -> bool:
    """Say whether a reference that would have to become a value stands anywhere in a value."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if is_sent(part):
            return True
        if isinstance(part, dict | list):
            waiting += part.values() if isinstance(part, dict) else part
    return False


def list_references(part: Part) -> Iterator[tuple[str, Any]]:
    """Yield key and value of every reference at a place where one may stand."""
    for key in list_keys(part.type):
        if is_reference(part.content.get(key)):
            yield key, part.content[key]
