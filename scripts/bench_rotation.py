"""Measure a rotation of many secrets beside a server: its rate, and what clients notice meanwhile.

Clients save one integration and read another in turns, over one connection, before the rotation and during
it. On SQLite the command shares the file with the server; on PostgreSQL both are clients of one database.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from bench_load import Server
from bench_templates import Caller
from environment import ROOT

BATCH = 1_000
QUIET_SECONDS = 5.0
_PATH = "/api/integrations"
Row = tuple[str, str, str]
Body = Callable[[int], bytes]


class Times(NamedTuple):
    """Milliseconds of calls of each kind."""

    saves: list[float]
    reads: list[float]


class Placed(Server):
    """A server on a store that is somewhere else."""

    def __init__(self, uri: str | None) -> None:
        """Take the URI of the store; None: a file of its own."""
        super().__init__()
        if uri is not None:
            self._environment["CREDENZA_STORE"] = uri

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command beside the server."""
        command = [self._python, "-m", "credenza", *arguments]
        return subprocess.Popen(command, env=self._environment, stdout=subprocess.PIPE, text=True)


def compare_rotation(secrets: int, body: Body) -> Iterator[Row]:
    """Rotate so many secrets on each store; `body` makes a batch of new integrations, a secret in each."""
    with ExitStack() as stack:
        for name, uri in (("SQLite", None), ("PostgreSQL", _serve_postgresql(stack))):
            if name != "SQLite" and uri is None:
                continue
            with Placed(uri) as server:
                yield from _measure(name, server, secrets, body)


def _measure(name: str, server: Placed, secrets: int, body: Body) -> Iterator[Row]:
    for _ in range(0, secrets, BATCH):
        server.save(body(BATCH), f"created:{BATCH}")
    caller = Caller(server)
    until = time.monotonic() + QUIET_SECONDS
    quiet = _call(caller, lambda: time.monotonic() < until)
    begun = time.perf_counter()
    rotation = server.begin("vault", "rotate", "--json")
    meanwhile = _call(caller, lambda: rotation.poll() is None)
    seconds = time.perf_counter() - begun
    told = json.loads(rotation.communicate()[0])["workspaces"][0]
    if rotation.returncode or told["left"] or told["resealed"] < secrets:
        raise RuntimeError(f"the rotation ended with {rotation.returncode}")
    yield (
        f"rotate {told['resealed']:,} secrets beside a server, {name}",
        f"{seconds:.1f} s, with {len(meanwhile.saves):,} saves and {len(meanwhile.reads):,} reads meanwhile",
        f"{told['resealed'] / seconds:,.0f} a second",
    )
    for kind, before, during in zip(("save", "read"), quiet, meanwhile, strict=True):
        figures = [f"{_say(times)} ms" for times in (during, before)]
        ratio = statistics.median(during) / statistics.median(before)
        yield (
            f"a {kind} meanwhile, {name}: middle, 99 of 100, longest",
            f"{figures[0]}, without {figures[1]}",
            f"{ratio:.2f} times",
        )


def _call(caller: Caller, going: Callable[[], bool]) -> Times:
    times, number = Times([], []), 0
    while going():
        number += 1
        item = {
            "name": f"client-{number % 50}",
            "type": "openai",
            "configuration": {"api_key": f"sk-{time.monotonic_ns()}"},
        }
        for kept, call in (
            (times.saves, lambda item=item: caller.call("POST", _PATH, [item])),
            (times.reads, lambda item=item: caller.load(f"{_PATH}/provider/{item['name']}/resolved")),
        ):
            begun = time.perf_counter()
            call()
            kept.append((time.perf_counter() - begun) * 1e3)
    return times


def _say(times: list[float]) -> str:
    ordered = sorted(times)
    return f"{statistics.median(ordered):.2f}, {ordered[len(ordered) * 99 // 100]:.2f}, {ordered[-1]:.1f}"


def _serve_postgresql(stack: ExitStack) -> str | None:
    """Start a PostgreSQL as the tests do, and return its address; None: the package is not there."""
    sys.path.insert(0, str(ROOT / "tests"))
    postgresql = import_module("postgresql")
    if not postgresql.is_here():
        return None
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    address: str = stack.enter_context(postgresql.serve(Path(folder)))
    return address
