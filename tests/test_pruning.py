"""What goes with `--prune`: integrations that no file names, and files that no integration is written to."""

import errno
import json
import os
from pathlib import Path

import pytest

from age_keys import DATABASE, make_pair, new_store, write_all
from cli_prompt import OPENAI, SENDGRID, Prompt
from credenza.cli import apply, export, failures
from own_types import SCHEMA
from web_server import serve

ROOT = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "https://example.com/schemas/other.json",
    "x-version": 1,
}
STORAGE = {
    "name": "bucket",
    "type": "aws",
    "configuration": {"connectionType": "CONDUCTOR_ROLE", "region": "eu-west-1"},
}


@pytest.fixture
def store(tmp_path, kek):
    return new_store(tmp_path / "here", kek)


@pytest.fixture
def remote(tmp_path, service, key):
    with serve(service) as url:
        prompt = Prompt(tmp_path / "none", "env://CREDENZA_TEST_NONE")
        prompt.environment |= {"CREDENZA_URL": url, "CREDENZA_TOKEN": key()}
        yield prompt


def names(prompt):
    return [item["name"] for item in prompt.json("export", "-")]


def meanwhile(monkeypatch, command, function, act):
    """Let something happen once, right before a function that a command calls."""
    called = getattr(command, function)

    def acting(*arguments, **options):
        monkeypatch.setattr(command, function, called)
        act()
        return called(*arguments, **options)

    monkeypatch.setattr(command, function, acting)


# Integrations that no file names.


def test_a_plan_says_what_needs_yes_and_leaves_with_the_code_of_the_refusal(tmp_path, store):
    store.run("apply", "-", input=[OPENAI, SENDGRID, STORAGE])
    git = write_all(tmp_path / "git", SENDGRID)

    told = store.run("apply", git, "--prune", "--plan", code=failures.REFUSED)
    assert "a\topenai\tdeleted\t\tapi_key destroyed" in told.stdout
    assert "a: The secrets of this integration are kept nowhere else: it goes only with --yes." in told.stderr
    assert "bucket" not in told.stderr

    assert store.run("apply", git, "--prune", "--plan", "--yes").stderr == ""
    store.run("apply", git, "--prune", "--plan", "--names", "bucket")
    assert names(store) == ["a", "b", "bucket"]


def test_of_an_empty_folder_the_plan_says_so_too(tmp_path, store):
    store.run("apply", "-", input=[OPENAI, STORAGE])
    (tmp_path / "git").mkdir()

    told = store.json("apply", tmp_path / "git", "--prune", "--plan", code=failures.REFUSED)["results"]

    assert [each["problems"][0]["code"] for each in told] == ["only_copy", "empty_folder"]
    assert store.json("apply", tmp_path / "git", "--prune", "--plan", "--yes")["dryRun"] is True


@pytest.mark.parametrize("where", ["store", "remote"])
def test_what_somebody_changed_after_it_was_looked_at_does_not_go(tmp_path, request, monkeypatch, where):
    prompt = request.getfixturevalue(where)
    prompt.run("apply", "-", input=[OPENAI, SENDGRID, STORAGE])
    git = write_all(tmp_path / "git", {**SENDGRID, "description": "New"})
    change = {**STORAGE, "description": "Needed after all"}
    meanwhile(monkeypatch, apply, "write_prune", lambda: prompt.run("apply", "-", input=[change]))

    refusal = prompt.refusal("apply", git, "--prune", "--yes", code=failures.CONFLICT)

    assert refusal["code"] == "version_mismatch"
    left = ["a", "b", "bucket"] if where == "store" else ["b", "bucket"]
    assert names(prompt) == left
    told = "All others were saved before, and 1 removed of 2." in refusal["message"]
    assert told == (where == "remote")


def test_the_plan_of_a_server_is_asked_of_it(tmp_path, remote, key):
    remote.run("apply", "-", input=[OPENAI])
    (tmp_path / "git").mkdir()
    options = [tmp_path / "git", "--prune", "--yes", "--plan"]

    assert remote.run("apply", *options).stdout.endswith("1 deleted; nothing was saved: this is a dry run.\n")
    remote.environment["CREDENZA_TOKEN"] = key("viewer")
    assert remote.refusal("apply", *options, code=failures.REFUSED)["code"] == "forbidden"
    assert names(remote) == ["a"]


# Files that no integration is written to.


@pytest.fixture
def git(tmp_path, store):
    """Return a folder that two integrations were exported to, of which the store has one still."""
    store.run("apply", "-", input=[OPENAI, DATABASE])
    store.run("export", f"{tmp_path}/git/")
    store.run("delete", "orders-db", "--yes")
    return tmp_path / "git"


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_file_of_what_is_gone_is_named_and_removed_only_when_asked(store, git):
    told = store.run("export", git, "--force")
    assert f"--prune removes them:\n{git}/orders-db.yaml\n" in told.stderr
    assert store.json("export", git, "--force")["strays"] == [f"{git}/orders-db.yaml"]
    assert files(git) == ["a.yaml", "orders-db.yaml"]

    assert store.run("export", git, "--force", "--prune").stdout == (
        "1 integration written, 1 secret not in it; 1 file removed.\n"
    )
    assert files(git) == ["a.yaml"]
    assert store.run("export", git, "--force").stderr == ""


def test_a_second_file_of_what_is_written_is_one_too(store, git):
    (git / "below").mkdir()
    (git / "below" / "mine.json").write_text(json.dumps({**OPENAI, "tags": []}))

    store.run("export", git, "--force", "--prune", "--names", "a")

    assert files(git) == ["a.yaml", "orders-db.yaml"]


def test_what_is_out_of_scope_or_holds_no_integration_stays(store, git):
    others = {"README.md": "# ours", "x.yaml": "[", "list.json": "[]", ".hidden.yaml": "name: orders-db"}
    for name, text in others.items():
        (git / name).write_text(text)

    assert store.json("export", git, "--force", "--names", "a*")["strays"] == []
    store.run("export", git, "--force", "--prune")

    assert files(git) == sorted([*others, "a.yaml"])


def test_beside_a_file_nothing_is_left_over(tmp_path, store, git):
    store.refusal("export", tmp_path / "x.yaml", "--prune", code=failures.USAGE)

    assert files(git) == ["a.yaml", "orders-db.yaml"]


def test_where_one_place_is_taken_by_a_folder_no_file_is_replaced(store, git):
    store.run("apply", "-", input=[DATABASE])
    before = (git / "a.yaml").read_bytes()
    store.run("apply", "-", input=[{**OPENAI, "description": "New"}])
    (git / "orders-db.yaml").unlink()
    (git / "orders-db.yaml").mkdir()

    told = store.refusal("export", git, "--force", code=failures.USAGE)["message"]

    assert told == "A file cannot be written: Is a directory. Nothing was written."
    assert (git / "a.yaml").read_bytes() == before
    assert files(git) == ["a.yaml"]


def test_when_the_file_system_fails_half_way_it_is_told_how_many_were_written(monkeypatch, store, git):
    store.run("apply", "-", input=[DATABASE])
    replace, done = Path.replace, []

    def fail(self, target):
        if done:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        done.append(replace(self, target))

    monkeypatch.setattr(Path, "replace", fail)
    told = store.refusal("export", git, "--force", code=failures.USAGE)["message"]

    assert told == "A file cannot be written: Input/output error. 1 of 2 were written."
    assert [name for name in files(git) if "credenza" in name] == []


# What an export reads twice: what is there, and what it is in clear.


def test_what_changes_between_being_listed_and_revealed_is_not_sealed(tmp_path, monkeypatch, store):
    store.run("apply", "-", input=[OPENAI])
    change = {**OPENAI, "configuration": {"api_key": "another"}}
    meanwhile(monkeypatch, export, "check_free", lambda: store.run("apply", "-", input=[change]))

    refusal = store.refusal(
        "export", tmp_path / "x.yaml", "--recipient", make_pair(tmp_path)[0], code=failures.CONFLICT
    )

    assert "changed while it was read" in refusal["message"]
    assert not (tmp_path / "x.yaml").exists()


def test_a_type_that_no_longer_says_what_is_secret_lets_nothing_out(tmp_path, store):
    folder, rules = tmp_path / "schemas", json.loads(json.dumps(SCHEMA))
    folder.mkdir()
    store.environment["CREDENZA_SCHEMAS"] = str(folder)
    (folder / "other.json").write_text(json.dumps({**ROOT, **rules}))
    configuration = {"endpoint": "https://x.example", "token": "CNRY-made-up"}
    store.run("apply", "-", input=[{"name": "o", "type": "other", "configuration": configuration}])
    for word in ("writeOnly", "format"):
        del rules["properties"]["token"][word]
    (folder / "other.json").write_text(json.dumps({**ROOT, **rules}))

    refusal = store.refusal(
        "export", tmp_path / "x.yaml", "--recipient", make_pair(tmp_path)[0], code=failures.REFUSED
    )

    assert [each["code"] for each in refusal["errors"]] == ["secret_not_declared"]
    assert not (tmp_path / "x.yaml").exists()
