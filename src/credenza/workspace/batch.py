"""Planning a batch: what each change makes of its record, or why it may not.

    find -> admit (name, permission, versions, type) -> draft (merge, check, split) -> seal -> compare

One `Batch` lives for one try of one `apply`, inside its transaction, and is fed chunk by chunk. It reads
and reserves, and writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from credenza import access
from credenza.connectors import ConnectorType, Draft, Offer, draft_all
from credenza.connectors.halves import name_half
from credenza.errors import Problem, TypeNotLoaded
from credenza.ids import make_ids
from credenza.model import (
    INTEGRATION,
    Amend,
    Change,
    Drop,
    Expect,
    ExpectPage,
    Item,
    Keep,
    Migrate,
    Park,
    Permission,
    Put,
    Record,
    Rely,
    Restore,
    Secret,
    Write,
    is_name,
)
from credenza.ports import Sheet, Tx
from credenza.workspace.admission import (
    MANAGED,
    TYPE_OUTDATED,
    UNKNOWN_TYPE,
    Admission,
    examine_put,
    may_go_on,
    reach,
)
from credenza.workspace.amending import amend
from credenza.workspace.binding import SIDES, Binder, comes_last
from credenza.workspace.changes import Changes, Outline, Torn
from credenza.workspace.compose import MOST_PROBLEMS
from credenza.workspace.composer import Composer
from credenza.workspace.context import Context
from credenza.workspace.managed import repeats_shown
from credenza.workspace.migrating import Migrated
from credenza.workspace.papers import expect_paper, plan_paper
from credenza.workspace.revising import Revised, Reviser
from credenza.workspace.sealing import Sealer
from credenza.workspace.steps import Step, repeats_view
from credenza.workspace.types import OwnCatalogue

_MOST_PROBLEMS = 20_000  # of a batch; beyond, each item that fails still says one reason
Find = Callable[[str], ConnectorType | None]
_PENDING = Item(None, "pending")


class Batch:
    """Turn changes into `writes` and `drops`, chunk by chunk, and say what became of each in `items`."""

    def __init__(self, context: Context, tx: Tx, count: int) -> None:
        """Begin a batch of that many changes."""
        self.items: list[Item] = [_PENDING] * count
        self.writes: list[Write] = []
        self.drops: list[Record] = []
        self.digests: list[tuple[Record, bytes]] = []
        self.moves: list[tuple[Record, str]] = []
        self.papers: list[Sheet] = []
        self.failed = False
        self._problems, self._frozen = 0, False
        self._halves: set[str] = set()
        self.now = context.policy.clock()
        self._context = context
        self._tx = tx
        self._admission = Admission(context.actor)
        self._term = context.ring.term.to_bytes(4, "big")
        self._digester = context.ring.digester(b"put")
        api, lenient = context.catalogue.api.digest, context.policy.lenient
        self._readings = {flag: api + b"%d%d" % (lenient, flag) for flag in (False, True)}
        self._ids = make_ids(self.now, min(3 * count, 1_000))
        # A caller who may not reveal must not learn whether a guess was right: not by a dry run, and not
        # by the destination that undeclared keys are a part of.
        blind = not access.allows(context.actor, Permission.REVEAL)
        guarded = blind and context.dry_run
        self._recognises = not blind or not (context.dry_run or context.policy.lenient)
        self._sealer = Sealer(context.ring, 2 * count, self._ids, guarded=guarded, blind=blind)
        self._sealer.watch = context.watch
        self._sealer.seals = not context.dry_run
        self._composer = Composer(
            self._sealer,
            self._admission,
            Binder(context.catalogue, tx),
            context.catalogue.api,
            self._sign,
            by=context.actor.name,
            at=self.now,
            guarded=guarded,
        )
        self._reviser = Reviser(context, tx, self._admission, self._ids, self.now)

    @property
    def seals(self) -> list[tuple[int, int]]:
        """Return terms with the number of the seals made under each."""
        return [each for each in (self._sealer.sealed, self._reviser.seals) if each is not None]

    @property
    def resealed(self) -> list[Item]:
        """Return which secrets were opened to be sealed for a new version of their type."""
        return self._composer.resealed + self._reviser.resealed

    def plan(self, changes: Changes, first: int, last: int) -> None:
        """Plan the next chunk; `writes`, `drops`, `moves` and `papers` are then this chunk's."""
        self.drops, self.moves, self.papers = [], [], []
        self.writes = self._composer.writes = []
        self.digests = self._composer.digests = []
        outlines = changes.outline(first, last)
        found = self._tx.find([outline.name for outline in outlines])
        rest = [
            index
            for index, outline in enumerate(outlines, first)
            if not self._recognise(index, outline, found.get(outline.name.lower()), changes)
        ]
        steps: dict[str, list[Step]] = {}
        for index, change in zip(rest, changes.read(rest), strict=True):
            step = self._admit(index, change, reach(change, found))
            if step is not None:
                steps.setdefault(step.connector.name, []).append(step)
        rows = [step.before.row for each in steps.values() for step in each if step.before]
        held = self._tx.held(rows) if rows else {}
        if not self._context.dry_run:
            self._composer.rows = iter(self._tx.reserve(sum(map(len, steps.values())) - len(rows)))
        self._confirm(steps)
        for name in sorted(steps, key=comes_last) if self._halves else steps:
            self._draft(steps[name], held)

    def _confirm(self, types: Iterable[str]) -> None:
        """Compare the types as they were read: one that nothing has may be replaced meanwhile."""
        catalogue = self._context.catalogue
        if isinstance(catalogue, OwnCatalogue):
            catalogue.confirm(self._tx, types)

    def _recognise(self, index: int, outline: Outline, before: Record | None, changes: Changes) -> bool:
        """Settle a change whose very text made the record what it is: it changes nothing again."""
        if before is None or before.digest is None or outline.source is None or not self._recognises:
            return False
        connector = self._context.catalogue.get(outline.type)
        if connector is None:
            return False
        if before.digest != self._digest(connector, outline.source, replace_apis=changes.replace_apis):
            return False
        problems = self._admission.examine(outline, before)
        if problems:
            self._fail(index, outline.name, problems)
        else:
            missing = before.document().missing if self._context.policy.lenient else ()
            self.items[index] = Item(before.name, "unchanged", before.version, missing=missing)
        return True

    def _digest(self, type: ConnectorType, source: bytes, *, replace_apis: bool) -> bytes:
        """Return by what a text is known again, as long as it would be read in the same way."""
        # The term first: that of a retired term says nothing, and is made anew when there is an occasion.
        return self._term + self._digester(type.digest + self._readings[replace_apis] + source)

    def _sign(self, step: Step) -> bytes | None:
        if (source := step.put.source) is None:
            return None
        return self._digest(step.connector, source.reveal(), replace_apis=step.put.replace_apis)

    def _admit(self, index: int, change: Change, before: Record | None) -> Step | None:
        if isinstance(change, (Keep, Rely, ExpectPage)) or (isinstance(change, Expect) and change.kind):
            self._keep(index, change)
            return None
        if isinstance(change, Torn):
            self._fail(index, change.name, change.problems)
            change = change.rest
        problems = self._examine(index, change, before)
        if problems is None:
            return None
        if isinstance(change, Put):
            same = before if before is not None and before.name == change.name else None
            return self._admit_put(index, change, same) if may_go_on(problems) else None
        if problems:
            return None
        if isinstance(change, Amend) and before is not None:
            return self._amend(index, change, before)
        if before is None or isinstance(change, Expect):
            self.items[index] = Item(change.name, "unchanged", before.version if before else None)
        elif isinstance(change, (Restore, Migrate)):
            self._revise(index, change, before)
        elif isinstance(change, (Drop, Park)):
            self._leave(index, change, before)
        return None

    def _examine(self, index: int, change: Change, before: Record | None) -> Sequence[Problem] | None:
        """Return why a change is refused, which is told already; None: it is what reads show, and done."""
        problems = self._admission.examine(change, before)
        if problems and (told := {each.pointer for each in self.items[index].problems}):
            problems = [each for each in problems if each.pointer not in told]
        if before and MANAGED in problems and repeats_shown(change, before, self._tx, self._context):
            self.items[index] = Item(before.name, "unchanged", before.version)
            return None
        if problems:
            self._fail(index, change.name, problems)
        return problems

    def _keep(self, index: int, keep: Keep | Expect | ExpectPage | Rely) -> None:
        if isinstance(keep, Keep):
            planned = plan_paper(keep, self._tx, self._context.actor, self._context.ring, self.now)
        else:
            planned = expect_paper(keep, self._tx)
        if isinstance(planned, Problem):
            self._fail(index, keep.name, [planned])
            return
        self.items[index], sheet = planned
        if sheet is not None and not self._context.dry_run:
            self.papers.append(sheet)

    def _leave(self, index: int, change: Drop | Park, before: Record) -> None:
        if isinstance(change, Drop):
            self.drops.append(before)
        else:
            self.moves.append((before, change.into))
        word = "deleted" if isinstance(change, Drop) else "parked"
        self.items[index] = Item(before.name, word, before.version)

    def _revise(self, index: int, change: Restore | Migrate, before: Record) -> None:
        revised = self._reviser.revise(change, before)
        if isinstance(revised, Revised):
            self.items[index] = revised.item
            self.writes += revised.writes
        else:
            self._fail(index, change.name, revised)

    def _amend(self, index: int, change: Amend, before: Record) -> Step | None:
        connector, document, moved = self._context.catalogue.get(before.type), before.document(), None
        if connector is not None and before.type_version < connector.version:
            moved = self._reviser.move(before, connector)
            document = document if moved.problems else moved.document
        base, put, problems = amend(document, change, by=self._context.actor.name, at=self.now)
        if problems:
            self._fail(index, change.name, problems)
        step = self._admit_put(index, put, before, moved)
        return step._replace(base=base) if step else None

    def _name_half(self, put: Put) -> Put:
        """Return the save of a record that belongs to a paper, by the half of the type that it is made by."""
        self._halves.add(put.name)
        half = SIDES.get(put.kind)
        if put.type is None or half is None:
            return put
        return msgspec.structs.replace(put, type=name_half(put.type, half))

    def _admit_put(
        self, index: int, put: Put, before: Record | None, moved: Migrated | None = None
    ) -> Step | None:
        find: Find = self._context.catalogue.get
        if put.kind != INTEGRATION:
            put, find = self._name_half(put), self._context.catalogue.find
        kind = put.type if put.type is not None or before is None else before.type
        connector = find(kind) if kind is not None else None
        if connector is None and before is not None and put.type is None:
            raise TypeNotLoaded
        problems = examine_put(put, before) + ([] if connector or kind is None else [UNKNOWN_TYPE])
        if problems:
            self._fail(index, put.name, problems)
        # By a type that the record can never have nothing else of the save is told.
        if connector is None or (before is not None and before.type != kind):
            return None
        # One with problems is drafted too, so that all its problems are told at once.
        document = before.document() if before else None
        owner = before.id if before else next(self._ids)
        step = Step(index, put, connector, before, document, owner, document)
        if put.refers is not None:
            self._frozen = True
            return step
        if before is None or before.type_version == connector.version:
            return step
        if before.type_version > connector.version:
            self._fail(index, put.name, [TYPE_OUTDATED])
            return None
        return self._catch_up(step, moved or self._reviser.move(before, connector))

    def _catch_up(self, step: Step, moved: Migrated) -> Step:
        """Save over what a record says under the version its type has now; or leave it where it cannot be."""
        if repeats_view(step):
            step = step._replace(put=msgspec.structs.replace(step.put, configuration=None))
        if moved.problems and step.put.configuration is None:
            self._frozen = True
            return step._replace(frozen=True)
        return step._replace(document=moved.document, base=moved.document, moved=moved)

    def _draft(self, steps: list[Step], held: Mapping[int, Mapping[str, Secret]]) -> None:
        if self._frozen:
            steps = self._leave_frozen(steps)
        if not steps:
            return
        offers = [(step.entered, step.held) for step in steps]
        with self._context.watch.part("check"):
            drafts = draft_all(steps[0].connector, offers, lenient=self._context.policy.lenient)
        with self._context.watch.part("seal"):
            for step, draft in zip(steps, drafts, strict=True):
                if draft.problems and repeats_view(step):
                    # What a read has shown is no news, even where the type has since become stricter.
                    untouched: list[Offer] = [(None, step.held)]
                    (draft,) = draft_all(step.connector, untouched, lenient=self._context.policy.lenient)  # noqa: PLW2901
                if draft.problems:
                    self._fail(step.position, step.put.name, draft.problems)
                elif not self.items[step.position].problems:
                    own = step.moved.held if step.moved else held[step.before.row] if step.before else {}
                    self._compose(step, draft, own)

    def _leave_frozen(self, steps: list[Step]) -> list[Step]:
        """Compose records whose configuration stays as it is, or is elsewhere, and return the others."""
        for step in steps:
            if self.items[step.position].problems:
                continue
            if step.put.refers is not None:
                self._compose(step, Draft(), {})
            elif step.frozen and step.document is not None:
                self._compose(step, Draft(step.document.configuration), {})
        return [step for step in steps if not step.frozen and step.put.refers is None]

    def _compose(self, step: Step, draft: Draft, held: Mapping[str, Secret]) -> None:
        self._sealer.seals = not self._context.dry_run and (self._context.per_item or not self.failed)
        composed = self._composer.compose(step, draft, held)
        if isinstance(composed, Item):
            self.items[step.position] = composed
        else:
            self._fail(step.position, step.put.name, composed)

    def _fail(self, index: int, name: str, problems: Sequence[Problem]) -> None:
        # A name is repeated only where it is one: anything else may hold what was pasted by mistake.
        told = name if is_name(name) or name in self._halves else None
        known = self.items[index].problems
        room = min(MOST_PROBLEMS - len(known), max(_MOST_PROBLEMS - self._problems, 1))
        located = tuple(msgspec.structs.replace(p, index=index, name=told) for p in problems[: max(room, 0)])
        self._problems += len(located)
        self.items[index] = Item(told, "failed", problems=known + located)
        self.failed = True
