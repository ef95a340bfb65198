"""What a sealed value in a file is bound to: its type, its key, and where it would be sent.

To the canonical destination of the type comes what decides it and cannot be read from the file: sealed trust
stores, URLs and undeclared keys, by the very text of their references; and every api that leads elsewhere and
would take the secret along. So nobody who can write a file, and seal values of their own, can have a sealed
value of somebody else sent to a place it was not meant for. None of it needs a key to be computed.

Two that decide over each other cannot both be bound to the other's text. All are in one order, in which they
are sealed: each is bound to the text of those before it, and of those behind it to whether they are there.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from credenza.connectors import redact
from credenza.transfer.references import (
    AGE,
    ENV,
    SECRET,
    UNDECLARED,
    Part,
    find_mark,
    is_reference,
    list_undeclared,
)

_BOUND = b"credenza.transfer.binding"
_LAST = 9  # in the order, behind all that decide


class Untold(Exception):
    """A file does not tell where a secret would be sent: what decides it is only in a store."""


def bind(parts: Sequence[Part], part: Part, key: str) -> bytes:
    """Return the 32-byte hash of where the secret at a key would be sent, as an integration's file says it.

    `parts` are all of the integration's. What comes before a key in the order is sealed before it.

    Raises:
        Untold: something that decides it stands there as a reference to what a store holds.
    """
    at = order(part, key)
    if part.api is None:
        return _bind(part, key, at, _list_leads(parts, key, at))
    if not parts or parts[0].api is not None:
        raise Untold  # the integration's own configuration stays what the store has
    return _bind(part, key, at, [_bind(parts[0], None, at, ())])


def normalise(text: str) -> str:
    """Return the base64 of a sealed value without its armour, so that line breaks do not count."""
    return "".join(line.strip() for line in text.splitlines() if not line.strip().startswith("-----"))


def order(part: Part, key: str) -> int:
    """Return the place of a secret in the order: what decides where others are sent comes before them.

    An integration's own undeclared keys come behind those of its apis, for where these lead counts for them,
    and its trust stores and URLs before, for apis go along with them.
    """
    own = part.api is None
    if key in part.type.trusts:
        return 0 if own else 2
    if key in part.type.embeds:
        return 1 if own else 3
    if key == UNDECLARED:
        return 5 if own else 4
    return _LAST


def leads(part: Part) -> bool:
    """Say whether an api leads to a place of its own."""
    return part.api is not None and _lead(part, 0) is not None


def covers(part: Part, key: str) -> bool:
    """Say whether an api has a secret of its own in the place of the integration's at this key.

    Undeclared keys cover nothing: nobody can tell whether they are used for the same.
    """
    value = part.content.get(key)
    if key not in part.type.secrets | part.type.embeds:
        return False
    if isinstance(value, str):
        return carries_credentials(value) if key in part.type.embeds else bool(value)
    return find_mark(value) is not None


def _bind(part: Part, key: str | None, at: int, more: Sequence[bytes]) -> bytes:
    """Return where the secret at a key, which stands there in the order, is sent by a configuration."""
    pieces = [*more, *_list_marks(part, key, at)]
    return part.type.destination(_list_public(part, key), {}, _digest(pieces))


def _list_marks(part: Part, key: str | None, at: int) -> list[bytes]:
    """Return what the secrets that decide over the others count as, but for that at the key itself."""
    deciding = [*sorted(part.type.trusts), *sorted(part.type.embeds), UNDECLARED]
    return [b"" if each == key else _mark(part, each, at) for each in deciding]


def _list_public(part: Part, key: str | None = None) -> dict[str, Any]:
    """Return what stands in clear of the keys that say where secrets are sent, but for the key itself."""
    content = part.content
    keys = [each for each in part.type.destinations if each != key and each not in part.type.secrets]
    found = {each: content[each] for each in keys if content.get(each) is not None}
    return {
        each: value if isinstance(value, str | bool | int | float) else str(value)
        for each, value in found.items()
        if not is_reference(value) and not (each in part.type.embeds and carries_credentials(value))
    }


def carries_credentials(value: object) -> bool:
    """Say whether a text would be sealed where texts with credentials are."""
    try:
        return isinstance(value, str) and redact(value) is not None
    except ValueError:
        return True  # what it carries cannot be told


def _mark(part: Part, key: str, at: int) -> bytes:
    """Return what a secret that decides where others are sent counts as; empty where there is none."""
    value = part.content.get(key)
    if isinstance(value, dict) and is_reference(value):
        return _mark_reference(value) if order(part, key) < at else _mark_presence(value)
    if key == UNDECLARED:
        rest = list_undeclared(part)
        return msgspec.json.encode(rest, order="sorted") if rest else b""
    if not isinstance(value, str) or (key in part.type.embeds and not carries_credentials(value)):
        return b""
    return b"text" + value.encode("utf-8", "surrogatepass")


def _mark_reference(value: Mapping[str, Any]) -> bytes:
    mark = find_mark(value)
    if mark == AGE:
        return b"age" + normalise(str(value[AGE])).encode("utf-8", "surrogatepass")
    if mark == ENV:
        return b"env" + str(value[ENV]).encode("utf-8", "surrogatepass")
    raise Untold


def _mark_presence(value: Mapping[str, Any]) -> bytes:
    return b"kept" if find_mark(value) == SECRET else b"sent"


def _list_leads(parts: Sequence[Part], key: str, at: int) -> list[bytes]:
    """Return where apis lead that are of their own mind and have no secret of this key themselves."""
    found = [_lead(part, at) for part in parts if part.api is not None and not covers(part, key)]
    return sorted(each for each in found if each is not None)


def _lead(part: Part, at: int) -> bytes | None:
    marks = _list_marks(part, None, at)
    here = part.type.destination(_list_public(part), {})
    if not any(marks) and here == part.type.destination({}, {}):
        return None
    return _digest([(part.api or "").encode("utf-8", "surrogatepass"), here, *marks])


def _digest(pieces: Iterable[bytes]) -> bytes:
    """Return a hash of some pieces in their order; of nothing at all, nothing."""
    listed = list(pieces)
    if not any(listed):
        return b""
    return hashlib.sha256(b"".join(len(each).to_bytes(8) + each for each in (_BOUND, *listed))).digest()


def encode(binding: bytes) -> str:
    """Write a binding as text."""
    return base64.b64encode(binding).decode()
