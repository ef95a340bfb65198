"""Kill moves, backups and restores at every step, and see that none leaves half of anything.

Each is run again and again in a child of its own, which is killed (SIGKILL) just before the nth call that
touches a file or a database, for n from the first such call to the last. After each kill, a store is there as
a whole or not at all, and so is a backup; what a restore was to replace is there; and the same again works.
"""

from __future__ import annotations

import argparse
import base64
import functools
import json
import os
import shutil
import signal
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from credenza.copies import ends, verbs
from credenza.copies.checking import open_backup
from credenza.errors import CredenzaError
from credenza.keys import open_provider
from credenza.settings import Settings, open_credenza
from credenza.tables import TABLES

STEPS = {
    "execute",
    "executemany",
    "commit",
    "fetchmany",
    "close",
    "fsync",
    "link",
    "rename",
    "replace",
    "open",
}
STEPS |= {"unlink", "mkdir"}
KEK = "CREDENZA_KILL_KEK"


class Case(NamedTuple):
    """Something to be killed: what it does, what is laid out before, and what must be there after a kill."""

    name: str
    work: Callable[[], None]
    lay: Callable[[], None]
    inspect: Callable[[], list[str]]
    done: Callable[[], bool]


def read_all(uri: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows of a store by table."""
    with ends.read_store(uri) as store:
        return {table.name: [*store.rows(table)] for table in TABLES}


def run_child(work: Callable[[], None], stop: int | None) -> tuple[bool, int]:
    """Run something in a child, killed before its nth step; tell whether it ended, and its steps."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        steps = 0

        def count(frame: FrameType, event: str, called: object) -> None:
            nonlocal steps
            del frame
            if event == "c_call" and getattr(called, "__name__", "") in STEPS:
                steps += 1
                if steps == stop:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.setprofile(count)
        try:
            work()
        finally:
            sys.setprofile(None)
            os.write(write, str(steps).encode())
            os._exit(0)
    os.close(write)
    _, status = os.waitpid(child, 0)
    told = os.read(read, 20)
    os.close(read)
    return os.WIFEXITED(status), int(told or b"0")


def run_case(case: Case, count: int) -> list[str]:
    """Kill one case at so many steps, spread from the first to the last, and return what was wrong."""
    case.lay()
    ended, steps = run_child(case.work, None)
    if not ended or not case.done():
        return [f"{case.name}: it does not work at all"]
    # The end is where files change their names: there, every step counts.
    last = range(max(1, steps - count // 2), steps + 1)
    spread = range(1, steps + 1, max(1, steps // max(1, count - len(last))))
    found = []
    for stop in sorted({*spread, *last}):
        case.lay()
        run_child(case.work, stop)
        found += [f"{case.name}, killed before step {stop} of {steps}: {each}" for each in case.inspect()]
        if not case.done():
            run_child(case.work, None)
            if not case.done():
                found.append(f"{case.name}, killed before step {stop} of {steps}: again, it does not work")
    return found


def make_source(folder: Path) -> str:
    """Make a store with a few integrations and return its URI."""
    os.environ.setdefault(KEK, base64.b64encode(os.urandom(32)).decode())
    uri = f"sqlite:///{folder}/source/credenza.db"
    service = open_credenza(Settings.read({}, store=uri, kek=f"env://{KEK}"), create=True)
    service.close()
    return uri


class Bench:
    """A store to copy, a backup of it, another store that is replaced, and where copies go."""

    def __init__(self, folder: Path, source: str, kek: str) -> None:
        """Prepare everything in a folder."""
        self.source, self._kek = source, kek
        self.place, self.file = folder / "to" / "credenza.db", folder / "to" / "backup"
        self.uri, self._good, self._old = f"sqlite:///{self.place}", folder / "good", folder / "old.db"
        self._expected = read_all(source)
        with ends.read_store(source) as store:
            verbs.back_up(store, self._good)
        with ends.read_store(source) as store:
            verbs.move(store, f"sqlite:///{self._old}")
        with closing(sqlite3.connect(self._old)) as connection, connection:
            connection.execute("UPDATE workspaces SET slug = 'old' || id")

    def cases(self) -> list[Case]:
        """Return what is to be killed: a move, a backup, one by force, a restore, and one that replaces."""
        half, cut = partial(self._find_half, self.place), partial(self._find_half, self.file)
        forced, replaced = partial(self._back_up, force=True), partial(self._restore, replace=True)
        return [
            Case("move", self._move, self._clear, half, self._is_store),
            Case("backup", self._back_up, self._clear, cut, self._is_backup),
            Case("backup --force", forced, self._lay_file, self._find_lost_file, self._is_backup),
            Case("restore", self._restore, self._clear, half, self._is_store),
            Case("restore --replace", replaced, self._lay_store, self._find_lost_store, self._is_store),
        ]

    def _clear(self) -> None:
        shutil.rmtree(self.place.parent, ignore_errors=True)
        self.place.parent.mkdir()

    def _lay_file(self) -> None:
        self._clear()
        self.file.write_text("old")

    def _lay_store(self) -> None:
        self._clear()
        shutil.copy(self._old, self.place)

    def _move(self) -> None:
        with ends.read_store(self.source, alone=True) as store:
            verbs.move(store, self.uri)

    def _back_up(self, *, force: bool = False) -> None:
        with ends.read_store(self.source) as store:
            verbs.back_up(store, self.file, force=force)

    def _restore(self, *, replace: bool = False) -> None:
        with ends.read_backup(self._good) as backup:
            said = verbs.look_over(backup)
            opened = open_backup(backup, [open_provider(self._kek)])
            verbs.restore(backup, said, opened, self.uri, actor="kill", replace=replace)

    def _is_store(self) -> bool:
        with suppress(CredenzaError):
            found = read_all(self.uri)
            names = [name for name in found if not name.startswith("audit")]
            return all(found[name] == self._expected[name] for name in names)
        return False

    def _is_backup(self) -> bool:
        with suppress(CredenzaError), ends.read_backup(self.file) as backup:
            verbs.look_over(backup)
            return True
        return False

    def _find_half(self, path: Path) -> list[str]:
        whole = self._is_store if path == self.place else self._is_backup
        return [] if not path.exists() or whole() else [f"there is half of {path.name}"]

    def _find_lost_file(self) -> list[str]:
        kept = self.file.exists() and (self.file.read_bytes() == b"old" or self._is_backup())
        return [] if kept else ["the file that was to be replaced is gone"]

    def _find_lost_store(self) -> list[str]:
        kept = [*self.place.parent.glob("credenza.db.replaced-*Z"), self.place]
        slugs = {read_all(f"sqlite:///{each}")["workspaces"][0][2] for each in kept if each.exists()}
        return [] if "old1" in slugs else ["the store that was to be replaced is gone"]


def know_entry_points() -> None:
    """Look through what is installed once, in the parent: that makes many steps, none of which matters."""
    ends.entry_points = functools.cache(entry_points)  # type: ignore[assignment,attr-defined]
    for scheme in ("sqlite", "postgresql"):
        with suppress(CredenzaError):
            ends.find_folder(f"{scheme}:////x.db")


def main(only: str = "") -> None:
    """Run the campaign, or one case of it, and print what was wrong, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="kills of each kind, about")
    parser.add_argument("--source", help="the URI of a store to copy; else one is made")
    parser.add_argument("--kek", default=f"env://{KEK}", help="the URI of its key")
    given = parser.parse_args()
    know_entry_points()
    with tempfile.TemporaryDirectory(prefix="credenza-kill-") as name:
        source = given.source or make_source(Path(name))
        cases = [case for case in Bench(Path(name), source, given.kek).cases() if only in {"", case.name}]
        problems = [each for case in cases for each in run_case(case, given.count)]
    print(json.dumps(problems, indent=2))
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
