"""Types that a workspace registers from a form: what a form becomes, and what of it is refused."""

import contextlib
import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector_examples import changed
from credenza.connectors import (
    EMPTY,
    Catalogue,
    Held,
    compile_type,
    draft_all,
    read_form,
    read_schema,
    show_form,
)
from credenza.errors import Invalid
from form_examples import CANARY, FORM, JSON, KEY, REFUSED, edited, places, refusal

CATALOGUE = Catalogue.load()
quick = settings(max_examples=150, deadline=None, derandomize=True, database=None)


def send(type_):
    return json.loads(msgspec.json.encode(show_form(type_)))


def acme(*edits):
    return compile_type(read_form(edited(*edits), taken=CATALOGUE))


def problems(type_, incoming, held=EMPTY):
    [draft] = draft_all(type_, [(incoming, held)], lenient=False)
    return [(problem.code, problem.pointer) for problem in draft.problems]


# The way there and back.


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_shipped_type_shown_as_a_form_and_read_again_shows_the_same_form(name):
    form = show_form(CATALOGUE[name])
    assert show_form(compile_type(read_form(send(CATALOGUE[name])))) == form


NAMES = st.from_regex(r"[a-z][a-z0-9_.]{0,8}", fullmatch=True)
LINES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)


@st.composite
def forms(draw):
    """Draw a form of any fields, of which some depend on dropdowns, deeply too."""
    names = draw(st.lists(NAMES, min_size=1, max_size=6, unique=True))
    kinds = {name: draw(st.sampled_from(["DROPDOWN", "TEXT", "PASSWORD", "FILE"])) for name in names}
    choices = {
        name: draw(st.lists(LINES, min_size=1, max_size=3, unique=True))
        for name in names
        if kinds[name] == "DROPDOWN"
    }

    def entries(others, depth=0):
        found = []
        for other in draw(st.lists(st.sampled_from(others), max_size=2)) if others else []:
            entry = {"fieldName": other}
            if other in choices and draw(st.booleans()):
                entry["value"] = draw(st.sampled_from(choices[other]))
            below = entries([each for each in others if each != other], depth + 1) if depth < 2 else []
            found.append({**entry, **({"dependsOn": below} if below else {})})
        return found

    fields = []
    for name in names:
        field = {"fieldName": name, "fieldType": kinds[name], "optional": draw(st.booleans())}
        field |= draw(st.fixed_dictionaries({}, optional={"label": LINES, "description": LINES}))
        field["dependsOn"] = entries([other for other in names if other != name])
        if name in choices:
            field["valueOptions"] = [{"label": text, "value": text} for text in choices[name]]
            if draw(st.booleans()):
                field["defaultValue"] = draw(st.sampled_from(choices[name]))
        fields.append(field)
    return {"name": "acme", "configuration": fields}


@quick
@given(forms())
def test_a_form_of_whatever_fields_is_read_and_then_shows_and_reads_the_same_for_ever(form):
    first = show_form(compile_type(read_form(form)))
    assert [field.field_name for field in first.configuration] == [
        field["fieldName"] for field in form["configuration"]
    ]
    assert [field.field_type for field in first.configuration] == [
        field["fieldType"] for field in form["configuration"]
    ]
    sent = json.loads(msgspec.json.encode(first))
    assert show_form(compile_type(read_form(sent))) == first


def test_a_form_loses_what_it_has_no_words_for():
    """Labels of choices and whether others are taken, numbers, patterns and limits, kinds of destinations."""
    read = compile_type(read_form(send(CATALOGUE["ibm_mq"]))).schema["properties"]
    assert read["protocol"] == {
        "type": "string",
        "title": "Connection Security",
        "description": CATALOGUE["ibm_mq"].schema["properties"]["protocol"]["description"],
        "enum": ["With Username/Password", "Passwordless"],
        "x-destination": "text",
    }
    assert read["port"]["type"] == "string"
    assert {"pattern", "minimum"}.isdisjoint(read["port"])
    assert read["endpoint"]["x-destination"] == "text"
    assert [option.label for option in show_form(acme()).configuration[1].value_options] == ["open", "token"]


# What a form becomes.


def test_what_is_typed_unseen_or_read_from_a_file_is_sealed():
    type_ = acme()
    assert type_.secrets == {"token", "roots"}
    assert type_.schema["properties"]["token"] == {
        "type": "string",
        "title": "Token",
        "description": "Token",
        "writeOnly": True,
        "format": "password",
    }


def test_a_file_may_be_a_trust_store_so_it_counts_as_one():
    assert acme().trusts == {"roots"}


@pytest.mark.parametrize(
    ("key", "before", "after"),
    [
        ("account", "acme", "Acme"),
        ("mode", "open", "token"),
        ("endpoint", "https://gate.example/tenant-a", "https://gate.example/tenant-b"),
        ("endpoint", "https://a.example", None),
    ],
)
def test_any_change_of_a_field_that_is_not_secret_is_a_change_of_where_secrets_go(key, before, after):
    type_ = acme()
    assert set(type_.destinations) == set(type_.keys) - type_.secrets
    values = [type_.destination({key: value} if value else {}, {}) for value in (before, after)]
    assert values[0] != values[1]


def test_a_typed_text_with_credentials_in_it_is_sealed():
    type_ = acme()
    assert type_.embeds == {"account", "endpoint"}
    url = "https://user:made-up@h.example/x"
    [draft] = draft_all(type_, [({"account": "a", "endpoint": url}, EMPTY)], lenient=False)
    assert (draft.public, draft.entered) == ({"account": "a"}, {"/endpoint": url})
    assert draft.redacted == {"/endpoint": "https://h.example/x"}


def test_a_field_that_is_not_optional_is_required_and_not_empty():
    assert problems(acme(), {}) == [("required", "/configuration/account")]
    assert problems(acme(), {"account": ""}) == [("too_short", "/configuration/account")]
    unsaid = edited(("/configuration/4", {"fieldName": "endpoint", "fieldType": "TEXT"}))
    assert read_form(unsaid)["required"] == ["account", "endpoint"]


def test_a_field_that_depends_on_another_is_required_where_its_entries_hold_and_only_there():
    type_ = acme(("/configuration/2/optional", False))
    assert problems(type_, {"account": "a"}) == []
    assert problems(type_, {"account": "a", "mode": "open"}) == []
    assert problems(type_, {"account": "a", "mode": "token"}) == [("required", "/configuration/token")]


def test_an_entry_without_a_value_holds_where_its_field_is_given():
    type_ = acme(("/configuration/2/dependsOn", [{"fieldName": "endpoint"}]))
    assert problems(type_, {"account": "a", "endpoint": "e"}) == [("required", "/configuration/token")]


def test_a_dropdown_takes_its_choices_and_no_other_value():
    assert problems(acme(), {"account": "a", "mode": "other"}) == [("not_allowed", "/configuration/mode")]
    assert acme().schema["properties"]["mode"]["default"] == "open"


def test_a_member_that_is_null_counts_as_absent():
    """Clients send every member of their models."""
    nulls = {
        "value": None,
        "defaultValue": None,
        "valueOptions": None,
        "dependsOn": None,
        "description": None,
    }
    form = edited(
        ("/categoryLabel", None),
        ("/apis", None),
        ("/tags", None),
        ("/configuration/0", {**nulls, **FORM["configuration"][0]}),
        ("/configuration/2/dependsOn/0", {**nulls, "fieldName": "mode", "value": "token", "optional": None}),
    )
    assert read_form(form) == read_form(FORM)


def test_what_a_form_does_not_say_is_made_of_its_names():
    schema = read_form({"name": "acme", "configuration": [{"fieldName": "key", "fieldType": "PASSWORD"}]})
    assert (schema["title"], schema["description"], schema["x-category"]) == ("acme", "acme", "API")
    assert (schema["properties"]["key"]["title"], schema["properties"]["key"]["description"]) == (
        "key",
        "key",
    )
    assert compile_type(schema).name == "acme"


# What is refused.


@pytest.mark.parametrize(
    ("edit", "code", "pointer"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_a_form_that_breaks_a_rule_is_refused_by_place(edit, code, pointer):
    error = refusal(read_form, edited(edit), taken=CATALOGUE)
    assert places(error) == [(code, pointer)]
    assert error.code == code
    assert CANARY not in str(error.problems)


def test_all_problems_of_a_form_are_told_at_once():
    sent = edited(("/name", "K!"), (f"{KEY}/0/fieldType", None), (f"{KEY}/4/fieldName", "account"))
    error = refusal(read_form, sent)
    assert [code for code, _ in places(error)] == ["invalid_name", "required", "duplicate"]
    assert error.code == "invalid_data"


def test_of_more_than_a_hundred_problems_a_hundred_are_told_and_that_there_are_more():
    error = refusal(read_form, {"name": "acme", "configuration": [{"fieldNme": "x"}] * 200})
    assert (len(error.problems), error.problems[-1].code) == (101, "too_many_problems")


def test_a_misspelt_member_is_told_by_position_and_the_name_it_comes_near():
    sent = {"name": "acme", "type": None, "catgory": "API"}
    [problem] = refusal(read_form, sent).problems
    assert problem.message == "Member 3 of this may not stand here; did you mean category?"


def test_a_type_has_two_hundred_fields_at_most():
    many = [{"fieldName": f"k{number}", "fieldType": "PASSWORD"} for number in range(201)]
    assert places(refusal(read_form, {"name": "acme", "configuration": many})) == [("too_long", KEY)]
    assert len(read_form({"name": "acme", "configuration": many[1:]})["properties"]) == 200


def test_a_type_has_a_hundred_conditions_at_most_and_fields_needed_together_are_one():
    choices = [{"label": "l", "value": f"v{number}"} for number in range(101)]
    mode = {"fieldName": "mode", "fieldType": "DROPDOWN", "optional": True, "valueOptions": choices}
    entries = [{"fieldName": "mode", "value": f"v{number}"} for number in range(101)]

    def read(count):
        rest = [
            {"fieldName": name, "fieldType": "PASSWORD", "dependsOn": entries[:count]} for name in ("a", "b")
        ]
        return read_form({"name": "acme", "configuration": [mode, *rest]})

    assert len(read(100)["allOf"]) == 100
    assert places(refusal(read, 101)) == [("too_long", KEY)]


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (("/description", "a\0b"), "nul_character"),
        (("/description", "\ud800"), "not_unicode"),
        (("/enabled", 2**60), "number_out_of_range"),
        (("/description", "x" * 70_000), "too_long"),
    ],
)
def test_what_no_configuration_may_hold_no_type_may_hold(edit, code):
    assert places(refusal(read_form, edited(edit))) == [(code, "")]
    assert places(refusal(read_schema, "acme", changed(edit))) == [(code, "")]


def test_a_schema_made_of_a_small_form_may_still_be_too_large():
    fields = [{"fieldName": f"k{number}", "fieldType": "TEXT", "label": "l" * 120} for number in range(190)]
    assert places(refusal(read_form, {"name": "acme", "configuration": fields})) == [("too_long", "")]


FORM_PLACES = [*("/name", "/type", "/category", "/configuration", "/apis", "/tags", "/enabled", "/x")] + [
    f"/configuration/{place}/{member}"
    for place in range(5)
    for member in (
        "fieldName",
        "fieldType",
        "label",
        "value",
        "defaultValue",
        "valueOptions",
        "dependsOn",
        "x",
    )
]


@quick
@given(st.sampled_from(FORM_PLACES), JSON)
def test_whatever_stands_in_a_form_it_is_read_or_refused_as_invalid(place, value):
    with contextlib.suppress(Invalid):
        assert compile_type(read_form(edited((place, value)))).name


# A catalogue with a workspace's own types.


def test_a_catalogue_is_extended_for_one_workspace_and_stays_as_it_was():
    before = list(CATALOGUE)
    extended = CATALOGUE.extended({"acme": acme()})
    assert list(extended) == sorted([*before, "acme"])
    assert list(CATALOGUE) == before
    assert (extended["kafka"], extended.api) == (CATALOGUE["kafka"], CATALOGUE.api)
    assert CATALOGUE.extended({}) is CATALOGUE


def test_a_type_of_a_workspace_never_stands_in_for_one_of_the_catalogue():
    assert CATALOGUE.extended({"kafka": acme()})["kafka"] is CATALOGUE["kafka"]


def test_a_registered_type_drafts_configurations_like_any_other():
    held = Held({"account": "a", "mode": "token"}, {"/token": None})
    assert problems(acme(), {"account": "a", "mode": "token"}, held) == []
    assert problems(acme(), {"account": "a", "acount": "b"}) == [("unknown_key", "/configuration")]
