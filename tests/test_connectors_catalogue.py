"""Loading connector types: one file is one type, and a file that breaks a rule stops the start, by name."""

import json
import shutil
import time
from pathlib import Path

import pytest

from connector_examples import SCHEMA, changed, write
from credenza.connectors import EMPTY, Catalogue, catalogue, draft_all, shipped_schemas
from credenza.errors import Misconfigured, SchemaRejected

META = json.loads((shipped_schemas() / "meta.json").read_text())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        ('"text"', "not a JSON object"),
        ("{}", "is missing"),
        ('{"title": NaN}', "not JSON"),
        ('{"title": "a", "title": "b"}', "twice"),
        ('{"properties": {"a": {}, "a": {}}}', "twice"),
        ("[" * 100_000, "not JSON"),
        ("\ufeff{}", "not JSON"),
    ],
)
def test_a_file_that_is_not_one_json_object_is_refused(tmp_path, text, reason):
    path = write(tmp_path, text)
    with pytest.raises(SchemaRejected, match=reason) as caught:
        Catalogue.load(tmp_path)
    assert str(path) in caught.value.message


def test_a_file_that_is_not_utf_8_is_refused(tmp_path):
    (tmp_path / "acme.json").write_bytes(b'{"title": "\xff"}')
    with pytest.raises(SchemaRejected, match="not JSON in UTF-8"):
        Catalogue.load(tmp_path)


@pytest.mark.parametrize("name", ["Acme", "1acme", "a b", "a.b", "ä", "a" * 65, "_a"])
def test_a_file_is_named_as_its_type_may_be(tmp_path, name):
    write(tmp_path, changed(("/$id", f"https://example.com/types/{name.lower()}.json")), name)
    with pytest.raises(SchemaRejected, match="a type's name"):
        Catalogue.load(tmp_path)


def test_a_file_dropped_into_a_second_folder_is_a_new_type(tmp_path):
    write(tmp_path, SCHEMA)
    both = Catalogue.load(shipped_schemas(), tmp_path)
    assert len(both) == 31
    [draft] = draft_all(both["acme"], [({"token": "t", "mode": "a"}, EMPTY)], lenient=False)
    assert (draft.public, draft.entered) == ({"mode": "a"}, {"/token": "t"})


def test_the_same_type_in_two_folders_is_refused(tmp_path):
    write(tmp_path / "one", SCHEMA)
    second = write(tmp_path / "two", SCHEMA)
    with pytest.raises(SchemaRejected, match="another folder holds this type") as caught:
        Catalogue.load(tmp_path / "one", tmp_path / "two")
    assert str(second) in caught.value.message


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(SchemaRejected, match="no such folder"):
        Catalogue.load(tmp_path / "absent")


def test_a_copy_of_the_shipped_folder_loads_like_the_original(tmp_path):
    shutil.copytree(shipped_schemas(), tmp_path, dirs_exist_ok=True)
    assert list(Catalogue.load(tmp_path)) == list(Catalogue.load())


def test_a_folder_may_not_bring_rules_of_its_own(tmp_path):
    write(tmp_path, {**META, "title": "Anything goes"}, "meta")
    with pytest.raises(SchemaRejected, match="not `meta`"):
        Catalogue.load(tmp_path)


def test_other_files_in_the_folder_are_let_be(tmp_path):
    write(tmp_path, SCHEMA)
    for name in (".acme.json", "README.md", "acme.json~"):
        (tmp_path / name).write_text("not a type")
    assert list(Catalogue.load(tmp_path)) == ["acme"]


def test_a_catalogue_is_a_mapping_in_the_order_of_names():
    types = Catalogue.load(shipped_schemas())
    assert list(types) == sorted(types)
    assert types["kafka"] is types.get("kafka")
    assert types.get("gopher") is None
    assert "gopher" not in types
    with pytest.raises(KeyError):
        types["gopher"]


def test_a_changed_file_has_another_digest(tmp_path):
    write(tmp_path, SCHEMA)
    before = Catalogue.load(tmp_path)["acme"].digest
    assert Catalogue.load(tmp_path)["acme"].digest == before
    write(tmp_path, changed(("/title", "Acme 2")))
    after = Catalogue.load(tmp_path)["acme"].digest
    assert (len(before), before == after) == (16, False)


def test_the_rule_number_counts_the_files_own_version(tmp_path):
    write(tmp_path, SCHEMA)
    first = Catalogue.load(tmp_path)["acme"].rule
    write(tmp_path, changed(("/x-destination-version", 2)))
    assert Catalogue.load(tmp_path)["acme"].rule == first + 1
    assert (first >> 16, first & 0xFFFF) == (1, 1)


def test_a_type_says_what_its_file_says(tmp_path):
    write(tmp_path, SCHEMA)
    acme = Catalogue.load(tmp_path)["acme"]
    assert (acme.name, acme.category, acme.title, acme.description) == ("acme", "API", "Acme", "An example.")
    assert acme.keys == ("endpoint", "token", "mode", "port", "scopes")
    assert (acme.secrets, acme.embeds) == ({"token"}, {"endpoint"})
    assert acme.destinations == {"endpoint": "url", "mode": "text"}


def test_the_shipped_types_load_fast_enough_for_a_quick_start():
    best = 1.0
    for _ in range(3):
        began = time.perf_counter()
        Catalogue.load()
        best = min(best, time.perf_counter() - began)
    assert best < 0.1


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    (tmp_path / "acme.json").mkdir()
    with pytest.raises(SchemaRejected, match="cannot be read"):
        Catalogue.load(tmp_path)


def test_a_file_has_at_most_a_mebibyte(tmp_path):
    write(tmp_path, json.dumps(SCHEMA) + " " * (1 << 20))
    with pytest.raises(SchemaRejected, match="larger than 1 MiB"):
        Catalogue.load(tmp_path)


def test_a_true_or_false_key_may_be_a_destination(tmp_path):
    tls = {"type": "boolean", "title": "TLS", "description": "TLS.", "default": True, "x-destination": "text"}
    write(tmp_path, changed(("/properties/tls", tls)))
    acme = Catalogue.load(tmp_path)["acme"]
    assert acme.destination({"tls": True}, {}) == acme.destination({}, {})
    assert acme.destination({"tls": False}, {}) != acme.destination({}, {})


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """The package as if it lay somewhere else."""
    monkeypatch.setattr(
        catalogue, "__file__", str(tmp_path / "lib" / "credenza" / "connectors" / "catalogue.py")
    )
    return tmp_path / "lib" / "credenza"


def test_the_shipped_folder_is_found_beside_an_installed_package(installed):
    folder = installed / "schemas"
    folder.mkdir(parents=True)
    (folder / "meta.json").write_text("{}")
    assert shipped_schemas() == folder


@pytest.mark.usefixtures("installed")
def test_an_installation_without_its_schemas_does_not_start():
    with pytest.raises(Misconfigured, match="lacks the folder"):
        shipped_schemas()


def test_the_shipped_folder_is_found_in_a_checkout():
    assert shipped_schemas() == Path(__file__).resolve().parents[1] / "schemas"
