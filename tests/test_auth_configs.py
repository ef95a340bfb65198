"""Auth configs: the secrets of providers. They are sealed for one place, rotated, and never come out."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from litestar.testing import TestClient

from config_things import (
    AUTHS,
    CANARY,
    DATABASE,
    ELSEWHERE,
    find_method,
    make_auth,
    make_config,
    read_held,
    refused_silently,
    told,
)
from credenza.model import Actor, Role
from credenza.web.app import create_app
from instance_things import make_instance, make_offer, read_instance, resolve, set_provider
from own_types import OTHER, register
from reference_examples import refused
from template_things import add_provider, make_deployment, make_template

SECRET = {"password": "first"}


@pytest.fixture
def offer(api):
    """Return a template with a database, which lets instances bring configs of their own."""
    default = {"name": "Ours", "value": DATABASE}
    deployment = make_deployment(api, "relational_db", provider_config=default)
    template = make_template(api, can_attach_custom_provider_config=True)
    added = add_provider(api, template, "relational_db", provider_deployment_id=deployment["id"])
    return template, added, deployment


def clear(api, instance):
    """Return what the one provider of an instance resolves to."""
    [provider] = read_instance(api, instance)["providers"]
    found = [
        each for each in api.get("/api/integrations/provider").json() if each["name"].startswith("north")
    ]
    assert provider["status"] == "active"
    return resolve(api, found[0]["name"])


def test_an_auth_config_is_made_and_read_back_without_its_secrets(api, workspace, database):
    made = make_auth(api, value={"api_key": CANARY}, name=" Bot ", metadata={"a": 1})

    assert (made["object"], made["id"][:4], made["status"]) == ("provider.auth_config", "pac_", "active")
    assert (made["name"], made["metadata"], made["type"], made["source"]) == (
        "Bot",
        {"a": 1},
        "manual",
        "manual",
    )
    assert made["auth_method"]["id"] == find_method(api)
    assert (made["deployment"], made["config"], made["credentials"]) == (None, None, None)
    assert "value" not in made
    assert api.get(f"{AUTHS}/{made['id']}").json() == made
    assert api.get(AUTHS).json()["items"] == [made]
    assert read_held(workspace, made["id"]) == ({}, {"/api_key": CANARY})
    assert CANARY.encode() not in b"".join(each.read_bytes() for each in database.parent.glob("*.db*"))


def test_each_auth_method_requires_its_own_secrets(api):
    answers = {
        key: api.post(AUTHS, json={"provider_auth_method_id": find_method(api, "aws", key), "value": {}})
        for key in ("conductor_role", "access_key")
    }

    assert answers["conductor_role"].status_code == 200
    assert told(answers["access_key"]) == [("required", "/value/api_key", ["value", "api_key"])]


WRONG = [
    ({"api_key": [CANARY]}, ["/value/api_key"]),
    ({"api_key": "********"}, ["/value/api_key"]),
    ({"api_key": None}, ["/value/api_key"]),
    ({}, ["/value/api_key"]),
    ({"api_key": "a", CANARY: CANARY}, ["/value"]),
    ({"api_key": "a", "user": CANARY}, ["/value"]),
]


def test_what_is_wrong_with_secrets_is_told_by_place_and_nothing_is_kept(api):
    method = find_method(api)

    for value, pointers in WRONG:
        answer = api.post(AUTHS, json={"provider_auth_method_id": method, "value": value})
        assert answer.status_code == 400
        assert [pointer for _, pointer, _ in told(answer)] == pointers
    assert api.get(AUTHS).json()["items"] == []


def test_an_auth_config_refers_only_to_what_is_its_providers(api):
    foreign, archived = make_config(api, "openai", {})["id"], make_config(api)["id"]
    api.delete(f"/provider-configs/{archived}")
    deployment = make_deployment(api, provider_config={"value": {"user": "robin"}})
    locked, other = deployment["default_config"]["id"], make_deployment(api)["id"]
    both = {"provider_deployment_id": other, "provider_config_id": locked}
    cases = [
        ({"provider_auth_method_id": "pam_unheard"}, 404, "not_found", "/provider_auth_method_id"),
        ({"provider_id": "openai"}, 404, "not_found", "/provider_auth_method_id"),
        ({"provider_deployment_id": "pde_unheard"}, 404, "not_found", "/provider_deployment_id"),
        ({"provider_config_id": foreign}, 404, "not_found", "/provider_config_id"),
        ({"provider_config_id": archived}, 400, "use_after_delete", "/provider_config_id"),
        (both, 400, "provider_config_deployment_mismatch", "/provider_config_id"),
        ({"value": None}, 400, "invalid_data", "/value"),
        ({"type": "oauth_manual"}, 400, "invalid_data", ""),
    ]

    for fields, *error in cases:
        sent = {"provider_auth_method_id": find_method(api), "value": {"api_key": CANARY}, **fields}
        refused_silently(api.post(AUTHS, json=sent), *error)
    assert api.get(AUTHS).json()["items"] == []


def test_auth_configs_are_listed_by_what_they_refer_to(api):
    deployment, config = make_deployment(api)["id"], make_config(api)["id"]
    one = make_auth(api, name="One")
    two = make_auth(api, "openai", description="the second one")
    three = make_auth(api, provider_deployment_id=deployment, provider_config_id=config)

    found = {
        ("provider_id", "openai"): [two],
        ("provider_auth_method_id", one["auth_method"]["id"]): [one, three],
        ("provider_deployment_id", deployment): [three],
        ("provider_config_id", config): [three],
        ("search", "ONE"): [one, two],
    }
    for pair, expected in found.items():
        assert api.get(AUTHS, params=dict([pair])).json()["items"] == expected, pair
    assert (three["deployment"]["id"], three["config"]["id"]) == (deployment, config)


def test_a_secret_is_kept_replaced_or_cleared_key_by_key(api, workspace):
    first = {"api_key": "one", "awsAccountId": "12"}
    made = make_auth(api, "aws", first, "access_key")
    at = f"{AUTHS}/{made['id']}"

    changed = api.patch(at, json={"value": {"api_key": "two"}}).json()
    assert changed == {**made, "updated_at": changed["updated_at"]}
    assert read_held(workspace, made["id"])[1] == {"/api_key": "two", "/awsAccountId": "12"}
    assert api.patch(at, json={"value": {"awsAccountId": None}}).status_code == 200
    assert read_held(workspace, made["id"])[1] == {"/api_key": "two"}
    answer = api.patch(at, json={"name": "b", "value": {"api_key": None, "externalId": CANARY}})
    assert told(answer) == [("required", "/value/api_key", ["value", "api_key"])]
    assert api.get(at).json() == api.patch(at, json={}).json()
    assert api.get(at).json()["name"] is None
    assert read_held(workspace, made["id"])[1] == {"/api_key": "two"}


def test_words_are_changed_without_the_secrets(api, workspace):
    made = make_auth(api, name="a", description="b", metadata={"c": 1})
    at = f"{AUTHS}/{made['id']}"

    changed = api.patch(at, json={"name": "d", "tool_filters": {"type": "tool_regex", "pattern": "x"}}).json()
    assert (changed["name"], changed["description"], changed["tool_filter"]["type"]) == ("d", "b", "filter")
    nulls = dict.fromkeys(("name", "description", "metadata", "tool_filters"))
    assert api.patch(at, json=nulls).json()["metadata"] is None
    assert read_held(workspace, made["id"]) == ({}, {"/api_key": "made-up"})


def test_an_archived_auth_config_takes_no_change(api, workspace):
    made = make_auth(api)
    at = f"{AUTHS}/{made['id']}"
    gone = api.delete(at).json()

    assert (gone["status"], api.get(at).json()) == ("archived", gone)
    assert api.get(AUTHS).json()["items"] == []
    assert api.get(AUTHS, params={"status": "archived"}).json()["items"] == [gone]
    refused(api.patch(at, json={"value": {"api_key": "two"}}), 410, "gone")
    refused(api.delete(at), 410, "gone")
    assert read_held(workspace, made["id"]) is None


def test_a_rotated_secret_is_at_once_in_every_instance_that_uses_it(api, offer):
    template, added, deployment = offer
    auth = make_auth(api, "relational_db", SECRET, provider_deployment_id=deployment["id"])
    instances = [make_instance(api, template, name) for name in ("Northwind", "Northsea")]
    for instance in instances:
        set_provider(api, instance, added["id"], provider_auth_config_id=auth["id"])
    assert clear(api, instances[0]).json()["configuration"] == {**DATABASE, **SECRET}

    assert api.patch(f"{AUTHS}/{auth['id']}", json={"value": {"password": "second"}}).status_code == 200

    names = [each["name"] for each in api.get("/api/integrations/provider").json()]
    assert len(names) == 2
    assert {resolve(api, name).json()["configuration"]["password"] for name in names} == {"second"}


def test_a_secret_goes_only_where_it_was_entered_for(api, offer):
    template, added, deployment = offer
    instance = make_instance(api, template)
    own = make_config(api, "relational_db", ELSEWHERE)["id"]
    ours = make_auth(api, "relational_db", SECRET, provider_deployment_id=deployment["id"])["id"]
    theirs = make_auth(api, "relational_db", SECRET, provider_config_id=own)["id"]
    alone = make_auth(api, "relational_db", SECRET)["id"]

    for config, auth in ((own, ours), (None, theirs), (own, alone), (None, alone)):
        pair = {"provider_config_id": config, "provider_auth_config_id": auth}
        answer = set_provider(api, instance, added["id"], **pair)
        refused(answer, 400, "secret_reentry_required")
    assert read_instance(api, instance)["status"] == "draft"
    pair = {"provider_config_id": own, "provider_auth_config_id": theirs}
    assert set_provider(api, instance, added["id"], **pair).status_code == 200
    assert clear(api, instance).json()["configuration"] == {**ELSEWHERE, **SECRET}


def test_a_rotation_stays_where_the_secret_was_entered_for_whatever_its_deployment_leads_to_since(api, offer):
    template, added, deployment = offer
    auth = make_auth(api, "relational_db", SECRET, provider_deployment_id=deployment["id"])
    own = make_config(api, "relational_db", DATABASE)["id"]
    instances = [make_instance(api, template, name) for name in ("Northwind", "Northsea")]
    for instance, config in zip(instances, (None, own), strict=True):
        pair = {"provider_config_id": config, "provider_auth_config_id": auth["id"]}
        assert set_provider(api, instance, added["id"], **pair).status_code == 200
    staged = make_config(api, "relational_db", ELSEWHERE)["id"]
    api.patch(f"/provider-deployments/{deployment['id']}", json={"provider_config_id": staged})

    assert api.patch(f"{AUTHS}/{auth['id']}", json={"value": {"password": "second"}}).status_code == 200

    for instance in instances:
        assert clear(api, instance).json()["configuration"] == {**DATABASE, "password": "second"}


def test_secrets_move_to_a_config_that_is_named_with_them_once_they_are_entered_again(api, workspace):
    made_up = {"connectionType": "ACCESS_KEY", "user": "robin"}
    deployment = make_deployment(api, "aws", provider_config={"value": {**made_up, "region": "eu-1"}})
    template = make_template(api)
    added = add_provider(api, template, "aws", provider_deployment_id=deployment["id"])
    first = {"api_key": "one", "awsAccountId": "12"}
    auth = make_auth(api, "aws", first, "access_key", provider_deployment_id=deployment["id"])
    instance = make_instance(api, template)
    set_provider(api, instance, added["id"], provider_auth_config_id=auth["id"])
    other = make_config(api, "aws", {**made_up, "region": "us-1"})["id"]
    moved = api.patch(f"/provider-deployments/{deployment['id']}", json={"provider_config_id": other})
    assert (moved.status_code, clear(api, instance).json()["configuration"]["region"]) == (200, "eu-1")

    at = f"{AUTHS}/{auth['id']}"
    answer = api.patch(at, json={"provider_config_id": other, "value": {"api_key": CANARY}})

    refused_silently(answer, 400, "secret_reentry_required", "/value/awsAccountId")
    refused(api.patch(at, json={"provider_config_id": other}), 400, "secret_reentry_required")
    refused(api.patch(at, json={"provider_config_id": "pcf_unheard"}), 404, "not_found")
    assert read_held(workspace, auth["id"])[1] == {"/api_key": "one", "/awsAccountId": "12"}
    again = {"provider_config_id": other, "value": {"api_key": "two", "awsAccountId": "12"}}
    answer = api.patch(at, json=again)
    assert (answer.status_code, answer.json()["config"]["id"]) == (200, other)
    now = clear(api, instance).json()["configuration"]
    assert now == {**made_up, "region": "us-1", "api_key": "two", "awsAccountId": "12"}


def test_a_secret_that_was_missing_makes_its_instances_active(open_service):
    service = open_service(validation="lenient")
    tenant = service.accounts.ensure_workspace("default", by="test")
    token = service.accounts.create_key(tenant, Role.ADMIN, by="test").token.reveal()
    with TestClient(create_app(service)) as api:
        api.headers["X-Authorization"] = token
        template, [added] = make_offer(api, "openai")
        auth = make_auth(api, "openai", {})
        instance = make_instance(api, template)
        assert set_provider(api, instance, added["id"], provider_auth_config_id=auth["id"]).status_code == 200
        api.patch(f"{AUTHS}/{auth['id']}", json={"value": {"api_key": "sk"}})

        held = read_held(service.workspace(Actor(tenant, "test", Role.ADMIN)), auth["id"])
        assert (read_instance(api, instance)["status"], held[1]) == ("active", {"/api_key": "sk"})


def test_types_of_a_workspaces_own_have_auth_configs_and_stay_while_these_are_there(api):
    register(api, OTHER)
    made = make_auth(api, "other", {"token": "made-up"})

    assert api.get(f"{AUTHS}/{made['id']}").json()["auth_method"]["key"] == "default"
    assert api.delete("/api/integrations/def/other").json()["code"] == "type_in_use"


def test_sixteen_rotations_at_once_leave_one_of_them_whole(api, workspace):
    made = make_auth(api, "aws", {"api_key": "0", "awsAccountId": "0"}, "access_key")
    at = f"{AUTHS}/{made['id']}"

    def rotate(number):
        value = {"api_key": str(number), "awsAccountId": str(number)}
        return api.patch(at, json={"value": value}).status_code

    with ThreadPoolExecutor(16) as pool:
        statuses = [*pool.map(rotate, range(16))]
    assert {*statuses} <= {200, 409}
    assert len({*read_held(workspace, made["id"])[1].values()}) == 1
