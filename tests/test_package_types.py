"""Packages whose members are of types that a workspace registered itself: they are there or they are not."""

import pytest
from litestar.testing import TestClient

from credenza.web.app import create_app
from package_things import INSTALLS, PATH, SECRET, change, install, make, names, problems, publish, upgrade

ACME = {
    "name": "acme",
    "schema": {
        "title": "Acme",
        "description": "The Acme service.",
        "type": "object",
        "x-category": "API",
        "x-destination-version": 1,
        "properties": {
            "endpoint": {
                "title": "Endpoint",
                "description": "Where.",
                "type": "string",
                "x-destination": "url",
                "x-credentials": True,
            },
            "token": {
                "title": "Token",
                "description": "Secret.",
                "type": "string",
                "writeOnly": True,
                "format": "password",
            },
        },
        "required": ["endpoint", "token"],
        "additionalProperties": False,
    },
}
ONE = {"endpoint": "https://acme.example", "token": "${variables.token}"}
MAIL = {
    "slug": "mail",
    "integration": {"type": "sendgrid", "configuration": {"api_key": "${variables.token}"}},
}
MANIFEST = {"members": [{"slug": "one", "integration": {"type": "acme", "configuration": ONE}}, MAIL]}
SCHEMA = {"properties": {"token": SECRET}, "required": ["token"]}
GIVEN = {"token": "canary-token"}


def register(client):
    answer = client.post(f"{PATH}/def/register", json=[ACME])
    assert answer.status_code == 200, answer.text


@pytest.fixture
def package(api):
    register(api)
    return make(api, manifest=MANIFEST, variablesSchema=SCHEMA)


@pytest.fixture
def other(service, key, api, package):
    api.put(f"{PATH}/{package['id']}/grants/other")
    with TestClient(create_app(service), raise_server_exceptions=False) as client:
        client.headers["X-Authorization"] = key("admin", workspace="other")
        yield client


def test_a_member_whose_type_is_not_here_is_told_and_nothing_is_installed(package, other):
    answer = install(other, package, GIVEN, workspace="other", code=400)

    assert problems(answer) == [("/manifest/members/0/integration/type", "unknown_type")]
    assert names(other) == []
    register(other)
    install(other, package, GIVEN, workspace="other")
    assert names(other) == ["mail", "one"]


def test_a_package_whose_type_vanished_is_not_published(api, package):
    assert api.delete(f"{PATH}/def/acme").status_code == 200
    answer = api.post(f"{PATH}/{package['id']}/publish", json={"version": "2.0.0"}).json()

    assert ("/manifest/members/0/integration/type", "unknown_type") in problems(answer)


def test_a_type_stays_while_what_an_upgrade_removed_may_come_back(api, package):
    installed = install(api, package, GIVEN)
    change(api, package, manifest={"members": [MAIL]})
    publish(api, package, "1.1.0")
    upgrade(api, installed)
    assert names(api) == ["mail"]

    refused = api.delete(f"{PATH}/def/acme")
    assert (refused.status_code, refused.json()["code"]) == (409, "type_in_use")
    api.delete(f"{INSTALLS}/{installed['id']}")
    assert api.delete(f"{PATH}/def/acme").status_code == 200
