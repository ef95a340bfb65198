"""What somebody might try with a package to get at a secret, or at what is not the package's."""

import copy
import json

import msgspec
import pytest

from credenza.plans.packages.manifest import Manifest
from credenza.plans.packages.rendering import render
from credenza.plans.packages.variables import Variables
from package_things import (
    GATEWAY,
    GIVEN,
    INSTALLS,
    PATH,
    SECRET,
    VARIABLES,
    change,
    install,
    make,
    make_body,
    members_of,
    names,
    problems,
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

PLAIN = {"members": [{"slug": "one", "integration": {"type": "openai", "description": "${variables.v}"}}]}
CHAT = GATEWAY["members"][0]["integration"]
BOMB = {f"a{n}": {"anyOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(40)} | {"a40": {}}


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"v": {"$ref": "#/$defs/a0"}}, "$defs": BOMB},
        {"properties": {"v": {"anyOf": [{"$ref": "http://localhost:9/schema"}]}}},
        {"properties": {"v": {"type": "string"}, "default": {"$ref": "http://localhost:9/schema"}}},
        {"properties": {"v": {"$dynamicRef": "#x"}}},
    ],
)
def test_a_schema_that_would_fetch_or_never_end_is_refused(api, schema):
    answer = api.post(PATH, json=make_body(manifest=PLAIN, variablesSchema=schema)).json()

    assert "unsafe_schema" in {code for _, code in problems(answer)}


def test_a_definition_without_a_name_breaks_nothing(api):
    schema = {"properties": {"v": {"$ref": "#/$defs/"}}, "$defs": {"": {"type": "string"}}}
    answer = api.post(PATH, json=make_body(manifest=PLAIN, variablesSchema=schema))

    assert answer.status_code in {200, 400}


def test_a_default_is_text_and_no_reference_to_somebodys_secret(api):
    schema = {"properties": {"v": {"default": {"$ref": "secret:acme-chat/api_key"}}}}
    manifest = with_member(PLAIN, "one", name="mine", configuration={"api_key": "${variables.v}"})
    answer = api.post(PATH, json=make_body(manifest=manifest, variablesSchema=schema))

    assert answer.status_code == 400


def test_a_secret_in_the_address_of_an_api_is_a_secret_of_the_package_too(api):
    manifest = with_member(
        GATEWAY,
        "chat",
        apis=[{"api": "gpt-4o", "configuration": {"endpoint": "https://u:canary-pw@x.example/"}}],
    )
    answer = api.post(PATH, json=make_body(manifest=manifest))

    assert answer.status_code == 400
    assert "canary-pw" not in answer.text


@pytest.mark.parametrize(
    "fields",
    [
        {"tags": [{"key": "team", "value": "${variables.nobody}"}]},
        {"apis": [{"api": "${variables.nobody}"}]},
        {"description": "${variables.nobody}"},
    ],
)
def test_every_variable_that_a_member_names_is_declared(api, fields):
    answer = api.post(PATH, json=make_body(manifest=with_member(GATEWAY, "chat", **fields))).json()

    assert "undeclared_variable" in {code for _, code in problems(answer)}


@pytest.mark.parametrize(
    "fields",
    [{"tags": [{"key": "team", "value": "${variables.open}"}]}, {"apis": [{"api": "${variables.open}"}]}],
)
def test_what_would_stay_open_in_a_list_is_asked_for(api, fields):
    schema = copy.deepcopy(VARIABLES)
    schema["properties"]["open"] = {"type": "string"}
    package = make(api, manifest=with_member(GATEWAY, "chat", **fields), variablesSchema=schema)

    assert ("/variables/open", "variable_required") in problems(install(api, package, code=400))


def test_an_integration_of_a_members_name_that_the_package_did_not_make_is_not_touched(api):
    package = make(api)
    installed = install(api, package)
    assert api.delete(f"{PATH}/provider/acme-chat").status_code in {200, 204}
    own = [{"name": "acme-chat", "type": "openai", "configuration": {"api_key": "canary-own"}}]
    assert api.post(PATH, json=own).status_code == 200
    change(api, package, manifest=with_member(GATEWAY, "chat", description="Taken over"))
    publish(api, package, "1.1.0")
    upgrade(api, installed)

    assert view(api, "acme-chat").get("description") != "Taken over"
    assert resolve(api, "acme-chat")["configuration"]["api_key"] == "canary-own"
    assert api.delete(f"{INSTALLS}/{installed['id']}").status_code in {200, 204}
    assert "acme-chat" in names(api)


def test_a_detached_member_is_not_touched_by_the_way_back(api):
    package = make(api)
    installed = install(api, package)
    change(api, package, manifest=with_member(GATEWAY, "chat", description="Newer"))
    publish(api, package, "1.1.0")
    upgrade(api, installed)
    path = f"/api/integration-members/{members_of(api, installed)['chat']['id']}/detach"
    assert api.post(path, json={"detached": True}).status_code == 200
    roll_back(api, installed)

    assert view(api, "acme-chat")["description"] == "Newer"


def test_a_secret_that_was_changed_here_wins_over_one_that_is_entered_again(api):
    package = make(api)
    installed = install(api, package)
    own = [{"name": "acme-chat", "type": "openai", "configuration": {"api_key": "canary-own"}}]
    assert api.post(PATH, json=own).status_code == 200
    change(api, package, manifest=with_member(GATEWAY, "chat", description="Newer"))
    publish(api, package, "1.1.0")
    upgrade(api, installed, variables={"key": "canary-again"})

    assert resolve(api, "acme-chat")["configuration"]["api_key"] == "canary-own"


def test_a_way_back_stays_when_the_same_version_is_asked_for_again(api):
    package = make(api)
    installed = install(api, package)
    change(api, package, manifest=with_member(GATEWAY, "chat", description="Newer"))
    publish(api, package, "1.1.0")
    upgrade(api, installed)
    upgrade(api, installed)
    roll_back(api, installed)

    assert view(api, "acme-chat")["description"] == "Chat"


def test_a_secret_of_an_api_goes_with_the_api(api):
    schema = copy.deepcopy(VARIABLES)
    schema["properties"]["inner"] = SECRET
    apis = [{"api": "gpt-4o", "configuration": {"api_key": "${variables.inner}"}}]
    package = make(api, manifest=with_member(GATEWAY, "chat", apis=apis), variablesSchema=schema)
    installed = install(api, package, {**GIVEN, "inner": "canary-inner"})
    assert resolve(api, "acme-chat")["apis"][0]["configuration"]["api_key"] == "canary-inner"
    other = [{"api": "gpt-5", "configuration": {"api_key": "${variables.inner}"}}]
    change(api, package, manifest=with_member(GATEWAY, "chat", apis=other))
    publish(api, package, "1.1.0")
    upgrade(api, installed, variables={"inner": "canary-second"})

    assert [
        (each["api"], each["configuration"]["api_key"]) for each in resolve(api, "acme-chat")["apis"]
    ] == [("gpt-5", "canary-second")]
    roll_back(api, installed)
    assert resolve(api, "acme-chat")["apis"][0]["configuration"]["api_key"] == "canary-inner"


def test_a_name_taken_in_other_letters_keeps_a_member_from_coming_back(api):
    package = make(api)
    installed = install(api, package)
    schema = copy.deepcopy(VARIABLES)
    schema["required"].remove("key")
    left = without_member(GATEWAY, "chat")
    del schema["properties"]["key"]
    change(api, package, manifest=left, variablesSchema=schema)
    publish(api, package, "1.1.0")
    upgrade(api, installed)
    own = [{"name": "acme-CHAT", "type": "openai", "configuration": {"api_key": "canary-own"}}]
    assert api.post(PATH, json=own).status_code == 200

    assert "name_taken" in json.dumps(roll_back(api, installed, code=409))
    assert resolve(api, "acme-CHAT")["configuration"]["api_key"] == "canary-own"


def test_a_longer_password_is_asked_for_when_a_version_wants_one_only_if_it_is_given(api):
    package = make(api)
    installed = install(api, package)
    schema = copy.deepcopy(VARIABLES)
    schema["properties"]["key"] = {**SECRET, "minLength": 20}
    change(api, package, variablesSchema=schema, manifest=with_member(GATEWAY, "chat", description="Newer"))
    publish(api, package, "1.1.0")

    refused = upgrade(api, installed, variables={"key": "canary-short"}, code=400)
    assert "canary-short" not in json.dumps(refused)
    upgrade(api, installed)
    assert resolve(api, "acme-chat")["configuration"]["api_key"] == GIVEN["key"]


@pytest.fixture
def sealed(api):
    """Install a package with an api that has two keys which no api declares, and a public one."""
    schema = copy.deepcopy(VARIABLES)
    schema["properties"] |= {"inner": SECRET, "other": SECRET}
    said = {"x/y~z": "${variables.inner}", "w": "${variables.other}", "model": "large"}
    apis = [{"api": "large/one", "configuration": said}]
    package = make(api, manifest=with_member(GATEWAY, "chat", apis=apis), variablesSchema=schema)
    given = {**GIVEN, "inner": "canary-inner", "other": "canary-other"}
    return package, install(api, package, given), apis


def undeclared(api):
    [stands] = resolve(api, "acme-chat")["apis"]
    return {key: stands["configuration"].get(key) for key in ("x/y~z", "w")}


def renew(api, package, apis, **said):
    """Publish a version with other keys in the api, None takes one out, under another description."""
    changed = {**apis[0]["configuration"], **said}
    kept = {key: value for key, value in changed.items() if value is not None}
    manifest = with_member(GATEWAY, "chat", apis=[{**apis[0], "configuration": kept}], description="Newer")
    release(api, package, manifest=manifest)


def test_what_no_api_declares_stays_when_an_upgrade_changes_what_stands_beside_it(api, sealed):
    package, installed, apis = sealed
    renew(api, package, apis, model="small")
    upgrade(api, installed)

    assert resolve(api, "acme-chat")["apis"][0]["configuration"]["model"] == "small"
    assert undeclared(api) == {"x/y~z": "canary-inner", "w": "canary-other"}


def test_what_no_api_declares_is_entered_as_one_secret(api, sealed):
    package, installed, apis = sealed
    renew(api, package, apis)
    refused = upgrade(api, installed, variables={"inner": "canary-2", "key": GIVEN["key"]}, code=400)
    assert problems(refused) == [("/variables/other", "variable_required")]
    again = {"inner": "canary-2", "other": "canary-3", "key": GIVEN["key"]}
    upgrade(api, installed, variables=again)

    assert undeclared(api) == {"x/y~z": "canary-2", "w": "canary-3"}


def test_what_no_api_declares_goes_when_the_package_has_none_of_it_any_longer(api, sealed):
    package, installed, _ = sealed
    schema = copy.deepcopy(VARIABLES)
    change(api, package, variablesSchema=None, manifest={"members": []})
    change(api, package, variablesSchema=schema, manifest=GATEWAY)
    renew(api, package, [{"api": "large/one", "configuration": {"model": "large"}}])
    upgrade(api, installed)

    assert undeclared(api) == {"x/y~z": None, "w": None}


def test_what_no_api_declares_stays_as_well_where_it_was_changed_here(api, sealed):
    package, installed, apis = sealed
    own = {**apis[0], "integrationName": "acme-chat"}
    own["configuration"] = {"x/y~z": "canary-own", "model": "large"}
    save(api, "acme-chat", "openai", configuration={"api_key": GIVEN["key"]}, apis=[own])
    renew(api, package, apis)
    again = {"inner": "canary-2", "other": "canary-3", "key": GIVEN["key"]}
    answer = upgrade(api, installed, variables=again)

    chat = next(each for each in answer["members"] if each["slug"] == "chat")
    assert [each["pointer"] for each in chat["conflicts"]] == ["/apis/large~1one/configuration/x~1y~0z"]
    assert undeclared(api) == {"x/y~z": "canary-own", "w": None}


def test_nothing_of_a_package_or_an_install_is_told_by_what_programs_print():
    said = {"user": "canary-value"}
    integration = {"type": "openai", "configuration": said, "apis": [{"api": "one", "configuration": said}]}
    manifest = msgspec.convert({"members": [{"slug": "one", "integration": integration}]}, Manifest)
    part = manifest.members[0]
    rendered, _ = render(part, 0, Variables({}), {})

    assert "canary" in str(rendered.configuration)
    assert "canary" not in repr([manifest, part.integration.apis, rendered, rendered.apis])
