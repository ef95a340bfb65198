"""What a sealed value in a file is bound to: its type, its key, and where it would be sent.

To the canonical destination of the type comes what decides it and cannot be read from the file: sealed trust
stores, undeclared keys and URLs, by the very text of their references; and every api that leads elsewhere and
would take the secret along. So nobody who can write a file, and seal values of their own, can have a sealed
value of somebody else sent to a place it was not meant for. None of it needs a key to be computed.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from credenza.connectors import ConnectorType, redact
from credenza.transfer.references import (
    AGE,
    ENV,
    UNDECLARED,
    Part,
    find_mark,
    is_reference,
    list_undeclared,
)

_BOUND = b"credenza.transfer.binding"


class Untold(Exception):
    """A file does not tell where a secret would be sent: what decides it is only in a store."""


def bind(parts: Sequence[Part], part: Part, key: str) -> bytes:
    """Return the 32-byte hash of where the secret at a key would be sent, as an integration's file says it.

    `parts` are all of the integration's. What ranks below a key is sealed before it.

    Raises:
        Untold: something that decides it stands there as a reference to what a store holds.
    """
    if part.api is None:
        leads = _list_leads(parts, key) if rank_key(part.type, key) > 1 else []
        return _bind(part, key, b"", leads)
    if not parts or parts[0].api is not None:
        raise Untold  # the integration's own configuration stays what the store has
    return _bind(part, key, _bind(parts[0], None, b""))


def normalise(text: str) -> str:
    """Return the base64 of a sealed value without its armour, so that line breaks do not count."""
    return "".join(line.strip() for line in text.splitlines() if not line.strip().startswith("-----"))


def rank_key(type: ConnectorType, key: str | None) -> int:
    """Return how much of the other secrets decides where one is sent: 0 nothing, 2 all that can."""
    if key == UNDECLARED or key in type.trusts:
        return 0
    return 1 if key in type.embeds else 2


def _bind(part: Part, key: str | None, above: bytes, leads: Sequence[bytes] = ()) -> bytes:
    """Return where the secret at a key is sent; of no key, that of secrets which all others decide."""
    rank = rank_key(part.type, key)
    marks = [_mark(part, each) for each in sorted(part.type.trusts)] if rank > 0 else []
    marks += [_mark_undeclared(part)] if rank > 0 else []
    marks += [_mark(part, each) for each in sorted(part.type.embeds)] if rank > 1 else []
    return part.type.destination(_list_public(part), {}, _digest([above, *marks, *leads]))


def _list_public(part: Part) -> dict[str, Any]:
    """Return what stands in clear of the keys that say where secrets are sent."""
    content = part.content
    keys = [key for key in part.type.destinations if key not in part.type.secrets]
    found = {key: content[key] for key in keys if content.get(key) is not None}
    return {
        key: value if isinstance(value, str | bool | int | float) else str(value)
        for key, value in found.items()
        if not is_reference(value) and not (key in part.type.embeds and carries_credentials(value))
    }


def carries_credentials(value: object) -> bool:
    """Say whether a text would be sealed where texts with credentials are."""
    try:
        return isinstance(value, str) and redact(value) is not None
    except ValueError:
        return True  # what it carries cannot be told


def _mark(part: Part, key: str) -> bytes:
    """Return what a secret that decides where others are sent counts as; empty where there is none."""
    value = part.content.get(key)
    if isinstance(value, dict) and is_reference(value):
        return _mark_reference(value)
    if not isinstance(value, str) or (key in part.type.embeds and not carries_credentials(value)):
        return b""
    return b"text" + value.encode("utf-8", "surrogatepass")


def _mark_undeclared(part: Part) -> bytes:
    value = part.content.get(UNDECLARED)
    if isinstance(value, dict) and is_reference(value):
        return _mark_reference(value)
    rest = list_undeclared(part)
    return msgspec.json.encode(rest, order="sorted") if rest else b""


def _mark_reference(value: Mapping[str, Any]) -> bytes:
    mark = find_mark(value)
    if mark == AGE:
        return b"age" + normalise(str(value[AGE])).encode("utf-8", "surrogatepass")
    if mark == ENV:
        return b"env" + str(value[ENV]).encode("utf-8", "surrogatepass")
    raise Untold


def _list_leads(parts: Sequence[Part], key: str) -> list[bytes]:
    """Return where apis lead that are of their own mind and have no secret of this key themselves."""
    found = []
    for part in parts:
        if part.api is None or part.content.get(key) is not None:
            continue
        marks = [_mark_undeclared(part), *(_mark(part, each) for each in sorted(part.type.embeds))]
        here = part.type.destination(_list_public(part), {})
        if any(marks) or here != part.type.destination({}, {}):
            found.append(_digest([(part.api or "").encode("utf-8", "surrogatepass"), here, *marks]))
    return sorted(found)


def _digest(pieces: Iterable[bytes]) -> bytes:
    """Return a hash of some pieces in their order; of nothing at all, nothing."""
    listed = list(pieces)
    if not any(listed):
        return b""
    return hashlib.sha256(b"".join(len(each).to_bytes(8) + each for each in (_BOUND, *listed))).digest()


def encode(binding: bytes) -> str:
    """Write a binding as text."""
    return base64.b64encode(binding).decode()
