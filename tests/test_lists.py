"""Lists: what they hold, for whom, and in which order; pages and long lists have files of their own."""

from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from credenza.model import CATEGORIES
from credenza.stores.sqlite import search
from list_examples import ALL, LISTS, NAMES, PAGED, PROVIDERS, ask, fill, make, names, names_in, open_new
from test_store_contract import settle


@pytest.fixture
def shelf(workspace):
    fill(workspace)


# What a list holds


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["alpha", "Beta", "gamma", "Zeta"]),
        ({"activeOnly": "false"}, ["alpha", "Beta", "beta-2", "gamma", "Zeta"]),
        ({"type": "grok"}, ["Beta"]),
        ({"type": "grok", "activeOnly": "false"}, ["Beta", "beta-2"]),
        ({"category": "EMAIL"}, ["alpha"]),
        ({"category": "CLOUD", "activeOnly": "false"}, ["beta-2"]),
        ({"category": "AI_MODEL", "type": "openai"}, ["gamma", "Zeta"]),
        ({"category": "EMAIL", "type": "openai"}, []),
        ({"type": "unheard_of"}, []),
        ({"category": "", "type": ""}, ["alpha", "Beta", "gamma", "Zeta"]),
    ],
)
@pytest.mark.parametrize("path", LISTS)
def test_a_list_is_in_the_order_of_names_and_holds_what_its_filters_let_through(api, path, query, found):
    listed = names(ask(api, path, **query))

    assert list(dict.fromkeys(name.partition(":")[0] for name in listed)) == found


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"search": "BLUE"}, ["alpha", "gamma", "Zeta"]),
        ({"search": "eta"}, ["Beta", "Zeta"]),
        ({"search": "b"}, ["alpha", "Beta", "gamma", "Zeta"]),
        ({"search": ""}, ["alpha", "Beta", "gamma", "Zeta"]),
        ({"tag": "team"}, ["alpha", "Beta", "Zeta"]),
        ({"tag": "team=search"}, ["alpha", "Zeta"]),
        ({"tag": ["team=search", "env=test"]}, ["Zeta"]),
        ({"tag": ["team=search", "env=test", "team=search"]}, ["Zeta"]),
        ({"tag": ["team=search", "team=shop"]}, []),
        ({"tag": "team=", "activeOnly": "false"}, ["beta-2"]),
        ({"tag": ["", "env"]}, ["alpha", "Zeta"]),
        ({"tag": "Team"}, []),
        ({"tag": "search"}, []),
        ({"tag": "team", "search": "blue", "type": "openai", "category": "AI_MODEL"}, ["Zeta"]),
    ],
)
@pytest.mark.parametrize("path", PAGED)
def test_search_and_tags_must_all_hold(api, path, query, found):
    assert names(ask(api, path, **query)) == found


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize(
    ("active", "apis", "told"),
    [
        (
            "true",
            {"alpha": [], "Beta": ["only"], "gamma": ["x:1", "y/2"], "Zeta": ["a", "b"]},
            ["alpha", "Beta", "gamma:x:1", "gamma:y/2", "Zeta:a"],
        ),
        (
            "false",
            {"alpha": [], "Beta": ["only"], "beta-2": ["m"], "gamma": ["x:1", "y/2"], "Zeta": ["a", "b"]},
            ["alpha", "Beta:only", "beta-2:m", "gamma:x:1", "gamma:y/2", "Zeta:a", "Zeta:b"],
        ),
    ],
)
def test_what_is_off_is_left_out_but_an_integration_shows_all_its_apis(api, active, apis, told):
    whole = ask(api, ALL, activeOnly=active).json()
    providers = ask(api, PROVIDERS, activeOnly=active).json()

    assert {each["name"]: [child["api"] for child in each["apis"]] for each in whole} == apis
    for listed in (whole, providers):
        assert {each["name"]: each["modelsCount"] for each in listed} == {
            name: len(listed) for name, listed in apis.items()
        }
    assert not any("apis" in each for each in providers)
    assert ask(api, NAMES, activeOnly=active).json() == told


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize("path", [PROVIDERS, NAMES])
def test_a_type_that_names_a_category_is_read_as_one_where_some_clients_send_it(api, path):
    assert names(ask(api, path, type="EMAIL")) == names(ask(api, path, category="EMAIL")) == ["alpha"]
    assert names(ask(api, path, type="EMAIL", category="EMAIL")) == ["alpha"]
    assert names(ask(api, path, type="EMAIL", category="CLOUD")) == []
    assert names(ask(api, ALL, type="EMAIL")) == []


@pytest.mark.usefixtures("shelf")
def test_a_whole_list_can_be_saved_back_and_changes_nothing(api):
    for active, query in product(("true", "false"), ("", "?apis=replace")):
        saved = api.post(f"/api/integrations{query}", json=ask(api, ALL, activeOnly=active).json())
        assert {each["result"] for each in saved.json()["results"]} == {"unchanged"}


@pytest.mark.parametrize("path", LISTS)
def test_a_list_of_nothing_is_an_empty_array(api, path):
    assert ask(api, path).json() == []


# Who asks


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize(
    ("limits", "found"),
    [
        ({"names": ["Z*", "alpha"]}, ["alpha", "Zeta"]),
        ({"tags": [("team", "search"), ("team", "shop")]}, ["alpha", "Beta", "Zeta"]),
        ({"names": ["*eta"], "tags": [("team", "search")]}, ["Zeta"]),
        ({"names": ["nothing"]}, []),
    ],
)
@pytest.mark.parametrize("path", LISTS)
def test_a_limited_credential_lists_what_lies_within_its_limits(client, key, path, limits, found):
    client.headers["X-Authorization"] = key("viewer", **limits)

    listed = names(ask(client, path))

    assert list(dict.fromkeys(name.partition(":")[0] for name in listed)) == found


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize("path", LISTS)
def test_a_role_that_may_not_read_lists_nothing(client, key, path):
    client.headers["X-Authorization"] = key("operator")

    assert ask(client, path).status_code == 403


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize("path", LISTS)
def test_a_list_knows_nothing_of_other_workspaces(client, key, path):
    client.headers["X-Authorization"] = key(workspace="other")

    assert ask(client, path, activeOnly="false").json() == []


# Bad queries


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "query",
    [
        "category=EMAIL&category=EMAIL",
        "category=email",
        "category=NOPE",
        "activeOnly=maybe",
        "activeOnly=true&activeOnly=true",
        "nonsense=1",
        "Limit=1",
        "limit=0",
        "limit=1001",
        "limit=-1",
        "limit=1.5",
        "limit=%D9%A1",
        "limit=",
        "limit=1&limit=1",
        "search=a&search=a",
        "cursor=a&cursor=a",
        "type=" + "x" * 257,
        "&".join(f"tag=k{n}" for n in range(17)),
    ],
)
def test_a_query_that_repeats_or_cannot_be_read_is_refused(api, path, query):
    answer = api.get(f"{path}?{query}")

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "invalid_request"


@pytest.mark.parametrize("path", LISTS)
def test_a_category_that_there_is_not_is_told_with_those_there_are(api, path):
    answer = api.get(f"{path}?category=NOPE")

    assert answer.json()["detail"] == f"category is one of: {', '.join(CATEGORIES)}."


@pytest.mark.parametrize("name", ["search", "tag", "limit", "cursor"])
def test_names_alone_take_no_more_than_the_filters_of_old(api, name):
    assert ask(api, NAMES, **{name: "1"}).status_code == 400


# Laws


TYPES = ("openai", "grok", "sendgrid")
RECORD = st.fixed_dictionaries(
    {
        "type": st.sampled_from(TYPES),
        "enabled": st.booleans(),
        "description": st.none() | st.text("abcß", max_size=5),
        "tags": st.lists(st.sampled_from(["a=1", "a=2", "b=1", "b="]), unique=True, max_size=3),
        "category": st.sampled_from(["AI_MODEL", "EMAIL", "CLOUD"]),
    }
)
SHELF = st.dictionaries(st.text("ab1", min_size=1, max_size=3), RECORD, max_size=12)
QUERY = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(TYPES),
        "category": st.sampled_from(["AI_MODEL", "EMAIL", "CLOUD"]),
        "search": st.text("abß", min_size=1, max_size=4),
        "tags": st.lists(st.sampled_from([("a", None), ("a", "1"), ("b", ""), ("c", None)]), max_size=2),
        "enabled": st.just(True),
    },
)


def fits(name, fields, query):
    """Say whether a record belongs on a list, in other words than the store's."""
    text = query.get("search", "").casefold()
    tags = {tuple(tag.split("=")) for tag in fields["tags"]}
    return (
        all(query.get(each, fields[each]) == fields[each] for each in ("type", "category", "enabled"))
        and (text in name or text in (fields["description"] or "").casefold())
        and all(any(key == k and value in {None, v} for k, v in tags) for key, value in query.get("tags", ()))
    )


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    shelves=st.lists(SHELF, min_size=1, max_size=3),
    query=QUERY,
    size=st.integers(1, 5),
    way=st.sampled_from([("by names", -1), ("by what is common", 0), ("by what is rare", 5_000)]),
    indexed=st.booleans(),
)
def test_a_list_is_what_its_filters_say_in_one_piece_and_in_chunks_however_it_is_found(  # noqa: PLR0917
    service, monkeypatch, shelves, query, size, way, indexed
):
    monkeypatch.setattr(search, "_RARE", way[1])
    workspace = open_new(service)
    saved = {}
    for shelf in shelves:
        changed = {name: {**each, "type": saved.get(name, each)["type"]} for name, each in shelf.items()}
        if changed:
            workspace.apply([make(name, **each) for name, each in changed.items()])
        saved |= changed
        if indexed:
            settle(service.store)
        expected = sorted(name for name, each in saved.items() if fits(name, each, query))

        assert names_in([workspace.list(**query)]) == expected
        assert names_in(workspace.walk(size=size, **query)) == expected
