"""The connections of a real Airflow come in; `scripts/fixtures/make_airflow_export` made the files."""

import json
import shutil
import sqlite3
from contextlib import closing

import pytest
from cryptography.fernet import Fernet

from airflow_connections import EXPECTED
from credenza.cli import failures
from import_scripts import FIXTURES, SCRIPTS, Importer, take_picture

import import_airflow  # isort: skip  # the helper above says where it is

AIRFLOW = FIXTURES / "airflow"
DATABASE, ROUGH, KEYS = AIRFLOW / "airflow.sqlite", AIRFLOW / "rough.sqlite", AIRFLOW / "fernet-keys"
EXPORTS = ["connections.json", "connections.yaml", "connections.env", "connections-json.env"]
OPEN = ("--fernet-key-file", KEYS)
OLDER = {"orders_db", "warehouse", "clicks"}


@pytest.fixture
def importer(tmp_path, kek):
    return Importer("airflow", tmp_path / "prompt", kek)


@pytest.fixture
def database(tmp_path):
    """Return a copy of the database, and a way to change it."""
    path = tmp_path / "airflow.db"
    shutil.copyfile(DATABASE, path)

    def change(*statements):
        with closing(sqlite3.connect(path)) as connection, connection:
            for statement in statements:
                connection.execute(*statement if isinstance(statement, tuple) else (statement,))
        return path

    return change


def test_the_database_of_an_airflow_comes_in_whole(importer):
    importer.run("--database", DATABASE, *OPEN)

    assert importer.stored() == EXPECTED


def test_every_form_of_an_export_means_what_the_database_means(importer):
    importer.run("--database", DATABASE, *OPEN)

    for name in EXPORTS:
        importer.run(AIRFLOW / name)
        assert importer.results == dict.fromkeys(EXPECTED, "unchanged")


def test_descriptions_come_too_and_the_source_is_a_tag(importer):
    importer.run("--database", DATABASE, *OPEN, "--only", "orders_db")

    saved = importer.show("orders_db")
    assert saved["description"] == "Orders of the shop"
    assert {"key": "imported-from", "value": "airflow"} in saved["tags"]


def test_what_no_key_of_ours_takes_is_told_by_name(importer):
    importer.run("--database", DATABASE, *OPEN, "--dry-run")

    told = {each["foreignName"]: each["notTakenOver"] for each in importer.told}
    assert {name: fields for name, fields in told.items() if fields} == {
        "products": ["extra.grpc_secure"],
        "receipts": ["extra.from_email"],
        "dags": ["extra.branch", "host"],
    }


def test_the_database_is_only_read(importer, tmp_path):
    folder = tmp_path / "source"
    folder.mkdir()
    shutil.copyfile(DATABASE, folder / "airflow.db")
    before = take_picture(folder)

    importer.run("--database", folder / "airflow.db", *OPEN)

    assert take_picture(folder) == before


@pytest.mark.parametrize("address", ["sqlite:///{}", "sqlite+aiosqlite:///{}", "{}"])
def test_a_sqlite_database_is_named_by_its_path_or_as_airflow_names_it(importer, address):
    importer.run("--database", address.format(DATABASE), *OPEN, "--dry-run")

    assert importer.results.keys() == EXPECTED.keys()


def test_database_and_keys_may_come_from_the_environment_of_airflow(importer):
    importer.environment |= {
        import_airflow.DATABASE: f"sqlite:///{DATABASE}",
        import_airflow.KEYS: KEYS.read_text(),
    }

    importer.run("--dry-run")

    assert set(importer.results.values()) == {"created"}


# Keys


def write_keys(folder, *keys):
    path = folder / "keys"
    path.write_text(",".join(keys))
    return path


def test_without_the_older_key_the_rows_it_made_are_named_by_column_and_nothing_is_saved(importer, tmp_path):
    newest = KEYS.read_text().partition(",")[0]

    importer.run(
        "--database", DATABASE, "--fernet-key-file", write_keys(tmp_path, newest), code=failures.REFUSED
    )

    assert importer.problems.keys() == OLDER
    assert "`password, extra`: no Fernet key" in importer.problems["orders_db"][0]
    assert "`extra`: no Fernet key" in importer.problems["clicks"][0]
    assert importer.stored() == {}


def test_keys_may_stand_in_any_order(importer, tmp_path):
    newest, _, older = KEYS.read_text().strip().partition(",")

    importer.run(
        "--database", DATABASE, "--fernet-key-file", write_keys(tmp_path, older, newest), "--dry-run"
    )

    assert set(importer.results.values()) == {"created"}


def test_a_key_of_somebody_else_opens_nothing(importer, tmp_path):
    keys = write_keys(tmp_path, Fernet.generate_key().decode())

    importer.run("--database", DATABASE, "--fernet-key-file", keys, code=failures.REFUSED)

    # What is in clear needs no key: one stored before there was one, one without password and extra.
    assert importer.results.keys() - importer.problems.keys() == {"answers", "bus"}


def test_without_a_key_what_is_encrypted_says_so(importer):
    importer.run("--database", DATABASE, "--skip-bad", code=failures.REFUSED)

    assert "no Fernet key was given" in importer.problems["orders_db"][0]
    assert importer.stored().keys() == {"answers", "bus"}


def test_what_is_no_key_is_told_by_its_number(importer, tmp_path):
    keys = write_keys(tmp_path, Fernet.generate_key().decode(), "made-up-no-key")

    told = importer.run("--database", DATABASE, "--fernet-key-file", keys, code=failures.USAGE)

    assert "Fernet key 2 of 2" in told.stderr
    assert "made-up-no-key" not in told.output


# Rough databases


def test_every_row_that_cannot_come_is_named_and_nothing_is_half_imported(importer):
    told = importer.run("--database", ROUGH, *OPEN, code=failures.REFUSED)

    bad = {name: result for name, result in importer.results.items() if name not in EXPECTED}
    assert bad == {
        "cut_short": "unreadable",
        "half": "unreadable",
        "lost_key": "unreadable",
        "no_region": "refused",
        "shell": "unmapped",
        "Twice": "clash",
        "twice": "clash",
    }
    assert "`password`" in importer.problems["cut_short"][0]
    assert "`extra`" in importer.problems["half"][0]
    assert "`ssh`" in importer.problems["shell"][0]
    assert "environment" in importer.problems["no_region"][0]
    assert "`Twice`" in importer.problems["twice"][0]
    assert "nothing was saved" in told.stdout
    assert importer.stored() == {}


def test_the_good_rows_of_a_rough_database_come_in_where_that_is_asked_for(importer):
    importer.run("--database", ROUGH, *OPEN, "--skip-bad", code=failures.REFUSED)

    assert importer.stored() == EXPECTED


def test_rows_that_come_to_one_name_are_told_apart_by_renaming(importer):
    importer.run("--database", ROUGH, *OPEN, "--only", "?wice", "--rename", "Twice=Reranker of two")

    assert importer.stored().keys() == {"Reranker of two", "twice"}


def test_what_a_connection_does_not_say_a_mapping_of_your_own_does(importer, tmp_path):
    own = tmp_path / "own.yaml"
    own.write_text(
        "source: airflow\n"
        "types:\n"
        "  google_cloud_platform: {use: google_cloud, configuration: {environment: europe-west1}}\n"
    )

    importer.run("--database", ROUGH, *OPEN, "--only", "no_region", "--mapping", own)

    assert importer.stored()["no_region"][1]["environment"] == "europe-west1"


def test_a_column_that_is_no_text_is_unreadable(importer, database):
    path = database(
        ("UPDATE connection SET conn_type = ? WHERE conn_id = 'chat'", (b"\xff\xfe",)),
        ("UPDATE connection SET host = CAST(? AS TEXT) WHERE conn_id = 'jobs'", (b"\xff\xfe",)),
        ("UPDATE connection SET conn_id = ? WHERE conn_id = 'code'", (b"\xff\xfe",)),
        "UPDATE connection SET conn_type = '' WHERE conn_id = 'dags'",
    )

    importer.run("--database", path, *OPEN, code=failures.REFUSED)

    bad = {name for name, result in importer.results.items() if result == "unreadable"}
    assert bad == {"chat", "jobs", None, "dags"}
    assert "`conn_id`" in importer.problems[None][0]
    assert "`host`" in importer.problems["jobs"][0]


@pytest.mark.parametrize(
    ("statements", "told"),
    [
        (["ALTER TABLE connection DROP COLUMN is_extra_encrypted"], "has no `is_extra_encrypted`"),
        (["ALTER TABLE connection RENAME TO link"], "there is no table `connection`"),
    ],
)
def test_a_database_of_an_unknown_version_is_refused(importer, database, statements, told):
    answer = importer.run("--database", database(*statements), *OPEN, code=failures.REFUSED)

    assert told in answer.stderr


def test_columns_that_a_later_version_adds_are_told_where_they_hold_something(importer, database):
    path = database(
        "ALTER TABLE connection ADD COLUMN quota TEXT",
        "UPDATE connection SET quota = 'made-up' WHERE conn_id = 'chat'",
    )

    importer.run("--database", path, *OPEN, "--only", "chat*")

    told = {each["foreignName"]: each["notTakenOver"] for each in importer.told}
    assert told == {"chat": ["quota"], "chat_2": [], "chat_3": []}


# Silence


def list_secrets():
    groups = json.loads((SCRIPTS / "fixtures" / "airflow_connections.json").read_text())
    text = json.dumps(groups)
    return {part for part in text.replace("\\", "").split('"') if part.endswith(tuple("0123456789="))} - {""}


@pytest.mark.parametrize("more", [["--dry-run"], ["--skip-bad"], []])
def test_no_secret_is_ever_shown(importer, more):
    secrets = {each for each in list_secrets() if "made" in each}
    assert len(secrets) > 25

    answer = importer.run("--database", ROUGH, *OPEN, *more, code=failures.REFUSED)
    told = answer.output + importer.read_report()

    assert [each for each in secrets if each in told] == []
    assert "gAAAA" not in told
    assert not any(key in told for key in KEYS.read_text().strip().split(","))
