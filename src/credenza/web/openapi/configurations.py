"""Connector types as a save accepts them: their JSON Schemas, made wide enough to refuse no valid request.

What is stored already counts when a configuration is checked, and a schema of the request alone cannot see
it. So a key that can be kept may be left out here, null clears, and a condition stands only where it says
the same with and without what is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from credenza.connectors import UNKNOWN, ConnectorType
from credenza.connectors.values import MAX_NUMBER

Schema = dict[str, Any]

TEXT = {"pattern": r"^[^\x00]*$"}
# A text of nothing but mask characters is refused, and so is one of blanks, or an empty one.
_UNMASKED = r"^[^\x00]*[^*•\s\x00][^\x00]*$"
# Beyond these, readers of JSON do not agree on a number.
_NUMBERS = {"minimum": -MAX_NUMBER, "maximum": MAX_NUMBER}
_LONGEST_SECRET = 65_536
_SHOWN = (
    "title",
    "description",
    "examples",
    "default",
    "contentMediaType",
    "x-destination",
    "x-credentials",
    "x-choices",
    "x-trust",
)
_ANY_TEXT = ("type", "minLength")


def refer(name: str, kind: str = "schemas") -> Schema:
    """Return a reference to a component."""
    return {"$ref": f"#/components/{kind}/{name}"}


_KEPT = refer("KeptSecret")


def accept(type: ConnectorType, *, lenient: bool) -> Schema:
    """Return the schema of the configurations that a save of this type may send.

    `lenient` is the mode that takes missing and undeclared keys.
    """
    declared = type.schema
    required = [] if lenient else [key for key in declared.get("required", ()) if not _can_be_kept(type, key)]
    properties = {
        key: _accept_key(type, key, rules, needed=key in required)
        for key, rules in declared["properties"].items()
    }
    accepted: Schema = {
        "title": type.title,
        "description": type.description,
        "type": "object",
        # Undeclared keys are read as one; where they are taken, the name may also be one of theirs.
        "properties": properties if lenient else {**properties, UNKNOWN[1:]: _KEPT},
        "additionalProperties": lenient,
    }
    if required:
        accepted["required"] = required
    if not lenient:
        conditions = [*_accept_conditions(type, declared)]
        if conditions:
            accepted["allOf"] = conditions
    return accepted


def _can_be_kept(type: ConnectorType, key: str) -> bool:
    return key in type.secrets or key in type.embeds


def _accept_key(type: ConnectorType, key: str, rules: Mapping[str, Any], *, needed: bool) -> Schema:
    if _can_be_kept(type, key):
        return {
            **{name: rules[name] for name in _SHOWN if name in rules},
            **({"writeOnly": True} if key in type.secrets else {}),
            "anyOf": [_accept_text(rules, secret=key in type.secrets), {"type": "null"}, _KEPT],
        }
    kinds = [rules["type"]] if isinstance(rules["type"], str) else list(rules["type"])
    texts = TEXT if "string" in kinds and "enum" not in rules else {}
    accepted = {**texts, **(_NUMBERS if {"integer", "number"} & {*kinds} else {}), **rules}
    if "items" in rules:
        accepted["items"] = {**TEXT, **rules["items"]}
    if needed:
        return accepted
    accepted["type"] = [*kinds, "null"]
    if "enum" in rules:
        accepted["enum"] = [*rules["enum"], None]
    return accepted


def _accept_text(rules: Mapping[str, Any], *, secret: bool) -> Schema:
    if secret:
        return {
            "type": "string",
            "format": "password",
            "minLength": 1,
            "maxLength": _LONGEST_SECRET,
            "pattern": _UNMASKED,
        }
    # The other rules speak of the public form, after credentials were taken out.
    return {**{name: rules[name] for name in _ANY_TEXT if name in rules}, **TEXT}


def _accept_conditions(type: ConnectorType, declared: Mapping[str, Any]) -> Iterator[Schema]:
    """Yield the conditions that hold of the request alone; the others are the server's to check."""
    if "if" in declared:
        yield from _accept_condition(type, declared)
    for part in declared.get("allOf", ()):
        yield from _accept_condition(type, part)
    choices = declared.get("anyOf", ())
    if choices and all(
        choice.keys() == {"required"} and not any(_can_be_kept(type, key) for key in choice["required"])
        for choice in choices
    ):
        yield {"anyOf": list(choices)}


def _accept_condition(type: ConnectorType, part: Mapping[str, Any]) -> Iterator[Schema]:
    test, then = part.get("if", {}), part.get("then", {})
    tests = test.get("properties", {})
    # Null stands for an absent key: a constant is never null, so such a test sees both alike.
    exact = tests.keys() == set(test.get("required", ())) and all(
        "const" in rule or "enum" in rule for rule in tests.values()
    )
    if not exact or test.keys() != {"properties", "required"} or then.keys() != {"required"}:
        return
    needed = [key for key in then["required"] if not _can_be_kept(type, key)]
    if needed and not any(_can_be_kept(type, key) for key in tests):
        yield {"if": test, "then": {"required": needed}}
