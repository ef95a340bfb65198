"""On PostgreSQL, too: a vault that lost its key goes on with another, and a shredded workspace is gone."""

import base64
import os
from pathlib import Path

import pytest

from credenza.cli.session import name_user
from credenza.errors import Conflict, CredenzaError
from credenza.loss.recovery import recover
from credenza.loss.reinit import list_gone, reinit
from credenza.loss.remnants import Windows
from credenza.loss.shredding import shred
from credenza.model import Actor, Put, Role
from credenza.sensitive import Sensitive
from credenza.settings import Settings, open_credenza
from postgresql_stores import Database

pytestmark = pytest.mark.system("postgresql")
VARIABLE = "CREDENZA_LOSS_KEK"


@pytest.fixture
def uri(databases):
    with databases.named() as find:
        yield find("losses")


@pytest.fixture
def open_one(uri, monkeypatch):
    """Open services over one database, each with the key that the variable holds by then."""
    opened = []

    def run(**how):
        service = open_credenza(Settings.read({}, store=uri, kek=f"env://{VARIABLE}"), create=True, **how)
        opened.append(service)
        return service

    monkeypatch.setenv(VARIABLE, new_key())
    yield run
    for each in opened:
        each.close()


def new_key():
    return base64.b64encode(os.urandom(32)).decode()


def admin(service, slug="default"):
    return service.workspace(Actor(service.tenant(slug), name_user(), Role.ADMIN))


def save(service, name, key, slug="default"):
    put = Put(name=name, type="openai", configuration=Sensitive({"api_key": key}))
    return admin(service, slug).apply([put])


def reveal(service, name):
    return admin(service).reveal(name).configuration.reveal()["api_key"]


def test_a_vault_loses_its_key_goes_on_with_another_and_finds_the_first_again(open_one, monkeypatch):
    first = open_one()
    save(first, "one", "sk-1")
    save(first, "two", "sk-2")
    token = first.accounts.create_key(first.tenant(), Role.ADMIN, by="test").token.reveal()
    lost = Sensitive(base64.b64decode(os.environ[VARIABLE]))
    monkeypatch.setenv(VARIABLE, new_key())
    locked = open_one()
    assert locked.vault.locked
    told = reinit(locked.store, locked.provider, locked.vault.meta, "test", keep_keys=True)
    assert (told.kept, told.revoked) == (1, 0)

    second = open_one()
    assert second.vault.locked is None
    assert second.accounts.authenticate(token).name.startswith("key:")
    terms = second.vault.ring(second.tenant().id).lost
    assert [each.integration for each in list_gone(second.store, second.tenant(), terms)] == ["one", "two"]
    with pytest.raises(CredenzaError):
        reveal(second, "one")
    save(second, "one", "sk-new")
    assert admin(second).verify_audit()[1] == []

    assert recover(second.store, second.vault, lost, by="test").keys == 3
    assert (reveal(second, "one"), reveal(second, "two")) == ("sk-new", "sk-2")
    assert admin(second).verify_audit()[1] == []
    assert second.store.check() == []


def test_of_a_shredded_workspace_nothing_is_left_in_the_tables_of_the_server(open_one, uri):
    service = open_one()
    service.accounts.create_workspace("team", by="test")
    for number in range(5):
        save(service, f"n{number}", f"sk-{number}", "team")
    save(service, "one", "sk-1")
    database = Database(uri)
    [(place, oid)] = database.query(
        "SELECT current_setting('data_directory'), oid FROM pg_database WHERE datname = current_database()"
    )
    files = Path(place) / "base" / str(oid)
    before = Windows()
    before.add(row[0] for row in database.query("SELECT sealed FROM secrets"))
    database.query("CHECKPOINT")
    assert search(files, before) > 0

    late = admin(service, "team")
    done = shred(service.store, service.vault, service.tenant("team"), service.tenant(), by="test")
    assert service.store.compact()

    assert done.windows.values == 5 + 3
    assert search(files, done.windows) == 0
    assert reveal(service, "one") == "sk-1"
    assert service.store.live_files() is None
    with pytest.raises(Conflict, match="shredded"):
        service.accounts.create_workspace("team", by="test")
    with pytest.raises(CredenzaError):
        late.apply([Put(name="late", type="openai", configuration=Sensitive({"api_key": "sk-late"}))])
    assert database.query("SELECT count(*) FROM integrations") == [(1,)]


def search(folder, windows):
    return sum(windows.search(file).hits for file in folder.iterdir() if file.is_file())
