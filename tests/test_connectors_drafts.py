"""Drafts: what comes in, merged with what is held, checked, and split into public and sealed values."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credenza.connectors import EMPTY, UNKNOWN, Draft, Held
from drafting import CATALOGUE, OPENAI, PRESENT, draft, only, problems

DATABASE = {"jdbcDriver": "Postgres", "user": "me", "datasourceURL": "jdbc:postgresql://db/x"}
SEALED_URL = Held(
    {"jdbcDriver": "Postgres", "user": "me"},
    {"/password": None, "/datasourceURL": "jdbc:postgresql://db/x"},
)


# --- secrets


def test_a_secret_is_taken_out_of_a_new_configuration():
    made = draft("openai", {"organizationId": "o", "api_key": "k", "endpoint": "https://b.example"})
    public = {"endpoint": "https://b.example", "organizationId": "o"}
    assert only(made) == (public, {"/api_key": "k"}, (), (), {})


def test_public_values_come_in_schema_order_whatever_order_they_arrive_in():
    pairs = {"endpoint": "https://b.example", "organizationId": "o", "api_key": "k"}.items()
    for order in itertools.permutations(pairs):
        assert list(draft("openai", dict(order)).public) == ["endpoint", "organizationId"]


def test_an_absent_secret_is_kept():
    made = draft("openai", {"endpoint": "https://b.example"}, OPENAI)
    assert only(made) == ({"endpoint": "https://b.example"}, {}, ("/api_key",), (), {})


def test_an_absent_secret_that_is_not_held_is_missed():
    assert problems("openai", {}) == [("required", "/configuration/api_key", "required")]


def test_null_clears_a_secret():
    made = draft("ollama", {"endpoint": "http://a", "api_key": None}, Held({}, {"/api_key": None}))
    assert only(made) == ({"endpoint": "http://a"}, {}, (), ("/api_key",), {})


def test_a_required_secret_cannot_be_cleared():
    assert problems("openai", {"api_key": None}, OPENAI) == [
        ("required", "/configuration/api_key", "required")
    ]


def test_null_for_a_secret_that_is_not_held_changes_nothing():
    assert only(draft("ollama", {"endpoint": "http://a", "api_key": None}))[3] == ()


def test_a_text_replaces_a_secret():
    made = draft("openai", {"api_key": "new"}, OPENAI)
    assert only(made) == ({}, {"/api_key": "new"}, (), (), {})


def test_a_secret_is_taken_exactly_as_it_is():
    text = " * línea\n\ttwo \N{BULLET} "
    assert draft("openai", {"api_key": text}).entered == {"/api_key": text}


def test_the_object_of_a_read_keeps_a_secret():
    made = draft("openai", {"api_key": PRESENT, "endpoint": "https://a.example"}, OPENAI)
    assert only(made) == ({"endpoint": "https://a.example"}, {}, ("/api_key",), (), {})


def test_the_object_of_a_read_saved_under_another_name_is_refused():
    assert problems("openai", {"api_key": PRESENT}) == [
        ("secret_not_held", "/configuration/api_key", "secret_not_held")
    ]


@pytest.mark.parametrize("value", [5, True, 1.5, ["k"], {}, {"$secret": "k"}, {"$secret": {}, "more": 1}])
def test_a_secret_of_another_type_is_refused(value):
    assert problems("openai", {"api_key": value}, OPENAI) == [
        ("wrong_type", "/configuration/api_key", "type")
    ]


@pytest.mark.parametrize("mask", ["*", "********", "•", "••••••", "*•*"])
@pytest.mark.parametrize(("name", "key"), [("openai", "api_key"), ("openai", "endpoint")])
def test_a_mask_is_never_stored(name, key, mask):
    assert problems(name, {"api_key": "k", key: mask}) == [
        ("masked_secret", f"/configuration/{key}", "masked_secret")
    ]


@pytest.mark.parametrize("text", ["*a", "a*", "sk-****abcd"])
def test_a_secret_may_hold_mask_characters_beside_others(text):
    assert draft("openai", {"api_key": text}).entered == {"/api_key": text}


@pytest.mark.parametrize("text", ["", " ", "\t \n", "\u00a0", "\u3000"])
def test_an_empty_secret_or_one_of_blanks_is_refused_with_the_way_to_clear_it(text):
    assert problems("openai", {"api_key": text})[0][0] == "empty_secret"
    made = draft("openai", {"api_key": text}, OPENAI)
    assert [problem.code for problem in made.problems] == ["empty_secret"]
    assert "send null to clear" in made.problems[0].message


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("a" * 65_536, []),
        ("a" * 65_537, ["secret_too_long"]),
        ("é" * 32_768, []),
        ("é" * 32_769, ["secret_too_long"]),
        ("\N{GRINNING FACE}" * 16_385, ["secret_too_long"]),
    ],
    ids=["most", "one more", "most in two bytes", "one more in two bytes", "four bytes"],
)
def test_a_secret_has_at_most_65536_bytes(text, codes):
    assert [code for code, _, _ in problems("openai", {"api_key": text})] == codes


def test_a_secret_that_the_type_no_longer_declares_is_cleared_by_the_next_configuration():
    held = Held({}, {"/api_key": None, "/old_key": None})
    assert only(draft("openai", {}, held))[2:4] == (("/api_key",), ("/old_key",))


# --- credentials inside a URL


def test_a_url_with_credentials_is_sealed_as_a_whole():
    url = "jdbc:postgresql://u:p@db/x"
    made = draft("relational_db", {**DATABASE, "password": "p", "datasourceURL": url})
    assert made.public == {"jdbcDriver": "Postgres", "user": "me"}
    assert made.entered == {"/password": "p", "/datasourceURL": url}
    assert made.redacted == {"/datasourceURL": "jdbc:postgresql://db/x"}


def test_a_sealed_url_is_at_most_as_long_as_any_secret():
    url = "https://u:p@h/" + "x" * 65_536
    assert [code for code, _, _ in problems("openai", {"api_key": "k", "endpoint": url})] == ["too_long"]


def test_a_url_without_credentials_stays_public():
    made = draft("relational_db", {**DATABASE, "password": "p"})
    assert made.public == DATABASE


def test_an_absent_sealed_url_is_kept():
    made = draft("relational_db", {"jdbcDriver": "Postgres", "user": "me"}, SEALED_URL)
    kept, shown = ("/password", "/datasourceURL"), {"/datasourceURL": "jdbc:postgresql://db/x"}
    assert only(made) == (SEALED_URL.public, {}, kept, (), shown)


def test_the_object_of_a_read_keeps_a_sealed_url():
    shown = {"$secret": {**PRESENT["$secret"], "redacted": "jdbc:postgresql://elsewhere/x"}}
    made = draft("relational_db", {"jdbcDriver": "P", "user": "me", "datasourceURL": shown}, SEALED_URL)
    assert made.kept == ("/password", "/datasourceURL")
    assert made.redacted == {"/datasourceURL": "jdbc:postgresql://db/x"}


def test_the_object_of_a_read_for_a_url_that_is_not_held_is_refused():
    codes = problems("relational_db", {**DATABASE, "password": "p", "datasourceURL": PRESENT})
    assert codes == [("secret_not_held", "/configuration/datasourceURL", "secret_not_held")]


def test_a_public_url_takes_the_place_of_a_sealed_one():
    made = draft("relational_db", DATABASE, SEALED_URL)
    assert only(made) == (DATABASE, {}, ("/password",), ("/datasourceURL",), {})


def test_null_clears_a_sealed_url():
    made = draft("openai", {"endpoint": None}, Held({}, {"/api_key": None, "/endpoint": "https://h"}))
    assert only(made) == ({}, {}, ("/api_key",), ("/endpoint",), {})


def test_a_url_that_can_be_read_in_two_ways_is_refused():
    assert problems("openai", {"api_key": "k", "endpoint": "https://good\\@evil"}) == [
        ("unreadable_url", "/configuration/endpoint", "unreadable_url")
    ]


# --- other keys


def test_other_keys_are_replaced_as_a_whole():
    held = Held({"endpoint": "https://a.example", "organizationId": "o"}, {"/api_key": None})
    assert draft("openai", {"organizationId": "p"}, held).public == {"organizationId": "p"}


def test_null_counts_as_absent():
    assert draft("openai", {"api_key": "k", "endpoint": None, "organizationId": None}).public == {}
    assert problems("cohere", {"api_key": "k", "endpoint": None}) == [
        ("required", "/configuration/endpoint", "required")
    ]


def test_no_configuration_keeps_everything_as_it_is():
    held = Held({"old": 1, "user": "me"}, {**SEALED_URL.secrets, UNKNOWN: None, "/old_key": None})
    made = draft("relational_db", None, held)
    assert only(made) == (
        {"old": 1, "user": "me"},
        {},
        ("/password", "/datasourceURL", UNKNOWN, "/old_key"),
        (),
        {"/datasourceURL": "jdbc:postgresql://db/x"},
    )
    assert made.missing == ("/jdbcDriver",)


def test_no_configuration_for_a_new_record_is_an_empty_one():
    assert (
        problems("grok", None) == problems("grok", {}) == [("required", "/configuration/api_key", "required")]
    )


# --- laws

TEXTS = st.text(max_size=8)
VALUES = st.one_of(
    TEXTS,
    st.integers(),
    st.floats(),
    st.booleans(),
    st.none(),
    st.lists(TEXTS, max_size=2),
    st.just(PRESENT),
    st.sampled_from(["****", "https://u:p@h/x", "https://h", "https://a@b@c", "jdbc:x://h?password=p"]),
)


@given(st.data(), st.sampled_from(list(CATALOGUE)), st.booleans())
def test_whatever_comes_in_a_draft_is_either_whole_or_refused(data, name, lenient):
    type_ = CATALOGUE[name]
    names = st.one_of(st.sampled_from(type_.keys), st.just("$unknown"), TEXTS)
    incoming = data.draw(st.dictionaries(names, VALUES, max_size=6))
    held = data.draw(st.sampled_from([EMPTY, Held({}, {f"/{key}": None for key in type_.secrets})]))
    made = draft(name, incoming, held, lenient=lenient)
    assert list(made.public) == [key for key in type_.keys if key in made.public]
    assert not type_.secrets & set(made.public)
    if made.problems:
        assert made == Draft(problems=made.problems)
    else:
        pointers = [*made.entered, *made.kept, *made.cleared]
        assert len(pointers) == len(set(pointers))
        assert set(made.kept) | set(made.cleared) <= set(held.secrets)
        assert set(held.secrets) <= set(pointers)


@given(st.data(), st.sampled_from(list(CATALOGUE)), st.booleans())
def test_a_new_record_is_drafted_like_one_that_holds_nothing(data, name, lenient):
    names = st.one_of(st.sampled_from(CATALOGUE[name].keys), TEXTS)
    incoming = data.draw(st.dictionaries(names, VALUES, max_size=6))
    assert draft(name, incoming, EMPTY, lenient=lenient) == draft(
        name, incoming, Held({}, {}), lenient=lenient
    )
