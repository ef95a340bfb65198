"""What is told of the service: health, metrics, log lines, and of an error nothing it holds."""

from __future__ import annotations

import json
import logging
import sqlite3
import time

import pytest
from litestar.testing import TestClient

from credenza.errors import StoreFull, Unavailable, VaultLocked
from credenza.model import Role
from credenza.web.app import create_app
from credenza.web.logs import configure_logging
from web_answers import CANARY, ITEM, PROVIDER, check_problem


def test_the_process_is_healthy_whatever_else_is_wrong(client, service, monkeypatch):
    def fail():
        raise Unavailable

    monkeypatch.setattr(service.store, "tenants", fail)

    assert (client.get("/healthz").status_code, client.get("/healthz").json()) == (200, {"status": "ok"})


def test_a_service_with_store_and_key_is_ready(client):
    ready = client.get("/readyz")

    assert (ready.status_code, ready.json()) == (200, {"status": "ok", "store": "ok", "vault": "ok"})


def test_a_service_without_its_store_is_not_ready(client, service, monkeypatch):
    def fail():
        raise Unavailable

    monkeypatch.setattr(service.store, "ready", fail)

    degraded = client.get("/readyz")
    assert degraded.status_code == 503
    assert degraded.json() == {"status": "degraded", "store": "unavailable", "vault": "ok"}


def test_a_service_without_its_key_is_not_ready_and_says_so(open_service, monkeypatch, kek):
    open_service().close()
    monkeypatch.delenv(kek.removeprefix("env://"))

    with TestClient(create_app(open_service())) as client:
        degraded = client.get("/readyz")

    assert degraded.status_code == 503
    assert degraded.json() == {"status": "degraded", "store": "ok", "vault": "locked"}


def test_metrics_count_by_route_and_hold_no_name_nor_any_other_thing_that_was_sent(api):
    api.post("/api/integrations", json=[ITEM | {"name": CANARY}])
    api.get(f"{PROVIDER}/{CANARY}")
    api.get(f"/{CANARY}")
    api.request(CANARY.upper(), "/healthz")
    api.get(f"{PROVIDER}?{CANARY}=1")

    metrics = api.get("/metrics")

    assert metrics.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert CANARY not in metrics.text.lower()
    lines = metrics.text.splitlines()
    expected = [
        ("POST", "/api/integrations", 200),
        ("GET", f"{PROVIDER}/{{name}}", 200),
        ("GET", "none", 404),
    ]
    for method, route, status in [*expected, ("other", "none", 405), ("GET", PROVIDER, 400)]:
        assert f'credenza_requests_total{{method="{method}",route="{route}",status="{status}"}} 1.0' in lines


@pytest.fixture
def logged(open_service, capfd, monkeypatch):
    """Return a client of a service that logs, and a function that reads the lines it wrote."""
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", root.handlers)
    monkeypatch.setattr(root, "level", root.level)
    configure_logging()
    service = open_service(access_log=True)
    made = service.accounts.create_key(service.tenant(), Role.ADMIN, by="test")

    def lines(count=1):
        """Return what was written so far, at least so many lines: they come with the loop's next turn."""
        written, end = "", time.monotonic() + 10
        while written.count("\n") < count and time.monotonic() < end:
            written += capfd.readouterr().err
            time.sleep(0.01)
        return [json.loads(line) for line in written.splitlines()]

    with TestClient(create_app(service), raise_server_exceptions=False) as client:
        client.headers["X-Authorization"] = made.token.reveal()
        yield client, service, lines


def test_a_log_line_is_json_with_the_route_and_nothing_that_was_sent(logged):
    client, _, lines = logged
    secret = ITEM | {"name": CANARY, "configuration": {"api_key": CANARY}}
    answers = [
        client.post("/api/integrations", json=[secret]),
        client.get(f"{PROVIDER}/{CANARY}/resolved"),
        client.get(f"{PROVIDER}?search={CANARY}"),
        client.get(f"/{CANARY}", headers={"User-Agent": CANARY, "X-Authorization": CANARY}),
    ]

    written = lines(len(answers))

    assert CANARY not in json.dumps(written)
    assert [line["request"] for line in written] == [answer.headers["x-request-id"] for answer in answers]
    assert [line["route"] for line in written] == [
        "/api/integrations",
        f"{PROVIDER}/{{name}}/resolved",
        PROVIDER,
        "none",
    ]
    for line, answer in zip(written, answers, strict=True):
        assert line.keys() - {"code"} == {
            "at",
            "level",
            "event",
            "request",
            "method",
            "route",
            "status",
            "milliseconds",
            "actor",
        }
        assert line["status"] == answer.status_code
    assert written[0]["actor"].startswith("key:")
    assert [line.get("code") for line in written] == [None, None, None, "not_found"]


def test_what_a_library_logs_is_told_without_its_message(logged):
    _, _, lines = logged

    logging.getLogger("library").warning("could not use %s", CANARY, extra={"secret": CANARY})

    [line] = lines()
    assert line.pop("at")
    assert line.pop("place").startswith("test_web_observe.py:")
    assert line == {"level": "warning", "event": "message withheld", "logger": "library"}


def test_an_exception_that_a_library_logs_is_told_by_its_class_and_place(logged):
    _, _, lines = logged

    try:
        json.loads(CANARY)
    except ValueError:
        logging.getLogger("uvicorn.error").exception(CANARY)

    [line] = lines()
    assert CANARY not in json.dumps(line)
    assert line["failure"].startswith("JSONDecodeError at python3.")
    assert line["logger"] == "uvicorn.error"


def test_what_failed_is_told_with_the_place_of_our_own_code(logged, monkeypatch):
    client, service, lines = logged

    def fail(*_):
        json.loads(CANARY)

    monkeypatch.setattr(service.store, "read", fail)
    client.get(f"{PROVIDER}/a")

    failed, answered = lines(2)
    assert CANARY not in json.dumps([failed, answered])
    assert "by credenza/workspace/" in failed["failure"]
    assert (failed["code"], answered["code"]) == ("internal_error", "internal_error")
    assert failed["request"] == answered["request"]


@pytest.mark.parametrize("error", [RuntimeError(CANARY), KeyError(CANARY), sqlite3.OperationalError(CANARY)])
def test_an_unexpected_error_says_nothing_of_itself_in_answer_or_log(logged, monkeypatch, error):
    client, service, lines = logged

    def fail(*_):
        hidden = f"local {CANARY}"
        raise error from RuntimeError(hidden)

    monkeypatch.setattr(service.store, "read", fail)

    broken = client.get(f"{PROVIDER}/a")

    body = check_problem(broken, 500, "internal_error")
    written = lines()
    assert body["retryable"] is False
    assert CANARY not in broken.text + json.dumps(written)
    failures = [line for line in written if "failure" in line]
    assert [line["request"] for line in failures] == [body["instance"]]
    assert failures[0]["failure"].startswith(type(error).__name__)


@pytest.mark.parametrize(
    ("error", "status"), [(Unavailable("later"), 503), (VaultLocked("later"), 503), (StoreFull("later"), 507)]
)
def test_what_may_pass_says_that_it_may_be_tried_again(api, service, monkeypatch, error, status):
    def fail(*_):
        raise error

    monkeypatch.setattr(service.store, "read", fail)

    refused = api.get(f"{PROVIDER}/a")

    assert check_problem(refused, status, error.code)["retryable"] is True
    assert refused.headers["retry-after"] == "1"


def test_every_answer_names_its_request_and_forbids_guessing_its_type(client):
    answers = [client.get(path) for path in ("/healthz", "/api/integrations/", "/none", "/docs")]

    assert len({answer.headers["x-request-id"] for answer in answers}) == len(answers)
    assert {answer.headers["x-content-type-options"] for answer in answers} == {"nosniff"}
