"""The variables of a package: a JSON Schema of a safe kind, and what an installer fills in.

A variable with `"format": "password"` is a secret. Nothing is fetched for a schema, its patterns are matched
in linear time, and its definitions do not go in circles.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any, NamedTuple

import jsonschema_rs
import msgspec

from credenza.connectors.catalogue import Rules
from credenza.connectors.registration import list_problems
from credenza.connectors.values import find_fault, find_secret_fault
from credenza.errors import Problem
from credenza.plans.packages.references import is_name
from credenza.pointers import escape

MAX_SCHEMA, MAX_VARIABLES, MAX_PATTERNS = 64 * 1024, 200, 50
MAX_DEPTH = 16
MAX_PARTS = 5_000  # of a schema with everything that it refers to in its place
PASSWORD = "password"  # noqa: S105  # a format
_Part = tuple[str, Mapping[str, Any]]
_SMALL = jsonschema_rs.RegexOptions(size_limit=1 << 16)
_HERE = "/variablesSchema"
_ROOT = frozenset(
    {"$schema", "$defs", "type", "title", "description", "properties", "required", "additionalProperties"}
)
_REFUSED = frozenset(
    {"$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$vocabulary", "$recursiveAnchor"}
    | {"unevaluatedProperties", "unevaluatedItems", "contentSchema"}
)
_NAMED = frozenset({"properties", "patternProperties", "$defs", "dependentSchemas", "dependentRequired"})
_SECRET = frozenset({"type", "format", "title", "description", "minLength", "maxLength", "pattern"})
_TOLD = frozenset({"default", "examples", "const", "enum"})  # what would tell a secret


class Variables(NamedTuple):
    """What a schema says: the secret variables, the others with their defaults, and what checks values."""

    schema: Mapping[str, Any]
    names: tuple[str, ...] = ()
    secrets: frozenset[str] = frozenset()
    defaults: Mapping[str, Any] = {}

    @property
    def required(self) -> frozenset[str]:
        """Return the variables that must be given, or have a default."""
        return frozenset(self.schema.get("required", ())) - self.defaults.keys()

    def sample(self, name: str) -> Any:  # noqa: ANN401  # any JSON
        """Return a value that a variable may well have: to check a manifest with, never to install."""
        rules = self.schema["properties"][name]
        if name in self.defaults:
            return self.defaults[name]
        for word in ("const", "enum", "examples"):
            if rules.get(word):
                return rules[word] if word == "const" else rules[word][0]
        kind = rules.get("type", "string")
        kind = kind[0] if isinstance(kind, list) and kind else kind
        samples = {"integer": 1, "number": 1, "boolean": True, "array": [], "object": {}}
        return samples.get(kind, "x") if isinstance(kind, str) else "x"


def read_variables(schema: Mapping[str, Any] | None) -> tuple[Variables, list[Problem]]:
    """Return what a schema says, and what is wrong with it, by JSON Pointer."""
    if not schema:
        return Variables({}), []
    problems = [*_check_whole(schema)] or [*_check_schema(schema)]
    if problems:
        return Variables({}), problems
    properties: dict[str, Any] = schema.get("properties", {})
    secrets = frozenset(name for name, rules in properties.items() if rules.get("format") == PASSWORD)
    defaults = {name: rules["default"] for name, rules in properties.items() if "default" in rules}
    found = Variables(schema, tuple(properties), secrets, defaults)
    # An installer who gives nothing must not be refused for what the author wrote.
    return found, [
        msgspec.structs.replace(problem, pointer=f"{_HERE}/properties{problem.pointer}/default")
        for problem in _check_values(found, defaults)
        if problem.keyword != "required"
    ]


def check_values(
    variables: Variables, given: Mapping[str, Any], known: Collection[str] = ()
) -> tuple[dict[str, Any], list[Problem]]:
    """Return what was given with the defaults of the rest, and what is wrong with it, under `/variables`.

    Secret variables that are `known` from before need not be given again.
    """
    filled = {**variables.defaults, **given}
    extra = [position for position, name in enumerate(given, 1) if name not in variables.names]
    problems = [
        Problem(
            "unknown_variable",
            f"Variable {position} of those given is none of this package's.",
            "/variables",
            "additionalProperties",
        )
        for position in extra
    ]
    taken = {name: value for name, value in filled.items() if name in variables.names}
    standing = [name for name in known if name in variables.secrets and name not in taken]
    problems += [
        msgspec.structs.replace(problem, pointer=f"/variables{problem.pointer}")
        for problem in _check_values(variables, taken, standing)
    ]
    return taken, problems


def _check_values(
    variables: Variables, values: Mapping[str, Any], standing: Collection[str] = ()
) -> Iterator[Problem]:
    for name, value in values.items():
        if name in variables.secrets and isinstance(value, str):
            fault = find_secret_fault(value)
        else:
            fault = find_fault(value, depth=3)
        if fault is not None:
            yield Problem(fault, f"{name} cannot be taken as it is ({fault}).", f"/{name}", fault)
            return
    if not variables.schema:
        return
    required = [name for name in variables.schema.get("required", ()) if name not in standing]
    closed = {**variables.schema, "type": "object", "required": required, "additionalProperties": False}
    yield from list_problems(Rules.compile(closed), dict(values), values)


def _check_whole(schema: Mapping[str, Any]) -> Iterator[Problem]:
    fault = find_fault(dict(schema), depth=32 - MAX_DEPTH)
    if fault is not None:
        yield Problem(fault, f"The schema of variables cannot be taken as it is ({fault}).", _HERE, fault)
    elif len(msgspec.json.encode(schema)) > MAX_SCHEMA:
        message = f"The schema of variables has at most {MAX_SCHEMA // 1024} KiB."
        yield Problem("too_long", message, _HERE, "maxLength")


def _check_schema(schema: Mapping[str, Any]) -> Iterator[Problem]:
    if not schema.keys() <= _ROOT or schema.get("type", "object") != "object":
        message = f"This is the schema of an object, and says no more than: {', '.join(sorted(_ROOT))}."
        yield _refuse("", message, "additionalProperties")
        return
    if schema.get("additionalProperties", False) is not False:
        message = "Variables that are not declared cannot be used: leave this out, or let it be false."
        yield _refuse("/additionalProperties", message, "const")
    properties = schema.get("properties", {})
    if not isinstance(properties, dict) or not isinstance(schema.get("$defs", {}), dict):
        yield _refuse("/properties", "This must be an object of variables by name.", "type")
        return
    if len(properties) > MAX_VARIABLES:
        yield _refuse("/properties", f"A package has at most {MAX_VARIABLES} variables.", "maxProperties")
        return
    faults = [*_check_names(properties), *_check_parts(schema), *_check_definitions(schema)]
    yield from faults or [*_check_form(schema)]


def _check_names(properties: Mapping[str, Any]) -> Iterator[Problem]:
    for position, (name, rules) in enumerate(properties.items(), 1):
        if not is_name(name):
            message = f"Variable {position} has a name that is not letters, digits and `_`, 64 at most."
            yield _refuse("/properties", message, "pattern")
        elif not isinstance(rules, dict):
            yield _refuse(f"/properties/{name}", "This must be a schema.", "type")
        elif rules.get("format") == PASSWORD:
            if rules.get("type") != "string":
                yield _refuse(f"/properties/{name}/type", "A secret variable is of type string.", "const")
            for word in sorted(rules.keys() - _SECRET):
                message = f"A secret variable says nothing but: {', '.join(sorted(_SECRET))}."
                code = "secret_in_package" if word in _TOLD else "invalid_schema"
                yield _refuse(f"/properties/{name}/{word}", message, word, code)


def _check_parts(schema: Mapping[str, Any]) -> Iterator[Problem]:
    patterns, variables = 0, {f"/properties/{name}" for name in schema.get("properties", {})}
    for pointer, part in _list_schemas(schema):
        for word in sorted(part.keys() & _REFUSED):
            yield _refuse(f"{pointer}/{word}", "This keyword is not taken here.", word, "unsafe_schema")
        target = part.get("$ref")
        if target is not None and _target(target) not in schema.get("$defs", {}):
            message = "A schema refers to its own `#/$defs/…` only; nothing is fetched."
            yield _refuse(f"{pointer}/$ref", message, "$ref", "unsafe_schema")
        if part.get("format") == PASSWORD and pointer not in variables:
            message = "A secret is a variable of its own, not a part of one."
            yield _refuse(f"{pointer}/format", message, "format")
        for word in ("pattern", "patternProperties"):
            for each in _list_patterns(part, word):
                patterns += 1
                if patterns > MAX_PATTERNS or not _is_linear(each):
                    message = f"At most {MAX_PATTERNS} patterns, each small and matched in linear time."
                    yield _refuse(f"{pointer}/{word}", message, word, "unsafe_pattern")
                    return


def _list_patterns(part: Mapping[str, Any], word: str) -> list[object]:
    found = part.get(word)
    return [] if found is None else [*found] if isinstance(found, dict) else [found]


def _is_linear(pattern: object) -> bool:
    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=_SMALL)
    except (jsonschema_rs.ValidationError, ValueError):
        return False
    return isinstance(pattern, str)


def _check_definitions(schema: Mapping[str, Any]) -> Iterator[Problem]:
    """Refuse definitions that go in circles, or are large with all that they refer to in its place."""
    definitions = schema.get("$defs", {})
    graph = {name: _list_targets(rules) for name, rules in definitions.items()}
    sizes: dict[str, int] = {}
    try:
        for name in TopologicalSorter(graph).static_order():
            sizes[name] = _measure(definitions[name], sizes)
    except CycleError:
        message = "Definitions that refer to one another in a circle are not taken."
        yield _refuse("/$defs", message, "$ref", "unsafe_schema")
        return
    if max([_measure({**schema, "$defs": {}}, sizes), *sizes.values()]) > MAX_PARTS:
        message = f"A schema has at most {MAX_PARTS:,} parts, all that it refers to counted where it does."
        yield _refuse("", message, "$ref", "unsafe_schema")


def _list_targets(rules: object) -> list[str]:
    found = (_target(part.get("$ref")) for _, part in _list_schemas(rules))
    return [name for name in found if name is not None]


def _measure(rules: object, sizes: Mapping[str, int]) -> int:
    """Return how many parts a schema has with what it refers to, each once more for every level around it."""
    parts = [part for _, part in _list_schemas(rules)]
    return len(parts) + sum(sizes.get(name, 0) for name in _list_targets(rules))


def _check_form(schema: Mapping[str, Any]) -> Iterator[Problem]:
    try:
        jsonschema_rs.meta.validate(dict(schema))
        Rules.compile({**schema})
    except (jsonschema_rs.ValidationError, ValueError):
        yield _refuse("", "This is not a JSON Schema of draft 2020-12.", "$schema")


def _list_schemas(value: object, pointer: str = "", *, named: bool = False) -> Iterator[_Part]:
    """Return every object that may be a schema, wherever it stands, with its pointer.

    The members of an object of schemas are `named`: whatever they are called, they are schemas themselves.
    """
    if isinstance(value, Mapping):
        if not named:
            yield pointer, value
        for key, inner in value.items():
            if named or key not in _TOLD:
                place = f"{pointer}/{escape(key)}"
                yield from _list_schemas(inner, place, named=not named and key in _NAMED)
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from _list_schemas(inner, f"{pointer}/{position}")


def _target(reference: object) -> str | None:
    head, _, name = reference.rpartition("/") if isinstance(reference, str) else ("", "", "")
    return name if head == "#/$defs" else None


def _refuse(pointer: str, message: str, keyword: str, code: str = "invalid_schema") -> Problem:
    return Problem(code, message, f"{_HERE}{pointer}", keyword)
