"""Servers on one PostgreSQL save the same names all the while a command gives the store new keys."""

import threading
from contextlib import ExitStack, contextmanager

import psycopg
import pytest

from credenza.errors import CredenzaError
from credenza.rotation import reencryption
from credenza.settings import Settings, open_credenza
from rotation_things import beside, give_key, make_kek, reveal, rows_of, save, terms_of, turn, workspace_of

pytestmark = pytest.mark.system("postgresql")
CLIENTS, NAMES = 6, 4


def count_deadlocks(uri):
    """Return how often two transactions of a database waited for each other; those of open ones may lack."""
    ask = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    with psycopg.connect(uri) as connection:
        return connection.execute(ask).fetchone()[0]


@pytest.fixture
def servers(databases, monkeypatch):
    """Return two servers that know both keys, and the place of the second."""
    kek, following = (make_kek(monkeypatch, f"CREDENZA_TEST_{name}_KEK") for name in ("FIRST", "SECOND"))
    with databases.named() as find:
        settings = Settings.read({}, store=find("store"), kek=kek, kek_next=following, keep_versions=1_000)
        before = count_deadlocks(find("store"))
        with ExitStack() as stack:
            first = open_credenza(settings, serving=True, create=True)
            stack.callback(first.close)
            yield (first, stack.enter_context(beside(first))), following
        assert count_deadlocks(find("store")) == before


@contextmanager
def clients(*servers):
    """Let clients save and read at all servers; give what was acknowledged, and what was refused."""
    stop, saved, failures = threading.Event(), [], []

    def work(client):
        service, number = servers[client % len(servers)], 0
        while not stop.is_set():
            number += 1
            try:
                save(service, f"n{number % NAMES}", f"{client}-{number}")
                saved.append(f"{client}-{number}")
                reveal(service, f"n{client % NAMES}")
            except CredenzaError as error:
                if error.code != "conflict":  # others were faster three times: the client sends it again
                    failures.append(error)

    threads = [threading.Thread(target=work, args=(client,)) for client in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield saved, failures
    finally:
        stop.set()
        for thread in threads:
            thread.join(20)


def test_no_save_is_lost_or_refused_and_no_two_wait_for_each_other(servers, monkeypatch):
    (one, other), following = servers
    monkeypatch.setattr(reencryption, "PAGE", 25)
    for name in range(NAMES):
        for version in range(20):
            save(one, f"n{name}", f"{name}-{version}")

    with clients(one, other) as (saved, failures), beside(one) as command:
        turn(command)
        kek_id = give_key(command, following).kek_id
        done = turn(command)
    if done.left:  # what was being saved all the while
        turn(other)

    assert (failures, len(saved) > 20) == ([], True)
    ring = one.vault.ring(one.tenant().id)
    texts = {ring.open("integration", row.owner, row.secret).reveal() for row in rows_of(one)}
    assert set(saved) <= texts
    assert len(terms_of(one)) == 1
    assert {row.kek_id for row in one.store.rings(one.tenant().id) if row.wrapped} == {kek_id}
    assert workspace_of(other).verify_audit()[1] == []
