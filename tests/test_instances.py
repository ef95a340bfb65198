"""Instances through HTTP: a draft until all is set, then active; changed, archived, found again."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from credenza.web.templates import instance_cascade, integrations
from instance_things import (
    INSTANCES,
    Values,
    list_integrations,
    make_instance,
    make_offer,
    read_instance,
    set_provider,
)
from template_things import add_provider, make_template, post
from test_templates import check_problem, places
from web_answers import CANARY

ID = re.compile(r"ini_[0-9a-z]{9}[0-9A-Za-z]{13}")
WRONG = [
    ({}, "/name"),
    ({"name": " "}, "/name"),
    ({"name": "a" * 257}, "/name"),
    ({"name": "a", "description": 3}, "/description"),
    ({"name": "a", "metadata": {"a": [[[[[[[["b"]]]]]]]]}}, "/metadata"),
    ({"name": "a", "status": "active"}, ""),
    ({"name": "a", "providers": "git"}, "/providers"),
    ({"name": "a", "providers": [{}]}, "/providers/0/provider_id"),
    ({"name": "a", "providers": [{"provider_id": "git", "is_override_tool_filter": 1}]}, "/providers/0/is_o"),
    ({"name": "a", "providers": [{"provider_id": "git", "config": 1}]}, "/providers/0"),
    (
        {"name": "a", "providers": [{"provider_id": "openai", "tool_filters": {"type": "some"}}]},
        "/providers/0/tool_filters/type",
    ),
]


@pytest.fixture
def values(workspace):
    return Values(workspace)


@pytest.fixture
def offer(api):
    """Return a template with two providers."""
    template, _ = make_offer(api, "relational_db", "openai")
    return template


async def interrupt(*_):
    raise OSError


def make_active(api, values, template, name="Northwind", **body):
    items = [
        {"provider_id": "relational_db", **values.pair("relational_db")},
        {"provider_id": "openai", "provider_auth_config_id": values.auth("openai")},
    ]
    return make_instance(api, template, name, providers=items, **body)


def test_an_instance_begins_as_a_draft_with_what_was_said_of_it(api, offer):
    made = make_instance(api, offer, "  Northwind ", description=" ", metadata={"customer": 7})

    assert ID.fullmatch(made["id"])
    assert made == {
        "object": "integration.instance",
        "id": made["id"],
        "status": "draft",
        "name": "Northwind",
        "description": None,
        "metadata": {"customer": 7},
        "integration_id": offer["id"],
        "identity_actor_id": None,
        "identity_id": None,
        "implementation": None,
        "providers": [],
        "created_at": made["created_at"],
        "updated_at": made["created_at"],
        "archived_at": None,
    }
    assert read_instance(api, made) == made


def test_a_wrong_field_is_told_by_its_place_and_nothing_is_made(api, offer):
    for body, place in WRONG:
        answer = api.post(INSTANCES, json={"integration_id": offer["id"], **body})
        told = check_problem(answer, 400)
        assert any(found.startswith(place) for found in places(told))
    assert api.get(INSTANCES).json()["items"] == []


def test_an_instance_is_active_once_every_provider_is_set_and_stays_so(api, values, offer):
    made = make_instance(api, offer)
    first = set_provider(api, made, "relational_db", **values.pair("relational_db"))
    assert (first.status_code, read_instance(api, made)["status"]) == (200, "draft")

    set_provider(api, made, "openai", provider_auth_config_id=values.auth("openai"))
    assert read_instance(api, made)["status"] == "active"

    add_provider(api, offer, "git")
    renamed = api.patch(f"{INSTANCES}/{made['id']}", json={"name": "Renamed"}).json()
    assert (renamed["status"], len(renamed["providers"])) == ("active", 2)


def test_an_instance_can_be_made_active_at_once(api, values, offer):
    made = make_active(api, values, offer)

    assert made["status"] == "active"
    assert [each["integration_provider"]["provider_version"]["index"] for each in made["providers"]] == [1, 1]
    assert CANARY not in str(made)
    assert "made-up" not in str(made)


def test_a_single_provider_may_stand_without_the_list(api, values, offer):
    item = {"provider_id": "openai", "provider_auth_config_id": values.auth("openai")}
    made = make_instance(api, offer, providers=item)

    assert [each["provider"]["slug"] for each in made["providers"]] == ["openai"]


def test_an_instance_of_a_template_without_providers_stays_a_draft(api):
    made = make_instance(api, make_template(api))

    assert made["status"] == "draft"


def test_a_provider_that_needs_nothing_of_anybody_is_set_by_itself(api, values):
    shared = values.config("azure_service_bus", {"connectionType": "Password Less", "namespace": "orders"})
    bare, whole = make_template(api), make_template(api)
    add_provider(api, bare, "azure_service_bus")
    add_provider(api, whole, "azure_service_bus", provider_config_id=shared)

    assert make_instance(api, bare)["status"] == "draft"
    made = make_instance(api, whole)
    assert made["status"] == "active"
    assert [each["config"]["id"] for each in made["providers"]] == [shared]


def test_what_is_left_out_of_a_change_stays_and_null_clears(api, offer):
    made = make_instance(api, offer, description="Reads", metadata={"a": 1})
    path = f"{INSTANCES}/{made['id']}"

    renamed = api.patch(path, json={"name": "Southwind"}).json()
    assert (renamed["name"], renamed["description"], renamed["metadata"]) == ("Southwind", "Reads", {"a": 1})
    cleared = api.patch(path, json={"description": None, "metadata": None}).json()
    assert (cleared["name"], cleared["description"], cleared["metadata"]) == ("Southwind", None, None)
    same = api.patch(path, json={"name": "Southwind"}).json()
    assert same["updated_at"] == cleared["updated_at"]


def test_a_change_of_providers_sets_those_named_and_leaves_the_others(api, values, offer):
    made = make_active(api, values, offer)
    rules = [{"type": "tool_keys", "keys": ["query"]}]
    item = {"provider_id": "relational_db", "tool_filters": rules}

    changed = api.patch(f"{INSTANCES}/{made['id']}", json={"providers": [item]}).json()

    before, after = made["providers"], changed["providers"]
    assert after[0]["tool_filter"] == {"type": "filter", "filters": rules, "ignore_parent_filters": False}
    assert (after[0]["config"], after[0]["auth_config"]) == (before[0]["config"], before[0]["auth_config"])
    assert after[1] == before[1]


def test_an_archived_instance_is_read_by_id_found_by_status_and_takes_no_change(api, values, offer):
    made = make_active(api, values, offer)
    path = f"{INSTANCES}/{made['id']}"

    archived = api.delete(path).json()

    assert (archived["status"], archived["providers"]) == ("archived", [])
    assert archived["archived_at"] == archived["updated_at"]
    assert read_instance(api, made) == archived
    assert api.get(INSTANCES).json()["items"] == []
    found = api.get(INSTANCES, params={"status": "archived", "provider_id": "openai"}).json()["items"]
    assert found == [archived]
    for answer in (
        api.delete(path),
        api.patch(path, json={"name": "a"}),
        set_provider(api, made, "openai"),
    ):
        check_problem(answer, 410, "gone")


def test_archiving_a_template_takes_its_instances_along_at_once(api, values, offer, monkeypatch):
    monkeypatch.setattr(instance_cascade, "CHUNK", 2)
    made = [make_active(api, values, offer, f"N{number}") for number in range(3)]
    draft = make_instance(api, offer, "Draft")
    other, _ = make_offer(api, "git")
    kept = make_instance(api, other)

    assert api.delete(f"/integrations/{offer['id']}").status_code == 200

    statuses = [read_instance(api, each)["status"] for each in (*made, draft, kept)]
    assert statuses == ["archived", "archived", "archived", "archived", "draft"]
    assert [each["id"] for each in api.get(INSTANCES).json()["items"]] == [kept["id"]]
    providers = api.get("/integration-instance-providers", params={"status": "archived"}).json()["items"]
    assert {each["status"] for each in providers} == {"archived"}
    assert len(providers) == 6
    assert list_integrations(api) == {}


def test_an_instance_is_as_archived_as_its_template_and_asking_again_finishes_what_was_interrupted(
    api, values, offer, monkeypatch
):
    made = make_active(api, values, offer)
    with monkeypatch.context() as patch:
        patch.setattr(integrations, "follow", interrupt)
        assert api.delete(f"/integrations/{offer['id']}").status_code == 500
    left = read_instance(api, made)
    assert (left["status"], left["providers"]) == ("archived", [])
    shown = api.get(f"/integration-instance-providers/{made['providers'][0]['id']}").json()
    assert shown["status"] == "archived"
    check_problem(api.patch(f"{INSTANCES}/{made['id']}", json={"name": "a"}), 410, "gone")
    assert len(list_integrations(api)) == 2

    check_problem(api.delete(f"/integrations/{offer['id']}"), 410, "gone")

    assert list_integrations(api) == {}
    assert read_instance(api, made)["status"] == "archived"


def test_an_archived_template_has_no_new_instances(api, offer):
    api.delete(f"/integrations/{offer['id']}")

    body = {"integration_id": offer["id"], "name": "a"}
    check_problem(api.post(INSTANCES, json=body), 400, "use_after_delete")


def test_a_stranger_and_a_limited_credential_may_do_nothing_here_and_a_viewer_reads(api, key, offer):
    made = make_instance(api, offer)
    path = f"{INSTANCES}/{made['id']}"
    body = {"integration_id": offer["id"], "name": "a"}
    for role, limits, reads in (("viewer", {}, 200), ("editor", {"names": ["a*"]}, 403)):
        headers = {"X-Authorization": key(role, **limits)}
        assert api.get(path, headers=headers).status_code == reads
        check_problem(api.post(INSTANCES, json=body, headers=headers), 403, "forbidden")
        check_problem(api.delete(path, headers=headers), 403, "forbidden")
    nobody = {"X-Authorization": "crdz_a_b"}
    check_problem(api.post(INSTANCES, json=body, headers=nobody), 401, "unauthorized")


def test_what_another_workspace_has_is_as_if_it_were_not_there(api, key, values, offer):
    theirs = {"X-Authorization": key("admin", workspace="other")}
    made = make_active(api, values, offer)
    path = f"{INSTANCES}/{made['id']}"
    body = {"integration_id": offer["id"], "name": "a"}

    assert api.get(INSTANCES, headers=theirs).json()["items"] == []
    check_problem(api.get(path, headers=theirs), 404, "not_found")
    check_problem(api.patch(path, json={"name": "a"}, headers=theirs), 404, "not_found")
    check_problem(api.post(INSTANCES, json=body, headers=theirs), 404, "not_found")
    template = post(api, "/integrations", name="Mine")
    assert api.get(INSTANCES, params={"integration_id": template["id"]}).json()["items"] == []


def test_of_many_who_set_an_instance_at_once_each_is_heard_and_it_is_activated_once(api, values, offer):
    made = make_instance(api, offer)
    pair, key = values.pair("relational_db"), values.auth("openai")
    bodies = [("relational_db", pair), ("openai", {"provider_auth_config_id": key})] * 4

    with ThreadPoolExecutor(8) as pool:
        answers = [*pool.map(lambda each: set_provider(api, made, each[0], **each[1]), bodies)]

    assert {answer.status_code for answer in answers} <= {200, 409}
    after = read_instance(api, made)
    assert len(after["providers"]) == len({each["id"] for each in after["providers"]}) == 2
    assert (after["status"], len(list_integrations(api))) == ("active", 2)
