"""What an active instance's providers become: integrations of the workspace that copy nothing."""

from __future__ import annotations

import pytest

from instance_things import (
    DATABASE,
    ELSEWHERE,
    INSTANCES,
    Values,
    list_integrations,
    make_instance,
    make_offer,
    read_instance,
    resolve,
    set_provider,
)
from template_things import add_provider, make_deployment, make_template, post
from test_templates import check_problem

PROVIDER = "/api/integrations/provider"
ELSEWHERE_URL = ELSEWHERE["datasourceURL"]


@pytest.fixture
def values(workspace):
    return Values(workspace)


def items(values):
    return [
        {"provider_id": "relational_db", **values.pair("relational_db")},
        {"provider_id": "openai", "provider_auth_config_id": values.auth("openai")},
    ]


def test_an_active_instances_providers_are_integrations_named_after_both(api, values):
    template, _ = make_offer(api, "relational_db", "openai")

    made = make_instance(api, template, "Nörthwind & Co", providers=items(values))

    found = list_integrations(api)
    assert sorted(found) == ["northwind-co-openai", "northwind-co-relational_db"]
    assert [each["integration"] for each in made["providers"]] == [
        "northwind-co-relational_db",
        "northwind-co-openai",
    ]
    database = found["northwind-co-relational_db"]
    assert (database["type"], database["managedBy"], database["complete"]) == (
        "relational_db",
        made["id"],
        True,
    )
    assert database["tags"] == [
        {"key": "template", "value": template["id"]},
        {"key": "instance", "value": made["id"]},
    ]
    assert resolve(api, database["name"]).json()["configuration"] == {**DATABASE, "password": "made-up"}


def test_a_draft_is_no_integration_yet(api, values):
    template, _ = make_offer(api, "relational_db", "openai")

    make_instance(api, template, providers=items(values)[:1])

    assert list_integrations(api) == {}


def test_a_name_that_is_taken_gets_the_end_of_an_id(api, values):
    template, _ = make_offer(api, "openai")
    body = {"type": "openai", "configuration": {"api_key": "made-up"}}
    taken = [{"name": "Northwind-OpenAI", **body}]
    assert api.post("/api/integrations", json=taken).status_code == 200

    made = [make_instance(api, template, providers=[items(values)[1]]) for _ in "ab"]

    names = [each["providers"][0]["integration"] for each in made]
    assert [name[:17] for name in names] == ["northwind-openai-"] * 2
    assert len({*names}) == 2
    assert all(resolve(api, name).status_code == 200 for name in names)


def test_whatever_an_instance_is_called_its_integrations_have_names(api, values):
    template, _ = make_offer(api, "openai")

    for name in ("😀", "-" * 9, "a" * 256, ".. ..", "Straße"):
        made = make_instance(api, template, name, providers=[items(values)[1]])
        assert resolve(api, made["providers"][0]["integration"]).status_code == 200


def test_a_rotated_secret_counts_everywhere_at_once(api, values):
    template, _ = make_offer(api, "relational_db")
    config = values.config("relational_db")
    auth = values.auth("relational_db", bound_to=config)
    item = {"provider_id": "relational_db", "provider_config_id": config, "provider_auth_config_id": auth}
    made = [make_instance(api, template, f"N{number}", providers=[item]) for number in range(2)]

    values.rotate(auth, "relational_db", {"password": "changed"}, bound_to=config)

    for each in made:
        found = resolve(api, each["providers"][0]["integration"]).json()
        assert (found["configuration"]["password"], found["version"]) == ("changed", 1)


def test_setting_a_provider_again_makes_a_version_that_refers_to_what_it_is_now(api, values):
    template, _ = make_offer(api, "relational_db")
    made = make_instance(api, template, providers=items(values)[:1])
    [name] = list_integrations(api)

    renamed = api.patch(f"{INSTANCES}/{made['id']}", json={"name": "Southwind"})
    assert renamed.status_code == 200
    assert list_integrations(api)[name]["description"].endswith("of Southwind")
    answer = set_provider(api, made, "relational_db", **values.pair("relational_db", ELSEWHERE))

    assert answer.json()["integration"] == name
    found = resolve(api, name).json()
    assert (found["configuration"]["datasourceURL"], found["version"]) == (ELSEWHERE["datasourceURL"], 3)


def test_only_the_instance_changes_its_integrations(api, values):
    template, _ = make_offer(api, "openai")
    make_instance(api, template, providers=[items(values)[1]])
    [name] = list_integrations(api)
    body = {"name": name, "type": "openai", "configuration": {"api_key": "other"}}

    for answer in (
        api.post("/api/integrations", json=[body]),
        api.delete(f"{PROVIDER}/{name}"),
        api.put(f"{PROVIDER}/{name}/tags", json=[{"key": "a", "value": "b"}]),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "managed_by_instance")
    assert resolve(api, name).json()["configuration"]["api_key"] == "made-up"


def test_what_a_read_has_shown_of_them_changes_nothing_when_it_is_saved_back_and_all_else_is_refused(
    api, values
):
    template, _ = make_offer(api, "relational_db", "openai")
    made = make_instance(api, template, providers=items(values))
    api.post("/api/integrations", json=[{"name": "own", "type": "openai", "configuration": {"api_key": "a"}}])
    shown = api.get("/api/integrations/").json()
    assert len(shown) == 3

    back = api.post("/api/integrations", json=shown)
    assert (back.status_code, back.json()["unchanged"]) == (200, 3)
    assert api.post("/api/integrations?dryRun=true", json=shown).json()["unchanged"] == 3
    assert api.post("/api/integrations?apis=replace", json=shown).json()["unchanged"] == 3
    assert api.get("/api/integrations/").json() == shown
    [one] = [each for each in shown if each["type"] == "relational_db"]
    assert api.post(f"{PROVIDER}/{one['name']}", json=one).status_code == 200
    for other in (
        {"enabled": False},
        {"description": "mine"},
        {"tags": []},
        {"category": "API"},
        {"type": "openai"},
        {"configuration": {**one["configuration"], "user": "another"}},
        {"configuration": {**one["configuration"], "password": "made-up"}},
        {"configuration": None},
        {"apis": [{"integrationName": one["name"], "api": "t"}]},
    ):
        answer = api.post("/api/integrations", json=[{**one, **other}])
        assert (answer.status_code, answer.json()["code"]) == (409, "managed_by_instance"), other
    assert api.delete(f"{INSTANCES}/{made['id']}").status_code == 200


def test_archiving_an_instance_removes_its_integrations_and_no_others(api, values):
    template, _ = make_offer(api, "openai")
    gone, kept = (make_instance(api, template, name, providers=[items(values)[1]]) for name in ("A", "B"))

    api.delete(f"{INSTANCES}/{gone['id']}")

    assert sorted(list_integrations(api)) == [kept["providers"][0]["integration"]]
    assert resolve(api, gone["providers"][0]["integration"]).status_code == 404


def test_another_shared_config_is_used_by_all_that_inherit_it_at_once(api, values):
    first = values.config("relational_db")
    second = values.config("relational_db", {**DATABASE, "user": "writer"})
    auth = values.auth("relational_db", bound_to=first)
    deployment = make_deployment(api, "relational_db", provider_config_id=first)["id"]
    for place in ("template", "deployment"):
        template = make_template(api)
        bound = {"provider_config_id": first} if place == "template" else {}
        added = add_provider(api, template, "relational_db", provider_deployment_id=deployment, **bound)
        item = {"provider_id": "relational_db", "provider_auth_config_id": auth}
        made = make_instance(api, template, providers=[item])
        assert made["status"] == "active"
        shared_by = f"/integration-providers/{added['id']}"
        path = shared_by if place == "template" else f"/provider-deployments/{deployment}"

        assert api.patch(path, json={"provider_config_id": second}).status_code == 200

        name = made["providers"][0]["integration"]
        assert resolve(api, name).json()["configuration"]["user"] == "writer"
        assert read_instance(api, made)["providers"][0]["config"]["id"] == second
        for config, count in ((first, 0), (second, 1)):
            query = {"provider_config_id": config, "integration_id": template["id"]}
            assert len(api.get(INSTANCES, params=query).json()["items"]) == count


def test_a_shared_config_that_leads_elsewhere_does_not_take_a_customers_secret_along(api, values):
    first = values.config("relational_db")
    auth = values.auth("relational_db", bound_to=first)
    template = make_template(api)
    added = add_provider(api, template, "relational_db", provider_config_id=first)
    item = {"provider_id": "relational_db", "provider_auth_config_id": auth}
    made = make_instance(api, template, providers=[item])

    elsewhere = values.config("relational_db", ELSEWHERE)
    changed = api.patch(f"/integration-providers/{added['id']}", json={"provider_config_id": elsewhere})

    assert changed.status_code == 200
    [name] = list_integrations(api)
    assert resolve(api, name).json()["configuration"]["datasourceURL"] == DATABASE["datasourceURL"]
    assert read_instance(api, made)["providers"][0]["config"]["id"] == first
    renamed = api.patch(f"{INSTANCES}/{made['id']}", json={"name": "a"}).json()
    assert renamed["providers"][0]["config"]["id"] == first
    rules = [{"type": "tool_keys", "keys": ["query"]}]
    assert set_provider(api, made, "relational_db", tool_filters=rules).json()["config"]["id"] == first
    again = values.auth("relational_db", bound_to=elsewhere)
    entered = set_provider(api, made, "relational_db", provider_auth_config_id=again).json()
    assert entered["config"]["id"] == elsewhere
    assert resolve(api, name).json()["configuration"]["datasourceURL"] == ELSEWHERE["datasourceURL"]


def test_nothing_is_half_done_when_an_integration_cannot_be_saved(api, values):
    template, _ = make_offer(api, "relational_db", "openai")
    good, other = items(values)
    bad = {**other, "provider_auth_config_id": "pac_none"}

    answer = api.post(
        INSTANCES, json={"integration_id": template["id"], "name": "a", "providers": [good, bad]}
    )

    check_problem(answer, 404, "not_found")
    assert api.get(INSTANCES).json()["items"] == []
    assert list_integrations(api) == {}


def test_the_whole_way_by_calls_alone_from_values_that_go_in_to_those_that_are_revealed(api):
    def value(**said):
        return {**DATABASE, **said}

    first = post(api, "/provider-configs", provider_id="relational_db", value=value())
    deployment = make_deployment(api, "relational_db", provider_config_id=first["id"])
    template = make_template(api)
    add_provider(api, template, "relational_db", provider_deployment_id=deployment["id"])
    [method] = api.get("/provider-auth-methods", params={"provider_id": "relational_db"}).json()["items"]
    auth = post(
        api,
        "/provider-auth-configs",
        provider_auth_method_id=method["id"],
        provider_deployment_id=deployment["id"],
        value={"password": "made-up"},
    )
    item = {"provider_id": "relational_db", "provider_auth_config_id": auth["id"]}
    made = make_instance(api, template, providers=[item])
    name = made["providers"][0]["integration"]
    assert resolve(api, name).json()["configuration"] == {**DATABASE, "password": "made-up"}

    elsewhere = post(
        api, "/provider-configs", provider_id="relational_db", value=value(datasourceURL=ELSEWHERE_URL)
    )
    path = f"/provider-deployments/{deployment['id']}"
    assert api.patch(path, json={"provider_config_id": elsewhere["id"]}).status_code == 200
    assert resolve(api, name).json()["configuration"] == {**DATABASE, "password": "made-up"}

    path, secrets = f"/provider-auth-configs/{auth['id']}", {"value": {"password": "anew"}}
    assert api.patch(path, json=secrets).status_code == 200
    assert resolve(api, name).json()["configuration"] == {**DATABASE, "password": "anew"}
    entered = api.patch(path, json={**secrets, "provider_config_id": elsewhere["id"]})
    assert entered.status_code == 200, entered.text
    found = resolve(api, name).json()["configuration"]
    assert (found["datasourceURL"], found["password"]) == (ELSEWHERE_URL, "anew")
    assert read_instance(api, made)["providers"][0]["config"]["id"] == elsewhere["id"]
