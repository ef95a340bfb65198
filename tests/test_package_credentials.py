"""Packages whose secrets an auth config of the installer holds."""

from package_things import (
    INSTALLS,
    PATH,
    install,
    make,
    names,
    problems,
    resolve,
)


def test_an_auth_config_of_the_workspace_holds_the_secrets_of_the_members_that_take_it(api):
    package = make(api, authConfig={"provider": "openai"}, **brought())
    auth = make_auth(api, "canary-brought")
    needs = install(api, package, {}, code=400)
    assert problems(needs) == [("/authStateId", "required")]
    assert install(api, package, {}, authStateId="pac_none", code=404)["code"] == "not_found"
    installed = install(api, package, {}, authStateId=auth)

    assert resolve(api, "chat")["configuration"] == {"api_key": "canary-brought"}
    api.patch(f"/provider-auth-configs/{auth}", json={"value": {"api_key": "canary-rotated"}})
    assert resolve(api, "chat")["configuration"] == {"api_key": "canary-rotated"}
    refused = api.post(PATH, json=[{"name": "chat", "type": "openai", "description": "x"}])
    assert refused.json()["code"] == "managed_by_instance"
    assert api.delete(f"{INSTALLS}/{installed['id']}").status_code == 200
    assert names(api) == []


def test_members_whose_secrets_an_auth_config_holds_are_not_left_behind(api):
    package = make(api, authConfig={"provider": "openai"}, **brought())
    installed = install(api, package, {}, authStateId=make_auth(api, "canary-brought"))
    answer = api.delete(f"{INSTALLS}/{installed['id']}", params={"keep": "members"})

    assert (answer.status_code, answer.json()["code"]) == (409, "managed_members")
    assert names(api) == ["chat"]


def test_an_auth_config_of_another_destination_is_refused(api):
    elsewhere = {"api_key": None, "endpoint": "https://elsewhere.example"}
    package = make(api, authConfig={"provider": "openai"}, **brought(endpoint=elsewhere["endpoint"]))
    answer = install(api, package, {}, authStateId=make_auth(api, "canary-brought"), code=400)

    assert {each["code"] for each in answer["errors"]} == {"secret_reentry_required"}
    assert names(api) == []


def brought(**configuration):
    """Return a package whose one member has its secrets from what the installer brings."""
    said = {"type": "openai", "configuration": configuration}
    return {"manifest": {"members": [{"slug": "chat", "integration": said}]}, "variablesSchema": None}


def make_auth(client, secret):
    """Make an auth config of OpenAI and return its id."""
    methods = client.get("/provider-auth-methods", params={"provider_id": "openai"}).json()["items"]
    body = {"provider_auth_method_id": methods[0]["id"], "value": {"api_key": secret}}
    answer = client.post("/provider-auth-configs", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["id"]
