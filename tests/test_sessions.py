"""Sessions: for a while, who has the secret of one reads what its instance resolves to."""

from datetime import datetime, timedelta

import pytest

from reference_examples import refused
from setup_things import DATABASE, MINUTE, MODEL, begin, make_reports, move_clock, share_house, visit
from template_things import add_provider, fill_step, make_deployment, post

PATH, TEMPLATES = "/sessions", "/session-templates"

house, room, service, workspace, key, api, client = share_house()


@pytest.fixture
def instance(api):
    """Make an active instance of a database and a model; only some tools of the model may be used."""
    template = make_reports(api, "pgvectordb")
    add_provider(api, template, "openai", tool_filters={"type": "tool_regex", "pattern": "^chat"})
    session = begin(api, template)
    assert fill_step(api, session, 0, **DATABASE).status_code == 303
    assert fill_step(api, session, 1, **MODEL).status_code == 303
    return api.get(f"/integration-instances/{session['integration_instance_id']}").json()


def start(api, instance, **body):
    return post(api, f"/integration-instances/{instance['id']}/session", **body)


def resolve(client, session, secret=None):
    secret = session["client_secret"] if secret is None else secret
    return client.get(session["connection_url"], headers={"Authorization": f"Bearer {secret}"})


@pytest.fixture
def stranger(client):
    return client


def test_a_session_shows_its_secret_once_and_where_to_use_it(api, instance):
    made = start(api, instance, name=" Nightly ", metadata={"run": 1})

    assert (made["object"], made["status"], made["name"]) == ("session", "active", "Nightly")
    assert made["id"].startswith("ses_")
    assert made["client_secret"].startswith("ses_secret_")
    assert made["connection_url"].endswith(f"/sessions/{made['id']}/resolved")
    assert (made["connection_state"], made["metadata"]) == ("disconnected", {"run": 1})
    assert [part["object"] for part in made["providers"]] == ["session.provider"] * 2
    begun, until = (datetime.fromisoformat(made[each]) for each in ("created_at", "expires_at"))
    assert until - begun == timedelta(hours=1)
    [listed] = api.get(PATH).json()["items"]
    assert listed == api.get(f"{PATH}/{made['id']}").json() == {**made, "client_secret": None}


def test_a_session_without_a_name_is_called_after_the_time(api, instance):
    made = start(api, instance)

    assert made["name"] == f"Session {made['created_at']}"


def test_the_secret_opens_the_configurations_and_the_filters_that_count(api, instance, stranger):
    answer = resolve(stranger, start(api, instance))
    shown = answer.json()

    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert (shown["object"], shown["integration_instance_id"]) == ("session.resolved", instance["id"])
    database, model = shown["providers"]
    assert (database["type"], database["configuration"]) == ("pgvectordb", {**DATABASE, "dimensions": 1536})
    assert (model["type"], model["configuration"]) == ("openai", MODEL)
    assert database["tool_filters"] == []
    rule = {"type": "tool_regex", "pattern": "^chat"}
    assert model["tool_filters"] == [{"type": "filter", "filters": [rule], "ignore_parent_filters": False}]
    names = [part["integration"] for part in instance["providers"]]
    assert [database["integration"], model["integration"]] == names


def test_filters_of_the_deployment_count_too_and_an_override_takes_the_place_of_the_templates(api, stranger):
    def rule(pattern):
        return {"type": "tool_regex", "pattern": pattern}

    template = make_reports(api, "sendgrid", can_override_tool_filters=True)
    deployment = make_deployment(api, "openai", tool_filters=rule("deployed"))
    filters = rule("template")
    parent = add_provider(
        api, template, "openai", provider_deployment_id=deployment["id"], tool_filters=filters
    )
    session = begin(api, template)
    for step in (0, 1):
        assert fill_step(api, session, step, **MODEL).status_code == 303
    instance = {"id": session["integration_instance_id"]}
    made = start(api, instance)

    def list_patterns():
        model = resolve(stranger, made).json()["providers"][-1]
        return [each["filters"][0]["pattern"] for each in model["tool_filters"]]

    assert list_patterns() == ["deployed", "template"]
    at = f"/integration-instances/{instance['id']}/providers/{parent['id']}"
    assert api.put(at, json={"tool_filters": rule("own")}).status_code == 200
    assert list_patterns() == ["deployed", "template", "own"]
    assert api.put(at, json={"is_override_tool_filter": True}).status_code == 200
    assert list_patterns() == ["deployed", "own"]


def test_every_reading_is_in_the_audit_under_the_sessions_name(api, instance, stranger, workspace):
    made = start(api, instance)
    resolve(stranger, made)

    rows = workspace.peek(lambda tx, _: [*tx.trail()])
    told = [(row.verb, row.items.decode()) for row in rows if row.actor == f"session:{made['id']}"]
    assert [verb for verb, _ in told] == ["reveal", "reveal"]
    names = [part["integration"] for part in instance["providers"]]
    assert all(name in items for name, (_, items) in zip(names, told, strict=True))
    assert "canary" not in str(told)


def test_a_wrong_secret_opens_nothing_and_tells_nothing(api, instance, stranger, key):
    made, other = start(api, instance), start(api, instance)
    gone = {**made, "connection_url": made["connection_url"].replace(made["id"], "ses_unheard")}
    said = set()
    for answer in (
        resolve(stranger, made, other["client_secret"]),
        resolve(stranger, made, made["client_secret"][:-2]),
        resolve(stranger, made, "ses_secret_"),
        resolve(stranger, made, "ses_secret_" + "A" * 64),
        resolve(stranger, made, "x" * 10_000),
        resolve(stranger, made, key("admin")),
        resolve(stranger, gone),
    ):
        refused(answer, 401, "unauthorized")
        said.add(answer.json()["detail"])

    assert len(said) == 1
    assert stranger.get(made["connection_url"]).status_code == 401


def test_the_secret_of_a_session_is_no_credential_for_anything_else(api, instance, stranger):
    headers = {"Authorization": f"Bearer {start(api, instance)['client_secret']}"}

    for path in (PATH, "/integrations", "/api/integrations/"):
        assert stranger.get(path, headers=headers).status_code == 401


def test_what_is_stored_of_a_secret_is_a_hash(api, instance, service):
    made = start(api, instance)

    body = made["client_secret"].removeprefix("ses_secret_").encode()
    files = [each.read_bytes() for each in service.store.folder.iterdir() if each.is_file()]
    assert files
    assert not [each for each in files if body in each]


def test_a_session_that_is_ended_past_its_time_or_without_its_instance_is_over(
    api, instance, service, stranger, key
):
    ended, late, left = (start(api, instance) for _ in range(3))
    assert api.delete(f"{PATH}/{ended['id']}").json()["status"] == "archived"
    refused(resolve(stranger, ended), 410, "gone")
    refused(api.delete(f"{PATH}/{ended['id']}"), 410, "gone")

    later = move_clock(service, 61 * MINUTE)
    refused(resolve(visit(later), late), 410, "gone")
    shown = visit(later, key("admin")).get(PATH, params={"status": "archived"}).json()["items"]
    assert {each["id"] for each in shown} == {ended["id"], late["id"], left["id"]}
    assert {each["status"] for each in shown} == {"archived"}

    api.delete(f"/integration-instances/{instance['id']}")
    refused(resolve(stranger, left), 410, "gone")
    assert api.get(PATH).json()["items"] == []


def test_a_draft_has_no_sessions_and_an_archived_instance_no_more(api, instance):
    draft = begin(api, make_reports(api))["integration_instance"]
    at = "/integration-instances/{}/session"
    refused(
        api.post(at.format(draft["id"]), json={}),
        400,
        "default_session_template_timeout",
        "/integration_instance_id",
    )
    api.delete(f"/integration-instances/{instance['id']}")

    refused(api.post(at.format(instance["id"]), json={}), 400, "use_after_delete")
    refused(api.post(at.format(instance["id"]) + "-template", json={}), 400, "use_after_delete")
    refused(api.post(at.format("ini_unheard"), json={}), 404, "not_found")


def test_a_draft_says_which_of_its_providers_are_still_to_be_set(api):
    session = begin(api, make_reports(api))
    assert fill_step(api, session, 0, **DATABASE).status_code == 303
    draft, missing = session["integration_instance"], session["steps"][1]

    body = refused(
        api.post(f"/integration-instances/{draft['id']}/session", json={}),
        400,
        "default_session_template_timeout",
    )

    [provider] = api.get("/integration-providers", params={"provider_id": "openai"}).json()["items"]
    said = f'Not all providers of this instance are set; set first: "{provider["name"]}".'
    assert [each["message"] for each in body["errors"]] == [said]
    assert missing["status"] == "pending"


def test_an_instance_has_one_session_template_which_is_changed_where_it_is_there(api, instance):
    at = f"/integration-instances/{instance['id']}/session-template"
    made = post(api, at, description="All of it", metadata={"a": 1})
    changed = post(api, at, name="Support", description=None)

    assert (made["object"], made["name"]) == ("session.template", "Northwind")
    assert made["id"].startswith("set_")
    assert changed == {**made, "name": "Support", "description": None, "updated_at": changed["updated_at"]}
    assert api.get(f"{TEMPLATES}/{made['id']}").json() == changed
    assert api.get(TEMPLATES).json()["items"] == [changed]
    assert [part["auth_config"]["object"] for part in made["providers"]] == ["provider.auth_config"] * 2
    assert start(api, instance)["from_templates_ids"] == [made["id"]]


def test_what_comes_of_an_instance_is_listed_by_it(api, instance):
    made = start(api, instance)
    [template] = made["from_templates_ids"]

    for query, found in (
        ({"integration_instance_id": instance["id"]}, True),
        ({"session_template_id": template}, True),
        ({"integration_instance_id": "ini_unheard"}, False),
        ({"search": "session 20"}, True),
        ({"status": "archived"}, False),
    ):
        assert bool(api.get(PATH, params=query).json()["items"]) is found, query
    assert (
        len(api.get("/integration-instances", params={"session_template_id": template}).json()["items"]) == 1
    )
    listed = api.get(TEMPLATES, params={"integration_instance_id": instance["id"]}).json()["items"]
    assert [each["id"] for each in listed] == [template]


def test_a_session_template_goes_with_its_instance(api, instance):
    [template] = start(api, instance)["from_templates_ids"]
    api.delete(f"/integration-instances/{instance['id']}")

    assert api.get(f"{TEMPLATES}/{template}").json()["status"] == "archived"
    assert api.get(TEMPLATES).json()["items"] == []


@pytest.mark.parametrize("body", [{"name": " "}, {"metadata": 1}, {"unheard": 1}, {"client_secret": "x"}])
def test_a_bad_body_is_refused(api, instance, body):
    for path in ("session", "session-template"):
        refused(api.post(f"/integration-instances/{instance['id']}/{path}", json=body), 400, "invalid_data")


def test_only_who_may_reveal_the_whole_workspace_makes_a_session(client, instance, key, stranger):
    path = f"/integration-instances/{instance['id']}/session"
    limited = {"names": ["a"]}
    for role, limits in (("editor", {}), ("viewer", {}), ("admin", limited), ("runtime", limited)):
        headers = {"X-Authorization": key(role, **limits)}
        refused(client.post(path, headers=headers), 403, "forbidden")

    made = client.post(path, headers={"X-Authorization": key("runtime")}, json={})
    assert made.status_code == 200
    assert resolve(stranger, made.json()).status_code == 200


def test_only_who_may_write_the_whole_workspace_ends_sessions_and_makes_their_templates(
    api, client, instance, key
):
    made = start(api, instance)

    for credential in (key("viewer"), key("runtime"), key("editor", names=["a"])):
        headers = {"X-Authorization": credential}
        for method, path in (
            ("POST", f"/integration-instances/{instance['id']}/session-template"),
            ("DELETE", f"{PATH}/{made['id']}"),
        ):
            refused(client.request(method, path, headers=headers), 403, "forbidden")


def test_a_session_dies_with_the_key_it_was_made_with(api, client, instance, room, stranger):
    credential = room.make_key("runtime")
    path = f"/integration-instances/{instance['id']}/session"
    made = client.post(path, headers={"X-Authorization": credential}, json={}).json()
    assert resolve(stranger, made).status_code == 200

    room.service.accounts.revoke_key(room.tenant, credential.split("_")[1], by="test")

    refused(resolve(stranger, made), 401, "unauthorized")
    assert resolve(stranger, start(api, instance)).status_code == 200


def test_another_workspaces_sessions_are_not_there(api, client, instance, key):
    made = start(api, instance)
    headers = {"X-Authorization": key("admin", workspace="other")}

    assert client.get(f"{PATH}/{made['id']}", headers=headers).status_code == 404
    assert client.get(PATH, headers=headers).json()["items"] == []
    assert client.get(f"{TEMPLATES}/{made['from_templates_ids'][0]}", headers=headers).status_code == 404
