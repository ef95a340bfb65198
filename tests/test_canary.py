"""No answer, log line, file, row, metric or object shows a secret, by whatever way it came in."""

import base64
import logging
import os
import sqlite3
import tempfile
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from litestar.exceptions import HTTPException

from canary import DISGUISES, Canaries
from canary_calls import API, JSON, PROVIDER, Call, post, send
from canary_flight import KEK, Flight, fly_by_server, fly_in_process, in_process, show_live_objects
from credenza.web import logs, observe

FLIGHTS = {
    "strict": fly_in_process,
    "lenient": lambda folder: fly_in_process(folder, validation="lenient"),
    "a real server": fly_by_server,
}


@pytest.fixture(scope="module", autouse=True)
def _kek():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(KEK, base64.b64encode(os.urandom(32)).decode())
        yield


@pytest.fixture(scope="module", params=FLIGHTS)
def flight(request, tmp_path_factory):
    return FLIGHTS[request.param](tmp_path_factory.mktemp("flight"))


def test_no_secret_is_found_anywhere(flight):
    assert flight.canaries.scan_all(flight.places) == {}


def test_hundreds_of_secrets_took_every_way_in(flight):
    statuses = Counter(flight.statuses)

    assert len(flight.canaries.slots) >= 400
    assert statuses[200] > 150
    assert {200, 207, 400, 401, 403, 404, 415, 422} <= set(statuses)
    assert [status for status in statuses if status >= 500] == []


def test_a_reveal_shows_the_secrets_it_is_asked_for(flight):
    shown = [flight.canaries.scan(answer) for answer in flight.revealed]

    assert len(shown) == 33
    assert sum(bool(slots) for slots in shown) >= 28
    of_apis = {"parent", "api-key", "api-password", "api-unknown", "api-url"}
    assert of_apis <= shown[-1]
    assert {"own-file", "own-other", "own-url"} <= shown[1]


# What breaks


def failures(text):
    """Return exceptions of every kind that carry a text."""
    return [
        RuntimeError(text),
        KeyError(text),
        sqlite3.OperationalError(text),
        msgspec.ValidationError(text),
        UnicodeDecodeError("utf-8", text.encode(), 0, 1, text),
        HTTPException(detail=text, status_code=400),
        HTTPException(detail=text, status_code=418, extra={"a": text}),
    ]


BREAKABLE = [
    "credenza.accounts.Accounts.authenticate",
    "credenza.stores.sqlite.transaction.SqliteTx.append",
    "credenza.stores.sqlite.transaction.SqliteTx.find",
    "credenza.stores.sqlite.transaction.SqliteTx.keep",
    "credenza.stores.sqlite.transaction.SqliteTx.save",
    "credenza.vault.ring.Ring.sealing",
    "credenza.web.asking.actor_of",
    "credenza.web.integrations.bodies.is_sound",
    "credenza.web.integrations.definitions.read_form",
    "credenza.web.integrations.shapes.show",
    "credenza.web.integrations.shapes.show_api",
    "credenza.web.integrations.wire.read_items",
    "credenza.web.paths.read_path",
    "credenza.workspace.batch.amend",
    "credenza.workspace.batch.draft_all",
    "credenza.workspace.children.draft_all",
    "credenza.workspace.face.open_all",
]


def some_calls(plant):
    item = {"name": "one", "type": "openai", "configuration": {"api_key": plant("fault")}}
    yield post(item)
    yield post({**item, "configuration": {"api_key": plant("fault")}})
    yield post({**item, "name": "two"}, path=f"{API}?mode=per-item")
    yield Call("GET", f"{PROVIDER}/one")
    yield Call("GET", f"{PROVIDER}/one/resolved", reveals=True)
    yield Call("GET", f"{API}/")
    yield send("POST", f"{PROVIDER}/one", {**item, "configuration": {"api_key": plant("fault")}})
    for _ in range(2):
        sealed = {"api_key": plant("fault"), plant("fault"): plant("fault")}
        yield send("POST", f"{PROVIDER}/one/integration/m", {"configuration": sealed})
    yield Call("GET", f"{PROVIDER}/one/integration/m")
    form = {
        "name": "own",
        "configuration": [{"fieldName": "k", "fieldType": "PASSWORD", "value": plant("x")}],
    }
    yield send("POST", f"{API}/def/register", [form])
    yield send("POST", f"{API}/def/register", [{**form, "configuration": []}])
    yield Call("POST", f"{PROVIDER}/one/rollback", b'{"version":1}', JSON)
    yield Call("DELETE", f"{PROVIDER}/one")


@pytest.mark.parametrize("target", BREAKABLE)
def test_what_fails_inside_says_nothing_of_a_secret(tmp_path, target):
    flight = Flight()
    with in_process(tmp_path) as (_, send, log):
        for failure in failures(flight.canaries.plant("failure")):

            def fail(*_, failure=failure, **__):
                raise failure

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(target, fail)
                flight.make(some_calls(flight.canaries.plant), send)
        flight.collect(tmp_path, log.getvalue().encode())

    assert any(status >= 500 for status in flight.statuses)
    assert b'"event":"request' in flight.places["log"]
    assert flight.canaries.scan_all(flight.places) == {}


def test_no_log_line_repeats_what_another_library_logs(tmp_path):
    canaries = Canaries()
    with in_process(tmp_path) as (*_, log):
        for name in ("uvicorn.error", "asyncio", "litestar", "credenza.web", "concurrent.futures"):
            logger = logging.getLogger(name)
            error = RuntimeError(canaries.plant("exception"))
            error.__cause__ = KeyError(canaries.plant("cause"))
            logger.error("it broke: %s", canaries.plant("argument"))
            logger.error("it broke", exc_info=error, extra={"headers": canaries.plant("x")}, stack_info=True)
            if not name.startswith("credenza"):
                logger.error(canaries.plant("message"))

    assert log.getvalue().count('"level":"error"') == 14
    assert canaries.scan(log.getvalue().encode()) == set()


# The scanner proves itself


@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_leak_is_found_in_every_disguise(disguise):
    canaries = Canaries()
    others = [canaries.plant(f"other-{number}") for number in range(50)]
    leaked = DISGUISES[disguise](canaries.plant("leaked"))

    for before in (b"", b"\0", os.urandom(999), b'{"a":"'):
        assert canaries.scan(before + leaked + b'"} ' + os.urandom(999)) == {"leaked"}
    assert canaries.scan(os.urandom(20_000) + b"CNRY-" + others[0][-7:].encode()) == set()


LEAKS = {
    "answer": lambda send, _, text: send(post(item_with(text))),
    "file/credenza.db-wal": lambda send, _, text: send(post(item_with(text))),
    "closed file/credenza.db": lambda send, _, text: send(post(item_with(text))),
    "table integrations": lambda send, _, text: send(post(item_with(text))),
    "table audit": lambda send, _, text: send(Call("GET", f"{PROVIDER}/{text}/resolved", role="viewer")),
    "log": lambda _, __, text: logs.write_line(event=text),
    "temporary file/left": lambda _, __, text: Path(tempfile.gettempdir(), "left").write_text(text),
    "object": lambda _, objects, text: objects.append(SimpleNamespace(held=text)),
}


def item_with(text):
    return {"name": "one", "type": "openai", "description": text, "configuration": {"api_key": "k"}}


@pytest.mark.parametrize("place", LEAKS)
def test_a_leak_is_found_in_every_place(tmp_path, place):
    flight, objects = Flight(), []
    with in_process(tmp_path) as (service, send, log):
        text = flight.canaries.plant("leak")
        LEAKS[place](send, objects, text)
        flight.make([Call("GET", f"{PROVIDER}/one"), post({"name": "~", "type": "x"})], send)
        flight.places |= show_live_objects(service)
        flight.places |= {f"object {number} here": repr(each).encode() for number, each in enumerate(objects)}
        flight.collect(tmp_path, log.getvalue().encode())
    flight.places |= {"closed file/credenza.db": (tmp_path / "store" / "credenza.db").read_bytes()}

    found = flight.canaries.scan_all(flight.places)

    assert any(name.startswith(place) for name in found)


@pytest.mark.parametrize("place", ["header", "metric"])
def test_a_leak_is_found_in_headers_and_metrics(tmp_path, monkeypatch, place):
    flight = Flight()
    text = flight.canaries.plant("leak")
    if place == "header":
        monkeypatch.setattr(observe, "urandom", lambda _: text.encode())
    with in_process(tmp_path) as (_, send, _):
        if place == "metric":
            monkeypatch.setattr(observe, "_METHODS", {text.upper()})
            send(Call(text, "/healthz"))
        flight.make([Call("GET", "/metrics")], send)

    assert flight.canaries.scan_all(flight.places)
