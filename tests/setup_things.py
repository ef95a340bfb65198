"""What tests of setup sessions share: templates to set up, links, and a service whose clock goes ahead."""

from __future__ import annotations

from itertools import count

import msgspec
import pytest
from litestar.testing import TestClient

import setup_page
from credenza.model import Actor, Role, Tag
from credenza.web.app import create_app
from template_things import add_provider, make_template, post

PATH = "/integration-setup-sessions"
DATABASE = {
    "user": "reports",
    "password": "canary-database-1f",
    "datasourceURL": "jdbc:postgresql://db.example:5432/reports",
    "dimensions": "1536",
    "distance_metric": "Cosine Similarity",
    "indexing_method": "hnsw",
}
MODEL = {"api_key": "canary-model-2e"}
MINUTE = 60_000


def make_reports(client, *providers, **fields):
    """Make a template of these providers, else of a database and a model."""
    template = make_template(client, "Acme Reports", description="Reads your tables.", **fields)
    for provider in providers or ("pgvectordb", "openai"):
        add_provider(client, template, provider)
    return template


def begin(client, template, **fields):
    """Make a setup session of a template."""
    return post(client, PATH, integration_id=template["id"], **{"name": "Northwind", **fields})


def read(client, session):
    """Return a session as it is now, in short: its status, and those of its steps."""
    shown = client.get(f"{PATH}/{session['id']}").json()
    return shown["status"], [step["status"] for step in shown["steps"]]


def list_names(client):
    return [each["name"] for each in client.get("/api/integrations/").json()]


def resolve(client, name):
    return client.get(f"/api/integrations/provider/{name}/resolved").json()["configuration"]


def move_clock(service, milliseconds):
    """Return a service over the same store whose clock goes ahead."""
    clock = service.policy.clock
    policy = msgspec.structs.replace(service.policy, clock=lambda: clock() + milliseconds)
    return msgspec.structs.replace(service, policy=policy)


def visit(service, credential=None):
    """Return a client of a service; without a credential it is a stranger."""
    client = TestClient(create_app(service), raise_server_exceptions=False)
    if credential:
        client.headers["X-Authorization"] = credential
    return client


class Room:
    """A workspace of its own, in a service that many tests share."""

    numbers = count()

    def __init__(self, service, app):
        self.service = service
        self.app = app
        self.tenant = service.accounts.create_workspace(f"room-{next(self.numbers)}", by="test")
        self.workspace = service.workspace(Actor(self.tenant, "test", Role.ADMIN))
        self.api = self.visit(self.make_key())

    def make_key(self, role="admin", *, names=(), tags=(), workspace=None):
        accounts = self.service.accounts
        tenant = accounts.ensure_workspace(workspace, by="test") if workspace else self.tenant
        limits = [Tag(*tag) for tag in tags]
        made = accounts.create_key(tenant, Role(role), names=names, tags=limits, by="test")
        return made.token.reveal()

    def visit(self, credential=None):
        """Return a client of the service; without a credential it is a stranger."""
        client = TestClient(self.app, raise_server_exceptions=False)
        if credential:
            client.headers["X-Authorization"] = credential
        return client


def share_house():
    """Return fixtures for a module whose tests share a service, each in a workspace of its own."""

    @pytest.fixture(scope="module")
    def house(tmp_path_factory):
        with setup_page.open_service(tmp_path_factory.mktemp("house")) as service:
            yield service, create_app(service)

    @pytest.fixture
    def room(house):
        return Room(*house)

    @pytest.fixture
    def service(room):
        return room.service

    @pytest.fixture
    def workspace(room):
        return room.workspace

    @pytest.fixture
    def key(room):
        return room.make_key

    @pytest.fixture
    def api(room):
        return room.api

    @pytest.fixture
    def client(room):
        return room.visit()

    return house, room, service, workspace, key, api, client
