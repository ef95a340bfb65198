"""What tests of templates share: one of each thing, by the name that paths have for its id."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

PREFIXES = {
    "int": "integration_id",
    "inp": "integration_provider_id",
    "pde": "provider_deployment_id",
    "iac": "identity_actor_id",
    "idn": "identity_id",
    "ini": "integration_instance_id",
    "iip": "integration_instance_provider_id",
    "pam": "provider_auth_method_id",
    "inv": "integration_version_id",
    "ins": "install_id",
    "inm": "member_id",
}
_EXAMPLE = re.compile(r"([a-z]+)_0mi8tq2k1Aa0Bb1Cc2Dd3Ee")


class Ids(dict):
    """Ids by the names of path parameters; of what is not there, one that nothing has."""

    def __missing__(self, name):
        return "none_0000000000000000000000"


def post(client, path, **body):
    """Make something and return it as it was answered."""
    answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def make_deployment(client, provider="git", **body):
    return post(client, "/provider-deployments", provider_id=provider, **body)


def make_template(client, name="Support", **body):
    return post(client, "/integrations", name=name, **body)


def add_provider(client, template, provider="git", **body):
    """Add a provider to a template, with a deployment of its own unless one is given."""
    body.setdefault("provider_deployment_id", None)
    deployment = body.pop("provider_deployment_id") or make_deployment(client, provider)["id"]
    return post(
        client,
        "/integration-providers",
        integration_id=template["id"],
        provider_id=provider,
        provider_deployment_id=deployment,
        **body,
    )


def read_link(session):
    """Return the path of a setup session's page, and the secret of its link."""
    parts = urlsplit(session["url"])
    return parts.path, parse_qs(parts.query)["client_secret"][0]


def read_asked(client, session, step=0):
    """Return by what the form of a step tells which question it asks; nothing where there is no form."""
    path, secret = read_link(session)
    address = f"{path}/{session['steps'][step]['id']}"
    page = client.get(address, params={"client_secret": secret})
    found = re.search(r'name="asked" value="(\w+)"', page.text)
    return found[1] if found else ""


def fill_step(client, session, step=0, asked=None, **values):
    """Send the form of a step as a browser does, and return what is answered; `asked` is of an older page."""
    path, secret = read_link(session)
    named = {f"value.{key}": value for key, value in values.items()}
    named |= {"asked": read_asked(client, session, step) if asked is None else asked}
    address = f"{path}/{session['steps'][step]['id']}"
    return client.post(address, data={"client_secret": secret, **named}, follow_redirects=False)


def make_things(client):
    """Make one of each thing; the provider of a template is in another one, so that it can be added again."""
    ids = Ids()
    template = make_template(client)
    add_provider(client, template, "openai")
    ids["integration_id"] = template["id"]
    deployment = make_deployment(client)
    ids["provider_deployment_id"] = deployment["id"]
    ids["provider_id"] = deployment["provider_id"]
    other = make_template(client, "Another", can_override_tool_filters=True)
    added = add_provider(client, other, provider_deployment_id=deployment["id"])
    ids["integration_provider_id"] = added["id"]
    ids["provider_auth_method_id"] = added["auth_method_id"]
    actor = post(client, "/identity-actors", type="person", name="Robin")
    ids["identity_actor_id"] = actor["id"]
    ids["identity_id"] = post(client, "/identities", actor_id=actor["id"])["id"]
    session = post(client, "/integration-setup-sessions", integration_id=other["id"], name="One")
    assert fill_step(client, session, user="robin", api_key="made-up").status_code == 303
    ids["integration_setup_session_id"] = session["id"]
    ids["integration_instance_id"] = session["integration_instance_id"]
    own = {"integration_instance_id": ids["integration_instance_id"]}
    [part] = client.get("/integration-instance-providers", params=own).json()["items"]
    ids["integration_instance_provider_id"] = part["id"]
    made = post(client, f"/integration-instances/{session['integration_instance_id']}/session")
    ids |= {"session_id": made["id"], "session_template_id": made["from_templates_ids"][0]}
    config = post(client, "/provider-configs", provider_id="git", value={"user": "robin"})
    ids["provider_config_id"] = config["id"]
    auth = {"provider_auth_method_id": added["auth_method_id"], "value": {"api_key": "made-up"}}
    ids["provider_auth_config_id"] = post(client, "/provider-auth-configs", **auth)["id"]
    oauth = {"client_id": "one", "client_secret": "made-up"}
    credentials = post(client, "/provider-auth-credentials", provider_id="git", config=oauth)
    ids["provider_auth_credentials_id"] = credentials["id"]
    for path, name in (
        ("/provider-specifications", "provider_specification_id"),
        ("/provider-versions", "provider_version_id"),
    ):
        ids[name] = client.get(path, params={"provider_id": "git"}).json()["items"][0]["id"]
    return ids


def fill_ids(value, ids):
    """Put ids of what is there in place of those that examples hold."""
    if isinstance(value, dict):
        return {key: fill_ids(each, ids) for key, each in value.items()}
    if isinstance(value, list):
        return [fill_ids(each, ids) for each in value]
    found = _EXAMPLE.fullmatch(value) if isinstance(value, str) else None
    return ids[PREFIXES[found[1]]] if found else value
