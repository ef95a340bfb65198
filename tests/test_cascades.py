"""What instances follow, all of them do: after an interruption, past one that cannot, with what they own."""

from __future__ import annotations

import sqlite3

import msgspec
import pytest
from litestar.testing import TestClient

from credenza.model import Actor, Role
from credenza.plans import cascades
from credenza.plans.instances import KIND, keep_instance, read_instance
from credenza.plans.templates import MAX_PAPER
from credenza.web.app import create_app
from credenza.web.templates import integration_providers, integrations
from instance_things import (
    DATABASE,
    INSTANCES,
    PROVIDERS,
    Values,
    list_integrations,
    make_instance,
    make_offer,
    resolve,
    set_provider,
)
from template_things import add_provider as offer_provider
from template_things import fill_step, make_template, post
from test_templates import check_problem


@pytest.fixture
def values(workspace):
    return Values(workspace)


@pytest.fixture
def used(api, values):
    """Return a template with two providers, those, and an active instance of it."""
    template, added = make_offer(api, "openai", "git")
    items = [
        {"provider_id": "openai", "provider_auth_config_id": values.auth("openai")},
        {"provider_id": "git", **values.pair("git")},
    ]
    return template, added, make_instance(api, template, providers=items)


async def interrupt(*_):
    raise OSError


def archive_half(api, monkeypatch, path):
    """Archive something, and stop where its instances are to follow."""
    with monkeypatch.context() as patch:
        for module in (integrations, integration_providers):
            patch.setattr(module, "follow", interrupt)
        assert api.delete(path).status_code == 500


def list_pending(workspace):
    return workspace.peek(lambda tx, _: [*tx.papers(cascades.KIND)])


def find_records(workspace, *ids):
    return workspace.peek(lambda tx, _: [*tx.find([f"~{each}" for each in ids])])


def test_what_an_interrupted_cascade_left_behind_is_resolved_by_nobody(api, used, monkeypatch):
    _, (openai, _), instance = used
    session = post(api, f"{INSTANCES}/{instance['id']}/session")
    own = {each["provider"]["slug"]: each["integration"] for each in instance["providers"]}

    archive_half(api, monkeypatch, f"/integration-providers/{openai['id']}")

    assert resolve(api, own["openai"]).status_code == 404
    assert resolve(api, own["git"]).status_code == 200
    bearer = {"X-Authorization": session["client_secret"]}
    shown = api.get(f"/sessions/{session['id']}/resolved", headers=bearer).json()
    assert [each["type"] for each in shown["providers"]] == ["git"]


def test_nothing_of_an_archived_template_is_resolved_before_its_instances_follow(api, used, monkeypatch):
    template, _, instance = used

    archive_half(api, monkeypatch, f"/integrations/{template['id']}")

    for each in instance["providers"]:
        assert resolve(api, each["integration"]).status_code == 404


def test_archiving_a_provider_again_finishes_what_was_interrupted(api, workspace, used, monkeypatch):
    _, (openai, _), _ = used
    path = f"/integration-providers/{openai['id']}"
    archive_half(api, monkeypatch, path)

    check_problem(api.delete(path), 410, "gone")

    assert [each["type"] for each in list_integrations(api).values()] == ["git"]
    assert list_pending(workspace) == []


@pytest.mark.parametrize("whole", [True, False])
def test_a_server_that_starts_finishes_what_was_interrupted(api, service, used, monkeypatch, whole):
    workspace = service.workspace(Actor(service.tenant(), "test", Role.ADMIN))
    template, (openai, _), _ = used
    path = f"/integrations/{template['id']}" if whole else f"/integration-providers/{openai['id']}"
    archive_half(api, monkeypatch, path)
    assert len(list_integrations(api)) == 2
    assert len(list_pending(workspace)) == 1

    with TestClient(create_app(service)):
        pass

    assert len(list_integrations(api)) == (0 if whole else 1)
    assert list_pending(workspace) == []


def test_a_change_that_nothing_has_to_follow_leaves_nothing_to_finish(api, workspace, used):
    template, (openai, _), _ = used

    assert api.patch(f"/integration-providers/{openai['id']}", json={"name": "Other"}).status_code == 200
    assert api.delete(f"/integrations/{template['id']}").status_code == 200

    assert list_pending(workspace) == []


def test_a_changed_instance_stops_no_other_and_is_told_and_tried_again(api, workspace, database, used):
    template, _, first = used
    others = [make_instance(api, template, name) for name in ("B", "C")]
    with sqlite3.connect(database) as connection:
        said = (KIND, others[0]["id"])
        connection.execute("UPDATE papers SET mac = x'00' WHERE kind = ? AND slug = ?", said)
    connection.close()

    assert api.delete(f"/integrations/{template['id']}").status_code == 500

    assert list_integrations(api) == {}
    for each in (first, others[1]):
        assert api.get(f"{INSTANCES}/{each['id']}").json()["archived_at"] is not None
    assert len(list_pending(workspace)) == 1


def test_an_instance_without_room_for_what_its_template_says_follows_all_the_same(api, workspace, used):
    _, (openai, _), instance = used
    paper = workspace.peek(lambda tx, _: tx.papers(KIND, [instance["id"]])[instance["id"]])
    held = read_instance(paper)
    room = MAX_PAPER - len(paper.body) - 100
    workspace.submit([keep_instance(msgspec.structs.replace(held, metadata={"a": "b" * room}))]).result()
    path = f"/integration-providers/{openai['id']}"

    changed = api.patch(path, json={"name": "Renamed", "description": "d" * 1_000})

    assert changed.status_code == 200
    followed = api.get(PROVIDERS, params={"search": "Renamed"}).json()["items"]
    assert [each["description"] for each in followed] == ["d" * 1_000]
    assert list_pending(workspace) == []


@pytest.fixture
def own(api):
    """Return a template with a database, and an instance that has a config and an auth config to itself."""
    template = make_template(api)
    added = offer_provider(api, template, "relational_db")
    session = post(api, "/integration-setup-sessions", integration_id=template["id"], name="One")
    assert fill_step(api, session, **DATABASE, password="made-up").status_code == 303
    instance = api.get(f"{INSTANCES}/{session['integration_instance_id']}").json()
    return added, instance


@pytest.mark.parametrize("whole", [True, False])
def test_what_an_instance_has_to_itself_ends_with_it_and_its_values_are_gone(api, workspace, own, whole):
    added, instance = own
    [provider] = instance["providers"]
    ids = {"configs": provider["config"]["id"], "auth-configs": provider["auth_config"]["id"]}
    assert len(find_records(workspace, *ids.values())) == 2

    path = f"{INSTANCES}/{instance['id']}" if whole else f"/integration-providers/{added['id']}"
    assert api.delete(path).status_code == 200

    assert find_records(workspace, *ids.values()) == []
    for kind, id_ in ids.items():
        assert api.get(f"/provider-{kind}/{id_}").json()["status"] == "archived"
    again = api.patch(f"/provider-auth-configs/{ids['auth-configs']}", json={"value": {"password": "again"}})
    check_problem(again, 410, "gone")


def test_what_instances_share_outlives_them(api, workspace, used):
    template, _, instance = used
    shared = [each["auth_config"]["id"] for each in instance["providers"]]

    api.delete(f"/integrations/{template['id']}")

    assert len(find_records(workspace, *shared)) == 2


def test_no_auth_config_is_made_for_a_config_that_an_instance_has_to_itself(api, own):
    added, instance = own
    body = {
        "provider_auth_method_id": added["auth_method_id"],
        "provider_config_id": instance["providers"][0]["config"]["id"],
        "value": {"password": "made-up"},
    }

    check_problem(api.post("/provider-auth-configs", json=body), 400, "provider_config_already_owned")


def test_the_tool_filters_of_one_request_have_few_patterns_together(api):
    template, _ = make_offer(api, "openai")
    rules = [{"type": "tool_regex", "pattern": f"^{number}"} for number in range(50)]
    items = [{"provider_id": str(number), "tool_filters": {"filters": rules}} for number in range(5)]

    body = {"integration_id": template["id"], "name": "a", "providers": items}
    check_problem(api.post(INSTANCES, json=body), 400, "invalid_data")
    assert set_provider(api, make_instance(api, template), "openai", tool_filters=rules).status_code == 200
