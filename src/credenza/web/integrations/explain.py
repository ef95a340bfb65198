"""Why an item cannot be read: by pointer, keyword and our own words. Runs only when something is wrong."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Sequence
from typing import Any

import jsonschema_rs
import msgspec

from credenza.errors import Problem
from credenza.workspace.compose import escape

TOO_DEEP = Problem("too_deep", "Values may be nested 32 levels deep.", "", "depth")
_MISMATCH = "This must be the name of the integration it stands in, or be left out with it."
_WORDS = {
    "type": ("wrong_type", "This has the wrong type."),
    "anyOf": ("wrong_type", "This has the wrong type."),
}


class Explainer:
    """Explain what is wrong with an item, by the schema its decoder is made from."""

    def __init__(self, schema: dict[str, Any]) -> None:
        """Compile the schema once."""
        self._validator = jsonschema_rs.Draft202012Validator(schema)
        self._definitions: dict[str, Any] = schema.get("$defs", {})

    def explain(self, raw: msgspec.Raw) -> tuple[Problem, ...]:
        """Return every problem of an item that its decoder refused."""
        item = msgspec.json.decode(raw)
        found = [problem for error in self._validator.iter_errors(item) for problem in self._say(item, error)]
        return tuple(found) or (Problem("invalid_item", "This item cannot be read.", "", "type"),)

    def _say(self, item: object, error: jsonschema_rs.ValidationError) -> Iterator[Problem]:
        pointer = "".join(f"/{escape(str(part))}" for part in error.instance_path)
        keyword = str(error.schema_path[-1]) if error.schema_path else ""
        keyword = next((k for k in ("required", "additionalProperties") if k in error.schema_path), keyword)
        if keyword == "required":
            missing = getattr(error.kind, "property", "")
            yield Problem("required", f"`{missing}` is required.", f"{pointer}/{missing}", keyword)
        elif keyword == "additionalProperties":
            yield from self._unknown(item, error.instance_path, pointer)
        else:
            code, message = _WORDS.get(keyword, ("invalid_item", "This cannot be accepted."))
            yield Problem(code, message, pointer, keyword)

    def _unknown(self, item: object, path: Sequence[str | int], pointer: str) -> Iterator[Problem]:
        place: Any = item
        for part in path:
            place = place[part]
        name = {"apis": "ApiItem", "tags": "TagItem"}.get(str(path[0]) if path else "", "IntegrationItem")
        known = list(self._definitions[name]["properties"])
        for position, key in enumerate(place, 1):
            if key not in known:
                near = difflib.get_close_matches(key[:64], known, 1)
                hint = f" Is it meant to be `{near[0]}`?" if near else ""
                message = f"Field {position} of this object is not known.{hint}"
                yield Problem("unknown_field", message, pointer, "additionalProperties")


def explain_parents(name: str, parents: Sequence[str]) -> tuple[Problem, ...]:
    """Return a problem for each api that names another integration as its parent."""
    return tuple(
        Problem("parent_mismatch", _MISMATCH, f"/apis/{position}/integrationName", "const")
        for position, parent in enumerate(parents)
        if parent != name
    )


def explain_text(text: bytes) -> Problem:
    """Say which rule beyond JSON's grammar a text breaks: UTF-8, a key twice, a number out of range, depth."""
    try:
        decoded = text.decode()
    except UnicodeDecodeError:
        return Problem("invalid_json", "This item is not UTF-8.", "", "json")
    twice: list[bool] = []

    def pairs(found: list[tuple[str, object]]) -> dict[str, object]:
        twice.append(len({key for key, _ in found}) != len(found))
        return dict(found)

    try:
        json.loads(decoded, object_pairs_hook=pairs, parse_constant=lambda _: twice.clear())
    except RecursionError:
        return TOO_DEEP
    except ValueError:
        return Problem("invalid_json", "This item is not JSON.", "", "json")
    if any(twice):
        return Problem("duplicate_key", "A key stands twice in one object of this item.", "", "uniqueKeys")
    return TOO_DEEP
