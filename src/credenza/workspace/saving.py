"""Running a batch: one transaction, tried again when somebody else was faster, all of it or nothing."""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, nullcontext
from enum import StrEnum

import msgspec

from credenza.errors import Conflict, CredenzaError, Forbidden, KeyReused, TermRetired
from credenza.model import Receipt
from credenza.observer import Watch
from credenza.ports import Tx
from credenza.sensitive import Sensitive
from credenza.vault import Ring
from credenza.workspace.admission import FORBIDDEN, blame
from credenza.workspace.batch import Batch
from credenza.workspace.changes import Changes
from credenza.workspace.context import Context
from credenza.workspace.ledger import Ledger, is_signed

CHUNK = 128  # items that are planned before they are written: all that is held of a batch but its text
_TRIES = 3
_DAY = 86_400_000  # milliseconds
_PAUSE_COLLECTOR_FROM = 200
_ONCE = b"credenza.once.v1"
_DIGEST = 16  # bytes
_read_receipt = msgspec.json.Decoder(Receipt).decode


class Mode(StrEnum):
    """All or nothing, or each for itself."""

    ATOMIC = "atomic"
    PER_ITEM = "per-item"


class Once(msgspec.Struct, frozen=True):
    """An idempotency key, and the whole request it stands for."""

    key: str
    request: Sensitive[bytes]


def save(ledger: Ledger, context: Context, tx: Tx, changes: Changes, once: Once | None) -> Receipt:
    """Do as `_save` does, and be watched."""
    context.watch.opened = 0  # a try before this one may have been undone
    with context.watch.part("work"):
        return _save(ledger, context, context.watch.look(tx), changes, once)


def _save(ledger: Ledger, context: Context, tx: Tx, changes: Changes, once: Once | None) -> Receipt:
    """Plan and write all changes in this transaction, chunk by chunk, and return the receipt.

    Raises:
        Invalid, Forbidden, PreconditionFailed: see `admission.blame`; never in per-item mode.
        KeyReused: the idempotency key came with another request before.
        Conflict: a record changed between reading and writing.
    """
    key, digest = "", b""
    if once is not None:
        # Not as it came: whatever a caller takes for a key, nothing of it may stand in the store.
        key = hashlib.sha256(f"{context.actor.name}:{once.key}".encode()).hexdigest()
        request = once.request.reveal()
        kept = tx.recall(key, context.policy.clock() - _DAY)
        if kept is not None:
            if not _is_same(context.ring, request, kept[0]):
                raise KeyReused
            return _read_receipt(kept[1])
        digest = context.ring.sign(_mark(request))
    batch = Batch(context, tx, len(changes))
    with _collector_paused() if len(changes) >= _PAUSE_COLLECTOR_FROM else nullcontext():
        for first in range(0, len(changes), CHUNK):
            batch.plan(changes, first, min(first + CHUNK, len(changes)))
            if not context.dry_run and (context.per_item or not batch.failed):
                with context.watch.part("write"):
                    tx.save(batch.writes, context.policy.keep_versions)
                    tx.note_digests(batch.digests)
                    tx.drop(batch.drops)
                    tx.park(batch.moves)
                    tx.keep(batch.papers)
    if not context.per_item:
        blame(batch.items)
    receipt = Receipt(tuple(batch.items), context.dry_run)
    if context.dry_run:
        return receipt
    for term, count in batch.seals:
        tx.count_seals(term, count)
    ledger.note(tx, context.ring, "reseal", batch.resealed, batch.now)
    ledger.note(tx, context.ring, context.verb, batch.items, batch.now)
    if once is not None:
        tx.remember(key, digest, msgspec.json.encode(receipt), batch.now, batch.now - _DAY)
    return receipt


def _mark(request: bytes) -> bytes:
    return _ONCE + hashlib.sha256(request).digest()


def _is_same(ring: Ring, request: bytes, kept: bytes) -> bool:
    """Tell whether a request is the one that was kept, under whatever term that was.

    A signature outlives every term. Answers of an earlier release, for a day, have a digest instead.
    """
    if len(kept) != _DIGEST:
        return is_signed(ring, _mark(request), kept)
    return ring.recognises(b"once", request, kept)


def settle(
    ledger: Ledger, verb: str, attempt: Callable[[], Future[Receipt]], watch: Watch
) -> Future[Receipt]:
    """Return the outcome of an attempt: repeated on a conflict, with an audit row where it was forbidden."""
    settling = _Settling(ledger, verb, attempt, watch)
    settling.begin()
    return settling.out


class _Settling:
    """One outcome in the making.

    An object and no closure: a closure that begins itself again is a cycle, and would keep the text of a
    whole batch until the collector comes by.
    """

    def __init__(
        self, ledger: Ledger, verb: str, attempt: Callable[[], Future[Receipt]], watch: Watch
    ) -> None:
        self.out: Future[Receipt] = Future()
        self._ledger = ledger
        self._verb = verb
        self._attempt = attempt
        self._watch = watch
        self._tries = _TRIES

    def begin(self) -> None:
        """Try, once more."""
        self._tries -= 1
        try:
            tried = self._attempt()
        except CredenzaError as error:
            # Raised in the writer's callback it would be lost, and the one who waits would wait for ever.
            self._answer(error)
        else:
            tried.add_done_callback(self._end)

    def _end(self, tried: Future[Receipt]) -> None:
        error = tried.exception()
        if error is None:
            receipt = tried.result()
            self._tell(receipt, _refused(receipt))
        elif isinstance(error, Conflict) and self._tries > 0:
            if isinstance(error, TermRetired):
                self._ledger.renew()
            self.begin()
        elif isinstance(error, Forbidden):
            names = [problem.name for problem in error.problems]
            self._tell(error, names or [None])
        else:
            self._answer(error)

    def _tell(self, outcome: Receipt | BaseException, refused: list[str | None]) -> None:
        """Answer, and first leave an audit row of what was refused, where something was."""
        if not refused:
            self._answer(outcome)
            return
        left = self._ledger.refuse(self._verb, [name for name in refused if name])
        left.add_done_callback(lambda _: self._answer(outcome))

    def _answer(self, outcome: Receipt | BaseException) -> None:
        if isinstance(outcome, Receipt):
            told = "planned" if outcome.dry_run else "saved"
            self._watch.end(told, (item.result for item in outcome.items))
        else:
            self._watch.end(outcome.code if isinstance(outcome, CredenzaError) else "internal_error", ())
        _answer(self.out, outcome)


def finished(call: Callable[[], Receipt]) -> Future[Receipt]:
    """Make a call now and return it as a future."""
    future: Future[Receipt] = Future()
    try:
        future.set_result(call())
    except Exception as error:  # noqa: BLE001  # it belongs to the one who waits, whatever it is
        future.set_exception(error)
    return future


def _answer(future: Future[Receipt], outcome: Receipt | BaseException) -> None:
    # The one who waited may have gone: then there is nobody to tell.
    if not future.set_running_or_notify_cancel():
        return
    if isinstance(outcome, BaseException):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)


def _refused(receipt: Receipt) -> list[str | None]:
    return [
        item.name
        for item in receipt.items
        if item.problems and any(problem.code == FORBIDDEN.code for problem in item.problems)
    ]


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Pause the cyclic collector for a large batch: it makes no cycles, and walking it costs a third."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
