"""Connector types that arrive in a request, as a form or as a JSON Schema: held to the rules for files.

schema = read_form(definition, taken=catalogue)          # or read_schema(name, schema, taken=catalogue)
acme = compile_type(schema)
catalogue.extended({acme.name: acme})
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

import jsonschema_rs
import msgspec
from msgspec import UNSET

from credenza.connectors.catalogue import TYPE_NAME_RULE, Rules, is_type_name, read_rules
from credenza.connectors.forms import (
    DIALECT,
    SECRET,
    FieldType,
    FormField,
    IntegrationDef,
    make_schema,
    write_id,
)
from credenza.connectors.grammar import find_conditions, list_faults
from credenza.connectors.merging import Guesses
from credenza.connectors.types import ConnectorType
from credenza.connectors.values import MAX_PROBLEMS, find_fault
from credenza.errors import Invalid, Problem
from credenza.model import CATEGORIES

Schema = dict[str, Any]

MAX_SCHEMA_BYTES = 65_536
_MAX_PATTERNS = 50
_SMALL = jsonschema_rs.RegexOptions(size_limit=1 << 14)
_is_key = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}").fullmatch

_MORE = Problem("too_many_problems", f"There are more than {MAX_PROBLEMS} problems; the others are left out.")
_FAULTS = {
    "too_deep": "is nested too deeply",
    "nul_character": "holds a NUL character",
    "not_unicode": "holds half of a surrogate pair, which is no Unicode text",
    "number_out_of_range": "holds a number that JSON readers do not agree on",
}
_FORM = Rules.compile(msgspec.json.schema(IntegrationDef))
_RULES = {
    "required": ("required", "lacks {}"),
    "type": ("wrong_type", "must be of type {}"),
    "enum": ("not_allowed", "must be one of {}"),
    "const": ("not_allowed", "must be {}"),
    "pattern": ("bad_format", "does not have the form that is asked for"),
    "propertyNames": ("bad_format", "has a name that is not letters, digits, `_`, `.` and `-`, 64 at most"),
    "falseSchema": ("not_allowed", "may not stand together with what stands beside it"),
    "uniqueItems": ("duplicate", "names something twice"),
    "minLength": ("too_short", "must not be shorter than {}"),
    "minItems": ("too_short", "must not be shorter than {}"),
    "minProperties": ("too_short", "must not have fewer members than {}"),
    "maxLength": ("too_long", "must not be longer than {}"),
    "maxItems": ("too_long", "must not be longer than {}"),
    "maxProperties": ("too_long", "must not have more members than {}"),
    "minimum": ("out_of_range", "must not be less than {}"),
    "maximum": ("out_of_range", "must not be more than {}"),
}


def read_form(definition: Mapping[str, Any], *, taken: Container[str] = ()) -> Schema:
    """Return the schema of a type that is defined by form fields, as `show_form` writes them.

    A form cannot tell which fields say where secrets go. So every field that is not secret counts as one
    that does, and every file as a trust store: whichever is changed, kept secrets are asked for again.

    Raises:
        Invalid: with every problem found, by JSON Pointer into the definition; `type_taken` for a name
            in `taken`.
    """
    _refuse(_check_whole(definition))
    sent = _drop_nulls(dict(definition))
    _refuse(list_problems(_FORM, sent, definition))
    form = msgspec.convert(sent, IntegrationDef)
    problems = [*_check_name(form.name, "/name", taken), *_check_form(form)]
    _refuse(problems)
    schema = make_schema(form)
    _refuse([*_check_whole(schema), *_place(_accept(form.name, schema), form)])
    return schema


def read_schema(name: str, schema: Mapping[str, Any], *, taken: Container[str] = ()) -> Schema:
    """Return the schema of a type that is defined by one, complete: `$schema` and `$id` may be left out.

    Raises:
        Invalid: with every problem found, by JSON Pointer into the schema; `type_taken` for a name in
            `taken`.
    """
    _refuse(_check_whole(schema))
    problems = [*_check_name(name, "/name", taken)]
    known = name if is_type_name(name) else "unnamed"
    whole = {"$schema": DIALECT, "$id": write_id(known), **schema}
    _refuse([*problems, *_accept(known if "$id" not in schema else name, whole)])
    return whole


def compile_type(schema: Schema) -> ConnectorType:
    """Make a type of a schema that was accepted; its name is the last step of its `$id`."""
    name = schema["$id"].rpartition("/")[2].removesuffix(".json")
    return ConnectorType.compile(name, schema, msgspec.json.encode(schema))


def _refuse(found: Iterable[Problem]) -> None:
    problems = [*found]
    if not problems:
        return
    if len(problems) > MAX_PROBLEMS:
        problems[MAX_PROBLEMS:] = [_MORE]
    codes = {problem.code for problem in problems}
    raise Invalid(
        "This connector type cannot be registered, for the reasons listed.",
        code=codes.pop() if len(codes) == 1 else "",
        problems=problems,
    )


def _check_whole(sent: Mapping[str, Any]) -> Iterator[Problem]:
    """Check what the rules for types take for granted: few levels, well-formed text, a bounded size."""
    fault = find_fault(dict(sent), depth=1)
    if fault:
        yield Problem(fault, f"The connector type {_FAULTS[fault]}.", "", fault)
    elif len(msgspec.json.encode(sent)) > MAX_SCHEMA_BYTES:
        yield Problem("too_long", "The connector type is larger than 64 KiB.", "", "maxLength")


def _check_name(name: str, pointer: str, taken: Container[str]) -> Iterator[Problem]:
    if not is_type_name(name):
        yield Problem("invalid_name", f"The name of a type {TYPE_NAME_RULE}.", pointer, "pattern")
    elif name in taken:
        yield Problem("type_taken", "There is a connector type of this name already.", pointer, "uniqueItems")


def _accept(name: str, schema: Schema) -> list[Problem]:
    """Hold a schema to the rules for files, and its patterns to a size and number besides."""
    rules = read_rules()
    problems = list_problems(rules, schema, schema) or [*_check_patterns(schema)]
    if problems:
        return problems
    faults = (fault.partition(": ") for fault in list_faults(name, schema, rules.checker))
    return [Problem("schema_rejected", f"This {sentence}.", pointer) for pointer, _, sentence in faults]


def _check_patterns(schema: Schema) -> Iterator[Problem]:
    patterns = [*_find_patterns(schema)]
    if len(patterns) > _MAX_PATTERNS:
        yield Problem("too_long", f"A type has at most {_MAX_PATTERNS} patterns.", "", "pattern")
        return
    for pointer, pattern in patterns:
        try:
            jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=_SMALL)
        except (jsonschema_rs.ValidationError, ValueError):
            sentence = "This is not a small regular expression that can be matched in linear time."
            yield Problem("schema_rejected", sentence, pointer, "pattern")


def _find_patterns(schema: Schema) -> Iterator[tuple[str, str]]:
    for pointer, part in find_conditions(schema):
        for key, rules in part.get("properties", {}).items():
            for place, owner in (("", rules), ("/items", rules.get("items", {}))):
                if "pattern" in owner:
                    yield f"{pointer}/properties/{key}{place}/pattern", owner["pattern"]


def _place(problems: Sequence[Problem], form: IntegrationDef) -> list[Problem]:
    """Turn pointers into a schema into pointers into the form that it was made of."""
    places = {field.field_name: place for place, field in enumerate(form.configuration)}
    placed = []
    for problem in problems:
        where = problem.pointer.removeprefix("/properties/").partition("/")[0]
        known = problem.pointer.startswith("/properties/") and where in places
        pointer = f"/configuration/{places[where]}" if known else "/configuration"
        placed.append(msgspec.structs.replace(problem, pointer=pointer))
    return placed


def _drop_nulls(value: Any) -> Any:  # noqa: ANN401  (any JSON)
    """Take members that are null for absent: clients that know all members send them so."""
    if isinstance(value, dict):
        return {name: _drop_nulls(member) for name, member in value.items() if member is not None}
    return [_drop_nulls(entry) for entry in value] if isinstance(value, list) else value


def _check_form(form: IntegrationDef) -> Iterator[Problem]:
    if form.type and form.name != form.type:
        yield Problem("not_allowed", "type must be the same as name.", "/type", "const")
    if form.category and form.category not in CATEGORIES:
        message = f"category must be one of {', '.join(CATEGORIES)}."
        yield Problem("unknown_category", message, "/category", "enum")
    fields: dict[str, FormField] = {}
    for place, field in enumerate(form.configuration):
        pointer = f"/configuration/{place}"
        if field.field_name in fields:
            yield Problem("duplicate", "This field stands twice.", f"{pointer}/fieldName", "uniqueItems")
        fields.setdefault(field.field_name, field)
        for code, member, sentence in _check_field(field):
            yield Problem(code, f"{member} {sentence}.", f"{pointer}/{member}", "fieldType")
    for place, field in enumerate(form.configuration):
        yield from _check_entries(field, fields, field.field_name, f"/configuration/{place}")


def _check_field(field: FormField) -> Iterator[tuple[str, str, str]]:
    if _is_key(field.field_name) is None:
        yield "bad_format", "fieldName", "is letters, digits, `_`, `.` and `-`, a letter first, 64 at most"
    if field.field_type is UNSET:
        yield "required", "fieldType", "is missing"
    if field.value:
        yield "not_allowed", "value", "belongs into a configuration, not into a type"
    if field.field_type in SECRET and field.default_value is not UNSET:
        yield "not_allowed", "defaultValue", "may not stand beside a secret"
    if field.field_type is FieldType.DROPDOWN and not field.value_options:
        yield "required", "valueOptions", "is missing"
    if field.field_type is not FieldType.DROPDOWN and field.value_options:
        yield "not_allowed", "valueOptions", "belongs to a DROPDOWN"


def _check_entries(
    field: FormField, fields: Mapping[str, FormField], own: str, owner: str
) -> Iterator[Problem]:
    for place, entry in enumerate(field.depends_on):
        pointer = f"{owner}/dependsOn/{place}"
        target = fields.get(entry.field_name)
        if target is None or entry.field_name == own:
            sentence = "fieldName must name another field of this form."
            yield Problem("not_allowed", sentence, f"{pointer}/fieldName", "dependsOn")
        elif entry.value is not UNSET and all(entry.value != each.value for each in target.value_options):
            sentence = "value must be one of the values of a DROPDOWN."
            yield Problem("not_allowed", sentence, f"{pointer}/value", "dependsOn")
        yield from _check_entries(entry, fields, own, pointer)


def list_problems(rules: Rules, sent: Schema, original: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with what was sent by place and rule, about a hundred at most, and no value.

    `original` is the same with whatever was left out of it before: positions are counted there.
    """
    found = (
        problem
        for error in rules.checker.iter_errors(sent)
        if all(map(_may_show, error.instance_path))
        for problem in _tell(rules, error, original)
    )
    return [*itertools.islice(found, MAX_PROBLEMS + 1)]


def _may_show(step: str | int) -> bool:
    """Say whether a step of a path may be repeated; what has no fit name is refused for the name alone."""
    return isinstance(step, int) or _is_key(step.removeprefix("$")) is not None


def _tell(
    rules: Rules, error: jsonschema_rs.ValidationError, original: Mapping[str, Any]
) -> Iterator[Problem]:
    kind: Any = error.kind
    keyword = str(kind.name)
    pointer = "".join(f"/{step}" for step in error.instance_path)
    if keyword == "additionalProperties":
        declared = _look_up(rules.document, error.schema_path[:-1]).get("properties", {})
        members = _look_up(original, error.instance_path)
        for message in _tell_unknown([*members], {*kind.unexpected}, Guesses([*declared])):
            yield Problem("unknown_key", message, pointer, keyword)
        return
    code, sentence = _RULES.get(keyword, ("schema_rejected", "breaks a rule for connector types"))
    limit = kind.property if keyword == "required" else ""
    if "{}" in sentence and not limit:
        limit = json.dumps(_look_up(rules.document, error.schema_path))
    yield Problem(code, f"This {sentence.format(limit)}.", pointer, keyword)


def _tell_unknown(members: Sequence[str], unknown: Container[str], guesses: Guesses) -> Iterator[str]:
    """Name undeclared members by position, and by the declared name that each comes nearest to."""
    for position, name in enumerate(members, start=1):
        if name in unknown:
            near = guesses.find(name)
            yield f"Member {position} of this may not stand here{f'; did you mean {near}?' if near else '.'}"


def _look_up(document: Any, path: Sequence[str | int]) -> Any:  # noqa: ANN401  (any JSON)
    for step in path:
        document = document[step]
    return document
