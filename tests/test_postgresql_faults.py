"""PostgreSQL gone, frozen or behind a bad network: clients are told to come back, and nothing restarts."""

import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import psycopg
import pytest
from litestar.testing import TestClient

import made_once
import postgresql
from credenza.errors import Unavailable
from credenza.model import Role
from credenza.ports import Subject
from credenza.settings import Settings, open_credenza
from credenza.stores.postgres import connect, jobs, news, open_store
from credenza.stores.postgres.patience import Watched
from examples import item, save
from postgresql_stores import Database
from store_rows import SOON, add_tenant, api_key, names_of, put, run, soon

pytestmark = pytest.mark.system("postgresql")
relays = postgresql.load("relay")


@pytest.fixture
def uri(databases):
    with databases.named() as find:
        yield find("store")


@pytest.fixture
def relay(databases):
    relay = relays.Relay(postgresql.socket_of(databases.server))
    yield relay
    relay.close()


@pytest.fixture
def far(uri, relay):
    """Return the address of the store over a network that is ours."""
    return postgresql.over(uri, relay.port)


@pytest.fixture
def store(far):
    store = open_store(far, serving=True)
    yield store
    store.close()


@pytest.fixture
def tenant(store):
    return add_tenant(store)


@pytest.fixture
def _hasty(monkeypatch):
    """Let nobody wait as long as in real life."""
    monkeypatch.setattr(Watched, "patience", 0.3)
    monkeypatch.setattr(news, "_PATIENCE", 0.3)
    monkeypatch.setattr(connect, "WAIT_SECONDS", 0.5)
    monkeypatch.setattr("credenza.stores.postgres.patience._LOOK_SECONDS", 0.05)


def as_soon_as_served(call):
    """Return what a call gives as soon as it gives something."""
    until = time.monotonic() + 2 * SOON
    while True:
        try:
            return call()
        except Unavailable:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


@pytest.mark.usefixtures("_hasty")
def test_a_network_that_swallows_everything_is_given_up_and_used_again_once_it_is_mended(
    relay, store, tenant
):
    run(store, tenant, lambda tx: put(tx, "one"))
    relay.swallow()
    for call in (
        lambda: run(store, tenant, lambda tx: put(tx, "two")),
        lambda: names_of(store, tenant),
        store.ready,
    ):
        with pytest.raises(Unavailable) as told:
            call()
        assert told.value.retryable
    relay.mend()

    assert as_soon_as_served(lambda: names_of(store, tenant)) == ["one"]
    as_soon_as_served(lambda: run(store, tenant, lambda tx: put(tx, "two")))
    as_soon_as_served(store.ready)


@pytest.mark.usefixtures("_hasty")
def test_what_was_begun_when_the_network_began_to_swallow_is_not_half_done(relay, store, tenant):
    def job(tx):
        put(tx, "half", secrets={"/k": "v"})
        relay.swallow()
        put(tx, "other")

    with pytest.raises(Unavailable):
        run(store, tenant, job)
    relay.mend()

    assert as_soon_as_served(lambda: names_of(store, tenant)) == []


@pytest.mark.usefixtures("_hasty")
def test_nobody_waits_long_for_a_server_that_was_just_found_away(relay, store, tenant):
    names_of(store, tenant)
    relay.refuse()
    with pytest.raises(Unavailable):
        names_of(store, tenant)
    waited = []
    for _ in range(5):
        begun = time.monotonic()
        with pytest.raises(Unavailable):
            names_of(store, tenant)
        waited.append(time.monotonic() - begun)
    relay.mend()

    assert statistics.median(waited) < connect.WAIT_SECONDS
    assert as_soon_as_served(lambda: names_of(store, tenant)) == []


def test_whoever_queues_for_too_long_is_told_to_come_back(store, tenant, monkeypatch):
    monkeypatch.setattr(jobs, "QUEUE_SECONDS", 0.05)
    held, going = threading.Event(), threading.Barrier(jobs.WORKERS + 1)

    def hold(_):
        going.wait()
        held.wait(SOON)

    holding = [store.write(tenant, hold) for _ in range(jobs.WORKERS)]
    going.wait()
    late = store.write(tenant, lambda tx: put(tx, "late"))
    time.sleep(0.1)
    held.set()

    with pytest.raises(Unavailable, match="busy"):
        late.result(SOON)
    for each in holding:
        each.result(SOON)
    assert names_of(store, tenant) == []


def test_more_readers_than_connections_all_get_their_turn_or_are_told(store, tenant, monkeypatch):
    run(store, tenant, lambda tx: put(tx, "one"))
    full = threading.Barrier(connect._MOST + 1, timeout=SOON)

    def read(tx):
        full.wait()
        full.wait()
        return tx.find(["one"])

    with ThreadPoolExecutor(connect._MOST) as threads:
        reading = [threads.submit(store.read, tenant, read) for _ in range(connect._MOST)]
        full.wait()
        monkeypatch.setattr(connect, "WAIT_SECONDS", 0.2)
        with pytest.raises(Unavailable):
            names_of(store, tenant)
        full.wait()
        assert all(each.result(SOON) for each in reading)
    assert names_of(store, tenant) == ["one"]


@pytest.mark.parametrize("kind", [psycopg.OperationalError, psycopg.InternalError, psycopg.InterfaceError])
def test_what_the_driver_says_by_itself_is_no_fault_of_a_statement(store, tenant, kind):
    def fail(_):
        raise kind("got no result from the query")

    with pytest.raises(Unavailable) as told:
        run(store, tenant, fail)
    assert told.value.retryable
    assert "got no result" not in str(told.value)
    assert names_of(store, tenant) == []


def test_a_statement_that_takes_too_long_is_ended_and_told(store, tenant, monkeypatch):
    place = connect._PLACE.replace("statement_timeout TO '30s'", "statement_timeout TO '50ms'")
    monkeypatch.setattr(connect, "_READ", connect._READ.replace(connect._PLACE, place))

    with pytest.raises(Unavailable):
        store.read(tenant, lambda tx: tx._fetch("SELECT pg_sleep(5)"))
    assert names_of(store, tenant) == []


@pytest.fixture
def _pooled(monkeypatch):
    """Let every connection seem to go through a pooler."""
    monkeypatch.setattr("credenza.stores.postgres.connect.is_direct", lambda _: False)
    monkeypatch.setattr("credenza.stores.postgres.news.is_direct", lambda _: False)


@pytest.mark.usefixtures("_pooled")
def test_behind_a_pooler_changes_are_asked_for_and_no_statement_is_prepared(uri):
    with closing(open_store(uri, serving=True)) as one, closing(open_store(uri, serving=True)) as other:
        tenant = add_tenant(one)
        one.add_api_key(api_key(tenant), lambda _: None)
        assert other.api_key("key1").revoked_at is None
        one.revoke_api_key(tenant, "key1", 7, None)
        time.sleep(0.03)

        assert not other._news.hears
        assert other.api_key("key1").revoked_at == 7
        for _ in range(10):
            names_of(other, tenant)
        found = other.read(tenant, lambda tx: tx._fetch("SELECT count(*) FROM pg_prepared_statements"))
        assert found == [(0,)]


@pytest.mark.parametrize(
    ("subject", "statement"),
    [
        (Subject.KEYS, "UPDATE api_keys SET revoked_at = 1"),
        (Subject.RINGS, "UPDATE rings SET kek_id = 'other'"),
        (Subject.RINGS, "DELETE FROM rings WHERE workspace_id = 0"),
        (Subject.RINGS, "UPDATE vault SET kek_id = 'other'"),
        (Subject.TYPES, "UPDATE papers SET version = version + 1 WHERE kind = 'type'"),
        (Subject.TYPES, "DELETE FROM papers WHERE kind = 'type'"),
    ],
)
def test_whoever_changes_what_is_kept_in_memory_counts_and_tells_it(uri, subject, statement):
    with closing(open_store(uri, serving=True)) as store:
        tenant = add_tenant(store)
        database = Database(uri)
        empty = "''::bytea, ''::bytea"
        database.query(
            f"INSERT INTO papers SELECT id, 'type', 'acme', 1, 1, '', 1, '', {empty} FROM workspaces"
        )
        before = dict(database.query(news.COUNTS))
        database.query(statement)
        run(store, tenant, lambda tx: (put(tx, "one"), tx.count_seals(1, 1)))

        after = dict(database.query(news.COUNTS))
        assert {each for each in Subject if after.get(each) != before.get(each)} == {subject}
        soon(lambda: store._news.hears and store.revision(subject) == after[subject])


@contextmanager
def serve(uri, kek):
    """Give the client of a server, with its service."""
    settings = Settings.read({}, store=uri, kek=kek, access_log=False)
    service = open_credenza(settings, serving=True, create=True)
    try:
        with (
            made_once.lend_app(service) as app,
            TestClient(app, raise_server_exceptions=False) as client,
        ):
            made = service.accounts.create_key(service.tenant(), Role.ADMIN, by="test")
            client.headers["X-Authorization"] = made.token.reveal()
            yield client
    finally:
        service.close()


@pytest.mark.usefixtures("_hasty")
def test_over_http_a_store_that_is_away_is_a_503_and_the_server_lives_on(far, relay, kek):
    with serve(far, kek) as client:
        sent = {"Idempotency-Key": "once"}
        first = save(client, item("one", "openai"), headers=sent)
        assert client.get("/readyz").status_code == 200
        relay.refuse()
        for answer in (
            save(client, item("two", "openai")),
            client.get("/api/integrations/provider/one"),
            client.get("/integrations"),
            client.post("/api/token", json={"keyId": "none", "keySecret": "made-up"}),
        ):
            told = answer.json()
            assert (answer.status_code, told["code"], told["retryable"]) == (503, "unavailable", True)
            assert answer.headers["Retry-After"] == "1"
        away = client.get("/readyz")
        assert (away.status_code, away.json()["store"]) == (503, "unavailable")
        assert client.get("/healthz").status_code == 200
        relay.mend()

        soon(lambda: client.get("/readyz").status_code == 200)
        again = save(client, item("one", "openai"), headers=sent)
        assert (again.status_code, again.json()) == (200, first.json())
        assert client.get("/api/integrations/provider/two").status_code == 404
