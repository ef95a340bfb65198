"""Setting a provider of an instance: what a template lets it, each rule with its code."""

from __future__ import annotations

import pytest

from instance_things import (
    DATABASE,
    ELSEWHERE,
    INSTANCES,
    PROVIDERS,
    Values,
    make_instance,
    make_offer,
    read_instance,
    set_provider,
)
from template_things import add_provider, make_deployment, make_template, post
from test_templates import check_problem, places

KEYS = [{"type": "tool_keys", "keys": ["query"]}]


@pytest.fixture
def values(workspace):
    return Values(workspace)


def change(client, path, **body):
    answer = client.patch(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def offer_database(api, shared=None, **flags):
    """Make a template whose one provider is a database, and an instance of it."""
    template = make_template(api, **flags)
    added = add_provider(api, template, "relational_db", **({"provider_config_id": shared} if shared else {}))
    return added, make_instance(api, template)


def test_a_provider_is_named_by_its_id_in_the_template_or_the_id_or_slug_of_what_it_is(api):
    _, [added] = offer = make_offer(api, "openai")
    instance = make_instance(api, offer[0])

    ids = {
        set_provider(api, instance, named).json()["id"]
        for named in (added["id"], added["provider_id"], "openai")
    }

    assert len(ids) == 1


def test_a_provider_that_the_template_has_not_is_not_there(api):
    template, _ = make_offer(api, "openai")
    instance = make_instance(api, template)

    for named in ("git", "inp_none", "nothing"):
        check_problem(set_provider(api, instance, named), 404, "not_found")


def test_a_provider_of_another_template_is_a_mismatch(api):
    template, _ = make_offer(api, "openai")
    _, [other] = make_offer(api, "openai")

    answer = set_provider(api, make_instance(api, template), other["id"])

    check_problem(answer, 400, "integration_instance_provider_mismatch")


def test_an_archived_provider_of_the_template_is_not_used_any_more(api):
    template, [added] = make_offer(api, "openai")
    api.delete(f"/integration-providers/{added['id']}")

    check_problem(set_provider(api, make_instance(api, template), added["id"]), 400, "use_after_delete")


def test_a_provider_stands_once_among_those_to_set_by_whatever_name(api):
    template, [added] = make_offer(api, "openai")
    items = [{"provider_id": "openai"}, {"provider_id": added["id"]}]

    answer = api.post(INSTANCES, json={"integration_id": template["id"], "name": "a", "providers": items})

    told = check_problem(answer, 400, "duplicate_integration_instance_provider")
    assert places(told) == ["/providers/1/provider_id"]
    assert api.get(INSTANCES).json()["items"] == []


def test_a_shared_config_is_replaced_only_where_the_template_says_so(api, values):
    shared, own = values.config("relational_db"), values.config("relational_db")
    deployment = make_deployment(api, "relational_db", provider_config_id=shared)
    for said in ({"provider_config_id": shared}, {"provider_deployment_id": deployment["id"]}):
        template = make_template(api)
        add_provider(api, template, "relational_db", **said)
        instance = make_instance(api, template)

        refused = set_provider(api, instance, "relational_db", provider_config_id=own)
        check_problem(refused, 400, "custom_provider_config_not_allowed")
        same = set_provider(api, instance, "relational_db", provider_config_id=shared).json()
        assert same["config"]["id"] == shared

        change(api, f"/integrations/{template['id']}", can_attach_custom_provider_config=True)
        taken = set_provider(api, instance, "relational_db", provider_config_id=own).json()
        assert taken["config"]["id"] == own
        kept = set_provider(api, instance, "relational_db", tool_filters=KEYS).json()
        assert kept["config"]["id"] == own
        back = set_provider(api, instance, "relational_db", provider_config_id=None).json()
        assert back["config"]["id"] == shared


def test_where_nothing_is_shared_an_instance_brings_its_own_config(api, values):
    _, instance = offer_database(api)
    own = values.config("relational_db")

    set_one = set_provider(api, instance, "relational_db", provider_config_id=own).json()

    assert set_one["config"]["id"] == own


def test_tool_filters_are_an_instances_own_only_where_the_template_says_so(api):
    _, instance = offer_database(api, can_attach_custom_tool_filters=False)

    refused = set_provider(api, instance, "relational_db", tool_filters=KEYS)
    check_problem(refused, 400, "custom_tool_filters_not_allowed")
    allowed = set_provider(api, instance, "relational_db", tool_filters=None).json()
    assert allowed["tool_filter"] is None


def test_the_filter_of_a_template_is_replaced_only_where_it_says_so(api):
    _, instance = offer_database(api)

    for asked in (
        {"is_override_tool_filter": True},
        {"tool_filters": KEYS, "is_override_tool_filter": True},
        {"tool_filters": {"filters": KEYS, "ignore_parent_filters": True}},
        {"tool_filters": {"type": "allow_all", "ignore_parent_filters": True}},
    ):
        refused = set_provider(api, instance, "relational_db", **asked)
        check_problem(refused, 400, "tool_filter_override_not_allowed")
    assert read_instance(api, instance)["providers"] == []


def test_a_filter_that_replaces_the_templates_says_so_and_stays_until_it_is_changed(api):
    added, instance = offer_database(api, can_override_tool_filters=True)

    made = set_provider(api, instance, added["id"], tool_filters=KEYS, is_override_tool_filter=True).json()
    assert made["tool_filter"] == {"type": "filter", "filters": KEYS, "ignore_parent_filters": True}
    kept = set_provider(api, instance, added["id"]).json()
    assert (kept["tool_filter"], kept["is_override_tool_filter"]) == (made["tool_filter"], True)
    all_of_them = set_provider(api, instance, added["id"], tool_filters=None).json()
    assert all_of_them["tool_filter"] == {"type": "allow_all", "ignore_parent_filters": True}
    plain = set_provider(api, instance, added["id"], is_override_tool_filter=False).json()
    assert (plain["tool_filter"], plain["is_override_tool_filter"]) == (None, False)


def test_what_belongs_to_another_or_is_archived_or_not_there_is_refused(api, values):
    added, instance = offer_database(api)
    for kind, make in (("config", values.config), ("auth_config", values.auth)):
        field = f"provider_{kind}_id"
        wrong = {
            make("relational_db", owner_id="iip_other"): (400, f"{field[:-3]}_already_owned"),
            make("relational_db", deployment_id="pde_other"): (400, f"{field[:-3]}_deployment_mismatch"),
            make("relational_db", status="archived"): (400, "use_after_delete"),
            make("openai"): (404, "not_found"),
            "pcf_none": (404, "not_found"),
        }
        for named, (status, code) in wrong.items():
            told = check_problem(set_provider(api, instance, added["id"], **{field: named}), status, code)
            assert places(told) == [f"/{field}"]
        fits = make("relational_db", deployment_id=added["deployment_id"])
        assert set_provider(api, instance, added["id"], **{field: fits}).status_code == 200
        set_provider(api, instance, added["id"], **{field: None})


def test_a_config_of_another_workspace_is_not_there(api, key, values):
    theirs = {"X-Authorization": key("admin", workspace="other")}
    foreign = values.config("relational_db")
    template = api.post("/integrations", json={"name": "a"}, headers=theirs).json()
    deployment = api.post(
        "/provider-deployments", json={"provider_id": "relational_db"}, headers=theirs
    ).json()
    said = {"provider_id": "relational_db", "provider_deployment_id": deployment["id"]}
    api.post("/integration-providers", json={"integration_id": template["id"], **said}, headers=theirs)
    item = {"provider_id": "relational_db", "provider_config_id": foreign}
    body = {"integration_id": template["id"], "name": "a", "providers": [item]}

    check_problem(api.post(INSTANCES, json=body, headers=theirs), 404, "not_found")


def test_an_inherited_secret_does_not_go_with_a_config_of_another_destination(api, values):
    ours = values.config("relational_db")
    auth = values.auth("relational_db", bound_to=ours)
    _, instance = offer_database(api)
    theirs = values.config("relational_db", ELSEWHERE)

    answer = set_provider(
        api, instance, "relational_db", provider_config_id=theirs, provider_auth_config_id=auth
    )

    check_problem(answer, 400, "secret_reentry_required")
    assert "evil" not in answer.text
    assert read_instance(api, instance)["providers"] == []


def test_nor_does_a_customers_secret_go_where_the_template_leads(api, values):
    shared, theirs = values.config("relational_db"), values.config("relational_db", ELSEWHERE)
    auth = values.auth("relational_db", bound_to=theirs)
    _, instance = offer_database(api, shared)

    answer = set_provider(api, instance, "relational_db", provider_auth_config_id=auth)

    told = check_problem(answer, 400, "secret_reentry_required")
    assert places(told) == ["/provider_auth_config_id"]
    assert told["errors"][0]["message"].startswith(
        "`password`: This secret was entered for another destination"
    )


def test_both_halves_are_checked_together_by_the_conditions_of_the_type(api, values):
    config = values.config("aws", {"connectionType": "ACCESS_KEY", "region": "eu-central-1", "user": "AKIA"})
    role = values.auth("aws", {"awsAccountId": "123456789012"}, bound_to=config)
    key = values.auth("aws", {"awsAccountId": "123456789012", "api_key": "made-up"}, bound_to=config)
    template, _ = make_offer(api, "aws")
    instance = make_instance(api, template)

    def use(auth):
        return set_provider(api, instance, "aws", provider_config_id=config, provider_auth_config_id=auth)

    told = check_problem(use(role), 400, "invalid_data")
    assert "api_key" in told["errors"][0]["message"]
    assert use(key).status_code == 200
    assert read_instance(api, instance)["status"] == "active"


def test_an_active_instance_keeps_all_that_its_providers_require(api, values):
    _, instance = offer_database(api)
    set_provider(api, instance, "relational_db", **values.pair("relational_db"))

    answer = set_provider(api, instance, "relational_db", provider_auth_config_id=None)

    check_problem(answer, 400, "invalid_data")
    assert read_instance(api, instance)["providers"][0]["auth_config"] is not None


def test_a_draft_may_be_set_in_parts(api, values):
    _, instance = offer_database(api)
    pair = values.pair("relational_db")

    for field, named in pair.items():
        assert read_instance(api, instance)["status"] == "draft"
        assert set_provider(api, instance, "relational_db", **{field: named}).status_code == 200
    assert read_instance(api, instance)["status"] == "active"


def test_the_deployment_of_an_instance_is_that_of_its_template(api):
    added, instance = offer_database(api)
    other = make_deployment(api, "relational_db")["id"]

    same = set_provider(api, instance, added["id"], provider_deployment_id=added["deployment_id"])
    assert same.status_code == 200
    refused = set_provider(api, instance, added["id"], provider_deployment_id=other)
    check_problem(refused, 400, "provider_deployment_mismatch")


def test_a_provider_is_shown_as_its_template_has_it_now(api):
    added, instance = offer_database(api)
    made = set_provider(api, instance, added["id"]).json()
    assert made["integration_provider"] == {
        **{name: made["integration_provider"][name] for name in ("created_at", "updated_at")},
        **{key: each for key, each in added.items() if key in made["integration_provider"]},
        "object": "integration.provider#snapshot",
        "provider_version": {**made["integration_provider"]["provider_version"], "index": 1},
        "created_at": added["created_at"],
        "updated_at": added["created_at"],
    }

    change(api, f"/integration-providers/{added['id']}", tool_filters=KEYS, name="Orders")

    shown = api.get(f"{PROVIDERS}/{made['id']}").json()
    assert (shown["name"], shown["integration_provider"]["provider_version"]["index"]) == ("Orders", 2)
    assert shown["integration_provider"]["tool_filter"]["filters"] == KEYS
    assert api.get(PROVIDERS, params={"search": "orders"}).json()["items"] == [shown]


def test_archiving_a_provider_of_a_template_archives_what_instances_made_of_it(api, values):
    template, [_, second] = make_offer(api, "openai", "git")
    instance = make_instance(api, template)
    set_provider(api, instance, "openai", provider_auth_config_id=values.auth("openai"))
    set_provider(api, instance, "git", provider_config_id=values.config("git"))
    assert read_instance(api, instance)["status"] == "draft"

    api.delete(f"/integration-providers/{second['id']}")

    after = read_instance(api, instance)
    assert (after["status"], [each["provider"]["slug"] for each in after["providers"]]) == (
        "active",
        ["openai"],
    )
    [gone] = api.get(PROVIDERS, params={"status": "archived"}).json()["items"]
    assert gone["integration_provider"]["status"] == "archived"
    again = post(
        api,
        "/integration-providers",
        integration_id=template["id"],
        provider_id="git",
        provider_deployment_id=second["deployment_id"],
    )
    assert again["id"] == second["id"]
    revived = set_provider(api, instance, "git", **values.pair("git")).json()
    assert (revived["id"], revived["status"]) == (gone["id"], "active")


def test_a_wrong_body_is_told_by_its_place(api):
    added, instance = offer_database(api)
    wrong = {
        "/provider_config_id": {"provider_config_id": 3},
        "/is_override_tool_filter": {"is_override_tool_filter": None},
        "/tool_filters/pattern": {"tool_filters": {"type": "tool_regex", "pattern": "(a)\\1"}},
        "": {"value": DATABASE},
    }

    for place, body in wrong.items():
        told = check_problem(set_provider(api, instance, added["id"], **body), 400)
        assert places(told) == [place]


def test_the_words_of_a_provider_are_those_of_its_template(api):
    added, instance = offer_database(api)
    made = set_provider(api, instance, added["id"]).json()
    said = {"name": "Orders", "description": "All orders", "metadata": {"team": 7}}

    change(api, f"/integration-providers/{added['id']}", **said)

    shown = api.get(f"{PROVIDERS}/{made['id']}").json()
    assert {field: shown[field] for field in said} == said
    assert shown["integration_provider"]["provider_version"]["index"] == 1


def test_what_was_set_is_checked_again_when_the_last_of_it_is(api, values):
    config = values.config("aws", {"connectionType": "ACCESS_KEY", "region": "eu-central-1", "user": "AKIA"})
    whole = {"awsAccountId": "123456789012", "api_key": "made-up"}
    auth = values.auth("aws", whole, bound_to=config)
    template, _ = make_offer(api, "aws", "openai")
    instance = make_instance(api, template)
    named = {"provider_config_id": config, "provider_auth_config_id": auth}
    assert set_provider(api, instance, "aws", **named).status_code == 200

    values.rotate(auth, "aws", {"api_key": None}, bound_to=config)
    set_provider(api, instance, "openai", provider_auth_config_id=values.auth("openai"))
    assert read_instance(api, instance)["status"] == "draft"

    values.rotate(auth, "aws", whole, bound_to=config)
    assert set_provider(api, instance, "aws").status_code == 200
    assert read_instance(api, instance)["status"] == "active"
