"""A lost key costs the secrets it sealed and nothing else, and they open again when it is found."""

import base64
import json
import sqlite3
from contextlib import closing, contextmanager
from types import SimpleNamespace

import pytest
from litestar.testing import TestClient

import made_once
from cli_prompt import Prompt
from credenza.cli import failures
from credenza.cli.vault import losing
from credenza.errors import Clash, KeyAbsent, KeyUnreachable
from credenza.loss.reinit import reinit, require_loss
from credenza.loss_ports import Lost
from credenza.model import Actor, Role
from credenza.sensitive import Sensitive
from credenza.settings import Settings, open_credenza
from credenza.vault import describe_key
from managed_records import trio
from package_things import PATH as PACKAGES
from package_things import make

ONE = {"name": "one", "type": "openai", "configuration": {"api_key": "sk-1", "endpoint": "https://x.example"}}
TWO = {
    "name": "two",
    "type": "openai",
    "configuration": {"api_key": "sk-2"},
    "apis": [{"integrationName": "two", "api": "own", "configuration": {"api_key": "sk-api"}}],
}
PATH = "/api/integrations/provider"


class Store(Prompt):
    """A prompt whose key is in a file that can be lost and found."""

    def __init__(self, folder):
        self.key = folder / "keys" / "kek"
        super().__init__(folder, self.key.as_uri())
        self.run("init")
        self.run("apply", "-", input=[ONE, TWO])
        self.token = self.json("apikey", "create", "--role", "admin")["token"]

    def lose(self):
        self.found = self.key.with_name("found")
        self.key.rename(self.found)

    @property
    def vault(self):
        return self.json("vault", "reinit", "--plan")["vault"]

    def reinit(self, *more):
        return self.json("vault", "reinit", "--accept-loss", self.vault, *more)

    def recover(self):
        return self.json("vault", "recover", "--from", self.found.as_uri())

    def edit(self, statement):
        with closing(sqlite3.connect(self.database, isolation_level=None)) as connection:
            return connection.execute(statement).fetchall()

    def secret(self, name):
        return self.json("resolve", name)["configuration"]["api_key"]


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


@pytest.fixture
def lost(store):
    """Return a store that lost its key and was given another one; API keys go on."""
    store.lose()
    store.told = store.reinit("--keep-api-keys")
    return store


@pytest.fixture
def api(lost):
    """Return a client of a server on that store."""
    settings = Settings.read(
        {}, store=lost.environment["CREDENZA_STORE"], kek=lost.environment["CREDENZA_KEK"], access_log=False
    )
    service = open_credenza(settings, serving=True)
    try:
        with made_once.lend_app(service) as app, TestClient(app, raise_server_exceptions=False) as client:
            client.headers["X-Authorization"] = lost.token
            yield client
    finally:
        service.close()


def test_nothing_is_given_up_while_the_vault_opens(store):
    refusal = store.refusal("vault", "reinit", "--plan", code=failures.CONFLICT)

    assert refusal["code"] == "key_not_lost"


def test_nothing_is_given_up_without_the_very_id_of_the_vault(store):
    store.lose()
    before = store.database.read_bytes()
    refusal = store.refusal("vault", "reinit", "--accept-loss", "0" * 32, code=failures.CONFLICT)

    assert refusal["code"] == "another_vault"
    assert not store.key.exists()
    assert store.database.read_bytes() == before


def test_a_key_that_is_only_withheld_is_not_lost(store):
    store.key.chmod(0o644)

    assert store.refusal("vault", "reinit", "--plan", code=failures.CONFLICT)["code"] == "key_not_lost"


class Place:
    """A place elsewhere, which unwraps one keepsake, or does not answer."""

    label = "the place"

    def __init__(self, mine=None, key=None):
        self.mine, self.key = mine, key

    def fetch(self, vault, keepsake):
        del vault
        if self.mine is None:
            raise KeyUnreachable("The place does not answer.")
        if keepsake != self.mine:
            raise KeyAbsent("This is not what the place wrapped.")
        return Sensitive(self.key)


def test_a_key_whose_place_does_not_answer_now_is_not_lost(store):
    store.lose()
    places = {"store": store.environment["CREDENZA_STORE"], "kek": store.environment["CREDENZA_KEK"]}
    with closing(open_credenza(Settings.read({}, **places))) as service, pytest.raises(Clash) as told:
        require_loss(service.vault, Place())

    assert told.value.code == "key_not_lost"


@pytest.mark.parametrize("which", [0, 1])
def test_each_key_that_was_lost_is_fetched_with_what_was_stored_for_it(monkeypatch, which):
    vault, keys = b"v" * 16, [b"1" * 32, b"2" * 32]
    metas = [
        describe_key(vault, key, created_at=1, keepsake=b"keepsake of %d" % at) for at, key in enumerate(keys)
    ]
    place = Place(metas[which].keepsake, keys[which])
    monkeypatch.setattr(losing, "open_key", lambda *_: place)
    lost = [Lost(meta, at, "test") for at, meta in enumerate(metas)]
    service = SimpleNamespace(
        store=SimpleNamespace(lost_vaults=lambda: lost), vault=SimpleNamespace(meta=metas[-1])
    )

    assert losing._fetch(service, "elsewhere://key").reveal() == keys[which]


def test_a_plan_lists_what_would_be_lost_and_touches_nothing(store):
    store.lose()
    told = store.json("vault", "reinit", "--plan")

    assert [(each["integration"], each["keys"]) for each in told["lost"]] == [
        ("one", ["/configuration/api_key"]),
        ("two", ["/apis/own/configuration/api_key", "/configuration/api_key"]),
    ]
    assert [each["role"] for each in told["apiKeys"]] == ["admin"]
    assert not store.key.exists()


def test_after_the_loss_all_that_is_not_secret_is_there_and_secrets_are_told_to_be_closed(lost, api):
    assert [each["integration"] for each in lost.told["lost"]] == ["one", "two"]
    shown = api.get(f"{PATH}/one").json()["configuration"]

    assert shown["endpoint"] == "https://x.example"
    assert shown["api_key"]["$secret"]["state"] == "undecryptable"
    [below] = lost.json("get", "two")["apis"]
    assert below["configuration"]["api_key"]["$secret"]["state"] == "undecryptable"
    listed = api.get("/api/integrations/").json()
    assert listed[0]["configuration"] == shown
    answer = api.get(f"{PATH}/one/resolved")
    assert (answer.status_code, answer.json()["code"]) == (500, "secret_wrong_key")
    assert api.get("/readyz").status_code == 200


def test_what_is_entered_again_opens_and_what_is_deleted_is_gone(lost, api):
    answer = api.post("/api/integrations", json=[ONE])
    assert answer.status_code == 200, answer.text
    assert "state" not in api.get(f"{PATH}/one").json()["configuration"]["api_key"]["$secret"]
    assert api.get(f"{PATH}/one/resolved").json()["configuration"]["api_key"] == "sk-1"
    assert api.delete(f"{PATH}/two").status_code == 200

    told = lost.json("doctor")
    assert told["ok"]


def test_what_stays_closed_does_not_keep_the_rest_of_an_integration_from_being_changed(api):
    answer = api.post(
        "/api/integrations",
        json=[{**ONE, "configuration": {"endpoint": "https://x.example"}, "description": "new"}],
    )

    assert answer.status_code == 200, answer.text
    assert api.get(f"{PATH}/one").json()["configuration"]["api_key"]["$secret"]["state"] == "undecryptable"


def test_doctor_goes_on_listing_what_is_closed(lost):
    checks = lost.json("doctor", code=failures.REFUSED)["checks"]

    assert {each["subject"].rpartition(": ")[2] for each in checks if each["state"] == "wrong"} >= {
        "one",
        "two",
    }


def test_api_keys_are_revoked_unless_they_are_accepted_as_they_stand(store):
    store.lose()
    told = store.reinit()

    assert (told["revokedApiKeys"], told["keptApiKeys"]) == (1, 0)
    assert [bool(each["revokeTime"]) for each in store.json("apikey", "list")] == [True]


def test_the_audit_goes_on_and_says_what_nobody_can_verify(lost):
    told = lost.json("audit", "verify")

    assert told["ok"]
    assert told["unverifiable"]
    assert "signed with a key that was lost" in told["unverifiable"][0]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'nobody' WHERE stream = 'main' AND sequence = 2",
        "DELETE FROM audit WHERE stream = 'main' AND sequence = 2",
        "DELETE FROM audit WHERE stream = 'main'",
        "UPDATE audit SET actor = 'nobody' WHERE stream <> 'main'",
        "DELETE FROM audit_heads WHERE stream <> 'main'",
    ],
)
def test_rows_from_before_the_loss_that_are_changed_after_it_are_found(lost, statement):
    lost.edit(statement)

    assert not lost.json("audit", "verify", code=failures.REFUSED)["ok"]


def test_an_earlier_stream_that_is_removed_as_a_whole_is_found(lost):
    lost.edit("DELETE FROM audit WHERE stream = 'main'")
    lost.edit("DELETE FROM audit_heads WHERE stream = 'main'")

    assert not lost.json("audit", "verify", code=failures.REFUSED)["ok"]


def test_a_key_that_turns_up_opens_what_was_not_entered_again(lost):
    lost.run("apply", "-", input=[{**ONE, "configuration": {**ONE["configuration"], "api_key": "sk-new"}}])
    told = lost.recover()

    assert (told["keys"], told["closed"]) == (3, [])
    assert (lost.secret("one"), lost.secret("two")) == ("sk-new", "sk-2")
    assert lost.json("doctor")["ok"]
    verified = lost.json("audit", "verify")
    assert verified["ok"]
    assert "unverifiable" not in verified


def test_the_old_key_alone_opens_nothing_without_being_brought_back(lost):
    lost.key.rename(lost.key.with_name("new"))
    lost.found.rename(lost.key)

    lost.run("resolve", "one", code=failures.UNAVAILABLE)


def test_a_key_that_was_never_lost_here_brings_back_nothing(lost):
    other = lost.key.with_name("other")
    other.write_text(base64.b64encode(b"o" * 32).decode())
    other.chmod(0o600)
    refusal = lost.refusal("vault", "recover", "--from", other.as_uri(), code=failures.CONFLICT)

    assert refusal["code"] == "key_unknown"


def test_keys_are_lost_and_found_more_than_once_in_any_order(lost):
    first = lost.found
    lost.run("apply", "-", input=[{**ONE, "configuration": {**ONE["configuration"], "api_key": "sk-second"}}])
    lost.key.rename(lost.key.with_name("second"))
    lost.reinit()
    lost.run("vault", "recover", "--from", first.as_uri())
    assert lost.secret("two") == "sk-2"
    lost.run("resolve", "one", code=failures.UNAVAILABLE)
    lost.run("vault", "recover", "--from", lost.key.with_name("second").as_uri())

    assert lost.secret("one") == "sk-second"
    assert lost.json("doctor")["ok"]


def test_a_run_that_was_cut_off_after_it_made_the_new_key_goes_on_with_that(store, monkeypatch):
    store.lose()
    with monkeypatch.context() as patch:
        patch.setattr("credenza.stores.sqlite.losses._ARCHIVE", "SELECT no_such_column")
        vault = store.vault
        store.run("vault", "reinit", "--accept-loss", vault, code=failures.REFUSED)
    made = store.key.read_text()
    assert store.edit("SELECT count(*) FROM lost_vaults") == [(0,)]
    store.run("vault", "reinit", "--accept-loss", vault)

    assert store.key.read_text() == made
    store.run("apply", "-", input=[ONE])
    assert store.secret("one") == "sk-1"


def test_no_value_and_no_key_is_told(store):
    store.lose()
    texts = [store.run("vault", "reinit", "--plan").output]
    texts.append(store.run("vault", "reinit", "--accept-loss", store.vault).output)
    texts.append(json.dumps(store.recover()))

    for each in texts:
        for secret in (
            "sk-1",
            "sk-2",
            "sk-api",
            store.key.read_text().strip(),
            store.found.read_text().strip(),
        ):
            assert secret not in each


def test_documents_go_on_signed_and_managed_integrations_say_what_is_closed(open_service, monkeypatch):
    first = open_service()
    admin = Actor(first.tenant(), "test", Role.ADMIN)
    first.workspace(admin).apply(trio(first.workspace(admin)))
    token = first.accounts.create_key(first.tenant(), Role.ADMIN, by="test").token.reveal()
    with lend(first, token) as client:
        package = make(client)
    first.close()
    monkeypatch.setenv("CREDENZA_TEST_KEK", base64.b64encode(b"n" * 32).decode())
    locked = open_service()
    told = reinit(locked.store, locked.provider, locked.vault.meta, "test", keep_keys=True)
    locked.close()
    assert told.papers > 1

    with lend(open_service(), token) as client:
        shown = client.get(f"{PATH}/acme").json()["configuration"]
        assert {each["$secret"].get("state") for each in shown.values() if isinstance(each, dict)} == {
            "undecryptable"
        }
        assert client.get(f"{PACKAGES}/{package['id']}").status_code == 200
        versions = client.get(f"{PACKAGES}/{package['id']}/versions")
        assert versions.status_code == 200, versions.text


@contextmanager
def lend(service, token):
    with (
        made_once.lend_app(service) as app,
        TestClient(app, raise_server_exceptions=False) as client,
    ):
        client.headers["X-Authorization"] = token
        yield client


def test_what_lost_a_key_is_backed_up_and_restored_as_it_is(lost, tmp_path):
    file, before = tmp_path / "backup", lost.rows("list")
    lost.run("backup", file)
    lost.run("backup", "--verify", file)
    lost.run("restore", file, "--replace")

    assert lost.rows("list") == before
    lost.recover()
    assert lost.secret("one") == "sk-1"
