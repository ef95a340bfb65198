"""A connector type as a form: the fields, and when each is needed, read off the schema and nowhere else."""

import itertools
import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector_examples import changed
from credenza.connectors import EMPTY, Catalogue, compile_type, draft_all, show_form
from test_schemas import AWS_FAMILY, CONDITIONS, ENUMERATED, OPEN_CHOICES, TABLE, neutral

CATALOGUE = Catalogue.load()


def send(type_):
    """The form of a type as a client reads it."""
    return json.loads(msgspec.json.encode(show_form(type_)))


FORMS = {name: send(type_) for name, type_ in CATALOGUE.items()}
EACH = pytest.mark.parametrize("name", TABLE)
# A form that offers a choice of keys asks for the first of them.
ALTERNATIVES = {"gcp_pubsub": {"location"}}
quick = settings(max_examples=200, deadline=None, derandomize=True, database=None)


def fields(form):
    return {field["fieldName"]: field for field in form["configuration"]}


def options(field):
    return [option["value"] for option in field.get("valueOptions", ())]


def holds(entries, values):
    """Read `dependsOn` as it says: any entry will do, and what is nested in one must hold with it."""
    return any(
        entry["fieldName"] in values
        and ("value" not in entry or values[entry["fieldName"]] == entry["value"])
        and ("dependsOn" not in entry or holds(entry["dependsOn"], values))
        for entry in entries
    )


def needed(form, values):
    """Return the fields that a form says are needed beside these values."""
    return {
        name
        for name, field in fields(form).items()
        if not field["optional"] or holds(field.get("dependsOn", ()), values)
    }


def problems(type_, configuration):
    [draft] = draft_all(type_, [(configuration, EMPTY)], lenient=False)
    return {(problem.code, problem.pointer) for problem in draft.problems}


def form_of(*edits):
    return send(compile_type(changed(*edits)))


@EACH
def test_every_declared_key_is_one_field_in_the_order_of_the_schema(name):
    assert [field["fieldName"] for field in FORMS[name]["configuration"]] == list(CATALOGUE[name].keys)


@EACH
def test_a_field_is_not_optional_where_its_key_is_always_required(name):
    required = set(CATALOGUE[name].schema["required"]) | ALTERNATIVES.get(name, set())
    assert {field for field, rules in fields(FORMS[name]).items() if not rules["optional"]} == required


@EACH
def test_what_is_typed_unseen_or_read_from_a_file_is_sealed_and_nothing_else_is(name):
    unseen = {
        field for field, rules in fields(FORMS[name]).items() if rules["fieldType"] in {"PASSWORD", "FILE"}
    }
    assert unseen == CATALOGUE[name].secrets


@EACH
def test_a_file_is_a_secret_that_is_the_text_of_a_file(name):
    files = {field for field, rules in fields(FORMS[name]).items() if rules["fieldType"] == "FILE"}
    assert files == {"file", "tlsFile"} & set(CATALOGUE[name].keys)


@EACH
def test_a_field_shows_the_words_of_its_key(name):
    for key, rules in CATALOGUE[name].schema["properties"].items():
        field = fields(FORMS[name])[key]
        assert (field["label"], field["description"]) == (rules["title"], rules["description"])
        assert field.get("defaultValue") == (str(rules["default"]) if "default" in rules else None)


@EACH
def test_a_key_with_known_choices_is_a_dropdown_of_them_and_no_other_key_is(name):
    choices = {key for type_, key in ENUMERATED | OPEN_CHOICES if type_ == name}
    properties = CATALOGUE[name].schema["properties"]
    for key, field in fields(FORMS[name]).items():
        assert (field["fieldType"] == "DROPDOWN") == (key in choices)
        known = properties[key].get("enum") or properties[key].get("examples") if key in choices else []
        assert options(field) == known
        assert all(option["label"] == option["value"] for option in field.get("valueOptions", ()))


@pytest.mark.parametrize(("name", "when", "keys"), CONDITIONS)
def test_every_published_condition_is_told(name, when, keys):
    base = neutral(name, TABLE[name][1].split())
    assert set(keys.split()) <= needed(FORMS[name], {**base, **when})
    assert not set(keys.split()) & needed(FORMS[name], base)


@pytest.mark.parametrize("name", AWS_FAMILY)
def test_where_no_condition_is_published_nothing_more_is_needed(name):
    assert needed(FORMS[name], {"connectionType": "CONDUCTOR_ROLE"}) == {"connectionType", "region"}


def fill(name, chosen):
    """Fill in what the form asks for, field after field, until it asks for nothing more."""
    values = {}
    while missing := needed(FORMS[name], values) - values.keys():
        values |= neutral(name, missing) | {key: chosen[key] for key in missing if key in chosen}
    return values


@EACH
def test_who_fills_in_what_a_form_asks_for_has_a_valid_configuration_and_with_less_has_none(name):
    dropdowns = {key: options(field) for key, field in fields(FORMS[name]).items() if "valueOptions" in field}
    filled = {
        tuple(sorted(fill(name, dict(zip(dropdowns, chosen, strict=True))).items()))
        for chosen in itertools.product(*dropdowns.values())
    }
    for values in map(dict, filled):
        assert problems(CATALOGUE[name], values) == set()
        for key in values:
            rest = {other: value for other, value in values.items() if other != key}
            pointer = "" if key in ALTERNATIVES.get(name, ()) else f"/{key}"
            assert ("required", f"/configuration{pointer}") in problems(CATALOGUE[name], rest)


@quick
@given(st.data())
def test_whatever_is_filled_in_a_form_and_its_type_miss_the_same_fields(data):
    name = data.draw(st.sampled_from([name for name in TABLE if name not in ALTERNATIVES]))
    given_ = data.draw(st.sets(st.sampled_from(CATALOGUE[name].keys)))
    values = neutral(name, given_)
    for key in sorted(given_):
        if choices := options(fields(FORMS[name])[key]):
            values[key] = data.draw(st.sampled_from(choices))
    missing = {("required", f"/configuration/{key}") for key in needed(FORMS[name], values) - given_}
    assert problems(CATALOGUE[name], values) == missing


def test_several_entries_are_alternatives_and_what_must_hold_together_is_nested():
    kafka = fields(FORMS["kafka"])
    assert kafka["file"]["dependsOn"] == [
        {"fieldName": "protocol", "value": "SASL_SSL / SCRAM-SHA-256 / JKS"},
        {"fieldName": "authenticationType", "value": "JKS"},
        {"fieldName": "authenticationType", "value": "PEM"},
    ]
    assert kafka["schemaRegistryApiKey"]["dependsOn"] == [
        {
            "fieldName": "schemaRegistryAuthType",
            "value": "Schema Registry User Info (Key/Password)",
            "dependsOn": [{"fieldName": "connectionType", "value": "AVRO"}],
        }
    ]


def test_of_alternatives_a_form_asks_for_the_first():
    pubsub = fields(FORMS["gcp_pubsub"])
    assert (pubsub["location"]["optional"], pubsub["subscription"]["optional"]) == (False, True)


@EACH
def test_a_form_says_of_its_type_what_the_file_says(name):
    form, type_ = FORMS[name], CATALOGUE[name]
    assert (form["name"], form["type"], form["nameLabel"]) == (name, name, type_.title)
    assert (form["category"], form["description"]) == (type_.category, type_.description)
    assert (form["enabled"], form["tags"], form["apis"]) == (True, [], [])


@pytest.mark.parametrize(
    ("category", "label"),
    [("AI_MODEL", "AI Model"), ("VECTOR_DB", "Vector DB"), ("API", "API"), ("EMAIL", "Email")],
)
def test_a_category_is_shown_as_words(category, label):
    assert form_of(("/x-category", category))["categoryLabel"] == label


def test_the_members_are_those_of_the_clients_models():
    assert set(FORMS["kafka"]) == {
        *("name", "nameLabel", "type", "category", "categoryLabel", "description", "enabled", "iconName"),
        *("tags", "configuration", "apis"),
    }
    assert {member for field in FORMS["nats"]["configuration"] for member in field} == {
        *("fieldName", "fieldType", "label", "description", "defaultValue", "optional"),
        *("valueOptions", "dependsOn"),
    }


FLAG = {"type": "boolean", "title": "Flag", "description": "D", "default": True}
WHEN_FLAG = {"if": {"properties": {"flag": {"const": True}}, "required": ["flag"]}}


def test_all_values_are_texts():
    form = fields(
        form_of(("/properties/flag", FLAG), ("/allOf", [{**WHEN_FLAG, "then": {"required": ["port"]}}]))
    )
    assert (form["flag"]["fieldType"], options(form["flag"])) == ("DROPDOWN", ["true", "false"])
    assert form["flag"]["defaultValue"] == "true"
    assert form["port"]["dependsOn"] == [{"fieldName": "flag", "value": "true"}]
    assert fields(FORMS["nats"])["pullPeriod"]["defaultValue"] == "500"


def test_a_list_is_typed_as_text_and_its_default_is_not_shown():
    scopes = fields(form_of(("/properties/scopes/default", ["a"])))["scopes"]
    assert (scopes["fieldType"], "defaultValue" in scopes) == ("TEXT", False)


IF_B = {"properties": {"mode": {"const": "b"}}, "required": ["mode"]}
TOLD = [
    ({"if": IF_B, "then": {"required": ["port"]}}, [{"fieldName": "mode", "value": "b"}]),
    (
        {"if": {**IF_B, "properties": {"mode": {"enum": ["b", "a"]}}}, "then": {"required": ["port"]}},
        [{"fieldName": "mode", "value": "a"}, {"fieldName": "mode", "value": "b"}],
    ),
    ({"if": {"required": ["scopes"]}, "then": {"required": ["port"]}}, [{"fieldName": "scopes"}]),
    ({"dependentRequired": {"token": ["port"]}}, [{"fieldName": "token"}]),
    (
        {"if": IF_B, "then": {"dependentRequired": {"token": ["port"]}}},
        [{"fieldName": "mode", "value": "b", "dependsOn": [{"fieldName": "token"}]}],
    ),
    (
        {"if": IF_B, "then": {"if": {"required": ["mode"]}, "then": {"required": ["port"]}}},
        [{"fieldName": "mode", "value": "b"}],
    ),
    (
        {"if": IF_B, "then": {"anyOf": [{"required": ["port"]}, {"required": ["scopes"]}]}},
        [{"fieldName": "mode", "value": "b"}],
    ),
    ({"if": IF_B, "then": {"allOf": [{"required": ["port"]}]}}, [{"fieldName": "mode", "value": "b"}]),
]
UNTOLD = [
    {"if": {**IF_B, "properties": {"mode": {"pattern": "^b$"}}}, "then": {"required": ["port"]}},
    {"if": {"not": {"required": ["mode"]}}, "then": {"required": ["port"]}},
    {"if": IF_B, "then": {"required": ["token"]}, "else": {"required": ["port"]}},
    {"not": {"required": ["port"]}},
    {
        "if": IF_B,
        "then": {
            "if": {"properties": {"mode": {"const": "a"}}, "required": ["mode"]},
            "then": {"required": ["port"]},
        },
    },
    {
        "if": {
            "properties": {"mode": {"enum": ["a", "b"]}, "port": {"enum": list(range(26))}},
            "required": ["mode", "port"],
        },
        "then": {"required": ["scopes"]},
    },
]


@pytest.mark.parametrize(("condition", "entries"), TOLD)
def test_a_condition_on_values_is_told_whatever_its_form(condition, entries):
    port = fields(form_of(("/allOf", [condition])))["port"]
    assert (port["optional"], port["dependsOn"]) == (True, entries)


@pytest.mark.parametrize("condition", UNTOLD)
def test_what_a_form_cannot_tell_is_shown_as_optional(condition):
    assert all(
        field["optional"] and "dependsOn" not in field
        for key, field in fields(form_of(("/allOf", [condition]))).items()
        if key != "token"
    )


def test_a_key_does_not_depend_on_itself():
    port = fields(form_of(("/allOf", [{"dependentRequired": {"port": ["port"]}}])))["port"]
    assert (port["optional"], "dependsOn" in port) == (True, False)


def test_a_key_that_is_always_required_depends_on_nothing():
    token = fields(form_of(("/allOf/0/then/required", ["token"])))["token"]
    assert (token["optional"], "dependsOn" in token) == (False, False)


def test_what_an_api_may_say_is_a_form_too():
    form = send(CATALOGUE.api)
    assert [field["fieldName"] for field in form["configuration"]] == list(CATALOGUE.api.keys)
    assert all(field["optional"] for field in form["configuration"])
    assert options(fields(form)["frequency"]) == ["daily", "weekly", "monthly"]
