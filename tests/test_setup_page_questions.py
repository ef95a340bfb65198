"""A connector type as questions: which fields are asked, and what the answers make."""

from __future__ import annotations

import base64

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector_examples import SCHEMA, changed
from credenza.connectors import EMPTY, ConnectorType, draft_all
from credenza.connectors.destination import find_hosts
from credenza.sensitive import Sensitive
from credenza.web.setup.model import Answers, Kind
from credenza.web.setup.questions import Asked, check, make_form
from setup_page import CATALOGUE, asking
from web_answers import CANARY

BOX = {"title": "Verify", "description": "Whether to.", "type": "boolean"}
RATE = {"title": "Rate", "description": "Rate.", "type": "number", "minimum": 0}
PICKS = {
    "title": "Picks",
    "description": "Some.",
    "type": "array",
    "items": {"type": "string", "enum": ["a", "b"]},
}


def acme(*edits):
    schema = changed(*edits) if edits else SCHEMA
    return Asked(ConnectorType.compile("acme", schema, b""))


def answers(uploads=None, **texts):
    return Answers(
        {key: Sensitive(text) for key, text in texts.items()},
        {key: Sensitive(content) for key, content in (uploads or {}).items()},
    )


def keys(asked, given=None):
    return [field.key for field in make_form(asked, "s", given).fields]


def field(asked, key, given=None, problems=()):
    return next(field for field in make_form(asked, "s", given, problems).fields if field.key == key)


def say(asked, **texts):
    """Return what the form says of what was entered, by field."""
    given = answers(**texts)
    form = make_form(asked, "s", given, check(asked, given).problems)
    return {field.key: field.problem for field in form.fields if field.problem} | (
        {"": " ".join(form.notes)} if form.notes else {}
    )


def values(asked, given):
    checked = check(asked, given)
    assert checked.problems == ()
    return checked.values.reveal()


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_every_shipped_type_makes_a_form_of_which_each_field_has_a_label(name):
    fields = make_form(asking(name), "s").fields

    assert all(field.label for field in fields)
    assert {field.key for field in fields} <= {*CATALOGUE[name].keys}
    assert all(field.value is None for field in fields if field.key in CATALOGUE[name].secrets)


def test_a_field_comes_and_goes_with_the_choice_it_hangs_on():
    role, key = ({"roleArn", "externalId"}, {"user", "api_key"})

    assert not (role | key) & {*keys(asking("aws"))}
    assert role <= {*keys(asking("aws"), answers(connectionType="EXTERNAL_ROLE"))}
    assert not role & {*keys(asking("aws"), answers(connectionType="ACCESS_KEY"))}
    assert field(asking("aws"), "connectionType").decides


def test_a_choice_that_went_away_decides_nothing_any_longer():
    jks = {"tls": "JKS", "truststoreAuthenticationType": "usingPassword"}

    assert "keyStorePassword" in keys(asking("nats"), answers(**jks))
    assert "keyStorePassword" not in keys(asking("nats"), answers(**jks | {"tls": "PEM"}))


def test_a_field_that_appears_holds_its_default_and_one_that_was_emptied_stays_empty():
    assert field(asking("ollama"), "endpoint", answers()).text.startswith("http")
    assert field(asking("ollama"), "endpoint", answers(endpoint="")).text == ""


def test_a_choice_that_was_made_elsewhere_shows_its_branch_and_is_not_asked_again():
    asked = asking("aws", brought={"connectionType": "ACCESS_KEY", "region": "eu-west-1"})

    assert keys(asked) == ["awsAccountId", "user", "api_key"]
    assert field(asked, "api_key").required
    assert values(asked, answers(user="u", api_key="k")) == {"user": "u", "api_key": "k"}


def test_a_half_can_be_asked_alone():
    secrets = asking(
        "aws",
        keys=CATALOGUE["aws"].secrets,
        brought={"connectionType": "EXTERNAL_ROLE", "region": "x", "roleArn": "y"},
    )

    assert keys(secrets) == ["awsAccountId", "externalId"]
    assert keys(asking("openai", keys={"endpoint"}, held={"/api_key": None})) == ["endpoint"]
    assert values(
        asking("openai", keys={"endpoint"}, held={"/api_key": None}), answers(endpoint="https://a.example")
    )


def test_a_stored_secret_need_not_be_entered_again():
    asked = asking("openai", held={"/api_key": None})

    assert (field(asked, "api_key").required, field(asked, "api_key").stored) == (False, True)
    assert values(asked, answers()) == {}


def test_texts_become_what_the_schema_asks_for():
    asked = acme(("/properties/verify", BOX), ("/properties/rate", RATE), ("/properties/picks", PICKS))
    given = answers(
        endpoint=" https://a.example ",
        token=" kept as it is ",
        mode="b",
        port="7",
        verify="true",
        rate="0.5",
        scopes="a\r\n\r\n b ",
        picks="a\nb",
    )

    assert values(asked, given) == {
        "endpoint": "https://a.example",
        "token": " kept as it is ",
        "mode": "b",
        "port": 7,
        "verify": True,
        "rate": 0.5,
        "scopes": ["a", "b"],
        "picks": ["a", "b"],
    }
    kinds = [
        Kind.TEXT,
        Kind.PASSWORD,
        Kind.CHOICE,
        Kind.NUMBER,
        Kind.LINES,
        Kind.CHOICE,
        Kind.NUMBER,
        Kind.CHECKS,
    ]
    assert [each.kind for each in make_form(asked, "s", given).fields] == kinds
    assert [choice.label for choice in field(asked, "verify").options] == ["Yes", "No"]


def test_what_is_left_empty_is_left_out():
    assert values(acme(), answers(token="t", mode="", port="", scopes="\n")) == {"token": "t"}


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ({}, {"token": "Fill this in."}),
        ({"token": "••••"}, {"token": "These are only mask characters; enter the value itself."}),
        ({"token": "t", "mode": "b", "port": "70"}, {"port": "Enter 9 or less."}),
        ({"token": "t", "mode": "b", "port": "many"}, {"port": "Enter a whole number from 1 to 9."}),
        ({"token": "t", "mode": "b", "port": "1_0"}, {"port": "Enter a whole number from 1 to 9."}),
        ({"token": "t", "mode": "c"}, {"mode": "Choose one of the options."}),
        ({"token": "t", "mode": "b"}, {"port": "Fill this in."}),
        ({"token": "t", "rate": "much"}, {"rate": "Enter a number."}),
        ({"token": "t", "rate": "-1"}, {"rate": "Enter 0 or more."}),
        ({"token": "t", "rate": "nan"}, {"rate": "Enter a number."}),
        ({"token": "t", "rate": "9" * 30}, {"rate": "This number is too large."}),
        ({"token": "t", "verify": "maybe"}, {"verify": "Enter yes or no."}),
        ({"token": "t", "scopes": "a\n" * 6}, {"scopes": "Enter at most 5 lines."}),
        ({"token": "t\0"}, {"token": "This holds a character that cannot be saved."}),
        ({"token": "t" * 70_000}, {"token": "This is longer than 65,536 bytes."}),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence_beside_the_field(texts, said):
    asked = acme(("/properties/verify", BOX), ("/properties/rate", RATE))

    assert say(asked, **texts) == said


def test_what_belongs_to_no_field_is_said_once_with_the_labels_that_people_see():
    said = say(asking("gcp_pubsub"), projectName="p", file="{}")

    assert [*said] == [""]
    assert "“" in said[""]
    assert not {"location", "subscription"} & {*said[""].replace("“", "").replace("”", "").split()}


def test_a_file_is_uploaded_or_pasted_and_the_upload_goes_first():
    asked = asking("gcp", keys={"file"}, brought={"projectId": "p", "location": "l"})
    pasted = answers(file='{\r\n"a": 1}')

    assert check(asked, pasted).values.reveal() == {"file": '{\n"a": 1}'}
    assert check(asked, answers({"file": b"{}"}, file="other")).values.reveal() == {"file": "{}"}


def test_a_store_of_certificates_is_no_text_and_is_written_in_base64():
    store = b"\xfe\xed\xfe\xed\x00"
    ibm = asking("ibm_mq", keys={"file"}, brought={"authenticationType": "JKS"})

    assert check(ibm, answers({"file": store})).values.reveal() == {"file": base64.b64encode(store).decode()}
    gcp = asking("gcp", keys={"file"})
    refused = answers({"file": store})
    form = make_form(gcp, "s", refused, check(gcp, refused).problems)
    assert form.fields[0].problem == "This file is not text; choose the file in its text form."


def test_an_upload_into_a_field_that_takes_none_is_left_out():
    assert [p.pointer for p in check(acme(), answers({"token": b"t"})).problems] == ["/configuration/token"]


def test_a_known_choice_is_not_the_only_one():
    chosen = field(asking("kafka"), "protocol", answers(protocol="OF OUR OWN"))

    assert (chosen.free, chosen.other) == (True, "OF OUR OWN")
    assert field(acme(), "mode", answers(mode="OF OUR OWN")).other == ""
    assert "protocol" not in say(asking("kafka"), protocol="OF OUR OWN")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(CATALOGUE)), st.data())
def test_whatever_is_entered_the_form_comes_back_and_what_it_accepts_may_be_saved(name, data):
    texts = data.draw(
        st.dictionaries(
            st.sampled_from(CATALOGUE[name].keys),
            st.sampled_from([CANARY, "1", "true", "", "a\nb", "\x00", "*", "é" * 9]),
        )
    )
    asked, given = asking(name), answers(**texts)
    checked = check(asked, given)
    form = make_form(asked, "s", given, checked.problems)
    said = [field.problem for field in form.fields] + [*form.notes]

    assert form.refused == bool(checked.problems)
    assert CANARY not in " ".join(said) + repr((form, checked, asked))
    assert all(field.value is None for field in form.fields if field.secret)
    if not checked.problems:
        assert draft_all(CATALOGUE[name], [(checked.values.reveal(), EMPTY)], lenient=False)[0].problems == ()


def test_no_example_or_default_of_a_type_is_told_to_be_an_address_without_a_host():
    given = [
        (name, key, text)
        for name, type_ in CATALOGUE.items()
        for key, kind in type_.destinations.items()
        if kind in {"url", "hosts"}
        for rules in (type_.schema["properties"][key],)
        for text in [*rules.get("examples", ()), *([rules["default"]] if "default" in rules else [])]
    ]

    assert len(given) > 5
    assert [each for each in given if not find_hosts(each[2])] == []
