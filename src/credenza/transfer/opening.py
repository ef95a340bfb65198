"""An integration of a file -> one that can be saved: references become values, each checked for its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from credenza.connectors import Catalogue
from credenza.errors import Problem
from credenza.sensitive import Sensitive
from credenza.transfer.bindings import Untold, bind, encode
from credenza.transfer.references import (
    AGE,
    ENV,
    UNDECLARED,
    Part,
    find_mark,
    holds_reference,
    is_sent,
    list_keys,
    list_parts,
    list_undeclared,
)
from credenza.transfer.sealing import FORMAT, Envelope, copy_item

_SENTENCES = {
    "unknown_type": (
        "The connector type is not known here: name the folder of its schema in CREDENZA_SCHEMAS.",
        "enum",
    ),
    "bad_reference": (
        'A reference is {"$env": "NAME"} or {"$age": "<age file>"}, with nothing beside it.',
        "type",
    ),
    "reference_not_allowed": (
        "A reference stands where no secret does; write the value itself.",
        "x-reference",
    ),
    "variable_not_set": ("The environment variable that stands here is not set, or is empty.", ENV),
    "variable_not_text": ("The environment variable that stands here is no UTF-8 text.", ENV),
    "variable_not_allowed": ("The environment variable that stands here is one of our own.", ENV),
    "sealed_for_others": (
        "This cannot be opened: it is sealed to others than --identity, or was changed.",
        AGE,
    ),
    "sealed_by_another_version": (
        "This was sealed by another version of the program: export or seal it again.",
        AGE,
    ),
    "sealed_for_another_name": (
        "This was sealed for an integration of another name: seal it again, or say --any-name.",
        AGE,
    ),
    "secret_reentry_required": (
        "Where this secret is sent has changed: enter it again together with the change.",
        "x-destination",
    ),
}
_FIELDS = ("name", "category", "description", "enabled", "tags", "expectedVersion")
_SURROGATE = re.compile("[\ud800-\udfff]")  # what a byte of no UTF-8 becomes in a variable
_envelope = msgspec.json.Decoder(Envelope)


class _Form(msgspec.Struct, rename={"format": "v"}):
    format: int


_form = msgspec.json.Decoder(_Form)


class Refused(Exception):
    """A reference cannot become a value; carries the code of the reason."""

    def __init__(self, code: str) -> None:
        """Take the code."""
        super().__init__(code)
        self.code = code


class Sources(NamedTuple):
    """Where values come from.

    `unseal` opens an age file and raises ValueError where it cannot; `look_up` finds a variable of the
    environment: None, it is not set. `any_name`: what was sealed for another name is good too.
    """

    unseal: Callable[[str], Sensitive[bytes]]
    look_up: Callable[[str], Sensitive[str] | None]
    any_name: bool = False


class Opened(NamedTuple):
    """An integration to save, the pointers of the secrets that came with it, and what is wrong."""

    item: Sensitive[dict[str, Any]]
    came: tuple[str, ...]
    problems: tuple[Problem, ...]


def open_item(
    item: Mapping[str, Any], catalogue: Catalogue, sources: Sources, renamed: str | None = None
) -> Opened:
    """Return an integration with the values of its references in their places.

    A sealed value is good only for the name, type, key and destination it was sealed for; `renamed` is the
    name that the file has, where whoever asks gave another. Where one was opened, a trust store or URL that
    the file leaves out is cleared, for what the store keeps of it may lead elsewhere.
    """
    whole = copy_item(item)
    name = whole.get("type")
    connector = catalogue.get(name) if isinstance(name, str) else None
    if connector is None:
        unknown = (describe("unknown_type", "/type"),) if holds_reference(whole) else ()
        return Opened(Sensitive(whole), (), unknown)
    parts = list_parts(whole, connector, catalogue.api)
    found, refused = _open_parts(parts, sources, str(renamed or whole.get("name")))
    problems = [*_list_misplaced(whole, parts), *refused]
    if not problems:
        sealed = {part.api for part, key, _ in found if AGE in part.content[key]}
        for part, key, value in found:
            _place(part, key, value)
        for part in parts if sealed else ():
            if part.api is None or part.api in sealed:
                _clear_absent(part)
    return Opened(Sensitive(whole), tuple(part.point(key) for part, key, _ in found), tuple(problems))


def describe(code: str, pointer: str) -> Problem:
    """Return the problem of this code at a place."""
    message, keyword = _SENTENCES[code]
    return Problem(code, message, pointer, keyword)


Found = tuple[Part, str, Sensitive[Any]]


def _open_parts(parts: Sequence[Part], sources: Sources, name: str) -> tuple[list[Found], list[Problem]]:
    """Return what stands for secrets, opened; nothing is put into its place, for others are bound to it."""
    found: list[Found] = []
    problems = []
    for part in parts:
        for key in list_keys(part.type):
            if not is_sent(part.content.get(key)):
                continue
            try:
                found.append((part, key, _open(parts, part, key, sources, name)))
            except Refused as refused:
                problems.append(describe(refused.code, part.point(key)))
    return found, problems


def _open(parts: Sequence[Part], part: Part, key: str, sources: Sources, name: str) -> Sensitive[Any]:
    reference = part.content[key]
    mark = find_mark(reference)
    if mark == ENV:
        value = sources.look_up(reference[ENV])
        if value is None:
            raise Refused("variable_not_set")
        if _SURROGATE.search(value.reveal()):
            raise Refused("variable_not_text")
    elif mark == AGE:
        envelope = _unseal(part.content[key][AGE], sources)
        value = _take(parts, part, key, envelope)
        if not sources.any_name and envelope.name != name:
            raise Refused("sealed_for_another_name")
    else:
        raise Refused("bad_reference")
    return value if key != UNDECLARED else _read_undeclared(part, value)


def _unseal(text: str, sources: Sources) -> Envelope:
    try:
        data = sources.unseal(text).reveal()
        form = _form.decode(data).format
        if form == FORMAT:
            return _envelope.decode(data)
    except (ValueError, RecursionError):
        raise Refused("sealed_for_others") from None
    raise Refused("sealed_by_another_version")


def _take(parts: Sequence[Part], part: Part, key: str, envelope: Envelope) -> Sensitive[str]:
    """Return the value, if it was sealed for this place and is sent to where it was meant for."""
    try:
        bound = part.type.name, part.path(key), encode(bind(parts, part, key))
    except Untold:
        raise Refused("secret_reentry_required") from None
    if bound != (envelope.type, envelope.key, envelope.destination):
        raise Refused("secret_reentry_required")
    return Sensitive(envelope.value)


def _read_undeclared(part: Part, text: Sensitive[str]) -> Sensitive[Any]:
    try:
        content = msgspec.json.decode(text.reveal())
    except (msgspec.DecodeError, RecursionError):
        content = None
    if not isinstance(content, dict) or list_undeclared(part):
        raise Refused("bad_reference") from None
    return Sensitive(content)


def _place(part: Part, key: str, value: Sensitive[Any]) -> None:
    if key == UNDECLARED:
        del part.content[key]
        declared = part.type.schema["properties"]
        part.content.update({name: each for name, each in value.reveal().items() if name not in declared})
    else:
        part.content[key] = value.reveal()


def _clear_absent(part: Part) -> None:
    for key in sorted(part.type.embeds | part.type.trusts):
        part.content.setdefault(key, None)


def _list_misplaced(item: Mapping[str, Any], parts: Sequence[Part]) -> list[Problem]:
    """Return where references stand that nothing is put in the place of."""
    found = [f"/{field}" for field in _FIELDS if holds_reference(item.get(field))]
    apis = item.get("apis")
    found += [
        f"/apis/{at}"
        for at, api in enumerate(apis if isinstance(apis, list) else ())
        if holds_reference(
            {key: api[key] for key in api if key != "configuration"} if isinstance(api, dict) else api
        )
    ]
    for part in parts:
        places, declared = set(list_keys(part.type)), part.type.schema["properties"]
        for key, value in part.content.items():
            if (key in {AGE, ENV}) or (holds_reference(value) and not (key in places and is_sent(value))):
                found.append(part.point(key) if key in declared else part.pointer)
    return [describe("reference_not_allowed", pointer) for pointer in dict.fromkeys(found)]
