"""One integration at its own path: saved, read and removed there, under the same rules as in bulk."""

import pytest

from credenza.workspace import Workspace
from examples import API, EXAMPLES, dump, item, query, read, resolve, save
from web_answers import check_problem

ONE = f"{API}/provider/one"


def post(api, body=None, path=ONE, **request):
    """Save one integration at its path; without a body, a new one with its secret."""
    return api.post(path, json=item() if body is None else body, **request)


def places(answer):
    """Return what an answer says is wrong, as (code, pointer); no problem of a single call has an index."""
    assert not [each for each in answer.json()["errors"] if "index" in each]
    return [(each["code"], each.get("pointer", "")) for each in answer.json()["errors"]]


@pytest.mark.parametrize("type", EXAMPLES)
def test_an_integration_of_any_type_is_saved_at_its_path_and_answered_whole(api, type):
    answer = post(api, {"type": type, "configuration": EXAMPLES[type]})

    assert answer.status_code == 200
    assert answer.json() == read(api) | {"apis": []}
    assert answer.headers["ETag"] == '"1"'
    assert resolve(api) == EXAMPLES[type]


def test_a_save_at_its_path_leaves_what_is_absent_as_it_is(api):
    post(api, item(description="text", enabled=False, tags=[{"key": "a", "value": "b"}]))

    shown = post(api, {"category": "API"}).json()

    assert (shown["version"], shown["category"]) == (2, "API")
    assert (shown["type"], shown["description"], shown["enabled"]) == ("openai", "text", False)
    assert shown["tags"] == [{"key": "a", "value": "b"}]
    assert resolve(api) == EXAMPLES["openai"]


def test_a_new_integration_needs_a_type(api):
    answer = post(api, {"configuration": {"api_key": "sk"}})

    check_problem(answer, 400, "required")
    assert places(answer) == [("required", "/type")]


def test_a_type_that_does_not_exist_is_404_at_the_path_and_400_in_bulk(api):
    check_problem(post(api, {"type": "unheard"}), 404, "unknown_type")
    check_problem(save(api, {"name": "one", "type": "unheard"}), 400, "unknown_type")


def test_a_type_that_does_not_exist_is_404_whatever_else_is_wrong_and_that_is_told_too(api):
    answer = post(api, {"type": "unheard", "category": "NONE"})

    check_problem(answer, 404, "unknown_type")
    assert sorted(places(answer)) == [("unknown_category", "/category"), ("unknown_type", "/type")]


def test_what_was_saved_is_answered_though_somebody_else_saved_or_removed_it_since(api, monkeypatch):
    """The other one comes between the commit and the answer."""
    show, others = Workspace.version, [lambda: save(api, item(description="theirs")), lambda: api.delete(ONE)]

    def version(workspace, name, number):
        others.pop(0)()
        return show(workspace, name, number)

    monkeypatch.setattr(Workspace, "version", version)
    first = post(api, item(description="mine"))
    second = post(api, item(description="mine again"))

    assert (first.json()["description"], first.headers["ETag"]) == ("mine", '"1"')
    assert (second.status_code, second.content) == (200, b"")


def test_an_integration_has_a_largest_size_without_its_secrets(api):
    tags = [{"key": f"k{number}", "value": "v" * 4_000} for number in range(200)]
    apis = [{"integrationName": "one", "api": f"a{number}", "tags": tags} for number in range(6)]

    check_problem(post(api, item(apis=apis)), 400, "too_large")
    assert post(api, item(apis=apis[:4])).status_code == 200


def test_the_type_is_never_changed(api):
    post(api)

    answer = post(api, {"type": "grok"})

    check_problem(answer, 400, "type_immutable")
    assert places(answer) == [("type_immutable", "/type")]


@pytest.mark.parametrize("name", ["two", "ONE", "one ", ""])
def test_a_name_in_the_body_must_be_the_one_of_the_path(api, database, name):
    before = dump(database)

    answer = post(api, item(name))

    check_problem(answer, 400, "name_mismatch")
    assert places(answer) == [("name_mismatch", "/name")]
    assert dump(database) == before


def test_a_name_that_differs_only_by_case_from_one_that_is_there_is_refused(api):
    post(api)

    assert places(post(api, item("One"), f"{API}/provider/One")) == [("name_taken", "/name")]


@pytest.mark.parametrize("name", ["~", "a%2Fb", "%20a", "a%20", "x" * 129, "%C3%A9"])
def test_a_path_that_is_no_name_saves_nothing(api, name):
    answer = post(api, {"type": "openai", "configuration": EXAMPLES["openai"]}, f"{API}/provider/{name}")

    check_problem(answer, 400, "invalid_name")


def test_problems_point_into_the_body_that_was_sent(api):
    body = {
        "type": "openai",
        "configuration": {"api_key": "sk", "endpiont": "https://x.example"},
        "tags": [{"key": "", "value": "v"}],
        "apis": [{"integrationName": "one", "api": "m"}, {"integrationName": "one", "api": "m"}],
    }

    answer = post(api, body)

    assert sorted(places(answer)) == [
        ("duplicate_api", "/apis/1/api"),
        ("empty", "/tags/0/key"),
        ("unknown_key", "/configuration"),
    ]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"type": 1}, ("wrong_type", "/type")),
        ({"enabled": "yes"}, ("wrong_type", "/enabled")),
        ({"colour": "red"}, ("unknown_field", "")),
        ({"apis": [{"api": "m"}]}, ("required", "/apis/0/integrationName")),
        ({"apis": [{"api": "m", "integrationName": "two"}]}, ("parent_mismatch", "/apis/0/integrationName")),
        ({"tags": [{"key": "k"}]}, ("required", "/tags/0/value")),
        ([], ("wrong_type", "")),
        ("text", ("wrong_type", "")),
    ],
)
def test_a_field_that_cannot_be_read_is_named_by_place_and_rule(api, body, expected):
    answer = post(api, body)

    check_problem(answer, 400, expected[0])
    assert places(answer) == [expected]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"type":"openai","type":"grok"}', "duplicate_key"),
        (b'{"configuration":{"api_key":"a","api_key":"b"}}', "duplicate_key"),
        (b'{"type":NaN}', "invalid_json"),
        (b'{"type":"\xff"}', "invalid_json"),
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b'{"configuration":{"a":' + b"[" * 5_000 + b"]" * 5_000 + b"}}", "too_deep"),
    ],
)
def test_what_is_no_sound_json_is_refused(api, body, code):
    answer = api.post(ONE, content=body, headers={"Content-Type": "application/json"})

    check_problem(answer, 400, code)


def test_a_body_that_is_not_declared_as_json_is_refused(api):
    check_problem(api.post(ONE, content=b"{}", headers={"Content-Type": "text/plain"}), 415)


def test_any_answer_of_a_read_saved_back_whole_changes_nothing(api, database):
    tags = [{"key": "a", "value": "b"}]
    apis = [{"integrationName": "one", "api": "m", "description": "d", "tags": tags}]
    save(api, item(tags=tags, apis=apis, description="text"))
    api.post(f"{API}/llm/one/token", json={"api": "m", "maxTokens": 5, "tokenLimitPeriod": "WEEK"})
    before = dump(database)

    for path in (ONE, f"{ONE}/history/1", f"{ONE}/history/2"):
        assert post(api, api.get(path).json()).json()["version"] == 2
    whole = api.get(f"{API}/").json()
    assert save(api, *whole).json()["unchanged"] == 1
    assert post(api, whole[0]).json() == whole[0]
    assert dump(database) == before


def test_what_the_server_makes_is_ignored_where_it_is_posted_back(api):
    made = {"createTime": 1, "createdBy": "me", "updateTime": "never", "updatedBy": [], "ownerApp": "x"}
    made |= {"modelsCount": 9, "version": 99, "complete": False, "missing": ["/x"], "createdOn": None}

    shown = post(api, item() | made).json()

    assert (shown["version"], shown["modelsCount"], shown["complete"]) == (1, 0, True)
    assert shown["createdBy"].startswith("key:")
    assert shown["createTime"] > 1


def test_a_save_may_expect_a_version_by_header_or_field(api):
    assert post(api, headers={"If-Match": '"0"'}).status_code == 200
    for request in ({"headers": {"If-Match": '"9"'}}, {"body": item(expectedVersion=9)}):
        check_problem(post(api, **request), 412, "version_mismatch")
    body = item(description="new", expectedVersion=9)
    assert post(api, body, headers={"If-Match": '"1"'}).json()["version"] == 2


def test_a_save_rehearsed_answers_what_would_come_of_it_and_writes_nothing(api, database):
    before = dump(database)

    answer = post(api, params={"dryRun": "true"})

    assert (answer.json()["dryRun"], answer.json()["created"]) == (True, 1)
    assert answer.json()["results"][0]["secrets"] == {"/configuration/api_key": "set"}
    assert dump(database) == before


@pytest.mark.parametrize("query", ["?dryRun=maybe", "?dryRun=true&dryRun=true", "?apis=replace", "?x=1"])
def test_a_query_that_the_call_does_not_know_is_refused(api, query):
    answer = post(api, path=ONE + query)

    check_problem(answer, 400)
    assert places(answer) == [("invalid_request", "")]


def test_a_kept_secret_does_not_follow_to_another_destination(api):
    post(api)

    answer = post(api, {"configuration": {"endpoint": "https://elsewhere.example"}})

    check_problem(answer, 400, "secret_reentry_required")
    assert places(answer) == [("secret_reentry_required", "/configuration/api_key")]


def test_every_change_at_the_path_is_a_version_and_leaves_an_audit_row(api, database):
    for text in ("a", "b", "b"):
        post(api, item(description=text))

    assert query(database, "SELECT verb FROM audit WHERE verb = 'save'") == [("save",)] * 2
    listed = api.get(f"{ONE}/history").json()["versions"]
    assert [(each["version"], [c["pointer"] for c in each["changes"]]) for each in listed] == [
        (2, ["/description"]),
        (1, []),
    ]


def test_a_deleted_integration_is_gone_and_deleting_it_again_is_404(api, database):
    post(api)

    assert (api.delete(ONE).status_code, api.delete(ONE).status_code) == (200, 404)
    for path in (ONE, f"{ONE}/resolved", f"{ONE}/history", f"{ONE}/tags", f"{ONE}/integration"):
        check_problem(api.get(path), 404, "not_found")
    assert query(database, "SELECT count(*) FROM secrets") == [(0,)]


def test_a_delete_takes_no_notice_of_a_body(api):
    post(api)

    assert api.request("DELETE", ONE, json={}).status_code == 200


def test_another_workspaces_integration_is_neither_changed_nor_in_the_way(api, key):
    post(api)
    other = {"X-Authorization": key("admin", workspace="other")}

    assert post(api, item(type="grok"), headers=other).json()["version"] == 1
    assert api.delete(ONE, headers=other).status_code == 200
    assert read(api)["type"] == "openai"


def test_a_key_limited_to_tags_must_cover_the_integration_before_and_after(api, key):
    post(api, item(tags=[{"key": "team", "value": "a"}]))
    post(api, item("two"), f"{API}/provider/two")
    limited = {"X-Authorization": key("editor", tags=[("team", "a")])}

    assert post(api, {"description": "new"}, headers=limited).status_code == 200
    check_problem(post(api, {"tags": []}, headers=limited), 403, "forbidden")
    check_problem(post(api, {"enabled": False}, f"{API}/provider/two", headers=limited), 403, "forbidden")
    check_problem(post(api, item("new"), f"{API}/provider/new", headers=limited), 403, "forbidden")


@pytest.mark.parametrize("body", [{"colour": "red"}, {"type": "unheard"}, {"name": "two"}])
def test_one_who_may_not_write_is_told_nothing_of_the_body(api, key, body):
    check_problem(post(api, body, headers={"X-Authorization": key("viewer")}), 403, "forbidden")


def test_one_who_may_not_reveal_is_never_told_that_a_guess_is_right(api, key):
    post(api)
    editor = {"X-Authorization": key("editor")}

    for guess in ("sk-made-up", "sk-other"):
        body = item(configuration=EXAMPLES["openai"] | {"api_key": guess})
        receipt = post(api, body, headers=editor, params={"dryRun": "true"}).json()
        assert receipt["results"][0]["secrets"] == {"/configuration/api_key": "provided"}
