"""Deployments: a provider as a workspace uses it, made, changed and archived."""

import json

from reference_examples import keep_config, refused

PATH = "/provider-deployments"
NOWHERE = "pde_0mi8tq2k1Aa0Bb1Cc2Dd3Ee"
CANARY = "canary-77c2"


def make(api, **fields):
    answer = api.post(PATH, json={"provider_id": "git", **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_deployment_is_made_and_read_back(api):
    filters = [{"type": "tool_keys", "keys": ["get_issue"]}]
    made = make(api, name=" Production ", description=" ", metadata={"a": [1]}, tool_filters=filters)

    assert made["object"] == "provider.deployment"
    assert made["id"].startswith("pde_")
    assert (made["status"], made["name"], made["description"]) == ("active", "Production", None)
    assert made["tool_filter"] == {"type": "filter", "filters": filters, "ignore_parent_filters": False}
    assert made["provider_id"] == api.get("/providers/git").json()["id"]
    assert (made["is_default"], made["locked_version"], made["default_config"]) == (False, None, None)
    assert (made["metadata"], made["archived_at"]) == ({"a": [1]}, None)
    assert api.get(f"{PATH}/{made['id']}").json() == made
    assert api.get(PATH).json()["items"] == [made]


def test_a_provider_is_named_by_its_id_as_well_as_by_its_slug(api):
    by_slug = make(api)

    assert make(api, provider_id=by_slug["provider_id"])["provider_id"] == by_slug["provider_id"]


def test_what_is_left_out_of_a_change_stays_and_null_clears(api):
    made = make(
        api, name="a", description="b", metadata={"c": 1}, tool_filters={"type": "tool_regex", "pattern": "x"}
    )
    at = f"{PATH}/{made['id']}"

    changed = api.patch(at, json={"name": "d"}).json()
    assert changed == {**made, "name": "d", "updated_at": changed["updated_at"]}
    nulls = dict.fromkeys(("name", "description", "metadata", "tool_filters"))
    cleared = api.patch(at, json=nulls).json()
    assert [cleared[field] for field in ("name", "description", "metadata")] == [None] * 3
    assert cleared["tool_filter"]["type"] == "allow_all"
    assert api.patch(at, json={}).json() == cleared


def test_an_archived_deployment_is_read_and_listed_where_asked_for_and_takes_no_change(api):
    made = make(api)
    at = f"{PATH}/{made['id']}"
    gone = api.delete(at).json()

    assert (gone["status"], gone["id"]) == ("archived", made["id"])
    assert gone["archived_at"] == gone["updated_at"]
    assert api.get(at).json() == gone
    assert api.get(PATH).json()["items"] == []
    assert api.get(PATH, params={"status": ["archived", "active"]}).json()["items"] == [gone]
    refused(api.patch(at, json={"name": "a"}), 410, "gone")
    refused(api.delete(at), 410, "gone")


def test_deployments_are_listed_by_provider_words_and_id(api):
    one, two = make(api, name="One"), make(api, provider_id="aws", description="the second one")
    found = {
        ("provider_id", "aws"): [two],
        ("provider_id", one["provider_id"]): [one],
        ("provider_id", "pro_unheard"): [],
        ("search", "ONE"): [one, two],
        ("id", two["id"]): [two],
        ("order", "desc"): [two, one],
        ("after", one["id"]): [two],
        ("before", one["id"]): [],
    }

    for pair, expected in found.items():
        assert api.get(PATH, params=dict([pair])).json()["items"] == expected, pair


def test_a_default_config_is_shown_in_short(api, service):
    config = keep_config(service, "pcf_1", "git", name="Mine", secret=CANARY)
    made = make(api, provider_config_id=config)

    assert made["default_config"]["object"] == "provider.config#preview"
    assert (made["default_config"]["id"], made["default_config"]["name"]) == (config, "Mine")
    assert CANARY not in json.dumps(made)
    assert api.get(PATH).json()["items"] == [made]
    at = f"{PATH}/{made['id']}"
    assert api.patch(at, json={"provider_config_id": None}).json()["default_config"] is None
    assert api.patch(at, json={"provider_config_id": config}).json()["default_config"]["id"] == config


def test_a_default_config_must_be_one_that_the_deployment_may_use(api, service):
    foreign = keep_config(service, "pcf_1", "aws")
    archived = keep_config(service, "pcf_2", "git", status="archived")
    locked = keep_config(service, "pcf_3", "git", deployment_id=NOWHERE)
    told = {
        "pcf_unheard": (404, "not_found"),
        foreign: (404, "not_found"),
        archived: (400, "use_after_delete"),
        locked: (400, "provider_config_deployment_mismatch"),
    }

    for config, error in told.items():
        body = {"provider_id": "git", "provider_config_id": config}
        refused(api.post(PATH, json=body), *error, "/provider_config_id")
    assert api.get(PATH).json()["items"] == []


REFUSED = [
    ({"provider_id": "unheard"}, 404, "not_found", "/provider_id"),
    ({"provider_id": 1}, 400, "invalid_data", "/provider_id"),
    ({"name": " "}, 400, "invalid_data", "/name"),
    ({"name": "n" * 257}, 400, "invalid_data", "/name"),
    ({"metadata": []}, 400, "invalid_data", "/metadata"),
    ({"tool_filters": {"type": "tool_regex", "pattern": "(?=a)"}}, 400, "unsafe_pattern", None),
    ({"locked_provider_version_id": "prv_1"}, 400, "invalid_data", "/locked_provider_version_id"),
    ({"provider_config": {"value": {CANARY: 1, "user": "a"}}}, 400, "invalid_data", "/provider_config/value"),
    ({"provider_config": {CANARY: CANARY}}, 400, "invalid_data", "/provider_config"),
    ({"status": "active"}, 400, "invalid_data", ""),
]


def test_a_deployment_that_cannot_be_is_refused_and_nothing_is_kept(api):
    for fields, *error in REFUSED:
        answer = api.post(PATH, json={"provider_id": "git", **fields})
        refused(answer, *error)
        assert CANARY not in answer.text
    assert api.get(PATH).json()["items"] == []


def test_there_is_no_deployment_of_another_workspace(api, key):
    at = f"{PATH}/{make(api)['id']}"
    api.headers["X-Authorization"] = key("admin", workspace="other")

    refused(api.get(at), 404, "not_found")
    refused(api.patch(at, json={"name": "a"}), 404, "not_found")
    refused(api.delete(at), 404, "not_found")
    assert api.get(PATH).json()["items"] == []


def test_whoever_may_only_read_changes_nothing(api, key):
    at = f"{PATH}/{make(api)['id']}"
    api.headers["X-Authorization"] = key("viewer")

    assert api.get(at).status_code == 200
    refused(api.post(PATH, content=b"not read"), 403, "forbidden")
    refused(api.patch(at, json={}), 403, "forbidden")
    refused(api.delete(at), 403, "forbidden")
