"""The bulk save: all or nothing, or each for itself; planned first, if asked; every problem told at once."""

import json
import time

import pytest

from credenza.connectors import Catalogue
from credenza.errors import NotFound, PreconditionFailed
from credenza.model import Drop, Expect, Put
from credenza.sensitive import Sensitive
from examples import API, EXAMPLES, dump, item, problems, read, save

BAD = item("bad", configuration={"endpoint": "https://api.openai.com"})


def results(answer):
    return [(each["name"], each["result"], each.get("version")) for each in answer.json()["results"]]


def test_a_save_answers_what_became_of_each_item_by_name_version_and_key_path(api):
    save(api, item("kept"), item("changed"))

    answer = save(api, item("new"), item("kept"), item("changed", description="other"))

    assert answer.status_code == 200
    assert results(answer) == [("new", "created", 1), ("kept", "unchanged", 1), ("changed", "updated", 2)]
    receipt = answer.json()
    assert (receipt["created"], receipt["updated"], receipt["unchanged"], receipt["failed"]) == (1, 1, 1, 0)
    assert receipt["results"][2]["changed"] == ["/description"]
    assert "made-up" not in answer.text


@pytest.mark.parametrize("path", [API, API + "/"])
def test_both_spellings_of_the_path_take_a_save_without_a_redirect(api, path):
    answer = api.post(path, json=[item()], follow_redirects=False)

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/x+json"]
)
def test_any_spelling_of_json_is_taken(api, kind):
    assert api.post(API, content=json.dumps([item()]), headers={"Content-Type": kind}).status_code == 200


def test_ten_thousand_items_are_saved_in_one_go(api, database):
    items = [item(f"n-{number}", "grok") for number in range(10_000)]

    answer = save(api, *items)

    assert (answer.status_code, answer.json()["created"]) == (200, 10_000)
    assert len(dump(database)["integrations"]) == 10_000


def test_one_bad_item_saves_nothing_at_all(api, database):
    save(api, item("before"))
    before = dump(database)

    answer = save(api, item("good"), BAD, item("before", description="new"))

    assert answer.status_code == 400
    assert dump(database) == before


def test_per_item_saves_what_it_can_and_answers_207_with_a_result_each(api):
    answer = save(api, item("good"), BAD, mode="per-item")

    assert answer.status_code == 207
    assert results(answer) == [("good", "created", 1), ("bad", "failed", None)]
    told = answer.json()["results"][1]["problems"]
    assert [(each["index"], each["pointer"]) for each in told] == [(1, "/configuration/api_key")]
    assert [each["name"] for each in api.get(API + "/").json()] == ["good"]


def test_a_mode_that_does_not_exist_is_refused_without_repeating_it(api):
    answer = save(api, item(), mode="sk-pasted-by-mistake")

    assert answer.status_code == 400
    assert "pasted" not in answer.text


CHANGES = {
    "create": [item("new")],
    "update": [item("old", description="other", tags=[{"key": "a", "value": "b"}])],
    "unchanged": [item("old")],
    "keep": [{"name": "old", "type": "openai", "configuration": {"organizationId": "org-2"}}],
    "replace": [item("old", configuration={"api_key": "sk-other"})],
    "without configuration": [{"name": "old", "type": "openai", "enabled": False}],
    "clear": [item("llama", "ollama", configuration={"endpoint": "http://localhost:11434", "api_key": None})],
    "apis": [item("old", apis=[{"integrationName": "old", "api": "gpt-4o"}])],
    "several": [item("new"), item("old", enabled=False), item("llama", "ollama")],
}


@pytest.mark.parametrize("items", CHANGES.values(), ids=CHANGES.keys())
@pytest.mark.parametrize("mode", ["atomic", "per-item"])
def test_a_dry_run_answers_what_the_save_then_answers_and_writes_nothing(api, database, items, mode):
    save(api, item("old"), item("llama", "ollama"))
    before = dump(database)

    planned = save(api, *items, dryRun="true", mode=mode)

    assert dump(database) == before
    done = save(api, *items, mode=mode)
    assert planned.status_code == done.status_code
    assert planned.json() == done.json() | {"dryRun": True}


@pytest.mark.parametrize(("mode", "status"), [("atomic", 400), ("per-item", 207)])
def test_a_dry_run_is_refused_where_the_save_would_be(api, database, mode, status):
    before = dump(database)

    planned = save(api, item("good"), BAD, dryRun="true", mode=mode)

    assert planned.status_code == status
    assert dump(database) == before
    assert [e["result"] for e in planned.json().get("results", [])] == (
        [] if status == 400 else ["created", "failed"]
    )


def test_every_problem_of_every_item_is_told_at_once_with_place_and_rule(api):
    save(api, item("typed"))

    answer = save(
        api,
        item("a", configuration={}),
        item("b", configuration={"api_key": 5, "endpint": "x"}, category="NONE"),
        item("b."),
        item("c ", configuration={}),
        item("d", "unheard_of", configuration={}),
        item("typed", "anthropic"),
        item("a"),
        item("e", apis=[{"integrationName": "f", "api": "x"}], configuration={}),
        item("g", enabled="yes", tags=[{"key": ""}], configuration={"api_key": "***"}),
    )

    assert answer.status_code == 400
    assert problems(answer) == [
        (0, "required", "/configuration/api_key"),
        (1, "unknown_category", "/category"),
        (1, "unknown_key", "/configuration"),
        (1, "wrong_type", "/configuration/api_key"),
        (3, "invalid_name", "/name"),
        (3, "required", "/configuration/api_key"),
        (4, "unknown_type", "/type"),
        (5, "type_immutable", "/type"),
        (6, "duplicate_name", "/name"),
        (7, "parent_mismatch", "/apis/0/integrationName"),
        (7, "required", "/configuration/api_key"),
        (8, "wrong_type", "/enabled"),
        (8, "required", "/tags/0/value"),
        (8, "masked_secret", "/configuration/api_key"),
    ]
    names = {error["index"]: error.get("name") for error in answer.json()["errors"]}
    assert names == {0: "a", 1: "b", 3: None, 4: "d", 5: "typed", 6: "a", 7: "e", 8: "g"}
    assert all(error["keyword"] and error["message"] for error in answer.json()["errors"])


def test_an_unknown_key_is_told_by_its_position_and_the_nearest_known_key_only(api):
    answer = save(api, item(configuration={"api_key": "sk", "endpiont": "x", "sk-pasted": 1}))

    told = [error["message"] for error in answer.json()["errors"]]
    assert told == [
        "Key 2 of the configuration is not a key of type openai; did you mean endpoint?",
        "Key 3 of the configuration is not a key of type openai.",
    ]


def test_apis_are_created_updated_and_otherwise_left_alone(api):
    apis = [{"integrationName": "one", "api": name, "description": name} for name in ("a/1", "b:2")]
    save(api, item(apis=apis))

    changed = [
        {"integrationName": "one", "api": "b:2", "enabled": False},
        {"integrationName": "one", "api": "c"},
    ]
    save(api, item(apis=changed))

    [listed] = api.get(API + "/").json()
    shown = [(each["api"], each["description"], each["enabled"]) for each in listed["apis"]]
    assert shown == [("a/1", "a/1", True), ("b:2", "b:2", False), ("c", None, True)]
    assert listed["modelsCount"] == 3


def test_apis_replace_removes_what_is_not_listed(api):
    save(api, item(apis=[{"integrationName": "one", "api": name} for name in "abc"]))

    answer = save(api, item(apis=[{"integrationName": "one", "api": "b"}]), apis="replace")

    assert answer.json()["results"][0]["changed"] == ["/apis/a", "/apis/c"]
    assert [each["api"] for each in api.get(API + "/").json()[0]["apis"]] == ["b"]


def test_an_api_that_did_not_change_keeps_its_times(api):
    apis = [{"integrationName": "one", "api": "a"}, {"integrationName": "one", "api": "b"}]
    save(api, item(apis=apis))
    first = {each["api"]: each["updateTime"] for each in api.get(API + "/").json()[0]["apis"]}

    time.sleep(0.005)
    save(api, item(apis=[{"integrationName": "one", "api": "b", "description": "new"}]))

    now = {each["api"]: each["updateTime"] for each in api.get(API + "/").json()[0]["apis"]}
    assert (now["a"], now["b"] > first["b"]) == (first["a"], True)


@pytest.mark.parametrize("apis", [None, []])
def test_apis_absent_or_empty_leave_all_as_they_are(api, apis):
    save(api, item(apis=[{"integrationName": "one", "api": "a"}]))

    save(api, item(description="new", apis=apis))

    assert read(api)["modelsCount"] == 1


def test_tags_replace_all_and_absent_ones_are_kept(api):
    first, second = {"key": "team", "value": "a"}, {"key": "team", "value": "b"}
    save(api, item(tags=[first, second, first]))
    assert read(api)["tags"] == [first, second]

    save(api, item(description="new"))
    assert read(api)["tags"] == [first, second]

    save(api, item(tags=[second]))
    assert read(api)["tags"] == [second]

    save(api, item(tags=[]))
    assert read(api)["tags"] == []


def test_a_new_integration_is_enabled_and_of_its_types_category_unless_told_otherwise(api):
    save(api, item("plain"), item("told", enabled=False, category="API"))

    plain, told = read(api, "plain"), read(api, "told")
    assert (plain["enabled"], plain["category"], plain["description"]) == (True, "AI_MODEL", None)
    assert (told["enabled"], told["category"]) == (False, "API")


@pytest.mark.parametrize("field", ["enabled", "category", "description", "configuration"])
@pytest.mark.parametrize("how", ["absent", "null"])
def test_what_a_save_leaves_out_keeps_its_value(api, field, how):
    save(api, item(enabled=False, category="API", description="text"))
    before = read(api)

    change = item(enabled=False, category="API", description="text", tags=[{"key": "a", "value": "b"}])
    change |= {field: None} if how == "null" else {}
    change = change if how == "null" else {key: change[key] for key in change if key != field}
    answer = save(api, change)

    assert answer.json()["updated"] == 1
    assert read(api)[field] == before[field]


GOOD_NAMES = ["a", "A-b_c.d e", "0", "x" * 128]
BAD_NAMES = ["", " a", "a ", "-a", "a/b", "a\n", "ä", "a" * 129, "\u212a", "${a}", "a\tb"]


@pytest.mark.parametrize("name", GOOD_NAMES)
def test_a_name_is_letters_digits_dots_dashes_underscores_and_inner_spaces(api, name):
    assert save(api, item(name)).status_code == 200
    assert read(api, name)["name"] == name


@pytest.mark.parametrize("name", BAD_NAMES)
def test_any_other_name_is_refused_and_not_repeated(api, name):
    answer = save(api, item(name))

    assert problems(answer) == [(0, "invalid_name", "/name")]
    assert "name" not in answer.json()["errors"][0]


def test_a_name_that_differs_only_by_case_is_taken_and_is_not_found(api):
    save(api, item("Alpha"))

    assert problems(save(api, item("alpha"))) == [(0, "name_taken", "/name")]
    assert api.get(f"{API}/provider/alpha").status_code == 404
    assert api.delete(f"{API}/provider/alpha").status_code == 404
    assert api.get(f"{API}/provider/Alpha").status_code == 200


@pytest.mark.parametrize("second", ["same", "SAME"])
def test_one_name_twice_in_a_batch_is_refused(api, second):
    assert problems(save(api, item("same"), item(second))) == [(1, "duplicate_name", "/name")]


def test_one_name_twice_is_found_in_a_batch_of_many_chunks(api, database):
    answer = save(api, *[item(f"n-{number}", "grok") for number in range(1_200)], item("N-3", "grok"))

    assert problems(answer) == [(1_200, "duplicate_name", "/name")]
    assert dump(database)["integrations"] == []


def test_the_type_of_an_integration_never_changes(api):
    save(api, item())

    answer = save(api, item("one", "anthropic"))

    assert (answer.status_code, answer.json()["code"]) == (400, "type_immutable")
    assert read(api)["type"] == "openai"


def test_a_deleted_integration_is_gone_with_all_it_owned(api, database):
    save(api, item(tags=[{"key": "a", "value": "b"}], apis=[{"integrationName": "one", "api": "x"}]))

    assert api.delete(f"{API}/provider/one").status_code == 200

    rows = dump(database)
    assert [rows[table] for table in rows if table.startswith("integration")] == [[], [], [], []]
    assert rows["secrets"] == []
    assert api.delete(f"{API}/provider/one").status_code == 404


def test_removals_and_expectations_go_with_saves_in_one_batch(workspace):
    first, second, third = (
        Put(name=n, type="grok", configuration=Sensitive({"api_key": "x"})) for n in "abc"
    )
    workspace.apply([first, second])

    planned = workspace.apply([Expect("a", 1), Expect("c", 0), Drop("b"), third], dry_run=True)
    assert [view.record.name for view in workspace.list()] == ["a", "b"]
    done = workspace.apply([Expect("a", 1), Expect("c", 0), Drop("b"), third])

    assert [each.result for each in done.items] == ["unchanged", "unchanged", "deleted", "created"]
    assert planned.items == done.items
    assert [view.record.name for view in workspace.list()] == ["a", "c"]
    with pytest.raises(PreconditionFailed):
        workspace.apply([Expect("a", 2), Drop("c")])
    with pytest.raises(NotFound):
        workspace.apply([first, Drop("C")])


def test_there_is_an_example_of_every_type():
    assert set(EXAMPLES) == set(Catalogue.load())
    assert len(EXAMPLES) == 30
