"""Configs: what providers are configured with in clear. Values go in, are checked, and never come out."""

from config_things import (
    AUTHS,
    CANARY,
    CONFIGS,
    CREDENTIALS,
    DATABASE,
    find_method,
    make_auth,
    make_config,
    make_credentials,
    read_held,
    refused_silently,
    told,
)
from credenza.connectors import Catalogue
from credenza.web.openapi import describe
from credenza.web.surfaces import DESCRIBED
from reference_examples import refused
from template_things import make_deployment, make_things

PATHS = describe(DESCRIBED, Catalogue.load(), lenient=False)["paths"]
READS = [path for path, calls in PATHS.items() if "get" in calls]


def test_a_config_is_made_and_read_back_without_its_values(api, workspace):
    filters = [{"type": "tool_keys", "keys": ["get_issue"]}]
    made = make_config(api, name=" Bot ", description=" ", metadata={"a": [1]}, tool_filters=filters)

    assert (made["object"], made["id"][:4], made["status"]) == ("provider.config", "pcf_", "active")
    assert (made["name"], made["description"], made["metadata"]) == ("Bot", None, {"a": [1]})
    assert made["tool_filter"] == {"type": "filter", "filters": filters, "ignore_parent_filters": False}
    assert made["specification_id"].startswith("psp_")
    assert (made["is_default"], made["deployment"], made["from_vault"]) == (False, None, None)
    assert "value" not in made
    assert api.get(f"{CONFIGS}/{made['id']}").json() == made
    assert api.get(CONFIGS).json()["items"] == [made]
    assert read_held(workspace, made["id"]) == ({"user": "robin"}, {})


def test_what_is_wrong_with_values_is_told_by_place_and_nothing_is_kept(api, workspace):
    wrong = {"jdbcDriver": [CANARY], "user": 7, CANARY: CANARY}
    answer = api.post(CONFIGS, json={"provider_id": "relational_db", "value": wrong})

    assert answer.status_code == 400
    assert ("wrong_type", "/value/jdbcDriver", ["value", "jdbcDriver"]) in told(answer)
    assert ("required", "/value/datasourceURL", ["value", "datasourceURL"]) in told(answer)
    assert {pointer.split("/")[1] for _, pointer, _ in told(answer)} == {"value"}
    assert not [each for each in answer.json()["errors"] if {"name", "index"} & {*each}]
    assert api.get(CONFIGS).json()["items"] == []
    assert workspace.peek(lambda tx, _: [*tx.page(owned=True, limit=9)]) == []


def test_a_secret_is_no_part_of_a_config(api):
    answer = api.post(CONFIGS, json={"provider_id": "git", "value": {"user": "a", "api_key": CANARY}})

    assert [pointer for _, pointer, _ in told(answer)] == ["/value"]
    assert answer.json()["errors"][0]["message"] == "api_key is a secret: it belongs into an auth config."


def test_no_message_names_a_type_by_a_word_of_our_own(api):
    method = find_method(api)
    for path, body in (
        (CONFIGS, {"provider_id": "git", "value": {CANARY: 1}}),
        (AUTHS, {"provider_auth_method_id": method, "value": {"api_key": "a", CANARY: 1}}),
        (AUTHS, {"provider_auth_method_id": method, "value": {"api_key": "a", "user": "b"}}),
        (CREDENTIALS, {"provider_id": "git", "config": {"client_id": "a", "client_secret": " "}}),
    ):
        answer = api.post(path, json=body)
        assert {code for code, _, _ in told(answer)} & {"unknown_key", "empty_secret"}
        assert "#" not in answer.text
    misplaced = {"provider_auth_method_id": method, "value": {"api_key": "a", "user": "b"}}
    told_ = api.post(AUTHS, json=misplaced).json()["errors"][0]["message"]
    assert told_ == "user is no secret: it belongs into a config."


def test_credentials_inside_an_address_are_sealed(api, workspace, database):
    address = f"jdbc:postgresql://db.example:5432/x?user=reader&password={CANARY}"
    made = make_config(api, "relational_db", {**DATABASE, "datasourceURL": address})
    public, secrets = read_held(workspace, made["id"])

    assert "datasourceURL" not in public
    assert secrets == {"/datasourceURL": address}
    assert CANARY.encode() not in b"".join(each.read_bytes() for each in database.parent.glob("*.db*"))


def test_what_is_left_out_of_a_change_stays_and_values_always_do(api, workspace):
    made = make_config(api, name="a", description="b", metadata={"c": 1})
    at = f"{CONFIGS}/{made['id']}"

    changed = api.patch(at, json={"name": "d"}).json()
    assert changed == {**made, "name": "d", "updated_at": changed["updated_at"]}
    nulls = dict.fromkeys(("name", "description", "metadata", "tool_filters"))
    assert [api.patch(at, json=nulls).json()[field] for field in ("name", "metadata")] == [None, None]
    refused_silently(api.patch(at, json={"value": {"user": CANARY}}), 400, "invalid_data", "/value")
    assert read_held(workspace, made["id"]) == ({"user": "robin"}, {})


def test_an_archived_config_is_read_and_listed_where_asked_for_and_takes_no_change(api):
    made = make_config(api)
    at = f"{CONFIGS}/{made['id']}"
    gone = api.delete(at).json()

    assert (gone["status"], gone["archived_at"]) == ("archived", gone["updated_at"])
    assert api.get(at).json() == gone
    assert api.get(CONFIGS).json()["items"] == []
    assert api.get(CONFIGS, params={"status": "archived"}).json()["items"] == [gone]
    refused(api.patch(at, json={"name": "a"}), 410, "gone")
    refused(api.delete(at), 410, "gone")


def test_configs_are_listed_by_provider_deployment_words_and_id(api):
    deployment = make_deployment(api)
    one = make_config(api, name="One")
    two = make_config(api, "openai", {}, description="the second one")
    three = make_config(api, provider_deployment_id=deployment["id"])

    found = {
        ("provider_id", "openai"): [two],
        ("provider_id", one["provider_id"]): [one, three],
        ("provider_deployment_id", deployment["id"]): [three],
        ("search", "ONE"): [one, two],
        ("after", two["id"]): [three],
    }
    for pair, expected in found.items():
        assert api.get(CONFIGS, params=dict([pair])).json()["items"] == expected, pair
    assert three["deployment"]["id"] == deployment["id"]
    refused(api.get(CONFIGS, params={"value": "robin"}), 400, "invalid_data")


def test_a_deployment_is_made_with_a_config_of_its_own(api, workspace):
    sent = {"name": "Bot", "value": {"user": "robin"}}
    deployment = make_deployment(api, provider_config=sent)
    default = deployment["default_config"]
    config = api.get(f"{CONFIGS}/{default['id']}").json()

    assert (default["name"], default["is_default"]) == ("Bot", True)
    assert (config["is_default"], config["deployment"]["id"]) == (True, deployment["id"])
    assert api.get(f"/provider-deployments/{deployment['id']}").json() == deployment
    assert read_held(workspace, config["id"]) == ({"user": "robin"}, {})
    named = {"provider_id": "git", "provider_config_id": config["id"]}
    answer = api.post("/provider-deployments", json=named)
    refused(answer, 400, "provider_config_deployment_mismatch", "/provider_config_id")


def test_a_config_that_a_deployment_uses_no_longer_by_default_is_not_its_default(api):
    deployment = make_deployment(api, provider_config={"value": {"user": "robin"}})
    first, at = deployment["default_config"]["id"], f"/provider-deployments/{deployment['id']}"
    second = make_config(api, provider_deployment_id=deployment["id"])["id"]

    assert api.patch(at, json={"provider_config_id": second}).json()["default_config"]["is_default"] is True
    shown = {each["id"]: each["is_default"] for each in api.get(CONFIGS).json()["items"]}
    assert shown == {first: False, second: True}


UNFIT = [
    ({"value": {"user": [CANARY]}}, "/provider_config/value/user"),
    ({"value": {}}, "/provider_config/value/user"),
    ({"name": " ", "value": {"user": CANARY}}, "/provider_config/name"),
    ({"provider_config_vault_id": CANARY}, "/provider_config/provider_config_vault_id"),
]


def test_a_deployment_whose_config_cannot_be_is_not_made(api):
    for sent, pointer in UNFIT:
        answer = api.post("/provider-deployments", json={"provider_id": "git", "provider_config": sent})
        refused_silently(answer, 400, "invalid_data", pointer)
    assert api.get("/provider-deployments").json()["items"] == []
    assert api.get(CONFIGS).json()["items"] == []


REFUSED = [
    ({"provider_id": "unheard"}, 404, "not_found", "/provider_id"),
    ({"provider_deployment_id": "pde_unheard"}, 404, "not_found", "/provider_deployment_id"),
    ({"value": [CANARY]}, 400, "invalid_data", "/value"),
    ({"provider_config_vault_id": CANARY}, 400, "invalid_data", "/provider_config_vault_id"),
    ({"is_default": True}, 400, "invalid_data", ""),
]


def test_a_config_that_cannot_be_is_refused(api):
    foreign = make_deployment(api, "aws")["id"]
    archived = make_deployment(api)["id"]
    api.delete(f"/provider-deployments/{archived}")
    more = [
        ({"provider_deployment_id": foreign}, 404, "not_found", "/provider_deployment_id"),
        ({"provider_deployment_id": archived}, 400, "use_after_delete", "/provider_deployment_id"),
    ]

    for fields, *error in [*REFUSED, *more]:
        sent = {"provider_id": "git", "value": {"user": "robin"}, **fields}
        refused_silently(api.post(CONFIGS, json=sent), *error)
    assert api.get(CONFIGS).json()["items"] == []


def test_no_answer_of_any_call_shows_a_value_that_went_in(api):
    ids = make_things(api)
    for each in (
        make_config(api, value={"user": CANARY}),
        make_auth(api, value={"api_key": CANARY}),
        make_credentials(api, config={"client_id": CANARY, "client_secret": CANARY}),
        make_deployment(api, provider_config={"value": {"user": CANARY}}),
    ):
        name = {"pcf": "config", "pac": "auth_config", "par": "auth_credentials", "pde": "deployment"}
        ids[f"provider_{name[each['id'][:3]]}_id"] = each["id"]
        assert CANARY not in str(each)

    asked = 0
    for path in READS:
        answer = api.get(path.format_map(ids))
        asked += answer.status_code == 200
        assert CANARY not in answer.text, path
        assert "~p" not in answer.text, path
    assert asked > 40


MAKERS = {CONFIGS: make_config, AUTHS: make_auth, CREDENTIALS: make_credentials}


def test_there_is_nothing_of_another_workspace(api, key):
    made = {path: make(api) for path, make in MAKERS.items()}
    method = find_method(api)
    api.headers["X-Authorization"] = key("admin", workspace="other")

    for path, thing in made.items():
        at = f"{path}/{thing['id']}"
        for answer in (api.get(at), api.patch(at, json={"name": "a"}), api.delete(at)):
            refused(answer, 404, "not_found")
        assert api.get(path).json()["items"] == []
    foreign = {"provider_config_id": made[CONFIGS]["id"]}
    refused(api.post("/provider-deployments", json={"provider_id": "git", **foreign}), 404, "not_found")
    secret = {"provider_auth_method_id": method, "value": {"api_key": CANARY}}
    answer = api.post(AUTHS, json={**secret, **foreign})
    refused_silently(answer, 404, "not_found", "/provider_config_id")


def test_whoever_may_only_read_or_only_some_changes_nothing(api, key):
    made = {path: f"{path}/{make(api)['id']}" for path, make in MAKERS.items()}
    for credential, reads in ((key("viewer"), 200), (key("admin", names=("a*",)), 403)):
        api.headers["X-Authorization"] = credential
        for path, at in made.items():
            assert api.get(at).status_code == reads
            for answer in (api.post(path, content=b"not read"), api.patch(at, json={}), api.delete(at)):
                refused(answer, 403, "forbidden")
