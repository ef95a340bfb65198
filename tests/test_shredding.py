"""A workspace that is shredded is gone: for its callers, for others, and from every byte of the files."""

import json
import shutil

import pytest

from cli_prompt import OPENAI, SENDGRID, Prompt
from credenza.cli import failures
from credenza.errors import Clash, CredenzaError
from credenza.loss.remnants import Windows
from credenza.loss.shredding import check_end, shred
from credenza.model import Actor, Put, Role
from credenza.sensitive import Sensitive
from examples import query
from package_things import INSTALLS, PATH, install, make
from postgresql_stores import Database
from store_rows import soon
from test_package_sharing import grant

MANY = [
    {"name": f"n{number}", "type": "openai", "configuration": {"api_key": f"sk-{number}"}}
    for number in range(40)
]


@pytest.fixture
def prompt(tmp_path, kek):
    prompt = Prompt(tmp_path, kek)
    prompt.run("init")
    prompt.run("apply", "-", input=[OPENAI])
    prompt.run("workspace", "create", "team")
    prompt.run("apply", "-", "-w", "team", input=[*MANY, SENDGRID])
    return prompt


def shred_team(prompt, **how):
    return prompt.json("workspace", "shred", "team", "--yes", "team", **how)


@pytest.fixture
def rows(database):
    """Return a function that asks the store of the service."""
    if isinstance(database, Database):
        return database.query
    return lambda statement: query(database, statement)


# At a prompt


def test_it_is_found_in_no_byte_of_the_files_where_it_was_found_before(prompt):
    told = shred_team(prompt)

    assert told["secrets"] == len(MANY) + 1
    assert told["searchedFor"] == len(MANY) + 1 + 3
    assert {each["found"] for each in told["files"]} == {0}
    assert sum(each["bytes"] for each in told["files"]) >= prompt.database.stat().st_size


def test_a_copy_in_the_folder_of_the_store_that_holds_it_still_is_named(prompt):
    copy = prompt.database.with_name("copy.db")
    prompt.run("list")
    shutil.copy(prompt.database, copy)
    told = shred_team(prompt)

    assert [(each["file"], each["found"] > 0) for each in told["copies"]] == [(str(copy), True)]


def test_names_and_descriptions_leave_the_files_too(prompt):
    item = {**OPENAI, "name": "zanzibar-canary", "description": "quetzalcoatl canary"}
    prompt.run("apply", "-", "-w", "team", input=[item])
    prompt.run("list", "-w", "team")
    assert b"zanzibar-canary" in b"".join(each.read_bytes() for each in prompt.database.parent.glob("*"))
    shred_team(prompt)

    left = b"".join(each.read_bytes() for each in prompt.database.parent.glob("credenza.db*"))
    assert b"zanzibar" not in left
    assert b"quetzalcoatl" not in left


def test_other_workspaces_stay_as_they_are_and_one_row_says_what_was_done(prompt):
    shred_team(prompt)

    assert [each["name"] for each in prompt.json("workspace", "list")] == ["default"]
    assert prompt.json("resolve", "a")["configuration"]["api_key"] == "sk-made-up"
    verified = prompt.json("audit", "verify")
    assert (verified["ok"], verified["rows"]) == (True, 4)
    assert prompt.json("doctor")["ok"]


def test_its_name_is_never_given_again(prompt):
    shred_team(prompt)

    assert "shredded" in prompt.refusal("workspace", "create", "team", code=failures.CONFLICT)["message"]
    prompt.run("workspace", "create", "other")
    assert prompt.json("list", "-w", "other") == []


def test_a_plan_counts_and_touches_nothing(prompt):
    before = prompt.database.read_bytes()
    told = prompt.json("workspace", "shred", "team", "--plan")

    assert (told["plan"], told["secrets"], told["rows"]["integrations"]) == (True, 41, 41)
    assert prompt.database.read_bytes() == before


@pytest.mark.parametrize("typed", [["--yes", "tean"], []])
def test_nothing_is_done_before_the_name_was_typed_again(prompt, typed):
    prompt.run("workspace", "shred", "team", *typed, code=failures.USAGE)

    assert len(prompt.json("list", "-w", "team")) == len(MANY) + 1


def test_the_workspace_that_says_so_of_others_stays(prompt):
    assert prompt.refusal("workspace", "shred", "default", "--yes", "default", code=failures.CONFLICT)


def test_what_backups_still_hold_is_said_with_the_key_that_opens_it(prompt):
    told = shred_team(prompt)

    assert told["keyId"] in told["backups"]


# Of a running service


def test_for_its_callers_it_is_as_if_it_had_never_been(service, client, key, rows):
    client.headers["X-Authorization"] = key(workspace="team")
    assert client.post("/api/integrations", json=MANY[:3]).status_code == 200
    tenant = service.tenant("team")
    before = Windows()
    before.add(row[0] for row in rows("SELECT sealed FROM secrets"))
    end(service, "team")

    soon(lambda: client.get("/api/integrations/").status_code == 401)
    assert service.accounts.find_workspace(tenant.id) is None
    assert rows("SELECT count(*) FROM secrets") == [(0,)]
    assert len(before) >= 12


def test_one_who_was_let_in_before_writes_nothing_any_more(service, key, rows):
    key(workspace="team")
    late = service.workspace(Actor(service.tenant("team"), "late", Role.ADMIN))
    end(service, "team")
    service.accounts.create_workspace("next", by="test")
    with pytest.raises(CredenzaError):
        late.apply([Put(name="one", type="openai", configuration=Sensitive({"api_key": "sk-1"}))])

    assert rows("SELECT count(*) FROM integrations") == [(0,)]


def test_no_table_keeps_a_row_of_it_but_the_one_that_says_so(service, api, key, rows, database):
    api.headers["X-Authorization"] = key(workspace="team")
    package = make(api, workspaceId="team")
    install(api, package, workspaceId="team")
    row = service.tenant("team").row
    if isinstance(database, Database):
        tables = [
            each[0]
            for each in rows(
                "SELECT table_name FROM information_schema.columns "
                "WHERE column_name = 'workspace_id' AND table_schema = 'credenza'"
            )
        ]
    else:
        tables = [
            each[0]
            for each in rows(
                "SELECT m.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c "
                "WHERE c.name = 'workspace_id' AND m.type = 'table'"
            )
        ]
    filled = {each for each in tables if rows(f"SELECT 1 FROM {each} WHERE workspace_id = {row} LIMIT 1")}
    assert len(filled) >= 10
    end(service, "team")

    left = [each for each in tables if rows(f"SELECT 1 FROM {each} WHERE workspace_id = {row} LIMIT 1")]
    assert left == ["shredded"]


def test_it_stays_while_others_have_its_packages_unless_that_is_accepted(service, client, key):
    client.headers["X-Authorization"] = key(workspace="team")
    package = make(client, workspaceId="team")
    grant(client, package)
    client.headers["X-Authorization"] = key(workspace="other")
    made = install(client, package, workspaceId="other")
    found = service.store.look_at_end(service.tenant("team"))
    assert [count for _, count in found.installs] == [1]
    with pytest.raises(Clash, match="gateway"):
        check_end(service.tenant("team"), service.tenant(), found, leave_installs=False)
    check_end(service.tenant("team"), service.tenant(), found, leave_installs=True)
    end(service, "team")

    answer = client.get(f"{INSTALLS}/{made['id']}")
    assert answer.status_code < 500, answer.text
    assert client.get(f"{PATH}/provider/acme-chat/resolved").status_code == 200
    assert client.get(f"{PATH}/{package['id']}").status_code == 404


def end(service, slug):
    return shred(service.store, service.vault, service.tenant(slug), service.tenant(), by="test")


@pytest.mark.embedded
def test_beside_a_server_it_goes_too_and_leaves_the_log(service, client, key, tmp_path, kek):
    client.headers["X-Authorization"] = key(workspace="team")
    client.post("/api/integrations", json=MANY)
    told = shred_team(Prompt(tmp_path, kek))

    assert {each["found"] for each in told["files"]} == {0}
    assert client.get("/api/integrations/").status_code == 401
    assert service.vault.locked is None


# The search


def test_the_search_finds_a_window_wherever_it_lies(tmp_path):
    value = bytes(range(40, 140))
    windows = Windows()
    windows.add([value])
    file = tmp_path / "file"
    for place in (0, 1, 15, 16, 4095, (1 << 20) - 20, (1 << 20) - 8):
        file.write_bytes(b"\0" * place + value[37:70] + b"\0" * 50)
        assert windows.search(file).hits >= 1, place
    file.write_bytes(b"\0" * 100 + value[37:50] + b"\0" * 50)

    assert windows.search(file).hits == 0


def test_a_planted_remnant_is_reported_and_the_command_fails(prompt, monkeypatch):
    sealed = b"".join(each.read_bytes() for each in prompt.database.parent.glob("credenza.db*"))
    monkeypatch.setattr(
        "credenza.stores.sqlite.endings.Endings.live_files", lambda store: [store.path, planted]
    )
    planted = prompt.folder / "planted"
    planted.write_bytes(sealed)
    told = shred_team(prompt, code=failures.REFUSED)

    assert [each["found"] > 0 for each in told["files"]] == [False, True]
    assert json.dumps(told).count("sk-") == 0
