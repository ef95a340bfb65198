"""`credenza vault rotate` and `rewrap` at a prompt: what they say, refuse and leave behind."""

import sqlite3
from contextlib import closing, contextmanager

import msgspec
import pytest
import rich_click as click

from cli_prompt import OPENAI, SENDGRID, Prompt
from credenza.cli import failures, serve
from credenza.settings import Settings, open_credenza
from rotation_things import make_kek


@pytest.fixture
def prompt(tmp_path, kek):
    prompt = Prompt(tmp_path, kek)
    prompt.run("init")
    prompt.run("apply", "-", input=[OPENAI, SENDGRID])
    prompt.run("workspace", "create", "other")
    prompt.run("apply", "-", "-w", "other", input=[OPENAI])
    return prompt


@pytest.fixture
def place(monkeypatch):
    return make_kek(monkeypatch)


@pytest.fixture
def serving(prompt):
    """Have a server on the store."""
    settings = Settings.read(prompt.environment)
    with closing(open_credenza(settings, serving=True)) as service:
        yield service


def ask(prompt, statement, *parameters):
    with closing(sqlite3.connect(prompt.database)) as connection, connection:
        return connection.execute(statement, parameters).fetchall()


def damage(prompt):
    broken = "CAST(substr(sealed, 1, 90) || x'00' || substr(sealed, 92) AS BLOB)"
    ask(prompt, f"UPDATE secrets SET sealed = {broken} WHERE id = 1")


def resolve(prompt, name):
    return prompt.json("resolve", name)["configuration"]


def dump(prompt):
    with closing(sqlite3.connect(prompt.database)) as connection:
        return [*connection.iterdump()]


def test_all_workspaces_or_one_are_rotated_and_a_table_tells_of_each(prompt):
    assert prompt.rows("vault", "rotate", "-w", "other") == [
        {
            "workspace": "other",
            "term": "2",
            "sealed anew": "1",
            "cannot be opened": "0",
            "ended": "1",
            "still open": "",
        }
    ]

    done = prompt.json("vault", "rotate")

    assert [(each["workspace"], each["term"], each["resealed"]) for each in done["workspaces"]] == [
        ("default", 2, 2),
        ("other", 3, 1),
    ]
    assert (done["plan"], done["settled"]) == (False, True)
    assert resolve(prompt, "a") == OPENAI["configuration"]
    assert prompt.json("doctor")["ok"]


def test_a_plan_says_what_would_be_done_and_touches_nothing(prompt, place):
    before = dump(prompt)

    assert prompt.json("vault", "rotate", "--plan")["workspaces"] == [
        {"workspace": "default", "term": 1, "days": 0, "seals": 2, "toSeal": 2, "earlierTerms": 0},
        {"workspace": "other", "term": 1, "days": 0, "seals": 1, "toSeal": 1, "earlierTerms": 0},
    ]
    planned = prompt.json("vault", "rewrap", "--to", place, "--plan")
    assert [each["toWrap"] for each in planned["workspaces"]] == [3, 3]
    assert len(prompt.rows("vault", "rotate", "--plan")) == len(prompt.rows("vault", "rewrap", "--plan")) == 2

    assert dump(prompt) == before


def test_only_terms_of_an_age_are_replaced_where_one_is_named(prompt):
    old = 400 * 86_400_000
    ask(prompt, "UPDATE rings SET created_at = created_at - ? WHERE workspace_id = 2", old)
    assert [row["workspace"] for row in prompt.rows("vault", "rotate", "--older-than", "365", "--plan")] == [
        "other"
    ]
    warned = [c for c in prompt.json("doctor")["checks"] if c["subject"] == "workspace other: keys"]
    assert [(c["state"], "400 days old: run `credenza vault rotate`" in c["finding"]) for c in warned] == [
        ("warning", True)
    ]

    assert [row["workspace"] for row in prompt.rows("vault", "rotate", "--older-than", "365")] == ["other"]

    assert prompt.rows("vault", "rotate", "--older-than", "365") == []
    assert not [c for c in prompt.json("doctor")["checks"] if c["subject"] == "workspace other: keys"]


def test_nothing_of_what_was_sealed_before_stays_in_the_files(prompt):
    sealed = [row[0] for row in ask(prompt, "SELECT sealed FROM secrets")]
    wrapped = [row[0] for row in ask(prompt, "SELECT wrapped FROM rings WHERE purpose = 'dek'")]

    prompt.run("vault", "rotate")

    files = b"".join(path.read_bytes() for path in prompt.database.parent.iterdir())
    assert [blob[38:].hex() for blob in (*sealed, *wrapped) if blob[38:] in files] == []
    current = ask(prompt, "SELECT sealed FROM secrets")
    assert all(row[0][38:] in files for row in current)


def test_whoever_watches_a_long_rotation_sees_how_far_it_is(prompt, monkeypatch):
    seen = []

    @contextmanager
    def bar(total, what):
        seen.append((total, what))
        yield seen.append

    monkeypatch.setattr("credenza.cli.vault.rotating.bar", bar)
    monkeypatch.setattr("credenza.rotation.reencryption.PAGE", 1)

    prompt.run("vault", "rotate", "-w", "default")

    assert seen == [(2, "Sealing anew"), 1, 2]


def test_beside_a_server_both_go_on(prompt, serving):
    sealed = [row[0] for row in ask(prompt, "SELECT sealed FROM secrets")]

    assert prompt.json("vault", "rotate")["workspaces"][0]["resealed"] == 2

    assert serving.store.settle(30)
    files = b"".join(path.read_bytes() for path in prompt.database.parent.iterdir())
    assert [blob for blob in sealed if blob[38:] in files] == []
    prompt.run("apply", "-", input=[{**OPENAI, "configuration": {"api_key": "sk-later"}}])
    assert resolve(prompt, "a") == {"api_key": "sk-later"}
    assert serving.vault.locked is None


def test_a_secret_that_does_not_open_is_named_and_the_command_leaves_with_1(prompt):
    damage(prompt)

    done = prompt.json("vault", "rotate", code=failures.REFUSED)

    assert done["workspaces"][0]["left"] == [1]
    (closed,) = done["workspaces"][0]["closed"]
    assert (closed["name"], closed["pointer"], closed["version"]) == ("a", "/configuration/api_key", 1)
    told = prompt.run("vault", "rotate", code=failures.REFUSED)
    assert "default a /configuration/api_key (version 1): " in told.stderr
    assert "made-up" not in told.output


def test_a_workspace_whose_ring_does_not_open_stops_only_itself(prompt):
    ask(prompt, "UPDATE rings SET wrapped = zeroblob(130) WHERE workspace_id = 1 AND purpose = 'dek'")

    done = prompt.json("vault", "rotate", code=failures.REFUSED)

    assert [each["workspace"] for each in done["failed"]] == ["default"]
    assert [(each["workspace"], each["term"]) for each in done["workspaces"]] == [("other", 2)]
    assert "default: The dek key of term 1" in prompt.run("vault", "rotate", code=failures.REFUSED).stderr


def test_a_workspace_without_keys_gets_no_others(prompt):
    ask(prompt, "UPDATE rings SET wrapped = NULL, state = 'destroyed' WHERE workspace_id = 2")

    assert [row["workspace"] for row in prompt.rows("vault", "rotate")] == ["default"]
    told = prompt.json("vault", "rotate", "-w", "other", code=failures.REFUSED)
    assert "no active key" in told["failed"][0]["message"]
    assert {row[0] for row in ask(prompt, "SELECT state FROM rings WHERE workspace_id = 2")} == {"destroyed"}


def test_the_doctor_tells_of_rings_under_another_key_than_the_vaults(prompt, place):
    ask(prompt, "UPDATE rings SET wrapped = zeroblob(130) WHERE workspace_id = 2 AND purpose = 'mak'")
    prompt.run("vault", "rewrap", "--to", place, "--leave-damaged")
    prompt.environment["CREDENZA_KEK"] = place

    told = prompt.json("doctor", code=failures.REFUSED)["checks"]

    assert any("1 key of workspaces is wrapped with another key" in each["finding"] for each in told)


def test_a_vault_without_its_key_is_neither_rotated_nor_rewrapped(prompt, place):
    prompt.environment["CREDENZA_KEK"] = "env://CREDENZA_TEST_NONE"

    for command in (["rotate"], ["rotate", "--plan"], ["rewrap", "--to", place]):
        refusal = prompt.refusal("vault", *command, code=failures.UNAVAILABLE)
        assert refusal["code"] == "vault_key_unavailable"


def test_a_new_key_is_given_and_the_old_one_opens_nothing_any_more(prompt, place):
    done = prompt.json("vault", "rewrap", "--to", place)

    assert (done["turned"], done["rewrapped"], done["closed"]) == (True, 6, [])
    assert prompt.refusal("resolve", "a", code=failures.UNAVAILABLE)["code"] == "vault_key_unavailable"
    again = prompt.json("vault", "rewrap", "--to", place)
    assert (again["turned"], again["rewrapped"], again["keyId"]) == (True, 0, done["keyId"])
    prompt.environment["CREDENZA_KEK"] = place
    assert resolve(prompt, "a") == OPENAI["configuration"]
    assert prompt.json("doctor")["ok"]
    assert prompt.json("audit", "verify")["ok"]


def test_a_new_key_file_is_made_where_none_is_and_not_beside_the_store(prompt, tmp_path):
    inside = f"file://{prompt.database.parent}/kek"
    assert prompt.refusal("vault", "rewrap", "--to", inside, code=failures.NOT_STARTED)
    outside = f"file://{tmp_path}/keys/kek"

    assert "Now set CREDENZA_KEK" in prompt.run("vault", "rewrap", "--to", outside).stdout

    prompt.environment["CREDENZA_KEK"] = outside
    assert resolve(prompt, "b") == SENDGRID["configuration"]


def test_beside_a_server_rings_are_wrapped_only_when_it_is_said_to_know_both_keys(
    prompt, place, serving, capsys
):
    refusal = prompt.refusal("vault", "rewrap", "--to", place, code=failures.CONFLICT)
    assert "--prepare" in refusal["message"]
    assert serving.store.next_vault() is None

    prepared = prompt.json("vault", "rewrap", "--to", place, "--prepare")
    assert serving.store.next_vault().kek_id == prepared["keyId"]
    warned = prompt.json("doctor")["checks"]
    assert any(prepared["keyId"] in each["finding"] and "6 keys" in each["finding"] for each in warned)
    with click.Context(serve.serve):
        serve._announce(serving, "http://127.0.0.1:1")
    assert f"is being given the key {prepared['keyId']}" in capsys.readouterr().err
    assert {row[0] for row in ask(prompt, "SELECT kek_id FROM rings")} == {serving.vault.meta.kek_id}

    assert prompt.json("vault", "rewrap", "--to", place, "--servers-ready")["turned"]


def test_a_place_has_to_be_named(prompt):
    assert "--to" in prompt.refusal("vault", "rewrap", code=failures.USAGE)["message"]


def test_a_data_key_that_does_not_open_is_given_up_only_when_that_is_said(prompt, place):
    ask(prompt, "UPDATE rings SET wrapped = zeroblob(130) WHERE workspace_id = 2 AND purpose = 'mak'")

    done = prompt.json("vault", "rewrap", "--to", place, code=failures.REFUSED)
    assert (done["turned"], [each["workspace"] for each in done["closed"]]) == (False, ["other"])
    assert "--leave-damaged" in prompt.run("vault", "rewrap", "--to", place, code=failures.REFUSED).stdout

    assert prompt.json("vault", "rewrap", "--to", place, "--leave-damaged")["turned"]
    prompt.environment["CREDENZA_KEK"] = place
    assert resolve(prompt, "a") == OPENAI["configuration"]


class TestDoctor:
    """What cannot be opened is listed by workspace, integration and key."""

    def test_one_damaged_secret_among_many_is_listed_with_its_version(self, prompt):
        many = [{**OPENAI, "name": f"n{each}"} for each in range(30)]
        prompt.run("apply", "-", input=many)
        prompt.run("apply", "-", input=[{**OPENAI, "configuration": {"api_key": "sk-2"}}])
        damage(prompt)

        report = prompt.json("doctor", code=failures.REFUSED)

        (found,) = report["unreadable"]
        assert {key: found[key] for key in found if key != "message"} == {
            "workspace": "default",
            "name": "a",
            "pointer": "/configuration/api_key",
            "version": 1,
            "current": False,
        }
        (wrong,) = [each for each in report["checks"] if each["state"] == "wrong"]
        assert wrong["subject"] == "workspace default: a /configuration/api_key"
        assert "Version 1 (history) cannot be opened" in wrong["finding"]

    def test_with_a_foreign_key_every_secret_is_listed_and_no_value(self, prompt, place):
        prompt.environment["CREDENZA_KEK"] = place

        report = prompt.json("doctor", code=failures.REFUSED)

        assert [(each["workspace"], each["name"]) for each in report["unreadable"]] == [
            ("default", "a"),
            ("default", "b"),
            ("other", "a"),
        ]
        told = prompt.run("doctor", code=failures.REFUSED).output
        assert "workspace other: a /configuration/api_key" in told
        assert "made-up" not in told

    def test_with_a_foreign_ring_the_secrets_of_its_workspace_are_listed(self, prompt):
        rows = ask(prompt, "SELECT purpose, wrapped FROM rings WHERE workspace_id = 2")
        for purpose, wrapped in rows:
            ask(
                prompt,
                "UPDATE rings SET wrapped = ? WHERE workspace_id = 1 AND purpose = ?",
                wrapped,
                purpose,
            )

        report = prompt.json("doctor", code=failures.REFUSED)

        assert [(each["workspace"], each["name"]) for each in report["unreadable"]] == [
            ("default", "a"),
            ("default", "b"),
        ]

    def test_what_cannot_be_opened_is_entered_anew_or_deleted(self, prompt):
        ask(prompt, "UPDATE secrets SET sealed = zeroblob(120) WHERE integration_id <= 2")
        assert len(prompt.json("doctor", code=failures.REFUSED)["unreadable"]) == 2

        prompt.run("apply", "-", input=[{**OPENAI, "configuration": {"api_key": "anew"}}])
        prompt.run("delete", "b", "--yes")

        assert resolve(prompt, "a") == {"api_key": "anew"}
        current = [
            each for each in prompt.json("doctor", code=failures.REFUSED)["unreadable"] if each["current"]
        ]
        assert current == []

    def test_a_secret_whose_key_is_gone_is_entered_anew(self, prompt):
        prompt.run("vault", "rotate")
        under_1 = "CAST(substr(sealed, 1, 2) || x'00000001' || substr(sealed, 7) AS BLOB)"
        ask(prompt, f"UPDATE secrets SET sealed = {under_1}")
        assert len(prompt.json("doctor", code=failures.REFUSED)["unreadable"]) == 3

        prompt.run("apply", "-", input=[OPENAI])  # the same text as before: its term is gone as well

        assert resolve(prompt, "a") == OPENAI["configuration"]


def test_over_http_what_cannot_be_opened_is_entered_anew_or_deleted(service, api):
    items = [{**OPENAI, "name": name} for name in ("one", "two", "three")]
    assert api.post("/api/integrations", json=items).status_code == 200
    tenant = service.tenant()
    for row in service.store.read(tenant, lambda tx: tx.sealed(limit=10)):
        broken = msgspec.structs.replace(row.secret, blob=bytes(120))
        service.store.write(tenant, lambda tx, r=row, b=broken: tx.reseal([(r, b)])).result(10)
    resolved = "/api/integrations/provider/{}/resolved"
    assert api.get(resolved.format("one")).json()["code"] == "secret_damaged"

    other = [{**items[1], "configuration": {"api_key": "sk-anew"}}]
    for again in ([items[0]], other):  # the same text is looked at again, since it was seen to be damaged
        assert api.post("/api/integrations", json=again).json()["updated"] == 1
    assert api.delete("/api/integrations/provider/three").status_code in {200, 204}

    assert [api.get(resolved.format(name)).status_code for name in ("one", "two", "three")] == [200, 200, 404]


def test_metrics_tell_the_age_the_seals_and_what_is_left_to_seal(service, api, monkeypatch):
    api.post("/api/integrations", json=[OPENAI, SENDGRID])
    monkeypatch.setattr("credenza.web.key_gauges._GOOD_SECONDS", 0)

    def read(name):
        lines = api.get("/metrics").text.splitlines()
        return [float(line.rpartition(" ")[2]) for line in lines if line.startswith(name)]

    assert read('credenza_key_terms{purpose="dek",state="active"}') == [1.0]
    assert read("credenza_key_seals_max") == [2.0]
    assert read("credenza_key_seals_limit") == [2.0**30]
    assert 0 <= read('credenza_key_age_seconds_max{purpose="dek"}')[0] < 600
    assert read("credenza_secrets_under_earlier_terms") == [0.0]
    tenant = service.tenant()
    rows = service.vault.new_rings(tenant.id, 5, 2, "pre_active")
    service.store.write(tenant, lambda tx: tx.add_rings(rows)).result(10)
    service.store.write(tenant, lambda tx: tx.activate(2)).result(10)

    assert read("credenza_secrets_under_earlier_terms") == [2.0]
    assert read('credenza_key_terms{purpose="dek",state="decrypt_only"}') == [1.0]


def test_metrics_of_a_store_that_cannot_be_read_leave_out_what_it_would_say(service, client):
    service.store.close()

    answer = client.get("/metrics")

    assert (answer.status_code, "credenza_key_terms" in answer.text) == (200, False)
