"""The two halves of a connector type: what may stand in clear, and what is sealed.

A configuration of a type is entered in two places: a provider's configuration holds the public half, a
credential the secret one. Each half is checked by itself with what the type's conditions say of it alone;
conditions across both are for the whole, once the halves are merged.

    config, auth = split_halves(aws, configuration)
    merge_halves(aws, config, auth) == configuration
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import msgspec

from credenza.connectors.evolution import Move, Step, list_steps, trace
from credenza.connectors.narrowing import ABSENT, Condition, Narrowed, Narrowing
from credenza.connectors.types import ConnectorType

Schema = dict[str, Any]
Half = Literal["config", "auth", "client"]

DEFAULT = "default"
_CONDITIONS = ("required", "dependentRequired", "allOf", "anyOf", "oneOf", "not", "if", "then", "else")
_HEAD = ("$schema", "title", "description", "type", "x-category", "x-version", "x-destination-version")
_REMEMBERED = 512  # types
HALVES: tuple[Half, ...] = ("config", "auth", "client")
_CLIENT: Schema = {
    "description": "The OAuth client by which people let a provider be used.",
    "type": "object",
    "properties": {
        "client_id": {
            "type": "string",
            "title": "Client ID",
            "description": "The public name of the client.",
            "minLength": 1,
        },
        "client_secret": {
            "type": "string",
            "title": "Client Secret",
            "description": "What the provider issued for the client.",
            "writeOnly": True,
            "format": "password",
        },
    },
    "required": ["client_id", "client_secret"],
    "additionalProperties": False,
}


class AuthMethod(NamedTuple):
    """One way to give a type its secrets.

    `given` is the public key and the value that choose it, where there is a choice. `schema` declares all
    secrets and requires those of this way; `asked` are those worth asking for: required here, or nowhere.
    """

    key: str
    name: str
    description: str
    given: tuple[str, Any] | None
    schema: Schema
    asked: tuple[str, ...]

    @property
    def needs_secret(self) -> bool:
        """Tell whether this way requires a secret, whatever else it asks for."""
        return bool(_find_required(self.schema))


@lru_cache(_REMEMBERED)
def public_half(type: ConnectorType) -> Schema:
    """Return the JSON Schema of the keys that are not secret, with the conditions among them."""
    return _cut(type, "config", _narrow(type, "config", {}))


def secret_half(type: ConnectorType, branch: str | None = None) -> Schema:
    """Return the JSON Schema of the secret keys, as all ways require them, or as one does by its key.

    Raises:
        KeyError: there is no such way.
    """
    if branch is None:
        return _cut(type, "auth", _narrow(type, "auth", {}))
    return {method.key: method.schema for method in list_methods(type)}[branch]


@lru_cache(_REMEMBERED)
def list_methods(type: ConnectorType) -> tuple[AuthMethod, ...]:
    """Return the ways to give a type its secrets, in the order of its schema: one at least.

    Where the first public key with an `enum` that conditions look at decides which secrets are required,
    each of its values is a way. One more, `default`, is for leaving that key out, where that is allowed.
    """
    for key in type.keys:
        ways = _find_ways(type, key)
        if any(schema != ways[0][1] for _, schema in ways):
            return _show_ways(type, key, ways)
    return (_only_method(type, secret_half(type)),)


@lru_cache(3 * _REMEMBERED)
def half_type(type: ConnectorType, half: Half) -> ConnectorType:
    """Return one half as a connector type, `<name>#config` or `<name>#auth`.

    The first keeps all keys that say where secrets are sent; the second has none. Both have the version of
    the type, and of what led to it as much as is theirs. `<name>#client` is beside them: an OAuth client of
    the type, whatever its schema says.
    """
    if half == "client":
        head = {key: type.schema[key] for key in ("$schema", "x-category", "x-destination-version")}
        named = {**head, "$id": _name_schema(type, half), "title": f"OAuth client of {type.title}"}
        client = {**named, **_CLIENT}
        return ConnectorType.compile(name_half(type.name, half), client, msgspec.json.encode(client))
    schema = public_half(type) if half == "config" else secret_half(type)
    made = compile_half(type, half, schema)
    return replace(made, version=type.version, moves=_cut_moves(type, half))


def compile_half(type: ConnectorType, half: Half, schema: Schema) -> ConnectorType:
    """Return a half of a type as a connector type of its own, by its schema."""
    made = ConnectorType.compile(name_half(type.name, half), schema, msgspec.json.encode(schema))
    return replace(made, beside=frozenset(type.keys) - frozenset(made.keys))


def name_half(name: str, half: Half) -> str:
    """Return what a half of the type of this name is called."""
    return f"{name}#{half}"


def find_half(types: Mapping[str, ConnectorType], name: str) -> ConnectorType | None:
    """Return the half that is called this; None: it is none, or of no type among these."""
    whole, _, half = name.partition("#")
    found = types.get(whole)
    return None if found is None or half not in HALVES else half_type(found, half)


def split_halves(
    type: ConnectorType, configuration: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the public and the secret part of a configuration, without keys that the type does not know."""
    public = {key: configuration[key] for key in _keys_of(type, "config") if key in configuration}
    secret = {key: configuration[key] for key in _keys_of(type, "auth") if key in configuration}
    return public, secret


def merge_halves(type: ConnectorType, config: Mapping[str, Any], auth: Mapping[str, Any]) -> dict[str, Any]:
    """Return one configuration of both halves, in the order of the type; neither speaks for the other."""
    public, _ = split_halves(type, config)
    _, secret = split_halves(type, auth)
    return {key: (secret if key in secret else public)[key] for key in type.keys if key in {*public, *secret}}


def _keys_of(type: ConnectorType, half: Half) -> tuple[str, ...]:
    return tuple(key for key in type.keys if (key in type.secrets) == (half == "auth"))


def _cut_moves(type: ConnectorType, half: Half) -> tuple[Move, ...]:
    return tuple(
        Move(
            tuple(_cut_steps(type, half, move.steps, list_steps(type.moves, version + 1))),
            move.destinations if half == "config" or move.destinations is None else (),
        )
        for version, move in enumerate(type.moves, 1)
    )


def _cut_steps(
    type: ConnectorType, half: Half, steps: Sequence[Step], later: Sequence[Step]
) -> Iterator[Step]:
    """Yield steps, without values for keys of the other half; all else finds only what is there."""
    keys = _keys_of(type, half)
    for at, (verb, argument) in enumerate(steps, 1):
        if verb != "set":
            yield verb, argument
            continue
        rest = (*steps[at:], *later)
        own = {key: value for key, value in argument.items() if trace(rest, key) in keys}
        if own:
            yield verb, own


def _narrow(type: ConnectorType, half: Half, given: Mapping[str, Any]) -> Narrowed:
    # The root's `properties` declare; only those further down are conditions.
    conditions = {keyword: type.schema[keyword] for keyword in _CONDITIONS if keyword in type.schema}
    return Narrowing(_keys_of(type, half), given).narrow(conditions)


def _cut(type: ConnectorType, half: Half, said: Narrowed) -> Schema:
    properties = type.schema["properties"]
    return {
        **{keyword: type.schema[keyword] for keyword in _HEAD if keyword in type.schema},
        "$id": _name_schema(type, half),
        "properties": {key: properties[key] for key in _keys_of(type, half)},
        "additionalProperties": False,
        **(said if isinstance(said, dict) else {}),
    }


def _name_schema(type: ConnectorType, half: Half) -> str:
    return f"{type.schema['$id'].removesuffix('.json')}/{half}.json"


def _find_ways(type: ConnectorType, key: str) -> list[tuple[Any, Schema]]:
    """Return what secrets are required for each value of an enumerated key, and for none, where allowed."""
    rules = type.schema["properties"][key]
    if "enum" not in rules or key in type.embeds:
        return []
    found = [(value, _narrow(type, "auth", {key: value})) for value in (*rules["enum"], ABSENT)]
    return [(value, _cut(type, "auth", said)) for value, said in found if said is not False]


def _show_ways(
    type: ConnectorType, deciding: str, ways: Sequence[tuple[Any, Schema]]
) -> tuple[AuthMethod, ...]:
    title = type.schema["properties"][deciding]["title"]
    somewhere = {key for _, schema in ways for key in _find_required(schema)}
    taken: set[str] = set()
    made = []
    for value, schema in ways:
        required = _find_required(schema)
        asked = tuple(key for key in schema["properties"] if key in required or key not in somewhere)
        if value is ABSENT:
            only = _only_method(type, schema)
            made.append(only._replace(key=_name_key(DEFAULT, taken), asked=asked))
            continue
        described = f"{title}: {_write(value)}."
        given = (deciding, value)
        made.append(AuthMethod(_name_key(value, taken), _write_title(value), described, given, schema, asked))
    return tuple(made)


def _only_method(type: ConnectorType, schema: Schema) -> AuthMethod:
    secrets = schema["properties"]
    name = "Credentials" if secrets else "No credentials"
    if len(secrets) == 1:
        name = next(rules["title"] for rules in secrets.values())
    return AuthMethod(DEFAULT, name, type.description, None, schema, tuple(secrets))


def _find_required(said: Condition) -> set[str]:
    """Return every key that a condition requires wherever in it."""
    return {*_walk_required(said)}


def _walk_required(said: Condition) -> Iterator[str]:
    yield from said.get("required", ())
    for keyword in ("allOf", "anyOf", "oneOf"):
        for part in said.get(keyword, ()):
            yield from _walk_required(part)
    for keyword in ("then", "else"):
        if keyword in said:
            yield from _walk_required(said[keyword])


def _write(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _write_title(value: object) -> str:
    """Write `ACCESS_KEY` as people read it; what has lower-case letters is written for people already."""
    text = _write(value)
    words = re.sub(r"[_\s-]+", " ", text).strip() if text.isupper() or "_" in text else text
    return (words.capitalize() if words.isupper() and " " in words else words) or text


def _name_key(value: object, taken: set[str]) -> str:
    """Return the key of a way: its value in lower case, words joined by `_`; numbered where that is taken."""
    text = _write(value)
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    stem = key = re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_") or DEFAULT
    number = 1
    while key in taken:
        number += 1
        key = f"{stem}_{number}"
    taken.add(key)
    return key
