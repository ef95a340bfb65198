"""Two validators and two ways to write a number: they must agree, and no pattern may take long."""

import re
import time

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credenza.connectors import EMPTY, Catalogue, draft_all, shipped_schemas

CATALOGUE = Catalogue.load(shipped_schemas())
NUMBERS = [
    (name, key)
    for name, type_ in CATALOGUE.items()
    for key in type_.keys
    if isinstance(type_.schema["properties"][key]["type"], list)
]


def neutral(name):
    """A valid configuration of the required keys, chosen so that no condition of the type applies."""
    properties = CATALOGUE[name].schema["properties"]
    made = {}
    for key in CATALOGUE[name].schema["required"]:
        rules = properties[key]
        if "enum" in rules:
            made[key] = rules["enum"][0]
        elif isinstance(rules["type"], list):
            made[key] = rules["minimum"]
        else:
            made[key] = "other"
    return made


def problems(name, configuration):
    [draft] = draft_all(CATALOGUE[name], [(configuration, EMPTY)], lenient=False)
    return [(problem.code, problem.pointer) for problem in draft.problems]


def reference(schema):
    """The `jsonschema` validator, with `$` read as JSON Schema does: at the end, not before a line feed."""

    def match(validator, pattern, instance, _):
        if validator.is_type(instance, "string") and not re.search(pattern[:-1] + r"\Z", instance):
            yield jsonschema.ValidationError("pattern")

    base = jsonschema.Draft202012Validator
    return jsonschema.validators.extend(base, {"pattern": match})(schema)


@pytest.mark.parametrize(("name", "key"), NUMBERS)
def test_a_number_means_the_same_in_digits(name, key):
    rules = CATALOGUE[name].schema["properties"][key]
    low, high = rules["minimum"], rules["maximum"]
    checker = jsonschema.Draft202012Validator(rules)
    for number in {low - 1, low, low + 1, 9, 10, 99, 5671, high - 1, high, high + 1, high * 10}:
        assert checker.is_valid(number) == checker.is_valid(str(number)) == (low <= number <= high)


@pytest.mark.parametrize(("name", "key"), NUMBERS)
@pytest.mark.parametrize(
    "text", ["", " 5", "5 ", "5\n", "+5", "05", "5.0", "0x5", "five", "\N{ARABIC-INDIC DIGIT FIVE}"]
)
def test_digits_are_nothing_but_digits(name, key, text):
    whole = {**neutral(name), key: text}
    assert ("bad_format", f"/configuration/{key}") in problems(name, whole)


PATTERNS = [
    (name, key)
    for name, type_ in CATALOGUE.items()
    for key, rules in type_.schema["properties"].items()
    if "pattern" in rules
]


@pytest.mark.parametrize(("name", "key"), PATTERNS)
@pytest.mark.parametrize("pump", ["1", "0", "9", "65535", "a", " "])
def test_a_pattern_answers_at_once_on_a_hundred_thousand_characters(name, key, pump):
    text = pump * (100_000 // len(pump)) + "!"
    began = time.perf_counter()
    assert not CATALOGUE[name].checker.is_valid([{**neutral(name), key: text}])
    assert time.perf_counter() - began < 0.25


def values_of(rules):
    known = [*rules.get("enum", ()), *rules.get("examples", ()), rules.get("default", "other")]
    constants = ["", "x", "5", "5\n", "070", "99999999", 0, 1, 1.0, 1.5, 70000, True, None, [], ["x"], {}]
    return st.sampled_from([*known, *known, *known, *constants])


def configurations(type_):
    properties = type_.schema["properties"]
    chosen = {key: values_of(rules) for key, rules in properties.items()}
    required = {key: chosen[key] for key in type_.schema["required"]}
    others = {key: values for key, values in chosen.items() if key not in required}
    mostly = st.fixed_dictionaries(required, optional={**others, "undeclared": st.just("x")})
    anything = st.dictionaries(st.sampled_from([*properties, "undeclared"]), values_of({}), max_size=6)
    return st.one_of(mostly, mostly, anything)


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_fast_validator_and_the_reference_agree(name):
    type_ = CATALOGUE[name]
    slow = reference(type_.schema)

    @settings(max_examples=60, deadline=None)
    @given(configurations(type_))
    def agree(whole):
        assert type_.checker.is_valid([whole]) == slow.is_valid(whole)

    agree()
