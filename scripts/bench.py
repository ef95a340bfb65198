"""Measure the save path over HTTP, and beside it the bare cost of its parts, as ratios within one run.

    scripts/bench                   the usual run, about two minutes
    scripts/bench --stored 1000000  also how the cost grows with what is stored
    scripts/bench --instances 100000  the same of instances of templates; minutes to fill the store
    scripts/bench --packages 100000   and of packages
    scripts/bench --store postgresql  batches on a PostgreSQL that it starts, and nothing else
    scripts/bench --rotate 100000   also a rotation of so many secrets, on both stores
    scripts/bench --markdown FILE   write what it prints, with the machine, into a file

Every figure is the median of several rounds; two things that are compared take turns, so that a machine
whose speed drifts gives both the same drift.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import sqlite3
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from bench_bare import Bare
from bench_import import compare_import
from bench_load import Server, save_many
from bench_packages import compare_packages
from bench_reads import compare_reads
from bench_rotation import compare_rotation
from bench_templates import compare_instances

ROUNDS = 7
LARGE = 1_000
SIZES = (1, 10, 100, 1_000, 10_000)
Row = tuple[str, str, str]


def make_item(name: str, seed: int) -> dict[str, object]:
    """Return an integration of about 500 bytes: 4 to 5 keys, 1 or 2 secrets, 1 or 2 apis."""
    draw = random.Random(seed)
    secret = "".join(draw.choices("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789", k=40))
    if seed % 2:
        kind, keys = (
            "aws",
            {
                "connectionType": "ACCESS_KEY",
                "region": "eu-central-1",
                "awsAccountId": f"{seed:012d}",
                "user": "AKIA" + secret[:16].upper(),
                "api_key": secret,
            },
        )
    else:
        kind, keys = (
            "relational_db",
            {
                "jdbcDriver": "Postgres",
                "user": f"service_{seed % 97}",
                "password": secret,
                "datasourceURL": f"jdbc:postgresql://db-{seed % 31}.internal:5432/orders",
            },
        )
    apis = [f"orders_{number}" for number in range(1 + seed % 2)]
    return {
        "name": name,
        "type": kind,
        "description": f"Connection number {seed} of the order service",
        "enabled": True,
        "configuration": keys,
        "tags": [{"key": "team", "value": f"team-{seed % 7}"}],
        "apis": [
            {"integrationName": name, "api": api, "description": "A table", "enabled": True} for api in apis
        ],
    }


class Names:
    """Names nobody had before: with a common prefix in order, or in random order."""

    def __init__(self, *, scattered: bool = False) -> None:
        """Begin at one."""
        self._next = 0
        self._scattered = scattered

    def body(self, count: int) -> bytes:
        """Return a batch of new integrations as it is sent."""
        items = []
        for _ in range(count):
            self._next += 1
            mark = f"{random.getrandbits(64):016x}" if self._scattered else f"{self._next:08d}"
            items.append(make_item(f"order-service-{mark}" if not self._scattered else mark, self._next))
        return json.dumps(items, separators=(",", ":")).encode()


def compare_batches(server: Server, bare: Bare, names: Names) -> Iterator[Row]:
    """Compare new and unchanged batches over HTTP with the straight loop over the same bytes."""
    for size in SIZES:
        new, same, straight = [], [], []
        rounds = ROUNDS if size >= LARGE else 6 * ROUNDS
        bare.save(names.body(size))
        server.save(names.body(size), f"created:{size}")
        for _ in range(rounds):
            body = names.body(size)
            straight.append(_timed(partial(bare.save, body)) / size)
            new.append(_timed(partial(server.save, body, f"created:{size}")) / size)
            same.append(_timed(partial(server.save, body, f"unchanged:{size}")) / size)
        middle = [statistics.median(times) * 1e6 for times in (new, same, straight)]
        ratios = _median_ratio(new, straight), _median_ratio(new, same)
        yield (
            f"{size:,} per batch",
            f"new {middle[0]:.1f} µs, unchanged {middle[1]:.1f} µs, bare {middle[2]:.1f} µs each",
            f"new/bare {ratios[0]:.2f}, new/unchanged {ratios[1]:.2f}",
        )


def compare_clients(server: Server, names: Names) -> Iterator[Row]:
    """Compare durable single saves a second: one client, and many at once."""
    rates: dict[tuple[int, str], list[float]] = {}
    for _ in range(5):
        for clients in (1, 8, 32):
            bodies = [names.body(1) for _ in range(300 if clients == 1 else 1_600)]
            for kind in ("created", "unchanged"):
                seconds = save_many(server, bodies, clients, f"{kind}:1")
                rates.setdefault((clients, kind), []).append(len(bodies) / seconds)
    one = rates[1, "created"]
    for (clients, kind), found in rates.items():
        ratio = statistics.median(a / b for a, b in zip(found, one, strict=True))
        yield (
            f"{clients} clients, one each, {kind}",
            f"{statistics.median(found):,.0f} saves/s",
            f"{ratio:.2f} times one client saving new ones",
        )


def measure_memory(server: Server, names: Names) -> Iterator[Row]:
    """Measure start-up, idle memory, and the peak of a batch of 10,000 against its body."""
    yield "start until /readyz answers", f"{server.ready_seconds * 1000:.0f} ms", "aim: 500 ms"
    yield "idle", f"{server.idle_bytes / 1e6:.1f} MB", "aim: 80 MB"
    server.save(names.body(1), "created:1")
    body = names.body(10_000)
    before = server.memory("VmRSS")
    server.reset_peak()
    server.save(body, "created:10000")
    peak = server.memory("VmHWM") - before
    yield (
        "10,000 new in one batch",
        f"body {len(body) / 1e6:.1f} MB, peak {peak / 1e6:.1f} MB above idle",
        f"{peak / len(body):.2f} times the body",
    )


def compare_grouping(names: Names) -> Iterator[Row]:
    """Compare one client's durable commits by the thread that groups them with commits made at once."""
    direct, grouped = [], []
    with (
        tempfile.TemporaryDirectory() as one,
        tempfile.TemporaryDirectory() as other,
        Bare(Path(one)) as bare,
        Bare(Path(other)) as threaded,
    ):
        writer = threaded.writer()
        for _ in range(60 * ROUNDS):
            body = names.body(1)
            direct.append(_timed(partial(bare.save, body)))
            grouped.append(_timed(partial(threaded.save_in_turn, writer, body)))
        writer.close()
    yield (
        "one commit, grouped against at once",
        f"{statistics.median(grouped) * 1e6:.0f} µs, {statistics.median(direct) * 1e6:.0f} µs",
        f"{_median_ratio(grouped, direct):.2f}",
    )


def measure_growth(stored: int, *, scattered: bool) -> Iterator[Row]:
    """Compare one more batch of 1,000 in a growing store with one in a small store, in turn."""
    names, others = Names(scattered=scattered), Names(scattered=scattered)
    kind = "random names" if scattered else "common prefix"
    with Server() as server, Server() as small:
        have = 0
        small.save(others.body(LARGE), f"created:{LARGE}")
        for mark in [size for size in (10_000, 100_000, 1_000_000) if size <= stored]:
            while have < mark:
                count = min(10_000, mark - have)
                server.save(names.body(count), f"created:{count}")
                have += count
            large: list[float] = []
            little: list[float] = []
            for _ in range(2 * ROUNDS):
                for target, source, times in ((server, names, large), (small, others, little)):
                    body = source.body(LARGE)
                    times.append(_timed(partial(target.save, body, f"created:{LARGE}")) / LARGE)
            have += LARGE * len(large)
            yield (
                f"{mark:,} stored, {kind}",
                f"{_microseconds(large)}, with few stored {_microseconds(little)} each",
                f"{_median_ratio(large, little):.2f} times",
            )


def measure_reads(stored: int, *, scattered: bool) -> Iterator[Row]:
    """Compare reads with much stored and with little."""
    kind = "random names" if scattered else "common prefix"
    return compare_reads(stored, lambda: Names(scattered=scattered).body, kind)


def describe_machine() -> str:
    """Say what the figures were measured on."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    return (
        f"{os.cpu_count()} cores ({model}), Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}, fsync {_fsync_microseconds():.0f} µs"
    )


def main() -> None:
    """Run what was asked for and print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stored", type=int, default=0, help="also grow a store to this many integrations")
    parser.add_argument("--instances", type=int, default=2_000, help="instances of templates to compare with")
    parser.add_argument("--packages", type=int, default=2_000, help="packages to compare lists of")
    parser.add_argument(
        "--store", choices=("sqlite", "postgresql"), default="sqlite", help="what is measured"
    )
    parser.add_argument("--rotate", type=int, default=0, help="also rotate this many secrets beside a server")
    parser.add_argument("--markdown", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    machine = describe_machine()
    print(machine)
    rows: list[Row] = []

    def tell(section: Callable[[], Iterator[Row]]) -> None:
        for row in section():
            rows.append(row)
            print(f"{row[0]:38} {row[1]:62} {row[2]}", flush=True)

    names = Names()
    if options.store == "postgresql":
        from bench_postgresql import compare_postgresql  # noqa: PLC0415  # only here is its server needed

        tell(lambda: compare_postgresql(names.body))
    else:
        measure_sqlite(tell, names, options)
    if options.markdown:
        options.markdown.write_text(_markdown(machine, rows))


def measure_sqlite(
    tell: Callable[[Callable[[], Iterator[Row]]], None], names: Names, options: argparse.Namespace
) -> None:
    """Measure everything there is on the embedded store."""
    with Server() as server:
        tell(lambda: measure_memory(server, names))
        with tempfile.TemporaryDirectory() as folder, Bare(Path(folder)) as bare:
            tell(lambda: compare_batches(server, bare, names))
        tell(lambda: compare_clients(server, names))
    tell(lambda: compare_grouping(names))
    tell(compare_import)
    tell(lambda: compare_instances(options.instances))
    tell(lambda: compare_packages(options.packages))
    if options.rotate:
        tell(lambda: compare_rotation(options.rotate, names.body))
    if options.stored:
        for scattered in (False, True):
            tell(partial(measure_growth, options.stored, scattered=scattered))
        for scattered in (False, True):
            tell(partial(measure_reads, options.stored, scattered=scattered))


def _markdown(machine: str, rows: list[Row]) -> str:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    head = (
        "# Benchmarks\n\nWritten by `scripts/bench --stored 1000000 --markdown docs/benchmarks.md`, "
        "which says what each row does.\nMedians; compare ratios, not absolute figures.\n\n"
        f"- Machine: {machine}\n"
        f"- Commit: {commit.stdout.strip() or 'unknown'}\n\n| what | figure | ratio or aim |\n|---|---|---|\n"
    )
    return head + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _timed(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def _microseconds(times: list[float]) -> str:
    return f"{statistics.median(times) * 1e6:.1f} µs"


def _median_ratio(ones: list[float], others: list[float]) -> float:
    return statistics.median(one / other for one, other in zip(ones, others, strict=True))


def _fsync_microseconds() -> float:
    with tempfile.NamedTemporaryFile() as file:
        times = []
        for _ in range(200):
            file.write(b"x" * 4096)
            file.flush()
            times.append(_timed(lambda: os.fdatasync(file.fileno())))
        return statistics.median(times) * 1e6


if __name__ == "__main__":
    main()
