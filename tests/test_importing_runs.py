"""An import of given records, batch by batch: what stops half way goes on, and everything is told."""

import json
from contextlib import contextmanager

import pytest
from click.testing import CliRunner

from credenza.errors import Unavailable
from credenza.sensitive import Sensitive
from import_scripts import Importer
from importing import command, plan, targets
from importing.records import Found, Loose, Ready, Unreadable


@pytest.fixture
def importer(tmp_path, kek):
    return Importer("table", tmp_path, kek)


@pytest.fixture
def prompt(importer, monkeypatch):
    """Run an import of given records in batches of two; return its answer."""
    monkeypatch.setattr(plan, "BATCH", 2)
    monkeypatch.setattr(command, "BATCH", 2)

    def run(records, *arguments):
        made = command.make_command("table", [], lambda: iter(records))
        return CliRunner().invoke(made, [str(each) for each in arguments], env=importer.environment)

    return run


def ready(name, **item):
    body = {"configuration": {"api_key": "made-up"}, **item}
    return Ready(name, "openai", Sensitive(body), f"item {name}")


def test_a_run_that_stops_half_way_goes_on_from_there(importer, prompt, monkeypatch, tmp_path):
    records = [ready(name) for name in "abcdefg"]
    report = tmp_path / "report.json"
    saves = []
    save = targets.Store.save

    def fail_late(self, items, mode, *, dry_run):
        saves.append(dry_run)
        if saves.count(False) == 3:
            raise Unavailable
        return save(self, items, mode, dry_run=dry_run)

    with monkeypatch.context() as patch:
        patch.setattr(targets.Store, "save", fail_late)
        answer = prompt(records, "--report", report)

    assert answer.exit_code == 6
    assert "4 of 7 are in; the same command goes on from there." in answer.output
    told = json.loads(report.read_bytes())
    assert (told["saved"], told["finished"]) == (4, False)
    assert [each["saved"] for each in told["results"]] == [True] * 4 + [False] * 3
    assert importer.names() == list("abcd")

    answer = prompt(records, "--report", report)

    assert answer.output == "3 created, 4 unchanged.\n"
    assert importer.names() == list("abcdefg")
    assert [importer.show(name)["version"] for name in "abcdefg"] == [1] * 7
    assert json.loads(report.read_bytes())["finished"]


def test_what_is_in_already_is_not_sent_again(prompt, monkeypatch):
    records = [ready(name) for name in "abc"]
    prompt(records)
    sent = []
    save = targets.Store.save

    def count(self, items, mode, *, dry_run):
        sent.append((len(items), dry_run))
        return save(self, items, mode, dry_run=dry_run)

    monkeypatch.setattr(targets.Store, "save", count)
    prompt([*records, ready("d")])

    assert sent == [(2, True), (2, True), (1, False)]


def test_a_long_import_shows_how_far_it_is_where_somebody_watches(prompt, monkeypatch):
    told = []

    @contextmanager
    def watch(what, total):
        yield lambda done: told.append((what, done, total))

    monkeypatch.setattr(command, "_bar", watch)
    prompt([ready(name) for name in "abc"])

    assert told == [("Planning", 2, 3), ("Planning", 3, 3), ("Saving", 2, 3), ("Saving", 3, 3)]


def test_a_bar_is_drawn_where_somebody_watches(prompt, monkeypatch):
    monkeypatch.setattr(command, "someone_watches", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")

    answer = prompt([ready(name) for name in "abc"])

    assert "Planning" in answer.stderr
    assert "Saving" in answer.stderr
    assert answer.stdout == "3 created.\n"


def test_somebody_else_who_takes_a_name_between_plan_and_save_is_noticed(importer, prompt, monkeypatch):
    save = targets.Store.save
    other = {"name": "a", "type": "openai", "configuration": {"api_key": "made-up-2"}}

    def race(self, items, mode, *, dry_run):
        if not dry_run:
            importer.prompt.run("apply", "-", input=[other])
        return save(self, items, mode, dry_run=dry_run)

    monkeypatch.setattr(targets.Store, "save", race)
    answer = prompt([ready("a"), ready("b")])

    assert answer.exit_code == 5
    assert importer.reveal("a") == {"api_key": "made-up-2"}
    assert importer.names() == ["a"]


def test_a_record_that_is_one_of_ours_comes_with_all_it_has(importer, prompt):
    item = {
        "description": "Words.",
        "enabled": False,
        "category": "API",
        "tags": [{"key": "imported-from", "value": "elsewhere"}, {"key": "k", "value": "v"}],
        "apis": [{"api": "m/1", "configuration": {"temperature": 1}}],
    }

    assert prompt([ready("a b", **item)]).output == "1 created.\n"

    shown = importer.show("a b")
    assert [shown[key] for key in ("description", "enabled", "category")] == ["Words.", False, "API"]
    assert importer.tags("a b") == {"imported-from": "table", "k": "v"}
    assert [api["api"] for api in shown["apis"]] == ["m/1"]


def test_what_belongs_to_no_record_and_what_is_ignored_is_told(prompt, tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text("source: table\nignore: [fs, QUIET]\ntypes: {}")
    records = [
        ready("a"),
        Found("b", "fs", Sensitive({}), "row 2"),
        Loose("DEBUG", "row 3"),
        Loose("QUIET", "row 4"),
    ]

    answer = prompt(records, "--mapping", path)

    assert answer.output == "Not taken over: DEBUG.\n1 record left out, as the mapping says.\n1 created.\n"


def test_what_cannot_be_read_is_told_by_record_place_and_field(prompt):
    records = [
        Unreadable("a", "connection `a`", "extra", "no key opens it"),
        Unreadable(None, "line 7", "", "it is no NAME=value"),
        ready("c", description="\ud800"),
    ]

    answer = prompt(records, "--dry-run")

    assert answer.exit_code == 1
    assert answer.stderr.splitlines() == [
        "a: connection `a`: `extra`: no key opens it. [unreadable]",
        "line 7: it is no NAME=value. [unreadable]",
        "c: item c: it holds what JSON cannot say. [unreadable]",
    ]


def test_what_a_terminal_could_obey_is_escaped(prompt):
    answer = prompt([Unreadable("a\x1b[31m", "row\x07", "f\n", "it is broken")], "--dry-run")

    assert not set(answer.output) & {"\x1b", "\x07"}


def test_an_empty_source_is_told(prompt):
    answer = prompt([])

    assert (answer.exit_code, answer.output) == (0, "Nothing was found.\n")
