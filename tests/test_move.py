"""A whole store is moved as it is, sealed values sealed, or not at all."""

import base64
import os
import sqlite3
from contextlib import closing
from itertools import count, pairwise
from pathlib import Path

import psycopg
import pytest
from hypothesis import given, settings

from cli_prompt import OPENAI, Prompt
from copy_things import SECRET, Made, look, make_rich, open_store, read_all, stores
from credenza.cli import failures
from credenza.copies import copying, ends
from credenza.copies.copying import copy
from credenza.copies.manifest import read_named
from credenza.errors import StoreDamaged, Unavailable
from credenza.stores.postgres import snapshot
from credenza.stores.sqlite import connect, intake
from credenza.tables import TABLES
from postgresql_stores import Database

# What a store keeps for itself: made anew from the rows, or of no meaning elsewhere.
OWN = {
    "sqlite": {
        *("_sqlite_migrations", "search_progress", "search_pending", "integration_facets", "counters"),
        *("secrets.id", "cards.row"),
    },
    "postgresql": {
        *(
            "migrations",
            "changes",
            "integrations.key",
            "integrations.name_folded",
            "integrations.description_folded",
        ),
    },
}
CARDS = {"cards.name": "cards.name_folded", "cards.description": "cards.description_folded"}


@pytest.fixture(scope="module")
def rich(tmp_path_factory):
    """Make a store with something in every table, once; no test changes it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CREDENZA_COPIES_KEK", base64.b64encode(os.urandom(32)).decode())
        folder = tmp_path_factory.mktemp("rich")
        yield make_rich(f"sqlite:///{folder}/store/credenza.db", "env://CREDENZA_COPIES_KEK")


@pytest.fixture(scope="module")
def seen(rich, tmp_path_factory):
    """Return what is seen of that store, looked at in a copy: to look leaves a row in the audit."""
    folder = tmp_path_factory.mktemp("seen")
    Prompt(folder, rich.kek).run("move", rich.uri, f"sqlite:///{folder}/copy.db")
    return look(rich, f"sqlite:///{folder}/copy.db")


@pytest.fixture
def prompt(tmp_path, rich):
    return Prompt(tmp_path, rich.kek)


@pytest.fixture
def database(databases):
    with databases.named() as find:
        yield find


def test_the_store_that_is_moved_here_has_something_in_every_table(rich):
    assert {name: bool(rows) for name, rows in read_all(rich.uri).items()} == {t.name: True for t in TABLES}


@pytest.mark.system("postgresql")
def test_a_store_goes_to_postgresql_and_back_and_everything_is_seen_as_before(
    prompt, rich, seen, database, tmp_path
):
    there, further, back = database("there"), database("further"), f"sqlite:///{tmp_path}/back.db"
    assert prompt.json("move", rich.uri, there)["moved"] == sum(map(len, read_all(rich.uri).values()))
    prompt.run("move", there, further)
    prompt.run("move", further, back)

    assert read_all(there) == read_all(further) == read_all(back) == read_all(rich.uri)
    assert look(rich, there) == look(rich, back) == seen


def list_columns(rows, own):
    """Return the columns of a store's tables but those that it keeps for itself."""
    named = {CARDS.get(f"{table}.{column}", f"{table}.{column}") for table, column in rows}
    return {each for each in named if each not in own and each.partition(".")[0] not in own}


def test_every_table_and_column_of_the_embedded_store_is_copied(rich):
    """Whoever adds a table or a column says in `credenza.tables` how it is copied, or here why it is not."""
    query = """
        SELECT m.name, c.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c
        WHERE m.type = 'table' AND NOT (m.name GLOB '*_search*' OR m.name GLOB 'sqlite_*')
    """
    with closing(sqlite3.connect(rich.uri.removeprefix("sqlite:///"))) as connection:
        found = list_columns(connection.execute(query), OWN["sqlite"])

    described = {
        f"{table.name}.{name}"
        for table in TABLES
        for name in table.names
        if table.owner is None or name != "workspace_id"
    }
    assert found == described


@pytest.mark.system("postgresql")
def test_every_table_and_column_of_postgresql_is_copied(database):
    query = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'credenza'"
    found = list_columns(Database(database("one")).query(query), OWN["postgresql"])

    assert found == {f"{table.name}.{name}" for table in TABLES for name in table.names}


NUMBERS = count()


@pytest.fixture(scope="module")
def cleared(databases):
    """Give a function that returns the URI of a database, with nothing in it again."""
    with databases.named() as find:
        uri = find("any")
        tables = ", ".join(table.name for table in TABLES)

        def clear():
            Database(uri).query(f"TRUNCATE {tables}")
            return uri

        yield clear


@pytest.mark.system("postgresql")
@settings(deadline=None, max_examples=settings.default.max_examples // 3)
@given(made=stores())
def test_whatever_is_in_a_store_is_the_same_in_every_copy_of_it(cleared, tmp_path_factory, made):
    folder = tmp_path_factory.getbasetemp() / f"any-{next(NUMBERS)}"
    places = [f"sqlite:///{folder}/one.db", cleared(), f"sqlite:///{folder}/two.db"]
    put(made, places[0])
    for source, destination in pairwise(places):
        with ends.read_store(source, alone=True) as one:
            put(one, destination)

    expected = {table.name: [*made.rows(table)] for table in TABLES}
    assert [read_all(place) for place in places] == [expected] * len(places)
    for place in places:
        with ends.read_store(place) as copied:
            assert copied.highest >= made.highest


def put(one, place):
    with ends.begin_store(place) as made:
        copy(one, made)
        made.finish()


@pytest.fixture
def place(tmp_path):
    return f"sqlite:///{tmp_path}/moved/credenza.db"


def test_no_key_is_asked_for_and_no_secret_is_opened(prompt, rich, place):
    prompt.environment["CREDENZA_KEK"] = "env://NO_SUCH_VARIABLE"
    told = prompt.run("move", rich.uri, place).output

    sealed = [row["sealed"] for row in rows_of(rich.uri, "secrets")]
    assert sealed
    assert [row["sealed"] for row in rows_of(place, "secrets")] == sealed
    assert SECRET not in told
    assert SECRET.encode() not in path_of(place).read_bytes()


def test_the_new_file_is_its_owners_alone_and_nothing_else_is_left_beside_it(prompt, rich, place):
    prompt.run("move", rich.uri, place)

    path = path_of(place)
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert {each.name for each in path.parent.iterdir()} <= {path.name, f"{path.name}.lock"}


def test_two_stores_are_compared_row_by_row(prompt, rich, place):
    prompt.run("move", rich.uri, place)
    assert prompt.json("move", "--verify", rich.uri, place)["same"]
    with closing(sqlite3.connect(path_of(place))) as connection, connection:
        connection.execute("UPDATE integrations SET version = version + 1 WHERE name = 'alpha'")
        connection.execute("DELETE FROM usage")

    told = prompt.json("move", "--verify", rich.uri, place, code=failures.REFUSED)
    assert (told["same"], told["differ"]) == (False, ["integrations", "usage"])


def test_a_password_in_the_address_need_not_stand_on_the_command_line(prompt, rich, place):
    prompt.environment |= {"OLD": rich.uri, "NEW": place}
    prompt.run("move", "env://OLD", "env://NEW")

    assert read_all(place) == read_all(rich.uri)
    prompt.run("move", "env://OLD", "env://NOT_SET", code=failures.NOT_STARTED)


def test_a_new_integration_gets_a_number_that_none_had(prompt, rich, place):
    prompt.run("move", rich.uri, place)
    highest = max(row["id"] for row in rows_of(place, "integrations"))
    prompt.environment["CREDENZA_STORE"] = place
    prompt.run("apply", "-", input=[OPENAI])

    assert max(row["id"] for row in rows_of(place, "integrations")) > highest


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.system("postgresql"))])
def somewhere(request, tmp_path):
    """Give a function that returns the URI of a store by name, of each kind in turn."""
    if request.param == "sqlite":
        return lambda name: f"sqlite:///{tmp_path}/{name}/credenza.db"
    return request.getfixturevalue("database")


def refuse(prompt, *arguments, code=failures.NOT_STARTED):
    return prompt.refusal("move", *arguments, code=code)["message"]


def test_a_destination_that_has_a_vault_is_left_as_it_is(prompt, rich, somewhere):
    taken, other = somewhere("taken"), somewhere("other")
    for uri in (taken, other):
        with open_store(uri, rich.kek, create=True):
            pass
    before = read_all(taken)

    assert "a store with a vault" in refuse(prompt, rich.uri, taken)
    assert "a store with a vault" in refuse(prompt, other, taken)
    assert read_all(taken) == before


def test_source_and_destination_are_two_stores_and_nothing_is_moved_twice(prompt, rich, somewhere):
    there = somewhere("there")
    prompt.run("move", rich.uri, there)

    assert "this very vault" in refuse(prompt, there, there)
    assert "this very vault" in refuse(prompt, rich.uri, there)


def test_a_store_that_is_not_there_or_has_no_vault_cannot_be_moved(prompt, somewhere, place):
    refuse(prompt, somewhere("none"), place)
    refuse(prompt, "mysql://somewhere", place)

    assert not path_of(place).exists()


def test_a_store_that_is_served_is_not_moved(prompt, rich, somewhere, place, monkeypatch):
    monkeypatch.setattr(snapshot, "_PATIENCE", 0.1)
    uri = somewhere("served")
    with open_store(uri, rich.kek, create=True, serving=True) as service:
        service.store.tenants()
        assert "stop" in refuse(prompt, uri, place)

    monkeypatch.undo()
    prompt.run("move", uri, place)


@pytest.mark.system("postgresql")
def test_a_store_of_another_release_is_not_moved(prompt, rich, database, tmp_path, place):
    old, source = database("old"), f"sqlite:///{tmp_path}/old.db"
    for uri in (old, source):
        prompt.run("move", rich.uri, uri)
    with closing(sqlite3.connect(path_of(source), isolation_level=None)) as connection:
        connection.execute(f"PRAGMA user_version = {connect.SCHEMA + 1}")
        assert "later release" in refuse(prompt, source, place)
        connection.execute(f"PRAGMA user_version = {connect.SCHEMA - 1}")
        assert "earlier release" in refuse(prompt, source, place)
    Database(old).query("INSERT INTO migrations (name) VALUES ('999_later')")
    assert "later release" in refuse(prompt, old, place)
    Database(old).query("DELETE FROM migrations WHERE name = '999_later'")


def test_while_a_store_is_moved_nobody_writes_to_it(somewhere, rich):
    uri = somewhere("quiet")
    with open_store(uri, rich.kek, create=True):
        pass
    statement = "UPDATE workspaces SET slug = 'x'"

    with ends.read_store(uri, alone=True):
        if uri.startswith("sqlite"):
            with (
                closing(sqlite3.connect(path_of(uri), timeout=0)) as connection,
                pytest.raises(sqlite3.Error),
            ):
                connection.execute(statement)
        else:
            with pytest.raises(psycopg.errors.LockNotAvailable):
                Database(uri).query(f"SET lock_timeout TO '50ms'; {statement}")


def test_a_store_is_moved_as_it_was_at_one_moment(prompt, somewhere, rich):
    """Whoever only reads it, for a backup, sees nothing of what is saved meanwhile."""
    uri = somewhere("busy")
    with open_store(uri, rich.kek, create=True):
        pass
    with ends.read_store(uri) as seen:
        before = {table.name: seen.count(table) for table in TABLES}
        prompt.environment["CREDENZA_STORE"] = uri
        prompt.run("apply", "-", input=[OPENAI])
        assert {table.name: len([*seen.rows(table)]) for table in TABLES} == before

    assert len(rows_of(uri, "integrations")) == 1


@pytest.mark.parametrize("table", ["integrations", "secrets", "audit", "install_members"])
def test_a_copy_that_is_not_like_its_source_never_becomes_a_store(rich, somewhere, monkeypatch, table):
    uri, rows = somewhere("never"), read_all(rich.uri)

    class Wrong(Made):
        """Give one row too few where it is asked for the number of them."""

        def count(self, asked):
            return super().count(asked) + (asked.name == table)

    with ends.begin_store(uri) as made, pytest.raises(StoreDamaged, match=table):
        copy(Wrong(rows), made)
    with ends.begin_store(uri) as made:
        monkeypatch.setattr(made, "rows", lambda asked: iter(rows[asked.name][asked.name == table :]))
        with pytest.raises(StoreDamaged, match=table):
            copy(Made(rows), made)

    assert is_free(uri)


@pytest.mark.parametrize("lost", ["workspaces", "integrations", "package_versions"])
def test_rows_whose_owner_is_gone_are_not_left_out_in_silence(rich, somewhere, lost):
    rows = {**read_all(rich.uri), lost: []}
    with ends.begin_store(somewhere("lost")) as made, pytest.raises(StoreDamaged):
        copy(Made(rows), made)

    assert is_free(somewhere("lost"))


@pytest.mark.system("postgresql")
@pytest.mark.parametrize("table", ["vault", "secrets", "install_members"])
def test_a_connection_that_is_cut_leaves_nothing_and_the_same_again_works(rich, databases, database, table):
    uri, rows = database("cut"), read_all(rich.uri)
    name = uri.partition("?")[0].rpartition("/")[2]

    class Cut(Made):
        """Be cut off where the rows of a table are asked for."""

        def rows(self, asked):
            if asked.name == table:
                databases.run(
                    f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
                )
            return super().rows(asked)

    with ends.begin_store(uri) as made, pytest.raises(Unavailable):
        copy(Cut(rows), made)
    assert is_free(uri)

    put(Made(rows), uri)
    assert read_all(uri) == rows


@pytest.fixture
def logins(databases, database):
    """Make a login that owns a database, and one that may read every table of it."""
    database("first")  # by which the role of the row policies is there
    databases.run("CREATE ROLE mover LOGIN")
    databases.run("CREATE ROLE reader LOGIN")
    databases.run("CREATE DATABASE owned TEMPLATE template0 OWNER mover")
    uri = databases.address("owned")
    databases.run("GRANT credenza_app TO mover")
    yield [uri.replace("postgres:@", f"{login}:@") for login in ("mover", "reader")]
    databases.run("DROP DATABASE owned WITH (FORCE)")
    databases.run("DROP ROLE mover")
    databases.run("DROP ROLE reader")


@pytest.mark.system("postgresql")
def test_an_ordinary_login_moves_what_it_owns_and_one_from_which_rows_are_hidden_moves_nothing(
    prompt, rich, logins, place, tmp_path
):
    owner, reader = logins
    prompt.run("move", rich.uri, owner)
    assert read_all(owner) == read_all(rich.uri)
    for grant in ("USAGE ON SCHEMA credenza", "SELECT ON ALL TABLES IN SCHEMA credenza"):
        Database(owner).query(f"GRANT {grant} TO reader")

    assert (
        "must own"
        in prompt.refusal("backup", tmp_path / "b", "--store", reader, code=failures.NOT_STARTED)["message"]
    )
    assert not (tmp_path / "b").exists()
    prompt.run("backup", tmp_path / "b", "--store", owner)
    prompt.run("restore", tmp_path / "b", "--store", owner, "--replace")
    prompt.run("move", owner, place)
    assert read_all(owner) == read_all(place)


def test_a_full_disk_is_told_and_leaves_nothing(prompt, rich, place, monkeypatch):
    monkeypatch.setitem(intake._PRAGMAS, "max_page_count", "60")
    told = prompt.refusal("move", rich.uri, place, code=failures.UNAVAILABLE)

    assert told["code"] == "store_full"
    assert [each.name for each in path_of(place).parent.iterdir() if each.suffix != ".lock"] == []
    monkeypatch.undo()
    prompt.run("move", rich.uri, place)


def test_how_far_a_move_has_come_is_told_while_rows_are_put_in_and_read_back(rich, place, monkeypatch):
    monkeypatch.setattr(copying, "_SHOWN", 1)
    rows, told = read_all(rich.uri), []
    with ends.begin_store(place) as made:
        copy(Made(rows), made, tell=told.append)

    assert told == [*range(1, 2 * sum(map(len, rows.values())) + 1)]


def rows_of(uri, name):
    with ends.read_store(uri) as one:
        return [*read_named(one, name)]


def test_nothing_is_left_to_be_indexed_in_a_file_that_was_made(prompt, rich, place):
    prompt.run("move", rich.uri, place)
    with closing(sqlite3.connect(path_of(place))) as connection:
        known = connection.execute("SELECT indexed_to FROM search_progress").fetchone()[0]
        found = connection.execute(
            "SELECT rowid FROM integrations_search WHERE integrations_search MATCH 'gateway'"
        ).fetchall()

    assert known >= max(row["id"] for row in rows_of(place, "integrations"))
    assert found


def path_of(uri):
    return Path(uri.removeprefix("sqlite:///"))


def is_free(uri):
    """Say whether a store could be made at a place, and that nobody would take what is there for one."""
    with ends.begin_store(uri):
        pass
    if uri.startswith("sqlite"):
        return [each for each in path_of(uri).parent.iterdir() if each.suffix != ".lock"] == []
    return all(not rows for rows in read_all(uri).values())
