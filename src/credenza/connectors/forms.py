"""A connector type as a form, both ways: fields read off a schema, and a schema made of fields."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from credenza.connectors.types import ConnectorType
from credenza.model import CATEGORIES

Schema = dict[str, Any]
Line = Annotated[str, Meta(max_length=500)]
Values = dict[str, str | None]
Needs = tuple[tuple[str, str | None], ...]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_LONGEST_ACRONYM = 3
_MAX_WAYS = 50
_MAX_NEEDS = 5_000


class FieldType(StrEnum):
    """How a field is entered: chosen, typed, typed unseen, or as the text of a file."""

    DROPDOWN = "DROPDOWN"
    TEXT = "TEXT"
    PASSWORD = "PASSWORD"  # noqa: S105  (a word of the wire)
    FILE = "FILE"


SECRET = (FieldType.PASSWORD, FieldType.FILE)


class Option(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One choice of a dropdown: what is shown, and what is sent."""

    label: str
    value: str


class FormField(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, rename="camel"
):
    """One field of a form, or an entry of `dependsOn`, which has `fieldName`, `value` and `dependsOn` only.

    `optional` is false where the key is always required. A field that has `dependsOn` is needed where any
    one of its entries holds; an entry holds where the field it names has that value (without a value: is
    given at all) and, if the entry has a `dependsOn` of its own, one of those holds too. So several entries
    are alternatives, and what must hold together is nested. All values are texts.
    """

    field_name: str
    field_type: FieldType | UnsetType = UNSET
    label: Line = ""
    description: Line = ""
    value: str | UnsetType = UNSET
    default_value: str | UnsetType = UNSET
    optional: bool | UnsetType = UNSET
    value_options: tuple[Option, ...] = ()
    depends_on: tuple[FormField, ...] = ()


class IntegrationDef(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A connector type as clients of the bulk save know it; `nameLabel` is its title."""

    name: str
    name_label: Line = ""
    type: str = ""
    category: str = ""
    category_label: str = ""
    description: Line = ""
    enabled: bool = True
    icon_name: str = ""
    tags: tuple[str, ...] = ()
    configuration: tuple[FormField, ...] = ()
    apis: tuple[dict[str, Any], ...] = ()


def show_form(type: ConnectorType) -> IntegrationDef:
    """Return the form of a type: its keys in order, one field each.

    Of several alternatives (`anyOf`, `oneOf`) a form asks for the first. A condition that is no value (a
    pattern, a bound, a negation), or has more than 50 combinations of values, cannot be told by a form:
    what it requires is shown as optional.
    """
    needs = _collect_needs(type)
    return IntegrationDef(
        name=type.name,
        name_label=type.title,
        type=type.name,
        category=type.category,
        category_label=_label(type.category),
        description=type.description,
        icon_name=type.name,
        configuration=tuple(_show_field(key, rules, needs[key]) for key, rules in _keys(type).items()),
    )


def write_id(name: str) -> str:
    """Return the `$id` of a type that brings none of its own."""
    return f"https://credenza.dev/schemas/{name}.json"


def _keys(type: ConnectorType) -> dict[str, Schema]:
    keys: dict[str, Schema] = type.schema["properties"]
    return keys


def _label(category: str) -> str:
    words = category.split("_")
    return " ".join(word if len(word) <= _LONGEST_ACRONYM else word.capitalize() for word in words)


def _show_field(key: str, rules: Schema, needs: list[Needs]) -> FormField:
    always = () in needs
    options = _list_options(rules)
    return FormField(
        field_name=key,
        field_type=_choose_type(rules, options),
        label=rules["title"],
        description=rules["description"],
        default_value=_write(rules["default"]) if _has_default(rules) else UNSET,
        optional=not always,
        value_options=tuple(Option(text, text) for text in options),
        depends_on=() if always else tuple(entry for each in needs for entry in _nest(each)),
    )


def _choose_type(rules: Schema, options: list[str]) -> FieldType:
    if "writeOnly" in rules:
        return FieldType.FILE if "contentMediaType" in rules else FieldType.PASSWORD
    return FieldType.DROPDOWN if options else FieldType.TEXT


def _list_options(rules: Schema) -> list[str]:
    choices = rules.get("examples", ()) if "x-choices" in rules else rules.get("enum", ())
    return [_write(choice) for choice in ((True, False) if rules["type"] == "boolean" else choices)]


def _has_default(rules: Schema) -> bool:
    return "default" in rules and rules["type"] != "array"


def _write(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _collect_needs(type: ConnectorType) -> dict[str, list[Needs]]:
    """Return under which values of other keys each key is required, in form order; `()`: always."""
    keys = _keys(type)
    places = {key: place for place, key in enumerate(keys)}
    options = {key: _list_options(rules) for key, rules in keys.items()}

    def rank(needs: Needs) -> list[tuple[int, int, str]]:
        return [
            (places[key], options[key].index(text) if text in options[key] else -1, text or "")
            for key, text in needs
        ]

    found: dict[str, dict[Needs, None]] = {key: {} for key in keys}
    for key, values in itertools.islice(_find_needs(type.schema, {}), _MAX_NEEDS):
        if key not in values:
            found[key][tuple((name, values[name]) for name in sorted(values, key=places.__getitem__))] = None
    return {key: sorted(each, key=rank) for key, each in found.items()}


def _find_needs(part: Schema, values: Values, ways: int = 1) -> Iterator[tuple[str, Values]]:
    """Yield every key that a part of a schema requires, with the values it requires it under.

    `ways` counts the combinations that the conditions around the part have already been taken apart into.
    """
    for key in part.get("required", ()):
        yield key, values
    for key, others in part.get("dependentRequired", {}).items():
        for joined in _join(values, {key: None}):
            yield from ((other, joined) for other in others)
    for branch in part.get("allOf", ()):
        yield from _find_needs(branch, values, ways)
    for keyword in ("anyOf", "oneOf"):
        if keyword in part:
            yield from _find_needs(part[keyword][0], values, ways)
    if "if" in part:
        tests = _read_condition(part["if"])
        ways *= math.prod(map(len, tests.values()))
        for chosen in itertools.product(*tests.values()) if tests and ways <= _MAX_WAYS else ():
            for joined in _join(values, dict(zip(tests, chosen, strict=True))):
                yield from _find_needs(part["then"], joined, ways)


def _read_condition(condition: Schema) -> dict[str, list[str | None]]:
    """Return the values a condition asks of each key; nothing, where it looks at more than values."""
    tests: Mapping[str, Schema] = condition.get("properties", {})
    plain = all(rules.keys() in ({"const"}, {"enum"}) for rules in tests.values())
    if "required" not in condition or not plain or not condition.keys() <= {"required", "properties"}:
        return {}
    return {key: _read_test(tests[key]) if key in tests else [None] for key in condition["required"]}


def _read_test(rules: Schema) -> list[str | None]:
    return [_write(value) for value in rules.get("enum", [rules.get("const")])]


def _join(one: Values, other: Values) -> Iterator[Values]:
    """Yield both together, unless they ask one key for two values."""
    joined = {**one, **{key: text for key, text in other.items() if text is not None or key not in one}}
    if all(one[key] in {None, joined[key]} for key in one):
        yield joined


def _nest(needs: Needs) -> tuple[FormField, ...]:
    """Return one alternative, the last key outermost: the keys before it decide whether it is asked for."""
    entries: tuple[FormField, ...] = ()
    for key, text in needs:
        entries = (FormField(field_name=key, value=UNSET if text is None else text, depends_on=entries),)
    return entries


def make_schema(form: IntegrationDef) -> Schema:
    """Return the schema that a form describes, not yet held to the rules for schemas.

    Every field that is not secret is marked as a destination, and every file as a trust store.
    """
    title = form.name_label or form.name
    fields = form.configuration
    schema: Schema = {
        "$schema": DIALECT,
        "$id": write_id(form.name),
        "title": title,
        "description": form.description or title,
        "type": "object",
        "x-category": form.category or CATEGORIES[0],
        "x-destination-version": 1,
        "properties": {field.field_name: _make_key(field) for field in fields},
        "required": [field.field_name for field in fields if _is_required(field)],
        "additionalProperties": False,
        "allOf": [_make_condition(needs, keys) for needs, keys in _gather_needs(fields).items()],
    }
    return {keyword: value for keyword, value in schema.items() if value not in ([], None)}


def _is_required(field: FormField) -> bool:
    return field.optional is not True and not field.depends_on


def _make_key(field: FormField) -> Schema:
    label = field.label or field.field_name
    key: Schema = {"type": "string", "title": label, "description": field.description or label}
    if field.field_type in SECRET:
        key |= {"writeOnly": True, "format": "password"}
        if field.field_type is FieldType.FILE:
            key |= {"contentMediaType": "application/octet-stream", "x-trust": True}
        return key
    if field.default_value is not UNSET:
        key["default"] = field.default_value
    if field.field_type is FieldType.DROPDOWN:
        return key | {"enum": [option.value for option in field.value_options], "x-destination": "text"}
    if _is_required(field):
        key["minLength"] = 1
    return key | {"x-destination": "text", "x-credentials": True}


def _gather_needs(fields: Sequence[FormField]) -> dict[Needs, list[str]]:
    """Return which keys are required together, by the values they are required under."""
    places = {field.field_name: place for place, field in enumerate(fields)}
    found: dict[Needs, list[str]] = {}
    for field in fields:
        for values in _read_entries(field):
            needs = tuple((key, values[key]) for key in sorted(values, key=places.__getitem__))
            keys = found.setdefault(needs, [])
            if field.field_name not in keys:
                keys.append(field.field_name)
    return found


def _read_entries(field: FormField) -> Iterator[dict[str, str | None]]:
    for entry in field.depends_on:
        own = {entry.field_name: None if entry.value is UNSET else entry.value}
        if not entry.depends_on:
            yield own
        for values in _read_entries(entry):
            yield from _join(values, own)


def _make_condition(needs: Needs, keys: Sequence[str]) -> Schema:
    tests = {key: {"const": value} for key, value in needs if value is not None}
    condition: Schema = {"properties": tests} if tests else {}
    return {"if": {**condition, "required": [key for key, _ in needs]}, "then": {"required": [*keys]}}
