"""Saving again: what was read changes nothing, and an Idempotency-Key makes a save happen once."""

import pytest

from credenza.model import Put
from credenza.sensitive import Sensitive
from credenza.workspace import Once
from examples import API, EXAMPLES, dump, item, read, save

KEY = {"Idempotency-Key": "import-7"}
BAD = item("bad", configuration={})


def test_the_same_request_again_answers_the_first_receipt_and_saves_nothing(api, database):
    first = save(api, item(), headers=KEY)
    save(api, item(description="meanwhile"))
    before = dump(database)

    again = save(api, item(), headers=KEY)

    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert (again.json()["created"], dump(database)) == (1, before)


def test_a_per_item_receipt_comes_back_with_its_status_and_problems(api):
    first = save(api, item(), BAD, headers=KEY, mode="per-item")

    again = save(api, item(), BAD, headers=KEY, mode="per-item")

    assert (again.status_code, again.json()) == (207, first.json())
    assert first.json()["results"][1]["problems"]


def test_the_same_key_with_another_body_is_refused(api, database):
    save(api, item(), headers=KEY)
    before = dump(database)

    answer = save(api, item(description="other"), headers=KEY)

    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert dump(database) == before


@pytest.mark.parametrize("query", [{"mode": "per-item"}, {"apis": "replace"}, {"dryRun": "true"}])
def test_the_same_key_with_another_query_is_refused(api, query):
    save(api, item(), headers=KEY)

    assert save(api, item(), headers=KEY, **query).status_code == 422


def test_the_same_key_with_another_expectation_is_refused(api):
    save(api, item(), headers=KEY)

    assert save(api, item(), headers={**KEY, "If-Match": '"1"'}).status_code == 422


def test_a_dry_run_keeps_no_key(api):
    save(api, item(), headers=KEY, dryRun="true")

    assert save(api, item(), headers=KEY).json()["created"] == 1


def test_a_refused_save_keeps_no_key(api):
    assert save(api, BAD, headers=KEY).status_code == 400

    assert save(api, item(), headers=KEY).json()["created"] == 1


def test_keys_of_different_holders_are_independent(api, key):
    save(api, item(), headers=KEY)

    other = save(api, item("two"), headers={**KEY, "X-Authorization": key("editor")})
    foreign = save(api, item(), headers={**KEY, "X-Authorization": key("admin", workspace="other")})

    assert (other.json()["created"], foreign.json()["created"]) == (1, 1)


@pytest.mark.parametrize("text", ["", "x" * 256, "tab\there"])
def test_a_key_is_1_to_255_printable_characters(api, text):
    assert save(api, item(), headers={"Idempotency-Key": text}).status_code == 400


def test_duplicates_that_arrive_together_save_once(workspace, api):
    put = Put(name="one", type="openai", configuration=Sensitive({"api_key": "sk"}))
    once = Once("import-7", Sensitive(b"body"))

    receipts = [future.result() for future in [workspace.submit([put], once=once) for _ in range(40)]]

    assert all(receipt == receipts[0] for receipt in receipts)
    assert receipts[0].items[0].result == "created"
    assert len(api.get(f"{API}/provider/one/history").json()["versions"]) == 1


def test_the_store_keeps_a_digest_of_the_request_and_not_the_request(api, database):
    save(api, item(configuration={"api_key": "sk-canary"}), headers=KEY)

    assert b"sk-canary" not in database.read_bytes() + database.with_name(database.name + "-wal").read_bytes()
    assert read(api)["version"] == 1


@pytest.mark.parametrize("type", EXAMPLES)
def test_any_answer_of_a_read_saved_back_whole_changes_nothing(api, database, type):
    apis = [
        {"integrationName": "one", "api": "m/1"},
        {"integrationName": "one", "api": "m:2", "enabled": False},
    ]
    save(api, item("one", type, apis=apis, tags=[{"key": "team", "value": "a"}]))
    save(api, {"name": "one", "type": type, "description": "later", "enabled": True})
    before = dump(database)

    answers = [read(api), *api.get(API + "/").json(), *api.get(API + "/provider").json()]
    answers.append(api.get(f"{API}/provider/one/history/2").json())
    for answer in answers:
        saved = save(api, answer)
        assert (saved.status_code, saved.json()["unchanged"]) == (200, 1), saved.text
    assert dump(database) == before


@pytest.mark.parametrize("type", EXAMPLES)
def test_a_revealed_configuration_saved_back_changes_nothing_either(api, type):
    save(api, item("one", type))

    revealed = api.get(f"{API}/provider/one/resolved").json()

    assert revealed["configuration"] == EXAMPLES[type]
    assert save(api, revealed).json()["unchanged"] == 1
