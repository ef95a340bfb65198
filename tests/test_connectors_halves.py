"""The halves of a connector type: what stands in clear and what is sealed, each with its own conditions."""

import itertools

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector_examples import SCHEMA, changed
from credenza.connectors import Catalogue, ConnectorType, compile_type
from credenza.connectors.evolution import Move, evolve
from credenza.connectors.halves import (
    half_type,
    list_methods,
    merge_halves,
    public_half,
    secret_half,
    split_halves,
)
from credenza.connectors.narrowing import ABSENT, Narrowing
from examples import EXAMPLES
from test_schemas import AWS_FAMILY

CATALOGUE = Catalogue.load()
EACH = pytest.mark.parametrize("name", list(CATALOGUE))
quick = settings(max_examples=250, deadline=None, derandomize=True, database=None)


def accepts(schema, value):
    return schema is not False and jsonschema_rs.Draft202012Validator(schema).is_valid(value)


def conditions(schema):
    """What a half says beyond its keys."""
    plain = {"$schema", "$id", "title", "description", "type", "properties", "additionalProperties"}
    return {keyword: said for keyword, said in schema.items() if keyword[:2] != "x-" and keyword not in plain}


@EACH
def test_every_key_is_in_one_half_in_its_order_and_as_it_was(name):
    type_ = CATALOGUE[name]
    public, secret = public_half(type_)["properties"], secret_half(type_)["properties"]

    assert public.keys().isdisjoint(secret)
    assert {**public, **secret} == type_.schema["properties"]
    assert [key for key in type_.keys if key in public] == [*public]
    assert [key for key in type_.keys if key in secret] == [*secret]
    assert set(secret) == type_.secrets


@EACH
def test_a_configuration_is_split_and_merged_back_and_each_half_passes_alone(name):
    type_, whole = CATALOGUE[name], EXAMPLES[name]
    public, secret = split_halves(type_, whole)

    assert merge_halves(type_, public, secret) == whole
    assert accepts(public_half(type_), public)
    assert accepts(secret_half(type_), secret)
    ways = [way for way in list_methods(type_) if way.given is None or whole[way.given[0]] == way.given[1]]
    assert [accepts(way.schema, secret) for way in ways] == [True]


@EACH
def test_neither_half_speaks_for_the_other(name):
    type_, whole = CATALOGUE[name], EXAMPLES[name]
    public, secret = split_halves(type_, whole)

    assert merge_halves(type_, whole, {}) == public
    assert merge_halves(type_, {}, whole) == secret


@pytest.mark.parametrize("name", AWS_FAMILY)
def test_a_type_whose_enumerated_key_decides_between_secrets_has_a_way_for_each_value(name):
    ways = [
        (way.key, way.name, way.schema.get("required"), way.asked) for way in list_methods(CATALOGUE[name])
    ]

    assert ways == [
        ("conductor_role", "Conductor role", None, ("awsAccountId",)),
        ("external_role", "External role", ["externalId"], ("awsAccountId", "externalId")),
        ("access_key", "Access key", ["api_key"], ("awsAccountId", "api_key")),
    ]


@pytest.mark.parametrize("name", [name for name in CATALOGUE if name not in AWS_FAMILY])
def test_every_other_type_has_one_way_that_requires_what_it_always_requires(name):
    type_ = CATALOGUE[name]
    [way] = list_methods(type_)

    always = [key for key in type_.schema.get("required", ()) if key in type_.secrets]
    assert (way.key, way.given, way.schema.get("required", [])) == ("default", None, always)
    assert way.asked == tuple(way.schema["properties"])


def test_the_public_half_of_aws_asks_for_what_each_way_needs_in_clear():
    half = public_half(CATALOGUE["aws"])

    role = {"connectionType": "EXTERNAL_ROLE", "region": "us-east-1"}
    assert not accepts(half, role)
    assert accepts(half, role | {"roleArn": "arn:aws:iam::1:role/x"})
    assert not accepts(half, role | {"roleArn": "arn:aws:iam::1:role/x", "externalId": "x"})


def test_a_deciding_key_that_may_be_left_out_makes_one_more_way():
    needs = {
        "if": {"properties": {"mode": {"const": "b"}}, "required": ["mode"]},
        "then": {"required": ["token"]},
    }
    ways = list_methods(compile_type(changed(("required", ...), ("allOf", [needs]))))

    assert [(way.key, way.given, way.schema.get("required")) for way in ways] == [
        ("a", ("mode", "a"), None),
        ("b", ("mode", "b"), ["token"]),
        ("default", None, None),
    ]


def test_a_value_that_the_type_refuses_whatever_else_is_given_is_no_way():
    allowed = {"properties": {"mode": {"enum": ["b", "c"]}}, "required": ["mode"]}
    needs = {"if": {"properties": {"mode": {"const": "b"}}, "required": ["mode"]}}
    needs |= {"then": {"required": ["token"]}}
    edits = ("properties/mode/enum", ["a", "b", "c"]), ("required", ...), ("allOf", [allowed, needs])
    ways = list_methods(compile_type(changed(*edits)))

    assert [(way.given, way.schema.get("required")) for way in ways] == [
        (("mode", "b"), ["token"]),
        (("mode", "c"), None),
    ]


def test_ways_whose_values_read_alike_are_numbered():
    values = {"properties": {"mode": {"const": "A b"}}, "required": ["mode"]}
    edits = ("properties/mode/enum", ["A b", "a-B", "?"]), ("required", ["mode"])
    made = changed(*edits, ("allOf", [{"if": values, "then": {"required": ["token"]}}]))

    assert [way.key for way in list_methods(compile_type(made))] == ["a_b", "a_b_2", "default"]


def test_halves_are_types_with_the_destination_in_the_public_one():
    type_ = compile_type(SCHEMA)
    config, auth = half_type(type_, "config"), half_type(type_, "auth")

    assert (config.name, auth.name) == ("acme#config", "acme#auth")
    assert (dict(config.destinations), dict(auth.destinations)) == (dict(type_.destinations), {})
    assert (config.embeds, config.secrets, auth.secrets) == (type_.embeds, frozenset(), type_.secrets)
    assert config.digest != auth.digest
    assert (config.rule, half_type(type_, "config")) == (type_.rule, config)
    assert config.checker.is_valid([{"mode": "b", "port": 1}])
    assert not config.checker.is_valid([{"mode": "b"}])
    assert not auth.checker.is_valid([{}])
    assert config.schema["$id"] == "https://example.com/types/acme/config.json"


def test_the_digest_of_a_half_changes_with_the_half_alone():
    one, other = compile_type(SCHEMA), compile_type(changed(("properties/token/title", "New")))

    assert half_type(one, "config").digest == half_type(other, "config").digest
    assert half_type(one, "auth").digest != half_type(other, "auth").digest


def test_halves_have_the_version_of_their_type_and_get_there_without_keys_of_the_other_half():
    steps = (
        ("rename", {"key": "token", "url": "endpoint"}),
        ("set", {"way": "a"}),
        ("rename", {"way": "mode"}),
    )
    made = changed(("x-version", 2))
    whole = ConnectorType.compile("acme", made, b"", (Move(steps, (("url", "url", None),)),))
    config, auth = half_type(whole, "config"), half_type(whole, "auth")

    assert (config.version, auth.version) == (2, 2)
    assert evolve(config.moves, 1, {"url": "u"}, []).public == {"endpoint": "u", "mode": "a"}
    assert evolve(auth.moves, 1, {}, ["key"]) == ({}, {"token": "key"}, ())
    assert [target[0] for target in config.former(1).targets] == ["url"]
    assert auth.former(1).targets == ()


# Conditions narrowed to some keys, over every configuration that there can be.

VALUES = {"mode": ("a", "b"), "plain": ("x",), "token": ("t",), "other": ("o",)}
SPACE = [
    {key: value for key, value in zip(VALUES, chosen, strict=True) if value is not None}
    for chosen in itertools.product(*((None, *values) for values in VALUES.values()))
]
NAMES = st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=2, unique=True)
ATOMS = st.one_of(
    st.builds(lambda keys: {"required": keys}, NAMES),
    st.builds(
        lambda value: {"properties": {"mode": {"const": value}}, "required": ["mode"]}, st.sampled_from("ab")
    ),
    st.just({"properties": {"mode": {"enum": ["a"]}, "plain": {"pattern": "^x$"}}}),
    st.builds(lambda key, keys: {"dependentRequired": {key: keys}}, st.sampled_from(list(VALUES)), NAMES),
)


def combine(parts):
    several = st.lists(parts, min_size=1, max_size=3)
    choices = [
        st.builds(lambda each, word=word: {word: each}, several) for word in ("allOf", "anyOf", "oneOf")
    ]
    return st.one_of(
        *choices,
        st.builds(lambda part: {"not": part}, parts),
        st.builds(lambda one, two: {"if": one, "then": two}, parts, parts),
        st.builds(lambda one, two, three: {"if": one, "then": two, "else": three}, parts, parts, parts),
        st.builds(lambda one, two: {**one, **two}, parts, parts),
    )


CONDITIONS = st.recursive(ATOMS, combine, max_leaves=8)


def is_whole(condition):
    """Merging two at random may leave an `else` or a `then` behind."""
    return "if" in condition or not {"then", "else"} & condition.keys()


@quick
@given(condition=CONDITIONS.filter(is_whole))
def test_a_condition_whose_keys_are_all_in_sight_says_the_same(condition):
    narrowed = Narrowing(VALUES, {}).narrow(condition)
    assert [accepts(narrowed, each) for each in SPACE] == [accepts(condition, each) for each in SPACE]


@quick
@given(condition=CONDITIONS.filter(is_whole), value=st.sampled_from(["a", "b", ABSENT]))
def test_what_is_known_of_a_key_need_not_be_there(condition, value):
    narrowed = Narrowing([key for key in VALUES if key != "mode"], {"mode": value}).narrow(condition)
    for each in SPACE:
        if each.get("mode", ABSENT) == value:
            rest = {key: text for key, text in each.items() if key != "mode"}
            assert accepts(narrowed, rest) == accepts(condition, each)


@quick
@given(condition=CONDITIONS.filter(is_whole), keys=st.sets(st.sampled_from(list(VALUES))).map(sorted))
def test_a_narrowed_condition_refuses_nothing_that_the_whole_one_accepts(condition, keys):
    most, least = (Narrowing(keys, {}).narrow(condition, loose=loose) for loose in (True, False))
    for each in SPACE:
        seen = {key: value for key, value in each.items() if key in keys}
        if accepts(condition, each):
            assert accepts(most, seen)
        else:
            assert not accepts(least, seen)


def test_conditions_nested_deeply_are_narrowed_at_once():
    nested = {"required": ["token"]}
    for _ in range(30):
        nested = {"if": nested, "then": {"required": ["plain"]}, "else": {"required": ["mode"]}}
        nested = {"oneOf": [nested, {"required": ["other"]}]}

    assert Narrowing(["plain", "mode"], {}).narrow(nested) is True
