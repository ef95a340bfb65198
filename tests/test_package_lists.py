"""Lists of packages and installs: filters and orders that are checked, and pages by signed cursors."""

import json
from typing import get_args, get_type_hints

import pytest

from credenza.model.questions import ENTITIES
from credenza.plans.packages.packages import Retention, Tier
from credenza.plans.packages.selection import Policy
from credenza.web.packages.sharing import VisibilityBody
from package_things import GIVEN, INSTALLS, PATH, ask, change, draft, install, make, problems


@pytest.fixture
def shelf(api):
    """Make a few packages and return a client."""
    for slug, publisher in (("alpha", "acme"), ("beta", "Stripe"), ("gamma", "acme"), ("delta", "zeta")):
        draft(api, slug, publisher=publisher, description=f"The {slug} one")
    return api


def refused(api, **query):
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in query.items()}
    answer = api.get(PATH, params=texts)
    assert answer.status_code == 400, answer.text
    return answer.json()


FILTERS = [
    ({"slug": {"eq": "beta"}}, ["beta"]),
    ({"slug": {"ne": "beta"}}, ["alpha", "delta", "gamma"]),
    ({"slug": {"in": ["beta", "gamma"]}}, ["beta", "gamma"]),
    ({"slug": {"notIn": ["beta", "gamma"]}}, ["alpha", "delta"]),
    ({"slug": {"gte": "beta", "lt": "gamma"}}, ["beta", "delta"]),
    ({"description": {"contains": "BETA"}}, ["beta"]),
    ({"description": {"startsWith": "the g"}}, ["gamma"]),
    ({"iconUrl": {"isNull": True}, "publisher": {"eq": "acme"}}, ["alpha", "gamma"]),
    ({"OR": [{"slug": {"eq": "beta"}}, {"publisher": {"eq": "zeta"}}]}, ["beta", "delta"]),
    ({"AND": [{"publisher": {"eq": "acme"}}, {"NOT": {"slug": {"eq": "alpha"}}}]}, ["gamma"]),
    ({"createdAt": {"gt": "2000-01-01"}}, ["alpha", "beta", "delta", "gamma"]),
    ({"createdAt": {"lt": "2000-01-01T00:00:00Z"}}, []),
    ({"versions": {}}, []),
    ({"OR": []}, []),
    ({}, ["alpha", "beta", "delta", "gamma"]),
]


@pytest.mark.parametrize(("filter", "expected"), FILTERS)
def test_a_filter_shows_what_it_says(shelf, filter, expected):
    assert ask(shelf, filter=filter, orderBy=[{"slug": "asc"}])[0] == expected


def test_shorthands_are_filters_of_one_field(shelf):
    assert sorted(ask(shelf, publisher="acme")[0]) == ["alpha", "gamma"]
    assert len(ask(shelf, workspace_id="default", visibility="private", retention_tier="medium")[0]) == 4
    assert ask(shelf, workspace_id="elsewhere")[0] == []
    assert ask(shelf, name="LLM gateway", trust_tier="verified_publisher", publisher="zeta")[0] == ["delta"]


def test_a_filter_reaches_what_a_package_is_related_to(api):
    package = make(api)
    draft(api, "other")
    install(api, package)

    for said in (
        {"versions": {"version": {"eq": "1.0.0"}}},
        {"members": {"type": {"eq": "openai"}, "default": {"eq": True}}},
        {"installs": {"members": {"name": {"startsWith": "acme-"}}}},
        {"installs": {"version": {"members": {"slug": {"eq": "db"}}}}},
    ):
        assert ask(api, filter=said)[0] == ["gateway"]
    assert ask(api, filter={"NOT": {"versions": {}}})[0] == ["other"]


ORDERS = [
    ([{"publisher": "asc"}, {"slug": "desc"}], ["beta", "gamma", "alpha", "delta"]),
    ([{"publisher": "desc"}, {"slug": "asc"}], ["delta", "alpha", "gamma", "beta"]),
    ([{"slug": "asc"}], ["alpha", "beta", "delta", "gamma"]),
    ([{"iconUrl": "asc_nulls_first"}, {"slug": "asc"}], ["alpha", "beta", "gamma", "delta"]),
]


@pytest.mark.parametrize(("order", "expected"), ORDERS[:3])
def test_an_order_goes_by_its_keys_one_after_the_other(shelf, order, expected):
    assert ask(shelf, orderBy=order)[0] == expected


@pytest.mark.parametrize(
    ("direction", "first"),
    [("asc", 1), ("desc", 0), ("asc_nulls_first", 0), ("desc_nulls_last", 1), ("desc_nulls_first", 0)],
)
def test_what_is_missing_comes_last_or_first_as_the_direction_says(api, direction, first):
    named = draft(api, "named")
    change(api, named, iconUrl="https://example.com/i")
    draft(api, "plain")

    assert ask(api, orderBy=[{"iconUrl": direction}])[0].index("plain") == first


def test_without_an_order_the_newest_come_first(shelf):
    assert ask(shelf)[0] == ["delta", "gamma", "beta", "alpha"]


def test_pages_lead_to_the_end_and_back_and_are_not_moved_by_what_is_added(shelf):
    first, told = ask(shelf, limit="2", orderBy=[{"slug": "asc"}])
    assert (first, told["hasNextPage"], told["hasPreviousPage"], told["total"]) == (
        ["alpha", "beta"],
        True,
        False,
        4,
    )
    draft(shelf, "aaa")
    second, told = ask(shelf, limit="2", orderBy=[{"slug": "asc"}], after=told["endCursor"])
    assert (second, told["hasNextPage"], told["hasPreviousPage"]) == (["delta", "gamma"], False, True)
    back, told = ask(shelf, limit="2", orderBy=[{"slug": "asc"}], before=told["startCursor"])
    assert (back, told["hasPreviousPage"], told["hasNextPage"]) == (["alpha", "beta"], True, True)


@pytest.mark.parametrize(
    "change", [lambda c: c[:-2] + "AA", lambda _: "forged", lambda c: c + "A", lambda _: "%00"]
)
def test_a_cursor_that_was_forged_is_refused(shelf, change):
    _, told = ask(shelf, limit="1")

    assert refused(shelf, after=change(told["endCursor"]))["code"] == "invalid_cursor"


def test_a_cursor_is_good_for_its_own_list_only(shelf, client, key):
    _, told = ask(shelf, limit="1", publisher="acme")

    assert refused(shelf, after=told["endCursor"])["code"] == "invalid_cursor"
    assert refused(shelf, after=told["endCursor"], orderBy=[{"slug": "asc"}])["code"] == "invalid_cursor"
    client.headers["X-Authorization"] = key("admin", workspace="other")
    assert refused(client, after=told["endCursor"], publisher="acme")["code"] == "invalid_cursor"


def nest(depth):
    said = {"slug": {"eq": "a"}}
    for _ in range(depth):
        said = {"NOT": said}
    return said


FAULTS = [
    ({"filter": "no json"}, "/filter", "invalid_data"),
    ({"filter": '{"slug": {"eq": "a"}, "slug": {}}'}, "/filter", "invalid_data"),
    ({"filter": []}, "/filter", "invalid_data"),
    ({"filter": {"manifest": {"eq": "x"}}}, "/filter", "unknown_field"),
    ({"filter": {"slug": {"like": "x"}}}, "/filter/slug", "unknown_operator"),
    ({"filter": {"slug": "x"}}, "/filter/slug", "invalid_data"),
    ({"filter": {"slug": {"eq": 1}}}, "/filter/slug/eq", "invalid_data"),
    ({"filter": {"slug": {"in": "x"}}}, "/filter/slug/in", "invalid_data"),
    ({"filter": {"createdAt": {"gt": "canary"}}}, "/filter/createdAt/gt", "invalid_data"),
    ({"filter": {"createdAt": {"contains": "x"}}}, "/filter/createdAt", "unknown_operator"),
    ({"filter": {"AND": {}}}, "/filter/AND", "invalid_data"),
    ({"filter": {"versions": {"integration": {}}}}, "/filter/versions/integration", "circular_filter"),
    (
        {"filter": {"installs": {"version": {"integration": {}}}}},
        "/filter/installs/version/integration",
        "circular_filter",
    ),
    ({"filter": {"slug": {"isNull": "yes"}}}, "/filter/slug/isNull", "invalid_data"),
    ({"filter": {"versions": {"manifest": {}}}}, "/filter/versions", "unknown_field"),
    ({"filter": nest(8)}, "/filter" + "/NOT" * 8, "invalid_data"),
    ({"filter": {"OR": [{"slug": {"eq": "x"}}] * 201}}, "/filter/OR/200/slug", "invalid_data"),
    ({"filter": {"slug": {"in": ["x"] * 1_001}}}, "/filter/slug/in", "invalid_data"),
    ({"filter": {"visibility": {"eq": "publik"}}}, "/filter/visibility/eq", "invalid_data"),
    ({"filter": {"trustTier": {"in": ["first_party", "x"]}}}, "/filter/trustTier/in/1", "invalid_data"),
    ({"retention_tier": "canary"}, "/retention_tier", "invalid_data"),
    ({"orderBy": {"slug": "asc"}}, "/orderBy", "invalid_data"),
    ({"orderBy": [{"slug": "up"}]}, "/orderBy/0", "invalid_data"),
    ({"orderBy": [{"manifest": "asc"}]}, "/orderBy/0", "unknown_field"),
    ({"orderBy": [{"slug": "asc", "name": "asc"}]}, "/orderBy/0", "invalid_data"),
    ({"orderBy": [{"slug": "asc"}] * 9}, "/orderBy", "invalid_data"),
]


@pytest.mark.parametrize(("query", "pointer", "code"), FAULTS)
def test_a_filter_or_order_that_cannot_be_is_told_by_place(api, query, pointer, code):
    answer = refused(api, **query)

    assert problems(answer) == [(pointer, code)]
    assert "canary" not in str(answer)


def test_filters_know_the_values_that_fields_can_be_given():
    fields = {**ENTITIES["integration"].fields, **ENTITIES["install"].fields}

    for name, given in (("trustTier", Tier), ("retentionTier", Retention), ("memberPolicy", Policy)):
        assert fields[name].among == get_args(given)
    assert fields["visibility"].among == get_args(get_type_hints(VisibilityBody)["visibility"])


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "101"}, {"limit": "x"}, {"more": "x"}, {"total": "x"}]
)
def test_other_parameters_are_checked_too(api, query):
    assert refused(api, **query)["errors"]


def test_a_filter_may_be_nested_eight_deep(api):
    assert ask(api, filter=nest(7))[0] == []
    deep = {"installs": {"version": {"members": {"slug": {"eq": "a"}}}}}
    for word in ("NOT", "AND", "NOT", "OR"):
        deep = {word: deep} if word == "NOT" else {word: [deep, {"slug": {"eq": "b"}}]}
    assert ask(api, filter=deep)[0] == []


def test_what_is_asked_for_is_never_taken_for_sql(shelf):
    for text in ("' OR 1=1 --", '"; DROP TABLE packages; --', "%", "_", "\\"):
        assert ask(shelf, filter={"slug": {"contains": text}})[0] == []
    assert len(ask(shelf)[0]) == 4


def test_installs_are_listed_by_the_same_rules(api):
    package = make(api)
    first = install(api, package)
    second = install(api, package, {**GIVEN, "prefix": "second"}, parentInstallId=first["id"])

    def listed(**query):
        texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in query.items()}
        return [each["id"] for each in api.get(INSTALLS, params=texts).json()["data"]]

    assert listed() == [second["id"], first["id"]]
    assert listed(parent_install_id=first["id"]) == [second["id"]]
    assert listed(filter={"members": {"name": {"eq": "second-db"}}}) == [second["id"]]
    assert listed(integration_id=package["id"], orderBy=[{"installedAt": "asc"}]) == [
        first["id"],
        second["id"],
    ]
    api.delete(f"{INSTALLS}/{second['id']}")
    assert listed() == [first["id"]]
    assert listed(include_deleted="true") == [second["id"], first["id"]]


def test_an_exact_total_is_counted_only_as_far_as_is_asked(shelf):
    assert ask(shelf)[1]["total"] == ask(shelf, total="true")[1]["total"] == 4
