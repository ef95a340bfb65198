"""Between workspaces on PostgreSQL stands a second wall, which holds where a statement forgets the first."""

import gc
import random
import threading
import time
from contextlib import suppress

import psycopg
import pytest
from psycopg import sql

from credenza.errors import StoreRejected, TooLarge
from credenza.model import Choice, Release
from credenza.ports import Sheet
from credenza.settings import Settings
from credenza.stores.postgres import connect, open_store, schema
from credenza.stores.postgres.connect import ROLE
from postgresql_stores import Database
from store_cards_contract import KIND, card
from store_catalogue_contract import keep as keep_entries
from store_catalogue_contract import package
from store_papers_contract import keep, paper
from store_rows import SOON, add_tenant, api_key, names_of, put, run

pytestmark = pytest.mark.system("postgresql")


@pytest.fixture
def uri(databases):
    with databases.named() as find:
        yield find("store")


@pytest.fixture
def store(uri):
    store = open_store(uri, serving=True)
    yield store
    store.close()


@pytest.fixture
def filled(store):
    """Return two workspaces that have rows of every kind."""
    pair = [add_tenant(store, slug) for slug in ("one", "two")]
    for tenant in pair:
        run(store, tenant, lambda tx: put(tx, "name", secrets={"/k": "v"}))
        keep(store, tenant, (None, paper()))
        store.add_api_key(api_key(tenant, tenant.slug), lambda _: None)
        keep_entries(store, tenant, package(f"int_{tenant.slug}", current=Release("1.0.0", "inv_1")))
    return pair


@pytest.fixture
def raw(uri):
    """Give a connection without a word of ours: the superuser's own."""
    with psycopg.connect(uri, autocommit=True, options="-c search_path=credenza") as connection:
        yield connection


def count(connection, table):
    query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
    return connection.execute(query).fetchone()[0]


TABLES = [
    "workspaces",
    "integrations",
    "integration_versions",
    "secrets",
    "papers",
    "packages",
    "api_keys",
    "rings",
]


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("table", TABLES)
def test_a_statement_without_a_workspace_sees_no_row(raw, table):
    assert count(raw, table) > 0  # a superuser passes by all policies
    with raw.transaction():
        raw.execute(f"SET LOCAL ROLE {ROLE}")
        assert count(raw, table) == 0


@pytest.mark.parametrize("table", ["integrations", "secrets", "papers", "packages", "api_keys", "workspaces"])
def test_a_statement_that_names_no_workspace_sees_those_of_its_own_only(filled, raw, table):
    whole = count(raw, table)
    with raw.transaction():
        raw.execute(f"SET LOCAL ROLE {ROLE}")
        raw.execute(f"SET LOCAL credenza.workspace TO '{filled[0].row}'")
        assert count(raw, table) == whole // 2


def test_a_row_cannot_be_written_into_another_workspace_nor_moved_there(filled, raw):
    mine, other = filled
    raw.execute(f"SET ROLE {ROLE}")
    raw.execute(f"SET credenza.workspace TO '{mine.row}'")

    for statement in (
        "INSERT INTO papers SELECT %s, 'new', slug, version, 1, '', 1, '', body, mac FROM papers LIMIT 1",
        "UPDATE papers SET workspace_id = %s, kind = 'moved'",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            raw.execute(statement, (other.row,))


def test_a_package_is_seen_by_those_it_is_granted_to_and_by_nobody_else(store, filled, raw):
    out = Release("1.0.0", "inv_1")
    keep_entries(store, filled[0], package("int_granted", current=out, grants=("two",)))
    keep_entries(store, filled[0], package("int_draft", grants=("two",)))
    keep_entries(store, filled[0], package("int_gone", current=out, grants=("two",), deleted_at=1))

    for tenant, seen in ((filled[0], 4), (filled[1], 2), (add_tenant(store, "three"), 0)):
        with raw.transaction():
            raw.execute(f"SET LOCAL ROLE {ROLE}")
            raw.execute("SELECT set_config('credenza.workspace', %s, true)", (str(tenant.row),))
            raw.execute("SELECT set_config('credenza.slug', %s, true)", (tenant.slug,))
            assert count(raw, "packages") == seen


def test_what_a_job_passed_over_is_no_success(store, filled):
    def job(tx):
        put(tx, "lost")
        with suppress(psycopg.Error):
            tx._fetch("SELECT 1 / 0")

    with pytest.raises(Exception, match=r"^The store refused a statement \(SQLSTATE 25P02\)\.$"):
        run(store, filled[0], job)
    assert names_of(store, filled[0]) == ["name"]


def test_who_reads_no_further_leaves_nothing_to_whoever_gets_the_connection_next(store, filled):
    half = []

    def read(tx):
        rows = connect.stream(tx._connection, "SELECT n FROM generate_series(1, 2000) n")
        half.append(rows)
        return next(rows)

    assert store.read(filled[0], read) == (1,)
    run(store, filled[0], lambda tx: (put(tx, "next"), half.clear(), gc.collect()))
    assert names_of(store, filled[0]) == ["name", "next"]


def test_a_page_stays_as_it_was_seen_until_who_saw_it_has_written(store, filled):
    seen, order = threading.Event(), []

    def look(tx):
        assert not tx.cards(Choice(kind=KIND, limit=1))
        seen.set()
        time.sleep(0.3)
        order.append("looked")

    def add(tx):
        tx.keep([Sheet(None, paper("thing", kind="thing"), (card("a"),))])
        order.append("added")

    first = store.write(filled[0], look)
    assert seen.wait(SOON)
    store.write(filled[0], add).result(SOON)
    first.result(SOON)

    assert order == ["looked", "added"]


def test_a_key_whose_answer_is_forgotten_may_be_used_again_however_many_are(store, filled):
    for number in range(3):
        run(store, filled[0], lambda tx, number=number: tx.remember(f"k{number}", b"d", b"a", 1, 0))
    with store._pool.begin(filled[0], write=True) as connection:
        connection.execute(
            "INSERT INTO idempotency (workspace_id, key, digest, answer, created_at) "
            "SELECT %s, 'more' || n, 'd', 'a', 1 FROM generate_series(1, 1500) n",
            (filled[0].row,),
        )
    for key in ("more1500", "more1", "k1"):
        run(store, filled[0], lambda tx, key=key: tx.remember(key, b"d", b"new", 9, 5))
        assert store.read(filled[0], lambda tx, key=key: tx.recall(key, 5)) == (b"d", b"new")


def test_every_table_has_a_policy(store, raw):
    assert store.tenants() == []
    found = raw.execute(
        "SELECT tablename, rowsecurity FROM pg_tables WHERE schemaname = 'credenza'"
    ).fetchall()

    assert dict(found) == {**dict.fromkeys(schema.GUARDED, True), "migrations": False}


def test_the_role_in_effect_is_bound_and_the_login_is_not(store):
    with store._pool.begin(None) as connection:
        role = connection.execute("SELECT current_user, session_user").fetchone()

    assert role == (ROLE, "postgres")
    assert store.check() == []


def test_a_role_that_passes_by_the_policies_is_told_of(store, databases):
    databases.run(f"ALTER ROLE {ROLE} BYPASSRLS")
    try:
        assert store.check() == [
            "The role in effect passes by row-level security: workspaces have one wall only."
        ]
    finally:
        databases.run(f"ALTER ROLE {ROLE} NOBYPASSRLS")


def test_a_table_whose_policies_are_off_is_told_of(store, raw):
    raw.execute("ALTER TABLE secrets DISABLE ROW LEVEL SECURITY")
    try:
        assert store.check() == ["There are tables whose rows no policy guards."]
    finally:
        raw.execute("ALTER TABLE secrets ENABLE ROW LEVEL SECURITY")


@pytest.fixture
def login(databases):
    """Return the URI of an empty database by a login that may do nothing of note."""
    databases.run("CREATE DATABASE bare TEMPLATE template0")
    databases.run("CREATE ROLE weak LOGIN PASSWORD 'made-up-0001'")
    yield databases.address("bare").replace("postgres:@", "weak:made-up-0001@")
    databases.run("DROP DATABASE bare WITH (FORCE)")
    databases.run("DROP ROLE weak")


@pytest.mark.usefixtures("store")  # by which the role is there
def test_a_login_that_may_not_make_what_is_needed_is_told_what_to_run(login, databases):
    with pytest.raises(StoreRejected, match=r"GRANT credenza_app TO <login>"):
        open_store(login, serving=True)

    databases.run(f"GRANT {ROLE} TO weak")
    with pytest.raises(StoreRejected, match=r"CREATE SCHEMA credenza AUTHORIZATION <login>"):
        open_store(login, serving=True)

    Database(databases.address("bare")).query("CREATE SCHEMA credenza AUTHORIZATION weak")
    store = open_store(login, serving=True)
    try:
        tenant = add_tenant(store)
        run(store, tenant, lambda tx: put(tx, "one"))
        assert store.check() == []
    finally:
        store.close()


@pytest.mark.usefixtures("store")
def test_a_login_that_may_make_roles_and_owns_its_database_needs_no_administrator(login, databases):
    # The role of the row policies is the whole server's: another one, so that it is yet to be made.
    databases.run("ALTER ROLE weak CREATEROLE")
    databases.run("ALTER DATABASE bare OWNER TO weak")
    databases.run(f"ALTER ROLE {ROLE} RENAME TO kept_apart")
    try:
        store = open_store(login, serving=True)
        try:
            tenant = add_tenant(store)
            run(store, tenant, lambda tx: put(tx, "one"))
            assert names_of(store, tenant) == ["one"]
            assert store.check() == []
        finally:
            store.close()
        databases.run("DROP DATABASE bare WITH (FORCE)")
        databases.run(f"DROP ROLE {ROLE}")
        databases.run("CREATE DATABASE bare TEMPLATE template0")
    finally:
        databases.run(f"ALTER ROLE kept_apart RENAME TO {ROLE}")


def test_a_path_longer_than_an_index_holds_is_refused_in_plain_words(store, filled):
    path = "/" + "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=9_000))

    with pytest.raises(TooLarge, match=r"^A name, a path or a tag is longer") as told:
        run(store, filled[0], lambda tx: put(tx, "long", secrets={path: "v"}))

    assert path[:9] not in str(told.value)
    assert names_of(store, filled[0]) == ["name"]


def test_a_refused_statement_tells_nothing_of_its_values(store, filled):
    with pytest.raises(Exception, match=r"^The store refused a statement \(SQLSTATE 22P02\)\.$") as told:
        store.read(filled[0], lambda tx: tx._fetch("SELECT %s::bigint", "made-up-0001"))

    assert told.value.__cause__ is None
    assert told.value.__suppress_context__


def test_an_address_that_cannot_be_read_is_refused_without_being_repeated():
    with pytest.raises(Exception, match=r"^Write the store as postgresql://") as told:
        connect.read_uri("postgresql://user:made-up-0001@host/db?nonsense=1")

    assert "made-up-0001" not in str(told.value)
    with pytest.raises(Exception, match=r"^Write the store as postgresql://"):
        connect.read_uri("postgresql://user@host/db?connect_timeout=soon")


def test_nothing_prints_the_password_of_an_address():
    settings = Settings.read({"CREDENZA_STORE": "postgresql://user:made-up-0001@host/db"})

    assert "made-up-0001" not in repr(settings)
