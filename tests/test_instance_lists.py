"""Lists of instances and of their providers: every filter finds what is bound to what it names."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from credenza.stores.sqlite import cards
from instance_things import INSTANCES, PROVIDERS, Values, make_instance, make_offer, set_provider
from template_things import post
from test_templates import check_problem

STATUSES = {
    INSTANCES: ["draft", "active", "archived", "deleted"],
    PROVIDERS: ["active", "archived", "deleted"],
}


@pytest.fixture
def shelf(api, workspace):
    """Make instances of all sorts, and return all of them and of their providers, by path."""
    values = Values(workspace)
    actor = post(api, "/identity-actors", type="agent", name="Robin")["id"]
    offers = [make_offer(api, "relational_db", "openai") for _ in "ab"]
    pairs = [values.pair("relational_db") for _ in "ab"]
    keys = [values.auth("openai") for _ in "ab"]
    for number in range(12):
        template, [_, second] = offers[number % 2]
        body = {"identity_actor_id": actor} if number % 3 == 0 else {}
        made = make_instance(api, template, f"Customer {number}", **body)
        if number % 4:
            set_provider(api, made, "relational_db", **pairs[number // 6])
        if number % 4 > 1:
            set_provider(api, made, second["id"], provider_auth_config_id=keys[number // 4 % 2])
        if number % 5 == 4:
            api.delete(f"{INSTANCES}/{made['id']}")
    things = {
        path: api.get(path, params={"limit": 100, "status": statuses}).json()["items"]
        for path, statuses in STATUSES.items()
    }
    assert {each["status"] for each in things[INSTANCES]} == {"draft", "active", "archived"}
    return api, things


def links_of(path, item, providers):
    """Return the ids that a thing is found by, by the name of the filter."""
    if path == PROVIDERS:
        own, rest = [item], {"integration_instance_id": {item["integration_instance_id"]}}
    else:
        own = [each for each in providers if each["integration_instance_id"] == item["id"]]
        rest = {
            "identity_id": {item["identity_id"]},
            "identity_actor_id": {item["identity_actor_id"]},
            "identity_credential_id": set(),
        }
    links = {
        "integration_id": {item["integration_id"]},
        "provider_id": {each["provider"]["id"] for each in own},
        "integration_provider_id": {each["integration_provider"]["id"] for each in own},
        "provider_deployment_id": {each["integration_provider"]["deployment_id"] for each in own},
        "provider_config_id": {each["config"]["id"] for each in own if each["config"]},
        "provider_auth_config_id": {each["auth_config"]["id"] for each in own if each["auth_config"]},
        "session_template_id": set(),
        **rest,
    }
    return {name: found - {None} for name, found in links.items()}


def test_every_filter_finds_what_is_bound_to_what_it_names(shelf):
    client, things = shelf
    for path, items in things.items():
        links = {item["id"]: links_of(path, item, things[PROVIDERS]) for item in items}
        for name in next(iter(links.values())):
            for value in ["none", *sorted({each for found in links.values() for each in found[name]})]:
                query = {name: value, "status": STATUSES[path], "limit": 100}
                found = [item["id"] for item in client.get(path, params=query).json()["items"]]
                assert found == sorted(key for key, each in links.items() if value in each[name])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_filters_are_all_of_them_and_each_any_of_its_values(shelf, data):
    client, things = shelf
    path = data.draw(st.sampled_from([INSTANCES, PROVIDERS]))
    links = {item["id"]: links_of(path, item, things[PROVIDERS]) for item in things[path]}
    known = {
        name: sorted({each for found in links.values() for each in found[name]} | {"none"})
        for name in links[things[path][0]["id"]]
    }
    names = data.draw(st.lists(st.sampled_from(sorted(known)), max_size=3, unique=True))
    query = {
        name: data.draw(st.lists(st.sampled_from(known[name]), min_size=1, max_size=2)) for name in names
    }
    statuses = data.draw(st.lists(st.sampled_from(STATUSES[path])))
    wanted = statuses or ["draft", "active"]

    # What is rare is looked up first, and the rest walked: here either is tried.
    with patch.object(cards, "_RARE", data.draw(st.sampled_from([2, 1_000]))):
        page = client.get(path, params={**query, "status": statuses, "limit": 100}).json()

    chosen = [
        item["id"]
        for item in things[path]
        if item["status"] in wanted
        and all(links[item["id"]][name] & {*texts} for name, texts in query.items())
    ]
    assert [item["id"] for item in page["items"]] == sorted(chosen)


def test_a_provider_is_named_in_a_filter_by_its_slug_too(shelf):
    client, things = shelf
    for path in things:
        [by_slug, by_id] = [
            client.get(path, params={"provider_id": named}).json()
            for named in ("openai", things[PROVIDERS][-1]["provider"]["id"])
        ]
        assert by_slug == by_id
        assert by_slug["items"] != []


def test_a_search_looks_at_name_and_description_and_of_a_provider_at_what_it_is_called(shelf):
    client, _ = shelf

    query = {"search": "CUSTOMER 1", "status": STATUSES[INSTANCES]}
    found = client.get(INSTANCES, params=query).json()["items"]
    assert [each["name"] for each in found] == ["Customer 1", "Customer 10", "Customer 11"]
    found = client.get(PROVIDERS, params={"search": "openai"}).json()["items"]
    assert {each["provider"]["slug"] for each in found} == {"openai"}


def test_a_query_that_says_nothing_these_lists_know_is_refused(api):
    for path in (INSTANCES, PROVIDERS):
        for query in ("status=none", "created_at=gt", "limit=0", "name=a", "identity=a"):
            check_problem(api.get(f"{path}?{query}"), 400, "invalid_data")
    check_problem(api.get(f"{PROVIDERS}?status=draft"), 400, "invalid_data")
