"""A store of any number of the schema is brought up to date where it lies, with all it holds."""

import base64
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from credenza.model import Actor, Role
from credenza.settings import Settings, open_credenza
from credenza.stores.postgres import open_store as open_postgres
from credenza.stores.postgres.schema import MIGRATIONS
from credenza.stores.sqlite import SqliteStore
from credenza.stores.sqlite import open_store as open_sqlite
from credenza.stores.sqlite.connect import SCHEMA
from postgresql_stores import Database, look_at_schema
from test_sqlite import schema_of

DUMPS = Path(__file__).parent / "fixtures" / "schemas"
SQLITE = sorted(DUMPS.glob("sqlite-*.sql"))
POSTGRESQL = sorted(DUMPS.glob("postgresql-*.sql"))
TYPES, PACKAGES = 2, 6  # the numbers of SQLite's schema that brought these


def number_of(dump):
    return int(dump.stem.rpartition("-")[2])


def test_every_number_of_the_schema_is_kept():
    assert [number_of(each) for each in SQLITE] == [*range(1, SCHEMA + 1)]
    assert [number_of(each) for each in POSTGRESQL] == [*range(1, len(MIGRATIONS) + 1)]


@pytest.fixture
def kek(monkeypatch):
    monkeypatch.setenv("CREDENZA_DUMPS_KEK", base64.b64encode(bytes(range(32))).decode())
    return "env://CREDENZA_DUMPS_KEK"


@pytest.fixture
def level(databases):
    """Return an empty database."""
    databases.run("CREATE DATABASE level TEMPLATE template0")
    yield Database(databases.address("level"))
    databases.run("DROP DATABASE level WITH (FORCE)")


def lay(dump, folder):
    """Make a file of a dump, and return its path."""
    folder.mkdir(mode=0o700)
    path = folder / "credenza.db"
    path.touch(mode=0o600)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(dump.read_text())
    return path


def restore(dump, database):
    with psycopg.connect(database.uri, autocommit=True) as connection:
        connection.execute(dump.read_bytes())


def check_rows(service, *, types=True, packages=True):
    """Look at what every dump has; `types` and `packages` came later."""
    workspace = service.workspace(Actor(service.tenant(), "test", Role.ADMIN))
    assert service.store.check() == []
    assert [each.record.name for each in workspace.list()] == ["acme", "Chat", "stack-chat"]
    chat = workspace.reveal("Chat")
    assert chat.configuration.reveal() == {"api_key": "made-up-chat-2"}
    assert [each.version for each in workspace.history("Chat")] == [2, 1]
    assert [each.record.name for each in workspace.list(search="STRASSE 2")] == ["Chat"]
    assert [each.record.name for each in workspace.list(tags=[("team", "search")])] == ["Chat"]
    assert workspace.reveal("stack-chat").configuration.reveal() == {"api_key": "made-up-member"}
    assert workspace.verify_audit()[1] == []
    if types:
        assert workspace.reveal("acme").configuration.reveal()["token"] == "made-up-acme"
    if packages:
        installed = service.store.read(service.tenant(), lambda tx: tx.papers("package_install"))
        assert len(installed) == 1
        package = next(iter(service.store.read(service.tenant(), lambda tx: tx.papers("package"))))
        assert service.store.read(service.tenant(), lambda tx: tx.is_installed(package))


@pytest.mark.parametrize("dump", SQLITE, ids=lambda dump: dump.stem)
def test_a_file_of_an_earlier_release_is_brought_up_to_date_with_all_it_holds(dump, tmp_path, kek):
    path = lay(dump, tmp_path / "old")
    settings = Settings.read({}, store=f"sqlite:///{path}", kek=kek)
    with closing(open_credenza(settings, serving=True)) as service:
        number = number_of(dump)
        check_rows(service, types=number >= TYPES, packages=number >= PACKAGES)
    with closing(open_sqlite(f"sqlite:///{tmp_path}/fresh/credenza.db", serving=False)):
        pass

    old, fresh = (sqlite3.connect(each) for each in (path, tmp_path / "fresh" / "credenza.db"))
    with closing(old), closing(fresh):
        assert plain(old) == plain(fresh)
        assert [row[0] for row in old.execute("PRAGMA user_version")] == [SCHEMA]


def plain(connection):
    """Return a schema without what is no part of its meaning."""
    words = re.compile(r'\s+|"')
    return sorted((*row[:3], words.sub(" ", row[3] or "").replace(" ", "")) for row in schema_of(connection))


def test_a_file_that_cannot_be_brought_up_to_date_stays_as_it_was(tmp_path, monkeypatch):
    path = lay(SQLITE[0], tmp_path / "old")
    with closing(sqlite3.connect(path)) as connection:
        before = [*connection.iterdump()]
    monkeypatch.setattr("credenza.stores.sqlite.catalogue.TABLES", "CREATE TABLE half (a);\n\nno statement")

    with pytest.raises(Exception, match="refused a statement"):
        SqliteStore(path, serving=False)

    with closing(sqlite3.connect(path)) as connection:
        assert [*connection.iterdump()] == before


@pytest.mark.system("postgresql")
@pytest.mark.parametrize("dump", POSTGRESQL, ids=lambda dump: dump.stem)
def test_a_database_of_an_earlier_release_is_brought_up_to_date_with_all_it_holds(
    dump, level, databases, kek
):
    fresh = databases.address(databases.create())
    open_postgres(fresh, serving=False).close()  # which makes the role, too
    restore(dump, level)
    with closing(open_credenza(Settings.read({}, store=level.uri, kek=kek), serving=True)) as service:
        check_rows(service)
    assert look_at_schema(level) == look_at_schema(Database(fresh))
