"""Versions of connector types: what files of migrations may say, what reads say, and the commands."""

import json
import re
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import jsonschema
import pytest
import yaml
from litestar.testing import TestClient

from cli_prompt import Prompt
from credenza.connectors import Catalogue, shipped_schemas
from credenza.errors import SchemaRejected, StoreFull
from credenza.model import Actor, Role
from credenza.settings import Settings, open_credenza
from credenza.stores.sqlite.connect import SCHEMA
from credenza.web.app import create_app
from credenza.workspace import Workspace
from examples import API, problems
from own_types import SCHEMA as OWN
from own_types import places, register
from store_rows import SOON, drop_later_tables
from type_versions import ADDRESS, FIRST, MOVES, SECOND, Ages, key, old, put, schema, write_type

ROOT = Path(__file__).parent.parent
RULES = json.loads((shipped_schemas() / "migrations" / "meta.json").read_text())
GUIDE = (ROOT / "docs" / "types.md").read_text()


def move(steps, first=1, last=2):
    return f"- {{from: {first}, to: {last}, steps: {steps}}}\n"


# Files


def test_a_type_has_version_1_unless_its_file_says_otherwise(tmp_path):
    document = schema(3, SECOND)
    write_type(tmp_path / "a", document)
    del document["x-version"]
    write_type(tmp_path / "b", document)

    assert Catalogue.load(tmp_path / "a")["acme"].version == 3
    assert Catalogue.load(tmp_path / "b")["acme"].version == 1


@pytest.mark.parametrize("version", [0, 1.5, "2", 70_000])
def test_a_version_is_a_whole_number_from_1_on(tmp_path, version):
    write_type(tmp_path, schema(version, SECOND))

    with pytest.raises(SchemaRejected, match="/x-version"):
        Catalogue.load(tmp_path)


@pytest.mark.parametrize(
    ("moves", "reason"),
    [
        ("{", "Line 2, column 1: this is not YAML"),
        ("- &a {from: 1, to: 2, steps: []}\n- *a", "an alias stands here"),
        ("- {from: 1, to: 2, to: 2, steps: []}", "a key stands twice"),
        (b"\xff", "This is not YAML"),
        ("[]", "minItems"),
        ("from: 1", "type"),
        ("- {from: 1, to: 2}", "steps is missing"),
        ("- {from: 1, to: 2, stpes: [], steps: []}", "/0/stpes: no such keyword here"),
        (move("[{renam: {a: b}}]"), "/0/steps/0/renam: no such keyword here"),
        (move("[{rename: {apiKey: api_key}, remove: [legacy]}]"), "maxProperties"),
        (move("[{make_public: [api_key]}]"), "a secret is never made public"),
        (move("[]", 2, 3), "/0/from: must be 1"),
        (move("[]", 1, 3), "/0/to: must be the version after"),
        (move("[]") + move("[]", 3, 4), "/1/from: must be 2"),
        (move("[]") + move("[]", 2, 3), "must lead to the type's own x-version, 2"),
        (move("[{rename: {a: b}}]"), "b is no key of the type in the end"),
        (move("[{set: {b: 1}}]"), "b is no key of the type"),
        (move("[{rename: {url: mode, mode: url}}]"), "a name stands on both sides"),
        (move("[{make_secret: [mode]}]"), "mode is no secret of the type"),
        (move("[{set: {pin: '1'}}]"), "no value of one may stand in a file"),
        (move("[{map: {pin: {a: b}}}]"), "no value of one may stand in a file"),
        (move("[{set: {mode: null}}]"), "breaks the rule"),
    ],
)
def test_a_file_of_migrations_that_breaks_a_rule_stops_the_start_by_name(tmp_path, moves, reason):
    write_type(tmp_path, schema(2, SECOND), moves if isinstance(moves, str) else "")
    path = tmp_path / "migrations" / "acme.yaml"
    if isinstance(moves, bytes):
        path.write_bytes(moves)

    with pytest.raises(SchemaRejected, match=re.escape(reason)) as caught:
        Catalogue.load(tmp_path)
    assert caught.value.message.startswith(str(path))


def test_a_key_that_a_later_step_renames_again_is_fine_in_between(tmp_path):
    moves = move("[{rename: {a: b}}]") + move("[{rename: {b: mode}}, {set: {mode: fast}}]", 2, 3)
    write_type(tmp_path, schema(3, SECOND), moves)

    assert len(Catalogue.load(tmp_path)["acme"].moves) == 2


@pytest.mark.parametrize("name", ["other.yaml", "acme.yml"])
def test_a_file_of_migrations_that_belongs_to_no_type_is_refused(tmp_path, name):
    write_type(tmp_path, schema(2, SECOND), MOVES)
    (tmp_path / "migrations" / name).write_text(MOVES)

    with pytest.raises(SchemaRejected, match="must be named for a type"):
        Catalogue.load(tmp_path)


def test_words_of_yaml_stay_texts(tmp_path):
    write_type(tmp_path, schema(2, SECOND), move("[{map: {mode: {yes: on, 012: 2020-01-01}}}]"))

    [only] = Catalogue.load(tmp_path)["acme"].moves
    assert only.steps == (("map", {"mode": {"yes": "on", "012": "2020-01-01"}}),)


# Over HTTP


@pytest.fixture
def ages(open_service, tmp_path):
    return Ages(open_service, tmp_path / "types")


def call(ages, role="admin"):
    tenant = ages.service.tenant()
    made = ages.service.accounts.create_key(tenant, Role(role), by="test")
    client = TestClient(create_app(ages.service), raise_server_exceptions=False)
    client.headers["X-Authorization"] = made.token.reveal()
    return client


def test_reads_say_what_needs_reconfiguration_and_saving_that_back_is_fine(ages):
    ages.begin().apply([put("one", old(mode="odd", pin="canary-1")), put("two", old())])
    ages.go_on().migrate(["one", "two"])

    with call(ages) as client:
        one, two = client.get(f"{API}/").json()
        saved = client.post(API, json=[one, two])

    assert (one["typeVersion"], one["needsReconfiguration"]) == (1, True)
    [misfit] = one["misfits"]
    assert (misfit["pointer"], misfit["keyword"]) == ("/configuration/mode", "enum")
    assert (two["typeVersion"], two["needsReconfiguration"], "misfits" in two) == (2, False, False)
    assert "canary-1" not in json.dumps([one, two])
    assert [each["result"] for each in saved.json()["results"]] == ["unchanged", "unchanged"]


def test_a_later_version_than_the_programs_is_a_409_that_says_what_to_do(ages):
    ages.begin().apply([put("one", old())])
    ages.go_on().migrate(["one"])
    ages.back()

    with call(ages) as client:
        answer = client.post(API, json=[{"name": "one", "type": "acme", "enabled": False}])
        resolved = client.get(f"{API}/provider/one/resolved")
        shown = client.get(f"{API}/provider/one")

    assert (answer.status_code, problems(answer)) == (409, [(0, "type_outdated", "/type")])
    assert (resolved.status_code, resolved.json()["code"]) == (409, "type_outdated")
    assert (shown.status_code, shown.json()["typeVersion"]) == (200, 2)


def test_a_type_of_a_workspaces_own_does_not_go_back_to_an_earlier_version(api):
    def versioned(version):
        return {"name": "other", "schema": OWN | ({"x-version": version} if version else {})}

    assert register(api, versioned(2)).status_code == 200
    answer = register(api, versioned(None))

    assert (answer.status_code, places(answer)) == (409, [(0, "type_outdated", "/x-version")])
    assert register(api, versioned(3)).status_code == 200


# At a prompt


@pytest.fixture
def prompt(tmp_path, kek):
    """Return a prompt whose workspaces `default` and `other` hold what was saved under the first version."""
    prompt = Prompt(tmp_path, kek)
    prompt.environment["CREDENZA_SCHEMAS"] = write_type(tmp_path / "first", schema(1, FIRST))
    write_type(tmp_path / "next", schema(2, SECOND), MOVES)
    prompt.run("init")
    prompt.run("workspace", "create", "other")
    prompt.run("apply", "-", input=[item("a"), item("b", mode="canary-odd"), item("c", pin="canary-c")])
    prompt.run("apply", "-", "-w", "other", input=[item("d", pin="canary-d")])
    return prompt


def item(name, **more):
    return {"name": name, "type": "acme", "configuration": old(**{"pin": "canary-pin", **more})}


def deploy(prompt):
    prompt.environment["CREDENZA_SCHEMAS"] = str(prompt.folder / "next")


def versions(prompt, workspace="default"):
    return [each["typeVersion"] for each in prompt.json("list", "-w", workspace)]


def test_check_shows_before_a_deployment_what_becomes_of_every_integration(prompt):
    assert prompt.json("types", "check")["ok"] is True
    later = prompt.folder / "next"

    shown = prompt.json("types", "check", "--schemas", later, code=1)["integrations"]

    assert [(each["workspace"], each["name"], each["result"]) for each in shown] == [
        ("default", "a", "migrates"),
        ("default", "b", "does not fit"),
        ("default", "c", "migrates"),
        ("other", "d", "migrates"),
    ]
    assert {(each["storedVersion"], each["version"]) for each in shown} == {(1, 2)}
    told = prompt.run("types", "check", "--schemas", later, code=1)
    assert "1 -> 2\tdoes not fit\t/configuration/mode enum: mode must be" in told.stdout
    assert "canary" not in told.output
    assert prompt.refusal("types", "check", "--schemas", "nowhere", code=3)["code"] == "schema_rejected"


def test_check_finds_a_schema_that_became_stricter_without_a_new_version(prompt):
    strict = FIRST | {"mode": key(enum=["x"])}
    later = write_type(prompt.folder / "strict", schema(1, strict))

    shown = prompt.json("types", "check", "--schemas", later, "-w", "default", code=1)["integrations"]

    assert [each["result"] for each in shown] == ["fits", "does not fit", "fits"]


def set_back(prompt, schema=3):
    """Make the store what an earlier release left, and return all that its tables hold."""
    with closing(sqlite3.connect(prompt.database, isolation_level=None)) as connection:
        connection.execute("ALTER TABLE integrations DROP COLUMN type_version")
        drop_later_tables(connection)
        connection.execute("DELETE FROM _sqlite_migrations WHERE name > ?", (f"{schema + 1:03}",))
        connection.execute(f"PRAGMA user_version = {schema}")
    return dump(prompt)


def dump(prompt):
    with closing(sqlite3.connect(prompt.database)) as connection:
        return connection.execute("PRAGMA user_version").fetchone(), [*connection.iterdump()]


def test_a_store_of_an_earlier_release_is_looked_at_as_it_is(prompt):
    later = prompt.folder / "next"
    told = prompt.json("types", "check", "--schemas", later, code=1)
    before = set_back(prompt)

    assert prompt.json("types", "check", "--schemas", later, code=1) == told
    assert prompt.json("types", "migrate", "--plan", "--schemas", later, code=1)["updated"] == 3
    assert {row["state"] for row in prompt.rows("doctor") if row["subject"].startswith("workspace")} == {"ok"}

    assert dump(prompt) == before
    prompt.run("list")
    assert dump(prompt)[0] == (SCHEMA,)


@pytest.mark.parametrize(
    ("schema", "says"), [(2, "bring a backup of it up to date"), (SCHEMA + 1, "a later release")]
)
def test_one_that_cannot_be_looked_at_as_it_is_stays_so_and_is_refused(prompt, schema, says):
    before = set_back(prompt, schema)

    refusal = prompt.refusal("types", "check", code=3)

    assert refusal["code"] == "store_rejected"
    assert says in refusal["message"]
    assert dump(prompt) == before


def test_a_plan_is_shown_and_nothing_is_moved(prompt):
    deploy(prompt)

    rows = prompt.run("types", "migrate", "--dry-run", code=1).stdout.splitlines()

    assert [row.split("\t")[2] for row in rows[1:]] == ["updated", "marked", "updated", "updated"]
    assert versions(prompt) == [1, 1, 1]


def test_a_migration_that_was_stopped_goes_on_where_it_was(prompt):
    deploy(prompt)
    counts = []

    for code in (0, 1, 1, 1, 1):
        answer = prompt.json("types", "migrate", "--limit", 1, code=code)
        counts.append((answer["updated"], answer["marked"]))

    assert counts == [(1, 0), (0, 1), (1, 1), (1, 1), (0, 1)]
    assert (versions(prompt), versions(prompt, "other")) == ([2, 1, 2], [2])


def spoil(prompt, name, version="i.version"):
    """Damage what a version of an integration says, behind the program's back."""
    sql = f"""
        UPDATE integration_versions SET document = 'canary-spoilt' WHERE (integration_id, version) IN
        (SELECT i.id, {version} FROM integrations i WHERE i.name = ?)
    """
    with closing(sqlite3.connect(prompt.database)) as connection, connection:
        assert connection.execute(sql, (name,)).rowcount == 1


def test_one_record_that_cannot_be_read_is_told_by_name_and_all_others_are_looked_at(prompt):
    deploy(prompt)
    spoil(prompt, "a")

    def told(*command):
        answer = prompt.json("types", *command, code=1)
        return {each["name"]: (each["result"], each.get("problems")) for each in answer["integrations"]}

    checked, planned, moved = told("check"), told("migrate", "--plan"), told("migrate")

    for each, result in ((checked, "does not fit"), (planned, "failed"), (moved, "failed")):
        assert (each["a"][0], [problem["code"] for problem in each["a"][1]]) == (result, ["unreadable"])
        assert "canary" not in str(each)
    assert [each["d"][0] for each in (checked, planned, moved)] == ["migrates", "updated", "updated"]
    assert [each["b"][0] for each in (planned, moved)] == ["marked", "marked"]


def test_one_earlier_version_that_cannot_be_read_keeps_only_its_own_integration_from_moving(prompt):
    prompt.run("apply", "-", input=[item("a", pin="second")])
    deploy(prompt)
    spoil(prompt, "a", "1")

    answer = prompt.json("types", "migrate", code=1)

    assert {each["name"]: each["result"] for each in answer["integrations"]} == {
        "a": "failed",
        "b": "marked",
        "c": "updated",
        "d": "updated",
    }


def test_doctor_goes_on_behind_a_record_that_cannot_be_read(prompt):
    spoil(prompt, "a")

    answer = prompt.json("doctor", code=1)

    found = [(each["subject"], each["state"]) for each in answer["checks"] if "workspace" in each["subject"]]
    assert ("workspace default: a", "wrong") in found
    assert ("workspace default: audit", "ok") in found
    assert ("workspace other", "ok") in found


def test_what_another_run_has_moved_meanwhile_is_counted_apart_from_what_failed(prompt, monkeypatch):
    deploy(prompt)
    migrate = Workspace.migrate

    def beside(self, names, **more):
        migrate(self, [name for name in names if name == "c"])
        self.delete("a").result() if "a" in names else None
        return migrate(self, names, **more)

    monkeypatch.setattr(Workspace, "migrate", beside)

    answer = prompt.json("types", "migrate", "-w", "default", code=1)

    assert {word: answer[word] for word in ("updated", "marked", "unchanged", "failed")} == {
        "updated": 0,
        "marked": 1,
        "unchanged": 1,
        "failed": 1,
    }


def test_an_error_in_the_middle_does_not_take_the_account_of_what_was_done(prompt, monkeypatch):
    deploy(prompt)
    migrate = Workspace.migrate

    def full(self, names, **more):
        if self.actor.tenant.slug == "other":
            raise StoreFull
        return migrate(self, names, **more)

    monkeypatch.setattr(Workspace, "migrate", full)

    answer = prompt.run("types", "migrate", code=6)

    assert answer.stdout == "2 migrated, 1 do not fit.\n"
    assert "default b: /configuration/mode enum" in answer.stderr
    assert "no room left" in answer.stderr


def test_a_migration_may_be_of_one_workspace_and_one_type(prompt):
    deploy(prompt)

    assert prompt.json("types", "migrate", "-w", "other", "--type", "acme")["updated"] == 1
    assert prompt.json("types", "migrate", "--type", "openai")["updated"] == 0
    assert prompt.refusal("types", "migrate", "--type", "canary", code=4)["code"] == "unknown_type"
    assert (versions(prompt), versions(prompt, "other")) == ([1, 1, 1], [2])


def bytes_of(prompt):
    """Return all that stands in the files of a store."""
    return b"".join(file.read_bytes() for file in prompt.database.parent.iterdir())


@pytest.fixture
def served(prompt):
    """Open the store of a prompt as a server does, so that commands run beside one."""
    deploy(prompt)
    settings = Settings.read(prompt.environment, access_log=False)
    with closing(open_credenza(settings, serving=True)) as service:
        yield service


def test_what_became_a_secret_leaves_the_files_though_a_server_has_them_open(prompt, served):
    assert b"canary-c" in bytes_of(prompt)
    assert b"canary-d" in bytes_of(prompt)

    assert prompt.json("types", "migrate", "-w", "other")["settled"] is True
    assert b"canary-d" not in bytes_of(prompt)

    saved = put("c", {"url": ADDRESS, "mode": "fast"})
    served.workspace(Actor(served.tenant(), "test", Role.ADMIN)).apply([saved])
    end = time.monotonic() + SOON
    while b"canary-c" in bytes_of(prompt) and time.monotonic() < end:
        time.sleep(0.02)
    assert b"canary-c" not in bytes_of(prompt)


def test_where_it_cannot_leave_them_yet_the_command_says_so(prompt, served, monkeypatch):
    monkeypatch.setattr("credenza.cli.type_versions._SETTLE_SECONDS", 0.1)
    with closing(sqlite3.connect(prompt.database, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM integration_versions").fetchone()

        told = prompt.run("types", "migrate", "-w", "other")
        assert "Make no copy of the files before" in told.stderr
        assert prompt.json("types", "migrate", "-w", "default", code=1)["settled"] is False

    assert served.store.settle(SOON)


def test_doctor_says_how_many_wait_and_how_many_do_not_fit(prompt):
    def told():
        return [
            row["finding"] for row in prompt.rows("doctor") if row["subject"] == "workspace default: types"
        ]

    assert told() == []
    deploy(prompt)
    assert [each.split(",")[0] for each in told()] == ["3 integrations"]
    prompt.run("types", "migrate", code=1)
    assert [each.split(",")[0] for each in told()] == ["1 integration", "1 integration"]


def test_the_version_of_a_type_is_shown(prompt):
    deploy(prompt)

    assert "version 2" in prompt.run("types", "acme").stdout.splitlines()[0]
    assert {each["name"]: each["version"] for each in prompt.json("types")}["acme"] == 2


# What the guide says


def test_the_guide_is_true(tmp_path, kek):
    prompt = Prompt(tmp_path, kek)
    first, second = (json.loads(each) for each in re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL))
    moves = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
    prompt.environment["CREDENZA_SCHEMAS"] = write_type(tmp_path / "first", first)
    write_type(tmp_path / "next", second, moves[0])
    prompt.run("init")
    prompt.run("apply", "-", input=[item("a", mode="quick")])

    ran = []
    for block in re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL):
        for line in block.splitlines():
            ran.append(line)
            prompt.run(*line.replace(" next", f" {tmp_path / 'next'}").split()[1:])
        deploy(prompt)

    assert ran == [f"credenza types {each}" for each in ("check --schemas next", "migrate --plan", "migrate")]
    assert prompt.json("resolve", "a")["configuration"] == {
        "url": "https://acme.example",
        "api_key": "sk-made-up",
        "pin": "canary-pin",
        "mode": "fast",
    }
    for each in moves:
        jsonschema.validate(yaml.safe_load(each), RULES)


def test_the_guide_names_every_step_there_is():
    steps = RULES["$defs"]["step"]["properties"]

    assert set(re.findall(r"^\| `([a-z_]+): ", GUIDE, re.MULTILINE)) == set(steps)
