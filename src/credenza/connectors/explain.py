"""Why the schema says no: by key and rule, in our own words, from the schema's side only.

A validator's own messages quote the value they refuse. So only its paths are read here, and what a
sentence needs (a limit, the documented values) is looked up in the schema.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jsonschema_rs

from credenza.connectors.types import ConnectorType
from credenza.connectors.values import MAX_PROBLEMS
from credenza.errors import Problem

Step = str | int

# one more than a list may have by meta.json, so that too long a list stays too long
_MAX_ENTRIES = 201

_CODES = {
    "required": "required",
    "dependentRequired": "required",
    "anyOf": "required",
    "oneOf": "not_allowed",
    "not": "not_allowed",
    "type": "wrong_type",
    "enum": "not_allowed",
    "const": "not_allowed",
    "pattern": "bad_format",
    "minimum": "out_of_range",
    "maximum": "out_of_range",
    "minLength": "too_short",
    "minItems": "too_short",
    "maxLength": "too_long",
    "maxItems": "too_long",
}


_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list of texts",
}

_SENTENCES = {
    "const": "must be {}",
    "not": "is not allowed in this combination",
    "pattern": "does not have the form that the type's schema describes",
    "minimum": "must not be less than {}",
    "maximum": "must not be more than {}",
    "minLength": "must not be shorter than {}",
    "minItems": "must not be shorter than {}",
    "maxLength": "must not be longer than {}",
    "maxItems": "must not be longer than {}",
}


class Finding(NamedTuple):
    """One problem, and the keys that would mend it where nothing but a missing key is at fault."""

    problem: Problem
    absent: tuple[str, ...] = ()


def explain(type: ConnectorType, whole: dict[str, Any]) -> list[Finding]:
    """Return what the type's schema finds wrong with a merged configuration, one finding per key and rule.

    Of what a missing key is not to blame for, about a hundred are found at most.
    """
    found: dict[tuple[str, str], Finding] = {}
    wrong = 0
    # the validator makes every error before it gives the first
    short = {key: value[:_MAX_ENTRIES] if isinstance(value, list) else value for key, value in whole.items()}
    for error in type.checker.iter_errors([short]):
        finding = _find(type.schema, error)
        found.setdefault((finding.problem.pointer, finding.problem.keyword), finding)
        wrong += not finding.absent
        if wrong > MAX_PROBLEMS:
            break
    return list(found.values())


def _find(schema: dict[str, Any], error: jsonschema_rs.ValidationError) -> Finding:
    rule, place = error.schema_path[1:], error.instance_path[1:]
    keyword = str(rule[-1])
    condition = "".join(_describe_conditions(schema, rule))
    if keyword in {"required", "dependentRequired"}:
        return _find_missing(_kind(error).property, keyword, condition)
    if keyword in {"anyOf", "oneOf"}:
        return _find_alternatives(keyword, _kind(error).context, condition)
    limit, key = _look_up(schema, rule)
    subject = place[0] if place else "The configuration"
    pointer = "".join(f"/{step}" for step in ("configuration", *place))
    message = f"{subject} {_say(keyword, limit, key)}{condition}."
    return Finding(Problem(_CODES[keyword], message, pointer, keyword))


def _find_missing(key: str, keyword: str, condition: str) -> Finding:
    problem = Problem("required", f"{key} is required{condition}.", f"/configuration/{key}", keyword)
    return Finding(problem, (key,))


def _find_alternatives(keyword: str, context: Sequence[Sequence[Any]], condition: str) -> Finding:
    """Explain that no alternative holds; where one lacks nothing but keys, those are what is missing."""
    lacking = [
        tuple(_kind(error).property for error in branch)
        for branch in context
        if branch and all(_kind(error).name == "required" for error in branch)
    ]
    if not lacking:
        number = "exactly one" if keyword == "oneOf" else "one"
        message = f"The configuration must follow {number} of the type's forms{condition}."
        return Finding(Problem("not_allowed", message, "/configuration", keyword))
    choices = " or ".join(" and ".join(keys) for keys in lacking)
    problem = Problem("required", f"{choices} is required{condition}.", "/configuration", keyword)
    return Finding(problem, lacking[0])


def _look_up(schema: dict[str, Any], rule: Sequence[Step]) -> tuple[Any, dict[str, Any]]:
    """Return the value of the rule that refused, and the schema object it stands in."""
    owner: Any = schema
    node: Any = schema
    for step in rule:
        owner, node = node, node[step]
    return node, owner


def _say(keyword: str, limit: object, key: dict[str, Any]) -> str:
    if keyword == "pattern" and isinstance(key.get("type"), list):
        return f"must be a whole number from {key['minimum']} to {key['maximum']}"
    if keyword in {"minLength", "minItems"} and limit == 1:
        return "must not be empty"
    if keyword == "type":
        return f"must be {_TYPES.get(str(limit), 'a whole number, or its digits as text')}"
    if keyword == "enum" and isinstance(limit, list):
        return f"must be one of {', '.join(map(json.dumps, limit))}"
    return _SENTENCES[keyword].format(json.dumps(limit))


def _describe_conditions(schema: dict[str, Any], rule: Sequence[Step]) -> Iterator[str]:
    """Yield ` when …` for every branch that leads to a rule, in documented constants only."""
    node: Any = schema
    for step in rule:
        if step == "properties":
            return
        if step in {"then", "else"} and "if" in node:
            yield f" {'when' if step == 'then' else 'unless'} {_describe_condition(node['if'])}"
        node = node[step]


def _describe_condition(condition: dict[str, Any]) -> str:
    said = []
    for key, test in condition.get("properties", {}).items():
        if "const" in test:
            said.append(f"{key} is {json.dumps(test['const'])}")
        elif "enum" in test:
            said.append(f"{key} is one of {', '.join(json.dumps(value) for value in test['enum'])}")
        else:
            said.append(f"{key} has the form that the type's schema describes")
    said += [
        f"{key} is given"
        for key in condition.get("required", ())
        if key not in condition.get("properties", ())
    ]
    return " and ".join(said) or "the type's schema asks for it"


def _kind(error: jsonschema_rs.ValidationError) -> Any:  # noqa: ANN401  (its classes share no declared field)
    return error.kind
