#!/usr/bin/env python
"""Let clients hammer the same names on several servers over one PostgreSQL while things go wrong.

python scripts/servers_test.py --count 50

In each round something else happens: nothing, a server is killed or frozen, PostgreSQL is stopped as it
should be or as when it crashes, the network is cut or swallows what is sent. Each request is sent again until
it is answered for good. Then: no answer was a 500, nobody waited for long where nothing happened, every
acknowledged save is one version and no version is nobody's, the audit trail verifies, and all servers are
ready again.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import msgspec

import postgresql_server
from servers_bench import READY_SECONDS, Answer, Bench

KEPT = [f"kept-{number}" for number in range(6)]  # never deleted: their versions are counted
LOST = [f"lost-{number}" for number in range(4)]
CALM_SECONDS = 5.0
_PATIENCE = 60.0
Fault = Callable[[Bench, random.Random], None]


class Report(msgspec.Struct):
    """What a campaign saw."""

    rounds: int = 0
    answers: Counter[int] = msgspec.field(default_factory=Counter)
    saved: Counter[str] = msgspec.field(default_factory=Counter)
    failed: Counter[str] = msgspec.field(default_factory=Counter)
    retried: int = 0
    slowest: float = 0.0
    problems: list[str] = []
    lock: threading.Lock = msgspec.field(default_factory=threading.Lock)

    def note(self, told: str) -> None:
        """Add a problem."""
        with self.lock:
            self.problems.append(told)


class Client:
    """One client: it goes on with the other server where one does not answer."""

    def __init__(self, number: int, bench: Bench, report: Report, seed: int) -> None:
        """Take a number of one's own."""
        self._chance = random.Random(f"{seed}-{number}")
        self._name = f"c{number}"
        self._bench = bench
        self._report = report
        self._sent = 0

    def make_all(self) -> None:
        """Make what is never deleted."""
        self._count(self._send("POST", "", [self._item(name) for name in KEPT], expected={200}))

    def act(self) -> None:
        """Do one thing."""
        todo = self._chance.choices(
            (self._save, self._save_each, self._expect, self._delete, self._rename, self._install),
            (8, 2, 3, 2, 2, 1),
        )[0]
        todo()

    def _item(self, name: str) -> dict[str, object]:
        mark = f"{self._name}-{self._sent}"
        return {
            "name": name,
            "type": "openai",
            "description": mark,
            "configuration": {"api_key": f"sk-{mark}"},
            "apis": [{"integrationName": name, "api": f"model-{self._sent % 3}"}],
        }

    def _save(self) -> None:
        """Save several integrations, all or none."""
        names = self._chance.sample(KEPT, self._chance.randint(1, 3))
        names += self._chance.sample(LOST, self._chance.randint(0, 1))
        answer = self._send("POST", "", [self._item(name) for name in names], expected={200})
        self._count(answer)

    def _save_each(self) -> None:
        """Save several, each for itself; one is refused."""
        names = [*self._chance.sample(KEPT, 2), "not/a/name"]
        items = [self._item(name) for name in names]
        self._count(self._send("POST", "?mode=per-item", items, expected={207}))

    def _expect(self) -> None:
        """Read one integration, and save it if nobody else has meanwhile."""
        name = self._chance.choice(KEPT)
        seen = self._send("GET", f"/provider/{name}", None, expected={200, 404})
        if seen.status == 200:  # noqa: PLR2004  # else nobody has made it yet
            item = {**self._item(name), "expectedVersion": seen.body["version"]}
            self._count(self._send("POST", "", [item], expected={200, 412}))

    def _delete(self) -> None:
        self._send("DELETE", f"/provider/{self._chance.choice(LOST)}", None, expected={200, 204, 404})

    def _rename(self) -> None:
        """Save a name that differs from another one by its case alone."""
        name = self._chance.choice(KEPT)
        self._count(self._send("POST", "", [self._item(name.upper())], expected={200, 400}))

    def _install(self) -> None:
        """Install the package under a prefix of one's own, or one that others want, too."""
        prefix = self._chance.choice(("shared", self._name))
        body = {
            "workspaceId": "default",
            "variables": {"prefix": prefix, "key": f"sk-{self._name}-{self._sent}"},
        }
        path = f"/{self._bench.package}/install"
        self._send("POST", path, body, expected={200, 400, 409}, once=False)

    def _send(self, method: str, path: str, body: object, *, expected: set[int], once: bool = True) -> Answer:
        """Send a request until it is answered for good, to whichever server."""
        self._sent += 1
        headers = {"Idempotency-Key": f"{self._name}-{self._sent}"} if once and method == "POST" else {}
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            place = self._chance.choice(self._bench.places)
            begun = time.monotonic()
            answer = self._bench.send(place, method, path, body, headers)
            if answer is not None and self._is_final(answer, expected, time.monotonic() - begun):
                return answer
            with self._report.lock:
                self._report.retried += 1
            time.sleep(self._chance.uniform(0, 0.05))
        self._report.note(f"{method} {path} was never answered for good.")
        return Answer(0, {})

    def _is_final(self, answer: Answer, expected: set[int], seconds: float) -> bool:
        with self._report.lock:
            self._report.answers[answer.status] += 1
            self._report.slowest = max(self._report.slowest, seconds)
        if answer.body.get("retryable") and answer.status in {409, 503}:
            return False
        if answer.status not in expected:
            self._report.note(f"There was an answer {answer.status}: {answer.body.get('detail')}")
        return True

    def _count(self, answer: Answer) -> None:
        for each in answer.body.get("results", ()):
            if each["result"] in {"created", "updated"} and each["name"] in KEPT:
                with self._report.lock:
                    self._report.saved[each["name"]] += 1


def kill(bench: Bench, chance: random.Random) -> None:
    """Kill a server, and start it again a little later."""
    place = chance.choice(bench.places)
    place.kill()
    time.sleep(chance.uniform(0, 0.3))
    place.start()


def freeze(bench: Bench, chance: random.Random) -> None:
    """Freeze a server for a while."""
    place = chance.choice(bench.places)
    place.signal(signal.SIGSTOP)
    time.sleep(chance.uniform(0.5, 2))
    place.signal(signal.SIGCONT)


def stop(how: str) -> Fault:
    """Stop PostgreSQL and start it again."""

    def fault(bench: Bench, chance: random.Random) -> None:
        postgresql_server.stop(bench.server, how)
        time.sleep(chance.uniform(0, 1))
        postgresql_server.start(bench.server)

    return fault


def cut(bench: Bench, chance: random.Random) -> None:
    """Cut the connections of one server again and again."""
    relay = chance.choice(bench.places).relay
    for _ in range(5):
        relay.cut()
        time.sleep(chance.uniform(0, 0.2))


def part(bench: Bench, chance: random.Random) -> None:
    """Part one server from PostgreSQL for a while."""
    relay = chance.choice(bench.places).relay
    relay.refuse()
    time.sleep(chance.uniform(0.2, 1.5))
    relay.mend()


def swallow(bench: Bench, chance: random.Random) -> None:
    """Let a network swallow what one server says for a while."""
    relay = chance.choice(bench.places).relay
    relay.swallow()
    time.sleep(chance.uniform(0.2, 2))
    relay.mend()


FAULTS: Mapping[str, Fault | None] = {
    "calm": None,
    "kill": kill,
    "cut": cut,
    "stop": stop("fast"),
    "crash": stop("immediate"),
    "part": part,
    "swallow": swallow,
    "freeze": freeze,
}


def run_campaign(
    folder: Path,
    server: str,
    *,
    count: int,
    clients: int = 16,
    seconds: float = 2.0,
    seed: int = 0,
    faults: tuple[str, ...] = tuple(FAULTS),
) -> Report:
    """Load two servers for `count` rounds, each with another fault after half a second."""
    chance, report = random.Random(seed), Report()
    with Bench(folder, server) as bench:
        hands = [Client(number, bench, report, seed) for number in range(clients)]
        hands[0].make_all()
        for number in range(count):
            name = faults[number % len(faults)]
            fault = FAULTS[name]
            _run_round(bench, report, hands, fault and partial(fault, bench, chance), seconds)
            report.rounds += 1
            report.problems += bench.inspect(KEPT, report.saved)
            if report.problems:
                report.problems.append(f"That was in round {number}: {name}; seed {seed}.")
                break
    return report


def _run_round(
    bench: Bench, report: Report, hands: list[Client], fault: Callable[[], None] | None, seconds: float
) -> None:
    ended = threading.Event()

    def work(client: Client) -> None:
        while not ended.is_set():
            client.act()

    report.slowest = 0.0
    threads = [threading.Thread(target=work, args=(client,), daemon=True) for client in hands]
    for thread in threads:
        thread.start()
    time.sleep(seconds / 4)
    if fault is not None:
        fault()
    time.sleep(seconds * 3 / 4)
    ended.set()
    for thread in threads:
        thread.join(_PATIENCE + 10)
    if fault is None and report.slowest > CALM_SECONDS:
        report.note(f"Somebody waited {report.slowest:.1f} seconds where nothing had happened.")
    for place in bench.places:
        if not place.is_ready(READY_SECONDS):
            report.note("A server is not ready again.")


def main() -> int:
    """Run a campaign from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=16, help="how many rounds")
    parser.add_argument("--clients", type=int, default=16, help="how many clients at once")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long a round lasts, beside its fault")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="where chance begins")
    parser.add_argument("--fault", action="append", choices=[*FAULTS], help="only these")
    given = parser.parse_args()
    options = {"count": given.count, "clients": given.clients, "seconds": given.seconds, "seed": given.seed}
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryDirectory() as runtime,
        postgresql_server.serve(Path(runtime)) as server,
    ):
        report = run_campaign(Path(folder), server, faults=tuple(given.fault or FAULTS), **options)
    print(f"{report.rounds} rounds, {sum(report.saved.values())} saves of names that are counted,")
    print(f"answers {dict(report.answers)}, {report.retried} sent again, seed {given.seed},")
    print(f"{len(report.problems)} problems")
    for problem in report.problems[:50]:
        print(problem)
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
