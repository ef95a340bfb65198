"""Why an item cannot be read: by pointer, keyword and our own words. Runs only when something is wrong."""

from __future__ import annotations

import codecs
import difflib
import json
import math
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Any, NoReturn

import jsonschema_rs
import msgspec

from credenza.connectors.values import MAX_NUMBER
from credenza.errors import Problem
from credenza.pointers import escape
from credenza.workspace.compose import MOST_PROBLEMS

TOO_DEEP = Problem("too_deep", "Values may be nested 32 levels deep.", "", "depth")
_TOO_LARGE = Problem("number_out_of_range", "A number of this item is too large.", "", "maximum")
_NOT_UTF8 = Problem("invalid_json", "This item is not UTF-8.", "", "json")
_NOT_JSON = Problem("invalid_json", "This item is not JSON.", "", "json")
_TWICE = Problem("duplicate_key", "A key stands twice in one object of this item.", "", "uniqueKeys")
_MISMATCH = "This must be the name of the integration it stands in."
_KINDS = {
    "string": "a text",
    "boolean": "true or false",
    "integer": "a whole number",
    "array": "a list",
    "object": "an object",
}
_MOST_DIGITS = 300
_LONGEST_NAME = 64
_MOST_ENTRIES = 20_000


class Explainer:
    """Explain what is wrong with an item, by the schema its decoder is made from."""

    def __init__(self, schema: dict[str, Any]) -> None:
        """Compile the schema once."""
        self._schema = schema
        self._validator = jsonschema_rs.Draft202012Validator(_unfold(schema))
        self._definitions: dict[str, Any] = schema.get("$defs", {})

    def explain(self, raw: msgspec.Raw) -> tuple[Problem, ...]:
        """Return every problem of an item that its decoder refused."""
        try:
            item = msgspec.json.decode(raw)
        except msgspec.DecodeError:
            return (explain_text(bytes(raw)),)
        _shorten(item, _MOST_ENTRIES)
        errors = self._validator.iter_errors(item)
        told = chain.from_iterable(self._say(item, error) for error in errors)
        found = tuple(islice(told, MOST_PROBLEMS))
        return found or (Problem("invalid_item", "This item cannot be read.", "", "type"),)

    def _say(self, item: object, error: jsonschema_rs.ValidationError) -> Iterator[Problem]:
        pointer = "".join(f"/{escape(str(part))}" for part in error.instance_path)
        kind: Any = error.kind
        if kind.name == "required":
            missing = kind.property
            yield Problem("required", f"`{missing}` is required.", f"{pointer}/{missing}", kind.name)
        elif kind.name == "additionalProperties":
            yield from self._unknown(item, error.instance_path, pointer)
        elif kind.name in {"minimum", "maximum"}:
            message = f"This must be a number from 0 to {MAX_NUMBER}."
            yield Problem("number_out_of_range", message, pointer, kind.name)
        elif kind.name == "enum":
            known = ", ".join(each for each in kind.options if each is not None)
            yield Problem("unknown_value", f"This must be one of: {known}.", pointer, kind.name)
        else:
            wanted = _KINDS[kind.types[0]]
            yield Problem("wrong_type", f"This must be {wanted}.", pointer, kind.name)

    def _unknown(self, item: object, path: Sequence[str | int], pointer: str) -> Iterator[Problem]:
        place: Any = item
        for part in path:
            place = place[part]
        known = self._list_fields(path)
        for position, key in enumerate(place, 1):
            if key not in known:
                near = difflib.get_close_matches(key[:_LONGEST_NAME], known, 1)
                hint = f" Is it meant to be `{near[0]}`?" if near else ""
                message = f"Field {position} of this object is not known.{hint}"
                yield Problem("unknown_field", message, pointer, "additionalProperties")

    def _list_fields(self, path: Sequence[str | int]) -> list[str]:
        """Return the fields that the object at a place may have."""
        schema = self._resolve(self._schema)
        for part in path:
            schema = self._resolve(schema["properties"][part] if isinstance(part, str) else schema["items"])
        return list(schema["properties"])

    def _resolve(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Return the schema that another one stands for: what it refers to, or what it is unless null."""
        while "$ref" in schema or "anyOf" in schema:
            schema = (
                self._definitions[schema["$ref"].rpartition("/")[2]]
                if "$ref" in schema
                else schema["anyOf"][0]
            )
        return schema


def _shorten(item: object, left: int) -> int:
    """Drop all but the first entries of lists, and of all lists together; return how many more there may be.

    The validator builds every error before it gives the first.
    """
    if isinstance(item, dict):
        for inner in item.values():
            if isinstance(inner, list):
                del inner[min(left, MOST_PROBLEMS) :]
                left -= len(inner)
            left = _shorten(inner, left)
    elif isinstance(item, list):
        for inner in item:
            left = _shorten(inner, left)
    return left


def explain_parents(name: str, parents: Sequence[str]) -> tuple[Problem, ...]:
    """Return a problem for each api that names another integration as its parent."""
    told = (
        Problem("parent_mismatch", _MISMATCH, f"/apis/{position}/integrationName", "const")
        for position, parent in enumerate(parents)
        if parent != name
    )
    return tuple(islice(told, MOST_PROBLEMS))


def explain_text(text: bytes) -> Problem:
    """Say which rule beyond JSON's grammar a text breaks: UTF-8, a key twice, a number's range, depth."""
    found: set[str] = set()

    def read_pairs(pairs: list[tuple[str, object]]) -> None:
        if len({key for key, _ in pairs}) != len(pairs):
            found.add("twice")

    def read_number(digits: str) -> None:
        if len(digits) > _MOST_DIGITS or math.isinf(float(digits)):
            found.add("large")

    try:
        json.loads(
            text.decode(), object_pairs_hook=read_pairs, parse_int=read_number, parse_float=read_number
        )
    except UnicodeDecodeError:
        return _NOT_UTF8
    except RecursionError:
        return TOO_DEEP
    except ValueError:
        return _NOT_JSON
    if "twice" in found:
        return _TWICE
    return _TOO_LARGE if "large" in found else TOO_DEEP


def explain_body(body: bytes | bytearray) -> str:
    """Say in a sentence why a body is no JSON at all."""
    if body.startswith(codecs.BOM_UTF8):
        return "The body begins with a byte order mark; send plain UTF-8."
    try:
        json.loads(body.decode(), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        return f"The body is not UTF-8 from byte {error.start + 1} on."
    except _ConstantError:
        return "The body holds NaN or Infinity, which are not JSON."
    except json.JSONDecodeError as error:
        return f"The body is not JSON from {_place(error)} on."
    except (ValueError, RecursionError):
        return "The body is not JSON."
    return "A text of the body holds half of a surrogate pair, which is no Unicode."


def locate_fault(text: bytes) -> str:
    """Say where a text that is no JSON stops being it, as the middle of a sentence."""
    try:
        json.loads(text.decode())
    except UnicodeDecodeError as error:
        return f" from byte {error.start + 1} on"
    except json.JSONDecodeError as error:
        return f" from {_place(error)} on"
    except (ValueError, RecursionError):
        return ""
    return ""


def _place(error: json.JSONDecodeError) -> str:
    # Nothing but numbers: what stands there may be a secret, and the message of the error could name it.
    return f"line {error.lineno}, column {error.colno}"


class _ConstantError(ValueError):
    pass


def _refuse_constant(_: str) -> NoReturn:
    raise _ConstantError


def _unfold(schema: Any) -> Any:  # noqa: ANN401  # a schema is any JSON
    """Write `X or null` as a condition, so that what X finds wrong is told, not that no choice holds."""
    if isinstance(schema, list):
        return [_unfold(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if {"type": "null"} in schema.get("anyOf", ()):
        return {"if": {"not": {"type": "null"}}, "then": _unfold(schema["anyOf"][0])}
    return {key: _unfold(value) for key, value in schema.items()}
