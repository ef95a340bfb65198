"""Changes that make an integration say what it said before, or the same under another version of its type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from credenza import access
from credenza.connectors import ConnectorType
from credenza.errors import Damaged, Problem, TypeNotLoaded
from credenza.model import Document, Item, Migrate, Permission, Record, Restore, Secret, Write
from credenza.ports import Tx
from credenza.workspace.admission import FORBIDDEN, NO_VERSION, TYPE_OUTDATED, Admission
from credenza.workspace.context import Context
from credenza.workspace.fitness import UNREADABLE
from credenza.workspace.marking import conclude, read_history
from credenza.workspace.migrating import Lagging, Migrated, Migrator
from credenza.workspace.restore import find_lost, restore


class Revised(NamedTuple):
    """What is told of a record, and its next version if it gets one."""

    item: Item
    writes: tuple[Write, ...] = ()


class Reviser:
    """Revise the records of one batch; `resealed` tells what was opened to be sealed for another version."""

    def __init__(
        self, context: Context, tx: Tx, admission: Admission, ids: Iterator[bytes], now: int
    ) -> None:
        """Begin a batch at a time."""
        self.resealed: list[Item] = []
        self._context = context
        self._tx = tx
        self._admission = admission
        self._now = now
        self._ids = ids
        self._migrator: Migrator | None = None

    @property
    def seals(self) -> tuple[int, int] | None:
        """Return the term and number of the seals made; None: none were."""
        return self._migrator.seals if self._migrator else None

    def revise(self, change: Restore | Migrate, before: Record) -> Revised | Sequence[Problem]:
        """Return what becomes of a record, or why it may not."""
        if isinstance(change, Restore):
            return self._restore(change, before)
        return self._migrate(before)

    def move(
        self,
        before: Record,
        type: ConnectorType,
        then: tuple[Document, Mapping[str, Secret]] | None = None,
        *,
        preview: bool = False,
    ) -> Migrated:
        """Bring a record, or what it said `then`, to the version its type has now."""
        document, held = then or (before.document(), self._tx.held([before.row])[before.row])
        lagging = Lagging(before, document, held, type, lambda: read_history(self._tx, before.row))
        if self._migrator is None:
            self._migrator = self._begin()
        return self._migrator.preview(lagging) if preview else self._migrator.migrate(lagging)

    def _begin(self) -> Migrator:
        context = self._context
        return Migrator(
            context.ring,
            context.catalogue.api,
            self._ids,
            context.watch,
            lenient=context.policy.lenient,
            by=context.actor.name,
            at=self._now,
        )

    def _restore(self, change: Restore, before: Record) -> Revised | Sequence[Problem]:
        version = self._tx.version(before.row, change.version)
        # One whose tags lie outside the limit is as if it were not there.
        if version is None or not self._admission.covers(change.name, version.document().tags):
            return [NO_VERSION]
        then, catalogue, moved = version.document(), self._context.catalogue, None
        type_ = catalogue.find(before.type)
        if type_ is not None and max(before.type_version, then.type_version) > type_.version:
            return [TYPE_OUTDATED]
        wanted = {path: ref.version for path, ref in then.references().items()}
        kept = self._tx.secrets(before.row, wanted)
        problems = find_lost(type_, catalogue.api, then, kept)
        if type_ is not None and then.type_version < type_.version and not problems:
            moved = self.move(before, type_, (then, kept))
            problems, then = [*moved.problems], moved.document
        write, item = restore(before, then, moved, by=self._context.actor.name, at=self._now)
        if write is None:
            return Revised(item)
        if problems:
            return problems
        self._tell(item, moved)
        return Revised(item, (write,))

    def _migrate(self, before: Record) -> Revised | Sequence[Problem]:
        context, type_ = self._context, self._context.catalogue.find(before.type)
        if not access.allows(context.actor, Permission.ADMINISTER):
            return [FORBIDDEN]
        if type_ is None:
            raise TypeNotLoaded
        if before.type_version > type_.version:
            return [TYPE_OUTDATED]
        if before.type_version == type_.version:
            return Revised(Item(before.name, "unchanged", before.version))
        try:
            moved = self._follow(before, type_) or self.move(before, type_, preview=context.dry_run)
        except Damaged:
            return [UNREADABLE]
        item, write = conclude(before, moved, by=context.actor.name, at=self._now)
        if write is None or context.dry_run:
            return Revised(item)
        if not moved.problems:
            self._tell(item, moved)
        return Revised(item, (write,))

    def _follow(self, before: Record, type: ConnectorType) -> Migrated | None:
        """Return what becomes of a managed integration, which has nothing to migrate; None: it is none."""
        if before.source() is None:
            return None
        document = before.document()
        after = msgspec.structs.replace(document, type_version=type.version)
        return Migrated(type, document, after, {}, ())

    def _tell(self, item: Item, moved: Migrated | None) -> None:
        if moved is not None and moved.resealed and not self._context.dry_run:
            self.resealed.append(Item(item.name, "resealed", item.version, moved.resealed))
