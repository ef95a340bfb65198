"""The command line as a whole: help, exit codes, and errors that repeat nothing of what was typed."""

import json
import subprocess
import sys

import msgspec
import pytest
from click.testing import CliRunner

from cli_prompt import OPENAI, Prompt
from credenza.cli import failures, root
from credenza.cli.root import COMMANDS, load_command
from credenza.settings import Settings

CANARY = "sk-canary-5f1c"


@pytest.fixture
def prompt(tmp_path, kek):
    prompt = Prompt(tmp_path, kek)
    prompt.run("init")
    return prompt


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(prompt, name):
    command = load_command(name)

    assert command.name == name
    assert f"Usage: credenza {name}" in prompt.run(name, "--help").stdout


def test_help_lists_every_command_and_every_exit_code(prompt):
    told = prompt.run("--help").stdout

    for name, (_, line) in COMMANDS.items():
        assert name in told
        assert line.split(",")[0] in told
    for code, meaning in failures.EXIT_CODES.items():
        assert f"{code}: {meaning}" in told


def test_every_setting_is_an_option_of_serve_and_its_help_names_variable_and_default():
    declared = {
        parameter.name: parameter.help for parameter in load_command("serve").params if parameter.help
    }

    for field in msgspec.structs.fields(Settings):
        assert f"CREDENZA_{field.name.upper()}" in declared[field.name]
        assert field.default in {None, True, False} or str(field.default) in declared[field.name]


def test_help_costs_none_of_the_rooms_below():
    code = "import sys, credenza.cli; print({'litestar', 'yaml', 'sqlite3'} & set(sys.modules))"
    command = [sys.executable, "-c", code]

    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "set()\n"


def test_a_command_alone_shows_help_and_is_no_success(prompt):
    assert "Usage" in prompt.run(code=2).output


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["nope"], failures.USAGE),
        (["apply"], failures.USAGE),
        (["list", "--nope"], failures.USAGE),
        (["serve", "--port", "x"], failures.USAGE),
        (["apply", "/nonexistent"], failures.USAGE),
        (["delete", "a"], failures.USAGE),
        (["get", "nope"], failures.NOT_FOUND),
        (["list", "--workspace", "nope"], failures.NOT_FOUND),
        (["types", "nope"], failures.NOT_FOUND),
        (["apikey", "revoke", "nope"], failures.NOT_FOUND),
        (["list", "--schemas", "/nonexistent"], failures.NOT_STARTED),
        (["list", "--kek", "nope"], failures.NOT_STARTED),
        (["list", "--store", "nope"], failures.NOT_STARTED),
        (["workspace", "create", "default"], failures.CONFLICT),
        (["workspace", "create", "No Slug"], failures.REFUSED),
    ],
)
def test_every_failure_has_its_exit_code_a_sentence_and_a_json_object(prompt, arguments, code):
    told = prompt.run(*arguments, code=code)
    refusal = prompt.refusal(*arguments, code=code)

    assert told.stdout == ""
    assert told.stderr.startswith("error: ")
    assert told.stderr.partition("error: ")[2].startswith(refusal["message"])
    assert refusal["exit"] == code


@pytest.mark.parametrize(
    "arguments",
    [
        [CANARY],
        ["get", "a", CANARY],
        ["get", f"--{CANARY}"],
        ["get", "a", "--version", CANARY],
        ["get", CANARY],
        ["resolve", "a", "--key", CANARY],
        ["apply", CANARY],
        ["apply", "-", "--format", CANARY],
        ["apikey", "create", "--role", CANARY],
        ["apikey", "create", "--role", "viewer", "--tag", CANARY],
        ["apikey", "revoke", CANARY],
        ["workspace", "create", CANARY + "_"],
        ["list", "--kek", CANARY],
        ["list", "--kek", f"keyring://{CANARY}/x"],
        ["list", "--store", f"{CANARY}://x"],
        ["types", CANARY],
        ["audit", "verify", "--head", CANARY],
        ["serve", "--port", CANARY],
        ["serve", "--host", CANARY],
    ],
)
def test_what_is_typed_is_not_repeated_for_it_may_be_a_secret(prompt, arguments):
    prompt.run("apply", "-", input=[OPENAI])
    for more in ([], ["--json"]):
        answer = CliRunner().invoke(root, [*arguments, *more], env=prompt.environment)
        assert answer.exit_code != 0
        assert CANARY not in answer.output


def test_a_vault_without_its_key_is_told_with_a_code_of_its_own(prompt):
    prompt.run("apply", "-", input=[OPENAI])
    prompt.environment["CREDENZA_KEK"] = "env://CREDENZA_TEST_NONE"

    assert prompt.refusal("resolve", "a", code=failures.UNAVAILABLE)["code"] == "vault_key_unavailable"
    assert prompt.rows("list")[0]["name"] == "a"


@pytest.mark.skipif(sys.platform == "win32", reason="files have no such mode there")
def test_a_key_that_is_open_to_others_is_told_in_a_sentence_with_what_closes_it(tmp_path):
    file = tmp_path / "key" / "kek"
    prompt = Prompt(tmp_path, f"file://{file}")
    prompt.run("init")
    prompt.run("apply", "-", input=[OPENAI])
    file.chmod(0o644)

    told = prompt.run("resolve", "a", code=failures.UNAVAILABLE).stderr

    assert told.startswith(
        f"error: The key file {file} is open to other users: run `chmod 600 {file}`. This vault"
    )
    assert told.count(str(file)) == 2


def test_what_is_no_integration_is_told_by_its_number_alone(prompt, tmp_path):
    (tmp_path / "foo.txt").write_text("some words")

    told = prompt.run("apply", tmp_path / "foo.txt", code=failures.REFUSED).stderr

    assert "\n  #1: This must be an object. [wrong_type]\n" in told


@pytest.mark.parametrize(
    "arguments",
    [["rollback", "a", "99"], ["get", "a", "--version", "99"], ["history", "a", "--diff", "1", "99"]],
)
def test_a_version_that_is_not_there_is_told_with_the_command_that_lists_them(prompt, arguments):
    prompt.run("apply", "-", input=[OPENAI])

    told = prompt.run(*arguments, code=failures.NOT_FOUND).stderr

    assert told.startswith("error: There is no such version of this integration.\n")
    assert told.endswith("\n`credenza history a` lists its versions.\n")


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("VALIDATION", CANARY, "strict or lenient"),
        ("KEEP_VERSIONS", "0", "a whole number from 1 to 1,000,000"),
        ("SETUP_MINUTES", "20000", "a whole number from 1 to 10,080"),
        ("ACCESS_LOG", CANARY, "true or false"),
    ],
)
def test_a_setting_that_cannot_be_says_what_it_can(prompt, name, value, allowed):
    prompt.environment[f"CREDENZA_{name}"] = value

    told = prompt.run("list", code=failures.NOT_STARTED).stderr

    assert told == f"error: CREDENZA_{name} has a value it cannot have: it is {allowed}.\n"


@pytest.mark.parametrize("kek", ["file://{folder}/kek", "file://{folder}/below/kek", "nonsense", None])
def test_an_init_that_is_refused_makes_nothing(tmp_path, kek):
    prompt = Prompt(tmp_path, kek and kek.format(folder=tmp_path / "store"))

    prompt.run("init", code=failures.NOT_STARTED)

    assert list(tmp_path.iterdir()) == []


def test_a_store_at_a_relative_path_is_refused_in_a_sentence(tmp_path, kek, monkeypatch):
    monkeypatch.chdir(tmp_path)
    prompt = Prompt(tmp_path, kek)
    prompt.environment["CREDENZA_STORE"] = "sqlite:///rel.db"

    told = prompt.run("init", code=failures.NOT_STARTED).stderr

    assert told.startswith("error: Write the store as sqlite:////absolute/path.db, with four slashes")
    assert list(tmp_path.iterdir()) == []


def test_a_fault_of_the_program_is_told_by_type_and_place_alone(prompt, monkeypatch):
    def fail(*_, **__):
        raise ZeroDivisionError(CANARY)

    monkeypatch.setattr("credenza.cli.integrations.session", fail)

    refusal = prompt.refusal("list", code=failures.FAULT)

    assert "ZeroDivisionError at " in refusal["message"]
    assert CANARY not in json.dumps(refusal)


def test_the_keyboard_stops_a_command_without_a_traceback(prompt, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("credenza.cli.integrations.session", stop)

    assert "Stopped." in prompt.run("list", code=failures.STOPPED).stderr


def test_init_makes_a_store_once_and_leaves_it_as_it_is_from_then_on(tmp_path, kek):
    prompt = Prompt(tmp_path, kek)

    assert "credenza init" in prompt.refusal("list", code=failures.NOT_STARTED)["message"]
    first, again = prompt.json("init"), prompt.json("init")

    assert first == again
    assert first["workspace"] == "default"
    assert "CREDENZA_TEST_KEK" in first["key"]
    assert "credenza apikey create --role admin" in first["next"]


def test_init_without_a_word_about_the_key_says_what_can_be_said(tmp_path):
    prompt = Prompt(tmp_path, "")

    message = prompt.refusal("init", code=failures.NOT_STARTED)["message"]

    assert all(way in message for way in ("keyring://", "file:///", "env://", "--dev"))


def test_init_makes_a_key_file_where_it_is_told_to(tmp_path):
    prompt = Prompt(tmp_path, "")

    prompt.run("init", "--kek", f"file://{tmp_path}/keys/vault.key")

    assert (tmp_path / "keys" / "vault.key").stat().st_mode & 0o777 == 0o600


def test_python_m_credenza_is_the_same_command():
    command = [sys.executable, "-m", "credenza", "--version"]

    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.count(".") >= 1
