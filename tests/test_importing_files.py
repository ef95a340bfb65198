"""Sources are opened read-only: nothing beside them is made, nothing in them is changed."""

import io
import os
import shutil
import sqlite3
from contextlib import closing
from types import SimpleNamespace

import pytest

import import_scripts  # noqa: F401  # brings the scripts into the path
from credenza.errors import Invalid
from importing import files
from importing.files import open_sqlite, read_bytes, read_text


@pytest.fixture
def make(tmp_path):
    def make(journal: str = "delete"):
        path = tmp_path / "a folder? #1" / "source.db"
        path.parent.mkdir()
        connection = sqlite3.connect(path)
        connection.execute(f"pragma journal_mode={journal}")
        connection.execute("create table t (a, b)")
        connection.execute("insert into t values (1, 'x'), (2, cast(x'ff' as text))")
        connection.commit()
        return path, connection

    return make


def look(path):
    return {each.name: each.read_bytes() for each in sorted(path.parent.iterdir())}


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_a_database_at_rest_is_read_and_left_as_it_was(make, journal):
    path, connection = make(journal)
    connection.close()
    before = look(path)

    with open_sqlite(path) as database:
        assert list(database["t"].rows) == [{"a": 1, "b": "x"}, {"a": 2, "b": b"\xff"}]
        assert look(path) == before

    assert look(path) == before
    assert list(before) == ["source.db"]


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_a_database_in_use_is_read_as_it_is_now_and_no_file_comes_to_it(make, journal):
    path, connection = make(journal)
    with closing(connection):
        before = set(look(path))

        with open_sqlite(path) as database:
            assert database["t"].count == 2

        assert set(look(path)) == before
        assert path.read_bytes() == look(path)["source.db"]


def test_a_database_cannot_be_written_to(make):
    path, connection = make()
    connection.close()

    with pytest.raises(Invalid, match="cannot be read"), open_sqlite(path) as database:
        database["t"].insert({"a": 3})


def test_a_database_whose_log_was_left_behind_is_refused(make, tmp_path):
    path, connection = make("wal")
    with closing(connection):
        copy = tmp_path / "copy" / path.name
        shutil.copytree(path.parent, copy.parent)
    copy.with_name("source.db-shm").unlink()

    with pytest.raises(Invalid, match="not closed properly"), open_sqlite(copy):
        pytest.fail("it was opened")

    assert sorted(look(copy)) == ["source.db", "source.db-wal"]


@pytest.mark.parametrize("content", [b"", b"name,type\n", b"SQLite format 3", b"\x00" * 200])
def test_a_file_that_is_no_database_is_refused(tmp_path, content):
    path = tmp_path / "x.db"
    path.write_bytes(content)

    with pytest.raises(Invalid, match="is not a SQLite database"), open_sqlite(path):
        pytest.fail("it was opened")


def test_a_damaged_database_is_told_without_a_word_of_it(tmp_path):
    path = tmp_path / "x.db"
    path.write_bytes(b"SQLite format 3\0" + b"CNRY" * 1000)

    with pytest.raises(Invalid) as caught, open_sqlite(path) as database:
        list(database["t"].rows)

    assert "CNRY" not in caught.value.message
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("read", [read_text, read_bytes, lambda path: open_sqlite(path).__enter__()])
def test_a_file_that_is_not_there_is_told(tmp_path, read):
    with pytest.raises(Invalid, match="cannot be read: No such file"):
        read(tmp_path / "none")


def test_a_text_is_utf_8_with_or_without_a_mark(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"\xef\xbb\xbfgr\xc3\xb6\xc3\x9fe")

    assert read_text(path).reveal() == "größe"


def test_a_text_in_another_encoding_is_told_without_a_word_of_it(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"CNRY\xff")

    with pytest.raises(Invalid, match="is not a text in UTF-8") as caught:
        read_text(path)

    assert caught.value.__context__ is None


def test_a_dash_is_standard_input(monkeypatch):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"x")))

    assert read_bytes("-").reveal() == b"x"


def test_a_file_without_an_end_is_refused(monkeypatch):
    monkeypatch.setattr(files, "LARGEST", 1 << 10)

    with pytest.raises(Invalid, match="is larger"):
        read_bytes(os.devnull.replace("null", "zero"))
