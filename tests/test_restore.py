"""A backup is brought back as a whole or not at all, and going on from it is safe."""

import base64
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cli_prompt import OPENAI, Prompt
from copy_things import look, make_rich, make_token, open_store, read_all, revoke
from credenza import audit
from credenza.cli import failures
from credenza.copies import ends, verbs
from credenza.copies.manifest import read_named
from credenza.model import Actor, Role
from credenza.stores.postgres import snapshot
from credenza.stores.sqlite import backup, intake
from credenza.trail import Head, current, next_stream
from postgresql_stores import Database


@pytest.fixture(scope="module")
def rich(tmp_path_factory):
    """Make a store with something in every table, once; no test changes it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CREDENZA_COPIES_KEK", base64.b64encode(os.urandom(32)).decode())
        folder = tmp_path_factory.mktemp("rich")
        yield make_rich(f"sqlite:///{folder}/store/credenza.db", "env://CREDENZA_COPIES_KEK")


@pytest.fixture(scope="module")
def file(rich, tmp_path_factory):
    """Return a backup of it."""
    file = tmp_path_factory.mktemp("good") / "store.backup"
    Prompt(file.parent, rich.kek).run("backup", file, "--store", rich.uri)
    return file


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.system("postgresql"))])
def place(request, tmp_path):
    """Return the URI of a store that is not there yet, of each kind in turn."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/store/credenza.db"
        return
    with request.getfixturevalue("databases").named() as find:
        yield find("restored")


@pytest.fixture
def prompt(tmp_path, rich, place):
    prompt = Prompt(tmp_path, rich.kek)
    prompt.environment["CREDENZA_STORE"] = place
    return prompt


@pytest.fixture
def local(tmp_path, rich):
    """Return a prompt whose store is a file, for what is the same for every store."""
    prompt = Prompt(tmp_path, rich.kek)
    prompt.environment["CREDENZA_STORE"] = f"sqlite:///{tmp_path}/store/credenza.db"
    return prompt


def store_of(prompt):
    return prompt.environment["CREDENZA_STORE"]


def rows_of(uri, name):
    with ends.read_store(uri) as one:
        return [*read_named(one, name)]


def without_audit(rows):
    return {name: each for name, each in rows.items() if name not in {"audit", "audit_heads"}}


def test_a_backup_is_restored_into_either_store_and_everything_is_seen_as_before(prompt, rich, file, place):
    prompt.run("restore", file)

    assert without_audit(read_all(place)) == without_audit(read_all(rich.uri))
    seen = look(rich, place)
    assert seen["/api/integrations/?activeOnly=false", "default"][1]
    Prompt(prompt.folder, rich.kek).run("move", rich.uri, f"sqlite:///{prompt.folder}/copy.db")
    before = look(rich, f"sqlite:///{prompt.folder}/copy.db")
    assert {key: seen[key] for key in seen if key[0] != "audit"} == {
        key: before[key] for key in before if key[0] != "audit"
    }


def test_a_plan_says_what_would_be_done_and_does_nothing(prompt, file, place):
    told = prompt.json("restore", "--plan", file)

    assert (told["restored"], told["integrations"] > 3) == (False, True)
    prompt.run("list", code=failures.NOT_STARTED)
    prompt.run("restore", file)
    assert prompt.refusal("restore", "--plan", file, code=failures.NOT_STARTED)["message"]
    before = read_all(place)
    assert prompt.json("restore", "--plan", "--replace", file)["restored"] is False
    assert read_all(place) == before


def test_a_store_with_a_vault_is_replaced_only_when_that_is_asked_for_and_is_kept(prompt, rich, file, place):
    prompt.run("init")
    prompt.run("apply", "-", input=[OPENAI])
    before = read_all(place)
    assert "a store with a vault" in prompt.refusal("restore", file, code=failures.NOT_STARTED)["message"]
    assert read_all(place) == before

    told = prompt.json("restore", "--replace", file)
    assert without_audit(read_all(place)) == without_audit(read_all(rich.uri))
    assert "another vault" in " ".join(told["notes"])
    if place.startswith("sqlite"):
        assert read_all(f"sqlite:///{told['kept']}") == before
    else:
        kept = told["kept"].removeprefix("schema ")
        assert Database(place).query(f"SELECT name FROM {kept}.integrations") == [("a",)]


def test_a_store_that_is_served_is_not_replaced(prompt, rich, file, place, monkeypatch):
    monkeypatch.setattr(snapshot, "_PATIENCE", 0.1)
    with open_store(place, rich.kek, create=True, serving=True) as service:
        service.store.tenants()
        before = read_all(place)
        assert "stop" in prompt.refusal("restore", "--replace", file, code=failures.NOT_STARTED)["message"]
        assert read_all(place) == before
        assert service.store.check() == []

    monkeypatch.undo()
    prompt.run("restore", "--replace", file)


def test_before_anything_is_touched_the_backup_and_its_key_are_tried(local, file, monkeypatch, tmp_path):
    monkeypatch.setattr(verbs, "restore", None)  # whoever gets as far fails otherwise
    damaged = tmp_path / "damaged"
    damaged.write_bytes(file.read_bytes())
    with closing(sqlite3.connect(damaged)) as connection, connection:
        connection.execute("UPDATE secrets SET version = version + 100")
    local.refusal("restore", damaged, code=failures.UNAVAILABLE)
    local.refusal("restore", tmp_path / "none", code=failures.NOT_STARTED)
    local.environment["CREDENZA_KEK"] = "env://NO_SUCH_VARIABLE"
    told = local.refusal("restore", file, code=failures.NOT_STARTED)["message"]

    assert "The key of this backup is not here" in told
    assert "--without-key" in told
    assert not (tmp_path / "store").exists()


def test_what_is_restored_is_what_was_looked_over(local, file, tmp_path, monkeypatch):
    """Whoever writes to the file once it was found to be good writes in vain."""
    copied = tmp_path / "copied"
    copied.write_bytes(file.read_bytes())
    opened = verbs.try_key

    def swap(backup, provider):
        found = opened(backup, provider)
        with closing(sqlite3.connect(copied)) as connection, connection:
            connection.execute("UPDATE integrations SET description = 'swapped'")
        return found

    monkeypatch.setattr(verbs, "try_key", swap)
    monkeypatch.setattr(backup, "_PRAGMAS", (*backup._PRAGMAS[:3], "cache_size = 1"))
    assert local.refusal("restore", copied, code=failures.UNAVAILABLE)["code"] == "store_damaged"
    assert not local.database.exists()


def test_a_key_in_the_folder_of_the_store_is_refused(local, file, tmp_path):
    folder = tmp_path / "store"
    folder.mkdir(mode=0o700)
    (folder / "key").write_text(os.environ["CREDENZA_COPIES_KEK"])
    (folder / "key").chmod(0o600)
    local.environment["CREDENZA_KEK"] = f"file://{folder}/key"

    assert local.refusal("restore", file, code=failures.NOT_STARTED)["code"] == "key_denied"
    assert [each.name for each in folder.iterdir()] == ["key"]


def test_without_its_key_a_backup_is_restored_with_its_secrets_closed_until_the_key_is_found(
    prompt, rich, file, place
):
    prompt.environment["CREDENZA_KEK"] = "env://NO_SUCH_VARIABLE"
    notes = " ".join(prompt.json("restore", "--without-key", file)["notes"])
    assert "secrets stay closed" in notes
    assert read_all(place) == read_all(rich.uri)
    prompt.run("resolve", "alpha", code=failures.UNAVAILABLE)

    prompt.environment["CREDENZA_KEK"] = rich.kek
    prompt.run("resolve", "alpha")
    prompt.run("audit", "verify")


# Going on


def test_the_audit_goes_on_in_a_stream_of_its_own_and_stays_whole(prompt, rich, file, place):
    prompt.run("restore", file)
    prompt.run("apply", "-", input=[OPENAI])

    assert prompt.json("audit", "verify")["findings"] == []
    [old] = [row for row in rows_of(rich.uri, "audit_heads") if row["workspace_id"] == 1]
    rows = [row for row in rows_of(place, "audit") if row["workspace_id"] == 1]
    old_rows = [row for row in rows if row["stream"] == "main"]
    new_rows = [row for row in rows if row["stream"] != "main"]
    assert old_rows[: old["count"]] == [row for row in rows_of(rich.uri, "audit") if row["workspace_id"] == 1]
    assert [(row["sequence"], row["verb"]) for row in old_rows[old["count"] :]] == [
        (old["count"] + 1, "store.restore")
    ]
    assert [(row["sequence"], row["verb"]) for row in new_rows] == [(1, "store.restore"), (2, "save")]
    assert new_rows[0]["actor"].startswith("cli:")


def test_no_two_futures_of_a_backup_write_to_a_stream_of_one_name(local, file, tmp_path):
    streams = []
    for _ in range(2):
        local.run("restore", "--replace", file)
        streams.append({row["stream"] for row in rows_of(store_of(local), "audit_heads")})
        local.run("backup", tmp_path / "again", "--force")
    local.run("restore", "--replace", tmp_path / "again")
    streams.append({row["stream"] for row in rows_of(store_of(local), "audit_heads")})

    assert streams[0] & streams[1] == {"main"}
    assert streams[1] < streams[2]
    assert {stream.split("-")[1] for stream in streams[2] - streams[1]} == {"2"}
    assert local.json("audit", "verify")["findings"] == []


def test_a_head_exported_after_the_backup_tells_that_the_store_was_set_back(local, file, tmp_path, rich):
    copied = f"sqlite:///{tmp_path}/later.db"
    local.run("move", rich.uri, copied)
    early = local.json("audit", "heads", "--store", copied)
    local.run("apply", "-", "--store", copied, input=[OPENAI])
    [late] = local.json("audit", "heads", "--store", copied)
    local.run("restore", file)

    assert local.json("audit", "verify", *(f"--head={head}" for head in early))["findings"] == []
    told = local.json("audit", "verify", "--head", late, code=failures.REFUSED)["findings"]
    assert ["set back" in each for each in told] == [True]


def test_the_stream_after_a_restore_cannot_be_taken_away_unseen(local, file):
    local.run("restore", file)
    local.run("apply", "-", input=[OPENAI])
    with closing(sqlite3.connect(local.database)) as connection, connection:
        for table in ("audit", "audit_heads"):
            connection.execute(f"DELETE FROM {table} WHERE stream <> 'main'")

    told = local.json("audit", "verify", code=failures.REFUSED)["findings"]
    assert ["cut off as a whole" in each for each in told] == [True]


def test_a_trail_with_a_forged_end_is_restored_as_it_is_and_told(local, rich, tmp_path):
    local.run("move", rich.uri, f"sqlite:///{tmp_path}/copy.db")
    with closing(sqlite3.connect(tmp_path / "copy.db")) as connection, connection:
        connection.execute("UPDATE audit_heads SET seal = zeroblob(36) WHERE workspace_id = 1")
    local.run("backup", tmp_path / "forged", "--store", f"sqlite:///{tmp_path}/copy.db")
    notes = " ".join(local.json("restore", tmp_path / "forged")["notes"])

    assert "its head was changed" in notes
    assert local.json("audit", "verify", code=failures.REFUSED)["findings"]
    assert local.json("audit", "verify", "-w", "other")["findings"] == []


def test_streams_follow_one_another_by_number():
    heads = [Head(stream, 1, b"", b"") for stream in ("main-10-a", "main", "main-9-z", "other-1-b")]

    assert current(heads).stream == "main-10-a"
    assert current([]) is None
    assert next_stream("main", "ab") == "main-1-ab"
    assert next_stream("main-9-z", "ab") == "main-10-ab"
    assert audit.RESTORED == "store.restore"


def test_what_is_sealed_after_a_restore_shares_nothing_with_what_was_sealed_in_the_lost_days(
    local, file, rich, tmp_path
):
    sealed = []
    local.run("move", rich.uri, f"sqlite:///{tmp_path}/lost.db")
    local.run("restore", file)
    for uri in (f"sqlite:///{tmp_path}/lost.db", store_of(local)):
        local.run("apply", "-", "--store", uri, input=[OPENAI])
        sealed.append([row["sealed"] for row in rows_of(uri, "secrets")][-1])

    salts, nonces = ({each[part] for each in sealed} for part in (slice(6, 38), slice(38, 50)))
    assert (len(salts), len(nonces)) == (2, 2)


def test_integrations_after_a_restore_have_numbers_and_ids_of_their_own(prompt, file, place):
    prompt.run("restore", file)
    known = rows_of(place, "integrations")
    prompt.run("apply", "-", input=[OPENAI, {**OPENAI, "name": "c"}])
    made = [row for row in rows_of(place, "integrations") if row not in known]

    assert len(made) == 2
    assert min(row["id"] for row in made) > max(row["id"] for row in known)
    assert not {row["uuid"] for row in made} & {row["uuid"] for row in known}


def test_which_api_keys_are_good_again_is_said(local, file):
    [note] = [each for each in local.json("restore", file)["notes"] if "API key" in each]

    assert note.startswith("3 API keys in force")
    assert "revoked since is good again" in note


def test_a_key_that_the_replaced_store_had_revoked_stays_revoked(prompt, rich, file, place):
    prompt.run("move", rich.uri, place)
    with open_store(place, rich.kek) as service:
        added = make_token(service, "default")
        revoke(service, added)
        revoke(service, rich.tokens["default"])
    told = prompt.json("restore", "--replace", file)

    key = rich.tokens["default"].split("_")[1]
    assert told["stayRevoked"] == [key]
    [row] = [row for row in rows_of(place, "api_keys") if row["id"] == key]
    assert (row["hash"], row["mac"], row["revoked_at"] > 0) == (bytes(32), b"", True)
    assert added.split("_")[1] not in {row["id"] for row in rows_of(place, "api_keys")}
    with open_store(place, rich.kek) as service:
        with pytest.raises(Exception, match="credential"):
            service.accounts.authenticate(rich.tokens["default"])
        service.accounts.authenticate(rich.tokens["other"])


def test_a_damaged_store_is_replaced_with_whatever_was_in_its_log_kept_beside_it(local, file, rich):
    local.run("init")
    local.database.write_bytes(b"not any longer" * 500)
    local.database.with_name("credenza.db-wal").write_bytes(b"log" * 500)
    told = local.json("restore", "--replace", file)

    kept = Path(told["kept"])
    assert kept.read_bytes() == b"not any longer" * 500
    assert kept.with_name(f"{kept.name}-wal").read_bytes() == b"log" * 500
    assert "which API keys were revoked" in " ".join(told["notes"])
    assert without_audit(read_all(store_of(local))) == without_audit(read_all(rich.uri))


def test_a_replaced_store_that_was_killed_is_kept_with_what_was_in_its_log(local, file, rich):
    local.run("init")
    with closing(sqlite3.connect(local.database)) as connection:
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("UPDATE workspaces SET slug = 'changed'")
        connection.commit()
        left = {each.name: each.read_bytes() for each in local.database.parent.iterdir()}
    for name, content in left.items():
        (local.database.parent / name).write_bytes(content)
    assert left["credenza.db-wal"]
    told = local.json("restore", "--replace", file)

    [row] = rows_of(f"sqlite:///{told['kept']}", "workspaces")
    assert row["slug"] == "changed"
    assert without_audit(read_all(store_of(local))) == without_audit(read_all(rich.uri))


def test_a_store_that_somebody_makes_meanwhile_is_not_overwritten(local, file, monkeypatch):
    finish = intake.SqliteIntake.finish

    def be_late(made):
        local.run("init")
        return finish(made)

    monkeypatch.setattr(intake.SqliteIntake, "finish", be_late)
    assert "with a vault" in local.refusal("restore", file, code=failures.NOT_STARTED)["message"]

    assert local.json("list") == []
    assert [each.name for each in local.database.parent.iterdir() if "partial" in each.name] == []


def test_a_restored_store_can_be_opened_by_the_doctor(prompt, file):
    prompt.run("restore", file)

    assert prompt.json("doctor")["ok"]


def test_the_workspaces_of_a_restored_store_are_entered_by_their_actors(local, rich, file):
    local.run("restore", file)
    with open_store(store_of(local), rich.kek) as service:
        workspace = service.workspace(Actor(service.tenant("other"), "test", Role.ADMIN))
        assert workspace.verify_audit()[1] == []


def test_a_workspace_that_was_shredded_since_is_named_when_it_comes_back(tmp_path, rich):
    prompt, file = Prompt(tmp_path, rich.kek), tmp_path / "backup"
    prompt.run("init")
    prompt.run("workspace", "create", "team")
    prompt.run("backup", file)
    prompt.run("workspace", "shred", "team", "--yes", "team")

    told = prompt.run("restore", file, "--replace")
    assert "The workspace team was shredded since, and is back" in told.output
