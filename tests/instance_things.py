"""What tests of instances share: templates with providers, and values for them as plans save them."""

from __future__ import annotations

from itertools import count

import msgspec

from credenza.model import Keep, Put
from credenza.plans.catalogue import provider_id
from credenza.plans.identifiers import new_id
from credenza.sensitive import Sensitive
from template_things import add_provider, make_template, post

INSTANCES, PROVIDERS = "/integration-instances", "/integration-instance-providers"
DATABASE = {
    "jdbcDriver": "Postgres",
    "user": "reader",
    "datasourceURL": "jdbc:postgresql://db.example:5432/x",
}
ELSEWHERE = {**DATABASE, "datasourceURL": "jdbc:postgresql://evil.example:5432/x"}
SECRETS = {
    "relational_db": {"password": "made-up"},
    "openai": {"api_key": "made-up"},
    "git": {"api_key": "made-up"},
}
PUBLIC = {"relational_db": DATABASE, "openai": {}, "git": {"user": "robin"}}


class Values:
    """Configs and auth configs of a workspace, each a paper and the record that holds its values."""

    def __init__(self, workspace):
        self._workspace = workspace
        self._times = count(1_760_000_000_000)

    def config(self, provider, value=None, **said):
        return self._save("pcf", "config", provider, PUBLIC[provider] if value is None else value, **said)

    def auth(self, provider, value=None, *, bound_to=None, **said):
        secrets = SECRETS[provider] if value is None else value
        return self._save("pac", "auth_config", provider, secrets, bound_to=bound_to, **said)

    def pair(self, provider, value=None):
        """Return a config and an auth config for it, as an item of an instance names them."""
        config = self.config(provider, value)
        auth = self.auth(provider, bound_to=config)
        return {"provider_config_id": config, "provider_auth_config_id": auth}

    def rotate(self, id, provider, secrets, *, bound_to):
        """Save other secrets for an auth config, for the same place."""
        said = {"kind": "auth_config", "bound_to": f"~{bound_to}", "configuration": Sensitive(secrets)}
        self._workspace.apply([Put(name=f"~{id}", type=provider, **said)])

    def _save(self, prefix, kind, provider, value, *, bound_to=None, **said):
        at = next(self._times)
        made = new_id(prefix, at)
        body = {
            "id": made,
            "status": "active",
            "provider_id": provider_id(provider),
            "name": f"{provider} {kind}",
            "created_at": at,
            "updated_at": at,
            **said,
        }
        bound = None if bound_to is None else f"~{bound_to}"
        values = Sensitive(value)
        self._workspace.apply(
            [
                Put(kind=kind, name=f"~{made}", type=provider, configuration=values, bound_to=bound),
                Keep(kind=kind, slug=made, body=msgspec.json.encode(body)),
            ]
        )
        return made


def make_instance(client, template, name="Northwind", **body):
    return post(client, INSTANCES, integration_id=template["id"], name=name, **body)


def make_offer(client, *providers, **flags):
    """Make a template with these providers, and return it with them."""
    template = make_template(client, **flags)
    added = [add_provider(client, template, provider) for provider in providers]
    return template, added


def set_provider(client, instance, named, **body):
    return client.put(f"{INSTANCES}/{instance['id']}/providers/{named}", json=body)


def read_instance(client, instance):
    return client.get(f"{INSTANCES}/{instance['id']}").json()


def list_integrations(client):
    """Return the integrations of the workspace by name, as the calls about them show them."""
    return {each["name"]: each for each in client.get("/api/integrations/provider").json()}


def resolve(client, name):
    return client.get(f"/api/integrations/provider/{name}/resolved")
