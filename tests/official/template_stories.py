"""What the official client of templates does against a server, told step by step as lines of JSON.

Runs in the client's own environment: `template_stories.py STORY URL KEY`.
"""

import dataclasses
import datetime as dt
import json
import re
import sys
from urllib.parse import urlsplit

import requests
from metorial import Metorial

STORY, URL, KEY, *REST = sys.argv[1:]


def tell(step, call, *arguments, **named):
    """Do a step and say what came of it: the client's own object as plain data, or its error."""
    said = {"step": step}
    try:
        answer = call(*arguments, **named)
        said["answer"] = dataclasses.asdict(answer) if dataclasses.is_dataclass(answer) else answer
    except Exception as error:  # noqa: BLE001  # which one the client raises is what is told
        answer = None
        said |= {
            "error": type(error).__name__,
            "status": getattr(error, "status", None),
            "body": getattr(error, "body", None),
        }
    sys.stdout.write(json.dumps(said, default=str) + "\n")
    return answer


def connect():
    return Metorial(api_key=KEY, api_host=URL, mcp_host=URL)


def live(client):
    """Lead a template and its provider from beginning to end."""
    templates, providers = client.integrations, client.integrations.providers
    made = tell(
        "create",
        templates.create,
        name="Support",
        description="Reads tickets",
        metadata={"team": "support"},
        can_override_tool_filters=True,
        enable_callback_tools=False,
    )
    deployment = tell("deploy", client.provider_deployments.create, provider_id="git", name="Production")
    added = tell(
        "add",
        providers.create,
        integration_id=made.id,
        provider_id=deployment.provider_id,
        provider_deployment_id=deployment.id,
        tool_filters=[{"type": "tool_keys", "keys": ["get_ticket"]}],
    )
    tell("read", templates.get, made.id)
    tell("read provider", providers.get, added.id)
    tell("rename", templates.update, made.id, name="Helpdesk")
    tell("rename provider", providers.update, added.id, name="Tickets", callbacks={"status": "disabled"})
    for name in ("One", "Two", "Three"):
        templates.create(name=name)
    first = tell("first page", templates.list, limit=2)
    tell("next page", templates.list, limit=2, after=first.items[-1].id)
    tell("page before", templates.list, limit=1, before=first.items[-1].id, order="asc")
    tell("filtered", templates.list, provider_id=[deployment.provider_id, "pro_none"], search="HELP")
    tell("providers", providers.list, integration_id=made.id, status=["active", "archived"])
    tell("span", templates.list, created_at={"gt": "2020-01-01T00:00:00Z"})
    tell(
        "again",
        providers.create,
        integration_id=made.id,
        provider_id="git",
        provider_deployment_id=deployment.id,
    )
    tell("archive provider", providers.delete, added.id)
    tell("archive", templates.delete, made.id)
    tell("archive again", templates.delete, made.id)
    tell("archived", templates.list, status="archived")
    tell("missing", templates.get, "int_none")
    tell("unauthorized", Metorial(api_key="crdz_a_b", api_host=URL, mcp_host=URL).integrations.list)


def instantiate(client):
    """Lead an instance of a template with two providers from beginning to end; REST names what they use."""
    actor, config, auth, key = REST
    made = client.integrations.create(name="Support", can_override_tool_filters=True)
    for slug in ("relational_db", "openai"):
        deployment = client.provider_deployments.create(provider_id=slug, name="Production")
        client.integrations.providers.create(
            integration_id=made.id, provider_id=deployment.provider_id, provider_deployment_id=deployment.id
        )
    instances, providers = client.integrations.instances, client.integrations.instances.providers
    instance = tell(
        "instance",
        instances.create,
        integration_id=made.id,
        name="Northwind",
        metadata={"customer": 7},
        identity_actor_id=actor,
        providers=[
            {
                "provider_id": "relational_db",
                "provider_config_id": config,
                "provider_auth_config_id": auth,
                "tool_filters": [{"type": "tool_keys", "keys": ["query"]}],
                "is_override_tool_filter": True,
            }
        ],
    )
    tell("set", providers.set, instance.id, "openai", provider_auth_config_id=key)
    read = tell("read instance", instances.get, instance.id)
    tell("read instance provider", providers.get, read.providers[0].id)
    tell("rename instance", instances.update, instance.id, name="Southwind")
    for name in ("One", "Two"):
        instances.create(integration_id=made.id, name=name)
    tell("instances", instances.list, limit=2, integration_id=made.id)
    tell("next instances", instances.list, limit=2, after=instance.id, order="asc")
    tell(
        "filtered instances",
        instances.list,
        provider_config_id=[config, "pcf_none"],
        status=["draft", "active"],
    )
    tell("instance providers", providers.list, integration_instance_id=instance.id, search="OPENAI")
    tell("no such provider", providers.set, instance.id, "git")
    tell("twice", instances.update, instance.id, providers=[{"provider_id": "openai"}] * 2)
    tell("archive instance", instances.delete, instance.id)
    tell("archive instance again", instances.delete, instance.id)
    tell("archived instances", instances.list, status="archived")


def set_up(client):
    """Let a customer set up an instance by a link, and make a session of it."""
    made = client.integrations.create(name="Reports")
    deployment = client.provider_deployments.create(provider_id="openai")
    client.integrations.providers.create(
        integration_id=made.id, provider_id=deployment.provider_id, provider_deployment_id=deployment.id
    )
    sessions, instances = client.integrations.setup_sessions, client.integrations.instances
    until = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    begun = tell(
        "begin setup",
        sessions.create,
        integration_id=made.id,
        name="Eastwind",
        metadata={"customer": 8},
        expires_at=until.isoformat(),
        configuration={"ui": {"layout": "side"}},
    )
    other = sessions.create(integration_id=made.id, name="Westwind")
    tell("pending setups", sessions.list, status="pending", integration_id=[made.id])
    enter(begun.url, api_key="made-up")
    done = tell("read setup", sessions.get, begun.id)
    tell("pending setups later", sessions.list, status=["pending", "expired"], order="desc")
    instance = done.integration_instance.id
    tell("session template", instances.create_session_template, instance, name="Reports of Eastwind")
    session = tell("session", instances.create_session, instance, name="Nightly", metadata={"run": 1})
    answer = requests.get(
        session.connection_url, headers={"Authorization": f"Bearer {session.client_secret}"}, timeout=60
    )
    tell("resolved", answer.json)
    tell("no such setup", lambda: sessions.list(id=f"{other.id}x"))


def enter(link, **values):
    """Fill in the form of a link as a person does."""
    session, secret = link.split("?client_secret=")
    page = requests.get(link, timeout=60).text
    [step] = set(re.findall(rf'action="({re.escape(urlsplit(session).path)}/[^"]+)"', page))
    [asked] = re.findall(r'name="asked" value="(\w+)"', page)
    fields = {f"value.{key}": value for key, value in values.items()} | {"asked": asked}
    requests.post(URL + step, data={"client_secret": secret, **fields}, timeout=60).raise_for_status()


def tell_all(client):
    """Tell all in one run: the client takes seconds to start."""
    live(client)
    instantiate(client)
    set_up(client)


STORIES = {"all": tell_all}

if __name__ == "__main__":
    STORIES[STORY](connect())
