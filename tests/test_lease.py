"""A key that is granted from elsewhere is used while it is granted, and a silence is no refusal."""

import time
from contextlib import closing

import pytest
from litestar.testing import TestClient

from credenza.errors import KeyAbsent, KeyBroken, KeyDenied
from credenza.model import Role
from credenza.sensitive import Sensitive
from credenza.settings import Settings, open_credenza
from credenza.vault.lease import Lease
from credenza.web import app as application

RESOLVED = "/api/integrations/provider/one/resolved"
ITEM = {"name": "one", "type": "openai", "configuration": {"api_key": "sk-1"}}


class Elsewhere:
    """A place that grants a key, until it is told otherwise."""

    granted = True
    label = "the place elsewhere"
    key = Sensitive(bytes(range(32)))
    refusal = None
    asked = 0

    def fetch(self, vault, keepsake):
        del vault, keepsake
        type(self).asked += 1
        if self.refusal is not None:
            raise self.refusal("The place elsewhere says no.")
        return self.key

    def create(self, vault):
        del vault
        return self.key, b"keepsake"


@pytest.fixture
def place(monkeypatch):
    place = type("Place", (Elsewhere,), {})()
    monkeypatch.setattr("credenza.settings.open_provider", lambda _: place)
    return place


@pytest.fixture
def service(place, tmp_path):
    del place
    settings = Settings.read({}, store=f"sqlite:///{tmp_path}/store/credenza.db", kek="elsewhere://key")
    with closing(open_credenza(settings, serving=True, create=True)) as opened:
        yield opened


@pytest.fixture
def now():
    return [0.0]


@pytest.fixture
def lease(service, now):
    return Lease(service.vault, 100.0, lambda: now[0])


@pytest.mark.parametrize("refusal", [KeyDenied, KeyAbsent])
def test_a_key_that_is_withdrawn_locks_the_vault_at_once(service, place, lease, refusal):
    place.refusal = refusal
    lease.renew()

    assert "says no" in service.vault.locked


def test_a_place_that_does_not_answer_stops_nothing_until_the_grace_is_over(service, place, lease, now):
    place.refusal = KeyBroken
    for now[0] in (1.0, 50.0, 99.0):
        lease.renew()
        assert service.vault.locked is None
    now[0] = 100.0
    lease.renew()

    assert service.vault.locked is not None


def test_each_answer_begins_the_grace_anew(service, place, lease, now):
    now[0] = 90.0
    lease.renew()
    place.refusal, now[0] = KeyBroken, 189.0
    lease.renew()
    assert service.vault.locked is None
    now[0] = 190.0
    lease.renew()
    assert service.vault.locked is not None

    assert not lease.unlock()
    place.refusal = None
    assert lease.unlock()
    place.refusal, now[0] = KeyBroken, 289.0
    lease.renew()
    assert service.vault.locked is None


def test_a_server_asks_by_itself_and_is_degraded_while_the_key_is_withdrawn(service, place, monkeypatch):
    monkeypatch.setattr(application, "_MINUTE", 0.001)
    monkeypatch.setattr(application, "_RETRY_SECONDS", 0.01)
    token = service.accounts.create_key(service.tenant(), Role.ADMIN, by="test").token.reveal()
    with TestClient(application.create_app(service)) as client:
        client.headers["X-Authorization"] = token
        assert client.post("/api/integrations", json=[ITEM]).status_code == 200
        place.refusal = KeyDenied
        wait_for(lambda: client.get(RESOLVED).status_code == 503)
        assert client.get("/api/integrations/provider/one").status_code == 200
        assert client.get("/readyz").json()["vault"] == "locked"
        place.refusal = None
        wait_for(lambda: client.get(RESOLVED).status_code == 200)


def test_a_place_on_this_machine_is_not_asked_again(service, place, monkeypatch):
    type(place).granted = False
    monkeypatch.setattr(application, "_MINUTE", 0.001)
    with TestClient(application.create_app(service)) as client:
        asked = type(place).asked
        for _ in range(5):
            client.get("/healthz")
            time.sleep(0.01)

    assert type(place).asked == asked


def wait_for(condition):
    until = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)
