"""An integration in clear -> one with every secret sealed to the recipients, each by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from credenza.connectors import Catalogue, ConnectorType
from credenza.errors import Invalid, Problem, TypeNotLoaded
from credenza.sensitive import Sensitive
from credenza.transfer.bindings import bind, carries_credentials, encode, order
from credenza.transfer.references import (
    AGE,
    SECRET,
    UNDECLARED,
    Part,
    find_mark,
    list_keys,
    list_parts,
    list_undeclared,
)

FORMAT = 2
_STEP = 256  # bytes: how long a secret is shows only so far

Seal = Callable[[Sensitive[bytes]], str]


class Envelope(msgspec.Struct, frozen=True, rename={"format": "v"}):
    """What is sealed: a value together with all it is bound to; `key` is its path, `destination` base64.

    `name` is that of the integration.
    """

    format: int
    name: str
    type: str
    key: str
    destination: str
    value: str

    def __repr__(self) -> str:
        """Show nothing of the value."""
        return "<envelope>"


def seal_item(item: Sensitive[dict[str, Any]], catalogue: Catalogue, seal: Seal) -> dict[str, Any]:
    """Return an integration in clear, as a file holds one, with all its secrets sealed.

    Raises:
        TypeNotLoaded: without its schema nobody can tell what is secret.
    """
    whole = copy_item(item.reveal())
    parts = list_parts(whole, find_type(whole, catalogue), catalogue.api)
    found = [
        (part, key, value) for part in parts for key in list_keys(part.type) if (value := _take(part, key))
    ]
    for part, key, _ in found:
        part.content[key] = {AGE: ""}  # each is bound to which others there are
    for part, key, value in sorted(found, key=lambda each: order(each[0], each[1])):
        part.content[key] = seal_value(whole["name"], parts, part, key, value, seal)
    return whole


def check_sealed(sealed: Mapping[str, Any], shown: Mapping[str, Any]) -> None:
    """See that all that reads show as a secret is sealed.

    Raises:
        Invalid: the type no longer says so of something that was saved as a secret.
    """
    here, there = ({None: each, **{api["api"]: api for api in each["apis"]}} for each in (sealed, shown))
    for api, each in there.items():
        for key, value in each["configuration"].items():
            content = here[api]["configuration"]
            if find_mark(value) == SECRET and find_mark(content.get(key, {AGE: ""})) != AGE:
                message = (
                    "This was saved as a secret, and its type does not say so any longer; save it again."
                )
                problem = Problem("secret_not_declared", message, name=shown["name"])
                raise Invalid("Something cannot be sealed; nothing was written.", problems=[problem])


def seal_value(  # noqa: PLR0917  # what is sealed, and all that it is bound to
    name: str, parts: Sequence[Part], part: Part, key: str, value: Sensitive[str], seal: Seal
) -> dict[str, str]:
    """Return the reference that takes the place of one secret of the integration of this name.

    Raises:
        Untold: the file does not say where it would be sent.
    """
    binding = encode(bind(parts, part, key))
    envelope = Envelope(FORMAT, name, part.type.name, part.path(key), binding, value.reveal())
    text = msgspec.json.encode(envelope)
    return {AGE: seal(Sensitive(text.ljust(-(-len(text) // _STEP) * _STEP)))}


def hide_item(shown: Mapping[str, Any]) -> dict[str, Any]:
    """Return an integration as a read shows it, of its secrets only that they are there."""
    whole = copy_item(shown)
    for content in (whole["configuration"], *(api["configuration"] for api in whole["apis"])):
        for key, value in content.items():
            if find_mark(value) == SECRET:
                content[key] = {
                    SECRET: {name: value[SECRET][name] for name in value[SECRET] if name == "redacted"}
                }
    return whole


def find_type(item: Mapping[str, Any], catalogue: Catalogue) -> ConnectorType:
    """Return the connector type of an integration; raises TypeNotLoaded."""
    name = item.get("type")
    found = catalogue.get(name) if isinstance(name, str) else None
    if found is None:
        raise TypeNotLoaded
    return found


def copy_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of an integration of which nothing is shared."""
    copied: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(item))
    return copied


def _take(part: Part, key: str) -> Sensitive[str] | None:
    """Return the secret that stands at a key, or None; undeclared ones are taken out, as one text."""
    if key == UNDECLARED:
        rest = list_undeclared(part)
        for name in rest:
            del part.content[name]
        return Sensitive(msgspec.json.encode(rest, order="sorted").decode()) if rest else None
    value = part.content.get(key)
    if not isinstance(value, str) or (key in part.type.embeds and not carries_credentials(value)):
        return None
    return Sensitive(value)
