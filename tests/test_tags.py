"""Labels: a set of pairs on every integration and api, added to by PUT and taken from by DELETE."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from credenza.model import Actor, AddTags, Amend, ApiPut, Document, DropTags, Put, Role, Tag
from credenza.workspace.amending import amend
from examples import API, dump, item, read, save
from web_answers import check_problem

ONE = f"{API}/provider/one"
MODEL = f"{ONE}/integration/gpt"
A, B, C = ({"key": "team", "value": value} for value in "abc")


@pytest.fixture(params=[ONE, MODEL], ids=["integration", "api"])
def owner(request, api):
    """Return the path of something that may be labelled; whatever is said here holds of both kinds."""
    save(api, item(apis=[{"integrationName": "one", "api": "gpt"}]))
    return request.param


@pytest.fixture
def put(api, owner):
    return lambda body, **request: api.put(f"{owner}/tags", json=body, **request)


@pytest.fixture
def drop(api, owner):
    return lambda body, **request: api.request("DELETE", f"{owner}/tags", json=body, **request)


@pytest.fixture
def tags(api, owner):
    return lambda: api.get(f"{owner}/tags").json()


def places(answer):
    """Return what an answer says is wrong, as (code, pointer); no problem of a single call has an index."""
    assert not [each for each in answer.json()["errors"] if "index" in each]
    return [(each["code"], each.get("pointer", "")) for each in answer.json()["errors"]]


def test_put_adds_by_key_and_value_and_removes_nothing(put, tags):
    assert put([A, B]).content == b""
    assert put([B, C]).status_code == 200

    assert tags() == [A, B, C]


def test_delete_removes_the_pairs_it_is_given_and_no_others(put, drop, tags):
    put([A, B, C])

    assert drop([A, {"key": "team", "value": "z"}, {"key": "other", "value": "b"}]).status_code == 200

    assert tags() == [B, C]


def test_a_single_label_stands_for_a_list_of_one(put, drop, tags):
    put(A)
    put([B])

    assert drop({**A, "type": "METADATA"}).status_code == 200

    assert tags() == [B]


def test_the_type_that_older_clients_send_is_ignored(put, tags):
    put([{**A, "type": "METADATA"}, {**A, "type": {"any": ["thing"]}}])

    assert tags() == [A]


def test_a_label_is_seen_where_its_owner_is_read(api, owner, put):
    put([A])

    assert api.get(owner).json()["tags"] == [A]


@pytest.mark.parametrize("body", [[], [A], A])
def test_what_changes_nothing_makes_no_version(put, drop, database, body):
    put([A])
    before = dump(database)

    assert put(body).status_code == 200
    assert drop([C]).status_code == 200
    assert dump(database) == before


def test_changes_are_versions_that_can_be_taken_back(api, put, drop, tags):
    put([A])
    drop([A])

    assert read(api)["version"] == 3
    assert api.post(f"{ONE}/rollback", json={"version": 2}).status_code == 200
    assert tags() == [A]


def test_a_change_may_expect_a_version(put, drop):
    check_problem(put([A], headers={"If-Match": '"9"'}), 412, "version_mismatch")
    assert put([A], headers={"If-Match": '"1"'}).status_code == 200
    check_problem(drop([A], headers={"If-Match": '"1"'}), 412, "version_mismatch")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ([A, {"key": "", "value": "v"}], [("empty", "/1/key")]),
        ({"key": "k", "value": "v" * 4_097}, [("too_long", "/value")]),
        ([{"key": "k" * 513, "value": "v\0"}], [("too_long", "/0/key"), ("nul_character", "/0/value")]),
        ([A, {"key": "k"}], [("required", "/1/value")]),
        ([A, 5], [("wrong_type", "/1")]),
        ([{**A, "colour": "red"}], [("unknown_field", "/0")]),
        ({"key": "k", "value": 1}, [("wrong_type", "/value")]),
        ("team", [("wrong_type", "")]),
        (7, [("wrong_type", "")]),
    ],
)
def test_problems_point_into_the_body_that_was_sent(put, tags, body, expected):
    answer = put(body)

    assert answer.status_code == 400
    assert places(answer) == expected
    assert tags() == []


def test_there_are_200_labels_at_most(put, tags):
    many = [{"key": "k", "value": str(number)} for number in range(200)]
    assert put(many[:199]).status_code == 200

    refused = put([{"key": "k", "value": "x"}, {"key": "k", "value": "y"}])

    check_problem(refused, 400, "too_many")
    assert places(refused) == [("too_many", "")]
    assert put(many).status_code == 200
    assert len(tags()) == 200


@pytest.mark.parametrize("verb", ["PUT", "DELETE"])
@pytest.mark.parametrize("entry", [A, 5], ids=["good", "bad"])
def test_more_labels_at_once_than_there_may_be_are_refused_as_one_problem(api, owner, verb, entry):
    answer = api.request(verb, f"{owner}/tags", json=[entry] * 100_000)

    check_problem(answer, 400, "too_many")
    assert places(answer) == [("too_many", "")]


@pytest.mark.parametrize("body", [b"", b"[", b'[{"key":"a","key":"b","value":"c"}]', b"[NaN]", b"[" * 9_999])
@pytest.mark.parametrize("verb", ["PUT", "DELETE"])
def test_what_is_no_sound_json_is_refused(api, owner, verb, body):
    headers = {"Content-Type": "application/json"}

    assert api.request(verb, f"{owner}/tags", content=body, headers=headers).status_code == 400


def test_one_limited_to_a_label_may_not_take_it_away(api, key, put, drop):
    save(api, item(tags=[A]))
    put([A, B])
    limited = {"X-Authorization": key("editor", tags=[("team", "a")])}

    assert put([C], headers=limited).status_code == 200
    assert drop([C], headers=limited).status_code == 200
    taken = api.request("DELETE", f"{ONE}/tags", json=[A], headers=limited)
    check_problem(taken, 403, "forbidden")


def test_one_limited_to_a_label_may_not_give_it_to_what_has_it_not(key, put):
    limited = {"X-Authorization": key("editor", tags=[("team", "a")])}

    check_problem(put([A], headers=limited), 403, "forbidden")


# Laws

LAWS = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
PAIRS = st.builds(Tag, st.sampled_from("ab"), st.sampled_from("xyz"))
STEPS = st.lists(st.tuples(st.sampled_from([AddTags, DropTags]), st.lists(PAIRS, max_size=4)), max_size=8)


@LAWS
@given(steps=STEPS)
def test_labels_are_a_set_under_adding_and_taking_away(steps):
    parts = [kind(tuple(pairs)) for kind, pairs in steps]

    document, _, problems = amend(Document("API", {}), Amend(name="one", parts=tuple(parts)), by="me", at=1)

    expected = set()
    for kind, pairs in steps:
        expected = expected | {*pairs} if kind is AddTags else expected - {*pairs}
    assert problems == []
    assert set(document.tags) == expected
    assert len(document.tags) == len(expected)


def amend_apart(service, name, parts, order):
    """Save a record with two apis, make changes of disjoint parts in an order, and say what came of it."""
    workspace = service.workspace(Actor(service.tenant(), "test", Role.ADMIN))
    apis = tuple(ApiPut(api) for api in "mn")
    workspace.apply([Put(name=name, type="git", configuration=None, apis=apis)])
    for index in order:
        workspace.amend(name, parts[index]).result()
    document = workspace.view(name).document
    workspace.delete(name).result()
    said = [(api.api, api.description, api.enabled, {*api.tags}) for api in document.apis]
    return {*document.tags}, said


@pytest.fixture
def lenient(open_service):
    return open_service("lenient", validation="lenient")


@settings(LAWS, max_examples=20)
@given(
    own=st.tuples(st.sampled_from([AddTags, DropTags]), st.lists(PAIRS, max_size=3)),
    first=st.builds(ApiPut, st.just("m"), st.sampled_from([None, "d"]), st.sampled_from([None, False])),
    second=st.lists(PAIRS, max_size=3),
    order=st.permutations(range(3)),
)
def test_changes_of_disjoint_parts_may_be_made_in_any_order(lenient, own, first, second, order):
    parts = [own[0](tuple(own[1])), first, AddTags(tuple(second), "n")]

    assert amend_apart(lenient, "a", parts, order) == amend_apart(lenient, "b", parts, range(3))
