#!/usr/bin/env python
"""Kill a server at random moments while clients save, and look for what was lost or half done.

python scripts/kill_test.py --count 200

After every kill: each acknowledged save is there and its secrets open, each other save is there whole or
not at all, the file is sound, the audit trail verifies, and a save sent again gets its first answer.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import http.client
import json
import os
import random
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from credenza.model import Actor, Role
from credenza.ports import Tx
from credenza.settings import Credenza, Settings, open_credenza
from credenza.workspace.reveal import Sealed, open_all

_KEK = "CREDENZA_KILL_TEST_KEK"
_JSON = {"Content-Type": "application/json"}
_PATIENCE = 20.0
_SAMPLE = 8


class Batch(msgspec.Struct):
    """One bulk save of a client: two integrations of its own, and one that is saved again and again."""

    client: int
    number: int
    answer: bytes | None = None

    @property
    def secrets(self) -> dict[str, str]:
        """Return the secret of each integration by name."""
        mark = f"{self.client}-{self.number}"
        return {f"own-{mark}-a": f"a-{mark}", f"own-{mark}-b": f"b-{mark}", f"again-{self.client}": mark}

    def body(self) -> bytes:
        """Write the request."""
        return json.dumps(
            [
                {
                    "name": name,
                    "type": "openai",
                    "description": f"number {self.number}",
                    "configuration": {"api_key": secret, "organizationId": "org"},
                    "tags": [{"key": "client", "value": str(self.client)}],
                    "apis": [{"integrationName": name, "api": f"model-{self.number % 3}"}],
                }
                for name, secret in self.secrets.items()
            ]
        ).encode()


class Report(msgspec.Struct):
    """What a campaign saw."""

    kills: int = 0
    batches: list[Batch] = []
    replayed: int = 0
    problems: list[str] = []

    @property
    def acknowledged(self) -> int:
        """Return how many saves were answered."""
        return sum(batch.answer is not None for batch in self.batches)


class Bench:
    """A store, its key, and servers that are started on it and killed."""

    def __init__(self, folder: Path) -> None:
        """Make the store and an API key."""
        os.environ[_KEK] = base64.b64encode(os.urandom(32)).decode()
        self.path = folder / "store" / "credenza.db"
        self._uri = f"sqlite:///{self.path}"
        with self.opened() as service:
            made = service.accounts.create_key(service.tenant(), Role.ADMIN, by="kill-test")
            self._headers = {**_JSON, "X-Authorization": made.token.reveal()}

    @contextmanager
    def opened(self) -> Iterator[Credenza]:
        """Open the store in this process."""
        settings = Settings.read({}, store=self._uri, kek=f"env://{_KEK}")
        with closing(open_credenza(settings, serving=True, create=True)) as service:
            yield service

    @contextmanager
    def serving(self) -> Iterator[int]:
        """Serve the store from a process of its own, give its port, and kill it at the end."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "credenza", "serve", "--port", str(port), "--no-access-log"]
        command += ["--store", self._uri, "--kek", f"env://{_KEK}"]
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(command, **silent) as process:  # type: ignore[call-overload]
            try:
                _wait_for(port, process)
                yield port
            finally:
                process.kill()

    def send(self, connection: http.client.HTTPConnection, batch: Batch) -> bytes | None:
        """Send a save, and return its answer; None: the server was gone, or refused."""
        key = {"Idempotency-Key": f"{batch.client}-{batch.number}"}
        try:
            connection.request("POST", "/api/integrations", batch.body(), self._headers | key)
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException):
            return None
        return body if answer.status == http.client.OK else None


def run_campaign(folder: Path, *, count: int, clients: int = 4, most: float = 0.5, seed: int = 0) -> Report:
    """Start, load and kill a server `count` times, each after at most `most` seconds of load."""
    chance = random.Random(seed)
    bench, report = Bench(folder), Report()
    for _ in range(count):
        with bench.serving() as port:
            replay(bench, port, report, chance)
            load(bench, port, report, clients, chance.uniform(0.02, most))
        report.kills += 1
        inspect(bench, report)
        if report.problems:
            break
    return report


def replay(bench: Bench, port: int, report: Report, chance: random.Random) -> None:
    """Send saves again: what was answered gets that answer, what was not gets done now or was done."""
    answered = [batch for batch in report.batches if batch.answer is not None]
    waiting = [batch for batch in report.batches if batch.answer is None]
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)) as connection:
        for batch in chance.sample(answered, min(_SAMPLE, len(answered))) + waiting:
            answer = bench.send(connection, batch)
            if answer is None or (batch.answer is not None and answer != batch.answer):
                report.problems.append(f"Save {batch.client}-{batch.number} sent again got another answer.")
            batch.answer = answer
            report.replayed += 1


def load(bench: Bench, port: int, report: Report, clients: int, seconds: float) -> None:
    """Let clients save one batch after the other; return when they have done so for that long."""
    stop = threading.Event()

    def work(client: int) -> None:
        number = sum(batch.client == client for batch in report.batches)
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)) as connection:
            while not stop.is_set():
                batch = Batch(client, number)
                report.batches.append(batch)
                batch.answer = bench.send(connection, batch)
                number += 1
                if batch.answer is None:
                    return

    threads = [threading.Thread(target=work, args=(client,), daemon=True) for client in range(clients)]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    _kill_server_of(port)
    stop.set()
    for thread in threads:
        thread.join(_PATIENCE)


def inspect(bench: Bench, report: Report) -> None:
    """Open the store and add what is wrong with it to the report."""
    with bench.opened() as service:
        actor = Actor(service.tenant(), "kill-test", Role.ADMIN)
        revealed, apis = reveal_all(service)
        report.problems += service.store.check()
        report.problems += service.workspace(actor).verify_audit()[1]
    report.problems += compare(report.batches, revealed)
    with closing(sqlite3.connect(bench.path)) as connection:
        ask = connection.execute
        report.problems += [row[0] for row in ask("PRAGMA integrity_check") if row[0] != "ok"]
        saves = ask("SELECT count(*) FROM audit WHERE verb = 'save'").fetchone()[0]
        rows = ask("SELECT count(*) FROM integration_apis").fetchone()[0]
    done = sum(f"own-{batch.client}-{batch.number}-a" in revealed for batch in report.batches)
    if saves != done:
        report.problems.append(f"{done} saves were done, and {saves} are in the audit trail.")
    if rows != apis:
        report.problems.append(f"There are {rows} apis, and integrations tell of {apis}.")


def reveal_all(service: Credenza) -> tuple[dict[str, str], int]:
    """Open every secret there is; return it by name, and how many apis the integrations tell of."""
    tenant = service.tenant()
    ring = service.vault.ring(tenant.id)

    def job(tx: Tx) -> tuple[dict[str, str], int]:
        records = list(tx.page())
        held = tx.held([record.row for record in records])
        revealed, apis = {}, 0
        for record in records:
            document = record.document()
            sealed = Sealed(record, document, held[record.row])
            revealed[record.name] = open_all(ring, sealed, service.catalogue).configuration.reveal()[
                "api_key"
            ]
            apis += len(document.apis)
        return revealed, apis

    return service.store.read(tenant, job)


def compare(batches: list[Batch], revealed: dict[str, str]) -> list[str]:
    """Say which saves were lost or half done, given the secret of every integration."""
    found, last = [], {}
    for batch in batches:
        own = {name: secret for name, secret in batch.secrets.items() if name.startswith("own-")}
        right = [revealed.get(name) == secret for name, secret in own.items()]
        there = [name in revealed for name in own]
        if there != right:
            found.append(f"A secret of save {batch.client}-{batch.number} is another one.")
        if batch.answer is not None and not all(there):
            found.append(f"Save {batch.client}-{batch.number} was acknowledged and is lost.")
        if any(there) and not all(there):
            found.append(f"Save {batch.client}-{batch.number} is half done.")
        if any(there):
            last[f"again-{batch.client}"] = f"{batch.client}-{batch.number}"
    found += [f"{name} is not as the last save left it." for name in last if revealed.get(name) != last[name]]
    return found


_servers: dict[int, subprocess.Popen[bytes]] = {}


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    _servers[port] = process
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.01)
    message = "the server did not start"
    raise RuntimeError(message)


def _kill_server_of(port: int) -> None:
    process = _servers.pop(port)
    process.kill()
    process.wait()


def main() -> int:
    """Run a campaign from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=100, help="how often the server is killed")
    parser.add_argument("--clients", type=int, default=4, help="how many clients save at once")
    parser.add_argument("--most", type=float, default=0.5, help="seconds of load before a kill, at most")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="where chance begins")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = run_campaign(Path(folder), **vars(given))
    unanswered = len(report.batches) - report.acknowledged
    print(f"{report.kills} kills, {report.acknowledged} saves acknowledged, {unanswered} cut short,")
    print(f"{report.replayed} sent again; seed {given.seed}; {len(report.problems)} problems")
    for problem in report.problems:
        print(problem)
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
