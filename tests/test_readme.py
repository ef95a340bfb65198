"""The README is true: its examples run, its settings and commands are those of the program."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from age_keys import DATABASE, make_pair, new_store
from credenza.cli.root import COMMANDS
from credenza.connectors import Catalogue
from credenza.connectors.destination import canonicalise
from credenza.model import Role
from credenza.settings import Settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
EXAMPLES = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
TOLD = "http://127.0.0.1:8080"


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """Run the examples one after the other against a developer's server, as a newcomer would."""
    home = tmp_path_factory.mktemp("home")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CREDENZA_", "XDG_"))}
    environment = {**kept, "HOME": str(home)}
    command = [sys.executable, "-m", "credenza", "serve", "--dev", "--port", "0", "--json"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as server:
        start = json.loads(server.stdout.readline())
        environment["KEY"] = start["token"]
        # In one shell, as in one terminal: what one example sets is there for the next.
        script = "\nprintf '\\0'\n".join(["set -e", *EXAMPLES]).replace(TOLD, start["address"])
        done = subprocess.run(
            ["sh", "-c", script], env=environment, cwd=home, capture_output=True, check=True
        )
        found = [json.loads(answer) for answer in done.stdout.split(b"\0")[1:]]
        program = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[0].replace(TOLD, start["address"])
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, check=True
        )
        found.append(done.stdout.decode().split("\n"))
        server.terminate()
    return found


@pytest.mark.system("curl")
def test_the_first_example_saves_both_integrations(answers):
    assert (answers[0]["created"], answers[0]["failed"]) == (2, 0)


@pytest.mark.system("curl")
def test_the_second_lists_them_without_their_secrets(answers):
    secrets = [
        each["configuration"].get("api_key", each["configuration"].get("password")) for each in answers[1]
    ]

    assert [list(secret) for secret in secrets] == [["$secret"], ["$secret"]]


@pytest.mark.system("curl")
def test_the_third_plans_a_change_and_keeps_the_secret(answers):
    [item] = answers[2]["results"]

    assert (answers[2]["dryRun"], item["result"]) == (True, "updated")
    assert item["secrets"] == {"/configuration/api_key": "kept"}


@pytest.mark.system("curl")
def test_the_fourth_is_refused_because_the_password_would_go_elsewhere(answers):
    assert [problem["code"] for problem in answers[3]["errors"]] == ["secret_reentry_required"]


@pytest.mark.system("curl")
def test_the_fifth_reveals(answers):
    assert answers[4]["configuration"] == {"api_key": "sk-made-up"}


@pytest.mark.system("curl")
def test_the_sixth_goes_from_a_template_to_a_resolved_integration(answers):
    assert (answers[5]["name"], answers[5]["type"]) == ("northwind-openai", "openai")
    assert answers[5]["configuration"] == {"api_key": "sk-made-up"}


@pytest.mark.system("curl")
def test_the_seventh_makes_a_link_for_a_customer_that_leads_back_to_this_machine(answers):
    assert (answers[6]["object"], answers[6]["status"]) == ("integration.setup_session", "pending")
    assert answers[6]["redirect_url"] == "http://localhost:3000/connected"
    assert len(answers) - 1 == len(EXAMPLES) == 7


@pytest.mark.system("curl")
def test_the_program_saves_lists_reveals_and_removes(answers):
    assert answers[-1] == ["1 ['mail']", "made-up", "not_found", ""]


def test_every_setting_stands_in_the_table_and_nothing_else_does():
    told = set(re.findall(r"`CREDENZA_([A-Z_]+)`", README))

    assert told - {"WORKSPACE", "URL", "TOKEN", "AGE_IDENTITY"} == {
        field.upper() for field in Settings.__struct_fields__
    }


def test_the_commands_between_stores_and_in_git_do_what_they_say(tmp_path, kek, monkeypatch):
    section = README[README.index("## Between Credenzas and in git") : README.index("## Packages in files")]
    [block] = re.findall(r"```text\n(.*?)```", section, re.DOTALL)
    public, _ = make_pair(tmp_path, "key.txt")
    (tmp_path / "recipients.txt").write_text(public)
    prompt = new_store(tmp_path / "home", kek)
    prompt.run("apply", "-", input=[DATABASE])
    monkeypatch.chdir(tmp_path)

    told = []
    for line in block.replace("age1…", public).splitlines():
        *words, command = line.split("| ")
        told.append(
            prompt.run(*shlex.split(command)[1:], input="made-up" if words else None).stdout.splitlines()
        )

    assert [lines[-1] for lines in told] == [
        "1 integration written, 1 secret sealed.",
        "1 created.",
        "2 integrations written, 2 secrets sealed.",
        "Sealed.",
        "1 updated, 1 unchanged; nothing was saved: this is a dry run.",
    ]


def test_the_commands_of_packages_do_what_they_say(tmp_path, kek, monkeypatch):
    section = README[README.index("## Packages in files") : README.index("## Running it for real")]
    [block] = re.findall(r"```text\n(.*?)```", section, re.DOTALL)
    prompt = new_store(tmp_path / "home", kek)
    (tmp_path / "secrets.yaml").write_text("database_password: made-up\nopenai_key: sk-made-up\n")
    (tmp_path / "more.yaml").write_text("cohere_key: co-made-up\n")
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)

    told = [prompt.run(*shlex.split(line)[1:]).stdout.splitlines()[-1] for line in block.splitlines()]

    assert [re.sub(r" \(ins_\w+\)", "", line) for line in told[1:]] == [
        "rag-stack is valid by the types of workspace default: 2 members, 6 variables, 2 secret.",
        "Published rag-stack 1.0.0.",
        "Installed RAG stack 1.0.0: 2 added.",
        "Variables: added cohere_key.",
        "Published rag-stack 1.1.0.",
        "1 added, 1 updated, 1 unchanged; nothing was saved: this is a dry run.",
        "Upgraded RAG stack from 1.0.0 to 1.1.0: 1 added, 1 updated, 1 unchanged.",
        "Rolled back RAG stack: 1 restored, 1 removed, 1 unchanged.",
    ]


def test_every_command_is_named():
    line = README[README.index("`credenza --help` lists") : README.index("They work on the store itself")]

    assert set(re.findall(r"`([a-z]+)`", line)) == set(COMMANDS)


def test_what_it_says_of_paths_is_what_counts_of_an_address():
    assert "The path of a URL does not count, the\n  database that a JDBC URL names does." in README
    assert canonicalise("url", "https://host/a") == canonicalise("url", "https://host/b")
    assert canonicalise("jdbc", "jdbc:postgresql://host/a") != canonicalise(
        "jdbc", "jdbc:postgresql://host/b"
    )


def test_every_role_is_explained():
    table = README[README.index("## Who may") :]

    assert set(re.findall(r"^\| `([a-z]+)` \|", table, re.MULTILINE)) == {role.value for role in Role}


def test_every_file_it_links_to_exists():
    links = re.findall(r"\]\(([^):#]+)\)", README)

    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_example_of_a_type_is_one(tmp_path):
    [example] = re.findall(r"```json\n(.*?)```", README, re.DOTALL)
    (tmp_path / "acme.json").write_text(example)

    assert Catalogue.load(tmp_path)["acme"].secrets == {"token"}


def test_the_benchmarks_are_written_down():
    rows = (ROOT / "docs" / "benchmarks.md").read_text().splitlines()

    assert len([row for row in rows if row.startswith("| ")]) > 20
