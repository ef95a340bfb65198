"""`apply` and `resolve` against a server: what they say is what they say over a store."""

import json
import subprocess
import sys
from contextlib import contextmanager

import pytest
from click.testing import CliRunner

from canary import Canaries
from cli_prompt import OPENAI, SENDGRID, Prompt
from client_kinds import Script, answer, refusal
from credenza.cli import failures, remote, root, targets
from credenza.client import ApiError, Client, Problem, Unreachable, batches, drivers
from web_server import serve

APIS = [
    {"integrationName": "a", "api": "m", "configuration": {"temperature": 1}},
    {"integrationName": "a", "api": "n"},
]
FULL = {**OPENAI, "description": "Words.", "tags": [{"key": "k", "value": "v"}], "apis": APIS[1:]}


@pytest.fixture
def local(tmp_path, kek):
    """Commands over a store of their own."""
    prompt = Prompt(tmp_path / "local", kek)
    prompt.run("init")
    return prompt


@pytest.fixture
def there(service, key, tmp_path):
    """Commands with no store at all, for a server."""
    with serve(service) as url:
        prompt = Prompt(tmp_path / "none", "env://CREDENZA_TEST_NONE")
        prompt.environment |= {"CREDENZA_URL": url, "CREDENZA_TOKEN": key()}
        yield prompt
    assert not prompt.database.exists()


@pytest.fixture
def both(local, there):
    return local, there


@pytest.fixture
def token_file(tmp_path, there):
    path = tmp_path / "token"
    path.write_text(there.environment.pop("CREDENZA_TOKEN") + "\n")
    path.chmod(0o600)
    there.environment["CREDENZA_TOKEN"] = None
    return path


@pytest.mark.parametrize(
    ("arguments", "items", "code"),
    [
        ([], [OPENAI, SENDGRID], 0),
        (["--dry-run"], [OPENAI, SENDGRID], 0),
        (["--replace-apis", "--dry-run"], [FULL], 0),
        ([], [OPENAI, {"name": "x", "type": "nope"}], failures.REFUSED),
        (["--mode", "per-item"], [OPENAI, {"name": "x", "type": "nope"}], failures.REFUSED),
        ([], [{**OPENAI, "expectedVersion": 7}], failures.CONFLICT),
        ([], [], failures.REFUSED),
        ([], {"a": 1}, failures.REFUSED),
        ([], "text", failures.REFUSED),
        (["--format", "json"], '[{"name": "a", "name": "b"}]', failures.REFUSED),
    ],
)
@pytest.mark.parametrize("more", [[], ["--json"]])
def test_what_a_server_says_of_a_save_is_what_a_store_says(both, arguments, items, code, more):
    ours, theirs = (prompt.run("apply", "-", *arguments, *more, input=items, code=code) for prompt in both)

    assert theirs.stdout == ours.stdout
    assert theirs.stderr == ours.stderr


@pytest.mark.parametrize("arguments", [[], ["--key", "api_key"], ["--format", "yaml"], ["--format", "env"]])
def test_what_a_server_reveals_is_what_a_store_reveals(both, arguments):
    for prompt in both:
        prompt.run("apply", "-", input=[{**FULL, "apis": APIS}])

    ours, theirs = (prompt.run("resolve", "a", *arguments).stdout for prompt in both)

    assert theirs == ours
    assert "sk-made-up" in theirs


def test_the_whole_of_an_integration_is_shown_as_a_store_shows_it(both):
    for prompt in both:
        prompt.run("apply", "-", input=[{**FULL, "apis": APIS}])

    ours, theirs = (prompt.json("resolve", "a") for prompt in both)

    made = {"createTime", "createdBy", "updateTime", "updatedBy"}
    for whole in (ours, theirs):
        for each in (whole, *whole["apis"]):
            assert all(each.pop(name) for name in made)
    assert theirs == ours
    assert list(theirs) == list(ours)


def test_the_key_is_read_from_a_file_or_from_standard_input(there, token_file):
    url = there.environment["CREDENZA_URL"]
    there.environment["CREDENZA_URL"] = None
    file = token_file.parent / "items.json"
    file.write_text(json.dumps([OPENAI]))

    assert there.run("apply", file, "--url", url, "--token-file", token_file).output == "1 created.\n"
    told = there.run("apply", file, "--url", f"{url}/api", "--token-file", "-", input=token_file.read_text())
    assert told.output == "1 unchanged.\n"


def test_a_file_goes_before_the_variable(there, token_file):
    there.environment["CREDENZA_TOKEN"] = "crdz_abc_wrong"

    there.run("apply", "-", "--token-file", token_file, input=[OPENAI])


def test_a_key_that_everybody_can_read_is_used_with_a_warning(there, token_file):
    token_file.chmod(0o604)

    told = there.run("apply", "-", "--token-file", token_file, input=[OPENAI])

    assert told.stderr == "warning: everybody on this machine can read the file with the API key.\n"
    assert told.stdout == "1 created.\n"


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        (["--store", "sqlite:////x.db"], {}, "--store cannot go with --url"),
        (["--kek", "env://X", "-w", "team"], {}, "--kek, --workspace cannot go with --url"),
        (["--schemas", "/x"], {}, "--schemas cannot go"),
        (["--validation", "lenient"], {}, "--validation cannot go"),
        (["--keep-versions", "3"], {}, "--keep-versions cannot go"),
        ([], {"CREDENZA_TOKEN": None}, "--token-file FILE, or CREDENZA_TOKEN"),
        ([], {"CREDENZA_TOKEN": "a\nb"}, "A credential is one line"),
        (["--token-file", "-"], {}, "Standard input cannot be both"),
        (["--token-file", "/nonexistent"], {}, "cannot be read: No such file"),
        (["--token-file", sys.executable], {}, "holds something else"),
        (["--token-file", "x"], {"CREDENZA_URL": None}, "--token-file goes with --url"),
        (["--url", "nope"], {}, "The URL of a server is"),
    ],
)
def test_what_does_not_go_together_is_told_before_anything_is_done(there, arguments, environment, words):
    there.environment |= environment

    refusal = there.refusal("apply", "-", *arguments, input=[OPENAI], code=failures.USAGE)

    assert words in refusal["message"]


def test_a_workspace_of_the_environment_is_for_stores(there):
    there.environment["CREDENZA_WORKSPACE"] = "elsewhere"

    there.run("apply", "-", input=[OPENAI])


def test_a_server_that_is_not_there_is_unavailable(there, monkeypatch):
    monkeypatch.setattr(drivers.time, "sleep", lambda _: None)
    there.environment["CREDENZA_URL"] = "http://127.0.0.1:9"

    refusal = there.refusal("apply", "-", input=[OPENAI], code=failures.UNAVAILABLE)

    assert (refusal["code"], refusal["retryable"]) == ("unreachable", True)


@pytest.mark.parametrize(
    ("role", "command", "told"),
    [
        ("viewer", ["apply", "-"], ("forbidden", failures.REFUSED)),
        ("editor", ["resolve", "a"], ("forbidden", failures.REFUSED)),
        ("admin", ["resolve", "nope"], ("not_found", failures.NOT_FOUND)),
        ("admin", ["resolve", ""], ("not_found", failures.NOT_FOUND)),
        (None, ["resolve", "a"], ("invalid_token", failures.REFUSED)),
    ],
)
def test_a_refusal_leaves_with_the_code_of_the_same_refusal_by_a_store(there, key, role, command, told):
    code, leaves = told
    there.run("apply", "-", input=[OPENAI])
    there.environment["CREDENZA_TOKEN"] = key(role) if role else "crdz_abc_wrong"

    assert there.refusal(*command, input=[OPENAI], code=leaves)["code"] == code


@pytest.mark.parametrize(
    ("error", "exit"),
    [
        (Unreachable("x"), failures.UNAVAILABLE),
        *[(ApiError("x", status=status, code="c"), failures.REFUSED) for status in (400, 401, 403, 413, 422)],
        *[(ApiError("x", status=status, code="c"), failures.CONFLICT) for status in (409, 412)],
        *[(ApiError("x", status=status, code="c"), failures.UNAVAILABLE) for status in (429, 500, 503, 507)],
        (ApiError("x", status=404, code="c"), failures.NOT_FOUND),
    ],
)
def test_every_error_of_a_server_has_an_exit_code(error, exit):
    assert failures.describe_failure(remote.translate(error)).exit == exit


def test_nothing_that_a_server_says_can_command_a_terminal():
    hostile = "a\x1b[31m"
    problem = Problem(code=hostile, message=hostile, pointer=hostile, name=hostile, keyword=hostile)

    failure = failures.describe_failure(
        remote.translate(ApiError(hostile, status=400, code=hostile, problems=[problem]))
    )

    assert "\x1b" not in repr(
        [getattr(each, name) for each in failure.errors for name in each.__struct_fields__]
    )
    assert failure.message == failure.code == "a\\x1b[31m"
    assert "\x1b" not in failures.write_problem(failure.errors[0])


def test_more_than_ten_thousand_go_in_several_batches(there, monkeypatch):
    monkeypatch.setattr(batches, "MAX_ITEMS", 4)
    items = [{**OPENAI, "name": f"n{number}"} for number in range(10)]

    assert there.run("apply", "-", input=items).stdout == "10 created.\n"
    items[9] = {"name": "n9", "type": "sendgrid"}
    told = there.run("apply", "-", input=items, code=failures.REFUSED).stderr
    assert "The 8 integrations before were saved." in told
    assert "#10 n9 " in told


def test_a_long_save_shows_how_far_it_is_where_somebody_watches(there, monkeypatch):
    monkeypatch.setattr(batches, "MAX_ITEMS", 500)
    items = [{**OPENAI, "name": f"n{number}"} for number in range(1_001)]
    seen = []

    @contextmanager
    def bar(total):
        seen.append(total)
        yield seen.append

    assert "1001/1001" not in there.run("apply", "-", "--dry-run", input=items).stderr
    monkeypatch.setattr(targets, "bar", bar)
    there.run("apply", "-", "--dry-run", input=items)
    assert seen == [1_001, 500, 1_000, 1_001]


def test_a_redirect_is_refused_and_the_key_goes_nowhere_else(there, monkeypatch):
    script = Script(answer(307, location="https://elsewhere.example.com/"))
    make = lambda url, token: Client(url, token, transport=script.transport)  # noqa: E731
    monkeypatch.setattr("credenza.client.Client", make)

    refusal = there.refusal("resolve", "a", code=failures.UNAVAILABLE)

    assert refusal["code"] == "redirect"
    assert len(script.requests) == 1


def test_no_key_and_no_value_is_ever_repeated(there, monkeypatch):
    canaries = Canaries()
    token, value = canaries.plant("token"), canaries.plant("value")
    there.environment["CREDENZA_TOKEN"] = token
    items = [{**OPENAI, "configuration": {"api_key": value}}]
    for reply in (refusal(400, "invalid_data"), refusal(401, "invalid_token"), answer(500)):
        script = Script(reply)
        make = lambda url, key, script=script: Client(url, key, transport=script.transport)  # noqa: E731
        monkeypatch.setattr("credenza.client.Client", make)
        for more in ([], ["--json"]):
            code = failures.UNAVAILABLE if reply.status_code == 500 else failures.REFUSED
            told = there.run("apply", "-", *more, input=items, code=code).output
            assert token not in told
            assert value not in told
            assert script.requests[0].headers["Authorization"] == f"Bearer {token}"


@pytest.mark.parametrize(
    "arguments",
    [
        ["resolve", "a", "--url", "CNRY-5f1c"],
        ["resolve", "a", "--url", "https://user:CNRY-5f1c@example.com"],
        ["resolve", "CNRY-5f1c"],
        ["resolve", "a", "--token-file", "CNRY-5f1c"],
        ["resolve", "a", "--format", "CNRY-5f1c"],
        ["resolve", "a", "--format", "env", "--prefix", "CNRY-5f1c"],
        ["run", "CNRY-5f1c", "--", "CNRY-5f1c"],
        ["run", "a", "CNRY-5f1c"],
    ],
)
@pytest.mark.parametrize("more", [[], ["--json"]])
def test_what_is_typed_is_not_repeated_for_it_may_be_a_secret(there, arguments, more):
    there.run("apply", "-", input=[OPENAI])

    answer = CliRunner().invoke(root, [arguments[0], *more, *arguments[1:]], env=there.environment)

    assert answer.exit_code != 0
    assert "CNRY-5f1c" not in answer.output


def test_a_command_that_calls_no_server_pays_for_no_client():
    code = (
        "import sys; from credenza.cli.root import COMMANDS, load_command\n"
        "for name in COMMANDS: load_command(name)\n"
        "print({'httpx', 'credenza.client'} & set(sys.modules))"
    )

    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert told == "set()\n"
