"""Bad input gets a clear answer that names place and rule, saves nothing and repeats nothing of it."""

import json

import pytest

from credenza.web.integrations.wire import MAX_ITEMS
from credenza.web.requests import MAX_BODY
from examples import API, dump, item, problems, save

JSON = {"Content-Type": "application/json"}
CANARY = "sk-pasted-by-mistake"


def send(api, body, **headers):
    body = body if isinstance(body, bytes) else body.encode()
    return api.post(API, content=body, headers=JSON | headers)


def wrap(configuration="{}", rest=""):
    """Write an item around the text of its configuration."""
    return f'[{{"name": "one", "type": "openai", "configuration": {configuration}{rest}}}]'


@pytest.fixture(autouse=True)
def _nothing_is_saved(api, database):
    """Check after every test here that not a row was written."""
    assert "X-Authorization" in api.headers
    before = dump(database)
    yield
    assert dump(database) == before


@pytest.mark.parametrize("body", ["5", '"x"', "null", "true"])
def test_anything_but_an_array_is_told_that_an_array_is_expected(api, body):
    answer = send(api, body)

    assert (answer.status_code, answer.json()["code"]) == (400, "array_expected")


@pytest.mark.parametrize("body", ["{}", json.dumps(item())])
def test_an_object_is_read_as_a_package_and_never_as_an_integration(api, body):
    answer = send(api, body)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_data")
    assert answer.json()["errors"]


def test_an_empty_array_is_told_to_hold_something(api):
    assert send(api, "[]").json()["code"] == "empty_array"


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "The body is not JSON from line 1, column 1 on."),
        (b'[{"name"', "The body is not JSON from line 1, column 9 on."),
        (b"[] trailing", "The body is not JSON from line 1, column 4 on."),
        (b"[\n{},\n  ,]", "The body is not JSON from line 3, column 3 on."),
        (b"[{'name': 'one'}]", "The body is not JSON from line 1, column 3 on."),
        (b'[{"name": "a\x01b", "type": "openai"}]', "The body is not JSON from line 1, column 13 on."),
        (b"[\xff\xfe[\x00]\x00", "The body is not UTF-8 from byte 2 on."),
        (b"\xef\xbb\xbf[]", "The body begins with a byte order mark; send plain UTF-8."),
        (wrap('{"api_key": NaN}').encode(), "The body holds NaN or Infinity, which are not JSON."),
        (wrap('{"api_key": -Infinity}').encode(), "The body holds NaN or Infinity, which are not JSON."),
        (
            wrap(r'{"api_key": "\ud800"}').encode(),
            "A text of the body holds half of a surrogate pair, which is no Unicode.",
        ),
        (
            wrap(r'{"\udfff": "x"}').encode(),
            "A text of the body holds half of a surrogate pair, which is no Unicode.",
        ),
    ],
)
def test_what_is_no_json_is_told_why(api, body, sentence):
    answer = send(api, body)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_json")
    assert answer.json()["detail"] == sentence


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (wrap('{"api_key": "a", "api_key": "b"}'), "duplicate_key"),
        (wrap(r'{"api_key": "a", "api\u005fkey": "b"}'), "duplicate_key"),
        (wrap(rest=', "name": "two"'), "duplicate_key"),
        (wrap('{"x": [{"a": 1, "a": 1}]}'), "duplicate_key"),
        (wrap('{"organizationId": 1e400}'), "number_out_of_range"),
        (wrap('{"organizationId": ' + "9" * 5_000 + "}"), "number_out_of_range"),
        (wrap(rest=', "expectedVersion": -1e999'), "number_out_of_range"),
        (wrap('{"organizationId": ' + "[" * 300 + "]" * 300 + "}"), "too_deep"),
        (wrap(rest=', "version": ' + '{"a":' * 300 + "1" + "}" * 300), "too_deep"),
        (wrap().encode().replace(b"one", b"on\xe9"), "invalid_json"),
    ],
)
def test_what_json_allows_and_a_store_of_secrets_does_not_is_told_by_item(api, text, code):
    answer = send(api, text)

    assert answer.status_code == 400
    assert (0, code) in [(index, found) for index, found, _ in problems(answer)]


@pytest.mark.parametrize("depth", [1_000, 100_000])
def test_nesting_of_any_depth_is_refused_and_never_a_failure(api, depth):
    for text in ("[" * depth + "]" * depth, wrap('{"x": ' + "[" * depth + "]" * depth + "}")):
        answer = send(api, text)
        assert (answer.status_code, answer.json()["code"]) == (400, "too_deep")


def nest(levels):
    return "x" if levels == 0 else [nest(levels - 1)]


@pytest.mark.parametrize(("levels", "code"), [(31, "wrong_type"), (32, "too_deep")])
def test_a_configuration_may_be_nested_32_levels_deep(api, levels, code):
    answer = save(api, item(configuration={"api_key": "sk", "organizationId": nest(levels)}))

    assert problems(answer) == [(0, code, "/configuration/organizationId")]


@pytest.mark.parametrize("where", ["api_key", "organizationId", "endpoint"])
@pytest.mark.parametrize(
    ("value", "code"),
    [("a\0b", "nul_character"), (2**53, "number_out_of_range"), (-(2**63), "number_out_of_range")],
)
def test_values_that_no_configuration_may_hold_are_refused_by_key(api, where, value, code):
    answer = save(api, item(configuration={"api_key": "sk", where: value}))

    assert (0, code, f"/configuration/{where}") in problems(answer)


WRONG = {
    "name": [None, 5, [], {}],
    "type": [None, 5, []],
    "category": [5, []],
    "description": [5, {}],
    "enabled": ["true", 1, 0],
    "configuration": [[], "text", 5],
    "tags": [{}, "x", [5], [None]],
    "apis": [{}, "x", [5]],
    "expectedVersion": ["1", 1.5, True],
}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field in WRONG for value in WRONG[field]])
def test_a_field_of_the_wrong_type_is_named(api, field, value):
    answer = save(api, item() | {field: value})

    [(index, code, pointer)] = problems(answer)
    assert (answer.status_code, index, code) == (400, 0, "wrong_type")
    assert pointer == f"/{field}" + ("/0" if isinstance(value, list) and field in {"tags", "apis"} else "")


@pytest.mark.parametrize("name", [{}, {"name": None}, {"name": 5}], ids=str)
def test_an_item_without_a_name_is_told_what_else_it_lacks(api, name):
    nameless = name | {"type": "openai", "apis": [{"api": "gpt-4o"}]}

    answer = save(api, nameless, {"type": "pgvectordb", "configuration": {"nonsense": 1}}, nameless)

    first = (0, "wrong_type" if name else "required", "/name")
    assert {first, (1, "required", "/name"), (2, *first[1:])} <= {*problems(answer)}
    assert {(0, "required", "/configuration/api_key"), (2, "required", "/configuration/api_key")} <= {
        *problems(answer)
    }
    assert (0, "required", "/apis/0/integrationName") in problems(answer)
    assert (1, "unknown_key", "/configuration") in problems(answer)
    assert "invalid_name" not in {code for _, code, _ in problems(answer)}


@pytest.mark.parametrize("version", [2**53, 10**18, 10**30, 10**4_000, -1, -(10**30)], ids=range(6))
def test_an_expected_version_that_none_can_have_is_out_of_range(api, version):
    for answer in (
        send(api, wrap(rest=f', "expectedVersion": {version}')),
        api.post(
            f"{API}/provider/one", content=wrap(rest=f', "expectedVersion": {version}')[1:-1], headers=JSON
        ),
    ):
        assert answer.status_code == 400
        assert "number_out_of_range" in {problem["code"] for problem in answer.json()["errors"]}


@pytest.mark.parametrize(
    ("field", "entry", "expected"),
    [
        ("tags", {"key": 5, "value": "x"}, ("wrong_type", "/tags/0/key")),
        ("tags", {"key": "x"}, ("required", "/tags/0/value")),
        ("tags", {"key": "", "value": "x"}, ("empty", "/tags/0/key")),
        ("tags", {"key": "x\0", "value": "x"}, ("nul_character", "/tags/0/key")),
        ("tags", {"key": "x" * 513, "value": "x"}, ("too_long", "/tags/0/key")),
        ("tags", {"key": "x", "value": "y", "values": 1}, ("unknown_field", "/tags/0")),
        ("apis", {"api": "x"}, ("required", "/apis/0/integrationName")),
        ("apis", {"integrationName": "one"}, ("required", "/apis/0/api")),
        ("apis", {"integrationName": "two", "api": "x"}, ("parent_mismatch", "/apis/0/integrationName")),
        ("apis", {"integrationName": "one", "api": ""}, ("empty", "/apis/0/api")),
        ("apis", {"integrationName": "one", "api": "x", "enabled": "no"}, ("wrong_type", "/apis/0/enabled")),
        ("apis", {"integrationName": "one", "api": "x", "colour": 1}, ("unknown_field", "/apis/0")),
    ],
)
def test_what_is_wrong_inside_tags_and_apis_is_told_where_it_stands(api, field, entry, expected):
    assert problems(save(api, item(**{field: [entry]}))) == [(0, *expected)]


def test_one_api_listed_twice_is_refused(api):
    apis = [{"integrationName": "one", "api": "x"}] * 2

    assert problems(save(api, item(apis=apis))) == [(0, "duplicate_api", "/apis/1/api")]


@pytest.mark.parametrize(("field", "most"), [("tags", 200), ("apis", 1_000)])
def test_there_is_a_limit_to_tags_and_apis(api, field, most):
    entry = {"tags": lambda n: {"key": f"{n}", "value": ""}}
    entry["apis"] = lambda n: {"integrationName": "one", "api": f"{n}"}

    answer = save(api, item(**{field: [entry[field](number) for number in range(most + 1)]}))

    assert problems(answer) == [(0, "too_many", f"/{field}")]


def test_an_unknown_field_is_told_by_its_position_and_the_nearest_known_one(api):
    answer = save(api, item(enabeld=True, **{CANARY: 1}))

    told = [each["message"] for each in answer.json()["errors"]]
    assert told == [
        "Field 4 of this object is not known. Is it meant to be `enabled`?",
        "Field 5 of this object is not known.",
    ]


@pytest.mark.parametrize("entry", [5, None, "x", [], [[]]])
def test_an_item_that_is_no_object_is_told_so(api, entry):
    answer = save(api, item(), entry)

    assert (answer.status_code, problems(answer)) == (400, [(1, "wrong_type", "")])


def test_a_bad_item_does_not_hide_what_is_wrong_with_the_others(api):
    whole = [
        item("a", configuration={}),
        5,
        item("b", enabled="x"),
        item("c", "unheard_of", configuration={}),
    ]
    body = json.dumps(whole)[:-1] + ', {"name": "d", "name": "d"}]'

    answer = send(api, body)

    assert [(index, code) for index, code, _ in problems(answer)] == [
        (0, "required"),
        (1, "wrong_type"),
        (2, "wrong_type"),
        (3, "unknown_type"),
        (4, "duplicate_key"),
    ]


@pytest.mark.parametrize(
    "kind", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_a_body_that_is_not_declared_as_json_is_415(api, kind):
    answer = api.post(API, content=json.dumps([item()]), headers={"Content-Type": kind} if kind else {})

    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "path",
    [
        f"{API}?colour=blue",
        f"{API}?dryRun=true&dryRun=false",
        f"{API}?dryRun=perhaps",
        f"{API}?dryRun=",
        f"{API}?mode=some",
        f"{API}?apis=drop",
    ],
)
def test_a_query_that_is_not_understood_is_refused_rather_than_ignored(api, path):
    assert api.post(path, json=[item()]).status_code == 400


@pytest.mark.parametrize("mark", ["", "one", '"-1"', "1.0", '"1", "2"', "9" * 20])
def test_an_if_match_that_is_no_version_is_refused(api, mark):
    assert save(api, item(), headers={"If-Match": mark}).status_code == 400


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ("", ""),
        ("[]", ""),
        ("{}", "/version"),
        ('{"version": "1"}', "/version"),
        ('{"version": 1, "x": 1}', ""),
        ('{"version": NaN}', ""),
    ],
)
def test_a_rollback_says_what_it_wants(api, body, pointer):
    answer = api.post(f"{API}/provider/one/rollback", content=body, headers=JSON)

    assert (answer.status_code, problems(answer)[0][2]) == (400, pointer)


@pytest.mark.parametrize("name", ["none", "%00", "a%2Fb", "%20", "x" * 4_000, "%F0%9F%92%A9"])
def test_a_name_that_nothing_has_is_not_found(api, name):
    for tail in ("", "/history", "/history/1", "/resolved"):
        assert api.get(f"{API}/provider/{name}{tail}").status_code == 404
    assert api.delete(f"{API}/provider/{name}").status_code == 404


def test_more_than_ten_thousand_items_are_413(api):
    answer = send(api, "[" + ",".join(["{}"] * (MAX_ITEMS + 1)) + "]")

    assert (answer.status_code, answer.json()["code"]) == (413, "too_many_items")


def test_the_last_of_ten_thousand_items_stops_the_first(api):
    items = [{"name": f"n-{n}", "type": "grok", "configuration": {"api_key": "x"}} for n in range(MAX_ITEMS)]
    items[-1] = {"name": "bad", "type": "grok", "configuration": {}}

    assert problems(send(api, json.dumps(items))) == [(MAX_ITEMS - 1, "required", "/configuration/api_key")]


def test_a_body_above_32_mib_is_413(api):
    answer = send(api, b"[" + b" " * MAX_BODY + b"]")

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


REPEATS = [
    item(CANARY + "/"),
    item("one", CANARY),
    item(category=CANARY),
    item(enabled=CANARY),
    item(**{CANARY: CANARY}),
    item(tags=[{"key": CANARY, "value": 5}, {CANARY: 1}]),
    item(apis=[{"integrationName": CANARY, "api": "x"}]),
    item(configuration={"api_key": "sk", CANARY: CANARY}),
    item(configuration={"api_key": [CANARY], "organizationId": {CANARY: 1}, "endpoint": f"{CANARY}\\@x:y@"}),
    item("one", "amqp", configuration={"protocol": CANARY, "port": CANARY, "user": "u"}),
]


@pytest.mark.parametrize("change", REPEATS)
@pytest.mark.parametrize("mode", ["atomic", "per-item"])
def test_no_refusal_repeats_anything_that_was_sent(api, change, mode):
    answer = save(api, change, mode=mode)

    assert answer.status_code == (400 if mode == "atomic" else 207)
    assert CANARY not in answer.text
