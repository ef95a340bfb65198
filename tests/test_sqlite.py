"""The embedded store as a file: who may open it, what it leaves alone, and how commits are shared."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlite_utils import Database

from credenza.errors import Misconfigured, StoreRejected, Unavailable
from credenza.stores.sqlite import SqliteStore, open_store
from credenza.stores.sqlite.schema import migrations
from store_rows import SOON, add_tenant, held_up, names_of, put, run

PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": 2,
    "foreign_keys": 1,
    "trusted_schema": 0,
    "cell_size_check": 1,
    "secure_delete": 1,
    "temp_store": 2,
    "busy_timeout": 10_000,
    "cache_size": -1_000,
    "wal_autocheckpoint": 77,
}
HOLDER = """
import sys
from credenza.stores.sqlite import open_store
store = open_store(sys.argv[1], serving=True)
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store" / "credenza.db"


@pytest.fixture
def store(path):
    with closing(SqliteStore(path, serving=True)) as store:
        yield store


@pytest.fixture
def tenant(store):
    return add_tenant(store)


def ask(connection, pragma):
    return connection.execute(f"PRAGMA {pragma}").fetchone()[0]


def ask_reader(store, pragma):
    with store._readers.lend() as connection:
        return ask(connection, pragma)


# Every connection


@pytest.mark.parametrize("pragma", PRAGMAS)
def test_every_connection_has_the_same_pragmas(path, pragma):
    with closing(SqliteStore(path, serving=True, cache_kib=1_000, checkpoint_pages=77)) as store:
        told = [store._writer.submit(lambda connection: ask(connection, pragma)).result(SOON)]
        with ThreadPoolExecutor(1) as pool:
            told += [pool.submit(ask_reader, store, pragma).result(SOON)]
        told += [ask_reader(store, pragma)]

    assert told == [PRAGMAS[pragma]] * 3


def test_a_reader_can_only_read(store, tenant):
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        ask_reader(store, "user_version = 5")

    assert store.tenants() == [tenant]


def test_no_file_of_a_store_can_be_read_by_others(path):
    before = os.umask(0)
    try:
        with closing(SqliteStore(path, serving=True)) as store:
            run(store, add_tenant(store), lambda tx: put(tx, "one"))
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    finally:
        os.umask(before)

    assert modes == dict.fromkeys(
        ["credenza.db", "credenza.db-wal", "credenza.db-shm", "credenza.db.lock"], 0o600
    )
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_closed_store_holds_no_file_open(path):
    def open_files():
        return sorted(
            os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if _is_open(fd)
        )

    store = SqliteStore(path, serving=True)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: store.tenants(), range(20)))
    assert str(path) in open_files()
    store.close()

    assert not [file for file in open_files() if file.startswith(str(path.parent))]


@pytest.mark.parametrize("uri", ["sqlite://host/x.db", "sqlite:///", "sqlite:", "sqlite:////"])
def test_a_uri_that_names_no_file_is_refused(uri):
    with pytest.raises(Misconfigured):
        open_store(uri, serving=True)


# Files that are not ours


def make_text(path):
    path.write_text("Dear diary, this is no database.\n" * 300)


def make_short(path):
    path.write_bytes(b"x")


def make_foreign(path, *, mode="delete", mark=0):
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            f"PRAGMA journal_mode = {mode}; PRAGMA application_id = {mark}; CREATE TABLE notes (text);"
            "INSERT INTO notes VALUES ('theirs')"
        )


def make_newer(path):
    SqliteStore(path, serving=True).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('credenza', 'x', '')"
        )


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (make_text, "not a database"),
        (make_short, "not a database"),
        (make_foreign, "another program"),
        (lambda path: make_foreign(path, mode="wal"), "another program"),
        (lambda path: make_foreign(path, mark=0x0F055112), "another program"),
        (make_newer, "later release"),
        (lambda path: path.mkdir(), "cannot be opened"),
    ],
    ids=["text", "one byte", "theirs", "theirs with a WAL", "theirs and marked", "newer", "a folder"],
)
@pytest.mark.parametrize("serving", [True, False])
def test_a_file_that_is_not_ours_is_refused_and_left_as_it_is(tmp_path, make, says, serving):
    path = tmp_path / "file.db"
    make(path)
    before = path.read_bytes() if path.is_file() else None

    with pytest.raises(StoreRejected, match=says):
        SqliteStore(path, serving=serving)

    assert (path.read_bytes() if path.is_file() else None) == before
    assert {file.name for file in tmp_path.iterdir()} <= {"file.db", "file.db.lock"}


@contextmanager
def nobody():
    """Act as a user without rights, where the tests run as root."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65_534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def test_a_folder_that_cannot_be_written_to_is_refused(store):
    store.close()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "credenza.db"
        path.write_bytes(store.path.read_bytes())
        path.chmod(0o444)
        Path(folder).chmod(0o555)
        before = path.read_bytes()

        for name in ("credenza.db", "new.db", "sub/new.db"):
            with nobody(), pytest.raises(StoreRejected, match="cannot be"):
                SqliteStore(Path(folder) / name, serving=True)

        assert [file.name for file in Path(folder).iterdir()] == ["credenza.db"]
        assert path.read_bytes() == before
        Path(folder).chmod(0o755)


# Who writes beside whom


@contextmanager
def server_process(path):
    command = [sys.executable, "-c", HOLDER, f"sqlite:///{path}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout.readline() == b"ready\n"
            yield process
        finally:
            process.kill()


def test_a_second_server_is_refused_while_the_first_lives_and_not_when_it_was_killed(path):
    with server_process(path) as process:
        with pytest.raises(StoreRejected, match="Another process"):
            SqliteStore(path, serving=True)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(SOON)

        SqliteStore(path, serving=True).close()


def test_a_program_beside_the_server_writes_and_never_checkpoints(path):
    with closing(SqliteStore(path, serving=True, checkpoint_pages=1)) as server:
        tenant = add_tenant(server)
        before = path.read_bytes()
        with closing(SqliteStore(path, serving=False, checkpoint_pages=1)) as beside:
            for number in range(20):
                run(beside, tenant, lambda tx, n=number: put(tx, f"beside-{n}", description="x" * 4_000))
            assert len(names_of(server, tenant)) == 20

        assert path.read_bytes() == before
        run(server, tenant, lambda tx: put(tx, "by the server"))
        assert path.read_bytes() != before


def test_programs_that_begin_a_store_at_the_same_time_make_it_once(path):
    with ThreadPoolExecutor(6) as pool:
        stores = list(pool.map(lambda _: SqliteStore(path, serving=False), range(6)))
    tenant = add_tenant(stores[0])

    assert [store.tenants() for store in stores] == [[tenant]] * 6
    for store in stores:
        store.close()


# Shared commits


class Commits:
    """Count what the writer's connection commits, and how often."""

    def __init__(self, store):
        self.count = 0
        store._writer.submit(lambda connection: connection.set_trace_callback(self.trace)).result(SOON)

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
    store._writer.submit(lambda connection: connection.execute("PRAGMA busy_timeout = 50")).result(SOON)
    with closing(sqlite3.connect(path, isolation_level=None)) as stranger:
        with held_up(store, tenant):
            waiting = [store.write(tenant, lambda tx, n=n: put(tx, f"n{n}")) for n in range(3)]
            waiting[1].cancel()
        stranger.execute("BEGIN IMMEDIATE") if waiting[0].exception(SOON) is None else None
        late = [store.write(tenant, lambda tx, n=n: put(tx, f"late{n}")) for n in range(3)]
        late[1].cancel()
        for future in (late[0], late[2]):
            assert isinstance(future.exception(SOON), Unavailable)
        stranger.execute("ROLLBACK")

    assert run(store, tenant, lambda tx: put(tx, "after")).name == "after"
    assert names_of(store, tenant) == ["after", "n0", "n2"]


# What is in the file


def schema_of(connection):
    return sorted(
        tuple(row)
        for row in connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema")
        if not row[1].startswith("sqlite_")
    )


def test_a_fresh_schema_equals_one_migrated_step_by_step(store, tmp_path):
    steps = sqlite3.connect(tmp_path / "steps.db", isolation_level=None)
    with closing(steps) as connection, store._readers.lend() as fresh:
        db = Database(connection)
        names = [migration.name for migration in migrations.pending(db)]
        for later in [*names[1:], None]:
            migrations.apply(db, stop_before=later)

        assert schema_of(connection) == schema_of(fresh)


def test_a_destroyed_secret_leaves_no_byte_in_the_file(store, tenant, path):
    run(store, tenant, lambda tx: put(tx, "one", keep=1, secrets={"/k": "SEALED-BYTES" * 40}))
    run(store, tenant, lambda tx: put(tx, "one", keep=1, secrets={"/k": "other"}))
    run(store, tenant, lambda tx: put(tx, "one", keep=1, description="next"))
    store.close()

    assert [file.name for file in path.parent.iterdir() if b"SEALED" in file.read_bytes()] == []


def test_check_finds_a_damaged_page_and_a_row_without_its_owner(store, tenant, path):
    run(store, tenant, lambda tx: [put(tx, f"n{n}", description="x" * 900) for n in range(100)])
    store.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("INSERT INTO integration_tags VALUES (987, 'k', 'v')")
        page = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'integrations'"
        ).fetchone()[0]
    with closing(SqliteStore(path, serving=True)) as again:
        assert [sentence.partition(":")[0] for sentence in again.check()] == [
            "There are rows whose owner is gone."
        ]
    with path.open("r+b") as file:
        file.seek((page - 1) * 4_096)
        file.write(b"\xff" * 4_096)

    with closing(SqliteStore(path, serving=True)) as again:
        assert "SQLite finds damage" in again.check()[0]


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
