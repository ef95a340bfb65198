"""Configurations of apis: what is public stands in clear, the rest is sealed; versions and reveals of it."""

import pytest

from api_parts import (
    MODEL,
    ONE,
    PUBLIC,
    SECRET,
    UNDECLARED,
    api_of,
    configure,
    names_of_clear_values,
    places,
    resolved,
    shown,
    told,
)
from credenza.model import ApiPut, DropApi
from credenza.sensitive import Sensitive
from examples import API, dump, item, query, save
from web_answers import check_problem


@pytest.fixture
def one(api):
    """Save an integration without apis."""
    save(api, item(configuration={"api_key": "sk", "endpoint": "https://api.openai.com"}))
    return api


def test_what_is_declared_public_stands_in_clear_and_everything_else_is_sealed(one, database):
    assert configure(one, **PUBLIC, **SECRET, **UNDECLARED).status_code == 200

    seen = shown(one)
    assert {key: value for key, value in seen.items() if key in PUBLIC} == PUBLIC
    assert seen.keys() - PUBLIC.keys() == {*SECRET, "$unknown"}
    assert all(set(seen[key]["$secret"]) == {"version", "updatedAt"} for key in seen.keys() - PUBLIC.keys())
    secret = [*SECRET.values(), *UNDECLARED, "undeclared-value"]
    assert names_of_clear_values(database, "gpt-4o", *secret) == ["gpt-4o"]


def test_a_reveal_shows_the_configurations_of_apis_in_clear(one):
    configure(one, **PUBLIC, **SECRET, **UNDECLARED)

    assert resolved(one) == PUBLIC | SECRET | UNDECLARED
    assert one.get(f"{ONE}/resolved").json()["configuration"]["api_key"] == "sk"


def test_no_read_but_the_reveal_shows_a_sealed_value(one):
    configure(one, **SECRET, **UNDECLARED)
    paths = [MODEL, ONE, f"{ONE}/integration", f"{ONE}/history", f"{ONE}/history/2", f"{API}/"]

    text = "".join(one.get(path).text for path in paths) + one.get(f"{ONE}/history/2?against=1").text

    assert [word for word in (*SECRET.values(), *UNDECLARED, "undeclared-value") if word in text] == []


def test_a_bulk_save_takes_configurations_of_apis_and_tells_what_became_of_each_secret(api):
    answer = save(api, item(apis=[api_of(**PUBLIC, **SECRET, **UNDECLARED), api_of("a/b", api_key="sk")]))

    assert told(answer) == {
        "/configuration/api_key": "set",
        "/apis/gpt/configuration/api_key": "set",
        "/apis/gpt/configuration/password": "set",
        "/apis/gpt/configuration/$unknown": "set",
        "/apis/a~1b/configuration/api_key": "set",
    }
    assert resolved(api) == PUBLIC | SECRET | UNDECLARED
    assert resolved(api, "a/b") == {"api_key": "sk"}


@pytest.mark.parametrize(
    ("sent", "word", "left"),
    [
        ({}, "kept", "first"),
        ({"api_key": "first"}, "unchanged", "first"),
        ({"api_key": "second"}, "replaced", "second"),
        ({"api_key": None}, "cleared", None),
    ],
)
def test_a_secret_is_kept_when_absent_cleared_by_null_and_replaced_by_a_text(one, sent, word, left):
    configure(one, api_key="first", model="m")

    answer = save(one, item(configuration=None, apis=[api_of(**sent)]))

    assert told(answer)["/apis/gpt/configuration/api_key"] == word
    assert resolved(one).get("api_key") == left
    assert "model" not in resolved(one)


def test_a_save_without_a_configuration_leaves_it_as_it_is(one, database):
    configure(one, **PUBLIC, **SECRET, **UNDECLARED)
    sealed = query(database, "SELECT sealed FROM secrets")

    one.post(MODEL, json={"description": "new"})
    save(one, item(configuration=None, apis=[{"integrationName": "one", "api": "gpt", "enabled": False}]))

    assert resolved(one) == PUBLIC | SECRET | UNDECLARED
    assert query(database, "SELECT sealed FROM secrets") == sealed


def test_undeclared_keys_are_kept_by_their_reference_and_go_without_it(one):
    configure(one, **UNDECLARED, model="m")

    configure(one, **shown(one))
    assert resolved(one) == UNDECLARED | {"model": "m"}

    configure(one, model="m")
    assert resolved(one) == {"model": "m"}


def test_undeclared_keys_do_not_stand_beside_a_reference_to_others(one):
    configure(one, **UNDECLARED)

    answer = configure(one, **shown(one), more="x")

    assert answer.status_code == 400
    assert [pointer for _, pointer in places(answer)] == ["/configuration"]


def test_a_configuration_read_and_posted_back_changes_nothing(one, database):
    configure(one, **PUBLIC, **SECRET, **UNDECLARED, endpoint="https://u:p@api.openai.com/v1")
    before = dump(database)

    assert configure(one, **shown(one)).status_code == 200
    assert one.post(ONE, json=one.get(f"{API}/").json()[0]).status_code == 200
    assert save(one, *one.get(f"{API}/").json()).json()["unchanged"] == 1
    assert dump(database) == before


def test_the_very_same_secrets_entered_again_change_nothing(one, database):
    configure(one, **SECRET, **UNDECLARED)
    before = dump(database)

    assert configure(one, **SECRET, **UNDECLARED).status_code == 200
    assert dump(database) == before


@pytest.mark.parametrize(
    ("configuration", "code", "where"),
    [
        ({"api_key": "****"}, "masked_secret", "/api_key"),
        ({"api_key": ""}, None, "/api_key"),
        ({"api_key": 5}, None, "/api_key"),
        ({"api_key": {"$secret": {}}}, "secret_not_held", "/api_key"),
        ({"$unknown": {"$secret": {}}}, "secret_not_held", ""),
        ({"api_key": "k" * 65_537}, "secret_too_long", "/api_key"),
        ({"undeclared": "k" * 65_537}, "secret_too_long", ""),
        ({"undeclared": "nul\0"}, "nul_character", ""),
        ({"temperature": -1}, None, "/temperature"),
        ({"endpoint": "https:user:pw@@host"}, "unreadable_url", "/endpoint"),
    ],
)
def test_what_cannot_be_kept_is_named_by_place_and_rule(one, configuration, code, where):
    single = configure(one, **configuration)
    bulk = save(
        one, item(configuration=None, apis=[{"integrationName": "one", "api": "m"}, api_of(**configuration)])
    )

    assert (single.status_code, bulk.status_code) == (400, 400)
    assert [pointer for _, pointer in places(single)] == [f"/configuration{where}"]
    assert [pointer for _, pointer in places(bulk)] == [f"/apis/1/configuration{where}"]
    assert code in {None, single.json()["code"]}
    assert one.get(ONE).json()["version"] == 1


# Destinations


def test_a_rollback_brings_back_the_secrets_an_api_had(one):
    configure(one, api_key="first", model="m")
    configure(one, api_key="second", undeclared="x")
    one.delete(MODEL)

    for version, expected in (
        (2, {"api_key": "first", "model": "m"}),
        (3, {"api_key": "second", "undeclared": "x"}),
    ):
        assert one.post(f"{ONE}/rollback", json={"version": version}).status_code == 200
        assert resolved(one) == expected


def test_the_history_tells_what_became_of_each_secret_of_an_api(one):
    configure(one, api_key="first", model="m")
    configure(one, api_key="second", model="n")
    configure(one, api_key=None)
    one.delete(MODEL)

    listed = one.get(f"{ONE}/history").json()["versions"]
    at = "/apis/gpt/configuration/api_key"
    assert [[(c["pointer"], c["change"]) for c in each["changes"]] for each in listed] == [
        [("/apis/gpt", "removed")],
        [(at, "secret_cleared"), ("/apis/gpt", "changed")],
        [(at, "secret_replaced"), ("/apis/gpt", "changed")],
        [(at, "secret_set"), ("/apis/gpt", "added")],
        [],
    ]


def test_the_secrets_of_a_removed_api_are_destroyed_when_no_kept_version_needs_them(one, database):
    configure(one, **SECRET)
    one.delete(MODEL)
    assert query(database, "SELECT count(*) FROM secrets WHERE path LIKE '/$apis/%'") == [(2,)]

    for number in range(10):
        one.post(ONE, json={"description": str(number)})

    assert query(database, "SELECT path FROM secrets WHERE path LIKE '/$apis/%'") == []
    answer = one.post(f"{ONE}/rollback", json={"version": 2})
    check_problem(answer, 400, "secret_reentry_required")
    assert {pointer for _, pointer in places(answer)} == {f"/apis/gpt/configuration/{key}" for key in SECRET}


def test_nothing_of_a_removed_api_comes_back_under_its_name(one):
    configure(one, **PUBLIC, **SECRET, **UNDECLARED)
    one.delete(MODEL)

    assert one.post(MODEL, json={}).status_code == 200
    assert shown(one) == resolved(one) == {}
    check_problem(configure(one, api_key={"$secret": {}}), 400, "secret_not_held")


def test_an_api_made_anew_under_the_same_name_has_its_own_secrets(one, database):
    configure(one, api_key="first")
    one.delete(MODEL)
    configure(one, api_key="second")

    assert resolved(one) == {"api_key": "second"}
    current = "SELECT count(*) FROM secrets WHERE path = '/$apis/gpt/api_key' AND last_version IS NULL"
    assert query(database, current) == [(1,)]


def test_an_api_dropped_and_made_anew_in_one_change_keeps_nothing_of_the_one_before(one, workspace, database):
    configure(one, **SECRET)

    anew = ApiPut("gpt", configuration=Sensitive({"api_key": "other"}))
    workspace.amend("one", DropApi("gpt"), anew).result()

    assert resolved(one) == {"api_key": "other"}
    current = "SELECT path FROM secrets WHERE path LIKE '/$apis/%' AND last_version IS NULL"
    assert query(database, current) == [("/$apis/gpt/api_key",)]
    one.post(f"{ONE}/rollback", json={"version": 2})
    assert resolved(one) == SECRET


def test_only_what_changes_makes_a_new_version_of_a_secret(one):
    configure(one, **SECRET)
    configure(one, model="m")
    configure(one, api_key="other")

    versions = {key: value["$secret"]["version"] for key, value in shown(one).items()}
    assert versions == {"api_key": 4, "password": 2}


# Who may


def test_one_who_may_not_reveal_is_told_of_no_guess_in_a_rehearsal(one, key):
    configure(one, api_key="sk-of-the-model", undeclared="value")
    editor = {"X-Authorization": key("editor")}
    for guess in ("sk-of-the-model", "sk-other"):
        for value in ("value", "other"):
            change = item(configuration=None, apis=[api_of(api_key=guess, undeclared=value)])
            answer = save(one, change, headers=editor, dryRun="true")
            assert {each for path, each in told(answer).items() if "gpt" in path} == {"provided"}
            assert answer.json()["updated"] == 1


def test_one_who_may_not_reveal_cannot_try_undeclared_values_beside_a_kept_secret(one, key):
    """A right guess and a wrong one are told alike, be it in the very words of the save before."""

    def guess(value, **request):
        api = api_of(api_key={"$secret": {}}, undeclared=value)
        return save(one, item(configuration=None, description="d", apis=[api]), **request)

    configure(one, api_key="sk-of-the-model", undeclared="value")
    assert guess("value").json()["updated"] == 1
    assert guess("value").json()["unchanged"] == 1
    editor = {"X-Authorization": key("editor")}

    for value in ("value", "other"):
        answer = guess(value, headers=editor)
        assert places(answer) == [("secret_reentry_required", "/apis/0/configuration/api_key")]


def test_an_editor_saves_secrets_of_apis_and_never_reads_them(one, key):
    editor = {"X-Authorization": key("editor")}

    assert configure(one, headers=editor, **SECRET).status_code == 200
    check_problem(one.get(f"{ONE}/resolved", headers=editor), 403)
    assert resolved(one) == SECRET


def test_a_rehearsed_save_says_the_same_and_seals_nothing(one, database):
    before = dump(database)
    change = item(configuration=None, apis=[api_of(**PUBLIC, **SECRET, **UNDECLARED)])

    planned = save(one, change, dryRun="true")

    assert dump(database) == before
    assert planned.json() == save(one, change).json() | {"dryRun": True}


def test_the_reveal_names_the_secrets_of_apis_in_its_audit_row(one, database):
    configure(one, **SECRET)
    resolved(one)

    (told,) = query(database, "SELECT items FROM audit WHERE verb = 'reveal'")[0]
    assert b"/apis/gpt/configuration/api_key" in told
