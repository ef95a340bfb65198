"""The schema on PostgreSQL goes forward only, once, and whole."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from credenza.errors import Misconfigured, StoreRejected
from credenza.settings import Settings, open_credenza
from credenza.stores.postgres import connect, open_store, schema
from credenza.stores.postgres.schema import LATER, MIGRATIONS
from postgresql_stores import POLICIES, SHAPE, Database, look_at_schema

pytestmark = pytest.mark.system("postgresql")


@pytest.fixture
def bare(databases):
    """Return an empty database."""
    databases.run("CREATE DATABASE bare_schema TEMPLATE template0")
    yield Database(databases.address("bare_schema"))
    databases.run("DROP DATABASE bare_schema WITH (FORCE)")


def test_many_servers_that_start_at_once_make_one_schema(bare):
    with ThreadPoolExecutor(4) as threads:
        stores = [*threads.map(lambda _: open_store(bare.uri, serving=True), range(4))]
    for store in stores:
        assert store.check() == []
        store.close()

    assert bare.query("SELECT name FROM migrations ORDER BY name") == [(each.name,) for each in MIGRATIONS]


def test_opening_a_store_again_changes_nothing_of_its_schema(bare):
    open_store(bare.uri, serving=True).close()
    before = look_at_schema(bare)
    open_store(bare.uri, serving=True).close()

    assert len(before[0]) > 100
    assert look_at_schema(bare) == before


def test_all_text_is_compared_by_its_code_points(bare):
    open_store(bare.uri, serving=True).close()
    texts = [row for row in bare.query(SHAPE) if row[2] == "text"]

    assert len(texts) > 50
    assert {row[3] for row in texts} == {"C"}


def test_a_start_that_is_cut_short_leaves_nothing(bare, monkeypatch):
    monkeypatch.setattr("credenza.stores.postgres.policies.write", lambda: ["SELECT 1 / 0"])
    with pytest.raises(Exception, match=r"SQLSTATE 22012"):
        open_store(bare.uri, serving=True)
    assert bare.query("SELECT 1 FROM pg_namespace WHERE nspname = 'credenza'") == []
    monkeypatch.undo()

    open_store(bare.uri, serving=True).close()
    assert len(bare.query(POLICIES)) > 20


def test_a_store_of_a_later_release_is_left_alone(bare):
    open_store(bare.uri, serving=True).close()
    bare.query("INSERT INTO migrations (name) VALUES ('999_later')")

    with pytest.raises(StoreRejected) as told:
        open_store(bare.uri, serving=True)
    assert told.value.message == LATER


def test_a_table_in_use_holds_up_a_migration_and_the_migration_nobody(bare, monkeypatch):
    monkeypatch.setattr(schema, "_LOCK_WAIT", "50ms")
    monkeypatch.setattr(schema, "_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(schema, "_ATTEMPTS", 2)
    whole = schema.MIGRATIONS
    monkeypatch.setattr(schema, "MIGRATIONS", whole[:1])
    with connect.connect(connect.read_uri(bare.uri)) as connection:
        schema.migrate(connection, create=True, read_only=False)
    monkeypatch.setattr(schema, "MIGRATIONS", whole)
    with psycopg.connect(bare.uri) as other:
        other.execute("UPDATE credenza.papers SET version = 1")
        with pytest.raises(StoreRejected, match="in use without a pause"):
            open_store(bare.uri, serving=True)
        other.execute("UPDATE credenza.api_keys SET role = role")  # which a migration that waits would block

    open_store(bare.uri, serving=True).close()
    assert bare.query("SELECT name FROM migrations ORDER BY name") == [(each.name,) for each in MIGRATIONS]


def test_a_database_in_another_encoding_is_refused(databases):
    databases.run("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    try:
        with pytest.raises(StoreRejected, match="UTF8"):
            open_store(databases.address("latin"), serving=True)
    finally:
        databases.run("DROP DATABASE latin WITH (FORCE)")


@pytest.mark.parametrize("how", [{"create": False}, {"create": False, "read_only": True}])
def test_a_store_that_is_not_there_is_made_only_when_it_is_asked_for(bare, how):
    with pytest.raises(StoreRejected, match=r"credenza init"):
        open_store(bare.uri, serving=False, **how)

    assert bare.query("SELECT 1 FROM pg_namespace WHERE nspname = 'credenza'") == []


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_a_service_is_opened_by_the_address_of_its_database(bare, kek, scheme):
    settings = Settings.read({}, store=bare.uri.replace("postgresql", scheme, 1), kek=kek)
    with pytest.raises(Misconfigured):
        open_credenza(settings)

    open_credenza(settings, create=True).close()
    service = open_credenza(settings, read_only=True)
    try:
        assert [each.slug for each in service.accounts.workspaces()] == ["default"]
        assert service.store.check() == []
    finally:
        service.close()
