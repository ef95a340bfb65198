"""The component schemas of filters and orders, made from the table of what may be asked for."""

from __future__ import annotations

from credenza.model import questions as q
from credenza.web.openapi.configurations import TEXT, Schema, refer
from credenza.web.packages import queries

_NAMES = {q.TEXT: "TextComparison", q.TIME: "TimeComparison", q.FLAG: "FlagComparison"}
_VALUES: dict[str, Schema] = {
    q.TEXT: {"type": "string", "maxLength": queries.MAX_VALUE, **TEXT},
    q.TIME: {"type": "string", "format": "date-time"},
    q.FLAG: {"type": "boolean"},
}
_ABOUT = {
    q.TEXT: "A text compared; all comparisons must hold. `contains` and `startsWith` look at no case.",
    q.TIME: "A time compared; all comparisons must hold.",
    q.FLAG: "Yes or no, compared.",
}
_SORTED = (q.PACKAGE, q.INSTALL)


def describe_filters() -> dict[str, Schema]:
    """Return the schemas of filters, and of the comparisons in them."""
    found = {_NAMES[sort]: _describe_comparison(sort) for sort in _NAMES}
    for kind in q.ENTITIES.values():
        limited = {name: rules for name, rules in kind.fields.items() if rules.among}
        found |= {_choose(name, rules): _describe_choice(name, rules) for name, rules in limited.items()}
    return found | {_name(entity): _describe_filter(entity) for entity in q.ENTITIES}


def describe_orders() -> dict[str, Schema]:
    """Return the schemas of orders."""
    directions = [f"{way}{nulls}" for way in ("asc", "desc") for nulls in ("", "_nulls_first", "_nulls_last")]
    found: dict[str, Schema] = {
        "Direction": {"title": "Direction", "description": "Which way to sort.", "enum": directions}
    }
    for entity in _SORTED:
        name = f"{entity.capitalize()}OrderBy"
        key = {
            "type": "object",
            "properties": {field: refer("Direction") for field in q.ENTITIES[entity].fields},
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": False,
        }
        found[name] = {
            "title": name,
            "description": "Keys to sort by, each with its direction.",
            "type": "array",
            "items": key,
            "minItems": 1,
            "maxItems": queries.MAX_KEYS,
        }
    return found


def _name(entity: str) -> str:
    return f"{entity.capitalize()}Filter"


def _describe_comparison(sort: str) -> Schema:
    value = _VALUES[sort]
    several = {"type": "array", "items": value, "maxItems": queries.MAX_VALUES}
    special = {q.ONE_OF: several, q.NONE_OF: several, q.MISSING: {"type": "boolean"}}
    return {
        "title": _NAMES[sort],
        "description": _ABOUT[sort],
        "type": "object",
        "properties": {word: special.get(word, value) for word in queries.OPERATORS[sort]},
        "additionalProperties": False,
    }


def _choose(field: str, rules: q.Field) -> str:
    """Return the name of what a field is compared by."""
    return f"{field[0].upper()}{field[1:]}Comparison" if rules.among else _NAMES[rules.sort]


def _describe_choice(field: str, rules: q.Field) -> Schema:
    """Return the schema of comparisons of a field that has some values only."""
    value: Schema = {"enum": [*rules.among]}
    several: Schema = {"type": "array", "items": value, "maxItems": queries.MAX_VALUES}
    plain = _describe_comparison(rules.sort)
    equal = {q.EQUAL: value, q.UNEQUAL: value, q.ONE_OF: several, q.NONE_OF: several}
    return {**plain, "title": _choose(field, rules), "properties": {**plain["properties"], **equal}}


def _describe_filter(entity: str) -> Schema:
    kind, own = q.ENTITIES[entity], refer(_name(entity))
    several = {"type": "array", "items": own, "maxItems": queries.MAX_TERMS}
    return {
        "title": _name(entity),
        "description": "All members must hold; a relation holds where one of its rows meets the filter.",
        "type": "object",
        "properties": {
            "AND": several,
            "OR": several,
            "NOT": own,
            **{field: refer(_choose(field, rules)) for field, rules in kind.fields.items()},
            **{relation: refer(_name(other)) for relation, other in kind.relations.items()},
        },
        "additionalProperties": False,
    }
