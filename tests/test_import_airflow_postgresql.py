"""The connections of an Airflow on PostgreSQL, as those of one on SQLite; the server is a real one."""

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from credenza.cli import failures
from import_scripts import FIXTURES, Importer

import import_airflow  # isort: skip  # the helper above says where it is

pytestmark = pytest.mark.system("postgresql")

AIRFLOW = FIXTURES / "airflow"
SQLITE, KEYS = AIRFLOW / "airflow.sqlite", AIRFLOW / "fernet-keys"
OPEN = ("--fernet-key-file", KEYS)
SECRET = "made-up-0001"
COLUMNS = {
    "id": "integer PRIMARY KEY",
    "is_encrypted": "boolean",
    "is_extra_encrypted": "boolean",
    "port": "integer",
}
READ = {name: bool for name, kind in COLUMNS.items() if kind == "boolean"}


def keep(value):
    return value


@pytest.fixture
def connect(postgresql_server):
    """Give a connection, by which a test may change the database, and the database is as new afterwards."""
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        yield connection
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")


@pytest.fixture
def airflow(connect):
    """Copy Airflow's table from SQLite, with the types that it has on PostgreSQL."""
    with closing(sqlite3.connect(f"file:{SQLITE}?mode=ro", uri=True)) as source:
        found = source.execute("SELECT * FROM connection")
        names = [column[0] for column in found.description]
        rows = found.fetchall()
    columns = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(COLUMNS.get(name, "text"))) for name in names
    )
    connect.execute(sql.SQL("CREATE TABLE connection ({})").format(columns))
    marks = sql.SQL(", ").join([sql.Placeholder()] * len(names))
    with connect.cursor() as cursor:
        cursor.executemany(
            sql.SQL("INSERT INTO connection VALUES ({})").format(marks),
            [[READ.get(name, keep)(value) for name, value in zip(names, row, strict=True)] for row in rows],
        )
    return connect


@pytest.fixture
def importer(tmp_path, kek, postgresql_server):
    importer = Importer("airflow", tmp_path, kek)
    # As Airflow has it: with the driver that it uses.
    importer.environment[import_airflow.DATABASE] = postgresql_server.replace(
        "postgresql:", "postgresql+psycopg2:"
    )
    return importer


@pytest.mark.usefixtures("airflow")
def test_it_means_the_same_as_on_sqlite(importer):
    importer.run("--database", SQLITE, *OPEN)

    importer.run(*OPEN)

    assert len(importer.results) == 22
    assert set(importer.results.values()) == {"unchanged"}


def test_nothing_can_be_written_by_reading_not_even_by_what_the_database_does_itself(importer, airflow):
    airflow.execute("ALTER TABLE connection RENAME TO link; CREATE SEQUENCE counter")
    airflow.execute("CREATE VIEW connection AS SELECT * FROM link WHERE nextval('counter') > 0")

    told = importer.run(*OPEN, code=failures.REFUSED).stderr

    assert "The database cannot be read (SQLSTATE 25006)" in told
    assert airflow.execute("SELECT is_called FROM counter").fetchone() == (False,)


def test_a_row_that_no_key_opens_is_named_by_column(importer, airflow):
    airflow.execute("UPDATE connection SET password = 'gAAAA' WHERE conn_id = 'orders_db'")

    importer.run(*OPEN, code=failures.REFUSED)

    assert importer.problems.keys() == {"orders_db"}
    assert "`password`: no Fernet key" in importer.problems["orders_db"][0]
    assert importer.names() == []


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("ALTER TABLE connection DROP COLUMN is_extra_encrypted", "has no `is_extra_encrypted`"),
        ("DROP TABLE connection", "there is no table `connection`"),
        ("CREATE SCHEMA other; ALTER TABLE connection SET SCHEMA other", "there is no table `connection`"),
    ],
)
def test_a_database_of_an_unknown_version_is_refused(importer, airflow, statement, told):
    airflow.execute(statement)

    assert told in importer.run(*OPEN, code=failures.REFUSED).stderr


@pytest.mark.parametrize(
    ("address", "told"),
    [
        (f"postgresql://airflow:{SECRET}@/none?host={{socket}}", "(SQLSTATE none: it cannot be reached)"),
        (f"postgresql://airflow:{SECRET}@127.0.0.1:9/none", "(SQLSTATE none: it cannot be reached)"),
        (f"postgresql://airflow:{SECRET}@127.0.0.1:nine/none", "The database cannot be read"),
    ],
)
def test_a_server_that_does_not_let_in_is_told_without_its_address(
    importer, postgresql_server, address, told
):
    socket = postgresql_server.partition("host=")[2]

    answer = importer.run(
        *OPEN, code=failures.REFUSED, **{import_airflow.DATABASE: address.format(socket=socket)}
    )

    assert told in answer.stderr
    assert SECRET not in answer.output
    assert Path(socket).name not in answer.output
