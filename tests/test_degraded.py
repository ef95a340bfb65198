"""Without its key the service runs on what is public, says what it cannot do, and makes no key of its own."""

import base64
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import keyring.core
import pytest
from litestar.testing import TestClient

from credenza.errors import KeyDenied, Misconfigured, StoreRejected, VaultLocked
from credenza.keys import open_provider
from credenza.model import Role
from credenza.settings import Settings, open_credenza
from credenza.web.app import create_app
from keyring_backends import Shelf
from postgresql_stores import Database

PATH = "/api/integrations/provider/one"
ITEM = {
    "name": "one",
    "type": "openai",
    "configuration": {"api_key": "sk-1", "endpoint": "https://x.example"},
}
VARIABLE = "CREDENZA_DEGRADED_KEK"
HERE = Path(__file__).parent
CALLS = [
    ("GET", f"{PATH}/resolved", None),
    ("POST", "/api/integrations", [ITEM]),
    ("POST", "/api/integrations", [{"name": "one", "type": "openai", "description": "new"}]),
    ("POST", "/api/integrations?dryRun=true", [ITEM]),
    ("POST", "/api/integrations?mode=per-item", [ITEM]),
    ("POST", f"{PATH}/rollback", {"version": 1}),
    ("DELETE", PATH, None),
]


def new_key():
    return base64.b64encode(os.urandom(32)).decode()


class Variable:
    """The key in an environment variable."""

    def __init__(self, folder, monkeypatch):
        del folder
        self.uri, self.patch = f"env://{VARIABLE}", monkeypatch
        self.put(new_key())

    def get(self):
        return os.environ.get(VARIABLE)

    def put(self, text):
        self.patch.setenv(VARIABLE, text)

    def remove(self):
        self.patch.delenv(VARIABLE)


class File:
    """The key in a file."""

    def __init__(self, folder, monkeypatch):
        del monkeypatch
        self.path = folder / "keys" / "kek"
        self.uri = self.path.as_uri()

    def get(self):
        return self.path.read_text().strip() if self.path.exists() else None

    def put(self, text):
        self.path.unlink(missing_ok=True)
        self.path.touch(0o600)
        self.path.write_text(text)

    def remove(self):
        self.path.unlink()


class Keyring:
    """The key in a keyring, here one that keeps its entries in a file."""

    def __init__(self, folder, monkeypatch):
        self.uri = "keyring://credenza?allow=keyring_backends.Shelf"
        monkeypatch.setenv("SHELF", str(folder / "shelf.json"))
        monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring_backends.Shelf")
        known = os.environ.get("PYTHONPATH")
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), *([known] if known else [])]))
        monkeypatch.setattr(keyring.core, "_keyring_backend", None)

    def get(self):
        return next(iter(Shelf.entries().values()), None)

    def put(self, text):
        if Shelf.entries():
            self.entry = next(iter(Shelf.entries()))
        Shelf.keep({self.entry: text})

    def remove(self):
        self.entry = next(iter(Shelf.entries()))
        Shelf.keep({})


PLACES = {"env": Variable, "file": File, "keyring": Keyring}


@pytest.fixture
def place(request, tmp_path, monkeypatch):
    return PLACES[request.param](tmp_path, monkeypatch)


@pytest.fixture
def saved(place, open_service):
    """Save one integration, and return its API key; the service is closed again."""
    service = open_service(kek=place.uri)
    token = service.accounts.create_key(service.tenant(), Role.ADMIN, by="test").token.reveal()
    with client_of(service, token) as client:
        assert client.post("/api/integrations", json=[ITEM]).status_code == 200
    service.close()
    return token


def client_of(service, token):
    client = TestClient(create_app(service), raise_server_exceptions=False)
    client.headers["X-Authorization"] = token
    return client


def edit(database, sql):
    if isinstance(database, Database):
        return database.query(sql)
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        return connection.execute(sql).fetchall()


@pytest.fixture
def file(request, tmp_path, store_uri):
    if request.config.getoption("--store") != "sqlite":
        return Database(store_uri("store"))
    return tmp_path / "store" / "credenza.db"


BREAK = {
    "missing": lambda place, _: place.remove(),
    "another": lambda place, _: place.put(new_key()),
    "no key": lambda place, _: place.put("bm90IGEga2V5"),
    "check value flipped": lambda _, file: edit(file, "UPDATE vault SET key_check = zeroblob(32)"),
}


# Every way to break it where that is quick; elsewhere those that depend on the place.
CASES = [("env", way) for way in BREAK] + [
    ("file", "missing"),
    ("keyring", "missing"),
    ("keyring", "another"),
]


in_every_case = pytest.mark.parametrize(("place", "way"), CASES, indirect=["place"])


@pytest.fixture
def broken(place, way, saved, file, open_service):
    """Return a service whose key is not to be had, its client's key, and a function that brings it back."""
    good = place.get()
    check = edit(file, "SELECT hex(key_check) FROM vault")[0][0]
    BREAK[way](place, file)
    left = place.get()
    service = open_service(kek=place.uri)
    assert place.get() == left

    def mend():
        place.put(good)
        edit(file, f"UPDATE vault SET key_check = x'{check}'")

    return service, saved, mend


@in_every_case
def test_the_service_starts_and_shows_what_is_public(broken):
    service, token, _ = broken
    with client_of(service, token) as client:
        read = client.get(PATH)
        listed = client.get("/api/integrations/")

    assert service.vault.locked
    assert (read.status_code, listed.status_code) == (200, 200)
    configuration = read.json()["configuration"]
    assert configuration["endpoint"] == "https://x.example"
    assert configuration["api_key"]["$secret"]["state"] == "undecryptable"
    assert listed.json()[0]["configuration"] == configuration


@in_every_case
def test_whatever_needs_the_key_answers_503_and_does_nothing(broken, file):
    service, token, _ = broken
    query = "SELECT (SELECT group_concat(version) FROM integrations), (SELECT count(*) FROM audit)"
    before = edit(file, query)
    with client_of(service, token) as client:
        answers = [client.request(method, path, json=body) for method, path, body in CALLS]

    told = [(answer.status_code, answer.json()["code"], answer.json()["retryable"]) for answer in answers]
    assert told == [(503, "vault_key_unavailable", True)] * len(CALLS)
    assert not [answer for answer in answers if "sk-1" in answer.text]
    assert edit(file, query) == before


@in_every_case
def test_it_is_alive_and_not_ready(broken):
    service, token, _ = broken
    with client_of(service, token) as client:
        alive, ready = client.get("/healthz"), client.get("/readyz")

    assert (alive.status_code, ready.status_code) == (200, 503)
    assert ready.json()["vault"] == "locked"


@in_every_case
def test_no_key_and_no_workspace_is_made(broken, place, file):
    service, *_ = broken
    left, query = place.get(), "SELECT * FROM rings ORDER BY rowid"
    rings = edit(file, query)

    with pytest.raises(VaultLocked):
        service.accounts.create_workspace("another", by="test")
    with pytest.raises(VaultLocked):
        service.accounts.create_key(service.tenant(), Role.ADMIN, by="test")

    assert (place.get(), edit(file, query)) == (left, rings)


@in_every_case
def test_it_recovers_without_a_restart_when_the_key_returns(broken, open_service, place):
    service, token, mend = broken
    mend()
    if service.vault.meta.check == bytes(32):
        # What the store says of its vault is read once: a store that was mended is opened again.
        service.close()
        service = open_service(kek=place.uri)
    service.vault.unlock()
    with client_of(service, token) as client:
        ready, resolved = client.get("/readyz"), client.get(f"{PATH}/resolved")
        saved = client.post("/api/integrations", json=[{**ITEM, "configuration": {"api_key": "sk-2"}}])

    assert [answer.status_code for answer in (ready, resolved, saved)] == [200] * 3
    assert resolved.json()["configuration"]["api_key"] == "sk-1"


@in_every_case
def test_why_the_vault_is_locked_is_said_without_any_key(broken, place):
    service, *_ = broken
    texts = [service.vault.locked, repr(service.vault), repr(service.provider), repr(service.settings)]

    assert not [text for text in texts if place.get() and place.get().strip('{}"')[-30:] in text]


@pytest.mark.parametrize("place", PLACES, indirect=True)
def test_a_store_whose_vault_is_gone_gets_no_new_key(place, saved, file, open_service):
    assert saved
    edit(file, "DELETE FROM vault")
    left = place.get()

    with pytest.raises(StoreRejected, match="backup"):
        open_service(kek=place.uri)

    assert (place.get(), edit(file, "SELECT count(*) FROM vault")) == (left, [(0,)])


def test_a_key_file_below_the_folder_of_the_store_is_refused(tmp_path):
    settings = Settings.read(
        {}, store=f"sqlite:///{tmp_path}/s/credenza.db", kek=f"file://{tmp_path}/s/k/kek"
    )

    with pytest.raises(KeyDenied):
        open_credenza(settings, serving=True, create=True)

    assert not (tmp_path / "s" / "k").exists()


def test_without_being_asked_to_nobody_makes_a_vault(tmp_path, kek):
    settings = Settings.read({}, store=f"sqlite:///{tmp_path}/s/credenza.db", kek=kek)

    with pytest.raises(Misconfigured, match="init"):
        open_credenza(settings)


def test_a_variable_that_holds_a_key_never_shows_in_its_provider(monkeypatch):
    key = new_key()
    monkeypatch.setenv(VARIABLE, key)

    assert key not in repr(open_provider(f"env://{VARIABLE}"))
