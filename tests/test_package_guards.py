"""Guards of packages that are seldom reached: what would get by if one of them were gone."""

import copy
import json

import pytest
from litestar.testing import TestClient

from credenza.web.app import create_app
from package_things import (
    GATEWAY,
    GIVEN,
    INSTALLS,
    PATH,
    SECRET,
    VARIABLES,
    Moving,
    ask,
    change,
    install,
    make,
    make_body,
    names,
    problems,
    release,
    resolve,
    roll_back,
    save,
    upgrade,
    with_member,
    without_member,
)

WORD = {"type": "string"}
CHAT = GATEWAY["members"][0]["integration"]
DAY = 86_400_000
PLAIN = {"members": [{"slug": "one", "integration": {"type": "openai", "description": "${variables.v}"}}]}


@pytest.fixture
def other(service, key):
    with TestClient(create_app(service), raise_server_exceptions=False) as client:
        client.headers["X-Authorization"] = key("admin", workspace="other")
        yield client


def declare(**more):
    """Return the schema of the variables with others declared too; None takes one out."""
    schema = copy.deepcopy(VARIABLES)
    for name, rules in more.items():
        if rules is None:
            del schema["properties"][name]
            schema["required"] = [each for each in schema["required"] if each != name]
        else:
            schema["properties"][name] = rules
    return schema


def publish_draft(api, package, version):
    return api.post(f"{PATH}/{package['id']}/publish", json={"version": version}).json()


def own_key(api, **more):
    save(api, "acme-chat", "openai", configuration={"api_key": "canary-own"}, **more)


def test_what_was_given_as_a_secret_is_shown_by_no_later_version_either(api):
    said = with_member(GATEWAY, "chat", configuration={"api_key": "${variables.note}"})
    package = make(api, manifest=said, variablesSchema=declare(key=None, note=SECRET))
    installed = install(api, package, {"note": "canary-note", "password": "p1", "host": "h"})
    release(api, package, manifest=GATEWAY, variablesSchema=declare())
    shown = with_member(GATEWAY, "chat", description="${variables.note}")
    release(api, package, "1.2.0", manifest=shown, variablesSchema=declare(note=WORD))
    answer = upgrade(api, installed, variables={"key": "k1", "note": "seen"}, code=400)

    assert ("/variables/note", "secret_in_clear") in problems(answer)


@pytest.mark.parametrize("url", ["https://u:canary-pw@x.example/", "https:u:canary-pw@@x.example"])
def test_credentials_in_the_address_of_an_api_do_not_come_in_by_a_variable_that_is_shown(api, url):
    apis = [{"api": "gpt-4o", "configuration": {"endpoint": "${variables.where}"}}]
    package = make(api, manifest=with_member(GATEWAY, "chat", apis=apis), variablesSchema=declare(where=WORD))
    answer = install(api, package, {**GIVEN, "where": url}, code=400)

    assert problems(answer) == [("/apis/0/configuration/endpoint", "wrong_secrecy")]
    assert "canary-pw" not in str(answer)


def test_where_the_secrets_of_a_member_stand_never_changes(api):
    package = make(api)
    brought = {**CHAT, "configuration": {}, "apis": None}
    change(
        api,
        package,
        manifest=with_member(GATEWAY, "chat", **brought),
        variablesSchema=declare(key=None),
        authConfig={"provider": "openai"},
    )

    answer = publish_draft(api, package, "1.1.0")
    assert problems(answer) == [("/manifest/members/0/slug", "binding_immutable")]


def test_a_way_back_leads_to_the_secrets_that_were_given_then(api):
    package = make(api)
    installed = install(api, package)
    before = api.get(f"{INSTALLS}/{installed['id']}").json()["variables"]
    more = copy.deepcopy(GATEWAY)
    more["members"].append(
        {"slug": "more", "integration": {"type": "openai", "configuration": {"api_key": "${variables.late}"}}}
    )
    release(api, package, manifest=more, variablesSchema=declare(late=SECRET))
    upgrade(api, installed, variables={"late": "canary-late"})
    assert "late" in api.get(f"{INSTALLS}/{installed['id']}").json()["variables"]
    roll_back(api, installed)

    assert api.get(f"{INSTALLS}/{installed['id']}").json()["variables"].keys() == before.keys()


def test_a_secret_of_our_own_need_not_be_given_for_a_variable_of_another_name(api):
    package = make(api)
    installed = install(api, package)
    own_key(api)
    renamed = with_member(GATEWAY, "chat", configuration={"api_key": "${variables.fresh}"}, description="New")
    release(api, package, manifest=renamed, variablesSchema=declare(key=None, fresh=SECRET))
    upgrade(api, installed)

    assert resolve(api, "acme-chat")["configuration"]["api_key"] == "canary-own"


def test_an_api_with_a_secret_of_our_own_is_not_removed(api):
    package = make(api)
    installed = install(api, package)
    ours = {"integrationName": "acme-chat", "api": "gpt-4o", "description": "The large one"}
    save(api, "acme-chat", "openai", apis=[{**ours, "configuration": {"api_key": "canary-own"}}])
    release(api, package, manifest=with_member(GATEWAY, "chat", apis=[]))
    upgrade(api, installed)

    [stands] = resolve(api, "acme-chat")["apis"]
    assert stands["configuration"] == {"api_key": "canary-own"}


@pytest.mark.parametrize(("winner", "left"), [("local", True), ("package", False)])
def test_a_member_that_was_changed_here_and_is_dropped_goes_if_the_package_wins(api, winner, left):
    package = make(api)
    installed = install(api, package)
    own_key(api, description="Ours")
    release(api, package, manifest=without_member(GATEWAY, "chat"), variablesSchema=declare(key=None))
    upgrade(api, installed, conflicts=winner)

    assert ("acme-chat" in names(api)) is left


def test_no_filter_finds_who_published_a_version_of_somebody_else(api, other):
    package = make(api)
    api.put(f"{PATH}/{package['id']}/grants/other")
    by = api.get(f"{PATH}/{package['id']}/versions").json()["data"][0]["publishedBy"]
    asked = {"versions": {"publishedBy": {"eq": by}}}

    assert (ask(api, filter=asked)[0], ask(other, filter=asked)[0]) == (["gateway"], [])


@pytest.mark.parametrize("way", [("integration",), ("version", "integration")])
def test_by_an_install_nobody_asks_of_a_package_that_is_not_seen_any_longer(api, other, way):
    package = make(api)
    api.put(f"{PATH}/{package['id']}/grants/other")
    install(other, package, workspace="other")
    asked = {"name": {"startsWith": "LLM"}}
    for step in reversed(way):
        asked = {step: asked}

    assert count_installs(other, asked) == 1
    api.delete(f"{PATH}/{package['id']}/grants/other")
    assert count_installs(other, asked) == 0


def count_installs(client, asked):

    answer = client.get(INSTALLS, params={"filter": json.dumps(asked)})
    assert answer.status_code == 200, answer.text
    return len(answer.json()["data"])


def test_removed_installs_are_forgotten_once_their_retention_is_over_and_not_before(service):
    moving = Moving(service)
    api = moving.client
    package = make(api)
    gone = {tier: install(api, package, retentionTier=tier)["id"] for tier in ("short",)}
    api.delete(f"{INSTALLS}/{gone['short']}")
    gone["medium"] = install(api, package, retentionTier="medium")["id"]
    api.delete(f"{INSTALLS}/{gone['medium']}")
    moving.ahead(8 * DAY)
    install(api, package)

    found = {tier: api.get(f"{INSTALLS}/{each}").status_code for tier, each in gone.items()}
    assert found == {"short": 404, "medium": 200}


def test_a_schema_that_is_large_with_all_it_refers_to_is_refused(api):
    wide = {"anyOf": [{"maxLength": number} for number in range(100)]}
    schema = {"properties": {"v": {"allOf": [{"$ref": "#/$defs/wide"}] * 60}}, "$defs": {"wide": wide}}
    plain = {
        "members": [{"slug": "one", "integration": {**CHAT, "name": "x", "description": "${variables.v}"}}]
    }
    plain["members"][0]["integration"]["configuration"] = {}
    answer = api.post(PATH, json=make_body(manifest=plain, variablesSchema=schema)).json()

    assert problems(answer) == [("/variablesSchema", "unsafe_schema")]


def test_a_schema_has_fifty_patterns_at_most(api):
    rules = {"anyOf": [{"pattern": "^a"}] * 51}
    answer = api.post(PATH, json=make_body(manifest=PLAIN, variablesSchema={"properties": {"v": rules}}))

    assert {code for _, code in problems(answer.json())} == {"unsafe_pattern"}


def test_a_filter_holds_a_thousand_values_in_all(api):

    for count, code in ((500, 200), (501, 400)):
        asked = {"AND": [{"name": {"in": ["x"] * count}}, {"slug": {"in": ["x"] * 500}}]}
        assert api.get(PATH, params={"filter": json.dumps(asked)}).status_code == code


def test_versions_that_differ_by_their_build_alone_come_in_no_order(api):
    package = make(api, version="1.0.0+one")

    assert publish_draft(api, package, "1.0.0+two")["code"] == "version_not_newer"
