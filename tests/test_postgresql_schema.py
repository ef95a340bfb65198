"""The schema on PostgreSQL goes forward only, once, and whole."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from credenza.errors import Misconfigured, StoreRejected
from credenza.settings import Settings, open_credenza
from credenza.stores.postgres import open_store
from credenza.stores.postgres.schema import LATER
from postgresql_stores import Database

pytestmark = pytest.mark.system("postgresql")
SHAPE = """
SELECT table_name, column_name, data_type, collation_name, is_nullable, column_default, generation_expression
FROM information_schema.columns WHERE table_schema = 'credenza' ORDER BY 1, 2
"""
INDEXES = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'credenza' ORDER BY 1"
POLICIES = "SELECT tablename, policyname, cmd, qual, with_check FROM pg_policies ORDER BY 1, 2"


@pytest.fixture
def bare(databases):
    """Return an empty database."""
    databases.run("CREATE DATABASE bare_schema TEMPLATE template0")
    yield Database(databases.address("bare_schema"))
    databases.run("DROP DATABASE bare_schema WITH (FORCE)")


def look(database):
    return [database.query(each) for each in (SHAPE, INDEXES, POLICIES)]


def test_many_servers_that_start_at_once_make_one_schema(bare):
    with ThreadPoolExecutor(4) as threads:
        stores = [*threads.map(lambda _: open_store(bare.uri, serving=True), range(4))]
    for store in stores:
        assert store.check() == []
        store.close()

    assert bare.query("SELECT name FROM migrations ORDER BY 1") == [("001_begin",), ("002_losses",)]


def test_opening_a_store_again_changes_nothing_of_its_schema(bare):
    open_store(bare.uri, serving=True).close()
    before = look(bare)
    open_store(bare.uri, serving=True).close()

    assert len(before[0]) > 100
    assert look(bare) == before


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
