"""What is counted: saves and what came of them, commits, seals, keys, strangers; and who may look."""

from __future__ import annotations

import re

import pytest
from litestar.testing import TestClient

from credenza.errors import KeyBroken, Unavailable
from credenza.keys.watched import watch_provider
from credenza.metrics import Metrics, Words
from credenza.web.app import create_app
from web_answers import ITEM, PROVIDER

MANY = 1_000


@pytest.fixture
def read(api):
    """Give a function from the name of a series, with its labels, to its value; None: it is not there."""

    def find(series):
        for line in api.get("/metrics").text.splitlines():
            name, _, value = line.rpartition(" ")
            if name == series:
                return float(value)
        return None

    return find


def test_saves_and_their_items_are_counted_by_what_became_of_them(api, read):
    api.post("/api/integrations", json=[ITEM, ITEM | {"name": "second"}])
    api.post("/api/integrations", json=[ITEM])
    api.post("/api/integrations?dryRun=true", json=[ITEM])
    api.post("/api/integrations", json=[ITEM | {"type": "nonesuch"}])
    api.delete(f"{PROVIDER}/second")

    assert read('credenza_saves_total{outcome="saved",verb="save"}') == 2
    assert read('credenza_saves_total{outcome="planned",verb="save"}') == 1
    assert read('credenza_saves_total{outcome="invalid_data",verb="save"}') == 1
    assert read('credenza_saves_total{outcome="saved",verb="delete"}') == 1
    items = {"created": 2, "unchanged": 1, "deleted": 1}
    assert {name: read(f'credenza_items_total{{result="{name}"}}') for name in items} == items
    assert read('credenza_problems_total{code="invalid_data"}') == 1


def test_seals_openings_audit_rows_and_commits_are_those_that_were_stored(api, read):
    before = read("credenza_audit_rows_total"), read("credenza_commit_seconds_count")
    api.post("/api/integrations", json=[ITEM, ITEM | {"name": "second"}])
    api.get(f"{PROVIDER}/second/resolved")
    assert read("credenza_commit_seconds_count") - before[1] == 2
    api.post("/api/integrations", json=[ITEM | {"type": "nonesuch"}])

    assert read("credenza_secrets_sealed_total") == 2
    assert read("credenza_secrets_opened_total") == 1
    assert read("credenza_audit_rows_total") - before[0] == 2
    assert read("credenza_commit_jobs_sum") == read("credenza_commit_jobs_count")


def test_strangers_are_counted_by_why_they_are_turned_away(client, read):
    client.get(PROVIDER, headers={"X-Authorization": "crdz_made_up"})

    assert read('credenza_auth_failures_total{code="invalid_token"}') == 1


def test_a_call_of_a_key_provider_is_counted_with_its_outcome_and_changes_nothing():
    class Provider:
        label = "somewhere"

        def fetch(self, vault, keepsake):
            if keepsake is None:
                raise KeyBroken
            return vault

    metrics = Metrics()
    provider = watch_provider(Provider(), metrics)

    assert (provider.label, provider.fetch(b"key", b"")) == ("somewhere", b"key")
    with pytest.raises(KeyBroken):
        provider.fetch(b"key", None)

    found = [
        metrics.registry.get_sample_value(
            "credenza_kek_call_seconds_count", {"call": "fetch", "outcome": outcome}
        )
        for outcome in ("ok", "key_broken")
    ]
    assert found == [1, 1]


def test_gauges_say_what_runs_whether_the_key_is_there_and_how_busy_the_store_is(client, read, request):
    store = request.config.getoption("--store")
    text = client.get("/metrics").text

    assert re.search(rf'credenza_build_info{{python="3[^"]+",store="{store}",version="[^"]+"}} 1.0', text)
    assert (read("credenza_vault_unlocked"), read("credenza_writer_queue_jobs")) == (1, 0)
    assert read("process_resident_memory_bytes") > 0
    pooled = read('credenza_pool_connections{state="idle"}')
    assert (pooled is None) == (store == "sqlite")


def test_metrics_can_be_switched_off(open_service):
    with TestClient(create_app(open_service(metrics="off"))) as client:
        assert client.get("/metrics").status_code == 404


def test_what_fails_in_the_store_is_counted_by_its_code(api, service, read, monkeypatch):
    def fail(*_, **__):
        raise Unavailable

    monkeypatch.setattr(service.store, "write", fail)
    api.post("/api/integrations", json=[ITEM])

    assert read('credenza_saves_total{outcome="unavailable",verb="save"}') == 1
    assert read('credenza_problems_total{code="unavailable"}') == 1


def test_a_label_cannot_grow_without_end():
    metrics = Metrics()
    words = metrics.problems

    for number in range(MANY + 5):
        words.of(f"made-up-{number}").inc()

    assert isinstance(words, Words)
    assert metrics.registry.get_sample_value("credenza_problems_total", {"code": "other"}) == 5


def test_names_follow_the_conventions_of_prometheus(client):
    kinds = re.findall(r"^# TYPE (\w+) (\w+)$", client.get("/metrics").text, re.MULTILINE)
    counters = [name for name, kind in kinds if kind == "counter"]
    times = [name for name, kind in kinds if kind == "histogram" and name != "credenza_commit_jobs"]

    assert len(counters) > 5
    assert all(name.endswith("_total") for name in counters)
    assert all(name.endswith("_seconds") for name in times)
