"""What n8n encrypted opens with its key, whatever form that has, and with no other."""

import base64
import json
import shutil
import sqlite3
from contextlib import closing

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from credenza.cli import failures
from credenza.sensitive import Sensitive
from import_scripts import FIXTURES, Importer
from n8n_credentials import EXPECTED

import import_n8n  # isort: skip  # the helper above says where it is

N8N = FIXTURES / "n8n"
KEY = ("--key-file", N8N / "encryption-key")


@pytest.fixture
def importer(tmp_path, kek):
    return Importer("n8n", tmp_path / "prompt", kek)


@pytest.fixture
def database(tmp_path):
    """Change a copy of a database and return where it is."""

    def change(*statements, of="n8n.sqlite"):
        path = tmp_path / "database.sqlite"
        shutil.copyfile(N8N / of, path)
        with closing(sqlite3.connect(path)) as connection, connection:
            for statement in statements:
                connection.execute(statement)
        return path

    return change


def test_the_key_may_stand_in_the_settings_of_n8n(importer, tmp_path):
    settings = tmp_path / "config"
    settings.write_text(json.dumps({"encryptionKey": (N8N / "encryption-key").read_text().strip()}))

    importer.run("--database", N8N / "n8n.sqlite", "--key-file", settings, "--dry-run")

    assert set(importer.results.values()) == {"created"}


def test_the_key_may_come_from_the_environment_of_n8n(importer):
    importer.environment[import_n8n.KEY] = (N8N / "encryption-key").read_text()

    importer.run("--database", N8N / "rotated.sqlite", "--dry-run")

    assert set(importer.results.values()) == {"created"}


@pytest.mark.parametrize("name", ["n8n.sqlite", "rotated.sqlite"])
def test_with_a_wrong_key_every_row_is_named_and_nothing_is_saved(importer, tmp_path, name):
    wrong = tmp_path / "key"
    wrong.write_text("made-up-wrong-key-0001")

    answer = importer.run("--database", N8N / name, "--key-file", wrong, code=failures.REFUSED)

    assert importer.results == dict.fromkeys(EXPECTED, "unreadable")
    assert all("the key that was given does not open it" in each[0] for each in importer.problems.values())
    assert "made-up-wrong-key-0001" not in answer.output
    assert importer.stored() == {}


def test_without_a_key_what_is_encrypted_says_so(importer):
    importer.run(N8N / "encrypted.json", code=failures.REFUSED)

    assert importer.results == dict.fromkeys(EXPECTED, "unreadable")
    assert "no key was given" in importer.problems["Lake"][0]


def test_a_data_key_that_lies_in_another_database_is_told(importer, database):
    path = database("DELETE FROM deployment_key WHERE algorithm = 'aes-256-gcm'", of="rotated.sqlite")

    importer.run("--database", path, *KEY, code=failures.REFUSED)

    # What was saved before the data key stands under the encryption key itself.
    assert importer.results["Lake"] == "created"
    assert "data key that is not here" in importer.problems["Lake of others"][0]


def test_an_older_database_has_no_data_keys(importer, database):
    importer.run("--database", database("DROP TABLE deployment_key"), *KEY, "--dry-run")

    assert importer.results == dict.fromkeys(EXPECTED, "created")


@pytest.mark.parametrize(("text", "told"), [("", "is empty"), ('{"a": 1}', "no `encryptionKey`")])
def test_a_key_file_without_a_key_is_refused(importer, tmp_path, text, told):
    (tmp_path / "key").write_text(text)

    answer = importer.run(
        "--database", N8N / "n8n.sqlite", "--key-file", tmp_path / "key", code=failures.USAGE
    )

    assert told in answer.stderr


def list_texts(name):
    with closing(sqlite3.connect(N8N / name)) as connection:
        return [data for (data,) in connection.execute("SELECT data FROM credentials_entity")]


def test_a_text_may_name_the_key_that_was_there_before_data_keys():
    keys = read_keys()
    (name,) = [name for name, key in keys.data_keys.items() if key.algorithm == "aes-256-cbc"]
    plain = [text for text in list_texts("rotated.sqlite") if ":" not in text]

    assert [keys.open(f"{name}:{text}") for text in plain] == [keys.open(text) for text in plain]


def read_keys():
    with closing(sqlite3.connect(N8N / "rotated.sqlite")) as connection:
        rows = connection.execute("SELECT id, algorithm, value FROM deployment_key").fetchall()
    keys = {name: import_n8n.DataKey(algorithm, value) for name, algorithm, value in rows}
    key = (N8N / "encryption-key").read_text().strip()
    return import_n8n.Keys(Sensitive(key), keys)


SEALED = [text for text in list_texts("rotated.sqlite") if ":" in text]


@given(st.sampled_from(SEALED), st.data())
def test_a_sealed_text_that_was_changed_does_not_open(text, data):
    keys = read_keys()
    assert keys.open(text)
    position = data.draw(st.integers(text.index(":") + 1, len(text.rstrip("=")) - 3))
    letter = data.draw(st.sampled_from("ABCDEFabcdef0123456789+/"))
    assume(letter != text[position])

    with pytest.raises(import_n8n.Closed):
        keys.open(text[:position] + letter + text[position + 1 :])


@given(st.sampled_from(list_texts("rotated.sqlite")), st.integers(0, 200))
def test_a_text_that_was_cut_short_does_not_open(text, length):
    with pytest.raises(import_n8n.Closed):
        read_keys().open(text[: min(length, len(text) - 1)])


@given(st.text(max_size=80) | st.binary(max_size=80).map(lambda data: base64.b64encode(data).decode()))
def test_what_is_no_sealed_text_does_not_open(text):
    with pytest.raises(import_n8n.Closed):
        read_keys().open(text)
