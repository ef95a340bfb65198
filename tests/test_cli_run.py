"""Configurations in the environment of a command, and as text for a shell: names, values, omissions."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cli_prompt import OPENAI, SENDGRID, Prompt
from credenza.cli import failures
from credenza.cli.variables import derive_prefix, list_variables, name_variable, write_shell
from credenza.connectors.yaml_data import read_yaml
from credenza.errors import Invalid
from credenza.transfer.documents import write_yaml
from examples import query
from web_server import serve

VECTORS = {
    "name": "my-vectors.2",
    "type": "pgvectordb",
    "configuration": {
        "user": "robot",
        "password": 'it\'s "made"-up\n$HOME `id` ä',
        "datasourceURL": "jdbc:postgresql://db.example.com:5432/app",
        "dimensions": 768,
        "distance_metric": "Cosine Similarity",
        "indexing_method": "hnsw",
    },
}
ENVIRONMENT = "import json, os, sys; json.dump([dict(os.environ), sys.argv], sys.stdout)"


@pytest.fixture
def prompt(tmp_path, kek):
    prompt = Prompt(tmp_path, kek)
    prompt.run("init")
    prompt.run("apply", "-", input=[OPENAI, SENDGRID, VECTORS])
    return prompt


@pytest.fixture
def run(prompt):
    """Run `credenza run` as a process of its own."""

    def start(*arguments, input=None, **environment):
        given = {**os.environ, **prompt.environment, **environment}
        command = [sys.executable, "-W", "error", "-m", "credenza", "run", *arguments]
        kept = {name: value for name, value in given.items() if value is not None}
        return subprocess.run(
            command, env=kept, input=input, capture_output=True, text=True, timeout=60, check=False
        )

    return start


def environment_of(told):
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout)[0]


def test_a_command_finds_the_configuration_in_its_environment_and_nowhere_else(run):
    told = run("my-vectors.2", "a", "--", sys.executable, "-c", ENVIRONMENT, "an argument", "--json")

    found, arguments = json.loads(told.stdout)
    assert {name: text for name, text in found.items() if name.startswith(("MY_VECTORS_2_", "A_"))} == {
        "A_API_KEY": "sk-made-up",
        "MY_VECTORS_2_USER": "robot",
        "MY_VECTORS_2_PASSWORD": VECTORS["configuration"]["password"],
        "MY_VECTORS_2_DATASOURCE_URL": "jdbc:postgresql://db.example.com:5432/app",
        "MY_VECTORS_2_DIMENSIONS": "768",
        "MY_VECTORS_2_DISTANCE_METRIC": "Cosine Similarity",
        "MY_VECTORS_2_INDEXING_METHOD": "hnsw",
    }
    assert arguments == ["-c", "an argument", "--json"]
    assert told.stderr == ""


@pytest.mark.parametrize(("prefix", "name"), [("", "API_KEY"), ("x_", "x_API_KEY")])
def test_the_prefix_is_as_it_is_given(run, prefix, name):
    assert (
        environment_of(run("a", "--prefix", prefix, "--", sys.executable, "-c", ENVIRONMENT))[name]
        == "sk-made-up"
    )


def test_a_variable_takes_the_place_of_one_that_is_there(run):
    told = run("a", "--", sys.executable, "-c", ENVIRONMENT, A_API_KEY="old", OTHER="kept")

    assert environment_of(told)["A_API_KEY"] == "sk-made-up"
    assert environment_of(told)["OTHER"] == "kept"


def test_a_command_inherits_neither_the_vaults_key_nor_an_api_key(run):
    told = run("a", "--", sys.executable, "-c", ENVIRONMENT, CREDENZA_TOKEN="crdz_abc_made-up")

    found = environment_of(told)
    assert "CREDENZA_STORE" in found
    assert not {"CREDENZA_TEST_KEK", "CREDENZA_TOKEN"} & set(found)


def test_a_key_that_is_named_on_the_command_line_is_not_inherited_either(run, prompt):
    kek = prompt.environment["CREDENZA_KEK"]

    told = run("a", "--kek", kek, "--", sys.executable, "-c", ENVIRONMENT, CREDENZA_KEK=None)

    assert "CREDENZA_TEST_KEK" not in environment_of(told)


def test_the_audit_has_it_before_the_command_starts(run, prompt):
    count = (
        "import sqlite3, sys\n"
        "print(*sqlite3.connect(sys.argv[1]).execute('SELECT count(*) FROM audit').fetchone())"
    )
    before = query(prompt.database, "SELECT count(*) FROM audit")[0][0]

    told = run("a", "b", "--", sys.executable, "-c", count, str(prompt.database))

    assert told.stdout == f"{before + 2}\n"
    prompt.run("audit", "verify")


@pytest.mark.parametrize("code", [0, 1, 7, 255])
def test_the_exit_code_is_the_commands(run, code):
    assert run("a", "--", sys.executable, "-c", f"raise SystemExit({code})").returncode == code


@pytest.mark.skipif(os.name != "posix", reason="there are no such signals")
def test_the_process_becomes_the_command_so_that_signals_are_for_it(prompt):
    wait = "import os, sys, time; print(os.getpid(), flush=True); time.sleep(60)"
    kept = {name: value for name, value in {**os.environ, **prompt.environment}.items() if value is not None}
    command = [sys.executable, "-m", "credenza", "run", "a", "--", sys.executable, "-c", wait]
    with subprocess.Popen(command, env=kept, stdout=subprocess.PIPE, text=True) as process:
        assert int(process.stdout.readline()) == process.pid
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == -signal.SIGTERM


@pytest.mark.skipif(os.name != "posix", reason="there are no such signals")
def test_a_command_is_stopped_by_a_broken_pipe_as_it_would_be_without_us(run):
    told = run("a", "--", "sh", "-c", "kill -PIPE $$; echo still here")

    assert (told.returncode, told.stdout) == (-signal.SIGPIPE, "")


def test_a_command_reads_what_stands_on_standard_input(run):
    assert run("a", "--", "cat", input="words").stdout == "words"


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_command_that_is_not_there_or_cannot_be_executed_is_told_with_the_code_of_a_shell(
    run, tmp_path, more
):
    plain = tmp_path / "plain"
    plain.write_text("no program")
    broken = tmp_path / "broken"
    broken.write_bytes(b"\0no program")
    broken.chmod(0o755)

    for command, code in (
        ("no-such-command", 127),
        (str(plain / "below"), 127),
        (str(tmp_path / "none"), 127),
        (str(plain), 126),
        (str(broken), 126),
        (str(tmp_path), 126),
    ):
        told = run("a", *more, "--", command)
        assert told.returncode == code
        assert "The command can" in told.stderr
        assert command not in told.stderr
        if more:
            assert json.loads(told.stderr)["exit"] == code


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a"], "Say behind -- which command"),
        (["a", "--"], "Say behind -- which command"),
        (["a", "--prefix", "1", "--", "true"], "--prefix has letters"),
        (["a", "--prefix", "a=b", "--", "true"], "--prefix has letters"),
        (["--", "true"], "NAMES is missing"),
    ],
)
def test_a_command_line_that_cannot_be_meant_reveals_nothing(prompt, arguments, words):
    before = query(prompt.database, "SELECT count(*) FROM audit")

    assert words in prompt.run("run", *arguments, code=failures.USAGE).stderr
    assert query(prompt.database, "SELECT count(*) FROM audit") == before


def test_two_integrations_that_would_fill_one_variable_are_refused_by_its_name(prompt):
    told = prompt.run("run", "a", "b", "--prefix", "X_", "--", "true", code=failures.REFUSED).stderr

    assert "X_API_KEY would come from both a and b" in told
    assert "made-up" not in told


def test_a_server_does_as_well_as_a_store(run, service, key, tmp_path):
    token = tmp_path / "token"
    token.write_text(key())
    token.chmod(0o600)
    with serve(service) as url:
        body = json.dumps([OPENAI])
        apply = [sys.executable, "-m", "credenza", "apply", "-", "--url", url, "--token-file", str(token)]
        subprocess.run(apply, input=body, text=True, check=True, capture_output=True)
        told = run(
            *("a", "--url", url, "--token-file", str(token), "--", sys.executable, "-c", ENVIRONMENT),
            CREDENZA_STORE=None,
        )

    found = environment_of(told)
    assert found["A_API_KEY"] == "sk-made-up"
    assert "CREDENZA_TEST_KEK" not in found


@pytest.mark.skipif(os.name != "posix", reason="there is no such shell")
@pytest.mark.parametrize("arguments", [[], ["--prefix", ""], ["--prefix", "X_"]])
def test_what_is_printed_for_a_shell_says_in_it_what_a_command_would_find(prompt, run, arguments):
    lines = prompt.run("resolve", "my-vectors.2", "--format", "env", *arguments).stdout
    command = [sys.executable, "-c", ENVIRONMENT]

    script = f'set -a\n{lines}exec "$@"'
    shell = json.loads(subprocess.check_output(["sh", "-c", script, "sh", *command], text=True))[0]
    found = environment_of(run("my-vectors.2", *arguments, "--", *command))

    names = {line.partition("=")[0] for line in lines.splitlines() if re.match("[A-Za-z_0-9]+=", line)}
    assert len(names) == 6
    assert {name: shell[name] for name in names} == {name: found[name] for name in names}


def test_yaml_says_what_json_says(prompt):
    told = prompt.run("resolve", "my-vectors.2", "--format", "yaml").stdout

    assert yaml.safe_load(told) == VECTORS["configuration"]
    assert [json.loads(item) for item in read_yaml(told.encode())] == [VECTORS["configuration"]]
    assert prompt.run("resolve", "a", "--format", "json").stdout == prompt.run("resolve", "a").stdout


texts = st.text(st.characters(codec="utf-8")) | st.from_regex(r"[-+.0-9eExo_:]{1,6}", fullmatch=True)


@given(
    st.dictionaries(texts, texts | st.integers(-9, 9) | st.booleans() | st.sampled_from(["yes", "null", "~"]))
)
def test_yaml_is_read_back_as_what_it_was(configuration):
    told = write_yaml(configuration)

    assert yaml.safe_load(told) == configuration
    assert [json.loads(item) for item in read_yaml(told.encode())] == [configuration]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--format", "env", "--json"], "without --key or --json"),
        (["--format", "yaml", "--key", "api_key"], "without --key or --json"),
        (["--prefix", "X"], "--prefix goes with --format env"),
        (["--format", "env", "--prefix", "a b"], "--prefix has letters"),
        (["--format", "xml"], "one of env, json, yaml"),
    ],
)
def test_options_of_resolve_that_do_not_go_together_are_refused(prompt, arguments, words):
    assert words in prompt.run("resolve", "a", *arguments, code=failures.USAGE).stderr


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("api_key", "API_KEY"),
        ("projectName", "PROJECT_NAME"),
        ("datasourceURL", "DATASOURCE_URL"),
        ("schemaRegistryApiKey", "SCHEMA_REGISTRY_API_KEY"),
        ("URLName", "URL_NAME"),
        ("oAuth2RefreshToken", "O_AUTH2_REFRESH_TOKEN"),
        ("with-dash.and dot", "WITH_DASH_AND_DOT"),
        ("2fa", "_2FA"),
        ("schlüssel", "SCHL_SSEL"),
    ],
)
def test_a_key_becomes_a_variable(key, name):
    assert name_variable("", key) == name


@pytest.mark.parametrize(
    ("name", "prefix"),
    [("my-db", "MY_DB_"), ("My Db v1.2", "MY_DB_V1_2_"), ("a", "A_"), ("camelCase", "CAMELCASE_")],
)
def test_a_name_becomes_a_prefix(name, prefix):
    assert derive_prefix(name) == prefix


@given(st.text(min_size=1), st.text())
def test_every_variable_has_a_name_that_a_shell_takes(name, key):
    assert re.fullmatch(r"[A-Z_][A-Z0-9_]*", name_variable(derive_prefix(name), key))


@given(
    st.dictionaries(st.sampled_from("abc"), st.text(st.characters(exclude_characters="\0", codec="utf-8")))
)
def test_a_line_for_a_shell_ends_nowhere_but_where_its_value_ends(configuration):
    variables = list_variables([("x", configuration)], None)

    words = shlex.split(write_shell(variables))
    assert dict(word.split("=", 1) for word in words) == variables


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (1.5, "1.5"), (7, "7"), ({"a": [1, None]}, '{"a":[1,null]}'), ("", ""), ("x", "x")],
)
def test_what_is_no_text_is_json(value, text):
    assert list_variables([("x", {"k": value})], None) == {"X_K": text}


def test_null_makes_no_variable():
    assert list_variables([("x", {"k": None})], None) == {}


@pytest.mark.parametrize(
    ("named", "prefix", "code"),
    [
        ([("a", {"k": "v"}), ("b", {"k": "v"})], "", "variable_twice"),
        ([("a", {"k-1": "v", "k_1": "v"})], None, "variable_twice"),
        ([("a-b", {"k": "v"}), ("a_b", {"k": "v"})], None, "variable_twice"),
        ([("a", {"k": "v\0"})], None, "value_with_nul"),
        ([("ld", {"preload": "v"})], None, "variable_reserved"),
        ([("git", {"ssh_command": "v"})], None, "variable_reserved"),
        ([("https", {"proxy": "v"})], None, "variable_reserved"),
        ([("x", {"SSL_CERT_FILE": "v"})], "", "variable_reserved"),
        ([("a", {"path": "v"})], "", "variable_reserved"),
    ],
)
def test_what_no_environment_can_hold_or_no_command_should_get_is_refused_by_name_alone(named, prefix, code):
    with pytest.raises(Invalid) as caught:
        list_variables(named, prefix)
    assert caught.value.code == code
    assert "'v" not in caught.value.message
