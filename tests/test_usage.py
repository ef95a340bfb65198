"""Tokens: counted by api and day, added up, and limited by period."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from credenza.model import Actor, ApiPut, Put, Role, Usage
from examples import API, dump, item, read, save
from web_answers import check_problem

ONE = f"{API}/provider/one"
MODEL = f"{ONE}/integration/gpt"
TOKENS = f"{API}/llm/one/token"
DAY = 86_400_000
MOST = 2**53 - 1


@pytest.fixture
def one(api):
    """Save an integration with two apis."""
    save(api, item(apis=[{"integrationName": "one", "api": name} for name in ("gpt", "other")]))
    return api


def count(api, body, name="gpt", **request):
    return api.post(f"{ONE}/integration/{name}/metrics", json=body, **request)


def test_one_who_may_not_count_is_refused_before_the_body_is_looked_at(one, key):
    answer = count(one, "no number", headers={"X-Authorization": key("viewer")})

    check_problem(answer, 403)


def places(answer):
    """Return what an answer says is wrong, as (code, pointer); no problem of a single call has an index."""
    assert not [each for each in answer.json()["errors"] if "index" in each]
    return [(each["code"], each.get("pointer", "")) for each in answer.json()["errors"]]


def test_counts_add_up_by_api(one):
    for body in (3, 4, {"promptTokens": 10, "completionTokens": 5}, {"promptTokens": 1}, {}):
        assert count(one, body).content == b""
    count(one, 100, "other")

    assert one.get(f"{MODEL}/metrics").json() == 23
    assert one.get(f"{ONE}/metrics").json() == {"gpt": 23, "other": 100}


def test_what_was_never_used_has_zero(one):
    assert one.get(f"{MODEL}/metrics").json() == 0
    assert one.get(f"{ONE}/metrics").json() == {"gpt": 0, "other": 0}
    assert one.get(f"{TOKENS}/history").json() == []


def test_counting_makes_no_version_and_leaves_no_audit_row(one, database):
    before = dump(database)

    count(one, 3)

    assert dump(database) == before


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (-1, ("invalid_data", "")),
        (10**15 + 1, ("invalid_data", "")),
        (2**70, ("invalid_data", "")),
        (True, ("wrong_type", "")),
        (1.5, ("wrong_type", "")),
        ("3", ("wrong_type", "")),
        ([], ("wrong_type", "")),
        ({"promptTokens": "1"}, ("wrong_type", "/promptTokens")),
        ({"promptTokens": 5, "completionTokens": -1}, ("invalid_data", "")),
        ({"totalTokens": 5}, ("unknown_field", "")),
    ],
)
def test_only_whole_numbers_from_0_on_are_counted(one, body, expected):
    answer = count(one, body)

    check_problem(answer, 400, expected[0])
    assert places(answer) == [expected]
    assert one.get(f"{MODEL}/metrics").json() == 0


def test_the_history_is_by_api_and_day(one, monkeypatch):
    now = 1_700_000_000_000
    today = now - now % DAY
    clock = iter([now, now + DAY, now + DAY, now + 2 * DAY])
    monkeypatch.setattr("credenza.web.integrations.usage.milliseconds", lambda: next(clock, now + 2 * DAY))
    for name in ("gpt", "gpt", "other", "gpt"):
        count(one, {"promptTokens": 2, "completionTokens": 1}, name)

    def history(**query):
        listed = one.get(f"{TOKENS}/history", params=query).json()
        assert {each["integrationName"] for each in listed} <= {"one"}
        assert {(each["promptTokens"], each["completionTokens"], each["totalTokens"]) for each in listed} <= {
            (2, 1, 3)
        }
        return [(each["api"], (each["periodStart"] - today) // DAY) for each in listed]

    everything = [("gpt", 0), ("gpt", 1), ("gpt", 2), ("other", 1)]
    assert history() == history(model="*") == history(model="") == history(lookUpWindow=3) == everything
    assert history(model="other") == [("other", 1)]
    assert history(model="none") == []
    assert history(lookUpWindow=1) == [("gpt", 2)]
    assert history(lookUpWindow=2, model="gpt") == [("gpt", 1), ("gpt", 2)]


@pytest.mark.parametrize("query", ["lookUpWindow=0", "lookUpWindow=x", "lookUpWindow=3661", "x=1"])
def test_a_query_that_the_history_does_not_know_is_refused(one, query):
    check_problem(one.get(f"{TOKENS}/history?{query}"), 400)


def test_usage_goes_with_its_integration(one):
    count(one, 3)
    one.delete(ONE)
    save(one, item(apis=[{"integrationName": "one", "api": "gpt"}]))

    assert one.get(f"{MODEL}/metrics").json() == 0


def test_usage_stays_when_its_integration_is_saved_rolled_back_or_loses_the_api(one):
    count(one, 3)

    save(one, item(description="new"))
    one.delete(MODEL)
    one.post(f"{ONE}/rollback", json={"version": 1})

    assert one.get(f"{MODEL}/metrics").json() == 3


@pytest.mark.parametrize(
    ("role", "status"), [("runtime", 200), ("editor", 200), ("viewer", 403), ("operator", 403)]
)
def test_who_runs_an_integration_may_count_and_who_only_looks_may_not(one, key, role, status):
    assert count(one, 1, headers={"X-Authorization": key(role)}).status_code == status


# Limits


def limit(client, **fields):
    return client.post(TOKENS, json={"maxTokens": 100, "tokenLimitPeriod": "DAY", **fields})


def shown(client, **query):
    answer = client.get(TOKENS, params=query).json()
    return answer.get("api"), answer.get("maxTokens"), answer.get("tokenLimitPeriod")


def test_a_limit_is_of_an_api_or_of_all_together_and_the_one_set_last_is_shown(one):
    limit(one, api="gpt", maxTokens=5, tokenLimitPeriod="MONTH")
    limit(one)
    limit(one, api="other", tokenLimitPeriod="WEEK")

    assert shown(one) == ("other", 100, "WEEK")
    assert shown(one, api="gpt") == ("gpt", 5, "MONTH")
    check_problem(one.get(TOKENS, params={"api": "none"}), 404, "not_found")


def test_a_limit_is_a_version_of_its_integration_and_can_be_taken_back(one):
    limit(one, maxTokens=1)
    limit(one, maxTokens=2)

    changes = one.get(f"{ONE}/history").json()["versions"][0]["changes"]
    assert changes == [{"pointer": "/limits", "change": "changed"}]
    assert one.post(f"{ONE}/rollback", json={"version": 2}).status_code == 200
    assert shown(one) == (None, 1, "DAY")


def test_a_limit_of_0_takes_it_away(one):
    limit(one)
    limit(one, api="gpt")

    limit(one, api="gpt", maxTokens=0)
    assert shown(one) == (None, 100, "DAY")
    limit(one, maxTokens=0)
    check_problem(one.get(TOKENS), 404, "not_found")


def test_a_limit_read_and_posted_back_changes_nothing(one, database):
    limit(one, api="gpt")
    before = dump(database)

    assert one.post(TOKENS, json=one.get(TOKENS).json()).status_code == 200
    assert dump(database) == before


def test_a_limit_set_again_as_it_is_changes_nothing(one, database):
    limit(one, api="gpt")
    limit(one, api="other")
    before = dump(database)

    assert limit(one, api="gpt").status_code == 200
    assert dump(database) == before


def test_the_limit_of_an_api_is_set_and_shown_at_the_api_too(one):
    one.post(MODEL, json={"maxTokens": 50, "frequency": "Monthly"})
    one.post(f"{ONE}/integration/other", json={"maxTokens": 7})

    assert shown(one, api="gpt") == ("gpt", 50, "MONTH")
    assert shown(one, api="other") == ("other", 7, "DAY")
    saved = one.get(MODEL).json()
    assert (saved["maxTokens"], saved["frequency"]) == (50, "monthly")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"maxTokens": -1}, [("invalid_data", "/maxTokens")]),
        ({"maxTokens": MOST + 1}, [("invalid_data", "/maxTokens")]),
        ({"maxTokens": 1.5}, [("wrong_type", "/maxTokens")]),
        ({"maxTokens": None}, [("wrong_type", "/maxTokens")]),
        ({"tokenLimitPeriod": "YEAR"}, [("invalid_data", "/tokenLimitPeriod")]),
        ({"tokenLimitPeriod": "day"}, [("invalid_data", "/tokenLimitPeriod")]),
        (
            {"maxTokens": -1, "tokenLimitPeriod": ""},
            [("invalid_data", "/maxTokens"), ("invalid_data", "/tokenLimitPeriod")],
        ),
        ({"colour": "red"}, [("unknown_field", "")]),
        ({"integrationName": "two"}, [("name_mismatch", "/integrationName")]),
    ],
)
def test_a_limit_that_cannot_be_is_refused_by_place(one, fields, expected):
    answer = limit(one, **fields)

    assert answer.status_code == 400
    assert places(answer) == expected
    assert read(one)["version"] == 1


def test_a_limit_is_of_something_that_is_there(one):
    check_problem(limit(one, api="none"), 404, "not_found")
    for call in (one.get, lambda path: one.post(path, json={"maxTokens": 1, "tokenLimitPeriod": "DAY"})):
        check_problem(call(f"{API}/llm/none/token"), 404, "not_found")
    check_problem(one.get(f"{API}/llm/none/token/history"), 404, "not_found")
    check_problem(one.get(f"{API}/provider/none/metrics"), 404, "not_found")


def test_the_most_tokens_a_limit_may_have_are_those_every_json_reader_can_hold(one):
    limit(one, maxTokens=MOST)

    assert shown(one) == (None, MOST, "DAY")


def test_counts_never_grow_beyond_what_every_json_reader_can_hold(one, service, admin):
    usage = Usage("gpt", 0, MOST - 5, 3, MOST - 2)
    for _ in range(3):
        service.workspace(admin).count("one", usage).result()

    assert service.workspace(admin).usage("one") == [Usage("gpt", 0, MOST, 9, MOST)]
    assert count(one, 3).status_code == 200


@pytest.mark.parametrize("path", [f"{ONE}/metrics", f"{MODEL}/metrics", f"{TOKENS}/history"])
def test_another_workspaces_usage_is_as_if_it_were_not(one, key, path):
    count(one, 3)
    other = {"X-Authorization": key("admin", workspace="other")}

    check_problem(one.get(path, headers=other), 404, "not_found")
    check_problem(count(one, 1, headers=other), 404, "not_found")


# Laws

COUNTS = st.tuples(st.sampled_from("mn"), st.integers(0, 3), st.integers(0, 50), st.integers(0, 50))


@pytest.fixture
def workspace_of_all(open_service):
    service = open_service("laws", validation="lenient")
    return service.workspace(Actor(service.tenant(), "test", Role.ADMIN))


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(counts=st.lists(COUNTS, max_size=12), since=st.integers(0, 4))
def test_what_is_read_is_the_sum_of_what_was_counted_by_api_and_day(workspace_of_all, counts, since):
    workspace = workspace_of_all
    workspace.apply([Put(name="law", type="git", apis=(ApiPut("m"), ApiPut("n")))])
    expected = {}
    for name, day, prompt, completion in counts:
        workspace.count("law", Usage(name, day * DAY, prompt, completion, prompt + completion)).result()
        old = expected.get((name, day), (0, 0))
        expected[name, day] = old[0] + prompt, old[1] + completion

    found = {(each.api, each.period // DAY): each for each in workspace.usage("law", since=since * DAY)}
    only = workspace.usage("law", api="m")
    workspace.delete("law").result()

    assert list(found) == sorted(which for which in expected if which[1] >= since)
    assert all((found[which].prompt, found[which].completion) == expected[which] for which in found)
    assert all(each.total == each.prompt + each.completion for each in found.values())
    assert [each.period // DAY for each in only] == sorted(day for name, day in expected if name == "m")
