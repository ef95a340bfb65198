"""A full disk: 507, nothing half done, only the one that does not fit is told, and it heals by itself."""

import os
import sqlite3
import subprocess
from contextlib import closing, contextmanager

import pytest
from litestar.testing import TestClient

from credenza.errors import StoreFull
from credenza.model import Actor, ApiPut, Put, Role
from credenza.sensitive import Sensitive
from credenza.settings import Settings, open_credenza
from credenza.web.app import create_app
from store_rows import SOON, held_up

TYPE = "sendgrid"


def item(name, size=2_000):
    return {"name": name, "type": TYPE, "description": "x" * size, "configuration": {"api_key": f"SG-{name}"}}


def make_put(name, size):
    apis = tuple(ApiPut(f"{number}", os.urandom(2_000).hex()) for number in range(max(size // 4_000, 1)))
    configuration = Sensitive({"api_key": f"SG-{name}"})
    return Put(name=name, type=TYPE, configuration=configuration, apis=apis)


class Limited:
    """A store that may grow to a number of pages."""

    def __init__(self, service):
        self.store = service.store

    def fill(self, leave=0):
        """Allow that many pages more."""
        self.store._writer.submit(lambda connection, _: self._limit(connection, leave)).result(SOON)

    def free(self):
        self.store._writer.submit(lambda connection, _: self._limit(connection, 10**6)).result(SOON)

    @staticmethod
    def _limit(connection, leave):
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + leave}")


class Device:
    """A small file system, filled up by a file beside the store."""

    def __init__(self, folder):
        self.filler = folder / "filler"

    def fill(self, leave=0):
        with self.filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4_096)
            except OSError:
                file.truncate(max(file.tell() - leave * 4_096, 0))

    def free(self):
        self.filler.unlink(missing_ok=True)


@contextmanager
def small_device(folder):
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture(params=["page limit", pytest.param("tmpfs", marks=pytest.mark.system("mount"))])
def full(request, tmp_path, kek):
    """Return a service, and what fills and frees its disk."""

    @contextmanager
    def opened(folder):
        settings = Settings.read({}, store=f"sqlite:///{folder}/s/credenza.db", kek=kek, access_log=False)
        with closing(open_credenza(settings, serving=True, create=True)) as service:
            yield service

    if request.param == "tmpfs":
        with small_device(tmp_path / "small") as folder, opened(folder) as service:
            yield service, Device(folder)
    else:
        with opened(tmp_path) as service:
            yield service, Limited(service)


@pytest.fixture
def client(full):
    service, _ = full
    token = service.accounts.create_key(service.tenant(), Role.ADMIN, by="test").token.reveal()
    with TestClient(create_app(service), raise_server_exceptions=False) as client:
        client.headers["X-Authorization"] = token
        yield client


@pytest.fixture
def workspace(full):
    service, _ = full
    return service.workspace(Actor(service.tenant(), "test", Role.ADMIN))


def save_until_full(client, most=2_000):
    """Save one by one until that fails; return the names that were acknowledged, and the refusal."""
    saved = []
    for number in range(most):
        answer = client.post("/api/integrations", json=[item(f"n{number}")])
        if answer.status_code != 200:
            return saved, answer
        saved.append(f"n{number}")
    raise AssertionError("the disk never was full")


def names(client):
    return sorted(each["name"] for each in client.get("/api/integrations/").json())


def sound(service, workspace):
    """Say what is wrong with the store, its audit trail and its rows."""
    found = list(service.store.check()) + workspace.verify_audit()[1]
    with closing(sqlite3.connect(service.store.path)) as connection:
        orphans = connection.execute(
            "SELECT (SELECT count(*) FROM integrations), (SELECT count(*) FROM integration_versions"
            " JOIN integrations USING (version) WHERE integration_id = id),"
            " (SELECT count(*) FROM secrets WHERE last_version IS NULL)"
        ).fetchone()
    return found + ([] if len(set(orphans)) == 1 else [orphans])


def test_a_save_that_does_not_fit_answers_507_and_leaves_no_half(full, client, workspace):
    service, disk = full
    disk.fill(leave=40)

    saved, refused = save_until_full(client)

    told = refused.json()
    assert (refused.status_code, told["code"], told["retryable"]) == (507, "store_full", True)
    assert refused.headers["content-type"] == "application/problem+json"
    assert names(client) == sorted(saved)
    assert sound(service, workspace) == []


def test_readers_go_on_and_saves_work_again_once_there_is_room(full, client, workspace):
    service, disk = full
    disk.fill(leave=60)
    saved, _ = save_until_full(client)
    apis = [
        {"integrationName": "still-full", "api": str(number), "description": "x" * 4_000}
        for number in range(15)
    ]
    large = {**item("still-full"), "apis": apis}

    assert [client.get(path).status_code for path in ("/api/integrations/", "/healthz", "/readyz")] == [
        200
    ] * 3
    assert client.post("/api/integrations", json=[large]).status_code == 507
    disk.free()
    assert client.post("/api/integrations", json=[item("after")]).status_code == 200

    assert names(client) == sorted([*saved, "after"])
    assert client.get("/api/integrations/provider/after/resolved").json()["configuration"] == {
        "api_key": "SG-after"
    }
    assert sound(service, workspace) == []


def test_in_a_shared_commit_only_the_one_that_does_not_fit_is_told(full, workspace):
    service, disk = full
    disk.fill(leave=120)

    def put(size, *names):
        return workspace.submit([make_put(name, size) for name in names])

    with held_up(service.store, service.tenant()):
        first = put(200, "first")
        large = put(60_000, *[f"large-{number}" for number in range(30)])
        last = put(200, "last")

    assert isinstance(large.exception(SOON), StoreFull)
    assert [future.exception(SOON) for future in (first, last)] == [None, None]
    assert [view.record.name for view in workspace.list()] == ["first", "last"]
    assert sound(service, workspace) == []


def test_a_reveal_that_cannot_be_audited_for_lack_of_room_is_not_answered(full, client):
    _, disk = full
    client.post("/api/integrations", json=[item("one")])
    disk.fill()

    answers = [client.get("/api/integrations/provider/one/resolved") for _ in range(600)]

    refused = [answer for answer in answers if answer.status_code != 200]
    assert refused
    assert {answer.status_code for answer in refused} == {507}
    assert not [answer for answer in refused if "SG-one" in answer.text]


@pytest.mark.parametrize("leave", [0, 1, 2, 3, 5, 8, 13, 21, 34])
def test_however_little_room_is_left_nothing_is_half_done(full, client, workspace, leave):
    service, disk = full
    client.post("/api/integrations", json=[item("before")])
    disk.fill(leave)

    batches = [client.post("/api/integrations", json=[item(f"{n}-{m}") for m in range(5)]) for n in range(6)]

    assert {answer.status_code for answer in batches} <= {200, 507}
    kept = [f"{n}-{m}" for n, answer in enumerate(batches) for m in range(5) if answer.status_code == 200]
    assert names(client) == sorted(["before", *kept])
    disk.free()
    assert client.post("/api/integrations", json=[item("after")]).status_code == 200
    assert sound(service, workspace) == []
