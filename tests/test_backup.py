"""A backup is a whole store at one moment, in one file that says of itself whether it is good."""

import base64
import os
import random
import re
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from sqlite_utils import Migrations

from cli_prompt import OPENAI, Prompt
from copy_things import SECRET, make_rich, make_token, open_store, read_all
from credenza.cli import failures
from credenza.cli.root import load_command
from credenza.copies import ends, verbs
from credenza.copies.copying import sum_up
from credenza.copies.manifest import Manifest, read_named
from credenza.errors import StoreDamaged, StoreRejected
from credenza.stores.sqlite import connect, intake, schema
from credenza.tables import TABLES


@pytest.fixture(scope="module")
def rich(tmp_path_factory):
    """Make a store with something in every table, once; no test changes it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CREDENZA_COPIES_KEK", base64.b64encode(os.urandom(32)).decode())
        folder = tmp_path_factory.mktemp("rich")
        yield make_rich(f"sqlite:///{folder}/store/credenza.db", "env://CREDENZA_COPIES_KEK")


@pytest.fixture
def prompt(tmp_path, rich):
    prompt = Prompt(tmp_path, rich.kek)
    prompt.environment["CREDENZA_STORE"] = rich.uri
    return prompt


@pytest.fixture
def file(tmp_path):
    return tmp_path / "store.backup"


@pytest.fixture(scope="module")
def good(rich, tmp_path_factory):
    """Return the bytes of a backup."""
    folder = tmp_path_factory.mktemp("good")
    prompt = Prompt(folder, rich.kek)
    prompt.run("backup", folder / "store.backup", "--store", rich.uri)
    return (folder / "store.backup").read_bytes()


def read_backup(file):
    """Return the rows of a backup that is as it was written."""
    with ends.read_backup(file) as backup:
        verbs.look_over(backup)
        return {table.name: [*backup.rows(table)] for table in TABLES}


def edit(file, *statements):
    """Change a file behind everybody's back."""
    with closing(sqlite3.connect(file)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def test_a_backup_has_every_row_and_tells_what_is_in_it(prompt, rich, file):
    told = prompt.json("backup", file)

    rows = read_all(rich.uri)
    assert read_backup(file) == rows
    assert told["rows"] == sum(map(len, rows.values()))
    assert [told[name] for name in ("workspaces", "integrations", "secrets", "audit")] == [
        len(rows[name]) for name in ("workspaces", "integrations", "secrets", "audit")
    ]
    assert told["vault"] == rows["vault"][0][1].hex()
    assert told["keys"] == sorted(rows[table][0][4] for table in ("vault", "vault_next"))
    assert told["heads"]["default"] == prompt.json("audit", "heads")
    assert prompt.json("backup", "--verify", file)["sha256"] == told["sha256"]


@pytest.mark.system("postgresql")
def test_backups_of_the_same_rows_say_the_same_whatever_store_they_are_of(prompt, rich, file, databases):
    prompt.run("backup", file)
    with databases.named() as find:
        prompt.run("move", rich.uri, find("moved"))
        prompt.run("backup", file.with_name("other"), "--store", find("moved"))

    assert read_backup(file) == read_backup(file.with_name("other"))


def test_a_backup_is_its_owners_alone_and_nothing_is_left_beside_it(prompt, file):
    file.parent.chmod(0o755)
    prompt.run("backup", file)

    assert file.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in file.parent.iterdir()] == [file.name]


def test_a_backup_holds_neither_the_key_nor_a_secret_in_clear(prompt, file):
    told = prompt.run("backup", file).output
    key = os.environ["CREDENZA_COPIES_KEK"]

    held = file.read_bytes()
    for hidden in (SECRET.encode(), key.encode(), base64.b64decode(key)):
        assert hidden not in held
    assert SECRET not in told


def test_to_write_a_backup_no_key_is_asked_for(prompt, file):
    prompt.environment["CREDENZA_KEK"] = "env://NO_SUCH_VARIABLE"
    prompt.run("backup", file)


def test_what_was_removed_from_a_store_is_not_in_a_backup_of_it(tmp_path, rich, file):
    prompt = Prompt(tmp_path, rich.kek)
    prompt.run("init")
    with open_store(prompt.environment["CREDENZA_STORE"], rich.kek, serving=True):
        prompt.run("apply", "-", input=[OPENAI])
        [[sealed]] = [row[8:9] for row in read_all(prompt.environment["CREDENZA_STORE"])["secrets"]]
        prompt.run("delete", "a", "--yes")
        prompt.run("backup", file)

    assert len(sealed) > 90
    assert sealed[50:] not in file.read_bytes()


def test_a_store_is_backed_up_while_it_is_served_and_saved_to(tmp_path, rich, file):
    prompt = Prompt(tmp_path, rich.kek)
    prompt.run("init")
    uri, enough = prompt.environment["CREDENZA_STORE"], threading.Event()
    with open_store(uri, rich.kek, serving=True) as service:

        def save():
            while not enough.is_set():
                make_token(service, "default")

        writer = threading.Thread(target=save)
        writer.start()
        try:
            for number in range(3):
                prompt.run("backup", file.with_name(str(number)))
        finally:
            enough.set()
            writer.join()
    for number in range(3):
        told = prompt.json("backup", "--verify", file.with_name(str(number)))
        assert "findings" not in told


def test_a_file_that_is_there_is_replaced_only_by_force_and_by_a_whole_backup(prompt, file, monkeypatch):
    file.write_text("mine")
    assert "--force" in prompt.refusal("backup", file, code=failures.NOT_STARTED)["message"]
    monkeypatch.setitem(intake._PRAGMAS, "max_page_count", "60")
    told = prompt.refusal("backup", file, "--force", code=failures.UNAVAILABLE)
    assert (told["code"], file.read_text()) == ("store_full", "mine")
    assert [each.name for each in file.parent.iterdir()] == [file.name]
    monkeypatch.undo()

    prompt.run("backup", file, "--force")
    prompt.run("backup", file, "--force")
    assert read_backup(file)


def test_a_store_is_never_replaced_by_a_backup_and_no_backup_is_taken_for_a_store(prompt, rich, file):
    store = rich.uri.removeprefix("sqlite:///")
    assert "is a store" in prompt.refusal("backup", store, "--force", code=failures.NOT_STARTED)["message"]
    prompt.run("backup", file)

    for command in ("list", "doctor", "init", "backup other"):
        told = prompt.refusal(*command.split(), "--store", f"sqlite:///{file}", code=failures.NOT_STARTED)
        assert "credenza restore" in told["message"]
    assert read_backup(file)


def test_any_change_of_a_backup_is_found_or_is_none(good, file):
    chance = random.Random(7)  # a test that fails must fail again
    file.write_bytes(good)
    outcomes = [read_backup(file)]
    for number in range(90):
        changed = bytearray(good)
        if number % 6 == 0:
            del changed[chance.randrange(len(good)) :]
        else:
            changed[chance.randrange(len(good))] ^= 1 << chance.randrange(8)
        file.write_bytes(changed)
        try:
            outcomes.append(read_backup(file))
        except (StoreDamaged, StoreRejected):
            outcomes.append(None)

    assert outcomes.count(None) > 20
    assert all(each in (None, outcomes[0]) for each in outcomes)


@pytest.mark.parametrize("table", [table.name for table in TABLES])
def test_a_row_that_is_missing_in_any_table_is_found(good, file, table):
    file.write_bytes(good)
    edit(file, f"DELETE FROM {table} WHERE rowid = 1" if table == "vault" else f"DELETE FROM {table}")

    with pytest.raises(StoreDamaged):
        read_backup(file)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE backup SET manifest = CAST(manifest || ' ' AS BLOB)",
        "UPDATE backup SET sha256 = zeroblob(32)",
        "UPDATE backup SET manifest = NULL",
        "DELETE FROM backup",
        "DROP TABLE backup",
        "ALTER TABLE secrets RENAME TO more; CREATE VIEW secrets AS SELECT * FROM more",
        "CREATE TRIGGER t AFTER INSERT ON vault BEGIN DELETE FROM secrets; END",
    ],
)
def test_a_backup_that_says_nothing_true_of_itself_is_refused(good, file, damage):
    file.write_bytes(good)
    edit(file, *damage.split("; ", 1) if "VIEW" in damage else [damage])

    with pytest.raises(StoreDamaged):
        read_backup(file)


@pytest.mark.parametrize("content", [b"", b"x" * 50, b"x" * 5_000, b"SQLite format 3\0" + b"\0" * 5_000])
def test_what_is_no_backup_is_told_as_that(prompt, file, content):
    file.write_bytes(content)
    told = prompt.refusal("backup", "--verify", file, code=failures.NOT_STARTED)

    assert "no backup" in told["message"]
    assert file.read_bytes() == content


def test_a_store_and_a_file_that_is_not_there_are_no_backups(prompt, rich, file):
    prompt.run("backup", "--verify", rich.uri.removeprefix("sqlite:///"), code=failures.NOT_STARTED)
    prompt.run("backup", "--verify", file, code=failures.NOT_STARTED)


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"parts": [{"table": {"name": "x; DROP TABLE y", "columns": [], "key": []}, "sum": {}}]},
        {"parts": "none"},
    ],
)
def test_what_a_stranger_wrote_into_a_backup_runs_no_statement(rich, file, change):
    with ends.read_store(rich.uri) as source, ends.begin_backup(file) as made:
        verbs.copy(source, made)
        made.describe(msgspec.json.encode({"format": 1, **change}))
        made.finish()

    with pytest.raises((StoreDamaged, StoreRejected)):
        read_backup(file)


def test_the_key_is_tried_on_a_secret_of_every_workspace_and_term(prompt, file):
    prompt.run("backup", file)
    with ends.read_backup(file) as backup:
        spaces = {row["workspace_id"] for row in read_named(backup, "secrets")}

    assert len(spaces) == 2
    assert prompt.json("backup", "--verify", file)["key"].startswith("opens it; 2 secrets tried")


@pytest.mark.parametrize("kek", ["env://NO_SUCH_VARIABLE", "env://ANOTHER"])
def test_without_its_key_a_backup_is_not_called_good(prompt, file, kek, monkeypatch):
    monkeypatch.setenv("ANOTHER", base64.b64encode(os.urandom(32)).decode())
    prompt.run("backup", file)
    prompt.environment["CREDENZA_KEK"] = kek

    told = prompt.refusal("backup", "--verify", file, code=failures.NOT_STARTED)
    assert "--without-key" in told["message"]
    assert prompt.json("backup", "--verify", "--without-key", file)["key"] == "not tried"


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        ("UPDATE secrets SET sealed = CAST(substr(sealed, 1, 90) AS BLOB)", "a secret"),
        ("UPDATE secrets SET version = version + 100", "a secret"),
        ("UPDATE rings SET wrapped = zeroblob(130) WHERE purpose = 'mak'", "the ring"),
        ("DELETE FROM rings WHERE purpose = 'dek'", "a secret"),
    ],
)
def test_a_store_whose_secrets_cannot_be_opened_gives_a_backup_that_is_told_so(
    prompt, rich, file, damage, what
):
    copied = file.with_name("copy.db")
    prompt.run("move", rich.uri, f"sqlite:///{copied}")
    edit(copied, damage)
    prompt.run("backup", file, "--store", f"sqlite:///{copied}")

    told = prompt.refusal("backup", "--verify", file, code=failures.UNAVAILABLE)["message"]
    assert what in told
    assert "--without-key" in told


def test_what_is_wrong_with_the_audit_is_told_of_a_backup(prompt, rich, tmp_path, file):
    prompt.run("move", rich.uri, f"sqlite:///{tmp_path}/copy.db")
    edit(tmp_path / "copy.db", "DELETE FROM audit WHERE sequence = 3")
    prompt.run("backup", file, "--store", f"sqlite:///{tmp_path}/copy.db")

    assert "row 3 is missing" in prompt.json("backup", "--verify", file)["findings"]


def test_a_store_without_a_vault_is_not_backed_up(prompt, tmp_path, file):
    intake.begin_store(tmp_path / "new.db").close()
    prompt.run("backup", file, "--store", f"sqlite:///{tmp_path}/new.db", code=failures.NOT_STARTED)

    assert not file.exists()


def test_a_backup_of_an_earlier_release_is_read_as_that_wrote_it_and_brought_up_to_date(
    good, file, monkeypatch
):
    """The next release adds a column: the backup is verified by those it has, and a copy gets the new one."""
    file.write_bytes(good)
    later = Migrations("credenza")
    for each in schema.migrations._migrations:
        later(name=each.name)(each.fn)

    @later(name="999_next")
    def add(db):
        db.execute("ALTER TABLE workspaces ADD COLUMN colour TEXT NOT NULL DEFAULT 'red'")

    monkeypatch.setattr(schema, "migrations", later)
    monkeypatch.setattr(schema, "SCHEMA", connect.SCHEMA + 1)
    monkeypatch.setattr(connect, "SCHEMA", connect.SCHEMA + 1)
    with ends.read_backup(file) as backup:
        said = verbs.look_over(backup)
        with closing(backup.bring_up_to_date()) as current:
            assert current is not backup
            assert sum_up(current.rows(TABLES[1])) == sum_up(backup.rows(TABLES[1]))
            [colour] = {row[0] for row in current._connection.execute("SELECT colour FROM workspaces")}
    assert (colour, isinstance(said, Manifest)) == ("red", True)
    assert file.read_bytes() == good


def test_a_backup_of_a_later_release_is_refused(good, file, prompt):
    file.write_bytes(good)
    edit(file, f"PRAGMA user_version = {connect.SCHEMA + 1}")

    told = prompt.refusal("backup", "--verify", file, code=failures.NOT_STARTED)
    assert "later release" in told["message"]


def test_the_guide_names_commands_and_options_that_there_are():
    guide = (Path(__file__).parents[1] / "docs" / "backup.md").read_text()
    lines = re.findall(r"^credenza (\S+) (.*)$", guide, re.MULTILINE)

    assert {name for name, _ in lines} == {"backup", "restore", "move"}
    for name, rest in lines:
        known = {option for each in load_command(name).params for option in each.opts}
        assert set(re.findall(r"--[a-z-]+", rest)) <= known
