"""What a person is told: every rule a type may have, in one sentence, from the schema's side only."""

import json

import pytest

from credenza.connectors import EMPTY, Catalogue, draft_all
from credenza.errors import Problem

FRAME = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "https://example.com/acme.json",
    "title": "Acme",
    "description": "An example.",
    "type": "object",
    "x-category": "API",
    "x-destination-version": 1,
    "additionalProperties": False,
}
TEXT = {"type": "string", "title": "T", "description": "D"}
KEYS = {
    "a": TEXT,
    "b": TEXT,
    "c": TEXT,
    "short": {**TEXT, "minLength": 3, "maxLength": 5},
    "filled": {**TEXT, "minLength": 1},
    "form": {**TEXT, "pattern": "^[a-z]{1,3}$"},
    "choice": {**TEXT, "enum": ["x", "y"]},
    "whole": {**TEXT, "type": "integer", "minimum": 2, "maximum": 4},
    "number": {**TEXT, "type": "number"},
    "flag": {**TEXT, "type": "boolean"},
    "digits": {**TEXT, "type": ["integer", "string"], "minimum": 1, "maximum": 9, "pattern": "^[1-9]$"},
    "list": {
        **TEXT,
        "type": "array",
        "items": {"type": "string", "enum": ["x"]},
        "minItems": 1,
        "maxItems": 2,
    },
}
WHEN_X = {"properties": {"choice": {"const": "x"}}, "required": ["choice"]}

CASES = [
    ({"required": ["a"]}, {}, "a", "required", "required", "a is required."),
    ({}, {"a": 1}, "a", "wrong_type", "type", "a must be text."),
    ({}, {"whole": "1"}, "whole", "wrong_type", "type", "whole must be a whole number."),
    ({}, {"number": "1"}, "number", "wrong_type", "type", "number must be a number."),
    ({}, {"flag": 1}, "flag", "wrong_type", "type", "flag must be true or false."),
    ({}, {"list": "x"}, "list", "wrong_type", "type", "list must be a list of texts."),
    (
        {},
        {"digits": []},
        "digits",
        "wrong_type",
        "type",
        "digits must be a whole number, or its digits as text.",
    ),
    ({}, {"digits": "x"}, "digits", "bad_format", "pattern", "digits must be a whole number from 1 to 9."),
    (
        {},
        {"form": "UPPER"},
        "form",
        "bad_format",
        "pattern",
        "form does not have the form that the type's schema describes.",
    ),
    ({}, {"choice": "z"}, "choice", "not_allowed", "enum", 'choice must be one of "x", "y".'),
    ({}, {"whole": 1}, "whole", "out_of_range", "minimum", "whole must not be less than 2."),
    ({}, {"whole": 5}, "whole", "out_of_range", "maximum", "whole must not be more than 4."),
    ({}, {"short": "ab"}, "short", "too_short", "minLength", "short must not be shorter than 3."),
    ({}, {"short": "abcdef"}, "short", "too_long", "maxLength", "short must not be longer than 5."),
    ({}, {"filled": ""}, "filled", "too_short", "minLength", "filled must not be empty."),
    ({}, {"list": []}, "list", "too_short", "minItems", "list must not be empty."),
    ({}, {"list": ["x"] * 3}, "list", "too_long", "maxItems", "list must not be longer than 2."),
    ({}, {"list": ["x", "z"]}, "list/1", "not_allowed", "enum", 'list must be one of "x".'),
    (
        {"if": WHEN_X, "then": {"required": ["a"]}},
        {"choice": "x"},
        "a",
        "required",
        "required",
        'a is required when choice is "x".',
    ),
    (
        {"if": WHEN_X, "then": {"required": ["a"]}, "else": {"required": ["b"]}},
        {"choice": "y"},
        "b",
        "required",
        "required",
        'b is required unless choice is "x".',
    ),
    (
        {"if": WHEN_X, "then": {"properties": {"a": {"const": "q"}}}},
        {"choice": "x", "a": "z"},
        "a",
        "not_allowed",
        "const",
        'a must be "q" when choice is "x".',
    ),
    (
        {
            "allOf": [
                {
                    "if": {"required": ["b"]},
                    "then": {"if": WHEN_X, "then": {"required": ["a"]}},
                }
            ]
        },
        {"b": "1", "choice": "x"},
        "a",
        "required",
        "required",
        'a is required when b is given when choice is "x".',
    ),
    (
        {
            "if": {"properties": {"choice": {"enum": ["x", "y"]}}, "required": ["choice"]},
            "then": {"required": ["a"]},
        },
        {"choice": "y"},
        "a",
        "required",
        "required",
        'a is required when choice is one of "x", "y".',
    ),
    (
        {
            "if": {"properties": {"a": {"pattern": "^q.{0,9}$"}}, "required": ["a"]},
            "then": {"required": ["b"]},
        },
        {"a": "qx"},
        "b",
        "required",
        "required",
        "b is required when a has the form that the type's schema describes.",
    ),
    (
        {"if": {"not": {"required": ["a"]}}, "then": {"required": ["b"]}},
        {},
        "b",
        "required",
        "required",
        "b is required when the type's schema asks for it.",
    ),
    ({"dependentRequired": {"a": ["b"]}}, {"a": "1"}, "b", "required", "dependentRequired", "b is required."),
    (
        {"anyOf": [{"required": ["a", "b"]}, {"required": ["c"]}]},
        {},
        "",
        "required",
        "anyOf",
        "a and b or c is required.",
    ),
    (
        {"oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
        {},
        "",
        "required",
        "oneOf",
        "a or b is required.",
    ),
    (
        {"oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
        {"a": "1", "b": "2"},
        "",
        "not_allowed",
        "oneOf",
        "The configuration must follow exactly one of the type's forms.",
    ),
    (
        {"anyOf": [WHEN_X, {"properties": {"a": {"const": "q"}}}]},
        {"choice": "y", "a": "z"},
        "",
        "not_allowed",
        "anyOf",
        "The configuration must follow one of the type's forms.",
    ),
    (
        {"properties": {"if": TEXT, "then": {**TEXT, "minLength": 2}, "type": TEXT}},
        {"if": "1", "then": "2", "type": "3"},
        "then",
        "too_short",
        "minLength",
        "then must not be shorter than 2.",
    ),
    (
        {"properties": {"type": TEXT, "not": TEXT}, "dependentRequired": {"type": ["not"]}},
        {"type": "1"},
        "not",
        "required",
        "dependentRequired",
        "not is required.",
    ),
    (
        {"not": {"required": ["a", "b"]}},
        {"a": "1", "b": "2"},
        "",
        "not_allowed",
        "not",
        "The configuration is not allowed in this combination.",
    ),
]


@pytest.fixture
def draft(tmp_path):
    def make(rules, incoming, *, lenient=False):
        schema = {**FRAME, "properties": KEYS, **rules}
        (tmp_path / "acme.json").write_text(json.dumps(schema))
        type_ = Catalogue.load(tmp_path)["acme"]
        return draft_all(type_, [(incoming, EMPTY)], lenient=lenient)[0]

    return make


@pytest.mark.parametrize("case", CASES, ids=[case[-1] for case in CASES])
def test_a_problem_is_told_by_key_and_rule(draft, case):
    rules, incoming, place, code, keyword, message = case
    [problem] = draft(rules, incoming).problems
    pointer = f"/configuration/{place}".rstrip("/")
    assert problem == Problem(code, message, pointer, keyword)


@pytest.mark.parametrize(
    ("rules", "incoming", "missing"),
    [
        ({"required": ["b", "a"]}, {}, {"/a", "/b"}),
        ({"if": WHEN_X, "then": {"required": ["a"]}}, {"choice": "x"}, {"/a"}),
        ({"dependentRequired": {"a": ["b"]}}, {"a": "1"}, {"/b"}),
        ({"anyOf": [{"required": ["a", "b"]}, {"required": ["c"]}]}, {"a": "1"}, {"/b"}),
        ({"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}, {}, {"/a"}),
    ],
)
def test_a_lenient_check_counts_missing_keys_of_every_kind(draft, rules, incoming, missing):
    made = draft(rules, incoming, lenient=True)
    assert (set(made.missing), made.problems) == (missing, ())


@pytest.mark.parametrize(
    ("rules", "incoming"), [(case[0], case[1]) for case in CASES if case[3] != "required"]
)
def test_a_lenient_check_refuses_everything_else(draft, rules, incoming):
    assert draft(rules, incoming, lenient=True).problems


def test_one_missing_key_is_told_once(draft):
    rules = {"required": ["a"], "if": WHEN_X, "then": {"required": ["a"]}}
    assert len(draft(rules, {"choice": "x"}).problems) == 1


LIST = {
    "properties": {**KEYS, "list": {**KEYS["list"], "items": {"type": "string"}, "maxItems": 200}},
    "required": ["a"],
}


@pytest.mark.parametrize(("count", "told"), [(99, 99), (100, 100), (101, 101), (1_000_000, 101)])
def test_of_a_list_a_hundred_problems_are_told_however_long_it_is(draft, count, told):
    problems = draft(LIST, {"a": "1", "list": [5] * count}).problems
    assert len(problems) == told
    assert {problem.code for problem in problems[:100]} <= {"wrong_type", "too_long"}
    assert [problem.code for problem in problems[100:]] == ["too_many_problems"] * (count > 100)


def test_too_long_a_list_is_told_however_long_it_is(draft):
    [problem] = draft(LIST, {"a": "1", "list": ["x"] * 1_000_000}).problems
    assert (problem.code, problem.pointer) == ("too_long", "/configuration/list")


def test_every_missing_key_is_counted_also_beside_a_hundred_others(draft):
    keys = {f"k{number}": TEXT for number in range(150)}
    rules = {"properties": {**KEYS, **keys}, "required": [*keys]}
    assert len(draft(rules, {}, lenient=True).missing) == 150
    assert [problem.code for problem in draft(rules, {}).problems][99:] == ["required", "too_many_problems"]
