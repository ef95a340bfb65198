"""The embedded store as a file: who may open it, what it leaves alone, and how commits are shared."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlite_utils import Database

from credenza.errors import Misconfigured, StoreRejected
from credenza.stores.sqlite import SqliteStore, connect, open_store
from credenza.stores.sqlite.schema import migrations
from store_rows import SOON, add_tenant, names_of, put, run

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


def ask(connection, pragma):
    return connection.execute(f"PRAGMA {pragma}").fetchone()[0]


def ask_reader(store, pragma):
    with store._readers.lend() as connection:
        return ask(connection, pragma)


# Every connection


@pytest.mark.parametrize("pragma", PRAGMAS)
def test_every_connection_has_the_same_pragmas(path, pragma):
    with closing(SqliteStore(path, serving=True, cache_kib=1_000, checkpoint_pages=77)) as store:
        told = [store._writer.submit(lambda connection, _: ask(connection, pragma)).result(SOON)]
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
        links = list(Path("/proc/self/fd").iterdir())
        return {str(link.readlink()) for link in links if link.is_symlink()}

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
        connection.execute("PRAGMA user_version = 1000")


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
    SqliteStore(path, serving=True).close()
    lock = connect.hold(path, serving=True)
    with closing(sqlite3.connect(path)) as server:
        server.execute("SELECT * FROM integrations").fetchall()
        before = path.read_bytes()
        with closing(SqliteStore(path, serving=False, checkpoint_pages=1)) as beside:
            tenant = add_tenant(beside)
            for number in range(20):
                run(beside, tenant, lambda tx, n=number: put(tx, f"beside-{n}", description="x" * 4_000))
            assert not beside.settle(0)

        assert path.read_bytes() == before
    lock.release()
    with closing(SqliteStore(path, serving=False)) as after:
        assert len(names_of(after, tenant)) == 20


def test_a_server_takes_over_what_others_wrote_when_it_has_nothing_else_to_do(path):
    with closing(SqliteStore(path, serving=True)) as server:
        tenant = add_tenant(server)
        with closing(SqliteStore(path, serving=False)) as beside:
            run(beside, tenant, lambda tx: put(tx, "beside"))
            assert beside.settle(SOON)

        assert b"beside" in path.read_bytes()


def test_the_files_are_settled_at_once_where_no_server_has_them_and_nobody_reads(path):
    with closing(SqliteStore(path, serving=False)) as store:
        tenant = add_tenant(store)
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM integrations").fetchall()
            run(store, tenant, lambda tx: put(tx, "one"))
            assert not store.settle(0)

        assert store.settle(0)
        assert path.with_name(f"{path.name}-wal").stat().st_size == 0
        assert ask_reader(store, "busy_timeout") == PRAGMAS["busy_timeout"]


def test_programs_that_begin_a_store_at_the_same_time_make_it_once(path):
    with ThreadPoolExecutor(6) as pool:
        stores = list(pool.map(lambda _: SqliteStore(path, serving=False), range(6)))
    tenant = add_tenant(stores[0])

    assert [store.tenants() for store in stores] == [[tenant]] * 6
    for store in stores:
        store.close()


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


def test_the_number_of_the_schema_is_the_number_of_its_migrations(store):
    with store._readers.lend() as connection:
        kept = connection.execute("PRAGMA user_version").fetchone()[0]

    assert kept == connect.SCHEMA == len(migrations._migrations)


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
        assert again.check() == ["There are rows whose owner is gone."]
    with path.open("r+b") as file:
        file.seek((page - 1) * 4_096)
        file.write(b"\xff" * 4_096)

    with closing(SqliteStore(path, serving=True)) as again:
        assert "damage" in again.check()[0]


def test_no_statement_of_a_save_or_a_read_scans_a_table(store, tenant):
    for number in range(20):
        run(store, tenant, lambda tx, n=number: put(tx, f"r{n}", secrets={"/k": "one"}))
    seen = set()
    store._writer._connection.set_trace_callback(seen.add)

    def everything(tx):
        found = tx.find(["r1", "r2", "r3"])
        rows = [record.row for record in found.values()]
        tx.held(rows)
        tx.secrets(rows[0], {"/k": 1})
        list(tx.history(rows[0]))
        put(tx, "r1", secrets={"/k": "two"}, description="new")
        tx.drop([tx.find(["r2"])["r2"]])

    run(store, tenant, everything)
    run(store, tenant, lambda tx: tx.find(["r9"]))
    store._writer._connection.set_trace_callback(None)

    with store._readers.lend() as connection:
        for statement in seen:
            if statement.startswith(("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "PRAGMA", "--")):
                continue
            for step in connection.execute(f"EXPLAIN QUERY PLAN {statement}"):
                scanned = step[3].startswith("SCAN") and not step[3].startswith(
                    (
                        "SCAN wanted",
                        "SCAN CONSTANT",
                        "SCAN search_progress",
                        "SCAN main.integrations_search_config",
                    )
                )
                assert not scanned or "VIRTUAL TABLE" in step[3], statement


@pytest.mark.usefixtures("store")
def test_looking_at_the_file_again_drops_no_lock_of_a_store_that_is_open(path):
    command = [
        sys.executable,
        "-c",
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT * FROM vault').fetchall()",
        str(path),
    ]
    SqliteStore(path, serving=False).close()

    subprocess.run(command, check=True)

    # The last one to close a database in WAL mode removes its log: nobody may take himself for the last.
    assert path.with_name(path.name + "-wal").exists()
