"""Planning a batch: what each change makes of its record, or why it may not.

    find -> admit (name, permission, versions, type) -> draft (merge, check, split) -> seal -> compare

One `Batch` lives for one try of one `apply`, inside its transaction, and is fed chunk by chunk. It reads
and reserves, and writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import msgspec

from credenza import access
from credenza.connectors import EMPTY, Catalogue, ConnectorType, Draft, Held, Offer, draft_all, present
from credenza.errors import Problem
from credenza.ids import make_ids
from credenza.model import (
    Actor,
    Change,
    Document,
    Drop,
    Expect,
    Item,
    Permission,
    Put,
    Record,
    Restore,
    Secret,
    Write,
)
from credenza.ports import Tx
from credenza.vault import Ring
from credenza.workspace import compose, receipts
from credenza.workspace.admission import (
    FORBIDDEN,
    NO_VERSION,
    UNKNOWN_TYPE,
    Admission,
    examine_put,
    is_name,
    may_go_on,
)
from credenza.workspace.changes import Changes, Outline, Torn
from credenza.workspace.compose import MOST_PROBLEMS
from credenza.workspace.policy import Policy
from credenza.workspace.restore import find_lost, restore
from credenza.workspace.sealing import Outcome, Place, Sealer

T = TypeVar("T")
_encode = msgspec.json.encode
_MOST_PROBLEMS = 20_000  # of a batch; beyond, each item that fails still says one reason
_PENDING = Item(None, "pending")


class Context(NamedTuple):
    """What a whole batch shares."""

    actor: Actor
    catalogue: Catalogue
    policy: Policy
    ring: Ring
    dry_run: bool = False
    per_item: bool = False
    verb: str = "save"


class Step(NamedTuple):
    """One admitted `Put` on its way; `owner` is the record's id, old or new."""

    position: int
    put: Put
    connector: ConnectorType
    before: Record | None
    document: Document | None
    owner: bytes


class Batch:
    """Turn changes into `writes` and `drops`, chunk by chunk, and say what became of each in `items`."""

    def __init__(self, context: Context, tx: Tx, count: int) -> None:
        """Begin a batch of that many changes."""
        self.items: list[Item] = [_PENDING] * count
        self.writes: list[Write] = []
        self.drops: list[Record] = []
        self.failed = False
        self._problems = 0
        self.now = context.policy.clock()
        self._context = context
        self._tx = tx
        self._admission = Admission(context.actor)
        self._digester = context.ring.digester(b"put")
        self._ids = make_ids(self.now, min(3 * count, 1_000))
        self._rows: Iterator[int] = iter(())
        # A caller who may not reveal must not learn whether a guess was right: not by a dry run, and not
        # by the destination that undeclared keys are a part of.
        blind = not access.allows(context.actor, Permission.REVEAL)
        self._guarded = blind and context.dry_run
        self._recognises = not blind or not (context.dry_run or context.policy.lenient)
        self._sealer = Sealer(context.ring, 2 * count, self._ids, guarded=self._guarded, blind=blind)
        self._sealer.seals = not context.dry_run

    @property
    def seals(self) -> tuple[int, int] | None:
        """Return the term and number of the seals made; None: none were."""
        return self._sealer.sealed

    def plan(self, changes: Changes, first: int, last: int) -> None:
        """Plan the next chunk; `writes` and `drops` are then this chunk's."""
        self.writes, self.drops = [], []
        outlines = changes.outline(first, last)
        found = self._tx.find([outline.name for outline in outlines])
        rules = b"%d%d" % (self._context.policy.lenient, changes.replace_apis)
        rest = [
            index
            for index, outline in enumerate(outlines, first)
            if not self._recognise(index, outline, found.get(outline.name.lower()), rules)
        ]
        steps: dict[str, list[Step]] = {}
        for index, change in zip(rest, changes.read(rest), strict=True):
            step = self._admit(index, change, found.get(change.name.lower()))
            if step is not None:
                steps.setdefault(step.connector.name, []).append(step)
        rows = [step.before.row for each in steps.values() for step in each if step.before]
        held = self._tx.held(rows) if rows else {}
        if not self._context.dry_run:
            self._rows = iter(self._tx.reserve(sum(map(len, steps.values())) - len(rows)))
        for each in steps.values():
            self._draft(each, held)

    def _recognise(self, index: int, outline: Outline, before: Record | None, rules: bytes) -> bool:
        """Settle a change whose very text made the record what it is: it changes nothing again."""
        if before is None or before.digest is None or outline.source is None or not self._recognises:
            return False
        connector = self._context.catalogue.get(outline.type)
        if connector is None or before.digest != self._digest(connector, rules, outline.source):
            return False
        problems = self._admission.examine(outline, before)
        if problems:
            self._fail(index, outline.name, problems)
        else:
            missing = before.document().missing if self._context.policy.lenient else ()
            self.items[index] = Item(before.name, "unchanged", before.version, missing=missing)
        return True

    def _admit(self, index: int, change: Change, before: Record | None) -> Step | None:
        if isinstance(change, Torn):
            self._fail(index, change.name, change.problems)
            change = change.rest
        problems = self._admission.examine(change, before)
        if problems:
            self._fail(index, change.name, problems)
        if isinstance(change, Put):
            same = before if before is not None and before.name == change.name else None
            return self._admit_put(index, change, same) if may_go_on(problems) else None
        if problems:
            return None
        if before is None or isinstance(change, Expect):
            self.items[index] = Item(change.name, "unchanged", before.version if before else None)
        elif isinstance(change, Restore):
            self._restore(index, change, before)
        elif isinstance(change, Drop):
            self.drops.append(before)
            self.items[index] = Item(before.name, "deleted", before.version)
        return None

    def _restore(self, index: int, change: Restore, before: Record) -> None:
        version = self._tx.version(before.row, change.version)
        # One whose tags lie outside the limit is as if it were not there.
        if version is None or not self._admission.covers(change.name, version.document().tags):
            self._fail(index, change.name, [NO_VERSION])
            return
        then = version.document()
        kept = self._tx.secrets(before.row, {path: ref.version for path, ref in then.secrets.items()})
        problems = find_lost(self._context.catalogue.get(before.type), then, kept)
        write, item = restore(before, then, by=self._context.actor.name, at=self.now)
        if write is not None and problems:
            self._fail(index, change.name, problems)
            return
        self.items[index] = item
        if write is not None:
            self.writes.append(write)

    def _admit_put(self, index: int, put: Put, before: Record | None) -> Step | None:
        connector = self._context.catalogue.get(put.type)
        problems = examine_put(put, before) + ([] if connector else [UNKNOWN_TYPE])
        if problems:
            self._fail(index, put.name, problems)
        if connector is None or (before is not None and before.type != put.type):
            return None
        # One with problems is drafted too, so that all its problems are told at once.
        document = before.document() if before else None
        return Step(index, put, connector, before, document, before.id if before else next(self._ids))

    def _digest(self, type: ConnectorType, rules: bytes, source: bytes) -> bytes:
        return self._digester(type.digest + rules + source)

    def _draft(self, steps: list[Step], held: Mapping[int, Mapping[str, Secret]]) -> None:
        offers = [(_entered(step.put), _held(step)) for step in steps]
        drafts = draft_all(steps[0].connector, offers, lenient=self._context.policy.lenient)
        for step, draft in zip(steps, drafts, strict=True):
            if draft.problems and _repeats_view(step):
                # What a read has shown is no news, even where the type has since become stricter.
                untouched: list[Offer] = [(None, _held(step))]
                (draft,) = draft_all(step.connector, untouched, lenient=self._context.policy.lenient)  # noqa: PLW2901
            if draft.problems:
                self._fail(step.position, step.put.name, draft.problems)
            elif not self.items[step.position].problems:
                self._compose(step, draft, held[step.before.row] if step.before else {})

    def _compose(self, step: Step, draft: Draft, held: Mapping[str, Secret]) -> None:
        put, old, by = step.put, step.document, self._context.actor.name
        version = step.before.version + 1 if step.before else 1
        self._sealer.seals = not self._context.dry_run and (self._context.per_item or not self.failed)
        place = Place(step.owner, version, self.now, step.connector.rule, held, old.secrets if old else {})
        outcome = self._sealer.decide(place, step.connector, draft)
        document = Document(
            category=put.category or (old.category if old else step.connector.category),
            configuration=draft.public,
            secrets=outcome.refs,
            description=_or(put.description, old.description if old else None),
            enabled=put.enabled if put.enabled is not None else old is None or old.enabled,
            tags=compose.next_tags(old.tags if old else (), put),
            apis=compose.next_apis(old.apis if old else (), put, by=by, at=self.now),
            missing=draft.missing,
        )
        if len(document.apis) > compose.MAX_APIS:
            self._fail(step.position, put.name, [compose.TOO_MANY_APIS])
        elif not self._admission.covers(put.name, document.tags):
            self._fail(step.position, put.name, [FORBIDDEN])
        elif outcome.problems:
            self._fail(step.position, put.name, outcome.problems)
        else:
            self._conclude(step, version, document, outcome, draft)

    def _conclude(  # a record's next version and how it came about
        self, step: Step, version: int, document: Document, outcome: Outcome, draft: Draft
    ) -> None:
        before, old = step.before, step.document
        words = self._words(old, document, draft)
        if before is None or old is None:
            edits, result = [], "created"
            changed = receipts.name_paths(tuple(document.configuration), tuple(document.secrets))
        else:
            edits, result = compose.list_edits(old, document), "updated"
            changed = tuple(edit.pointer for edit in edits)
            if not edits and old.missing == document.missing:
                item = Item(before.name, "unchanged", before.version, (), words, old.missing)
                self.items[step.position] = item
                return
        self.items[step.position] = Item(step.put.name, result, version, changed, words, document.missing)
        if not self._sealer.seals:
            return
        self.writes.append(
            Write(
                before=before,
                record=self._record(step, version, document),
                document=document,
                edits=tuple(edits),
                secrets=tuple(outcome.sealed),
                retired=tuple(outcome.retired),
                children=old is None or old.apis != document.apis or old.tags != document.tags,
            )
        )

    def _record(self, step: Step, version: int, document: Document) -> Record:
        before, by = step.before, self._context.actor.name
        return Record(
            row=before.row if before else next(self._rows),
            id=step.owner,
            name=step.put.name,
            type=step.connector.name,
            category=document.category,
            description=document.description,
            enabled=document.enabled,
            version=version,
            digest=self._source_digest(step),
            created_at=before.created_at if before else self.now,
            created_by=before.created_by if before else by,
            updated_at=self.now,
            updated_by=by,
            body=_encode(document),
        )

    def _source_digest(self, step: Step) -> bytes | None:
        put = step.put
        if put.source is None:
            return None
        rules = b"%d%d" % (self._context.policy.lenient, put.replace_apis)
        return self._digest(step.connector, rules, put.source.reveal())

    def _words(self, old: Document | None, new: Document, draft: Draft) -> Mapping[str, str]:
        if not new.secrets and not (old and old.secrets):
            return {}
        if old is None and not self._guarded:
            return receipts.all_set(tuple(new.secrets))
        words = compose.secret_words(old.secrets if old else {}, new.secrets, draft.entered)
        if self._guarded:
            words |= {f"/configuration{path}": "provided" for path in draft.entered}
        return receipts.share_words(tuple(words.items()))

    def _fail(self, index: int, name: str, problems: Sequence[Problem]) -> None:
        # A name is repeated only where it is one: anything else may hold what was pasted by mistake.
        told = name if is_name(name) else None
        known = self.items[index].problems
        room = min(MOST_PROBLEMS - len(known), max(_MOST_PROBLEMS - self._problems, 1))
        located = tuple(msgspec.structs.replace(p, index=index, name=told) for p in problems[: max(room, 0)])
        self._problems += len(located)
        self.items[index] = Item(told, "failed", problems=known + located)
        self.failed = True


def _entered(put: Put) -> Mapping[str, Any] | None:
    return None if put.configuration is None else put.configuration.reveal()


def _repeats_view(step: Step) -> bool:
    document = step.document
    if document is None or step.put.configuration is None:
        return False
    shown = present(step.connector.keys, document.configuration, document.secrets)
    return shown == step.put.configuration.reveal()


def _or(given: T | None, other: T) -> T:
    return other if given is None else given


def _held(step: Step) -> Held:
    document = step.document
    if document is None:
        return EMPTY
    return Held(document.configuration, {path: ref.redacted for path, ref in document.secrets.items()})
