"""The rules for the file of a connector type: those of `meta.json`, and those no JSON Schema can say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs

from credenza.connectors.credentials import redact
from credenza.pointers import escape

Schema = dict[str, Any]
LINEAR = jsonschema_rs.RegexOptions()

_BRANCHES = ("allOf", "anyOf", "oneOf")
_NESTED = ("not", "if", "then", "else")


def list_faults(name: str, schema: Schema, meta: jsonschema_rs.Draft202012Validator) -> list[str]:
    """Return what is wrong with a type's schema, one `pointer: sentence` per fault."""
    faults = [fault for error in meta.iter_errors(schema) for fault in describe(error)]
    if faults:
        return faults
    return [
        *_check_id(name, schema),
        *_check_patterns(schema),
        *_check_names(schema),
        *_check_conditions(schema),
    ] or _check_values(schema)


def find_conditions(schema: Schema, pointer: str = "") -> Iterator[tuple[str, Schema]]:
    """Yield every part of a schema that speaks about the configuration as a whole, the root first."""
    yield pointer, schema
    for keyword in _BRANCHES:
        for at, part in enumerate(schema.get(keyword, ())):
            yield from find_conditions(part, f"{pointer}/{keyword}/{at}")
    for keyword in _NESTED:
        if keyword in schema:
            yield from find_conditions(schema[keyword], f"{pointer}/{keyword}")


def describe(error: jsonschema_rs.ValidationError) -> Iterator[str]:
    """Yield what a file breaks, as `pointer: sentence`, by its names and never by its values."""
    pointer = "".join(f"/{escape(str(step))}" for step in error.instance_path)
    kind: Any = error.kind
    if kind.name == "additionalProperties":
        for name in kind.unexpected:
            yield f"{pointer}/{escape(name)}: no such keyword here"
    elif kind.name == "required":
        yield f"{pointer or '/'}: the keyword {kind.property} is missing"
    elif kind.name in {"const", "enum"}:
        allowed = kind.options if kind.name == "enum" else [kind.expected_value]
        yield f"{pointer or '/'}: must be {' or '.join(json.dumps(value) for value in allowed)}"
    elif kind.name == "propertyNames":
        yield f"{pointer}: a name in it is not letters, digits, `_`, `.` and `-`, a letter first, 64 at most"
    elif kind.name == "falseSchema":
        yield f"{pointer}: not allowed together with what stands beside it"
    else:
        yield f"{pointer or '/'}: breaks the rule `{kind.name}` of meta.json"


def _check_id(name: str, schema: Schema) -> Iterator[str]:
    if not schema["$id"].endswith(f"/{name}.json"):
        yield "/$id: does not end in the file's own name"


def _check_patterns(schema: Schema) -> Iterator[str]:
    for pointer, key in _find_keys(schema):
        pattern = key.get("pattern")
        if pattern is None:
            continue
        try:
            jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=LINEAR)
        except (jsonschema_rs.ValidationError, ValueError):
            yield (
                f"{pointer}/pattern: not a regular expression that can be matched in linear time"
                " (no look-around, no back-references, bounded repetition)"
            )


def _find_keys(schema: Schema) -> Iterator[tuple[str, Schema]]:
    for pointer, part in find_conditions(schema):
        for name, key in part.get("properties", {}).items():
            yield f"{pointer}/properties/{name}", key
            if "items" in key:
                yield f"{pointer}/properties/{name}/items", key["items"]


def _check_names(schema: Schema) -> Iterator[str]:
    declared = schema["properties"]
    for pointer, part in find_conditions(schema):
        dependent = part.get("dependentRequired", {})
        used = {
            "required": part.get("required", ()),
            "properties": part.get("properties", ()),
            "dependentRequired": [*dependent, *(name for names in dependent.values() for name in names)],
        }
        for keyword, names in used.items():
            if any(name not in declared for name in names):
                yield f"{pointer}/{keyword}: speaks of a key that is not declared"


def _check_conditions(schema: Schema) -> Iterator[str]:
    declared = schema["properties"]
    for pointer, part in find_conditions(schema):
        if not pointer:
            continue
        for name in part.get("properties", {}):
            key = declared.get(name, {})
            if "writeOnly" in key or "x-credentials" in key:
                yield f"{pointer}/properties/{name}: a condition may not look at the value of a secret"
        if pointer.endswith("/if") and not set(part.get("properties", ())) <= set(part.get("required", ())):
            yield f"{pointer}: must require the keys whose values it looks at"


def _is_public(text: str) -> bool:
    try:
        return redact(text) is None
    except ValueError:
        return False


def _check_values(schema: Schema) -> list[str]:
    """Check defaults, examples and enumerations against the keys they stand in."""
    faults = []
    for name, key in schema["properties"].items():
        given = [key["default"]] if "default" in key else []
        given += [*key.get("examples", ()), *key.get("enum", ())]
        if not given:
            continue
        if "x-credentials" in key and not all(map(_is_public, given)):
            faults.append(f"/properties/{name}: a default or example carries credentials")
        checker = jsonschema_rs.Draft202012Validator(key, pattern_options=LINEAR)
        if not all(checker.is_valid(value) for value in given):
            faults.append(
                f"/properties/{name}: a default, example or enumerated value breaks the key's own rules"
            )
    return faults
