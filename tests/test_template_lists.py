"""Lists of templates and their providers: any filter, order and page gives what plain Python says."""

from __future__ import annotations

import base64
import json
from itertools import count
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from litestar.testing import TestClient

from credenza.stores.sqlite import cards
from credenza.web.app import create_app
from credenza.web.templates.times import read_time, write_time
from credenza.workspace import Policy
from template_things import add_provider, make_deployment, make_template
from test_templates import check_problem

START = 1_760_000_000_000
STATUSES = ["active", "archived", "deleted"]
TYPES = ["git", "openai", "sendgrid"]
WORDS = ["Support", "Straße", "Sales & more", "100%", "ß"]
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@pytest.fixture
def ticking(service, key):
    """Return a client of a service whose clock goes on by a second with each look."""
    clock = count(START, 1_000)
    timed = msgspec.structs.replace(service, policy=Policy(clock=lambda: next(clock)))
    with TestClient(create_app(timed)) as client:
        client.headers["X-Authorization"] = key()
        yield client


@pytest.fixture
def shelf(ticking):
    """Make templates of all sorts; return the client, and all templates and providers that there are."""
    deployments = {name: [make_deployment(ticking, name)["id"] for _ in "ab"] for name in TYPES}
    for number in range(14):
        made = make_template(
            ticking, f"{WORDS[number % 5]} {number}", description=WORDS[number // 3] if number % 3 else None
        )
        for place, name in enumerate(TYPES):
            if number >> place & 1:
                chosen = deployments[name][number % 2]
                added = add_provider(ticking, made, name, provider_deployment_id=chosen)
                if number % 5 == 1:
                    ticking.delete(f"/integration-providers/{added['id']}")
        if number % 4 == 3:
            ticking.delete(f"/integrations/{made['id']}")
    everything = {"limit": 100, "status": STATUSES}
    return ticking, {
        path: ticking.get(path, params=everything).json()["items"]
        for path in ("/integrations", "/integration-providers")
    }


def links_of(path, item, all_providers):
    """Return the ids that a thing is found by, by the name of the filter."""
    if path == "/integration-providers":
        return {
            "integration_id": {item["integration_id"]},
            "provider_id": {item["provider_id"]},
            "provider_deployment_id": {item["deployment_id"]},
            "provider_auth_method_id": {item["auth_method_id"]},
            "provider_config_id": set(),
        }
    # An archived template is found by the providers it had, an active one by those it has.
    own = [
        each
        for each in all_providers
        if each["integration_id"] == item["id"] and (each["status"] == "active" or item["status"] != "active")
    ]
    return {
        "provider_id": {each["provider_id"] for each in own},
        "integration_provider_id": {each["id"] for each in own},
    }


def is_chosen(query, path, item, providers):
    """Tell in plain Python whether a query chooses a thing."""
    links = links_of(path, item, providers)
    told = [item["name"], item["description"] or ""]
    if path == "/integration-providers":
        told.append(item["provider"]["name"])
    spans = [
        side(read_time(item[field]), read_time(query[f"{field}[{name}]"]))
        for field in ("created_at", "updated_at")
        for name, side in (("gt", int.__gt__), ("lt", int.__lt__))
        if f"{field}[{name}]" in query
    ]
    return (
        item["status"] in (query.get("status") or ["active"])
        and item["id"] in (query.get("id") or [item["id"]])
        and all(links[name] & set(query[name]) for name in links if query.get(name))
        and any(query.get("search", "").strip().casefold() in text.casefold() for text in told)
        and all(spans)
    )


def choose(query, path, items, providers):
    """Return the ids of a page and what is told of both its sides."""
    ids = sorted((item["id"] for item in items), reverse=query.get("order") == "desc")
    chosen = {item["id"] for item in items if is_chosen(query, path, item, providers)}
    limit = query.get("limit", 20)
    anchor = query.get("after") or query.get("before")
    if anchor is not None and anchor not in ids:
        return [], False, False
    if "after" in query:
        rest = [each for each in ids[ids.index(anchor) + 1 :] if each in chosen]
        return rest[:limit], len(rest) > limit, True
    if anchor is not None:
        rest = [each for each in ids[: ids.index(anchor)] if each in chosen]
        return rest[-limit:], True, len(rest) > limit
    rest = [each for each in ids if each in chosen]
    return rest[:limit], len(rest) > limit, False


def write_anchor(draw, items):
    ids = [item["id"] for item in items]
    return draw(st.sampled_from([*ids, "int_none"]))


@st.composite
def queries(draw, path, items, providers):
    """Draw a query that may choose anything by anything that is there, and by what is not."""
    found = [links_of(path, item, providers) for item in items]
    query = {
        "limit": st.integers(1, 6) | st.just(100),
        "order": st.sampled_from(["asc", "desc"]),
        "status": st.lists(st.sampled_from(STATUSES), max_size=3),
        "search": st.sampled_from(["", " ", "s", "STRASSE", "support", "%", "12", "git", " & ", "_", "none"]),
        "id": st.lists(st.sampled_from([item["id"] for item in items] + ["none"]), max_size=4),
    }
    for name in found[0]:
        known = sorted({each for links in found for each in links[name] if each})
        query[name] = st.lists(st.sampled_from([*known, "none"]), max_size=2)
    times = sorted({item[field] for item in items for field in ("created_at", "updated_at")})
    for field in ("created_at", "updated_at"):
        for side in ("gt", "lt"):
            query[f"{field}[{side}]"] = st.sampled_from(times)
    anchors = st.sampled_from(["after", "before"])
    kept = {
        name: draw(values) for name, values in query.items() if draw(st.booleans()) and draw(st.booleans())
    }
    if draw(st.booleans()):
        kept[draw(anchors)] = write_anchor(draw, items)
    return kept


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_page_holds_what_its_query_chooses_in_its_order(shelf, data):
    client, things = shelf
    path = data.draw(st.sampled_from([*things]))
    query = data.draw(queries(path, things[path], things["/integration-providers"]))

    # What is rare is looked up first, and the rest walked: here either is tried.
    with patch.object(cards, "_RARE", data.draw(st.sampled_from([2, 1_000]))):
        answer = client.get(path, params=query)

    assert answer.status_code == 200, answer.text
    page = answer.json()
    told = ([item["id"] for item in page["items"]], *(page["pagination"].values()))
    assert told == choose(query, path, things[path], things["/integration-providers"])
    assert page["__typename"] == "list"


def test_pages_in_either_direction_and_order_hold_everything_once(shelf):
    client, things = shelf
    for path, items in things.items():
        for order in ("asc", "desc"):
            ids = sorted((item["id"] for item in items), reverse=order == "desc")
            for side, place in (("after", -1), ("before", 0)):
                query, seen = {"limit": 3, "order": order, "status": STATUSES}, []
                if side == "before":
                    seen, query["before"] = [ids[-1]], ids[-1]
                while page := client.get(path, params=query).json()["items"]:
                    shown = [item["id"] for item in page]
                    seen = [*seen, *shown] if side == "after" else [*shown, *seen]
                    query[side] = shown[place]
                assert seen == ids


def write_base62(text):
    number, digits = int.from_bytes(text.encode(), "big"), ""
    while number:
        number, digit = divmod(number, 62)
        digits = DIGITS[digit] + digits
    return digits


def test_a_cursor_says_after_or_before_in_one_text(ticking):
    ids = [make_template(ticking, word)["id"] for word in WORDS]

    def ask(**query):
        return [item["id"] for item in ticking.get("/integrations", params=query).json()["items"]]

    for side in ("after", "before"):
        text = json.dumps([side, ids[2]])
        url_safe = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
        for body in (write_base62(text), url_safe):
            assert ask(cursor=f"cur_{body}") == ask(**{side: ids[2]}) != []
    assert ask(after=ids[3], before=ids[1], cursor="cur_nothing") == ids[4:]
    assert ask(before=ids[1], cursor="cur_nothing") == ids[:1]


def test_all_ways_to_repeat_a_filter_are_the_same(ticking):
    ids = [make_template(ticking, word)["id"] for word in WORDS]
    first, second = ids[:2]

    for query in (
        f"id={first}&id={second}",
        f"id[]={first}&id[]={second}",
        f"id%5B0%5D={first}&id%5B1%5D={second}",
        f"id={first}&id[1]={second}&id=",
    ):
        page = ticking.get(f"/integrations?{query}").json()
        assert [item["id"] for item in page["items"]] == [first, second]


def test_times_are_read_with_any_offset_and_ends_are_exclusive(ticking):
    at = make_template(ticking)["created_at"]
    milliseconds = read_time(at)
    later = write_time(milliseconds + 1)
    assert write_time(milliseconds) == at

    for query, found in (
        ({"created_at[gt]": at}, 0),
        ({"created_at[lt]": at}, 0),
        ({"created_at[gt]": "2000-01-01", "created_at[lt]": later}, 1),
        ({"created_at[gt]": write_time(milliseconds - 1)}, 1),
        ({"created_at[gt]": "2000-01-01T00:00:00+02:00"}, 1),
        ({"updated_at[lt]": "0001-01-01T00:00:00+14:00"}, 0),
    ):
        assert len(ticking.get("/integrations", params=query).json()["items"]) == found


def test_a_query_that_says_nothing_a_list_knows_is_refused(api):
    for path in ("/integrations", "/integration-providers"):
        for query in (
            *(
                "limit=0",
                "limit=101",
                "limit=1.5",
                "limit=nan",
                "limit=inf",
                "limit=1_0",
                "limit=1e1",
                "limit=",
                "limit=a",
                "limit=-1",
            ),
            *("limit=1&limit=2", "limit[]=1", "order=up", "order=", "after=a&after=b", "after[gt]=a"),
            *("status=none", "status[gt]=active", "status[a]=active", "id[gt]=a", f"search={'a' * 257}"),
            *("created_at=gt", "created_at[gt]=", "created_at[gt]=soon", "created_at[ge]=2026-01-01"),
            *("created_at[gt]=2026-01-01&created_at[gt]=2026-01-02", "created_at[gt]=1e3", "created_at[0]=a"),
            *("name=a", "Status=active", "status[[0]]=active", "private=1", "&".join(["id=a"] * 101)),
        ):
            check_problem(api.get(f"{path}?{query}"), 400, "invalid_data")


def test_a_cursor_that_is_none_is_refused(api):
    for cursor in ("a", "cur_", "cur_!", "cur_0", f"cur_{write_base62('[1]')}", f"cur_{'z' * 500}"):
        check_problem(api.get("/integrations", params={"cursor": cursor}), 400, "bad_request")
    beside = write_base62(json.dumps(["beside", "int_a"]))
    check_problem(api.get("/integrations", params={"cursor": f"cur_{beside}"}), 400, "bad_request")


def test_a_whole_number_may_be_written_with_a_point(ticking):
    for word in WORDS:
        make_template(ticking, word)

    assert len(ticking.get("/integrations?limit=2.0").json()["items"]) == 2


def test_one_thing_takes_no_query_but_the_version(api):
    for method in ("GET", "PATCH", "DELETE"):
        check_problem(api.request(method, "/integrations/int_none?limit=1", json={}), 400, "invalid_data")


def test_templates_and_their_providers_are_found_by_the_slug_of_a_provider_as_well(api):
    template = make_template(api, "By slug")
    added = add_provider(api, template, "sendgrid")
    add_provider(api, make_template(api, "Another"), "git")

    for path, expected in (("/integrations", template["id"]), ("/integration-providers", added["id"])):
        for named in ("sendgrid", added["provider_id"]):
            found = api.get(path, params={"provider_id": [named, "unheard"]}).json()["items"]
            assert [each["id"] for each in found] == [expected]
