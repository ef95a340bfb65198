"""One thread writes: what waits together shares a commit, and each is told only of its own fate."""

import os
import sqlite3
import threading
from concurrent.futures import Future
from contextlib import closing

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from credenza.errors import Conflict, Unavailable
from credenza.model import Drop
from credenza.stores.sqlite import SqliteStore, writer
from store_rows import SOON, add_tenant, held_up, names_of, put, run


class Commits:
    """Count what the writer's connection commits, and how often."""

    def __init__(self, store):
        self.count = 0
        store._writer.submit(lambda connection, _: connection.set_trace_callback(self.trace)).result(SOON)

    def trace(self, statement):
        self.count += statement == "COMMIT"


def test_jobs_that_wait_together_share_a_commit(store, tenant):
    commits = Commits(store)
    with held_up(store, tenant):
        waiting = [store.write(tenant, lambda tx, n=n: put(tx, f"n{n}")) for n in range(60)]
    for future in waiting:
        future.result(SOON)

    assert len(names_of(store, tenant)) == 60
    assert commits.count <= 3  # the first call's own, the one that held the others up, and one for all


def test_a_job_that_finds_nobody_waiting_is_committed_at_once(store, tenant):
    commits = Commits(store)
    for number in range(5):
        before = commits.count
        run(store, tenant, lambda tx, n=number: put(tx, f"n{n}"))
        assert commits.count > before


def test_what_is_acknowledged_is_there_for_every_other_connection(store, tenant, path):
    missing = []

    def look(future):
        with closing(sqlite3.connect(path)) as connection:
            query = "SELECT count(*) FROM integrations WHERE id = ?"
            if connection.execute(query, (future.result().row,)).fetchone()[0] != 1:
                missing.append(future.result().name)

    with held_up(store, tenant):
        for number in range(12):
            future = store.write(tenant, lambda tx, n=number: put(tx, f"n{n}"))
            future.add_done_callback(look)
    run(store, tenant, lambda tx: put(tx, "last"))

    assert missing == []


NAMES = st.sampled_from(["one", "two", "ONE"])
STEPS = st.lists(st.tuples(st.sampled_from(["put", "drop", "distrust"]), NAMES), min_size=2, max_size=12)


def step(tx, verb, name):
    """Do one thing to a record, and return what was found of it before."""
    found = tx.find([name]).get(name.lower())
    if verb == "put":
        put(tx, name, description=f"{found.version if found else 0}")
    elif found is not None and verb == "drop":
        tx.drop([found])
    elif found is not None:
        tx.distrust(found.row)
    return found and (found.name, found.version, found.description, found.digest is None)


@given(STEPS)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_a_group_reads_ahead_is_seen_as_the_jobs_before_have_left_it(store, steps):
    tenants = [add_tenant(store, os.urandom(8).hex()) for _ in range(2)]
    for tenant in tenants:
        run(store, tenant, lambda tx: put(tx, "one"))
        run(store, tenant, lambda tx: put(tx, "two"))
    expected = [run(store, tenants[0], lambda tx, one=one: step(tx, *one)) for one in steps]
    with held_up(store, tenants[1]):
        waiting = [
            store.write(tenants[1], lambda tx, one=one: step(tx, *one), names=[one[1]]) for one in steps
        ]

    assert [future.result(SOON) for future in waiting] == expected


def test_a_group_reads_ahead_in_each_workspace_apart(store, tenant):
    other = add_tenant(store, "other")
    run(store, tenant, lambda tx: put(tx, "mine"))
    with held_up(store, tenant):
        waiting = [
            store.write(who, lambda tx: sorted(tx.find(["mine"])), names=["mine"]) for who in (tenant, other)
        ]

    assert [future.result(SOON) for future in waiting] == [["mine"], []]


def test_every_group_of_changes_draws_its_random_bytes_anew(store, tenant, monkeypatch):
    drawn = []
    monkeypatch.setattr(writer, "begin_afresh", lambda: drawn.append("begun"))
    with held_up(store, tenant):
        waiting = [store.write(tenant, lambda tx, n=n: put(tx, f"n{n}")) for n in range(5)]
    for future in waiting:
        future.result(SOON)

    assert len(drawn) == 2  # the one that held the others up, and those together


def orphan(tx):
    """Do what only COMMIT notices."""
    tx._execute("PRAGMA defer_foreign_keys = 1")
    tx._execute("INSERT INTO integration_tags (integration_id, key, value) VALUES (987, 'k', 'v')")


def test_when_a_shared_commit_fails_only_the_one_that_fails_alone_is_told(store, tenant):
    with held_up(store, tenant):
        first = store.write(tenant, lambda tx: put(tx, "first"))
        bad = store.write(tenant, orphan)
        given_up = store.write(tenant, lambda tx: put(tx, "given-up"))
        last = store.write(tenant, lambda tx: put(tx, "last"))
        given_up.cancel()

    assert (first.result(SOON).name, last.result(SOON).name) == ("first", "last")
    assert bad.exception(SOON) is not None
    assert names_of(store, tenant) == ["first", "last"]
    assert store.check() == []


def test_a_job_whose_transaction_was_lost_is_never_reported_as_done(store, tenant):
    def lose(tx):
        put(tx, "lost")
        tx._execute("ROLLBACK")

    assert store.write(tenant, lose).exception(SOON) is not None
    with held_up(store, tenant):
        lost, good = store.write(tenant, lose), store.write(tenant, lambda tx: put(tx, "good"))

    assert lost.exception(SOON) is not None
    assert good.result(SOON).name == "good"
    assert names_of(store, tenant) == ["good"]


def test_a_writer_that_cannot_begin_says_so_to_all_who_wait_and_goes_on_later(store, tenant, path):
    store._writer.submit(lambda connection, _: connection.execute("PRAGMA busy_timeout = 50")).result(SOON)
    with closing(sqlite3.connect(path, isolation_level=None)) as stranger:
        with held_up(store, tenant):
            waiting = [store.write(tenant, lambda tx, n=n: put(tx, f"n{n}")) for n in range(3)]
            waiting[1].cancel()
        assert [future.exception(SOON) for future in (waiting[0], waiting[2])] == [None, None]
        stranger.execute("BEGIN IMMEDIATE")
        late = [store.write(tenant, lambda tx, n=n: put(tx, f"late{n}")) for n in range(3)]
        late[1].cancel()
        for future in (late[0], late[2]):
            assert isinstance(future.exception(SOON), Unavailable)
        stranger.execute("ROLLBACK")

    assert run(store, tenant, lambda tx: put(tx, "after")).name == "after"
    assert names_of(store, tenant) == ["after", "n0", "n2"]


def test_a_save_tried_again_on_a_store_closed_meanwhile_is_refused_and_not_kept_waiting(
    service, workspace, monkeypatch
):
    def write(*_, **__):
        if tried:
            raise Unavailable
        tried.append(Future())
        tried[0].set_exception(Conflict())
        return tried[0]

    tried = []
    monkeypatch.setattr(service.store, "write", write)

    assert isinstance(workspace.submit([Drop("one")]).exception(SOON), Unavailable)


def test_threads_that_read_while_the_store_closes_get_an_answer_or_an_error_of_ours(path):
    store = SqliteStore(path, serving=True)
    tenant, odd = add_tenant(store), []
    stop = threading.Event()

    def read():
        while not stop.is_set():
            try:
                store.read(tenant, lambda tx: list(tx.page()))
            except Unavailable:
                return
            except BaseException as error:  # noqa: BLE001  # whatever else there is, is what this looks for
                odd.append(error)
                return

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    store.close()
    stop.set()
    for thread in threads:
        thread.join(SOON)

    assert odd == []
