"""Another server of the bulk-save API: what it hands out comes, and what it withholds is named."""

import json
import shutil

import pytest

from canary import Canaries
from import_scripts import FIXTURES, Importer
from web_server import serve

FILE = "integrations.json"
LENIENT = ("--validation", "lenient")
OPENAI = {"name": "a", "type": "openai", "configuration": {"api_key": "made-up"}}


@pytest.fixture
def importer(tmp_path, kek):
    shutil.copytree(FIXTURES / "conductor", tmp_path, dirs_exist_ok=True)
    return Importer("conductor", tmp_path, kek)


@pytest.fixture
def write(importer):
    def write(content):
        path = importer.folder / "x.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


@pytest.fixture
def server(service, api, key, importer):
    """Serve integrations of a store of its own; give its URL and a file with a key for it."""
    items = [
        {**OPENAI, "tags": [{"key": "team", "value": "x"}], "enabled": False},
        {"name": "b", "type": "sendgrid", "configuration": {"api_key": "made-up"}},
        {"name": "c", "type": "ollama", "configuration": {"endpoint": "http://ollama"}},
    ]
    items[2]["apis"] = [{"integrationName": "c", "api": "m/1", "configuration": {"temperature": 1}}]
    assert api.post("/api/integrations", json=items).status_code == 200
    _, key_id, secret = key("viewer").split("_", 2)
    file = importer.folder / "key"
    file.write_text(f"{key_id}\n{secret}\n")
    file.chmod(0o600)
    with serve(service) as url:
        yield url, file


def test_a_saved_answer_says_which_secrets_it_does_not_hold(importer):
    plan = importer.plan(FILE, *LENIENT)

    assert {name: (row["result"], row["secrets"], row["missing"]) for name, row in plan.items()} == {
        "open-ai-test": ("created", "api_key", ""),
        "orders-db": ("created", "", "password"),
        "mail": ("created", "", "api_key"),
    }
    assert [row["not taken over"] for row in plan.values()] == ["gpt-4o/legacy", "connectionPoolSize", ""]


def test_a_strict_store_takes_none_that_lacks_a_required_secret(importer):
    done = importer.run(FILE, code=1)

    assert "orders-db /configuration/password: password is required. [required]" in done.stderr
    assert importer.names() == []


def test_what_the_answer_holds_comes_as_it_is(importer):
    importer.run(FILE, *LENIENT)

    shown = importer.show("open-ai-test")
    assert importer.reveal("open-ai-test") == {
        "api_key": "made-up-openai",
        "endpoint": "https://api.openai.com",
    }
    assert (shown["description"], shown["enabled"], shown["category"]) == (
        "For experiments",
        True,
        "AI_MODEL",
    )
    assert importer.tags("open-ai-test") == {"team": "search", "imported-from": "conductor"}
    (api,) = shown["apis"]
    assert (api["api"], api["description"], api["enabled"]) == ("gpt-4o", "GPT-4o", False)
    assert api["configuration"] == {"maxTokens": 5}
    assert importer.show("orders-db")["missing"] == ["/password"]
    assert importer.show("mail")["category"] == "EMAIL"
    assert importer.run(FILE, *LENIENT).stdout == "3 unchanged.\n"


def test_a_secret_that_was_entered_since_stays(importer):
    importer.run(FILE, *LENIENT)
    importer.prompt.run(
        "apply", "-", input=[{"name": "mail", "type": "sendgrid", "configuration": {"api_key": "x"}}]
    )

    assert importer.run(FILE, *LENIENT).stdout == "3 unchanged.\n"
    assert importer.reveal("mail") == {"api_key": "x"}


@pytest.mark.parametrize(
    "shown",
    [
        "****",
        "••••••",
        "sk-****abcd",
        "xxxxx",
        "XXXXXXXXXX",
        "#####",
        "<API_KEY>",
        "[REDACTED]",
        "(hidden)",
        "redacted",
        "",
        {},
        {"$secret": {"version": 1}},
        {"configured": True},
        True,
        1,
        ["a"],
    ],
)
def test_what_stands_in_the_place_of_a_secret_is_never_taken_for_it(importer, write, shown):
    path = write([{"name": "a", "type": "sendgrid", "configuration": {"api_key": shown}}])

    row = importer.plan(path, *LENIENT)["a"]

    assert (row["result"], row["secrets"], row["missing"]) == ("created", "", "api_key")


@pytest.mark.parametrize(
    "shown", ["jdbc:postgresql://u:***@h/d", {"$secret": {"redacted": "jdbc:postgresql://h/d"}}]
)
def test_a_url_without_its_password_is_not_taken_for_the_url(importer, write, shown):
    configuration = {"jdbcDriver": "Postgres", "user": "u", "password": "made-up", "datasourceURL": shown}
    path = write([{"name": "a", "type": "relational_db", "configuration": configuration}])

    assert importer.plan(path, *LENIENT)["a"]["missing"] == "datasourceURL"


@pytest.mark.parametrize("word", ["sk-made-up", "xoxb-1", "a b", "pässwörd"])
def test_a_secret_is_taken_for_one(importer, write, word):
    importer.run(write([{**OPENAI, "configuration": {"api_key": word}}]))

    assert importer.reveal("a") == {"api_key": word}


def test_a_running_server_is_asked_for_all_it_has(importer, server):
    url, file = server

    plan = importer.plan("--from", url, "--key-file", file, *LENIENT)
    importer.run("--from", f"{url}/api", "--key-file", file, *LENIENT)

    assert {name: (row["secrets"], row["missing"]) for name, row in plan.items()} == {
        "a": ("", "api_key"),
        "b": ("", "api_key"),
        "c": ("", ""),
    }
    assert importer.show("a")["enabled"] is False
    assert importer.tags("a") == {"team": "x", "imported-from": "conductor"}
    assert importer.show("c")["modelsCount"] == 1


def test_the_key_of_a_server_may_stand_in_the_environment(importer, server):
    url, file = server
    key_id, secret = file.read_text().split()

    done = importer.run(
        "--dry-run",
        *LENIENT,
        CONDUCTOR_SERVER_URL=f"{url}/api",
        CONDUCTOR_AUTH_KEY=key_id,
        CONDUCTOR_AUTH_SECRET=secret,
    )

    assert done.stdout.endswith("3 created; nothing was saved: this is a dry run.\n")


def test_a_server_that_refuses_is_told_without_the_key(importer, server):
    url, file = server
    canaries = Canaries()
    file.write_text(f"0123456789abcdef {canaries.plant('secret')}")

    done = importer.run("--from", url, "--key-file", file, code=1)

    assert done.stderr.startswith("error: ")
    assert canaries.scan(done.stderr.encode()) == set()


def test_a_server_that_is_not_there_is_told(importer, monkeypatch):
    monkeypatch.setattr("import_conductor._RETRIES", 0)

    importer.run("--from", "http://127.0.0.1:9", code=6, CONDUCTOR_AUTH_KEY="a", CONDUCTOR_AUTH_SECRET="b")


@pytest.mark.parametrize(
    ("arguments", "variables", "told"),
    [
        ([], {}, "Say which FILE to read, or which server to ask"),
        ([FILE, "--key-file", FILE], {}, "--key-file goes with --from."),
        (["--from", "http://h"], {}, "Say where the id and the secret of a key are"),
        (["--from", "http://h"], {"CONDUCTOR_AUTH_KEY": "a"}, "Say where the id and the secret of a key are"),
        (["--from", "http://h", "--key-file", FILE], {}, "Say where the id and the secret of a key are"),
        (
            ["--from", "nowhere"],
            {"CONDUCTOR_AUTH_KEY": "a", "CONDUCTOR_AUTH_SECRET": "b"},
            "The URL of a server is",
        ),
    ],
)
def test_a_command_line_that_cannot_be_meant_is_refused(importer, arguments, variables, told):
    assert told in importer.run(*arguments, code=2, **variables).stderr


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{}", "is no list of integrations, as GET /api/integrations/ answers it."),
        ("<html>", "is no list of integrations"),
        ("[1]", "item 1: it is no object. [unreadable]"),
        ([{"type": "openai"}], "item 1: `name`: a name belongs here."),
        ([{"name": "a"}], "a: item 1: `type`: a type belongs here."),
        (
            [{"name": "a", "type": "openai", "configuration": ["x"]}],
            "a: item 1: `configuration`: keys and values",
        ),
        ([{**OPENAI, "apis": [{}]}], "a: item 1: `apis`: one of them has no name."),
        ([{**OPENAI, "apis": 1}], "a: item 1: `apis`: a list belongs here."),
        (
            [{**OPENAI, "apis": [{"api": "m", "configuration": ["x"]}]}],
            "a: item 1: `apis`: the configuration of one is none.",
        ),
        ([{**OPENAI, "tags": 1}], "a: item 1: `tags`: a list belongs here."),
        ([OPENAI, OPENAI], "`a` (item 1) and `a` (item 2) come to one name"),
        ([{**OPENAI, "type": "kafka_msk"}], "a /type: There is no such connector type"),
    ],
)
def test_an_answer_that_is_not_what_it_says_is_told(importer, write, content, told):
    assert told in importer.run(write(content), code=1).stderr
    assert importer.names() == []


def test_a_type_is_known_whatever_its_case(importer, write):
    assert (
        importer.plan(write([{"name": "g", "type": "Grok", "configuration": {"api_key": "made-up"}}]))["g"][
            "type"
        ]
        == "grok"
    )


def test_no_secret_is_told(importer, write):
    canaries = Canaries()
    plant = canaries.plant
    items = [
        {**OPENAI, "configuration": {"api_key": plant("key"), "more": plant("more")}},
        {**OPENAI, "name": "b", "configuration": {"api_key": {"value": plant("inner")}}},
        {**OPENAI, "name": "c", "type": "unheard-of", "configuration": {"api_key": plant("unknown")}},
        {**OPENAI, "name": "d", "configuration": plant("text")},
        {
            **OPENAI,
            "name": "e",
            "apis": [{"api": "m", "configuration": {"password": plant("api"), "x": plant("x")}}],
        },
        plant("item"),
    ]
    path = write(items)
    for more in (["--dry-run"], ["--skip-bad"]):
        importer.run(path, *LENIENT, *more, "--report", "report.json", code=1)
    importer.run(write(json.dumps(items)[:-1]), code=1)

    assert importer.names() == ["a", "b", "e"]
    assert canaries.scan("\n".join(importer.outputs).encode()) == set()
    assert canaries.scan((importer.folder / "report.json").read_bytes()) == set()
    assert len(canaries.slots) == 8
