"""Types that a workspace registers from a JSON Schema: the rules for files hold, and a few more."""

import contextlib
import json
import re

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector_examples import SCHEMA, changed
from credenza.connectors import Catalogue, compile_type, read_schema, registration, shipped_schemas
from credenza.errors import Invalid
from form_examples import CANARY, JSON, places, refusal
from test_connectors_grammar import ALLOWED, BROKEN

CATALOGUE = Catalogue.load()
META = json.loads((shipped_schemas() / "meta.json").read_text())
quick = settings(max_examples=150, deadline=None, derandomize=True, database=None)


def test_a_schema_is_taken_as_it_is_and_completed():
    short = {keyword: value for keyword, value in SCHEMA.items() if keyword not in {"$schema", "$id"}}
    read = read_schema("acme", short, taken=CATALOGUE)
    assert read == {**SCHEMA, "$id": "https://credenza.dev/schemas/acme.json"}
    assert read_schema("acme", SCHEMA) == SCHEMA
    assert compile_type(read).keys == tuple(SCHEMA["properties"])


def find(document, pointer):
    for step in pointer.split("/")[1:]:
        document = document[int(step)] if isinstance(document, list) else document[step]
    return document


@pytest.mark.parametrize("row", BROKEN, ids=[row[0] for row in BROKEN])
def test_a_schema_that_breaks_a_rule_for_files_is_refused_and_the_place_is_there(row):
    sent = changed(row[1:3])
    for problem in refusal(read_schema, "acme", sent).problems:
        find(sent, problem.pointer)
        assert re.fullmatch(r"[A-Z].*[.?]", problem.message)


@pytest.mark.parametrize(("pointer", "value"), ALLOWED)
def test_what_the_rules_for_files_allow_is_taken(pointer, value):
    sent = changed((pointer, value))
    assert read_schema("acme", sent) == sent


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_shipped_file_is_taken_under_its_own_name_alone(name):
    schema = CATALOGUE[name].schema
    assert read_schema(name, schema) == schema
    assert places(refusal(read_schema, name, schema, taken=CATALOGUE)) == [("type_taken", "/name")]
    assert places(refusal(read_schema, "another", schema)) == [("schema_rejected", "/$id")]


@pytest.mark.parametrize("name", ["Acme", "a b", "", "meta", "api", "a" * 65, CANARY.upper()])
def test_a_schema_needs_a_name_that_a_file_could_have(name):
    sent = changed(("/$id", ...))
    error = refusal(read_schema, name, sent)
    assert places(error) == [("invalid_name", "/name")]
    assert CANARY.upper() not in str(error.problems)


def test_nothing_that_was_sent_stands_in_a_problem_but_declared_names():
    sent = changed(
        (f"/{CANARY}", CANARY),
        ("/title", 7),
        (f"/properties/a {CANARY}", {CANARY: CANARY}),
        ("/properties/token/default", CANARY),
        ("/properties/port/type", CANARY),
        ("/properties/mode/enum", CANARY),
        ("/required", [CANARY, CANARY]),
        ("/x-category", CANARY),
    )
    error = refusal(read_schema, "acme", sent)
    assert len(error.problems) >= 8
    assert CANARY not in str(error.problems)
    late = changed(("/required", [CANARY]), ("/properties/endpoint/default", f"https://u:{CANARY}@h"))
    assert CANARY not in str(refusal(read_schema, "acme", late).problems)


def test_a_schema_may_not_refer_to_another_one():
    error = refusal(read_schema, "acme", changed(("/properties/port/$ref", "https://example.com/port.json")))
    assert ("unknown_key", "/properties/port") in places(error)


def test_a_schema_has_few_levels():
    deep = {"required": ["token"]}
    for _ in range(5_000):
        deep = {"not": deep}
    assert places(refusal(read_schema, "acme", changed(("/not", deep)))) == [("too_deep", "")]


TEXT = {"type": "string", "title": "T", "description": "D"}


def test_the_patterns_of_a_schema_are_few_and_small():
    def read(count, pattern):
        keys = {f"k{number}": {**TEXT, "pattern": pattern} for number in range(count)}
        return read_schema("acme", changed(("/properties", {**SCHEMA["properties"], **keys})))

    assert len(read(49, "^[a-z]{1,100}$")["properties"]) == 49 + len(SCHEMA["properties"])
    assert places(refusal(read, 50, "^[a-z]{1,100}$")) == [("too_long", "")]
    assert places(refusal(read, 1, "^([a-z]{1,100}){1,100}$")) == [
        ("schema_rejected", "/properties/k0/pattern")
    ]


SCHEMA_PLACES = [f"/{keyword}" for keyword in (*SCHEMA, "not", "anyOf", "if", "then", "$ref", "x")] + [
    f"/properties/{key}/{keyword}"
    for key in SCHEMA["properties"]
    for keyword in (
        "type",
        "title",
        "enum",
        "default",
        "pattern",
        "writeOnly",
        "items",
        "x-destination",
        "$ref",
    )
]


@quick
@given(st.sampled_from(SCHEMA_PLACES), JSON)
def test_whatever_stands_in_a_schema_it_is_read_or_refused_as_invalid(place, value):
    with contextlib.suppress(Invalid):
        assert compile_type(read_schema("acme", changed((place, value)))).name


def test_names_of_keys_are_those_of_the_rules_for_files():
    rule = jsonschema_rs.Draft202012Validator(META["$defs"]["name"])
    for name in ("a", "A.b-c_9", "", "9", "a b", "a" * 64, "a" * 65, "ä", "$a", "a\n"):
        assert rule.is_valid(name) == bool(registration._is_key(name))
