"""What comes to its end: no secret outlives what it is for, and nothing ends that something active uses."""

from __future__ import annotations

import threading

import pytest

from config_things import (
    AUTHS,
    CONFIGS,
    CREDENTIALS,
    archive_behind,
    make_auth,
    make_config,
    make_credentials,
    read_held,
)
from credenza.plans import auth_configs, configs, deployments
from instance_things import DATABASE, INSTANCES, make_instance, make_offer, resolve, set_provider
from reference_examples import refused
from setup_things import begin, make_reports
from template_things import add_provider, fill_step, make_deployment, make_template

DEPLOYMENTS, SETUPS = "/provider-deployments", "/integration-setup-sessions"
MODEL = {"api_key": "made-up"}


@pytest.fixture
def filled(api):
    """Return a draft with two providers, of which a person has set the first, and that as it is shown."""
    template = make_reports(api, "openai", "sendgrid", can_attach_custom_provider_config=True)
    session = begin(api, template)
    assert fill_step(api, session, 0, **MODEL, endpoint="https://ai.example").status_code == 303
    return session, read_part(api, session)


def read_part(api, session):
    instance = api.get(f"{INSTANCES}/{session['integration_instance_id']}").json()
    return next(each for each in instance["providers"] if each["provider"]["slug"] == "openai")


def is_gone(api, workspace, path, id):
    return api.get(f"{path}/{id}").json()["status"] == "archived" and read_held(workspace, id) is None


def test_what_was_entered_before_goes_with_its_secrets_when_a_step_is_filled_again(api, workspace, filled):
    session, former = filled
    shared = make_config(api, "openai", {"endpoint": "https://ai.example"})["id"]
    provider = session["steps"][0]["integration_provider_id"]
    api.patch(f"/integration-providers/{provider}", json={"provider_config_id": shared})
    api.patch(f"/integration-providers/{provider}", json={"provider_config_id": None})
    own = former["auth_config"]["id"]
    api.delete(f"{AUTHS}/{own}")

    assert fill_step(api, session, 0, api_key="made-up-too").status_code == 303

    assert is_gone(api, workspace, AUTHS, own)
    assert is_gone(api, workspace, CONFIGS, former["config"]["id"])
    held = read_held(workspace, read_part(api, session)["auth_config"]["id"])
    assert held == ({}, {"/api_key": "made-up-too"})


def test_what_an_instance_had_to_itself_goes_with_its_secrets_when_another_is_set(api, workspace, filled):
    _, former = filled
    instance, provider = {"id": former["integration_instance_id"]}, former["integration_provider"]["id"]

    config = make_config(api, "openai", {"endpoint": "https://ai.example"})["id"]
    auth = make_auth(api, "openai", provider_config_id=config)["id"]
    other = {"provider_config_id": config, "provider_auth_config_id": auth}
    assert set_provider(api, instance, provider, **other).status_code == 200

    assert is_gone(api, workspace, AUTHS, former["auth_config"]["id"])
    assert is_gone(api, workspace, CONFIGS, former["config"]["id"])
    assert api.delete(f"{INSTANCES}/{instance['id']}").status_code == 200
    assert read_held(workspace, auth) == ({}, {"/api_key": "made-up"})


def test_a_config_stays_as_long_as_a_secret_that_goes_on_is_sealed_for_it(api, workspace, filled):
    session, former = filled
    fill_step(api, session, 1, api_key="made-up")
    instance, provider = {"id": former["integration_instance_id"]}, former["integration_provider"]["id"]
    again = make_config(api, "openai", {"endpoint": "https://ai.example"})["id"]
    auth, config = former["auth_config"]["id"], former["config"]["id"]

    assert set_provider(api, instance, provider, provider_config_id=again).status_code == 200

    rotated = api.patch(f"{AUTHS}/{auth}", json={"value": {"api_key": "made-up-too"}})
    assert rotated.status_code == 200, rotated.text
    assert resolve(api, "northwind-openai").json()["configuration"]["api_key"] == "made-up-too"
    refused(api.delete(f"{CONFIGS}/{config}"), 409, "in_use")
    api.delete(f"{INSTANCES}/{instance['id']}")
    assert is_gone(api, workspace, AUTHS, auth)
    assert is_gone(api, workspace, CONFIGS, config)


def test_an_archived_auth_config_has_no_secrets_whether_its_instance_goes_before_or_after(
    api, workspace, filled
):
    session, part = filled
    auth = part["auth_config"]["id"]

    assert api.delete(f"{AUTHS}/{auth}").status_code == 200
    assert is_gone(api, workspace, AUTHS, auth)
    steps = api.get(f"/integration-setup-sessions/{session['id']}").json()["steps"]
    assert [step["status"] for step in steps] == ["failed", "pending"]
    assert api.delete(f"{INSTANCES}/{session['integration_instance_id']}").status_code == 200


def test_what_an_earlier_release_archived_loses_its_secrets_with_the_last_that_uses_it(api, workspace):
    template, [added] = make_offer(api, "openai")
    shared, own = make_auth(api, "openai")["id"], make_auth(api, "openai")["id"]
    instances = [make_instance(api, template, name) for name in ("Northwind", "Northsea")]
    for instance in instances:
        set_provider(api, instance, added["id"], provider_auth_config_id=shared)
    archive_behind(workspace, auth_configs.SHELF, shared)

    set_provider(api, instances[0], added["id"], provider_auth_config_id=own)
    assert read_held(workspace, shared) is not None
    api.delete(f"{INSTANCES}/{instances[1]['id']}")
    assert read_held(workspace, shared) is None
    assert read_held(workspace, own) is not None


def test_what_nothing_uses_is_archived_and_its_values_are_gone(api, workspace):
    made = {
        AUTHS: make_auth(api)["id"],
        CONFIGS: make_config(api)["id"],
        CREDENTIALS: make_credentials(api)["id"],
    }

    for path, id_ in made.items():
        assert api.delete(f"{path}/{id_}").json()["status"] == "archived"
        assert is_gone(api, workspace, path, id_)
        refused(api.delete(f"{path}/{id_}"), 410, "gone")


def test_an_auth_config_that_active_instances_use_is_not_archived_and_says_how_many_do(api, workspace):
    template, [added] = make_offer(api, "openai")
    auth = make_auth(api, "openai")["id"]
    instances = [make_instance(api, template, name) for name in ("Northwind", "Northsea")]
    for instance in instances:
        set_provider(api, instance, added["id"], provider_auth_config_id=auth)

    told = refused(api.delete(f"{AUTHS}/{auth}"), 409, "in_use")

    assert "2 active instances" in told["message"]
    assert told["retryable"] is False
    assert api.patch(f"{AUTHS}/{auth}", json={"value": {"api_key": "made-up-too"}}).status_code == 200
    api.delete(f"{INSTANCES}/{instances[0]['id']}")
    assert "1 active instance:" in refused(api.delete(f"{AUTHS}/{auth}"), 409, "in_use")["message"]
    api.delete(f"{INSTANCES}/{instances[1]['id']}")
    assert api.delete(f"{AUTHS}/{auth}").status_code == 200
    assert is_gone(api, workspace, AUTHS, auth)


def test_what_templates_deployments_and_secrets_rest_on_is_not_archived(api):
    deployment = make_deployment(api, "relational_db", provider_config={"value": DATABASE})
    default = deployment["default_config"]["id"]
    auth = make_auth(api, "relational_db", {"password": "made-up"}, provider_deployment_id=deployment["id"])[
        "id"
    ]
    template, credentials = make_template(api), make_credentials(api)["id"]
    config, git = make_config(api)["id"], make_deployment(api)["id"]
    named = {"provider_config_id": config, "provider_auth_credentials_id": credentials}
    add_provider(api, template, provider_deployment_id=git, **named)

    def tell(path):
        return refused(api.delete(path), 409, "in_use")["message"]

    assert "1 deployment and 1 auth config:" in tell(f"{CONFIGS}/{default}")
    used = (f"{CONFIGS}/{config}", f"{DEPLOYMENTS}/{git}", f"{CREDENTIALS}/{credentials}")
    assert all("1 provider of an integration:" in tell(path) for path in used)
    api.delete(f"/integrations/{template['id']}")
    freed = (f"{AUTHS}/{auth}", f"{DEPLOYMENTS}/{deployment['id']}", f"{CONFIGS}/{default}", *used)
    assert [api.delete(path).status_code for path in freed] == [200] * len(freed)


def test_of_a_use_that_begins_while_an_auth_config_is_archived_one_of_both_is_refused(
    api, workspace, monkeypatch
):
    template, [added] = make_offer(api, "openai")
    auth, instance = make_auth(api, "openai")["id"], make_instance(api, template)
    submit, begun = type(workspace).submit, threading.Event()

    def begin_first(self, changes, **more):
        if more.get("verb") == "auth_config" and not begun.is_set():
            begun.set()
            set_provider(api, instance, added["id"], provider_auth_config_id=auth)
        return submit(self, changes, **more)

    monkeypatch.setattr(type(workspace), "submit", begin_first)

    refused(api.delete(f"{AUTHS}/{auth}"), 409, "in_use")
    assert begun.is_set()
    assert resolve(api, "northwind-openai").status_code == 200


@pytest.mark.parametrize("kind", ["template's config", "deployment's config", "deployment"])
def test_what_is_archived_is_used_by_nothing_new_and_goes_on_where_it_is_used(api, workspace, kind):
    config = make_config(api, "openai", {"endpoint": "https://ai.example"})["id"]
    shared = {"provider_config_id": config}
    deployment = make_deployment(api, "openai", **(shared if kind == "deployment's config" else {}))["id"]
    template = make_template(api, can_attach_custom_provider_config=True)
    named = shared if kind == "template's config" else {}
    added = add_provider(api, template, "openai", provider_deployment_id=deployment, **named)
    auth = make_auth(api, "openai", provider_config_id=config if kind != "deployment" else None)["id"]
    instance = make_instance(api, template)
    archive_behind(
        workspace,
        deployments.SHELF if kind == "deployment" else configs.SHELF,
        deployment if kind == "deployment" else config,
    )

    body = {"integration_id": template["id"], "name": "Northsea"}
    for path in (INSTANCES, SETUPS):
        refused(api.post(path, json=body), 400, "use_after_delete", "/integration_id")
    used = {"provider_id": "openai", "provider_auth_config_id": auth}
    refused(api.post(INSTANCES, json={**body, "providers": [used]}), 400, "use_after_delete")
    assert set_provider(api, instance, added["id"], provider_auth_config_id=auth).status_code == 200
    assert resolve(api, "northwind-openai").status_code == 200
    own = {**used, "provider_config_id": make_config(api, "openai", {"endpoint": "https://ai.example"})["id"]}
    if kind != "deployment":
        assert make_instance(api, template, "Northsea", providers=[own])["status"] == "active"
