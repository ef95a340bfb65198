"""Connector types as forms, and registering them: by form or by schema, all or none."""

import pytest

from credenza.access import ROLES
from credenza.model import Permission, Role
from examples import dump, query, read, resolve, save
from form_examples import CANARY, REFUSED, edited
from own_types import CONFIGURATION, DEF, FORM, ONE, OTHER, REGISTER, SCHEMA, places, register, results, use
from web_answers import check_problem


def test_the_shipped_types_are_listed_as_forms_in_the_order_of_their_names(api, service):
    listed = api.get(DEF).json()

    assert [each["name"] for each in listed] == list(service.catalogue)
    openai = next(each for each in listed if each["name"] == "openai")
    assert api.get(f"{DEF}/openai").json() == openai
    assert [(each["fieldName"], each["fieldType"], each["optional"]) for each in openai["configuration"]] == [
        ("api_key", "PASSWORD", False),
        ("endpoint", "TEXT", True),
        ("organizationId", "TEXT", True),
    ]


@pytest.mark.parametrize("name", ["unheard", "api", "meta", "OpenAI", "%00", "a%2Fb"])
def test_a_type_that_is_not_there_is_a_404(api, name):
    check_problem(api.get(f"{DEF}/{name}"), 404, "not_found")
    check_problem(api.delete(f"{DEF}/{name}"), 404, "not_found")


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("path", [DEF, f"{DEF}/openai"])
def test_whoever_may_read_may_read_types(client, key, role, path):
    answer = client.get(path, headers={"X-Authorization": key(role)})

    assert answer.status_code == (200 if Permission.READ in ROLES[role] else 403)


# Registering


def test_a_type_is_registered_by_a_form_and_used_at_once(api):
    answer = register(api, FORM)

    assert (answer.status_code, results(answer)) == (200, [("acme", "created", 1)])
    assert api.get(f"{DEF}/acme").json()["nameLabel"] == "Acme"
    assert "acme" in [each["name"] for each in api.get(DEF).json()]
    assert use(api).json()["created"] == 1
    assert resolve(api) == CONFIGURATION
    assert read(api)["configuration"]["token"].keys() == {"$secret"}


def test_a_type_is_registered_by_a_schema(api):
    assert results(register(api, OTHER)) == [("other", "created", 1)]

    saved = {"name": "one", "type": "other", "configuration": {"endpoint": "https://x.example", "token": "t"}}
    assert save(api, saved).json()["created"] == 1
    assert save(api, {**saved, "name": "two", "configuration": {}}).json()["errors"]


def test_the_file_of_a_type_is_taken_as_it_is_and_named_by_its_id(api):
    file = {"$id": "https://example.com/schemas/other.json", **SCHEMA}

    assert results(register(api, file)) == [("other", "created", 1)]
    assert results(register(api, OTHER | {"schema": file})) == [("other", "unchanged", 1)]
    nameless = register(api, SCHEMA | {"title": ""})
    assert {pointer for _, _, pointer in places(nameless)} == {"/$id", "/title"}


def test_several_types_are_registered_together_or_not_at_all(api, database):
    bad = edited(("/name", "kafka"))
    refused = register(api, FORM, bad, OTHER)

    check_problem(refused, 400)
    assert places(refused) == [(1, "type_taken", "/name")]
    assert query(database, "SELECT * FROM papers") == []
    assert results(register(api, FORM, OTHER)) == [("acme", "created", 1), ("other", "created", 1)]


def test_the_same_again_changes_nothing(api, database):
    register(api, FORM, OTHER)
    papers, before = query(database, "SELECT * FROM papers"), dump(database)

    assert results(register(api, FORM, OTHER)) == [("acme", "unchanged", 1), ("other", "unchanged", 1)]
    assert (query(database, "SELECT * FROM papers"), dump(database)) == (papers, before)


def test_a_form_read_and_registered_again_changes_nothing(api):
    register(api, FORM)

    assert results(register(api, api.get(f"{DEF}/acme").json())) == [("acme", "unchanged", 1)]


def test_a_type_that_nothing_has_is_replaced(api):
    register(api, FORM)

    assert results(register(api, edited(("/description", "Other")))) == [("acme", "updated", 2)]
    assert api.get(f"{DEF}/acme").json()["description"] == "Other"


def test_a_type_that_integrations_have_stays_as_it_is(api, database):
    register(api, FORM)
    use(api)
    before = query(database, "SELECT * FROM papers")

    answer = register(api, OTHER, edited(("/description", "Other")))

    check_problem(answer, 409)
    assert places(answer) == [(1, "type_in_use", "/name")]
    assert query(database, "SELECT * FROM papers") == before
    assert results(register(api, FORM)) == [("acme", "unchanged", 1)]
    api.delete(ONE)
    assert results(register(api, edited(("/description", "Other")))) == [("acme", "updated", 2)]


@pytest.mark.parametrize(
    ("edit", "code", "pointer"), [case[1:] for case in REFUSED], ids=[c[0] for c in REFUSED]
)
def test_a_form_that_breaks_a_rule_is_refused_by_place_and_repeats_nothing(api, edit, code, pointer):
    refused = register(api, OTHER, edited(edit))

    assert refused.status_code == 400
    assert {(each["index"], each["code"], each.get("pointer", "")) for each in refused.json()["errors"]} >= {
        (1, code, pointer)
    }
    assert {each["index"] for each in refused.json()["errors"]} == {1}
    assert CANARY not in refused.text


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        ({"name": "kafka", "schema": SCHEMA}, ("type_taken", "/name")),
        ({"name": "Other", "schema": SCHEMA}, ("invalid_name", "/name")),
        ({"name": "other", "schema": {**SCHEMA, "type": "array"}}, ("not_allowed", "/schema/type")),
        ({"name": "other", "schema": {**SCHEMA, "colour": 1}}, ("unknown_key", "/schema")),
        ({"name": "other", "schema": {}}, ("required", "/schema")),
        ({"name": "other", "schema": []}, ("wrong_type", "/schema")),
        ({"schema": SCHEMA}, ("required", "/name")),
        ({**OTHER, "more": 1}, ("unknown_field", "")),
    ],
)
def test_problems_of_a_schema_point_into_the_body_that_was_sent(api, definition, expected):
    refused = register(api, definition)

    assert refused.status_code == 400
    assert (0, *expected) in places(refused)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{}", "wrong_type"),
        (b"[1]", "wrong_type"),
        (b"[{]", "invalid_json"),
        (b'[{"name":"a","name":"b"}]', "duplicate_key"),
        (b"[" * 9_999, None),
        (b'[{"name":"x","schema":' + b'{"a":' * 500 + b"1" + b"}" * 500 + b"}]", None),
    ],
)
def test_a_body_that_is_no_list_of_definitions_is_refused(api, body, code):
    answer = api.post(REGISTER, content=body, headers={"Content-Type": "application/json"})

    check_problem(answer, 400, code)


@pytest.mark.parametrize("entry", [{}, 1], ids=["good", "bad"])
def test_at_most_a_hundred_types_are_registered_at_once(api, entry):
    answer = register(api, *[entry] * 101)

    check_problem(answer, 400, "too_many")
    assert len(places(answer)) == 1


def test_a_type_cannot_be_called_as_the_call_that_registers_it(api):
    refused = register(api, edited(("/name", "register")))

    check_problem(refused, 400)
    assert places(refused) == [(0, "invalid_name", "/name")]


@pytest.mark.parametrize("limits", [{"names": ["ac*"]}, {"tags": [("team", "a")]}])
def test_an_administrator_of_a_part_of_the_workspace_has_no_say_in_its_types(api, key, database, limits):
    register(api, OTHER)
    limited = {"X-Authorization": key("admin", **limits)}
    before = query(database, "SELECT * FROM papers")

    check_problem(register(api, FORM, headers=limited), 403, "forbidden")
    check_problem(api.delete(f"{DEF}/other", headers=limited), 403, "forbidden")
    assert query(database, "SELECT * FROM papers") == before
    assert query(database, "SELECT verb FROM audit ORDER BY sequence DESC LIMIT 1") == [("type.refused",)]
    assert api.get(f"{DEF}/other", headers=limited).status_code == 200


def test_a_name_stands_once_in_a_body(api):
    assert places(register(api, FORM, FORM)) == [(1, "duplicate_name", "/name")]


@pytest.mark.parametrize("role", [each for each in Role if each is not Role.ADMIN])
def test_only_an_administrator_registers_and_removes_and_a_refusal_leaves_a_row(api, key, database, role):
    register(api, OTHER)
    other = {"X-Authorization": key(role)}
    before = query(database, "SELECT * FROM papers")

    for send in (
        lambda: register(api, FORM, headers=other),
        lambda: api.post(REGISTER, json={"not": "a list"}, headers=other),
        lambda: api.delete(f"{DEF}/other", headers=other),
    ):
        rows = query(database, "SELECT count(*) FROM audit")[0][0]
        check_problem(send(), 403, "forbidden")
        assert query(database, "SELECT verb FROM audit ORDER BY sequence")[rows:] == [("type.refused",)]
    assert query(database, "SELECT * FROM papers") == before
