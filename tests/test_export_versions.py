"""`credenza export` writes what can be imported: nothing that is not at the version of its type."""

import pytest

from age_keys import codes, make_pair, new_store
from credenza.cli import failures
from type_versions import ADDRESS, FIRST, MOVES, SECOND, key, schema, write_type

ITEM = {"name": "lag", "type": "acme", "configuration": {"endpoint": ADDRESS, "apiKey": "k", "mode": "quick"}}


@pytest.fixture
def store(tmp_path, kek):
    """Return a store with an integration of the first version of a type, opened with the second one."""
    prompt = new_store(tmp_path / "here", kek)
    prompt.environment["CREDENZA_SCHEMAS"] = write_type(tmp_path / "first", schema(1, FIRST))
    prompt.run("apply", "-", input=[ITEM])
    prompt.environment["CREDENZA_SCHEMAS"] = write_type(tmp_path / "second", schema(2, SECOND), MOVES)
    return prompt


@pytest.mark.parametrize("sealed", [True, False])
def test_what_is_behind_its_type_is_migrated_first(tmp_path, store, sealed):
    public, private = make_pair(tmp_path)
    options = ["--recipient", public] if sealed else []

    told = store.refusal("export", f"{tmp_path}/out/", *options, code=failures.CONFLICT)

    assert codes(told) == [("type_outdated", "lag", "")]
    assert "types migrate" in told["errors"][0]["message"]
    assert not (tmp_path / "out").exists()

    store.run("types", "migrate")
    store.run("export", f"{tmp_path}/out/", *options)
    told = store.run("import", tmp_path / "out", "--identity", private, "--no-input").stdout
    assert told.endswith("1 unchanged.\n")


def test_what_is_ahead_of_its_type_needs_that_type(tmp_path, store):
    store.run("types", "migrate")
    store.environment["CREDENZA_SCHEMAS"] = str(tmp_path / "first")

    told = store.refusal("export", "-", code=failures.CONFLICT)

    assert codes(told) == [("type_outdated", "lag", "")]
    assert "CREDENZA_SCHEMAS" in told["errors"][0]["message"]


def test_what_does_not_fit_its_type_is_named_and_can_be_left_out(tmp_path, store):
    needs = {**SECOND, "region": key()}
    write_type(tmp_path / "second", schema(2, needs, "region"), MOVES)
    other = {"name": "new", "type": "acme", "configuration": {"url": ADDRESS, "region": "eu"}}
    store.run("types", "migrate", code=failures.REFUSED)
    store.run("apply", "-", input=[other])

    assert codes(store.refusal("export", "-", code=failures.CONFLICT)) == [
        ("needs_reconfiguration", "lag", "")
    ]
    assert [each["name"] for each in store.json("export", "-", "--names", "new")] == ["new"]
