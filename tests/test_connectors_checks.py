"""Checking a configuration: limits that hold for every type, undeclared keys, strict and lenient."""

import difflib
import json

import pytest

from credenza.connectors import EMPTY, UNKNOWN, Draft, Held, draft_all
from drafting import CATALOGUE, OPENAI, PRESENT, draft, only, problems


@pytest.mark.parametrize(
    ("name", "key", "value", "code"),
    [
        ("openai", "organizationId", 5, "wrong_type"),
        ("openai", "endpoint", ["https://h"], "wrong_type"),
        ("pgvectordb", "dimensions", 1.5, "wrong_type"),
        ("pgvectordb", "dimensions", True, "wrong_type"),
        ("pgvectordb", "dimensions", "many", "bad_format"),
        ("pgvectordb", "dimensions", 0, "out_of_range"),
        ("pgvectordb", "dimensions", 100_000, "out_of_range"),
        ("pgvectordb", "indexing_method", "btree", "not_allowed"),
        ("amqp", "endpoint", "", "too_short"),
    ],
)
def test_a_value_that_breaks_the_schema_is_refused_by_code(name, key, value, code):
    rules = {"wrong_type": "type", "bad_format": "pattern", "not_allowed": "enum", "too_short": "minLength"}
    expected = rules.get(code, "minimum" if value == 0 else "maximum")
    assert (code, f"/configuration/{key}", expected) in problems(name, {key: value})


@pytest.mark.parametrize("number", [2**53, -(2**53), 10**400, 1e300, float("inf"), float("nan")])
def test_a_number_that_other_programs_would_round_is_refused(number):
    code = ("number_out_of_range", "/configuration/organizationId", "number_out_of_range")
    assert problems("openai", {"api_key": "k", "organizationId": number}) == [code]
    assert problems("openai", {"api_key": "k", "x": [number]}, lenient=True)[0][0] == "number_out_of_range"


def test_the_largest_exact_number_is_taken():
    made = draft("openai", {"api_key": "k", "x": 2**53 - 1}, lenient=True)
    assert json.loads(made.entered[UNKNOWN]) == {"x": 2**53 - 1}


@pytest.mark.parametrize(("levels", "codes"), [(31, []), (32, ["too_deep"]), (100_000, ["too_deep"])])
def test_a_configuration_is_at_most_32_levels_deep(levels, codes):
    deep = []
    for _ in range(levels - 1):
        deep = [deep]
    made = problems("openai", {"api_key": "k", "x": deep}, lenient=True)
    assert [code for code, _, _ in made] == codes
    declared = problems("openai", {"api_key": "k", "organizationId": deep})
    assert [code for code, _, _ in declared] == (codes or ["wrong_type"])


@pytest.mark.parametrize(
    "incoming",
    [
        {"api_key": "a\0b"},
        {"api_key": "k", "organizationId": "a\0b"},
        {"api_key": "k", "endpoint": "https://a\0b"},
        {"api_key": "k", "x": {"y": ["a\0b"]}},
        {"api_key": "k", "x": {"a\0b": 1}},
        {"api_key": "k", "a\0b": 1},
    ],
)
def test_a_nul_character_is_refused_wherever_it_is(incoming):
    assert [code for code, _, _ in problems("openai", incoming, lenient=True)] == ["nul_character"]


@pytest.mark.parametrize("key", ["api_key", "organizationId", "endpoint", "undeclared"])
def test_half_a_surrogate_pair_is_refused(key):
    incoming = {"api_key": "k", key: "a\ud800"}
    assert [code for code, _, _ in problems("openai", incoming, lenient=True)] == ["not_unicode"]


@pytest.mark.parametrize("letter", ["x", "\N{LATIN SMALL LETTER E WITH ACUTE}"])
@pytest.mark.parametrize("key", ["organizationId", "endpoint"])
@pytest.mark.parametrize(("length", "codes"), [(65_536, []), (65_537, ["too_long"])])
def test_a_public_text_has_at_most_65536_characters(key, length, codes, letter):
    text = letter * length if key == "organizationId" else "http://h/" + "x" * (length - 9)
    made = problems("openai", {"api_key": "k", key: text})
    assert made == [(code, f"/configuration/{key}", code) for code in codes]


def test_a_text_with_credentials_is_not_read_when_it_is_longer(monkeypatch):
    monkeypatch.setattr("credenza.connectors.merging.redact", None)
    made = problems("openai", {"api_key": "k", "endpoint": "http://u:p@h/" + "x" * 65_536})
    assert [code for code, _, _ in made] == ["too_long"]


# --- undeclared keys


def test_an_undeclared_key_is_refused_by_place_and_nearest_known_key():
    made = draft("openai", {"api_key": "k", "CANARY": 1, "end_point": "https://h"})
    assert [problem.code for problem in made.problems] == ["unknown_key", "unknown_key"]
    assert {problem.pointer for problem in made.problems} == {"/configuration"}
    assert made.problems[0].message == "Key 2 of the configuration is not a key of type openai."
    assert made.problems[1].message.endswith("did you mean endpoint?")


def test_an_undeclared_name_of_any_length_is_answered_without_it():
    made = draft("openai", {"api_key": "k", "endpoint" * 10_000: 1})
    assert [len(problem.message) < 100 for problem in made.problems] == [True]


@pytest.mark.parametrize(("count", "told"), [(99, 99), (100, 100), (101, 101), (50_000, 101)])
def test_a_hundred_problems_are_told_and_that_there_are_more(count, told):
    made = problems("openai", {"api_key": "k", **{f"x{number}": 1 for number in range(count)}})
    assert len(made) == told
    assert {code for code, _, _ in made[:100]} == {"unknown_key"}
    more = [("too_many_problems", "/configuration", "too_many_problems")]
    assert made[100:] == (more if count > 100 else [])


def test_a_key_is_guessed_for_64_names_of_a_batch_and_for_one_name_once(monkeypatch):
    asked = []
    guess = difflib.get_close_matches
    monkeypatch.setattr(
        difflib, "get_close_matches", lambda name, *_, **__: asked.append(name) or guess(name, ["endpoint"])
    )
    offers = [({"api_key": "k", "end_point": 1, f"x{number}": 1}, EMPTY) for number in range(200)]
    made = draft_all(CATALOGUE["openai"], offers, lenient=False)
    assert asked == ["end_point", *(f"x{number}" for number in range(63))]
    assert all(one.problems[0].message.endswith("did you mean endpoint?") for one in made)


def test_undeclared_keys_are_sealed_together_where_checks_are_lenient():
    made = draft("openai", {"z": None, "api_key": "k", "a": {"c": [1, "ü"], "b": 1.5}}, lenient=True)
    assert made.public == {}
    assert made.entered == {"/api_key": "k", UNKNOWN: '{"a":{"b":1.5,"c":[1,"ü"]},"z":null}'}
    assert made.missing == ()


def test_undeclared_keys_together_are_at_most_as_long_as_a_secret():
    many = {f"x{number}": "y" * 1000 for number in range(70)}
    assert problems("openai", {"api_key": "k", **many}, lenient=True) == [
        ("secret_too_long", "/configuration", "secret_too_long")
    ]


@pytest.mark.parametrize("lenient", [False, True])
def test_the_object_of_a_read_keeps_undeclared_keys(lenient):
    held = Held({}, {"/api_key": None, UNKNOWN: None})
    made = draft("openai", {"$unknown": PRESENT}, held, lenient=lenient)
    assert only(made) == ({}, {}, ("/api_key", UNKNOWN), (), {})


@pytest.mark.parametrize("lenient", [False, True])
def test_undeclared_keys_are_cleared_when_they_are_left_out(lenient):
    held = Held({}, {"/api_key": None, UNKNOWN: None})
    assert only(draft("openai", {}, held, lenient=lenient))[2:4] == (("/api_key",), (UNKNOWN,))


def test_undeclared_keys_are_replaced_as_a_whole():
    held = Held({}, {"/api_key": None, UNKNOWN: None})
    made = draft("openai", {"x": 1}, held, lenient=True)
    assert only(made)[1:4] == ({UNKNOWN: '{"x":1}'}, ("/api_key",), ())


@pytest.mark.parametrize("lenient", [False, True])
def test_the_object_of_a_read_for_undeclared_keys_that_are_not_held_is_refused(lenient):
    assert problems("openai", {"api_key": "k", "$unknown": PRESENT}, lenient=lenient) == [
        ("secret_not_held", "/configuration", "secret_not_held")
    ]


def test_new_undeclared_keys_and_the_object_of_a_read_do_not_go_together():
    held = Held({}, {"/api_key": None, UNKNOWN: None})
    incoming = {"$unknown": PRESENT, "x": 1}
    assert problems("openai", incoming, held, lenient=True)[0][0] == "unknown_mixed"
    assert problems("openai", incoming, held)[0][0] == "unknown_key"


@pytest.mark.parametrize("value", [None, "text", 1, {}, {"x": 1}, {"$secret": 1}])
def test_any_other_value_there_is_an_undeclared_key_like_others(value):
    held = Held({}, {"/api_key": None, UNKNOWN: None})
    assert problems("openai", {"$unknown": value}, held)[0][0] == "unknown_key"
    made = draft("openai", {"$unknown": value}, held, lenient=True)
    assert json.loads(made.entered[UNKNOWN]) == {"$unknown": value}


# --- lenient checks and conditions


def test_a_lenient_check_says_what_is_missing_and_saves_it():
    made = draft("pgvectordb", {"indexing_method": "ivfflat", "user": "u"}, lenient=True)
    assert made.public == {"user": "u", "indexing_method": "ivfflat"}
    assert set(made.missing) == {
        "/password",
        "/datasourceURL",
        "/dimensions",
        "/distance_metric",
        "/inverted_list_count",
    }


def test_a_lenient_check_counts_one_of_several_alternatives_as_missing():
    made = draft("gcp_pubsub", {"projectName": "p", "file": "{}"}, lenient=True)
    assert (made.missing, made.problems) == (("/location",), ())


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("dimensions", [], "wrong_type"),
        ("indexing_method", "x", "not_allowed"),
        ("dimensions", "x", "bad_format"),
    ],
)
def test_a_lenient_check_still_refuses_wrong_values(key, value, code):
    made = problems("pgvectordb", {key: value}, lenient=True)
    assert [(found, pointer) for found, pointer, _ in made] == [(code, f"/configuration/{key}")]


def test_a_complete_record_lacks_nothing():
    assert draft("openai", {"api_key": "k"}, lenient=True).missing == ()


def test_a_conditional_problem_names_the_condition_by_key_and_documented_value():
    made = draft("aws", {"connectionType": "ACCESS_KEY", "region": "r", "user": "CANARY"})
    assert [problem.message for problem in made.problems] == [
        'api_key is required when connectionType is "ACCESS_KEY".'
    ]


def test_a_kept_secret_meets_a_condition():
    held = Held({}, {"/api_key": None})
    assert only(draft("aws", {"connectionType": "ACCESS_KEY", "region": "r", "user": "u"}, held))


def test_all_problems_are_told_at_once():
    incoming = {"api_key": "****", "endpoint": "https://a@b@c", "organizationId": 5, "x": 1, "y": "a\0"}
    codes = [code for code, _, _ in problems("openai", incoming)]
    assert sorted(codes) == ["masked_secret", "unknown_key", "unknown_key", "unreadable_url", "wrong_type"]


def test_a_key_is_told_its_first_problem_only():
    pointers = [pointer for _, pointer, _ in problems("amqp", {"protocol": "a\0", "port": 2**60})]
    assert len(pointers) == len(set(pointers))


def test_a_draft_with_problems_carries_nothing_else():
    made = draft("openai", {"api_key": "k", "organizationId": 5}, OPENAI)
    assert made == Draft(problems=made.problems)


def test_one_bad_configuration_does_not_touch_its_neighbours():
    good, bad = {"api_key": "k"}, {"api_key": 5}
    offers = [(configuration, EMPTY) for configuration in (good, bad, good, {}, good)]
    made = draft_all(CATALOGUE["openai"], offers, lenient=False)
    assert [bool(one.problems) for one in made] == [False, True, False, True, False]
    assert [one.entered for one in made] == [{"/api_key": "k"}, {}, {"/api_key": "k"}, {}, {"/api_key": "k"}]


def test_what_came_in_is_not_changed():
    incoming = {"api_key": "k", "endpoint": "https://u:p@h", "x": 1, "organizationId": None}
    before = dict(incoming)
    draft("openai", incoming, OPENAI, lenient=True)
    assert incoming == before


def test_no_offers_give_no_drafts():
    assert draft_all(CATALOGUE["openai"], [], lenient=False) == []
