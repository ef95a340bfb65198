"""Configurations put together again: whole for who may see them, with references for everybody else."""

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from credenza.connectors import EMPTY, UNKNOWN, Catalogue, Held, draft_all, join, present, shipped_schemas
from credenza.model import SecretRef

CATALOGUE = Catalogue.load(shipped_schemas())
AT = 1_795_168_800_000

JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**53) + 1, 2**53 - 1),
        st.floats(-1e15, 1e15),
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.text("abc$/~", max_size=3), inner, max_size=3),
    ),
    max_leaves=6,
)
SECRETS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
URLS = [
    "https://h/x",
    "https://u:p@h/x?y=1",
    "jdbc:postgresql://db/x?password=p",
    "a:1,b:2",
    "Endpoint=sb://n/",
]


@st.composite
def configurations(draw):
    """A configuration that a lenient check takes, of any type, with undeclared keys."""
    type_ = CATALOGUE[draw(st.sampled_from(list(CATALOGUE)))]
    made = draw(st.dictionaries(st.text("xyz/~$", min_size=1, max_size=3), JSON, max_size=3))
    for key in draw(st.lists(st.sampled_from(type_.keys), unique=True, max_size=8)):
        rules = type_.schema["properties"][key]
        if key in type_.secrets:
            made[key] = draw(SECRETS.filter(lambda text: text.strip("*•")))
        elif key in type_.embeds:
            made[key] = draw(st.sampled_from(URLS))
        elif isinstance(rules["type"], list):
            made[key] = draw(st.sampled_from([rules["minimum"], str(rules["maximum"])]))
        else:
            made[key] = draw(st.sampled_from(rules.get("enum", ["text", "*"])))
    pairs = draw(st.permutations(list(made.items())))
    return type_, dict(pairs)


def take(type_, incoming, held=EMPTY, *, lenient=True):
    [draft] = draft_all(type_, [(incoming, held)], lenient=lenient)
    assume(not draft.problems)
    return draft


def refer(draft):
    return {pointer: SecretRef(1, AT, draft.redacted.get(pointer)) for pointer in draft.entered}


def hold(draft):
    return Held(draft.public, {pointer: draft.redacted.get(pointer) for pointer in draft.entered})


@given(configurations())
def test_joining_what_was_split_gives_back_what_came_in(pair):
    type_, incoming = pair
    draft = take(type_, incoming)
    assert join(draft.public, draft.entered, type_.keys) == incoming


@given(configurations(), st.booleans())
def test_saving_what_a_read_shows_changes_nothing(pair, lenient):
    type_, incoming = pair
    first = take(type_, incoming)
    shown = json.loads(json.dumps(present(type_.keys, first.public, refer(first))))
    second = take(type_, shown, hold(first), lenient=lenient)
    assert (second.public, second.entered, second.cleared) == (first.public, {}, ())
    assert set(second.kept) == set(first.entered)
    assert second.redacted == first.redacted


@given(configurations())
def test_keeping_everything_is_saving_what_a_read_shows(pair):
    type_, incoming = pair
    first = take(type_, incoming)
    kept = take(type_, None, hold(first))
    shown = take(type_, present(type_.keys, first.public, refer(first)), hold(first))
    assert (kept.public, set(kept.kept), kept.redacted) == (shown.public, set(shown.kept), shown.redacted)
    assert kept.missing == shown.missing


@given(configurations())
def test_a_read_shows_no_secret(pair):
    type_, incoming = pair
    draft = take(type_, incoming)
    shown = present(type_.keys, draft.public, refer(draft))
    for pointer in draft.entered:
        assert set(shown[pointer[1:]]) == {"$secret"}


def test_a_secret_is_shown_by_version_and_time():
    shown = present(("a", "b"), {"b": 1}, {"/a": SecretRef(3, AT + 7)})
    assert shown == {"a": {"$secret": {"version": 3, "updatedAt": "2026-11-20T10:00:00.007Z"}}, "b": 1}


def test_a_sealed_url_is_shown_by_its_public_form():
    shown = present(("a",), {}, {"/a": SecretRef(1, 0, "https://h")})
    assert shown["a"]["$secret"] == {
        "version": 1,
        "updatedAt": "1970-01-01T00:00:00.000Z",
        "redacted": "https://h",
    }


def test_keys_stand_in_form_order_and_undeclared_ones_last():
    secrets = {UNKNOWN: SecretRef(1, AT), "/b": SecretRef(1, AT), "/gone": SecretRef(1, AT)}
    assert list(present(("a", "b", "c"), {"c": 1, "older": 2, "a": 3}, secrets)) == [
        "a",
        "b",
        "c",
        "older",
        "gone",
        "$unknown",
    ]


@pytest.mark.parametrize(("undecryptable", "closed"), [(True, {"a", "b"}), (False, set()), (["/b"], {"b"})])
def test_a_secret_that_cannot_be_opened_says_so(undecryptable, closed):
    secrets = {"/a": SecretRef(1, AT), "/b": SecretRef(2, AT)}
    shown = present(("a", "b"), {}, secrets, undecryptable=undecryptable)
    assert {key for key in shown if shown[key]["$secret"].get("state") == "undecryptable"} == closed


def test_secrets_go_back_to_their_places():
    joined = join({"b": 1}, {"/a": "s", UNKNOWN: '{"x":[1],"a/b":null}'}, ("a", "b"))
    assert list(joined.items()) == [("a", "s"), ("b", 1), ("x", [1]), ("a/b", None)]
