"""A few integrations that differ in everything a list can ask for, and how a list is asked."""

from __future__ import annotations

from itertools import count

from credenza.model import Actor, ApiPut, Put, Role, Tag
from credenza.sensitive import Sensitive

ALL, PROVIDERS, NAMES = "/api/integrations/", "/api/integrations/provider", "/api/integrations/all"
LISTS = (ALL, PROVIDERS, NAMES)
PAGED = (ALL, PROVIDERS)
_numbers = count()


def make(name, type="openai", *, apis=(), tags=(), **fields):
    """Return the save of an integration; an api that begins with a dash is off."""
    return Put(
        name=name,
        type=type,
        configuration=Sensitive({"api_key": "made-up"}),
        apis=tuple(ApiPut(api.lstrip("-"), None, not api.startswith("-")) for api in apis),
        tags=tuple(Tag(*tag.split("=")) for tag in tags),
        **fields,
    )


def fill(workspace):
    """Save them."""
    workspace.apply(
        [
            make("Zeta", apis=["a", "-b"], tags=["team=search", "env=test"], description="Red and BLUE"),
            make("alpha", "sendgrid", tags=["team=search", "env=live"], description="blue"),
            make("Beta", "grok", apis=["-only"], tags=["team=shop"]),
            make("beta-2", "grok", category="CLOUD", enabled=False, apis=["m"], tags=["team="]),
            make("gamma", apis=["x:1", "y/2"], description="The blues"),
        ]
    )


def names(answer):
    assert answer.status_code == 200, answer.text
    return [each if isinstance(each, str) else each["name"] for each in answer.json()]


def ask(api, path, **query):
    return api.get(path, params=query)


def names_in(chunks):
    return [view.record.name for chunk in chunks for view in chunk]


def open_new(service):
    tenant = service.accounts.create_workspace(f"w-{next(_numbers)}", by="test")
    return service.workspace(Actor(tenant, "test", Role.ADMIN))
