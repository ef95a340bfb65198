"""The way back from an upgrade, and what becomes of what it removed."""

import copy

import pytest

from package_things import (
    GATEWAY,
    INSTALLS,
    PATH,
    VARIABLES,
    install,
    make,
    members_of,
    names,
    publish,
    release,
    resolve,
    roll_back,
    save,
    upgrade,
    view,
    with_member,
    without_member,
)

DB = GATEWAY["members"][1]["integration"]["configuration"]


@pytest.fixture
def package(api):
    return make(api)


@pytest.fixture
def installed(api, package):
    return install(api, package)


def test_going_back_restores_exactly_what_was(api, package, installed):
    save(
        api,
        "acme-db",
        "relational_db",
        configuration={**view(api, "acme-db")["configuration"], "user": "ours"},
    )
    before = {name: said(resolve(api, name)) for name in names(api)}
    shown = members_of(api, installed)
    tags = [{"key": "team", "value": "other"}]
    manifest = with_member(without_member(GATEWAY, "chat"), "db", description="New", tags=tags)
    manifest["members"].append(
        {
            "slug": "news",
            "integration": {"type": "sendgrid", "configuration": {"api_key": "${variables.key}"}},
        }
    )
    release(api, package, manifest=manifest)
    upgrade(api, installed, variables={"key": "canary-new"})
    assert names(api) == ["acme-db", "news"]
    answer = roll_back(api, installed)

    assert (answer["fromVersion"], answer["toVersion"]) == ("1.1.0", "1.0.0")
    assert {name: said(resolve(api, name)) for name in names(api)} == before
    assert {slug: each["id"] for slug, each in members_of(api, installed).items()} == {
        slug: each["id"] for slug, each in shown.items()
    }
    assert roll_back(api, installed, code=409)["code"] == "nothing_to_roll_back"


def test_what_an_upgrade_removed_is_out_of_everybodys_sight(api, package, installed):
    drop_chat(api, package)
    upgrade(api, installed)

    assert names(api) == ["acme-db"]
    assert api.get(f"{PATH}/provider/acme-chat").status_code == 404
    listed = api.get(f"{PATH}/", params={"search": "chat", "activeOnly": "false"}).json()
    assert listed == []
    member = installed["members"][0]["slug"]
    assert member == "chat"


def test_what_an_upgrade_removed_is_destroyed_by_the_next(api, package, installed, service):
    drop_chat(api, package)
    upgrade(api, installed)
    assert parked(service) == 1
    publish(api, package, "1.2.0")
    upgrade(api, installed)

    assert parked(service) == 0


def test_and_with_the_install(api, package, installed, service):
    drop_chat(api, package)
    upgrade(api, installed)
    api.delete(f"{INSTALLS}/{installed['id']}")

    assert parked(service) == 0


def test_a_name_that_somebody_took_meanwhile_keeps_a_member_from_coming_back(api, package, installed):
    drop_chat(api, package)
    upgrade(api, installed)
    save(api, "acme-chat", "sendgrid", configuration={"api_key": "x1"})
    answer = roll_back(api, installed, code=409)

    assert answer["code"] == "name_taken"
    assert view(api, "acme-chat")["type"] == "sendgrid"


def said(resolved):
    """Return what an integration says, without versions and times."""
    return {key: resolved[key] for key in ("type", "description", "enabled", "configuration", "tags")} | {
        "apis": [(api["api"], api["description"]) for api in resolved["apis"]]
    }


def drop_chat(api, package):
    schema = copy.deepcopy(VARIABLES)
    del schema["properties"]["key"]
    schema["required"] = ["password", "host"]
    release(api, package, manifest=without_member(GATEWAY, "chat"), variablesSchema=schema)


def parked(service):
    """Return how many records are out of sight."""
    page = service.store.read(service.tenant(), lambda tx: [*tx.page(owned=True)])
    return sum(record.name.startswith("~inm_") for record in page)
