"""Connector types of a workspace's own: registered by form or by schema, used at once, and there alone."""

import json
import time

import pytest
from litestar.testing import TestClient

from credenza.access import ROLES
from credenza.model import Permission, Role
from credenza.settings import open_credenza
from credenza.web.app import create_app
from examples import API, dump, item, query, read, resolve, save
from form_examples import CANARY, REFUSED, edited
from web_answers import check_problem

DEF = f"{API}/def"
REGISTER = f"{DEF}/register"
ONE = f"{API}/provider/one"
SOON = 5  # seconds
FORM = edited()
CONFIGURATION = {"account": "me", "mode": "token", "token": "made-up", "endpoint": "https://acme.example"}
SCHEMA = {
    "title": "Other",
    "description": "Another example.",
    "type": "object",
    "x-category": "API",
    "x-destination-version": 1,
    "properties": {
        "endpoint": {
            "title": "Endpoint",
            "description": "Where it is.",
            "type": "string",
            "x-destination": "url",
            "x-credentials": True,
        },
        "token": {
            "title": "Token",
            "description": "From its settings.",
            "type": "string",
            "writeOnly": True,
            "format": "password",
        },
    },
    "required": ["endpoint", "token"],
    "additionalProperties": False,
}
OTHER = {"name": "other", "schema": SCHEMA}


def register(client, *definitions, **request):
    return client.post(REGISTER, json=list(definitions), **request)


def results(answer):
    return [(each["name"], each["result"], each["version"]) for each in answer.json()["results"]]


def places(answer):
    """Return what an answer says is wrong, as (index, code, pointer)."""
    return [(each.get("index"), each["code"], each.get("pointer", "")) for each in answer.json()["errors"]]


def use(client, name="one", **fields):
    """Save an integration of the registered type."""
    return save(client, {"name": name, "type": "acme", "configuration": CONFIGURATION, **fields})


# Reading


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


def test_what_was_registered_replaced_and_removed_stands_in_the_audit(api, database):
    register(api, FORM, OTHER)
    register(api, edited(("/description", "Other")))
    api.delete(f"{DEF}/acme")

    rows = query(database, "SELECT items FROM audit WHERE verb = 'type' ORDER BY sequence")
    told = [[(each["names"], each["result"]) for each in json.loads(items)] for (items,) in rows]
    assert told == [
        [(["acme", "other"], "created")],
        [(["acme"], "updated")],
        [(["acme"], "deleted")],
    ]


# Removing


def test_a_removed_type_is_gone_and_removing_it_again_is_404(api):
    register(api, FORM)

    assert [api.delete(f"{DEF}/acme").status_code for _ in range(2)] == [200, 404]
    check_problem(api.get(f"{DEF}/acme"), 404, "not_found")
    check_problem(use(api), 400, "unknown_type")


def test_a_type_that_integrations_have_is_not_removed(api):
    register(api, FORM)
    use(api)

    answer = api.delete(f"{DEF}/acme")

    check_problem(answer, 409)
    assert places(answer) == [(None, "type_in_use", "/name")]
    assert use(api, description="new").json()["updated"] == 1


def test_a_shipped_type_is_not_removed(api):
    check_problem(api.delete(f"{DEF}/openai"), 404, "not_found")
    assert api.get(f"{DEF}/openai").status_code == 200


def test_a_type_removed_and_registered_otherwise_is_the_new_one(api):
    register(api, FORM)
    api.delete(f"{DEF}/acme")

    assert results(register(api, {"name": "acme", "schema": SCHEMA})) == [("acme", "created", 1)]
    assert [each["fieldName"] for each in api.get(f"{DEF}/acme").json()["configuration"]] == [
        "endpoint",
        "token",
    ]


# Where it is known


def test_a_type_is_known_in_its_own_workspace_only(api, key):
    register(api, FORM)
    other = {"X-Authorization": key("admin", workspace="other")}

    check_problem(api.get(f"{DEF}/acme", headers=other), 404, "not_found")
    assert save(api, item(type="acme"), headers=other).status_code == 400
    assert results(register(api, {"name": "acme", "schema": SCHEMA}, headers=other)) == [
        ("acme", "created", 1)
    ]
    assert len(api.get(f"{DEF}/acme").json()["configuration"]) == 5
    assert api.delete(f"{DEF}/acme", headers=other).status_code == 200
    assert use(api).status_code == 200


@pytest.fixture
def beside(service, api):
    """Return a client of another process on the same store: here, one more service that was opened on it."""
    opened = open_credenza(service.settings, serving=False)
    with TestClient(create_app(opened), raise_server_exceptions=False) as client:
        client.headers["X-Authorization"] = api.headers["X-Authorization"]
        yield client
    opened.close()


def soon(ask, expected):
    until = time.monotonic() + SOON
    while time.monotonic() < until:
        if ask() == expected:
            return True
        time.sleep(0.02)
    return False


def test_another_process_knows_within_moments_what_was_registered_replaced_and_removed(api, beside):
    def seen():
        answer = beside.get(f"{DEF}/acme")
        return answer.json()["description"] if answer.status_code == 200 else answer.status_code

    assert seen() == 404
    register(api, FORM)
    assert soon(seen, "An example.")
    register(api, edited(("/description", "Other")))
    assert soon(seen, "Other")
    api.delete(f"{DEF}/acme")
    register(api, edited(("/description", "Anew")))
    assert soon(seen, "Anew")
    api.delete(f"{DEF}/acme")
    assert soon(seen, 404)


def test_what_another_process_still_takes_for_the_type_saves_nothing(api, beside):
    """Not having heard yet, it finds out in the transaction, and decides again by what is true now."""
    register(api, FORM)
    assert soon(lambda: beside.get(f"{DEF}/acme").status_code, 200)

    api.delete(f"{DEF}/acme")
    check_problem(use(beside), 400, "unknown_type")
    assert api.get(f"{API}/").json() == []

    register(api, FORM)
    assert soon(lambda: beside.get(f"{DEF}/acme").status_code, 200)
    register(api, {"name": "acme", "schema": SCHEMA})
    assert {code for _, code, _ in places(use(beside))} == {"unknown_key"}
    assert api.get(f"{API}/").json() == []


# What was changed behind the program's back


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE papers SET body = replace(body, '\"writeOnly\":true,', '')",
        "UPDATE papers SET version = 2",
        "UPDATE papers SET updated_by = 'me'",
        "UPDATE papers SET mac = x'00'",
        "UPDATE papers SET mac = x''",
        "UPDATE papers SET slug = 'another' WHERE slug = 'acme'",
        "UPDATE papers SET body = (SELECT body FROM papers WHERE slug = 'other') WHERE slug = 'acme'",
        "DELETE FROM papers WHERE slug = 'acme'",
    ],
)
def test_a_type_changed_in_the_database_is_not_believed(api, database, sql):
    register(api, FORM, OTHER)
    use(api)
    query(database, sql)

    assert soon(lambda: api.get(f"{DEF}/acme").status_code, 404)
    assert api.get(f"{DEF}/another").status_code == 404
    check_problem(use(api, description="new"), 400, "unknown_type")


def test_a_type_of_another_workspace_copied_in_the_database_is_not_believed(api, key, database):
    register(api, FORM, headers={"X-Authorization": key("admin", workspace="other")})
    copied = "INSERT INTO papers SELECT (SELECT min(id) FROM workspaces), kind, slug, version, created_at, "
    query(database, f"{copied} created_by, updated_at, updated_by, body, mac FROM papers")

    register(api, OTHER)
    assert api.get(f"{DEF}/other").status_code == 200
    assert api.get(f"{DEF}/acme").status_code == 404


@pytest.mark.parametrize("sql", ["DELETE FROM papers", "UPDATE papers SET mac = x'00'"])
def test_integrations_of_a_type_that_is_lost_are_read_and_removed_and_neither_changed_nor_opened(
    api, database, sql
):
    register(api, FORM)
    use(api, apis=[{"integrationName": "one", "api": "m"}])
    use(api, description="new")
    shown = read(api)
    query(database, sql)
    assert soon(lambda: api.get(f"{DEF}/acme").status_code, 404)

    assert read(api) == shown
    assert len(api.get(f"{ONE}/history").json()["versions"]) == 2
    check_problem(api.get(f"{ONE}/resolved"), 503, "type_not_loaded")
    for change in (
        api.put(f"{ONE}/tags", json=[{"key": "a", "value": "b"}]),
        api.post(f"{ONE}/integration/m", json={"description": "d"}),
        api.post(ONE, json={"description": "d"}),
    ):
        check_problem(change, 503, "type_not_loaded")
    check_problem(use(api, description="newer"), 400, "unknown_type")
    assert read(api) == shown
    assert api.delete(ONE).status_code == 200


# Everything else that integrations can do


def test_integrations_of_a_registered_type_have_history_rollback_and_reveal(api):
    register(api, FORM)
    use(api)
    changed = {**CONFIGURATION, "token": "other", "endpoint": "https://elsewhere.example"}
    use(api, configuration=changed)
    assert resolve(api) == changed

    assert api.post(f"{ONE}/rollback", json={"version": 1}).status_code == 200

    assert resolve(api) == CONFIGURATION
    changes = api.get(f"{ONE}/history/3", params={"against": 2}).json()["changes"]
    assert {(each["pointer"], each["change"]) for each in changes} == {
        ("/configuration/endpoint", "changed"),
        ("/configuration/token", "secret_replaced"),
    }


def test_the_secrets_of_a_registered_type_are_bound_to_whatever_its_form_lets_be_changed(api):
    register(api, FORM)
    use(api)

    for change in ({"endpoint": "https://elsewhere.example"}, {"account": "you"}, {"roots": "trusted"}):
        shown = read(api)["configuration"]
        answer = save(api, {"name": "one", "type": "acme", "configuration": {**shown, **change}})
        check_problem(answer, 400, "secret_reentry_required")


def test_a_locked_vault_hides_registered_types_until_it_is_opened_again(api, service, monkeypatch):
    register(api, FORM)
    use(api)
    shown = read(api)
    with monkeypatch.context() as patch:
        patch.delenv("CREDENZA_TEST_KEK")
        service.vault.unlock()

    assert soon(lambda: api.get(f"{DEF}/acme").status_code, 404)
    assert api.get(f"{DEF}/openai").status_code == 200
    assert read(api)["configuration"]["token"]["$secret"]["state"] == "undecryptable"
    check_problem(use(api, description="new"), 503, "vault_key_unavailable")
    check_problem(register(api, FORM), 503, "vault_key_unavailable")

    service.vault.unlock()
    assert soon(lambda: api.get(f"{DEF}/acme").status_code, 200)
    assert read(api) == shown
    assert resolve(api) == CONFIGURATION


def test_a_type_lost_in_the_database_is_mended_by_registering_it_again(api, database):
    register(api, FORM)
    use(api)
    for sql in ("UPDATE papers SET mac = x'00'", "UPDATE papers SET body = '{}'", "DELETE FROM papers"):
        query(database, sql)
        assert soon(lambda: api.get(f"{DEF}/acme").status_code, 404)

        assert register(api, FORM).status_code == 200
        assert resolve(api) == CONFIGURATION
