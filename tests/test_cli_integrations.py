"""Saving, reading, revealing and removing integrations at a prompt, as over HTTP."""

import json

import pytest

from cli_prompt import OPENAI, SENDGRID, Prompt
from credenza.cli import failures, output, progress

YAML = """
- name: a
  type: openai
  configuration: {api_key: sk-made-up}
  apis:
    - {integrationName: a, api: gpt-4o}
- name: b
  type: sendgrid
  enabled: false
  tags: [{key: env, value: prod}]
  configuration: {api_key: SG.made-up}
"""


@pytest.fixture
def prompt(tmp_path, kek):
    prompt = Prompt(tmp_path, kek)
    prompt.run("init")
    return prompt


@pytest.fixture
def write(tmp_path):
    def write_file(name, text):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write_file


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("items.yaml", YAML),
        ("items.json", json.dumps([OPENAI, SENDGRID])),
        ("items.jsonl", "\n".join(map(json.dumps, [OPENAI, SENDGRID]))),
        ("items.txt", YAML),
    ],
)
def test_a_file_of_any_format_is_saved_and_saved_again_changes_nothing(prompt, write, name, text):
    file = write(name, text)

    assert prompt.run("apply", file).stdout == "2 created.\n"
    assert prompt.run("apply", file).stdout == "2 unchanged.\n"
    assert prompt.run("apply", "-", input=text).stdout == "2 unchanged.\n"


def test_a_dry_run_shows_the_plan_as_a_table_and_saves_nothing(prompt, write):
    prompt.run("apply", "-", input=[OPENAI])
    changed = YAML.replace("sk-made-up", "sk-other")

    *plan, total = prompt.run("apply", write("a.yaml", changed), "--dry-run").stdout.splitlines()

    assert plan == [
        "name\ttype\tresult\tchanged\tsecrets",
        "a\topenai\tupdated\tapi_key, apis/gpt-4o\tapi_key replaced",
        "b\tsendgrid\tcreated\tapi_key\tapi_key set",
    ]
    assert total == "1 created, 1 updated; nothing was saved: this is a dry run."
    assert len(prompt.json("list", "--all")) == 1


def test_a_file_that_is_no_json_is_told_where_and_nothing_of_it(prompt, write):
    file = write("bad.json", '\n\n[{"name": "a"},\n  sk-made-up]')

    told = prompt.run("apply", file, code=failures.REFUSED).stderr

    assert "is not JSON from line 4, column 3 on." in told
    assert "sk-made-up" not in told


def test_a_plan_leaves_out_what_would_not_change(prompt):
    prompt.run("apply", "-", input=[OPENAI])

    told = prompt.run("apply", "-", "--dry-run", input=[OPENAI]).stdout

    assert told == "1 unchanged; nothing was saved: this is a dry run.\n"


def test_every_problem_of_every_item_is_listed_with_its_place_and_nothing_is_saved(prompt):
    items = [OPENAI, {"name": "x", "type": "nope"}, {"name": "b", "type": "sendgrid", "configuration": {}}]

    told = prompt.run("apply", "-", input=items, code=failures.REFUSED).stderr.splitlines()
    refusal = prompt.refusal("apply", "-", input=items, code=failures.REFUSED)

    assert told[0] == f"error: {refusal['message']}"
    assert told[1].startswith("  #2 x /type: ")
    assert told[1].endswith("[unknown_type]")
    assert told[2].startswith("  #3 b /configuration/api_key: ")
    assert [problem["pointer"] for problem in refusal["errors"]] == ["/type", "/configuration/api_key"]
    assert prompt.json("list") == []


def test_each_for_itself_saves_what_it_can_and_leaves_with_a_failure(prompt):
    items = [OPENAI, {"name": "x", "type": "nope"}]

    told = prompt.run("apply", "-", "--mode", "per-item", input=items, code=failures.REFUSED)

    assert told.stdout == "1 created, 1 failed.\n"
    assert told.stderr.startswith("#2 x /type: ")
    assert [each["name"] for each in prompt.json("list")] == ["a"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[]", "empty_array"),
        ("", "empty_array"),
        ("[1", "invalid_json"),
        ('"text"', "array_expected"),
        ("a: [", "invalid_yaml"),
        ("{\n{", "invalid_json"),
    ],
)
def test_what_is_no_batch_is_refused_as_over_http(prompt, text, code):
    kind = ["--format", "json"] if text.startswith('"') else []
    assert prompt.refusal("apply", "-", *kind, input=text, code=failures.REFUSED)["code"] == code


@pytest.mark.parametrize("text", ['[{"name": "a", "type": "openai", "name": "b"}]', '["a"]'])
def test_an_item_that_cannot_be_read_is_a_problem_of_that_item(prompt, text):
    refusal = prompt.refusal("apply", "-", input=text, code=failures.REFUSED)

    assert [problem["index"] for problem in refusal["errors"]] == [0]


def test_more_than_ten_thousand_are_refused_in_a_sentence(prompt):
    refusal = prompt.refusal("apply", "-", input=[OPENAI] * 10_001, code=failures.REFUSED)

    assert refusal["message"] == "A batch may have 10,000 integrations; send it in parts."


def test_a_long_batch_shows_how_far_it_is_and_a_short_one_or_a_pipe_does_not(prompt, monkeypatch):
    items = [{**OPENAI, "name": f"n{number}"} for number in range(1_001)]
    assert "1001/1001" not in prompt.run("apply", "-", "--dry-run", input=items).stderr

    watched = []
    monkeypatch.setattr(progress.Watched, "outline", spy(progress.Watched.outline, watched))
    monkeypatch.setattr(progress, "someone_watches", lambda: True)
    prompt.run("apply", "-", input=items)
    assert len(watched) > 1
    assert watched == sorted({0, *watched})

    watched.clear()
    prompt.run("apply", "-", input=items[:1_000])
    assert watched == []


def spy(function, calls):
    def wrapped(self, first, last):
        calls.append(first)
        return function(self, first, last)

    return wrapped


def test_lenient_saving_and_replacing_apis_are_options(prompt):
    prompt.run("apply", "-", input=YAML)
    assert prompt.json("apply", "-", "--validation", "lenient", input=[{**SENDGRID, "configuration": {}}])
    replaced = {**OPENAI, "apis": [{"integrationName": "a", "api": "o3"}]}

    prompt.run("apply", "-", "--replace-apis", input=[replaced])

    assert [api["api"] for api in prompt.json("get", "a")["apis"]] == ["o3"]


def test_reading_shows_a_secret_only_as_being_there(prompt):
    prompt.run("apply", "-", input=YAML)

    for arguments in (["get", "a"], ["list", "--all"], ["history", "a"], ["get", "a", "--json"]):
        assert "made-up" not in prompt.run(*arguments).output
    assert "(secret, version 1, set 20" in prompt.run("get", "a").stdout
    assert "gpt-4o" in prompt.run("get", "a").stdout


def test_what_get_and_list_print_can_be_applied_and_changes_nothing(prompt):
    prompt.run("apply", "-", input=YAML)

    assert prompt.json("apply", "-", input=prompt.json("get", "a"))["unchanged"] == 1
    assert prompt.json("apply", "-", input=prompt.json("list", "--all"))["unchanged"] == 2


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ([], ["a"]),
        (["--all"], ["a", "b"]),
        (["--all", "--type", "sendgrid"], ["b"]),
        (["--category", "AI_MODEL"], ["a"]),
        (["--category", "GIT"], []),
        (["--all", "--search", "B"], ["b"]),
        (["--all", "--tag", "env"], ["b"]),
        (["--all", "--tag", "env=prod"], ["b"]),
        (["--all", "--tag", "env=prod", "--tag", "other"], []),
        (["--all", "--limit", "1"], ["a"]),
    ],
)
def test_a_list_holds_what_is_enabled_and_asked_for(prompt, options, names):
    prompt.run("apply", "-", input=YAML)

    assert [row["name"] for row in prompt.rows("list", *options)] == names
    assert [each["name"] for each in prompt.json("list", *options)] == names


def test_resolving_prints_the_configuration_in_clear_and_leaves_an_audit_row(prompt):
    prompt.run("apply", "-", input=[OPENAI])
    rows = prompt.json("audit", "verify")["rows"]

    assert json.loads(prompt.run("resolve", "a").stdout) == OPENAI["configuration"]
    assert prompt.json("resolve", "a")["configuration"] == OPENAI["configuration"]
    assert prompt.json("audit", "verify")["rows"] == rows + 2


def test_resolving_one_key_prints_its_value_byte_for_byte(prompt):
    value = " -----BEGIN KEY-----\nbold [red]\n\n"
    prompt.run("apply", "-", input=[{**OPENAI, "configuration": {"api_key": value}}])

    assert prompt.run("resolve", "a", "--key", "api_key").stdout_bytes == value.encode()
    assert prompt.refusal("resolve", "a", "--key", "nope", code=failures.NOT_FOUND)["code"] == "unknown_key"


def test_an_integration_is_deleted_only_when_that_is_meant(prompt):
    prompt.run("apply", "-", input=[OPENAI])

    assert "--yes" in prompt.refusal("delete", "a", code=failures.USAGE)["message"]
    prompt.run("delete", "a", "--yes", "--expected-version", 2, code=failures.CONFLICT)
    assert prompt.json("delete", "a", "--yes")["results"][0]["result"] == "deleted"
    prompt.run("delete", "a", "--yes", code=failures.NOT_FOUND)


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", failures.STOPPED), ("", failures.STOPPED)])
def test_somebody_at_a_terminal_is_asked_before_a_deletion(prompt, monkeypatch, answer, code):
    prompt.run("apply", "-", input=[OPENAI])
    monkeypatch.setattr("credenza.cli.integrations.someone_is_there", lambda: True)

    prompt.run("delete", "a", input=answer, code=code)

    assert len(prompt.json("list")) == (1 if code else 0)


def test_versions_are_listed_compared_and_brought_back_with_their_secrets(prompt):
    prompt.run("apply", "-", input=[OPENAI])
    prompt.run("apply", "-", input=[{**OPENAI, "configuration": {"api_key": "sk-2"}, "description": "two"}])

    assert [row["version"] for row in prompt.rows("history", "a")] == ["2", "1"]
    assert prompt.rows("history", "a", "--diff", 1, 2) == [
        {"pointer": "/description", "change": "changed"},
        {"pointer": "/configuration/api_key", "change": "secret_replaced"},
    ]
    assert prompt.json("get", "a", "--version", 1)["description"] is None
    plan = prompt.json("rollback", "a", 1, "--dry-run")
    assert plan["results"][0]["secrets"] == {"/configuration/api_key": "replaced"}
    prompt.run("rollback", "a", 1, "--expected-version", 1, code=failures.CONFLICT)
    assert prompt.json("rollback", "a", 1)["updated"] == 1
    assert json.loads(prompt.run("resolve", "a").stdout) == OPENAI["configuration"]
    prompt.run("rollback", "a", 9, code=failures.NOT_FOUND)


def test_nothing_that_is_printed_can_command_a_terminal(prompt):
    prompt.run("apply", "-", input=[{**OPENAI, "description": "a\x1b[31m\tb\nc"}])

    assert "a\\x1b[31m\\tb\\nc" in prompt.run("get", "a").stdout


def test_a_terminal_is_shown_a_table_with_every_cell_as_it_is(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)

    output.write_table(("name", "on"), [("[red]a[/red]", True), (None, False)])

    told = capsys.readouterr().out
    assert "[red]a[/red]" in told
    assert "yes" in told
    assert "─" in told
