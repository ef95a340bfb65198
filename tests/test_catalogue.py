"""The catalogue: every connector type is a provider, with a schema and methods to give it its secrets."""

import jsonschema_rs

from credenza.connectors import Catalogue
from examples import EXAMPLES
from own_types import OTHER, register
from reference_examples import refused

PROVIDERS, METHODS = "/providers", "/provider-auth-methods"
SPECIFICATIONS, VERSIONS, SCHEMA = "/provider-specifications", "/provider-versions", "/provider-config-schema"
LISTS = [PROVIDERS, METHODS, SPECIFICATIONS, VERSIONS]
NAMES = list(Catalogue.load())


def get(api, path, **query):
    answer = api.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def items(api, path, **query):
    return get(api, path, **query)["items"]


def slugs(api, **query):
    return sorted(each["slug"] for each in items(api, PROVIDERS, **query))


def walk(api, path, step, **query):
    """Return the ids of a list, page by page in one direction."""
    found, place = [], {}
    while True:
        page = get(api, path, limit=7, **{**query, **place})
        ids = [each["id"] for each in page["items"]]
        found = found + ids if step == "after" else ids + found
        if not page["pagination"][f"has_more_{step}"]:
            return found
        place = {step: ids[-1] if step == "after" else ids[0]}


def test_every_connector_type_is_a_provider(api):
    assert slugs(api, limit=100) == NAMES


def test_a_provider_is_read_by_its_id_and_by_its_slug(api):
    by_slug = get(api, f"{PROVIDERS}/aws")

    assert by_slug["object"] == "provider"
    assert (by_slug["slug"], by_slug["identifier"], by_slug["name"]) == ("aws", "aws", "AWS")
    assert (by_slug["access"], by_slug["status"]) == ("public", "active")
    assert by_slug["oauth"]["status"] == "disabled"
    assert by_slug["id"].startswith("pro_")
    assert get(api, f"{PROVIDERS}/{by_slug['id']}") == by_slug
    assert get(api, f"{VERSIONS}/{by_slug['current_version']['id']}") == by_slug["current_version"]


def test_the_ids_of_a_provider_are_the_same_in_every_workspace(api, key):
    here = get(api, f"{PROVIDERS}/aws")
    api.headers["X-Authorization"] = key("viewer", workspace="other")
    there = get(api, f"{PROVIDERS}/aws")

    assert (here["id"], here["current_version"]["id"]) == (there["id"], there["current_version"]["id"])


def test_a_type_that_a_workspace_registers_is_a_provider_of_its_own(api, key):
    register(api, OTHER)
    mine = get(api, f"{PROVIDERS}/other")
    [method] = items(api, METHODS, provider_id="other")

    assert (mine["access"], mine["publisher"]["name"]) == ("tenant", "default")
    assert method["input_schema"]["schema"]["required"] == ["token"]
    api.headers["X-Authorization"] = key("viewer", workspace="other")
    missing(api, f"{PROVIDERS}/{mine['id']}")


def missing(api, path):
    refused(api.get(path), 404, "not_found")


def test_what_is_not_in_the_catalogue_is_a_404(api):
    for path in LISTS:
        missing(api, f"{path}/pro_unheard")
    missing(api, f"{SCHEMA}?provider_id=unheard")


def test_lists_of_the_catalogue_are_walked_in_both_directions_and_orders(api):
    for path in LISTS:
        whole = [each["id"] for each in items(api, path, limit=100)]
        assert whole == sorted(whole)
        assert walk(api, path, "after") == whole
        assert walk(api, path, "before", before=whole[-1]) == whole[:-1]
        assert walk(api, path, "after", order="desc") == whole[::-1]
        middle = get(api, path, before=whole[9], limit=4)
        assert [each["id"] for each in middle["items"]] == whole[5:9]
        assert middle["pagination"] == {"has_more_after": True, "has_more_before": True}
        end = get(api, path, after=whole[-1])
        assert (end["items"], end["pagination"]) == ([], {"has_more_after": False, "has_more_before": True})
        assert items(api, path, after="pro_unheard") == []


def test_providers_are_found_by_id_slug_words_and_time(api):
    aws = get(api, f"{PROVIDERS}/aws")["id"]

    assert slugs(api, id=[aws, "kafka", "unheard"]) == ["aws", "kafka"]
    assert slugs(api, search=" VECTOR ", limit=100) == ["mongovectordb", "pgvectordb"]
    assert slugs(api, search="vector", id="kafka") == []
    assert slugs(api, status="archived") == []
    assert slugs(api, **{"created_at[gt]": "2100-01-01"}) == []
    assert len(slugs(api, **{"created_at[lt]": "2100-01-01"}, limit=100)) == len(NAMES)


def test_methods_and_specifications_are_found_by_provider_version_and_deployment(api):
    aws = get(api, f"{PROVIDERS}/aws")
    deployment = api.post("/provider-deployments", json={"provider_id": "aws"}).json()
    ids = {
        "provider_id": ["aws", "pro_unheard"],
        "provider_version_id": aws["current_version"]["id"],
        "provider_deployment_id": deployment["id"],
    }

    for name, value in ids.items():
        assert {each["provider_id"] for each in items(api, METHODS, **{name: value})} == {aws["id"]}
        assert [each["key"] for each in items(api, SPECIFICATIONS, **{name: value})] == ["aws"]
    assert items(api, METHODS, provider_deployment_id="pde_unheard") == []
    assert items(api, METHODS, provider_id="aws", provider_version_id="prv_unheard") == []


def test_a_type_whose_key_decides_between_secrets_has_a_method_for_each_of_its_values(api):
    methods = {each["key"]: each for each in items(api, METHODS, provider_id="aws")}

    assert sorted(methods) == ["access_key", "conductor_role", "external_role"]
    assert {(each["type"], *each["scopes"]) for each in methods.values()} == {("custom",)}
    key = methods["access_key"]
    assert key["object"] == "provider.capabilities.auth_method"
    assert key["input_schema"]["schema"]["required"] == ["api_key"]
    assert get(api, f"{METHODS}/{key['id']}") == key
    [only] = items(api, METHODS, provider_id="openai")
    assert (only["key"], only["type"], only["name"]) == ("default", "token", "API Key")
    [none] = items(api, METHODS, provider_id="mongovectordb")
    assert none["input_schema"] is None


def test_the_schemas_that_are_served_take_the_halves_of_a_valid_configuration(api):
    for slug in ("aws", "kafka", "grok", "relational_db"):
        shown = get(api, SCHEMA, provider_id=slug)["schema"]
        public = shown["schema"] if shown else {"properties": {}}
        halves = [public, *(each["input_schema"]["schema"] for each in items(api, METHODS, provider_id=slug))]
        split = [{k: v for k, v in EXAMPLES[slug].items() if k in half["properties"]} for half in halves]

        assert split[0] | split[1] == EXAMPLES[slug]
        jsonschema_rs.validate(halves[0], split[0])
        assert any(map(jsonschema_rs.is_valid, halves[1:], split[1:]))
        assert not any("writeOnly" in rules for rules in public["properties"].values())


def test_a_config_schema_is_found_by_whatever_names_its_provider(api):
    aws = get(api, f"{PROVIDERS}/aws")
    deployment = api.post("/provider-deployments", json={"provider_id": "aws"}).json()["id"]
    schema = get(api, SCHEMA, provider_id="aws")

    assert (schema["object"], schema["provider_id"]) == ("provider.capabilities.config.schema", aws["id"])
    assert get(api, SCHEMA, provider_version_id=aws["current_version"]["id"]) == schema
    assert get(api, SCHEMA, provider_deployment_id=deployment) == schema
    assert get(api, SCHEMA, provider_deployment_id=deployment, provider_id=aws["id"]) == schema
    assert get(api, SCHEMA, provider_id="grok")["schema"] is None
    [specification] = items(api, SPECIFICATIONS, provider_id="aws")
    assert specification["config_schema"] == schema["schema"]["schema"]
    assert specification["id"] == schema["specification_id"]


def test_a_config_schema_is_of_exactly_one_provider(api):
    other = get(api, f"{PROVIDERS}/kafka")["current_version"]["id"]

    for query in ({}, {"provider_id": "aws", "provider_version_id": other}):
        refused(api.get(SCHEMA, params=query), 400, "invalid_data", "/provider_id")


def test_the_catalogue_is_for_whoever_may_read_all_of_the_workspace(api, key):
    paths = [*LISTS, f"{SCHEMA}?provider_id=aws", f"{PROVIDERS}/aws"]
    for credential, status in ((key("viewer"), 200), (key("viewer", names=["a*"]), 403), ("", 401)):
        api.headers["X-Authorization"] = credential
        assert {api.get(path).status_code for path in paths} == {status}
