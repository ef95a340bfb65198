#!/usr/bin/env python
"""Kill commands that give a store new keys, at any transaction, while a server saves; look for what was lost.

python scripts/kill_rotation.py --count 200
python scripts/kill_rotation.py --count 200 --store postgresql

Each round begins a rotation or a rewrapping in a process that kills itself (SIGKILL) before, within or behind
one of its transactions, and begins it again until it comes to its end. After every kill: each acknowledged
save opens, of every version, by the server and by a program that has just begun; the audit trail verifies.
"""

from __future__ import annotations

import argparse
import base64
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, closing, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from credenza.errors import CredenzaError
from credenza.model import Actor, Put, Role
from credenza.ports import Tx
from credenza.rotation import prepare, reencryption, rewrap, rotate
from credenza.sensitive import Sensitive
from credenza.settings import Credenza, Settings, open_credenza, open_key

MOMENTS = ("before", "within", "behind")
VERBS = ("rotate", "rewrap")
_MOST = 8  # transactions of one command, here
_PAGE = 20
_KEY = "CREDENZA_KILL_TEST_KEK_"
_PATIENCE = 60


class Report(msgspec.Struct):
    """What a campaign saw: `halfway` kills left something to be finished."""

    kills: int = 0
    halfway: int = 0
    finished: int = 0
    saves: int = 0
    problems: list[str] = []


class Bench:
    """A store with secrets, a server on it in this process, and all that was acknowledged."""

    def __init__(self, uri: str, integrations: int) -> None:
        """Make the store."""
        self.uri = uri
        self.keys = 1
        make_key(1)
        self.saved: dict[str, list[str]] = {}
        self.server = self.open(serving=True)
        for number in range(integrations):
            for version in range(2):
                self.save(f"n{number:03d}", f"{number}-{version}")

    def open(self, *, serving: bool = False) -> Credenza:
        """Open the store with the key it has and the one it is to have."""
        settings = settings_of(self.uri, self.keys)
        return open_credenza(settings, serving=serving, create=True)

    def begin_again(self) -> None:
        """Start the server again."""
        self.server.close()
        self.server = self.open(serving=True)

    def save(self, name: str, secret: str) -> None:
        """Save one secret, and note that it was acknowledged."""
        put = Put(name=name, type="openai", configuration=Sensitive({"api_key": secret}))
        workspace = self.server.workspace(actor_of(self.server))
        workspace.apply([put])
        self.saved.setdefault(name, []).append(secret)


def settings_of(uri: str, keys: int) -> Settings:
    """Return the settings of a program that knows the newest key and the one that comes next."""
    following = f"env://{_KEY}{keys + 1}"
    return Settings.read({}, store=uri, kek=f"env://{_KEY}{keys}", kek_next=following, keep_versions=1_000)


def make_key(number: int) -> None:
    """Put a key and the one that comes next into the environment."""
    for each in (number, number + 1):
        os.environ.setdefault(f"{_KEY}{each}", base64.b64encode(os.urandom(32)).decode())


def actor_of(service: Credenza) -> Actor:
    """Return who acts."""
    return Actor(service.tenant(), "kill-test", Role.ADMIN)


def run_campaign(uri: str, *, count: int, integrations: int = 30, seed: int = 0) -> Report:
    """Kill commands `count` times; a command that comes to its end is followed by another."""
    chance, report = random.Random(seed), Report()
    bench = Bench(uri, integrations)
    try:
        verb = VERBS[0]
        while report.kills < count and not report.problems:
            with saving(bench, report):
                ended = work(bench, verb, chance.randint(1, _MOST), chance.choice(MOMENTS))
            if ended:
                report.finished += 1
                bench.keys += verb == "rewrap"
                make_key(bench.keys)
                verb = chance.choice(VERBS)
                bench.begin_again()
            else:
                report.kills += 1
                report.halfway += is_halfway(bench.server)
            inspect(bench, report)
        bench.begin_again()
        inspect(bench, report)
    finally:
        bench.server.close()
    return report


def work(bench: Bench, verb: str, at: int, moment: str) -> bool:
    """Run a command that is to kill itself; True: it came to its end before."""
    command = [sys.executable, __file__, "--child", verb, "--uri", bench.uri, "--keys", str(bench.keys)]
    command += ["--at", str(at), "--moment", moment]
    done = subprocess.run(command, check=False, timeout=_PATIENCE).returncode
    if done not in {0, -signal.SIGKILL}:
        raise RuntimeError(f"the command ended with {done}")
    return done == 0


@contextmanager
def saving(bench: Bench, report: Report) -> Iterator[None]:
    """Let the server save all the while."""
    stop = threading.Event()

    def run() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            try:
                bench.save(f"n{number % 5:03d}", f"meanwhile-{time.monotonic_ns()}")
            except CredenzaError as error:
                report.problems.append(f"A save was refused: {error.code}.")
                return
            report.saves += 1
            time.sleep(0.01)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(_PATIENCE)


def is_halfway(service: Credenza) -> bool:
    """Tell whether something is left to be finished."""
    rows = service.store.rings(service.tenant().id)
    unfinished = any(r.purpose == "dek" and r.state in {"pre_active", "decrypt_only"} for r in rows)
    return unfinished or service.store.next_vault() is not None


def inspect(bench: Bench, report: Report) -> None:
    """Open everything, by the server and by a program that begins now, and note what is wrong."""
    with closing(bench.open()) as fresh:
        for name, service in (("server", bench.server), ("program", fresh)):
            try:
                report.problems += [f"The {name}: {each}" for each in look(service, bench.saved)]
            except CredenzaError as error:
                report.problems.append(f"The {name} cannot read: {error.message}")
        report.problems += fresh.store.check()


def look(service: Credenza, saved: dict[str, list[str]]) -> Iterator[str]:
    """Say which secrets, of all versions, are not what was acknowledged."""
    tenant = service.tenant()
    ring = service.vault.ring(tenant.id)
    rows = service.store.read(tenant, lambda tx: tx.sealed(limit=1_000_000))
    found = {(r.name, r.secret.version): ring.open("integration", r.owner, r.secret).reveal() for r in rows}
    told = {(name, at): text for name, texts in saved.items() for at, text in enumerate(texts, start=1)}
    if found != told:
        wrong = sum(found.get(key) != text for key, text in told.items())
        yield f"{wrong} secrets are not as they were saved, and {len(found)} are there of {len(told)}."
    yield from service.workspace(actor_of(service)).verify_audit()[1]


def run_child(verb: str, uri: str, keys: int, at: int, moment: str) -> None:
    """Do what a command does, and be killed at one of its transactions."""
    reencryption.PAGE = _PAGE
    service = open_credenza(settings_of(uri, keys))
    _arm(service.store, at, moment)
    if verb == "rotate":
        rotate(service.store, service.vault, service.tenant(), by="kill-test")
    else:
        place = open_key(f"env://{_KEY}{keys + 1}", service.store)
        rewrap(service.store, service.vault, prepare(service.store, service.vault, place), by="kill-test")
    service.close()


def _arm(store: Any, at: int, moment: str) -> None:  # noqa: ANN401  # any store
    """Count transactions, and end the process at one of them."""
    done = 0
    real = {name: getattr(store, name) for name in ("write", "prepare_vault", "turn_vault")}

    def counted(call: Callable[[], Any]) -> Any:  # noqa: ANN401
        nonlocal done
        done += 1
        if done == at and moment == "before":
            _die()
        outcome = call()
        if done == at and moment == "behind":
            if isinstance(outcome, Future):
                outcome.result(_PATIENCE)
            _die()
        return outcome

    def write(tenant: Any, job: Callable[[Tx], Any], **options: Any) -> Any:  # noqa: ANN401
        number = done + 1

        def watched(tx: Tx) -> Any:  # noqa: ANN401
            outcome = job(tx)
            if number == at and moment == "within":
                _die()
            return outcome

        return counted(lambda: real["write"](tenant, watched, **options))

    store.write = write
    store.prepare_vault = lambda *told: counted(lambda: real["prepare_vault"](*told))
    store.turn_vault = lambda *told: counted(lambda: real["turn_vault"](*told))


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def placed(kind: str) -> Iterator[str]:
    """Give the URI of a new store."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if kind == "sqlite":
            yield f"sqlite:///{folder}/store/credenza.db"
            return
        sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
        yield stack.enter_context(import_module("postgresql").serve(folder))


def main() -> int:
    """Run a campaign from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=100, help="how often a command is killed")
    parser.add_argument("--store", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--integrations", type=int, default=30, help="how many there are to seal anew")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="where chance begins")
    for name, kind in (("child", str), ("uri", str), ("keys", int), ("at", int), ("moment", str)):
        parser.add_argument(f"--{name}", type=kind, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        run_child(given.child, given.uri, given.keys, given.at, given.moment)
        return 0
    with placed(given.store) as uri:
        report = run_campaign(uri, count=given.count, integrations=given.integrations, seed=given.seed)
    print(f"{report.kills} kills, {report.halfway} halfway, {report.finished} commands came to their end,")
    print(f"{report.saves} saves meanwhile; seed {given.seed}; {len(report.problems)} problems")
    for problem in report.problems:
        print(problem)
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
