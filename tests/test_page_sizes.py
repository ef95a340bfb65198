"""No page is larger than a server can afford, however much its things repeat of what they refer to."""

from __future__ import annotations

import pytest

from credenza.web.templates import answers
from instance_things import INSTANCES, PROVIDERS, Values, make_instance, make_offer
from setup_things import PATH as SETUPS
from setup_things import begin
from template_things import add_provider, make_template, post

NOTE = {"note": "n" * 60_000}
TYPES = ("openai", "git", "sendgrid", "kafka", "aws", "gcp", "nats", "cohere")


def walk(api, path, side="after", **query):
    """Return the pages of a list from one of its ends on, each as its text and its ids."""
    at, pages = {}, []
    if side == "before":
        [last] = api.get(path, params={"order": "desc", "limit": 1, **query}).json()["items"]
        at = {"before": last["id"]}
    while at is not None:
        answer = api.get(path, params={"limit": 100, **query, **at})
        body = answer.json()
        ids = [each["id"] for each in body["items"]]
        pages.append((answer.content, ids))
        more = body["pagination"][f"has_more_{side}"]
        at = {side: ids[-1 if side == "after" else 0]} if more else None
    return pages


def test_a_page_of_instances_stops_at_a_few_megabytes_and_the_next_goes_on(api):
    template = make_template(api)
    for type_ in TYPES:
        add_provider(api, template, type_, metadata=NOTE)
    used = [{"provider_id": type_} for type_ in TYPES]
    made = [make_instance(api, template, f"n{number}", providers=used)["id"] for number in range(10)]

    pages = walk(api, INSTANCES)

    assert [each for _, ids in pages for each in ids] == made
    assert len(pages) == 2
    assert all(len(text) < 9 << 20 for text, _ in pages)


@pytest.mark.parametrize("side", ["after", "before"])
@pytest.mark.parametrize(
    "path",
    [
        INSTANCES,
        PROVIDERS,
        SETUPS,
        "/sessions",
        "/session-templates",
        "/integrations",
        "/provider-deployments",
    ],
)
def test_every_list_goes_on_behind_a_page_that_had_no_room_for_more(api, workspace, monkeypatch, path, side):
    template, _ = make_offer(api, "openai")
    auth = Values(workspace).auth("openai")
    used = [{"provider_id": "openai", "provider_auth_config_id": auth}]
    for number in range(5):
        instance = make_instance(api, template, f"n{number}", providers=used)
        post(api, f"{INSTANCES}/{instance['id']}/session")
        make_offer(api, "git")
        begin(api, template)
    [(whole, ids)] = walk(api, path)
    assert len(ids) >= 5

    monkeypatch.setattr(answers, "LARGE", 2 * len(whole) // len(ids))
    pages = walk(api, path, side)

    assert len(pages) > 1
    assert all(found for _, found in pages)
    assert sorted(each for _, found in pages for each in found) == (ids if side == "after" else ids[:-1])


def test_one_thing_is_shown_whole_however_large_it_is(api, monkeypatch):
    monkeypatch.setattr(answers, "LARGE", 10)
    template = make_template(api)

    assert [ids for _, ids in walk(api, "/integrations")] == [[template["id"]]]
