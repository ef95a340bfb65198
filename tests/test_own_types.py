"""A connector type of a workspace's own: known there alone, replaced, removed, lost and mended."""

import json
import time

import pytest
from litestar.testing import TestClient

from credenza.settings import open_credenza
from credenza.web.app import create_app
from credenza.workspace import papers, types
from examples import API, item, query, read, resolve, save
from form_examples import edited
from own_types import (
    CONFIGURATION,
    DEF,
    FORM,
    ONE,
    OTHER,
    SCHEMA,
    SOON,
    places,
    register,
    results,
    use,
)
from web_answers import check_problem


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
    check_problem(api.delete(f"{DEF}/openai"), 409, "type_built_in")
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


@pytest.mark.parametrize(("most", "size"), [(1, 1 << 20), (9, 100)], ids=["number", "size"])
def test_a_workspace_has_a_bound_of_types_and_of_their_size_together(api, monkeypatch, most, size):
    monkeypatch.setattr(papers, "MOST", most)
    monkeypatch.setattr(papers, "MOST_BYTES", size if most > 1 else 1 << 20)
    if most == 1:
        assert register(api, FORM).status_code == 200

    check_problem(register(api, OTHER), 400, "too_many")


def test_types_are_read_before_records_and_never_by_a_read_within_a_read(api, service, monkeypatch):
    kind = type(service.store)
    read, depths, open_reads = kind.read, [], []

    def watched(store, tenant, job):
        open_reads.append(tenant)
        depths.append(len(open_reads))
        try:
            return read(store, tenant, job)
        finally:
            open_reads.pop()

    monkeypatch.setattr(types, "GOOD_SECONDS", 0.0)
    register(api, FORM)
    use(api)
    monkeypatch.setattr(kind, "read", watched)
    for path in (
        f"{API}/",
        f"{API}/provider?limit=1",
        f"{API}/all",
        ONE,
        f"{ONE}/history/1",
        f"{ONE}/resolved",
    ):
        assert api.get(path).status_code == 200

    assert set(depths) == {1}
