"""Workspaces, API keys, types, the audit and the doctor, at a prompt."""

import sqlite3

import pytest

from cli_prompt import OPENAI, SENDGRID, Prompt
from credenza.cli import conditions, doctor, failures
from credenza.connectors import Catalogue
from credenza.model import Role

CATALOGUE = Catalogue.load()


@pytest.fixture
def prompt(tmp_path, kek):
    prompt = Prompt(tmp_path, kek)
    prompt.run("init")
    return prompt


def damage(prompt, statement):
    connection = sqlite3.connect(prompt.database)
    with connection:
        assert connection.execute(statement).rowcount > 0
    connection.close()


def test_workspaces_are_made_and_listed_and_keep_their_integrations_apart(prompt):
    assert prompt.json("workspace", "create", "team-a")["name"] == "team-a"
    prompt.run("apply", "-", "--workspace", "team-a", input=[OPENAI])

    assert [row["workspace"] for row in prompt.rows("workspace", "list")] == ["default", "team-a"]
    assert prompt.json("list") == []
    prompt.environment["CREDENZA_WORKSPACE"] = "team-a"
    assert [each["name"] for each in prompt.json("list")] == ["a"]


@pytest.mark.parametrize("role", [role.value for role in Role])
def test_an_api_key_is_printed_in_three_parts_when_it_is_made_and_never_again(prompt, role):
    made = prompt.json("apikey", "create", "--role", role, "--names", "team-*", "--tag", "env=prod")

    assert list(made) == ["id", "secret", "token"]
    assert made["token"] == f"crdz_{made['id']}_{made['secret']}"
    listed = prompt.run("apikey", "list", "--json").stdout + prompt.run("apikey", "list").stdout
    assert made["secret"] not in listed
    [key] = prompt.json("apikey", "list")
    assert (key["role"], key["names"], key["tags"]) == (role, ["team-*"], [{"key": "env", "value": "prod"}])


def test_a_key_belongs_to_the_workspace_it_was_made_in(prompt):
    prompt.run("workspace", "create", "team-a")
    made = prompt.json("apikey", "create", "--role", "viewer", "-w", "team-a")

    assert prompt.json("apikey", "list") == []
    prompt.run("apikey", "revoke", made["id"], code=failures.NOT_FOUND)
    assert prompt.json("apikey", "revoke", made["id"], "-w", "team-a")["revoked"]
    assert prompt.rows("apikey", "list", "-w", "team-a")[0]["revoked"].startswith("20")


@pytest.mark.parametrize("limit", [["--names", ""], ["--tag", "env"], ["--tag", "=prod"]])
def test_a_limit_that_limits_nothing_is_refused(prompt, limit):
    prompt.run("apikey", "create", "--role", "viewer", *limit, code=failures.USAGE)

    assert prompt.json("apikey", "list") == []


def test_a_key_can_be_revoked_while_the_vault_is_locked(prompt):
    made = prompt.json("apikey", "create", "--role", "viewer")
    prompt.environment["CREDENZA_KEK"] = "env://CREDENZA_TEST_NONE"

    refusal = prompt.refusal("apikey", "revoke", made["id"], code=failures.UNAVAILABLE)

    assert "revoked" in refusal["message"]
    assert prompt.json("apikey", "list")[0]["revokeTime"] is not None


def test_types_are_listed_explained_and_given_as_their_schema(prompt):
    assert [row["type"] for row in prompt.rows("types")] == list(CATALOGUE)
    assert [each["name"] for each in prompt.json("types")] == list(CATALOGUE)
    told = prompt.run("types", "aws").stdout
    assert "api_key  (optional, secret)\n" in told
    assert "region  (required, says where secrets go)\n" in told
    assert "If connectionType is ACCESS_KEY: user, api_key required." in told
    assert prompt.json("types", "aws") == CATALOGUE["aws"].schema


def test_a_list_of_types_shows_what_is_secret_and_what_is_where_it_carries_credentials(prompt):
    secrets = {row["type"]: row["secrets"] for row in prompt.rows("types")}

    for name, each in CATALOGUE.items():
        told = [key.removesuffix(" (with credentials in it)") for key in secrets[name].split(", ") if key]
        assert told == [key for key in each.keys if key in each.secrets | each.embeds]
    assert secrets["mongovectordb"].endswith(" (with credentials in it)")


def test_types_need_no_store(tmp_path):
    Prompt(tmp_path, "").run("types")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_condition_of_every_type_is_said_in_words(name):
    schema = CATALOGUE[name].schema

    sentences = conditions.explain_conditions(schema)

    assert len(sentences) >= len(schema.get("allOf", ())) + ("anyOf" in schema)
    assert not any("see --json" in sentence or "certain form" in sentence for sentence in sentences)


@pytest.mark.parametrize(
    ("schema", "sentence"),
    [
        ({"anyOf": [{"required": ["a"]}, {"required": ["b"]}]}, "Always: a required or b required."),
        ({"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}, "Always: a required or else b required."),
        ({"dependentRequired": {"a": ["b", "c"]}}, "With a: b, c required."),
        (
            {
                "allOf": [
                    {"if": {"properties": {"a": {"enum": [1, 2]}}}, "else": {"not": {"required": ["b"]}}}
                ]
            },
            "Unless a is one of 1, 2: not (b required).",
        ),
        (
            {"allOf": [{"if": {}, "then": {"properties": {"a": {"minLength": 3}}}}]},
            "If see --json: a is of a certain form.",
        ),
    ],
)
def test_a_condition_is_a_sentence(schema, sentence):
    assert conditions.explain_conditions(schema) == [sentence]


def test_the_audit_of_what_was_done_is_whole_and_its_heads_are_found_again(prompt):
    prompt.run("apply", "-", input=[OPENAI])
    heads = prompt.json("audit", "heads")
    prompt.run("apply", "-", input=[SENDGRID])

    verified = prompt.json("audit", "verify", *(part for head in heads for part in ("--head", head)))

    assert verified == {"ok": True, "rows": 3, "findings": [], "heads": verified["heads"]}
    assert verified["heads"] != heads
    assert prompt.run("audit", "heads").stdout.splitlines() == verified["heads"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'cli:other' WHERE sequence = 2",
        "DELETE FROM audit WHERE sequence = 2",
        "DELETE FROM audit WHERE sequence = (SELECT max(sequence) FROM audit)",
    ],
)
def test_a_trail_that_was_touched_is_told_and_exports_no_heads(prompt, statement):
    prompt.run("apply", "-", input=[OPENAI])
    prompt.run("apply", "-", input=[SENDGRID])
    damage(prompt, statement)

    verified = prompt.json("audit", "verify", code=failures.REFUSED)

    assert not verified["ok"]
    assert verified["findings"][0] in prompt.run("audit", "verify", code=failures.REFUSED).stdout
    assert prompt.run("audit", "heads", code=failures.REFUSED).stdout == ""
    assert states(prompt.json("doctor", code=failures.REFUSED), "wrong") == {"workspace default: audit"}


@pytest.mark.parametrize(
    ("which", "said"), [("= 2", "row 2 is missing."), ("IN (2, 3)", "rows 2 to 3 are missing.")]
)
def test_rows_that_are_missing_are_counted_as_one_or_many(prompt, which, said):
    for sent in (OPENAI, SENDGRID, {**OPENAI, "name": "c"}):
        prompt.run("apply", "-", input=[sent])
    damage(prompt, f"DELETE FROM audit WHERE sequence {which}")

    assert f": {said}\n" in prompt.run("audit", "verify", code=failures.REFUSED).stdout


def test_a_head_that_is_not_in_the_trail_is_told(prompt):
    head = prompt.json("audit", "heads")[0]
    other = head[:-1] + ("0" if head[-1] != "0" else "1")

    assert prompt.json("audit", "verify", "--head", other, code=failures.REFUSED)["findings"]


def states(report, state):
    return {check["subject"] for check in report["checks"] if check["state"] == state}


def test_the_doctor_finds_nothing_wrong_with_a_sound_store(prompt):
    prompt.run("apply", "-", input=[OPENAI, SENDGRID])

    report = prompt.json("doctor")

    assert report["ok"]
    assert states(report, "wrong") == set()
    assert states(report, "ok") >= {"store", "file", "vault", "workspace default", "workspace default: audit"}
    assert "2 integrations, 2 secrets" in prompt.run("doctor").stdout


def test_the_doctor_names_the_integrations_whose_secrets_cannot_be_opened(prompt):
    prompt.run("apply", "-", input=[OPENAI, SENDGRID])
    damage(
        prompt,
        "UPDATE secrets SET sealed = zeroblob(90) WHERE integration_id = 1",
    )

    report = prompt.json("doctor", code=failures.REFUSED)

    key = "workspace default: a /configuration/api_key"
    assert states(report, "wrong") == {"workspace default", "workspace default: a", key}
    assert "made-up" not in prompt.run("doctor", code=failures.REFUSED).output


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_the_doctor_looks_at_every_secret_however_they_are_read(prompt, monkeypatch, size):
    monkeypatch.setattr("credenza.workspace.survey._CHUNK", size)
    prompt.run("apply", "-", input=[{**OPENAI, "name": name} for name in "abcd"])

    assert "4 integrations, 4 secrets, and every one can be opened." in prompt.run("doctor").stdout


def test_the_doctor_says_that_a_vault_is_locked_and_which_key_it_needs(prompt):
    key = prompt.json("init")["keyId"]
    prompt.environment["CREDENZA_KEK"] = "env://CREDENZA_TEST_NONE"

    report = prompt.json("doctor", code=failures.REFUSED)

    assert states(report, "wrong") == {"vault"}
    assert key in next(check["finding"] for check in report["checks"] if check["subject"] == "vault")


@pytest.mark.parametrize(
    ("version", "state"),
    [((3, 40, 1), "warning"), ((3, 51, 2), "warning"), ((3, 51, 3), "ok"), ((3, 52, 0), "ok")],
)
def test_the_doctor_warns_of_an_sqlite_whose_wal_can_lose_a_commit(version, state):
    assert doctor._check_sqlite(version).state == state
