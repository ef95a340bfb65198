"""One actor in one workspace: the one way to change records, and every way to read them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from itertools import chain, islice
from typing import TypeVar, Unpack

import msgspec

from credenza import access
from credenza.connectors import Catalogue
from credenza.errors import CredenzaError, Damaged, Forbidden, NotFound, WrongKey
from credenza.model import (
    OWNED,
    Actor,
    Amend,
    Amendment,
    Change,
    Drop,
    Keep,
    Migrate,
    Permission,
    Receipt,
    Record,
    Restore,
    Usage,
    Version,
)
from credenza.ports import Store, Tx
from credenza.vault import Ring, Vault
from credenza.workspace import compose, saving
from credenza.workspace.amending import NO_API
from credenza.workspace.changes import Changes, Listed
from credenza.workspace.context import Context
from credenza.workspace.ledger import Ledger
from credenza.workspace.listing import CHUNK, Filters, read_chunks
from credenza.workspace.papers import TYPE
from credenza.workspace.policy import Policy
from credenza.workspace.reveal import Resolved, Sealed, collect_one, list_revealed, open_all
from credenza.workspace.saving import Mode, Once
from credenza.workspace.types import Types
from credenza.workspace.view import View
from credenza.workspace.viewer import Viewer

T = TypeVar("T")
_FEW = 4


class Workspace:
    """The records of one workspace as one actor may see and change them."""

    def __init__(self, actor: Actor, store: Store, vault: Vault, types: Types, policy: Policy) -> None:
        """Bind an actor to the rooms below."""
        self.actor = actor
        self._store = store
        self._vault = vault
        self.ring_of = vault.ring  # of any workspace by its id, to tell what that has signed
        self._types = types
        self._policy = policy
        self._ledger = Ledger(actor, store, vault, policy)

    @property
    def catalogue(self) -> Catalogue:
        """Return the connector types of this workspace."""
        return self._types.of(self.actor.tenant)

    def apply(
        self,
        changes: Sequence[Change] | Changes,
        *,
        mode: Mode = Mode.ATOMIC,
        dry_run: bool = False,
        once: Once | None = None,
    ) -> Receipt:
        """Do all changes, or none; `dry_run` says what would come of it. Waits for `submit`."""
        return self.submit(changes, mode=mode, dry_run=dry_run, once=once).result()

    def submit(
        self,
        changes: Sequence[Change] | Changes,
        *,
        mode: Mode = Mode.ATOMIC,
        dry_run: bool = False,
        once: Once | None = None,
        verb: str = "save",
    ) -> Future[Receipt]:
        """Begin to do all changes; the future is done when they are durable, or refused.

        With `once`, the same key and request answer the first receipt. `verb` is what the audit calls it.

        Raises (on the future):
            Invalid, Forbidden, PreconditionFailed: see `admission.blame`; in per-item mode these are
                problems of the items instead.
            Conflict: somebody else kept changing the same records.
            KeyReused: the idempotency key came with another request before.
            VaultLocked, StoreFull, Unavailable: nothing was done.
        """
        tenant = self.actor.tenant
        batch = Listed(changes) if isinstance(changes, Sequence) else changes
        # A large batch is looked up chunk by chunk, by itself.
        watch = self._policy.observer.watch(verb)
        names = [outline.name for outline in batch.outline(0, len(batch))] if len(batch) <= _FEW else []

        def attempt() -> Future[Receipt]:
            try:
                access.require(self.actor, Permission.WRITE)
                ring, each = self._ledger.ring(), mode is Mode.PER_ITEM
                context = Context(self.actor, self.catalogue, self._policy, ring, dry_run, each, verb, watch)
            except CredenzaError as error:
                failed: Future[Receipt] = Future()
                failed.set_exception(error)
                return failed

            def job(tx: Tx) -> Receipt:
                return saving.save(self._ledger, context, tx, batch, once)

            if dry_run:
                return saving.finished(lambda: self._store.read(tenant, job))
            return self._store.write(tenant, job, names=names)

        return saving.settle(self._ledger, verb, attempt, watch)

    def rollback(
        self, name: str, version: int, *, expected_version: int | None = None, dry_run: bool = False
    ) -> Receipt:
        """Make what a record said at an earlier version its next version.

        Raises:
            NotFound: no such record, or no such version.
            Invalid: secrets of that version are destroyed; the problems name those to enter again.
            PreconditionFailed: the record is not at `expected_version`.
        """
        change = Restore(name, version, expected_version)
        return self.submit([change], dry_run=dry_run, verb="rollback").result()

    def migrate(self, names: Sequence[str], *, dry_run: bool = False) -> Receipt:
        """Move records to the versions their types have now, each for itself; `marked` do not fit.

        Raises:
            Forbidden: the role may not administer.
        """
        self._ledger.require(Permission.ADMINISTER, "migrate")
        changes = [Migrate(name) for name in names]
        return self.submit(changes, mode=Mode.PER_ITEM, dry_run=dry_run, verb="migrate").result()

    def delete(self, name: str, *, expected_version: int | None = None) -> Future[Receipt]:
        """Begin to remove a record with everything it owns; see `submit`."""
        return self.submit([Drop(name, expected_version)], verb="delete")

    def amend(self, name: str, *parts: Amendment, expected_version: int | None = None) -> Future[Receipt]:
        """Begin to change parts of a record that is there; see `submit`."""
        return self.submit([Amend(name=name, parts=parts, expected_version=expected_version)])

    def count(self, name: str, usage: Usage) -> Future[None]:
        """Begin to add to what an api used. It makes no version: usage is no configuration.

        Raises (at once):
            Forbidden: the role may not count.
        Raises (on the future):
            NotFound: there is no such record or api.
        """
        self._ledger.require(Permission.COUNT, "count", name)
        self._ledger.watch(lambda: self._require_name(name), "count", name)

        def job(tx: Tx) -> None:
            record = self._find(tx, name)
            if not any(api.api == usage.api for api in record.document().apis):
                raise NotFound(NO_API.message)
            tx.count_tokens(record.row, usage)

        return self._store.write(self.actor.tenant, job)

    @property
    def lenient(self) -> bool:
        """Say whether missing and unknown keys are accepted."""
        return self._policy.lenient

    @property
    def shipped(self) -> Catalogue:
        """Return the connector types that every workspace has."""
        return self._types.shipped

    def register(self, schemas: Mapping[str, bytes | None]) -> Future[Receipt]:
        """Begin to register connector types by name, all or none; None removes one.

        The schemas have been accepted: see `connectors.registration`.

        Raises (at once):
            Forbidden: the role may not administer.
        Raises (on the future):
            Invalid: `type_in_use`: integrations of one exist, and its schema would be another.
            NotFound: one to be removed is not there.
        """
        self._ledger.require(Permission.ADMINISTER, "type")
        changes = [Keep(kind=TYPE, slug=name, body=body) for name, body in schemas.items()]
        future = self.submit(changes, verb="type")
        future.add_done_callback(lambda _: self._types.forget(self.actor.tenant))
        return future

    def usage(self, name: str, *, since: int = 0, api: str | None = None) -> Sequence[Usage]:
        """Return what the apis of a record used, by api and day."""
        return self._read(name, lambda tx, record: tx.usage(record.row, since=since, api=api))

    def view(self, name: str) -> View:
        """Return one record, its secrets shown as being there.

        Raises:
            NotFound: there is none of this name that this actor may see.
        """
        see_one = self._viewer().see
        return self._read(name, see_one)

    def list(
        self, *, after: str | None = None, limit: int | None = None, **filters: Unpack[Filters]
    ) -> Sequence[View]:
        """Return the records this actor may see, in order of their names, all as they are at one moment."""
        self._ledger.require(Permission.READ, "list")
        size = CHUNK if limit is None else max(limit, 1)
        see_all = self._viewer().see_all

        def job(tx: Tx) -> list[View]:
            chunks = read_chunks(lambda look: look(tx), self.actor, see_all, filters, after=after, size=size)
            return [*islice(chain.from_iterable(chunks), limit)]

        return self._store.read(self.actor.tenant, job)

    def walk(
        self, *, after: str | None = None, size: int = CHUNK, **filters: Unpack[Filters]
    ) -> Iterator[Sequence[View]]:
        """Return the same in chunks, each a read of its own: of `size` records, without those hidden.

        Each record comes at most once, and in order; one saved meanwhile may come or not.
        """
        self._ledger.require(Permission.READ, "list")
        read = partial(self._store.read, self.actor.tenant)
        see_all = self._viewer().see_all
        return read_chunks(read, self.actor, see_all, filters, after=after, size=size)

    def history(self, name: str, *, before: int | None = None, limit: int = 100) -> Sequence[Version]:
        """Return a record's versions, newest first."""

        def job(tx: Tx, record: Record) -> list[Version]:
            versions = tx.history(record.row, before=before, limit=limit)
            return [each for each in versions if self._covers(name, each)]

        return self._read(name, job)

    def version(self, name: str, version: int) -> View:
        """Return what a record said at one of its versions; raises NotFound."""
        viewer = self._viewer()

        def job(tx: Tx, record: Record) -> View:
            then = self._version(tx, record, version)
            past = msgspec.structs.replace(
                record, version=version, updated_at=then.created_at, updated_by=then.created_by
            )
            return viewer.see(tx, past, then.document())

        return self._read(name, job)

    def difference(self, name: str, first: int, second: int) -> Sequence[tuple[str, str]]:
        """Return where two versions differ and how, as (pointer, word): never a value."""

        def job(tx: Tx, record: Record) -> list[tuple[str, str]]:
            old, new = (self._version(tx, record, version) for version in (first, second))
            return [
                (edit.pointer, edit.change) for edit in compose.list_edits(old.document(), new.document())
            ]

        return self._read(name, job)

    def reveal(self, name: str) -> Resolved:
        """Return a record with its secrets in clear; the audit row is committed before.

        Raises:
            Forbidden: the role may not reveal.
            NotFound: there is no such record.
            WrongKey, Damaged: a secret cannot be opened, or no longer belongs where it stands.
            Clash: a managed integration refers to what is gone, or was sealed for another destination.
        """
        self._ledger.require(Permission.REVEAL, "reveal", name)
        ring, catalogue = self._ledger.ring(), self.catalogue

        def job(tx: Tx) -> Sealed:
            sealed = collect_one(tx, self._find(tx, name), catalogue, lenient=self._policy.lenient)
            self._ledger.note(tx, ring, "reveal", list_revealed(sealed), self._policy.clock())
            return sealed

        write = self._store.write
        sealed = self._ledger.watch(lambda: write(self.actor.tenant, job).result(), "reveal", name)
        try:
            resolved = open_all(ring, sealed, catalogue)
        except (WrongKey, Damaged):
            # So that saving the same again, with the secret in it, mends the record.
            write(self.actor.tenant, lambda tx: tx.distrust(sealed.record.row)).exception()
            raise
        self._policy.observer.count_opened(sum(len(item.changed) for item in list_revealed(sealed)))
        return resolved

    def verify_audit(self, exported: Sequence[str] = ()) -> tuple[int, Sequence[str], Sequence[str]]:
        """Return the number of audit rows, what is wrong with them, and the heads to keep elsewhere."""
        return self._ledger.verify(exported)

    def require(self, permission: Permission, verb: str) -> None:
        """Let the actor pass who may do this with the whole workspace; leave a row and raise Forbidden."""
        self._ledger.watch(lambda: access.require_whole(self.actor, permission), verb, None)

    def peek(self, job: Callable[[Tx, Ring | None], T]) -> T:
        """Run a job of this package on one consistent, read-only view; without a key where there is none."""
        ring = None if self._vault.locked is not None else self._ledger.ring()
        return self._store.read(self.actor.tenant, lambda tx: job(tx, ring))

    def _read(self, name: str, job: Callable[[Tx, Record], T]) -> T:
        def run() -> T:
            access.require(self.actor, Permission.READ)
            return self._store.read(self.actor.tenant, lambda tx: job(tx, self._find(tx, name)))

        return self._ledger.watch(run, "read", name)

    def _find(self, tx: Tx, name: str) -> Record:
        self._require_name(name)
        record = tx.find([name]).get(name.lower())
        # What belongs to a paper, or has tags outside the limit, is as if it were not there.
        if record is None or record.name != name or name[:1] == OWNED or not self._covers(name, record):
            raise NotFound("There is no integration of this name.")
        return record

    def _require_name(self, name: str) -> None:
        if not access.covers_name(self.actor, name):
            raise Forbidden("This credential is limited to other integrations.")

    def _covers(self, name: str, said: Record | Version) -> bool:
        return not self.actor.tags or access.covers(self.actor, name, said.document().tags)

    def _version(self, tx: Tx, record: Record, version: int) -> Version:
        found = tx.version(record.row, version)
        if found is None or not self._covers(record.name, found):
            raise NotFound("There is no such version of this integration.")
        return found

    def _viewer(self) -> Viewer:
        """Return what shows records; the types are read here, not by a read within each read."""
        return Viewer(self.catalogue, self._vault, tenant=self.actor.tenant.id, lenient=self._policy.lenient)
