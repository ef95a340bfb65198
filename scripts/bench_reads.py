"""Measure reads over HTTP with much stored and with little, in turn; and a list of everything."""

from __future__ import annotations

import json
import random
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from http.client import HTTPConnection
from typing import NamedTuple
from urllib.parse import urlencode

from bench_load import Server

ROUNDS = 60
LITTLE = 1_000
PAGE = 100
_BATCH = 10_000
_PART = 1 << 16
_PROVIDERS = "/api/integrations/provider"
Row = tuple[str, str, str]
Body = Callable[[int], bytes]

LISTS: dict[str, dict[str, str]] = {
    "page of 100": {},
    "page of 100 by type, half have it": {"type": "aws"},
    "page of 100 by type, the last 100": {"type": "sendgrid"},
    "page of 100 by category, half have it": {"category": "CLOUD"},
    "page of 100 by tag, a seventh has it": {"tag": "team=team-3"},
    "page of 100 by tag, the last 100": {"tag": "late"},
    "page of 50 by type, category and tag": {
        "type": "aws",
        "category": "CLOUD",
        "tag": "team=team-3",
        "limit": "50",
    },
    "page of 100 by search, all have it": {"search": "ORDER SERVICE"},
    "page of 100 by search, the last 100": {"search": "late mail"},
    "search, one has it": {"search": "number 777 of"},
}


class Client:
    """A client of one server, over one connection."""

    def __init__(self, server: Server) -> None:
        """Connect on first use."""
        self.server = server
        self._connection = HTTPConnection("127.0.0.1", server.port)
        self.link = ""

    def get(self, path: str, **query: object) -> bytes:
        """Return the body of an answer; `link` is where the next page is."""
        target = f"{path}?{urlencode(query)}" if query else path
        for fresh in (False, True):
            try:
                self._connection.request("GET", target, headers={"X-Authorization": self.server.token})
                answer = self._connection.getresponse()
                break
            except ConnectionError:
                # Kept too long: the server has closed it.
                self._connection.close()
                if fresh:
                    raise
        self.link = (answer.headers["Link"] or "").partition(">")[0].removeprefix("<")
        body = answer.read()
        if answer.status != 200:  # noqa: PLR2004
            raise RuntimeError(f"{answer.status} {body[:200]!r}")
        return body

    def drain(self, path: str) -> tuple[int, int]:
        """Read an answer part by part without keeping it; return its size and the server's peak memory."""
        self._connection.close()
        self._connection.request("GET", path, headers={"X-Authorization": self.server.token})
        answer, size = self._connection.getresponse(), 0
        while part := answer.read(_PART):
            size += len(part)
        return size, self.server.memory("VmHWM")


class Filled(NamedTuple):
    """A server over a store that is filled and indexed."""

    client: Client
    names: list[str]
    middle: str


def compare_reads(stored: int, names: Callable[[], Body], kind: str) -> Iterator[Row]:
    """Compare reads with `stored` integrations and with a thousand."""
    with Server() as server, Server() as small:
        much, little = _fill(server, names(), stored), _fill(small, names(), LITTLE)
        label = f"{stored:,} stored, {kind}"
        yield (f"get by name, {label}", *_compare(much, little, _get_any))
        for title, query in LISTS.items():
            yield (f"{title}, {label}", *_compare(much, little, partial(_get_page, query=query)))
        yield (f"page of 100 in the middle, {label}", *_compare(much, little, _get_middle))
        yield _drain(much, label)


def _fill(server: Server, body: Body, stored: int) -> Filled:
    have = PAGE
    server.save(_late_body(have), f"created:{have}")
    while have < stored:
        count = min(_BATCH, stored - have)
        server.save(body(count), f"created:{count}")
        have += count
    _wait_for_index(server)
    client, target = Client(server), f"{_PROVIDERS}?limit={PAGE}"
    names: list[str] = []
    while len(names) < stored // 2:
        names += [each["name"] for each in json.loads(client.get(target))]
        target = client.link
    return Filled(client, names, target)


def _late_body(count: int) -> bytes:
    items = [
        {
            "name": f"zz-late-{number:04d}",
            "type": "sendgrid",
            "description": "Late mail",
            "configuration": {"api_key": f"made-up-{number}"},
            "tags": [{"key": "late", "value": "yes"}],
        }
        for number in range(count)
    ]
    return json.dumps(items).encode()


def _wait_for_index(server: Server) -> None:
    with closing(sqlite3.connect(f"file:{server.database}?mode=ro", uri=True)) as connection:
        while True:
            done, last = connection.execute(
                "SELECT indexed_to, (SELECT max(id) FROM integrations) FROM search_progress"
            ).fetchone()
            if done >= last:
                return
            time.sleep(0.2)


def _compare(much: Filled, little: Filled, read: Callable[[Filled], bytes]) -> tuple[str, str]:
    large: list[float] = []
    small: list[float] = []
    for at in (much, little):
        read(at)
    for _ in range(ROUNDS):
        for at, times in ((much, large), (little, small)):
            begun = time.perf_counter()
            read(at)
            times.append(time.perf_counter() - begun)
    ratio = statistics.median(one / other for one, other in zip(large, small, strict=True))
    middle = [statistics.median(times) * 1e3 for times in (large, small)]
    return f"{middle[0]:.2f} ms, with {LITTLE:,} stored {middle[1]:.2f} ms", f"{ratio:.2f} times"


def _get_any(at: Filled) -> bytes:
    return at.client.get(f"{_PROVIDERS}/{random.choice(at.names)}")


def _get_page(at: Filled, query: dict[str, str]) -> bytes:
    return at.client.get(_PROVIDERS, **{"limit": PAGE, **query})


def _get_middle(at: Filled) -> bytes:
    return at.client.get(at.middle)


def _drain(at: Filled, label: str) -> Row:
    server = at.client.server
    before = server.memory("VmRSS")
    server.reset_peak()
    begun = time.perf_counter()
    size, peak = at.client.drain("/api/integrations/")
    seconds = time.perf_counter() - begun
    return (
        f"everything in one list, {label}",
        f"{size / 1e6:,.0f} MB in {seconds:.1f} s",
        f"peak {(peak - before) / 1e6:.1f} MB above {before / 1e6:.0f} MB",
    )
