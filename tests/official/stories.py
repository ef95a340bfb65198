"""What an official client does against a server, told step by step as lines of JSON.

Runs in the client's own environment: `stories.py STORY URL KEY_ID KEY_SECRET [MORE]`.
"""

import json
import sys
import urllib.request

from conductor.client.configuration.configuration import Configuration
from conductor.client.configuration.settings.authentication_settings import AuthenticationSettings
from conductor.client.http.models.integration_api_update import IntegrationApiUpdate
from conductor.client.http.models.integration_update import IntegrationUpdate
from conductor.client.http.models.tag_object import TagObject
from conductor.client.orkes.orkes_integration_client import OrkesIntegrationClient

STORY, URL, KEY_ID, KEY_SECRET, *REST = sys.argv[1:]
MODEL = "org/model:1.2 β"
TAGS = [
    TagObject(key="team", type="METADATA", value="search"),
    TagObject(key="tier", type="METADATA", value="1"),
]
MADE = {"category": "AI_MODEL", "type": "openai", "configuration": {"api_key": "made-up"}}
BULK = [
    {
        "name": "bulk",
        "type": "openai",
        "configuration": {"api_key": "made-up", "organizationId": "org-1"},
        "tags": [{"key": "team", "value": "search"}],
        "apis": [
            {"integrationName": "bulk", "api": "gpt-4o", "description": "Large", "enabled": True},
            {"integrationName": "bulk", "api": MODEL, "description": "Named like a path"},
        ],
    },
    {
        "name": "vectors",
        "type": "pineconedb",
        "category": "VECTOR_DB",
        "configuration": {"api_key": "made-up", "projectName": "p", "environment": "us-east1"},
        "enabled": False,
    },
]


def connect():
    credentials = AuthenticationSettings(key_id=KEY_ID, key_secret=KEY_SECRET)
    return OrkesIntegrationClient(
        Configuration(server_api_url=f"{URL}/api", authentication_settings=credentials)
    )


def write(value):
    """Return an answer as JSON has it; the client's own objects as their fields."""
    if isinstance(value, list):
        return [write(each) for each in value]
    return value.to_dict() if hasattr(value, "to_dict") else value


def tell(step, call, *arguments, **options):
    """Make a call and write down what came of it: what it returned, or what it raised."""
    try:
        told = {"returned": write(call(*arguments, **options))}
    except Exception as error:  # noqa: BLE001 - whatever the client raises is what the step tells
        told = {"raised": type(error).__name__, "status": getattr(error, "status", None)}
        told["message"] = getattr(error, "message", str(error))
    sys.stdout.write(json.dumps({"step": step, **told}) + "\n")


def call_plainly(client, method, path, body=None):
    """Call without the client, with the token that it has."""
    headers = {
        "X-Authorization": client.api_client.configuration.AUTH_TOKEN,
        "Content-Type": "application/json",
    }
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{URL}/api{path}", data, headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def live(client):
    """Lead one integration from the first save to its end."""
    tell("have a token", lambda: client.api_client.configuration.AUTH_TOKEN[:5])
    save(client)
    read(client)
    list_all(client)
    tag(client)
    count(client)
    associate(client)
    update(client)
    refuse(client)
    delete(client)


def save(client):
    first = IntegrationUpdate(**MADE, description="First", enabled=True)
    tell("save", client.save_integration, "ai", first)
    off = IntegrationUpdate(**MADE, enabled=False)
    tell("save one that is off", client.save_integration, "off", off)
    large = IntegrationApiUpdate(configuration={"temperature": 0.5}, description="Large", enabled=True)
    tell("save an api", client.save_integration_api, "ai", "gpt-4o", large)
    tell("save an api with nothing said", client.save_integration_api, "ai", MODEL, IntegrationApiUpdate())
    tell(
        "save an api that is off",
        client.save_integration_api,
        "ai",
        "old",
        IntegrationApiUpdate(enabled=False),
    )


def read(client):
    tell("read", client.get_integration, "ai")
    tell("read one that is off", client.get_integration, "off")
    tell("read one that is not there", client.get_integration, "none")
    tell("read an api", client.get_integration_api, "ai", "gpt-4o")
    tell("read an api with a slash", client.get_integration_api, "ai", MODEL)
    tell("read an api that is not there", client.get_integration_api, "ai", "none")
    tell("read an api of an integration that is not there", client.get_integration_api, "none", "gpt-4o")


def list_all(client):
    raw = client.integrationApi
    tell("list", client.get_integrations)
    tell("list those that are off too", raw.get_integration_providers, active_only=False)
    tell("list by type", raw.get_integration_providers, type="anthropic")
    tell("list apis", client.get_integration_apis, "ai")
    tell("list apis that are off too", raw.get_integration_apis, "ai", active_only=False)
    # Absent in 1.1.10, where only the generated client below has them.
    high = client if hasattr(client, "get_providers_and_integrations") else raw
    tell("list available apis", high.get_integration_available_apis, "ai")
    tell("list the names", high.get_providers_and_integrations)
    tell("list the names by type", raw.get_providers_and_integrations, type="anthropic", active_only=False)
    tell("list definitions", high.get_integration_provider_defs)


def tag(client):
    tell("tag", client.put_tag_for_integration_provider, TAGS, "ai")
    tell("read tags", client.get_tags_for_integration_provider, "ai")
    tell("tag an api", client.put_tag_for_integration, TAGS, "ai", MODEL)
    tell("read an api's tags", client.get_tags_for_integration, "ai", MODEL)
    tell("untag an api", client.delete_tag_for_integration, TAGS[:1], "ai", MODEL)
    tell("read an api's other tags", client.get_tags_for_integration, "ai", MODEL)
    raw = client.integrationApi
    tell("tag through the generated client", raw.put_tag_for_integration_provider, TAGS, "ai")
    tell("tag the same again", raw.put_tag_for_integration_provider, TAGS[1:], "ai")
    tell("read all tags", raw.get_tags_for_integration_provider, "ai")
    tell("untag by a single object", raw.delete_tag_for_integration_provider, TAGS[0], "ai")
    tell("read the other tags", raw.get_tags_for_integration_provider, "ai")
    tell("read a tagged integration", client.get_integration, "ai")


def count(client):
    tell("read the use of an api before", client.get_token_usage_for_integration, "ai", MODEL)
    tell("register use", client.integrationApi.register_token_usage, 7, "ai", MODEL)
    tell("register more", client.integrationApi.register_token_usage, 5, "ai", MODEL)
    tell("read the use of an api", client.get_token_usage_for_integration, "ai", MODEL)
    tell("read the use of an integration", client.get_token_usage_for_integration_provider, "ai")


def associate(client):
    tell("associate a prompt", client.associate_prompt_with_integration, "ai", MODEL, "greet/ü")
    tell("associate it again", client.associate_prompt_with_integration, "ai", MODEL, "greet/ü")
    tell("read prompts", client.get_prompts_with_integration, "ai", MODEL)
    tell("read the prompts of another api", client.get_prompts_with_integration, "ai", "gpt-4o")


def update(client):
    tell("update", client.save_integration, "ai", IntegrationUpdate(type="openai", description="Second"))
    tell(
        "update an api",
        client.save_integration_api,
        "ai",
        "gpt-4o",
        IntegrationApiUpdate(description="Larger"),
    )
    tell("read what was updated", client.get_integration, "ai")
    tell("read the api that was updated", client.get_integration_api, "ai", "gpt-4o")


def refuse(client):
    tell("change the type", client.save_integration, "ai", IntegrationUpdate(type="grok", configuration={}))
    tell(
        "save an unknown type",
        client.save_integration,
        "new",
        IntegrationUpdate(type="none", configuration={}),
    )
    tell("save an api of nothing", client.save_integration_api, "none", "gpt-4o", IntegrationApiUpdate())


def delete(client):
    tell("delete an api", client.delete_integration_api, "ai", MODEL)
    tell("read the api that is gone", client.get_integration_api, "ai", MODEL)
    tell("delete the api again", client.delete_integration_api, "ai", MODEL)
    tell("delete", client.delete_integration, "ai")
    tell("read what is gone", client.get_integration, "ai")
    tell("read an api of what is gone", client.get_integration_api, "ai", "gpt-4o")
    tell("list apis of what is gone", client.get_integration_apis, "ai")
    tell("delete again", client.delete_integration, "ai")


def save_in_bulk(client):
    """Save by one plain call, and read everything back with the client."""
    raw = client.integrationApi
    tell("save", call_plainly, client, "POST", "/integrations", BULK)
    tell("read", client.get_integration, "bulk")
    tell("read the other", client.get_integration, "vectors")
    tell("list", raw.get_integration_providers, active_only=False)
    tell("list apis", client.get_integration_apis, "bulk")
    tell("read an api", client.get_integration_api, "bulk", MODEL)
    tell("read tags", raw.get_tags_for_integration_provider, "bulk")
    tell("list the names", raw.get_providers_and_integrations, active_only=False)
    tell("save what was read", call_plainly, client, "POST", "/integrations", list_plainly(client))


def list_plainly(client):
    return call_plainly(client, "GET", "/integrations/?activeOnly=false")


def renew(client):
    """Go on with a token that has expired, then with one that never was good."""
    expired = REST[0]
    configuration = client.api_client.configuration
    configuration.update_token(expired)
    tell("read with an expired token", client.get_integrations)
    tell("have another token", lambda: configuration.AUTH_TOKEN not in {None, expired})
    configuration.update_token("crdt_made_1_up")
    tell("read with a bad token", client.get_integrations)


def ask_for_too_much(client):
    """Save with a key that may only read."""
    tell("read", client.get_integrations)
    before = client.api_client.configuration.AUTH_TOKEN
    tell("save", client.save_integration, "ai", IntegrationUpdate(**MADE))
    tell("keep the token", lambda: before == client.api_client.configuration.AUTH_TOKEN)


def list_many(client):
    """List more than one part of an answer holds."""
    many = [{**MADE, "name": f"ai-{number}"} for number in range(int(REST[0]))]
    tell("save", call_plainly, client, "POST", "/integrations", many)
    tell("list", lambda: [each.name for each in client.get_integrations()])


def save_incompletely(client):
    """Save with the configuration that a client's own tests use, or with none."""
    account = IntegrationUpdate(
        category="AI_MODEL", type="openai", configuration={"awsAccountId": "210987654321"}
    )
    tell("save with a foreign key", client.save_integration, "foreign", account)
    tell(
        "save with nothing",
        client.save_integration,
        "bare",
        IntegrationUpdate(category="AI_MODEL", type="openai"),
    )
    tell("save an api", client.save_integration_api, "bare", "gpt-4o", IntegrationApiUpdate(enabled=True))
    for name in ("foreign", "bare"):
        tell(f"read {name}", client.get_integration, name)
        tell(f"read all of {name}", call_plainly, client, "GET", f"/integrations/provider/{name}")


STORIES = {
    "life": live,
    "bulk": save_in_bulk,
    "many": list_many,
    "renewal": renew,
    "viewer": ask_for_too_much,
    "lenient": save_incompletely,
}

if __name__ == "__main__":
    STORIES[STORY](connect())
