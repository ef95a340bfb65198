"""What a small request can cost is bounded, and what goes wrong inside leaves nobody waiting."""

import json

import msgspec
import pytest

from credenza.errors import Unavailable
from credenza.stores.sqlite.shared import Shared
from credenza.web.integrations.explain import Explainer
from credenza.web.integrations.wire import IntegrationItem
from credenza.workspace.compose import MOST_PROBLEMS
from examples import API, item, read, save


@pytest.mark.parametrize("field", ["tags", "apis"])
def test_an_item_is_told_at_most_a_hundred_problems(api, field):
    answer = save(api, {**item("one", "openai"), field: [0] * 20_000})

    assert answer.status_code == 400
    assert len(answer.json()["errors"]) == 100


def test_every_item_of_a_large_batch_is_told_at_least_one(api):
    items = [{**item(f"n{number}", "openai"), "category": "NONE", "enabled": 7} for number in range(300)]

    told = save(api, *items).json()["errors"]

    assert {problem["index"] for problem in told} == set(range(300))


def test_an_integration_gathers_no_more_than_a_thousand_apis_however_they_come(api):
    def some(first):
        return [{"integrationName": "one", "api": f"a{first + number}"} for number in range(600)]

    assert save(api, {**item("one", "openai"), "apis": some(0)}).status_code == 200
    assert save(api, {**item("one", "openai"), "apis": some(600)}).json()["code"] == "too_many"


def test_a_search_term_has_at_most_256_characters(api):
    assert api.get(f"{API}/provider?search={'x' * 256}").status_code == 200
    assert api.get(f"{API}/provider?search={'x' * 257}").status_code == 400


def test_one_who_may_not_save_is_refused_before_the_body_is_looked_at(client, key):
    answer = client.post(API, content=b"no json", headers={"X-Authorization": key("viewer")})

    assert answer.status_code == 403


def test_a_header_that_stands_twice_is_no_credential(client, key):
    twice = [("X-Authorization", key("admin")), ("X-Authorization", key("viewer"))]

    assert client.get(f"{API}/", headers=twice).status_code == 401


@pytest.mark.embedded
def test_whatever_fails_while_committing_is_told_and_the_next_save_works(api, monkeypatch):
    def fail(_):
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(Shared, "flush", fail)
        assert save(api, item("one", "openai")).status_code == 500

    assert save(api, item("one", "openai")).status_code == 200


def test_a_writer_that_has_ended_leaves_nobody_waiting_and_the_service_unready(api, service):
    service.store._writer.close()

    assert save(api, item("one", "openai")).status_code == 503
    assert api.get("/readyz").status_code == 503
    with pytest.raises(Unavailable):
        service.store.ready()


def test_an_old_version_names_its_own_author_and_time(api, client, key):
    save(api, item("one", "openai"))
    first = read(api)
    editor = {"X-Authorization": key("editor")}
    save(client, {**item("one", "openai"), "description": "later"}, headers=editor)

    then = api.get(f"{API}/provider/one/history/1").json()

    assert {name: then[name] for name in ("version", "updateTime", "updatedBy")} == {
        name: first[name] for name in ("version", "updateTime", "updatedBy")
    }
    assert json.dumps(read(api)["updatedBy"]) != json.dumps(then["updatedBy"])


def test_no_list_within_a_list_is_explained_beyond_its_first_entries():
    """The validator builds an error for every entry before it gives the first."""
    asked = []

    class Validator:
        def iter_errors(self, item):
            asked.append(item)
            return iter(())

    explainer = Explainer(msgspec.json.schema(IntegrationItem))
    explainer._validator = Validator()
    entries = [{"tags": [1] * 5_000}] * 500
    explainer.explain(msgspec.Raw(msgspec.json.encode({"apis": entries, "tags": [1] * 5_000})))

    [item] = asked
    assert [len(item["apis"]), len(item["tags"]), len(item["apis"][0]["tags"])] == [MOST_PROBLEMS] * 3
