"""Traces: what spans hold, that they arrive over OTLP, and that nothing of a request's contents does."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from litestar.testing import TestClient
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import made_once
from credenza.errors import Misconfigured
from credenza.metrics import Metrics
from credenza.model import Role
from credenza.settings import Settings, open_credenza
from credenza.tracing import Tracing, is_asked_for, start_tracing
from web_answers import CANARY, ITEM, PROVIDER

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
ALLOWED = {
    *("http.request.method", "http.route", "http.response.status_code", "error.type"),
    *("credenza.request", "credenza.verb", "credenza.outcome", "credenza.items"),
    *("credenza.busy_seconds", "credenza.times"),
}


def open_traced(tracing, store, kek):
    settings = Settings.read({}, store=store, kek=kek, access_log=False)
    return open_credenza(settings, serving=True, create=True, observer=Metrics(tracing))


@pytest.fixture
def traced(store_uri, kek):
    """Give a client of a service that traces, and a function that takes the spans so far."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    service = open_traced(Tracing(provider), store_uri("store"), kek)
    made = service.accounts.create_key(service.tenant(), Role.ADMIN, by="test")

    def take():
        spans = exporter.get_finished_spans()
        exporter.clear()
        return {span.name: span for span in spans}

    with made_once.lend_app(service) as app, TestClient(app, raise_server_exceptions=False) as client:
        client.headers["X-Authorization"] = made.token.reveal()
        yield client, take
    provider.shutdown()
    service.close()


def test_a_save_has_a_span_for_the_request_and_one_for_each_of_its_parts(traced):
    client, take = traced
    client.post("/api/integrations", json=[ITEM, ITEM | {"name": "second"}])

    spans = take()

    root = spans.pop("POST /api/integrations")
    assert root.attributes["http.response.status_code"] == 200
    assert {*spans} == {"authenticate", "queue", "read", "check", "seal", "write", "commit"}
    assert {span.parent.span_id for span in spans.values()} == {root.context.span_id}
    assert all(root.start_time <= span.start_time <= span.end_time for span in spans.values())
    assert dict(spans["commit"].attributes) == {
        "credenza.verb": "save",
        "credenza.outcome": "saved",
        "credenza.items": 2,
    }


def test_a_trace_goes_on_from_where_its_caller_was(traced):
    client, take = traced
    client.get("/healthz", headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})

    [span] = take().values()

    assert f"{span.context.trace_id:032x}" == TRACE
    assert f"{span.parent.span_id:016x}" == PARENT


@pytest.mark.parametrize("sent", ["", CANARY, f"00-{'0' * 32}-{PARENT}-01", f"00-{TRACE}-{PARENT}-01-more"])
def test_a_parent_that_cannot_be_read_begins_a_new_trace(traced, sent):
    client, take = traced
    client.get("/healthz", headers={"traceparent": sent})

    [span] = take().values()

    assert span.parent is None


def test_a_caller_who_does_not_record_is_not_recorded(traced):
    client, take = traced
    client.post("/api/integrations", json=[ITEM], headers={"traceparent": f"00-{TRACE}-{PARENT}-00"})

    assert take() == {}


def test_spans_hold_what_is_on_the_list_and_nothing_that_was_sent(traced):
    client, take = traced
    told = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": f"a={CANARY}", "baggage": f"b={CANARY}"}
    secret = ITEM | {"name": CANARY, "configuration": {"api_key": CANARY}}
    spans = []
    for method, path, body in [
        ("POST", "/api/integrations", [secret]),
        ("POST", "/api/integrations", [secret | {"type": CANARY}]),
        ("GET", f"{PROVIDER}/{CANARY}/resolved", None),
        ("GET", f"{PROVIDER}?search={CANARY}", None),
        (CANARY.upper(), f"/{CANARY}", None),
    ]:
        client.request(method, path, json=body, headers=told)
        spans += take().values()

    assert CANARY not in "".join(span.to_json() for span in spans).lower()
    assert {name for span in spans for name in span.attributes} <= ALLOWED
    assert "invalid_data" in {span.attributes.get("error.type") for span in spans}
    assert not any(span.events for span in spans)


def test_spans_arrive_at_a_collector_over_http(store_uri, kek, monkeypatch):
    got = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self):
            got.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": address, "OTEL_EXPORTER_OTLP_COMPRESSION": "none"}
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        tracing = start_tracing(variables)
        service = open_traced(tracing, store_uri("store"), kek)
        made = service.accounts.create_key(service.tenant(), Role.ADMIN, by="test")
        with made_once.lend_app(service) as app, TestClient(app) as client:
            client.headers["X-Authorization"] = made.token.reveal()
            client.post("/api/integrations", json=[ITEM | {"configuration": {"api_key": CANARY}}])
        tracing.close()
        service.close()
        server.shutdown()

    assert {path for path, _ in got} == {"/v1/traces"}
    sent = ExportTraceServiceRequest.FromString(got[0][1])
    [resource] = sent.resource_spans
    names = {span.name for scope in resource.scope_spans for span in scope.spans}
    assert {"POST /api/integrations", "authenticate", "seal", "commit"} <= names
    assert {each.key: each.value.string_value for each in resource.resource.attributes}[
        "service.name"
    ] == "credenza"
    assert all(CANARY.encode() not in body for _, body in got)


@pytest.mark.parametrize(
    ("variables", "asked"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, False),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, False),
    ],
)
def test_the_standard_variables_decide_whether_there_are_traces(variables, asked):
    assert is_asked_for(variables) is asked


@pytest.mark.parametrize(
    "variables",
    [
        {"OTEL_TRACES_EXPORTER": CANARY},
        {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
    ],
)
def test_what_there_is_not_is_refused_in_a_sentence(variables):
    with pytest.raises(Misconfigured) as refusal:
        start_tracing(variables)

    assert CANARY not in str(refusal.value.message)
