"""What tests of packages share: a package worth installing, and the calls of its life in few words."""

import copy
import json

import msgspec
from litestar.testing import TestClient

from credenza.model import Role
from credenza.web.app import create_app

PATH = "/api/integrations"
INSTALLS = "/api/integration-installs"
GATEWAY = {
    "members": [
        {
            "slug": "chat",
            "integration": {
                "name": "${variables.prefix}-chat",
                "type": "openai",
                "description": "Chat",
                "configuration": {"api_key": "${variables.key}"},
                "apis": [{"api": "gpt-4o", "description": "The large one"}],
            },
        },
        {
            "slug": "db",
            "dependsOn": ["chat"],
            "integration": {
                "name": "${variables.prefix}-db",
                "type": "relational_db",
                "tags": [{"key": "team", "value": "search"}],
                "configuration": {
                    "jdbcDriver": "Postgres",
                    "user": "reports",
                    "password": "${variables.password}",
                    "datasourceURL": "jdbc:postgresql://${variables.host}:5432/reports",
                },
            },
        },
        {
            "slug": "mail",
            "default": False,
            "integration": {"type": "sendgrid", "configuration": {"api_key": "${variables.mail_key}"}},
        },
    ]
}
SECRET = {"type": "string", "format": "password"}
VARIABLES = {
    "type": "object",
    "required": ["key", "password", "host"],
    "properties": {
        "prefix": {"type": "string", "default": "acme", "pattern": "^[a-z-]+$"},
        "host": {"type": "string", "minLength": 1},
        "key": SECRET,
        "password": SECRET,
        "mail_key": SECRET,
    },
}
GIVEN = {"key": "canary-key-3a", "password": "canary-password-4b", "host": "db.example"}


def make_body(slug="gateway", **fields):
    """Return a package to make."""
    return {
        "workspaceId": "default",
        "slug": slug,
        "name": "LLM gateway",
        "manifest": copy.deepcopy(GATEWAY),
        "variablesSchema": copy.deepcopy(VARIABLES),
        **fields,
    }


def draft(client, slug="gateway", **fields):
    """Make a package and return it."""
    answer = client.post(PATH, json=make_body(slug, **fields))
    assert answer.status_code == 200, answer.text
    return answer.json()


def change(client, package, **fields):
    """Change a draft and return it."""
    answer = client.patch(f"{PATH}/{package['id']}", json=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


def publish(client, package, version="1.0.0", **fields):
    """Publish a version of a package and return it."""
    answer = client.post(f"{PATH}/{package['id']}/publish", json={"version": version, **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()


def make(client, slug="gateway", version="1.0.0", **fields):
    """Make a package and publish it."""
    package = draft(client, slug, **fields)
    publish(client, package, version)
    return package


def install(client, package, variables=GIVEN, *, workspace="default", code=200, dry_run=False, **fields):
    """Install a package and return what is answered."""
    body = {"workspaceId": workspace, "variables": variables, **fields}
    query = {"dryRun": "true"} if dry_run else {}
    answer = client.post(f"{PATH}/{package['id']}/install", json=body, params=query)
    assert answer.status_code == code, answer.text
    return answer.json()


def upgrade(client, installed, *, code=200, dry_run=False, **body):
    """Upgrade an install and return what is answered."""
    query = {"dryRun": "true"} if dry_run else {}
    answer = client.post(f"{INSTALLS}/{installed['id']}/upgrade", json=body, params=query)
    assert answer.status_code == code, answer.text
    return answer.json()


def roll_back(client, installed, *, code=200):
    """Roll an install back and return what is answered."""
    answer = client.post(f"{INSTALLS}/{installed['id']}/rollback")
    assert answer.status_code == code, answer.text
    return answer.json()


def members_of(client, installed):
    """Return the members of an install by slug."""
    answer = client.get(f"{INSTALLS}/{installed['id']}/members").json()
    return {member["slug"]: member for member in answer["members"]}


def resolve(client, name):
    """Return an integration in clear."""
    return client.get(f"{PATH}/provider/{name}/resolved").json()


def names(client):
    """Return the names of all integrations."""
    return [each["name"] for each in client.get(f"{PATH}/", params={"activeOnly": "false"}).json()]


def with_member(manifest, slug, **integration):
    """Return a manifest with something changed of one member's integration; None takes it out."""
    changed = copy.deepcopy(manifest)
    for member in changed["members"]:
        if member["slug"] == slug:
            for key, value in integration.items():
                if value is None:
                    member["integration"].pop(key, None)
                else:
                    member["integration"][key] = value
    return changed


def without_member(manifest, slug):
    """Return a manifest without one member."""
    changed = copy.deepcopy(manifest)
    changed["members"] = [member for member in changed["members"] if member["slug"] != slug]
    for member in changed["members"]:
        if slug in member.get("dependsOn", []):
            member["dependsOn"].remove(slug)
    return changed


def release(client, package, version="1.1.0", **fields):
    """Change a package and publish that."""
    change(client, package, **fields)
    return publish(client, package, version)


def save(client, name, type, **fields):
    """Save one integration."""
    answer = client.post(PATH, json=[{"name": name, "type": type, **fields}])
    assert answer.status_code == 200, answer.text


def view(client, name):
    """Return an integration as reads show it."""
    return client.get(f"{PATH}/provider/{name}").json()


def ask(client, **query):
    """Return the ids of a list of packages, and its page."""
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in query.items()}
    answer = client.get(PATH, params=texts)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    return [each["slug"] for each in body["data"]], body["pageInfo"]


def problems(answer):
    """Return what is wrong, by pointer and code."""
    return [(each.get("pointer", ""), each["code"]) for each in answer.get("errors", [])]


class Moving:
    """A service whose clock goes ahead when it is told to, and a client of it."""

    def __init__(self, opened):
        """Take an open service."""
        self._ahead = 0
        clock = opened.policy.clock
        policy = msgspec.structs.replace(opened.policy, clock=lambda: clock() + self._ahead)
        self.service = msgspec.structs.replace(opened, policy=policy)
        key = opened.accounts.create_key(opened.tenant(), Role.ADMIN, by="test").token.reveal()
        self.client = TestClient(create_app(self.service), raise_server_exceptions=False)
        self.client.headers["X-Authorization"] = key

    def ahead(self, milliseconds):
        """Let time pass."""
        self._ahead += milliseconds
