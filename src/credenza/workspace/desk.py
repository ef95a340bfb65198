"""Papers as a surface works with them: read at one moment, planned without effects, kept all or none.

    read papers -> plan (pure) -> [Expect every paper read] + changes -> apply; again where one has changed

A plan sees papers through a `Desk`, which remembers the version of each. So whatever the plan rests on is
compared when it is written, and a surface cannot forget to.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from functools import partial
from threading import Lock
from typing import Generic, NamedTuple, TypeVar

import msgspec

from credenza.access import allows
from credenza.connectors import Catalogue, ConnectorType
from credenza.errors import Conflict, Damaged, PreconditionFailed, Problem
from credenza.model import (
    Change,
    Choice,
    Drop,
    Expect,
    ExpectPage,
    Found,
    Keep,
    Paper,
    Park,
    Permission,
    Place,
    Put,
    Question,
    Record,
    Rely,
    Shared,
)
from credenza.ports import Tx
from credenza.randomness import random_bytes
from credenza.vault import Ring
from credenza.workspace import compose
from credenza.workspace.face import Workspace
from credenza.workspace.halves import Part, Parts, read_held
from credenza.workspace.pairing import Entered, check_pair
from credenza.workspace.papers import is_genuine
from credenza.workspace.sealing import KIND

T = TypeVar("T")
_TRIES = 12
_PAUSE, _LONGEST_PAUSE = 0.002, 0.064  # seconds before another try: at most, the first time and ever
# Those of this process that clashed try again one after the other: all at once, one of them would get through
# each time, and of very many the last would be refused. Workspaces share a few locks; that only costs time.
_TURNS = tuple(Lock() for _ in range(16))
ALL_STAYS = Entered()
_NO_HALF = Problem("not_found", "This is not there, or is of another connector type.", keyword="exists")


class Planned(NamedTuple, Generic[T]):
    """What a plan comes to: the changes, and what to answer when they are done."""

    changes: Sequence[Change]
    answer: T


class Desk:
    """What one plan reads, at one moment."""

    def __init__(self, tx: Tx, workspace: Workspace, ring: Ring | None, catalogue: Catalogue) -> None:
        """Begin with nothing read; without the vault's key nobody can tell what is genuine."""
        self.catalogue = catalogue
        self._tx = tx
        self._lenient = workspace.lenient
        self._records: dict[str, int] = {}
        self._tenant = workspace.actor.tenant
        self._ring = ring
        self._versions: dict[tuple[str, str], int] = {}
        self._pages: dict[Choice, tuple[str, ...]] = {}
        self._relied: dict[tuple[str, str], None] = {}
        self._rings = workspace.ring_of
        self._operating = allows(workspace.actor, Permission.OPERATE)

    def papers(self, kind: str, slugs: Sequence[str]) -> dict[str, Paper]:
        """Return papers by slug; those that are not there are missing.

        Raises:
            Damaged: one was changed behind the program's back.
        """
        found = dict(self._tx.papers(kind, slugs)) if slugs else {}
        for slug in slugs:
            self._versions[kind, slug] = found[slug].version if slug in found else 0
        if self._ring is not None and not all(
            is_genuine(self._tenant, paper, self._ring) for paper in found.values()
        ):
            raise Damaged("A document of this workspace was changed behind the program's back.")
        return found

    def paper(self, kind: str, slug: str) -> Paper | None:
        """Return one paper; None: there is none. Raises Damaged."""
        return self.papers(kind, [slug]).get(slug)

    def records(self, names: Sequence[str]) -> dict[str, Record]:
        """Return records by exact name, those that belong to papers too; those not there are missing."""
        found = self._tx.find(names) if names else {}
        known = {name: found[name.lower()] for name in names if name.lower() in found}
        known = {name: record for name, record in known.items() if record.name == name}
        self._records |= {name: known[name].version if name in known else 0 for name in names}
        return known

    def edits_since(self, record: Record, version: int) -> list[str]:
        """Return the pointers of what became another in a record since one of its versions."""
        if record.version == version:
            return []
        then = self._tx.version(record.row, version)
        if then is None:
            return [""]
        edits = compose.list_edits(then.document(), record.document())
        return list(dict.fromkeys(edit.pointer for edit in edits))

    def matches(self, record: Record, path: str, text: str) -> bool:
        """Tell whether a secret of a record, by the path it is stored under, is this very text."""
        held = self._tx.held([record.row])[record.row].get(path)
        if held is None or self._ring is None:
            return False
        return self._ring.matches(held, text) or self._ring.holds(KIND, record.id, held, text)

    def taken(self, names: Sequence[str]) -> frozenset[str]:
        """Return those names, in lower case, that some integration has, in whatever case."""
        return frozenset(self._tx.find(names)) if names else frozenset()

    def pairing(
        self, type: ConnectorType, config: str | None, auth: str | None, entered: Entered = ALL_STAYS
    ) -> Sequence[Problem]:
        """Return why two records, each a half of a type, do not make a whole, or do not lead to one place.

        With what is `entered`, as they will be. A record that is not there counts as empty where something is
        entered for it. Pointers begin with `/configuration`, or are `/config` and `/auth`.
        """
        found = self.records([name for name in (config, auth) if name is not None])
        parts, problems = Parts(), []
        for half, name, values in (("config", config, entered.config), ("auth", auth, entered.auth)):
            record = found.get(name) if name is not None else None
            if record is not None and record.type == f"{type.name}#{half}":
                parts = parts._replace(**{half: Part(record, record.document())})
            elif name is not None and (record is not None or values is None):
                problems.append(msgspec.structs.replace(_NO_HALF, pointer=f"/{half}"))
        held = read_held(self._tx, [parts])
        pair = check_pair(type, self.catalogue.api, parts, held, entered, lenient=self._lenient)
        return [*problems, *pair]

    def shared(self, kind: str, ids: Sequence[str]) -> dict[str, Shared]:
        """Return packages, or versions of them, that this workspace may read, of whichever they are.

        What is another's is looked for again when the plan is written; what is its own is compared.

        Raises:
            Damaged: one was changed behind the program's back.
        """
        found = self._tx.shared(kind, ids, operating=self._operating) if ids else {}
        for wanted, (tenant, paper) in found.items():
            if tenant.id == self._tenant.id:
                self._versions[kind, wanted] = paper.version
            else:
                self._relied[kind, wanted] = None
            if self._ring is not None and not is_genuine(tenant, paper, self._rings(tenant.id)):
                raise Damaged("A document of this store was changed behind the program's back.")
        return dict(found)

    def ask(self, question: Question) -> Found:
        """Return a page of the catalogue of packages; nothing of it is compared."""
        return self._tx.ask(question)

    def is_installed(self, package: str) -> bool:
        """Tell whether any workspace has a package installed."""
        return self._tx.is_installed(package)

    def place(self, kind: str, id: str) -> Place | None:
        """Return where what a card is about stands; None: there is none."""
        return self._tx.places(kind, [id]).get(id)

    def places(self, choice: Choice) -> Sequence[Place]:
        """Return what stands on a page, in its order, and where; nothing of it is read, nor compared."""
        return self._tx.cards(choice)

    def listed(self, choice: Choice) -> tuple[str, ...]:
        """Return the ids of what stands on a page, which are compared when the plan is written."""
        ids = tuple(place.id for place in self._tx.cards(choice))
        self._pages[choice] = ids
        return ids

    def page(self, choice: Choice) -> Sequence[tuple[Place, Paper]]:
        """Return what stands on a page, in its order; a paper of several cards comes several times."""
        return self.standing(self._tx.cards(choice))

    def standing(self, places: Sequence[Place]) -> Sequence[tuple[Place, Paper]]:
        """Return what stands at places, each with its own."""
        papers: dict[tuple[str, str], Paper] = {}
        for kind in {place.kind for place in places}:
            slugs = sorted({place.slug for place in places if place.kind == kind})
            papers |= {(kind, slug): paper for slug, paper in self.papers(kind, slugs).items()}
        return [
            (place, papers[place.kind, place.slug]) for place in places if (place.kind, place.slug) in papers
        ]

    def expectations(self, changes: Sequence[Change]) -> list[Change]:
        """Return the changes with what they rest on: every paper read is still at its version."""
        kept = {(change.kind, change.slug) for change in changes if isinstance(change, Keep)}
        read: list[Change] = [
            Expect(slug, version, kind)
            for (kind, slug), version in self._versions.items()
            if (kind, slug) not in kept
        ]
        read += [ExpectPage(choice, ids) for choice, ids in self._pages.items()]
        read += [Rely(wanted, kind) for kind, wanted in self._relied]
        saved = {change.name for change in changes if isinstance(change, (Put, Drop, Park))}
        read += [Expect(name, version) for name, version in self._records.items() if name not in saved]
        return [*read, *map(self._compare, changes)]

    def _compare(self, change: Change) -> Change:
        if isinstance(change, Keep):
            version: int | None = self._versions.get((change.kind, change.slug), 0)
        elif isinstance(change, (Put, Drop, Park)) and change.expected_version is None:
            version = self._records.get(change.name)
        else:
            return change
        return change if version is None else msgspec.structs.replace(change, expected_version=version)


class Papers:
    """The papers of one workspace, as one actor may read and change them."""

    def __init__(self, workspace: Workspace) -> None:
        """Bind to a workspace and its actor."""
        self._workspace = workspace

    def read(self, job: Callable[[Desk], T], permission: Permission = Permission.READ) -> T:
        """Return what a job makes of papers, all as they are at one moment.

        Raises:
            Forbidden: the role may not read, or is limited to some integrations.
        """
        self._workspace.require(permission, "list")
        catalogue = self._workspace.catalogue
        return self._workspace.peek(lambda tx, ring: job(Desk(tx, self._workspace, ring, catalogue)))

    def change(self, verb: str, plan: Callable[[Desk], Planned[T]], *, dry_run: bool = False) -> T:
        """Do what a plan comes to, all or nothing, and return its answer. `verb` is what the audit calls it.

        With `dry_run`, everything is checked and nothing is written.

        Raises:
            Forbidden: the role may not write, or is limited to some integrations.
            Conflict: somebody else kept changing the same papers.
        """
        self._workspace.require(Permission.WRITE, verb)
        turn = _TURNS[self._workspace.actor.tenant.row % len(_TURNS)]
        for tries in range(_TRIES):
            _wait(tries)
            with nullcontext() if tries == 0 else turn:
                catalogue = self._workspace.catalogue
                planned, changes = self._workspace.peek(partial(self._plan, plan, catalogue))
                with suppress(PreconditionFailed, Conflict):
                    if planned.changes:
                        self._workspace.submit(changes, verb=verb, dry_run=dry_run).result()
                    return planned.answer
        raise Conflict

    def _plan(
        self, plan: Callable[[Desk], Planned[T]], catalogue: Catalogue, tx: Tx, ring: Ring | None
    ) -> tuple[Planned[T], list[Change]]:
        desk = Desk(tx, self._workspace, ring, catalogue)
        planned = plan(desk)
        return planned, desk.expectations(planned.changes)


def _wait(tries: int) -> None:
    """Wait a while before a try that is not the first: who clashed at one moment is not to do so again."""
    if tries > 0:
        share = int.from_bytes(random_bytes(2), "big") / 0xFFFF
        time.sleep(share * min(_PAUSE * 2**tries, _LONGEST_PAUSE))
