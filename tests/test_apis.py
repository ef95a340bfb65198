"""The apis of an integration (models, indexes, tables) at paths of their own, and what is said of them."""

import msgspec
import pytest

from credenza.model import AddTags, ApiPut, Put, Tag, TokenLimit
from examples import API, dump, item, query, read, save
from web_answers import check_problem

ONE = f"{API}/provider/one"
LIST = f"{ONE}/integration"
MODEL = f"{LIST}/gpt"
MADE = {"createTime", "createdBy", "updateTime", "updatedBy"}


@pytest.fixture
def one(api):
    """Save an integration without apis."""
    save(api, item())
    return api


def post(api, path=MODEL, body=None, **request):
    return api.post(path, json={} if body is None else body, **request)


def places(answer):
    """Return what an answer says is wrong, as (code, pointer); no problem of a single call has an index."""
    assert not [each for each in answer.json()["errors"] if "index" in each]
    return [(each["code"], each.get("pointer", "")) for each in answer.json()["errors"]]


def version(api):
    return read(api)["version"]


def test_an_api_is_made_by_a_save_and_reads_as_it_was_saved(one):
    answer = post(one, body={"description": "A model", "configuration": {"temperature": 0.5}})

    assert (answer.status_code, answer.content) == (200, b"")
    shown = one.get(MODEL)
    assert shown.headers["ETag"] == '"2"'
    assert {key: value for key, value in shown.json().items() if key not in MADE} == {
        "integrationName": "one",
        "api": "gpt",
        "description": "A model",
        "enabled": True,
        "configuration": {"temperature": 0.5},
        "tags": [],
    }
    assert one.get(f"{API}/").json()[0]["apis"] == [shown.json()]
    assert read(one)["modelsCount"] == 1


def test_a_save_of_an_api_leaves_what_is_absent_as_it_is_and_the_others_alone(one):
    post(one, body={"description": "A model", "enabled": False, "tags": [{"key": "k", "value": "v"}]})
    post(one, f"{LIST}/other", {"description": "Another"})
    other = one.get(f"{LIST}/other").json()

    post(one, body={"description": "new"})

    shown = one.get(MODEL).json()
    assert (shown["description"], shown["enabled"], shown["tags"]) == (
        "new",
        False,
        [{"key": "k", "value": "v"}],
    )
    assert one.get(f"{LIST}/other").json() == other


def test_a_save_of_an_api_leaves_the_integration_as_it_is(one):
    before = read(one)

    post(one)

    assert {key for key, value in read(one).items() if value != before[key]} == {
        "version",
        "updateTime",
        "modelsCount",
    }


def test_a_save_without_any_body_makes_an_api(one):
    headers = {"Content-Type": "application/json"}

    assert one.post(MODEL, content=b"", headers=headers).status_code == 200
    assert one.get(MODEL).json()["enabled"] is True


def test_what_a_read_of_an_api_answers_can_be_posted_back_and_changes_nothing(one, database):
    limited = {"maxTokens": 100, "frequency": "weekly"}
    post(one, body={"description": "d", "configuration": {"api_key": "sk", "colour": "red"}, **limited})
    one.post(f"{MODEL}/prompt/p", json={})
    shown = one.get(MODEL).json()
    before = dump(database)

    assert post(one, body=shown).status_code == 200
    assert one.get(MODEL).json() == shown
    assert {"maxTokens", "frequency"} <= shown.keys()
    assert dump(database) == before


def test_the_list_of_apis_holds_the_enabled_ones_unless_all_are_asked_for(one):
    post(one, f"{LIST}/on")
    post(one, f"{LIST}/off", {"enabled": False})

    def names(query=""):
        return [each["api"] for each in one.get(LIST + query).json()]

    assert (names(), names("?activeOnly=true"), names("?activeOnly=false")) == (
        ["on"],
        ["on"],
        ["on", "off"],
    )
    assert one.get(f"{LIST}/all").json() == ["on", "off"]


def test_a_removed_api_is_gone_with_its_limit_and_removing_it_again_is_404(one):
    post(one, body={"maxTokens": 5})

    assert [one.delete(MODEL).status_code for _ in range(2)] == [200, 404]
    check_problem(one.get(MODEL), 404, "not_found")
    check_problem(one.get(f"{API}/llm/one/token"), 404, "not_found")
    assert one.get(f"{LIST}/all").json() == []


MISSING = {
    "save": lambda c, at: c.post(at, json={}),
    "remove": lambda c, at: c.delete(at),
    "read": lambda c, at: c.get(at),
    "tags": lambda c, at: c.get(f"{at}/tags"),
    "add tags": lambda c, at: c.put(f"{at}/tags", json=[]),
    "drop tags": lambda c, at: c.request("DELETE", f"{at}/tags", json=[]),
    "metrics": lambda c, at: c.get(f"{at}/metrics"),
    "count": lambda c, at: c.post(f"{at}/metrics", json=1),
    "prompts": lambda c, at: c.get(f"{at}/prompt"),
    "associate": lambda c, at: c.post(f"{at}/prompt/p", json={}),
}


@pytest.mark.parametrize("call", MISSING)
@pytest.mark.parametrize("name", ["none", "ONE", "one%20"])
def test_nothing_is_done_to_an_api_under_an_integration_that_is_not_there(one, database, call, name):
    before = dump(database)

    answer = MISSING[call](one, f"{API}/provider/{name}/integration/gpt")

    check_problem(answer, 404, "not_found")
    assert dump(database) == before


@pytest.mark.parametrize("call", sorted(MISSING.keys() - {"save"}))
def test_nothing_is_done_to_an_api_that_is_not_there(one, database, call):
    post(one, f"{LIST}/GPT")
    before = dump(database)

    check_problem(MISSING[call](one, MODEL), 404, "not_found")
    assert dump(database) == before


@pytest.mark.parametrize(
    ("body", "pointer"), [({"api": "other"}, "/api"), ({"integrationName": "two"}, "/integrationName")]
)
def test_names_in_the_body_must_be_those_of_the_path(one, body, pointer):
    answer = post(one, body=body)

    check_problem(answer, 400, "name_mismatch")
    assert places(answer) == [("name_mismatch", pointer)]
    assert version(one) == 1


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"enabled": 1}, [("wrong_type", "/enabled")]),
        ({"colour": "red"}, [("unknown_field", "")]),
        ({"description": "x" * 4_097}, [("too_long", "/description")]),
        ({"tags": [{"key": "", "value": ""}]}, [("empty", "/tags/0/key")]),
        ({"tags": [{"key": "k"}]}, [("required", "/tags/0/value")]),
        ({"maxTokens": -1}, [("invalid_data", "/maxTokens")]),
        ({"maxTokens": 2**53}, [("invalid_data", "/maxTokens")]),
        ({"maxTokens": 1, "frequency": "hourly"}, [("invalid_data", "/frequency")]),
        ({"configuration": {"temperature": "hot"}}, [("wrong_type", "/configuration/temperature")]),
    ],
)
def test_problems_point_into_the_body_that_was_sent(one, body, expected):
    post(one, f"{LIST}/first")

    answer = post(one, body=body)

    assert answer.status_code == 400
    assert places(answer) == expected
    assert version(one) == 2


@pytest.mark.parametrize("name", ["x" * 513, "a%00b"])
def test_the_name_of_an_api_has_512_characters_and_no_nul(one, name):
    assert post(one, f"{LIST}/{name}").status_code in {400, 404}
    assert version(one) == 1


def test_an_integration_has_a_thousand_apis_and_no_more(one):
    apis = [{"integrationName": "one", "api": str(number)} for number in range(1_000)]
    assert save(one, item(apis=apis)).status_code == 200

    answer = post(one, f"{LIST}/more")

    check_problem(answer, 400, "too_many")
    assert places(answer) == [("too_many", "")]
    assert post(one, f"{LIST}/7", {"description": "d"}).status_code == 200


@pytest.mark.parametrize("call", ["save", "remove", "add tags", "associate"])
def test_a_change_of_an_api_may_expect_a_version_of_its_integration(one, call):
    post(one)

    def send(mark):
        return {
            "save": lambda h: post(one, body={"description": "d"}, headers=h),
            "remove": lambda h: one.delete(MODEL, headers=h),
            "add tags": lambda h: one.put(f"{MODEL}/tags", json=[{"key": "a", "value": "b"}], headers=h),
            "associate": lambda h: one.post(f"{MODEL}/prompt/p", json={}, headers=h),
        }[call]({"If-Match": mark})

    check_problem(send('"1"'), 412, "version_mismatch")
    assert send('"2"').status_code == 200
    assert version(one) == 3


def test_changes_of_apis_are_in_the_history_and_can_be_taken_back(one):
    post(one, body={"description": "first"})
    one.post(f"{MODEL}/prompt/p", json={})
    one.delete(MODEL)

    listed = one.get(f"{ONE}/history").json()["versions"]
    assert [[(c["pointer"], c["change"]) for c in each["changes"]] for each in listed] == [
        [("/apis/gpt", "removed")],
        [("/apis/gpt", "changed")],
        [("/apis/gpt", "added")],
        [],
    ]
    assert one.post(f"{ONE}/rollback", json={"version": 3}).status_code == 200
    assert one.get(MODEL).json()["description"] == "first"
    assert [each["name"] for each in one.get(f"{MODEL}/prompt").json()] == ["p"]


def test_what_changes_nothing_makes_no_version(one, database):
    post(one, body={"description": "d"})
    before = dump(database)

    for body in ({}, {"description": "d"}, {"enabled": True}, {"tags": []}, {"configuration": {}}):
        assert post(one, body=body).status_code == 200
    assert dump(database) == before


def test_an_api_switched_off_and_on_again_is_what_it_was(one):
    for enabled in (True, False, True):
        post(one, body={"enabled": enabled})

    compared = one.get(f"{ONE}/history/4", params={"against": 2}).json()
    assert compared["changes"] == []


def test_every_change_of_an_api_leaves_an_audit_row(one, database):
    post(one)
    one.put(f"{MODEL}/tags", json=[{"key": "a", "value": "b"}])
    one.delete(MODEL)

    assert query(database, "SELECT verb FROM audit WHERE verb = 'save'") == [("save",)] * 4


def test_an_integration_that_lacks_something_may_be_changed_elsewhere_and_lacks_it_still(open_service, admin):
    lenient = open_service("half", validation="lenient")
    lacking = Put(name="half", type="openai", apis=(ApiPut("gpt"),))
    owner = msgspec.structs.replace(admin, tenant=lenient.tenant())
    lenient.workspace(owner).apply([lacking])
    lenient.close()

    strict = open_service("half").workspace(owner)
    for part in (ApiPut("gpt", "described"), AddTags((Tag("k", "v"),)), TokenLimit(5, "DAY", "gpt")):
        strict.amend("half", part).result()

    document = strict.view("half").document
    assert (document.missing, document.tags) == (("/api_key",), (Tag("k", "v"),))
    assert (document.apis[0].description, document.limits[0].max_tokens) == ("described", 5)


# Prompts


def test_prompts_are_associated_once_each_and_listed_in_order(one):
    post(one)
    for prompt in ("b", "a", "b"):
        assert one.post(f"{MODEL}/prompt/{prompt}", json={}).status_code == 200

    listed = one.get(f"{MODEL}/prompt").json()
    assert [(each["name"], each["integrations"]) for each in listed] == [
        ("b", ["one:gpt"]),
        ("a", ["one:gpt"]),
    ]
    assert version(one) == 4
    assert all(each["createdBy"].startswith("key:") for each in listed)


def test_a_prompt_is_associated_without_a_body(one):
    post(one)

    assert one.post(f"{MODEL}/prompt/p").status_code == 200


@pytest.mark.parametrize("name", ["x" * 513, "%00"])
def test_the_name_of_a_prompt_has_512_characters_and_no_nul(one, name):
    post(one)

    answer = one.post(f"{MODEL}/prompt/{name}", json={})

    assert answer.status_code in {400, 404}
    assert one.get(f"{MODEL}/prompt").json() == []


def test_prompts_stay_when_an_api_is_saved_again_in_bulk_or_alone(one):
    post(one)
    one.post(f"{MODEL}/prompt/p", json={})

    save(one, item(apis=[{"integrationName": "one", "api": "gpt", "description": "new"}]))
    post(one, body={"enabled": False})

    assert [each["name"] for each in one.get(f"{MODEL}/prompt").json()] == ["p"]


# Who may


@pytest.mark.parametrize("call", MISSING)
def test_another_workspaces_apis_are_as_if_they_were_not(one, key, call):
    post(one)
    other = key("admin", workspace="other")

    one.headers["X-Authorization"] = other
    check_problem(MISSING[call](one, MODEL), 404, "not_found")


@pytest.mark.parametrize("call", MISSING)
def test_a_key_limited_to_names_reaches_no_other_api(one, key, call):
    post(one)
    one.headers["X-Authorization"] = key("admin", names=["two"])

    check_problem(MISSING[call](one, MODEL), 403, "forbidden")


@pytest.mark.parametrize("call", MISSING)
def test_a_key_limited_to_tags_reaches_no_other_api(one, key, call):
    post(one)
    one.headers["X-Authorization"] = key("admin", tags=[("team", "a")])

    assert MISSING[call](one, MODEL).status_code in {403, 404}
