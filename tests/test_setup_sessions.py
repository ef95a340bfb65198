"""Setup sessions by their calls: made, listed and read, and what becomes of them with time."""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest

from credenza.model import Role
from credenza.web.templates import effective
from reference_examples import refused
from setup_things import (
    DATABASE,
    MINUTE,
    MODEL,
    PATH,
    begin,
    make_reports,
    move_clock,
    read,
    share_house,
    visit,
)
from template_things import add_provider, fill_step, make_template, post, read_link

NOWHERE = "int_0mi8tq2k1Aa0Bb1Cc2Dd3Ee"

house, room, service, workspace, key, api, client = share_house()


def ids(answer):
    assert answer.status_code == 200, answer.text
    return [each["id"] for each in answer.json()["items"]]


def finish(client, session):
    assert fill_step(client, session, 0, **DATABASE).status_code == 303
    assert fill_step(client, session, 1, **MODEL).status_code == 303


def test_a_session_is_made_with_a_hidden_draft_and_a_step_for_each_provider(api):
    template = make_reports(api)
    made = begin(api, template, description=" For them ", metadata={"customer": 17})

    assert made["object"] == "integration.setup_session"
    assert made["id"].startswith("iss_")
    assert (made["status"], made["name"], made["description"]) == ("pending", "Northwind", "For them")
    assert (made["metadata"], made["redirect_url"]) == ({"customer": 17}, None)
    instance = made["integration_instance"]
    assert (made["integration_id"], made["integration_instance_id"]) == (template["id"], instance["id"])
    assert (instance["status"], instance["name"], instance["metadata"]) == (
        "draft",
        "Northwind",
        {"customer": 17},
    )
    assert [step["provider"]["slug"] for step in made["steps"]] == ["pgvectordb", "openai"]
    for step in made["steps"]:
        assert step["object"] == "integration.setup_session.step"
        assert step["id"].startswith("isst_")
        assert (step["status"], step["integration_instance_provider_id"]) == ("pending", None)
    assert api.get(f"{PATH}/{made['id']}").json() == made
    assert ids(api.get(PATH)) == [made["id"]]
    assert ids(api.get("/integration-instances")) == []
    assert api.get(f"/integration-instances/{instance['id']}").status_code == 200


def test_half_an_hour_is_what_a_session_has_unless_it_asks_for_another_time(api):
    template = make_reports(api)
    plain = begin(api, template)
    until = (datetime.now(UTC) + timedelta(days=6)).isoformat()
    long = begin(api, template, expires_at=until)

    begun = datetime.fromisoformat(plain["created_at"])
    assert datetime.fromisoformat(plain["expires_at"]) - begun == timedelta(minutes=30)
    assert abs(datetime.fromisoformat(long["expires_at"]) - datetime.fromisoformat(until)) < timedelta(
        seconds=1
    )


def test_the_time_that_a_session_has_is_a_setting(open_service):
    service = open_service(setup_minutes=5)
    admin = visit(service, make_key(service))
    made = begin(admin, make_reports(admin))

    span = datetime.fromisoformat(made["expires_at"]) - datetime.fromisoformat(made["created_at"])
    assert span == timedelta(minutes=5)


def make_key(service, role="admin"):
    return service.accounts.create_key(service.tenant(), Role(role), by="test").token.reveal()


def test_its_configuration_is_shown_whole_with_single_things_as_lists(api):
    template = make_reports(api)
    plain = begin(api, template)["configuration"]
    sent = {
        "provider_search": {"groups": {"group_id": "g"}, "collections": [{"collection_id": "c"}]},
        "tool_filters": {"enabled": True},
        "ui": {"layout": "side"},
    }
    full = begin(api, template, configuration=sent)["configuration"]

    assert plain == {
        "provider_search": {"groups": [], "collections": [], "categories": []},
        "tool_filters": {"enabled": False},
        "ui": {"layout": "box"},
    }
    assert full == {
        "provider_search": {
            "groups": [{"group_id": "g"}],
            "collections": [{"collection_id": "c"}],
            "categories": [],
        },
        "tool_filters": {"enabled": True},
        "ui": {"layout": "side"},
    }


def test_tools_are_chosen_only_where_the_template_lets_instances_choose(api):
    template = make_reports(api, can_attach_custom_tool_filters=False)
    made = begin(api, template, configuration={"tool_filters": {"enabled": True}})

    assert made["configuration"]["tool_filters"] == {"enabled": False}


def test_private_metadata_is_kept_and_never_shown(api, workspace):
    made = begin(api, make_reports(api), private_metadata={"note": "canary-private"})

    for answer in (api.get(PATH), api.get(f"{PATH}/{made['id']}"), api.get("/integration-instances")):
        assert "canary-private" not in answer.text
    assert "canary-private" not in json.dumps(made)
    paper = workspace.peek(lambda tx, _: tx.papers("setup_session", [made["id"]]))[made["id"]]
    assert b"canary-private" in paper.body


def test_only_who_may_write_is_given_the_secret_of_the_link(api, client, key):
    made = begin(api, make_reports(api))
    path, secret = read_link(made)
    viewer = client.get(f"{PATH}/{made['id']}", headers={"X-Authorization": key("viewer")})
    shown = viewer.json()

    assert secret.startswith("iss_secret_")
    assert path == f"/integration-setup-session/{made['id']}"
    assert viewer.headers["cache-control"] == "no-store"
    assert secret not in viewer.text
    assert "client_secret" not in viewer.text
    assert (urlsplit(shown["url"]).path, urlsplit(shown["url"]).query) == (path, "")
    assert shown["steps"][0]["url"] == f"{shown['url']}/{shown['steps'][0]['id']}"
    listed = client.get(PATH, headers={"X-Authorization": key("viewer")})
    assert secret not in listed.text
    assert client.get(made["steps"][0]["url"], headers={"X-Authorization": ""}).status_code == 200


def test_the_secret_of_a_link_is_stored_nowhere(api, service):
    _, secret = read_link(begin(api, make_reports(api)))

    files = [each for each in service.store.folder.iterdir() if each.is_file()]
    assert files
    assert not [
        each for each in files if secret.removeprefix("iss_secret_").encode()[-40:] in each.read_bytes()
    ]


@pytest.mark.parametrize("public", [None, "https://credenza.example.com/store/"])
def test_links_begin_with_the_servers_own_address_and_never_with_what_a_request_names(open_service, public):
    service = open_service(public_url=public)
    admin = visit(service, make_key(service))
    admin.headers["Host"] = "elsewhere.example"
    made = begin(admin, make_reports(admin))

    assert "elsewhere" not in json.dumps(made)
    assert made["url"].startswith((public or "http://testserver").rstrip("/"))


def test_an_identity_is_made_for_the_actor_that_is_named(api):
    actor = post(api, "/identity-actors", type="person", name="Robin")
    made = begin(api, make_reports(api), identity_actor_id=actor["id"])

    assert made["integration_instance"]["identity_actor_id"] == actor["id"]
    assert made["integration_instance"]["identity_id"].startswith("idn_")


REFUSED = [
    ({"integration_id": NOWHERE}, 404, "not_found", "/integration_id"),
    ({"name": " "}, 400, "invalid_data", "/name"),
    ({"name": None}, 400, "invalid_data", "/name"),
    ({"metadata": 1}, 400, "invalid_data", "/metadata"),
    ({"private_metadata": {"a": "x" * 70_000}}, 400, "invalid_data", "/private_metadata"),
    ({"expires_at": "tomorrow"}, 400, "invalid_data", "/expires_at"),
    ({"expires_at": "2020-01-01T00:00:00Z"}, 400, "invalid_data", "/expires_at"),
    ({"expires_at": "2999-01-01T00:00:00Z"}, 400, "invalid_data", "/expires_at"),
    ({"redirect_url": "https://elsewhere.example/"}, 400, "invalid_data", "/redirect_url"),
    ({"redirect_url": "javascript:alert(1)"}, 400, "invalid_data", "/redirect_url"),
    ({"identity_id": "idn_unheard"}, 404, "not_found", "/identity_id"),
    ({"configuration": {"ui": {"layout": "round"}}}, 400, "invalid_data", "/configuration/ui/layout"),
    ({"configuration": {"unheard": 1}}, 400, "invalid_data", "/configuration"),
    ({"configuration": {"name": 1}}, 400, "invalid_data", "/configuration"),
    ({"configuration": {"tool_filters": True}}, 400, "invalid_data", "/configuration/tool_filters"),
    (
        {"configuration": {"provider_search": {"groups": [{"category_id": "a"}]}}},
        400,
        "invalid_data",
        None,
    ),
    ({"configuration": {"provider_search": {"groups": 5}}}, 400, "invalid_data", None),
    ({"configuration": {"provider_search": {"groups": {"group_id": 5}}}}, 400, "invalid_data", None),
    ({"status": "successful"}, 400, "invalid_data", None),
]


@pytest.mark.parametrize(("fields", "status", "code", "pointer"), REFUSED, ids=range(len(REFUSED)))
def test_a_bad_session_is_refused_with_its_place_and_nothing_is_made(api, fields, status, code, pointer):
    body = {"integration_id": make_reports(api)["id"], "name": "Northwind", **fields}

    refused(api.post(PATH, json=body), status, code, pointer)
    assert ids(api.get(PATH)) == []
    assert api.get("/integration-instances", params={"status": ["draft", "active"]}).json()["items"] == []


def test_in_developer_mode_a_person_may_be_sent_to_this_machine_and_else_is_told_of_it(open_service, api):
    address = "http://[::1]:3000/connected"
    template = make_reports(api)
    body = {"integration_id": template["id"], "name": "a", "redirect_url": address}
    refusal = refused(api.post(PATH, json=body), 400, "invalid_data", "/redirect_url")
    assert "in developer mode" in refusal["message"]

    service = open_service("developing", dev=True)
    own = service.accounts.create_key(service.tenant(), Role.ADMIN, by="test").token.reveal()
    admin = visit(service, own)
    session = begin(admin, make_reports(admin, "openai"), redirect_url=address)
    fill_step(visit(service), session, 0, **MODEL)
    assert f'href="{address}"' in visit(service).get(session["url"]).text


def test_a_template_without_providers_and_an_archived_one_have_no_sessions(api):
    empty, gone = make_template(api), make_reports(api)
    api.delete(f"/integrations/{gone['id']}")

    answer = api.post(PATH, json={"integration_id": empty["id"], "name": "a"})
    refused(answer, 400, "integration_provider_required", "/integration_id")
    answer = api.post(PATH, json={"integration_id": gone["id"], "name": "a"})
    refused(answer, 400, "use_after_delete", "/integration_id")


def test_only_who_may_write_the_whole_workspace_makes_a_session(api, client, key):
    body = {"integration_id": make_reports(api)["id"], "name": "a"}

    for credential in (key("viewer"), key("runtime"), key("editor", names=["a"])):
        answer = client.post(PATH, json=body, headers={"X-Authorization": credential})
        refused(answer, 403, "forbidden")


def test_another_workspaces_session_is_not_there(api, client, key):
    made = begin(api, make_reports(api))
    other = {"X-Authorization": key("admin", workspace="other")}

    assert client.get(f"{PATH}/{made['id']}", headers=other).status_code == 404
    assert client.get(PATH, headers=other, params={"id": made["id"]}).json()["items"] == []


def test_a_session_is_successful_once_all_is_entered_and_its_instance_is_no_longer_hidden(api):
    made = begin(api, make_reports(api))
    finish(api, made)

    shown = api.get(f"{PATH}/{made['id']}").json()
    assert read(api, made) == ("successful", ["configured", "configured"])
    instance = shown["integration_instance"]
    assert instance["status"] == "active"
    assert ids(api.get("/integration-instances")) == [instance["id"]]
    parts = {part["integration_provider"]["id"]: part["id"] for part in instance["providers"]}
    assert [step["integration_instance_provider_id"] for step in shown["steps"]] == [
        parts[step["integration_provider_id"]] for step in shown["steps"]
    ]


def test_a_session_past_its_time_is_expired_unless_it_has_come_to_its_end(api, service, key):
    template = make_reports(api)
    late, done = begin(api, template), begin(api, template)
    finish(api, done)
    later = visit(move_clock(service, 31 * MINUTE), key("admin"))

    assert read(later, late) == ("expired", ["expired", "expired"])
    assert read(later, done) == ("successful", ["configured", "configured"])
    assert api.get(f"/integration-instances/{late['integration_instance_id']}").json()["status"] == "draft"


def set_by_call(client, session):
    """Set the one provider of a session's instance without its page."""
    [offered] = client.get("/provider-auth-methods", params={"provider_id": "openai"}).json()["items"]
    auth = post(client, "/provider-auth-configs", provider_auth_method_id=offered["id"], value=MODEL)
    [step] = session["steps"]
    at = f"/integration-instances/{session['integration_instance_id']}"
    body = {"provider_auth_config_id": auth["id"]}
    set_ = client.put(f"{at}/providers/{step['integration_provider_id']}", json=body)
    assert set_.status_code == 200, set_.text


def test_whatever_end_a_session_came_to_it_stays_with_it(api, service, key):
    template = make_reports(api, "openai")
    done, late, gone, never = (begin(api, template) for _ in range(4))
    set_by_call(api, done)
    api.delete(f"/integration-instances/{done['integration_instance_id']}")
    api.delete(f"/integration-instances/{gone['integration_instance_id']}")
    later = visit(move_clock(service, 31 * MINUTE), key("admin"))
    set_by_call(later, late)
    assert later.delete(f"/integration-instances/{never['integration_instance_id']}").status_code == 200

    for client in (later, visit(move_clock(service, 62 * MINUTE), key("admin"))):
        ends = [read(client, each)[0] for each in (done, late, gone, never)]
        assert ends == ["successful", "expired", "archived", "expired"]
        assert ids(client.get(PATH, params={"status": "expired"})) == [late["id"], never["id"]]
        assert ids(client.get(PATH, params={"status": "successful"})) == [done["id"]]
    assert read(api, done) == ("successful", ["configured"])


def test_a_session_goes_with_its_template(api):
    template = make_reports(api)
    made, done = begin(api, template), begin(api, template)
    finish(api, done)
    api.delete(f"/integrations/{template['id']}")

    assert read(api, made) == ("archived", ["archived", "archived"])
    assert ids(api.get(PATH)) == [done["id"]]
    assert api.get(made["url"]).status_code == 410


def test_a_list_by_status_goes_by_what_the_status_is_now(api, service, key):
    template = make_reports(api)
    late, done = begin(api, template), begin(api, template)
    until = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    open_ = begin(api, template, expires_at=until)
    finish(api, done)
    later = visit(move_clock(service, 31 * MINUTE), key("admin"))

    def listed(*statuses, **more):
        return ids(later.get(PATH, params={"status": [*statuses], **more}))

    assert listed("pending") == [open_["id"]]
    assert listed("expired") == [late["id"]]
    assert listed("successful") == [done["id"]]
    assert listed("expired", "successful") == [late["id"], done["id"]]
    assert listed("archived", "deleted") == []
    assert listed(order="desc") == [open_["id"], done["id"], late["id"]]
    assert listed("expired", "pending", limit=1, after=late["id"]) == [open_["id"]]
    assert listed("expired", "pending", limit=1, before=open_["id"]) == [late["id"]]


def test_pages_of_a_status_know_what_is_on_either_side(api):
    template = make_reports(api)
    made = [begin(api, template)["id"] for _ in range(5)]

    first = api.get(PATH, params={"status": "pending", "limit": 2}).json()
    assert ([each["id"] for each in first["items"]], first["pagination"]) == (
        made[:2],
        {"has_more_after": True, "has_more_before": False},
    )
    last = api.get(PATH, params={"status": "pending", "limit": 2, "after": made[2]}).json()
    assert ([each["id"] for each in last["items"]], last["pagination"]) == (
        made[3:],
        {"has_more_after": False, "has_more_before": True},
    )
    back = api.get(PATH, params={"status": "pending", "limit": 2, "before": made[3]}).json()
    assert ([each["id"] for each in back["items"]], back["pagination"]) == (
        made[1:3],
        {"has_more_after": True, "has_more_before": True},
    )
    assert ids(api.get(PATH, params={"after": "iss_unheard"})) == []


def test_sessions_are_listed_by_template_instance_and_id(api):
    one, two = make_reports(api), make_reports(api, "openai")
    first, second = begin(api, one), begin(api, two)
    found = {
        ("integration_id", one["id"]): [first["id"]],
        ("integration_instance_id", second["integration_instance_id"]): [second["id"]],
        ("integration_id", NOWHERE): [],
        ("id", second["id"]): [second["id"]],
        ("created_at[lt]", "2020-01-01"): [],
        ("created_at[gt]", "2020-01-01"): [first["id"], second["id"]],
    }

    for pair, expected in found.items():
        assert ids(api.get(PATH, params=dict([pair]))) == expected, pair
    for query in ("search=a", "status=completed", "created_at=gt", "limit=0", "cursor=x"):
        assert api.get(f"{PATH}?{query}").status_code == 400, query


def test_a_provider_that_is_added_meanwhile_is_one_more_step_and_one_that_goes_is_none(api):
    template = make_reports(api, "openai")
    made = begin(api, template)
    added = add_provider(api, template, "sendgrid")

    assert read(api, made) == ("pending", ["pending", "pending"])
    assert fill_step(api, made, 0, **MODEL).status_code == 303
    assert read(api, made) == ("pending", ["configured", "pending"])
    api.delete(f"/integration-providers/{added['id']}")
    assert read(api, made) == ("successful", ["configured"])


def test_a_session_that_came_to_its_end_stays_as_it_was_whatever_its_template_does(api):
    template = make_reports(api)
    made = begin(api, template)
    finish(api, made)
    add_provider(api, template, "sendgrid")
    api.delete(f"/integration-providers/{made['steps'][0]['integration_provider_id']}")

    assert read(api, made) == ("successful", ["configured", "configured"])


def test_what_is_set_by_a_call_counts_as_done(api):
    template = make_reports(api, "openai")
    made = begin(api, template)
    set_by_call(api, made)

    assert read(api, made) == ("successful", ["configured"])


def test_a_list_by_status_looks_at_few_and_goes_on_behind_what_it_found(api, monkeypatch):
    monkeypatch.setattr(effective, "_MOST", 2)
    template = make_reports(api)
    made = [begin(api, template) for _ in range(4)]
    wanted = {"status": "archived", "limit": 1, "order": "asc"}

    empty = api.get(PATH, params=wanted).json()
    assert (empty["items"], empty["pagination"]["has_more_after"]) == ([], True)
    for each in (made[1], made[2]):
        api.delete(f"/integration-instances/{each['integration_instance_id']}")

    page = api.get(PATH, params=wanted).json()
    assert ([each["id"] for each in page["items"]], page["pagination"]["has_more_after"]) == (
        [made[1]["id"]],
        True,
    )
    assert ids(api.get(PATH, params={**wanted, "after": made[1]["id"]})) == [made[2]["id"]]


@pytest.mark.parametrize("side", ["after", "before"])
def test_a_page_that_ends_behind_what_it_does_not_show_says_by_a_cursor_where_to_go_on(
    api, monkeypatch, side
):
    monkeypatch.setattr(effective, "_MOST", 2)
    monkeypatch.setattr(effective, "_CHUNK", 2)
    template = make_reports(api)
    made = [begin(api, template) for _ in range(8)]
    api.delete(f"/integration-instances/{made[4]['integration_instance_id']}")
    at = {side: made[0 if side == "after" else -1]["id"]}

    found, pages = [], 0
    while at is not None:
        answer = api.get(PATH, params={"status": "archived", "limit": 1, **at})
        found, pages, told = [*found, *ids(answer)], pages + 1, answer.json()["pagination"]
        assert told[f"has_more_{side}"] is ("cursor" in told)
        at = {"cursor": told["cursor"]} if "cursor" in told else None

    assert found == [made[4]["id"]]
    assert pages > 1
