"""Measure instances over HTTP: making one with three providers, lists and setup pages, of many and of few."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from itertools import chain
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from bench_load import Server

FEW = 1_000
ROUNDS = 30
PAGE = 100
CLIENTS = 8
_OK = 200
_PROVIDERS = ("openai", "sendgrid", "grok")
_INSTANCES = "/integration-instances"
Row = tuple[str, str, str]
Query = dict[str, Any]


class Caller:
    """A client of one server, over one connection that is used all the time."""

    def __init__(self, server: Server) -> None:
        """Connect on first use."""
        self._token = server.token
        self._connection = HTTPConnection("127.0.0.1", server.port)

    def call(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401  # whatever JSON it is
        """Return what a call answers; raises RuntimeError where that is an error."""
        return json.loads(self._send(method, path, None if body is None else json.dumps(body)))

    def list(self, query: Query) -> bytes:
        """Return a page of instances as it is sent, so that reading it costs the measurement nothing."""
        return self.load(f"{_INSTANCES}?{urlencode(query, doseq=True)}")

    def load(self, path: str) -> bytes:
        """Return what stands at a path, as it is sent."""
        return self._send("GET", path)

    def _send(self, method: str, path: str, body: str | None = None) -> bytes:
        headers = {"X-Authorization": self._token, "Content-Type": "application/json"}
        for fresh in (False, True):
            try:
                self._connection.request(method, path, body, headers)
                answer = self._connection.getresponse()
                break
            except ConnectionError:
                # Kept too long: the server has closed it.
                self._connection.close()
                if fresh:
                    raise
        read = answer.read()
        if answer.status != _OK:
            raise RuntimeError(f"{answer.status} {read[:200]!r}")
        return read


class Offer(NamedTuple):
    """A template, and what instances of it use."""

    template: str
    items: list[dict[str, str]]


class Shelf(NamedTuple):
    """A server with that many instances, of which the last hundred are of a template of their own."""

    caller: Caller
    usual: Offer
    rare: Offer
    middle: str


def compare_instances(stored: int) -> Iterator[Row]:
    """Measure making instances, then compare lists with `stored` instances and with a thousand."""
    with Server() as server, Server() as small:
        much, little = _fill(server, stored), _fill(small, FEW)
        label = f"{stored:,} instances"
        yield _compare_making(much, little, label)
        yield _compare_forms(much, little, label)
        for title, query in _list_queries(much).items():
            yield (f"{title}, {label}", *_compare_lists(much, little, query, _list_queries(little)[title]))


def _list_queries(at: Shelf) -> dict[str, Query]:
    return {
        "page of 100": {},
        "page of 100 in the middle": {"after": at.middle},
        "page of 100 backwards": {"order": "desc"},
        "page of 100 by template, nearly all": {"integration_id": at.usual.template},
        "page of 100 by template, the last 100": {"integration_id": at.rare.template},
        "page of 100 by two templates": {"integration_id": [at.usual.template, at.rare.template]},
        "page of 100 by provider and auth config": {
            "provider_id": "openai",
            "provider_auth_config_id": at.usual.items[0]["provider_auth_config_id"],
        },
        "page of drafts, there are none": {"status": "draft"},
        "page of 100 by search, the last 100": {"search": "RARE CUSTOMER"},
    }


def fill(server: Server, many: int, make: Callable[[Caller, int], str]) -> list[str]:
    """Make that many of something by several clients, since commits are shared; return their ids."""
    callers = [Caller(server) for _ in range(CLIENTS)]

    def share(first: int) -> list[str]:
        return [make(callers[first], number) for number in range(first, many, CLIENTS)]

    with ThreadPoolExecutor(CLIENTS) as pool:
        return sorted(chain.from_iterable(pool.map(share, range(CLIENTS))))


def _fill(server: Server, stored: int) -> Shelf:
    caller = Caller(server)
    usual, rare = _offer(caller), _offer(caller)
    ids = fill(server, stored - PAGE, lambda client, number: _make(client, usual, f"Customer {number}"))
    for number in range(PAGE):
        _make(caller, rare, f"Rare customer {number}")
    return Shelf(caller, usual, rare, ids[len(ids) // 2])


def _offer(caller: Caller) -> Offer:
    template = caller.call("POST", "/integrations", {"name": "Assistant"})["id"]
    items = []
    for slug in _PROVIDERS:
        [method] = caller.call("GET", f"/provider-auth-methods?provider_id={slug}")["items"]
        deployment = caller.call("POST", "/provider-deployments", {"provider_id": slug})["id"]
        said = {"provider_id": slug, "provider_deployment_id": deployment}
        caller.call("POST", "/integration-providers", {"integration_id": template, **said})
        value = {"provider_auth_method_id": method["id"], "value": {"api_key": "made-up"}}
        auth = caller.call("POST", "/provider-auth-configs", value)["id"]
        items.append({"provider_id": slug, "provider_auth_config_id": auth})
    return Offer(template, items)


def _make(caller: Caller, offer: Offer, name: str) -> str:
    body = {"integration_id": offer.template, "name": name, "providers": offer.items}
    made = caller.call("POST", _INSTANCES, body)
    if made["status"] != "active":
        raise RuntimeError("an instance is not active although all is set")
    return str(made["id"])


def _compare_making(much: Shelf, little: Shelf, label: str) -> Row:
    large: list[float] = []
    small: list[float] = []
    for number in range(ROUNDS):
        for at, times in ((much, large), (little, small)):
            begun = time.perf_counter()
            _make(at.caller, at.usual, f"Another {number}")
            times.append(time.perf_counter() - begun)
    return (f"make an instance with 3 providers, {label}", *_tell(large, small))


def _compare_lists(much: Shelf, little: Shelf, one: Query, other: Query) -> tuple[str, str]:
    large: list[float] = []
    small: list[float] = []
    for _ in range(ROUNDS):
        for at, query, times in ((much, one, large), (little, other, small)):
            begun = time.perf_counter()
            at.caller.list({"limit": PAGE, **query})
            times.append(time.perf_counter() - begun)
    return _tell(large, small)


def _compare_forms(much: Shelf, little: Shelf, label: str) -> Row:
    """Compare loading the page of a setup session, with the form of its first step."""
    links = [(at.caller, _begin(at)) for at in (much, little)]
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for (caller, link), found in zip(links, times, strict=True):
            begun = time.perf_counter()
            page = caller.load(link)
            found.append(time.perf_counter() - begun)
            if b"<form" not in page:
                raise RuntimeError("the page of a setup session shows no form")
    return (f"page of a setup with its form, {label}", *_tell(*times))


def _begin(at: Shelf) -> str:
    body = {"integration_id": at.usual.template, "name": "Customer"}
    parts = urlsplit(at.caller.call("POST", "/integration-setup-sessions", body)["url"])
    return f"{parts.path}?{parts.query}"


def _tell(large: list[float], small: list[float]) -> tuple[str, str]:
    ratio = statistics.median(one / other for one, other in zip(large, small, strict=True))
    middle = [statistics.median(times) * 1e3 for times in (large, small)]
    return f"{middle[0]:.2f} ms, with {FEW:,} {middle[1]:.2f} ms", f"{ratio:.2f} times"
