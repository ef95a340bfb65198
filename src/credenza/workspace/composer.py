"""One record's next version: its document, its row, and what is told of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TypeVar

import msgspec

from credenza.connectors import UNKNOWN, ConnectorType, Draft
from credenza.errors import Problem
from credenza.model import (
    INTEGRATION,
    Api,
    Document,
    Edit,
    Item,
    Record,
    Secret,
    SecretRef,
    Write,
    locate,
    nest,
)
from credenza.workspace import compose, receipts
from credenza.workspace.admission import FORBIDDEN, NEEDS_RECONFIGURATION, Admission
from credenza.workspace.binding import Binder
from credenza.workspace.children import Children
from credenza.workspace.migrating import Migrated
from credenza.workspace.sealing import Outcome, Place, Sealer
from credenza.workspace.steps import Step

T = TypeVar("T")
_NOTHING = Document("", {})
MOST_BYTES = 4 << 20  # every change of a record writes it whole, and history keeps it
_TOO_LARGE = Problem(
    "too_large", f"An integration has at most {MOST_BYTES >> 20} MiB without its secrets.", "", "maxLength"
)
_LED_AWAY = Problem(
    "secret_reentry_required",
    "An api would lead to a place of its own: enter this secret of the integration together with that, give "
    "the api one of its own under the same key, or let one who may reveal do it.",
    "",
    "x-destination",
)
_LED = msgspec.structs.replace(
    _LED_AWAY,
    message="An api would lead to a place of its own: enter this secret of the integration together with "
    "that, give the api one of its own under the same key, or allow it (`leads=allow`, --allow-leads).",
)
_encode = msgspec.json.encode
_TERM = 4  # bytes of a digest that name its term


class Composer:
    """Compose the records of one batch, and hand out what is to be written.

    `rows` are the numbers of new rows, `resealed` what was opened to be sealed for a new version of a type.
    """

    def __init__(
        self,
        sealer: Sealer,
        admission: Admission,
        binder: Binder,
        api: ConnectorType,
        sign: Callable[[Step], bytes | None],
        *,
        by: str,
        at: int,
        guarded: bool,
    ) -> None:
        """Begin a batch by an actor at a time.

        `api` is what apis may say, `sign` gives the digest by which the text of a change is known again.
        """
        self.writes: list[Write] = []
        self.digests: list[tuple[Record, bytes]] = []
        self.resealed: list[Item] = []
        self.rows: Iterator[int] = iter(())
        self._sealer = sealer
        self._admission = admission
        self._binder = binder
        self._api = api
        self._sign = sign
        self._by = by
        self._at = at
        self._guarded = guarded

    def compose(self, step: Step, draft: Draft, held: Mapping[str, Secret]) -> Item | Sequence[Problem]:
        """Return what becomes of a record, or why it may not."""
        put, old = step.put, step.document
        version = step.before.version + 1 if step.before else 1
        place = Place(step.owner, version, self._at, step.connector.rule, held, old.secrets if old else {})
        if put.kind != INTEGRATION:
            binding = self._bind(step, draft)
            if not isinstance(binding, bytes):
                return binding
            place = place._replace(binding=binding)
        if step.frozen and old is not None:
            apis, outcome, entered = self._leave(step, old)
        else:
            outcome = self._sealer.decide(place, step.connector, draft)
            apis, outcome, entered = self._descend(step, place, outcome, draft)
        base = step.base or _NOTHING
        document = Document(
            category=put.category or (old.category if old else step.connector.category),
            configuration=draft.public,
            secrets=outcome.refs,
            description=_or(put.description, base.description),
            enabled=base.enabled if put.enabled is None else put.enabled,
            tags=compose.next_tags(base.tags, put),
            apis=apis,
            missing=draft.missing,
            limits=compose.next_limits(base.limits, apis),
            type_version=step.connector.version,
            source=put.refers,
            binding=place.binding,
            member=put.member or base.member,
        )
        if step.frozen and old is not None:
            document = msgspec.structs.replace(
                document, type_version=old.type_version, unfit=old.unfit, missing=old.missing
            )
        if len(document.apis) > compose.MAX_APIS:
            return [compose.TOO_MANY_APIS]
        if not self._admission.covers(put.name, document.tags):
            return [FORBIDDEN]
        if outcome.problems:
            return outcome.problems
        body = _encode(document)
        if len(body) > MOST_BYTES:
            return [_TOO_LARGE]
        if put.kind != INTEGRATION:
            self._binder.note(put, step.connector, document, held, outcome.sealed)
        return self._conclude(step, document, body, outcome, entered)

    def _bind(self, step: Step, draft: Draft) -> bytes | Sequence[Problem]:
        """Return what a record that belongs to a paper is bound to, or why it may not go with that."""
        put, old = step.put, step.document
        binding = self._binder.find(put, step.connector, old.binding if old else b"")
        if isinstance(binding, Problem):
            return [binding]
        foreign = self._binder.find_foreign(put, step.connector, draft, self._by)
        return foreign if foreign and self._sealer.blind else binding

    def _descend(
        self, step: Step, place: Place, above: Outcome, draft: Draft
    ) -> tuple[tuple[Api, ...], Outcome, list[str]]:
        """Return the apis with configurations of their own, and with the record's what becomes of theirs."""
        base, old, put = step.base or _NOTHING, step.document or _NOTHING, step.put
        apis = compose.next_apis(base.apis, put, by=self._by, at=self._at)
        configured = put.apis is not None and any(api.configuration is not None for api in put.apis)
        if not configured and not any(api.secrets for api in old.apis):
            return apis, above, [*draft.entered]
        children = Children(self._sealer, self._api, place, above, self._by)
        apis = children.decide(old.apis, apis, put.apis or ())
        below = children.outcome
        together = above._replace(
            sealed=above.sealed + below.sealed,
            retired=above.retired + below.retired,
            problems=above.problems + below.problems,
        )
        if self._sealer.blind or not put.leads:
            # The integration's secrets may go where an api leads, so that is not for everybody to choose.
            refusal = _LED_AWAY if self._sealer.blind else _LED
            together.problems.extend(
                msgspec.structs.replace(refusal, pointer=locate(pointer))
                for pointer in draft.kept
                if children.leads_away(pointer)
            )
        return apis, together, [*draft.entered, *children.entered]

    def _leave(self, step: Step, old: Document) -> tuple[tuple[Api, ...], Outcome, list[str]]:
        """Return the apis where no configuration may change, with all secrets as they are."""
        base, put = step.base or _NOTHING, step.put
        apis = compose.next_apis(base.apis, put, by=self._by, at=self._at)
        stay = {api.api for api in apis}
        gone = [nest(api.api, path) for api in old.apis if api.api not in stay for path in api.secrets]
        problems = [
            msgspec.structs.replace(NEEDS_RECONFIGURATION, pointer=f"/apis/{at}/configuration")
            for at, api in enumerate(put.apis or ())
            if api.configuration is not None
        ]
        return apis, Outcome(dict(old.secrets), [], gone, problems), []

    def _conclude(
        self, step: Step, document: Document, body: bytes, outcome: Outcome, entered: Collection[str]
    ) -> Item:
        before, old = step.before, step.document
        words = self._words(old, document, entered)
        if step.moved:
            words = _tell_replaced(words, step.moved.references, document.references(), entered)
        edits: Sequence[Edit] = ()
        if before is None or old is None:
            version, result = 1, "created"
            changed = receipts.name_paths(tuple(document.configuration), tuple(document.references()))
        else:
            edits = compose.list_edits(step.moved.stored if step.moved else old, document)
            version, result = before.version + 1, "updated"
            changed = tuple(edit.pointer for edit in edits)
            if not edits and old.missing == document.missing:
                self._renew(before, self._mark(step, entered))
                return Item(before.name, "unchanged", before.version, (), words, old.missing)
        if self._sealer.seals:
            write = Write(
                before=before,
                record=self._record(step, version, document, body, self._mark(step, entered)),
                document=document,
                edits=tuple(edits),
                secrets=tuple(outcome.sealed),
                retired=tuple(outcome.retired),
                children=old is None or old.apis != document.apis or old.tags != document.tags,
            )
            self.writes.append(self._add_moved(write, step.moved) if step.moved else write)
        return Item(step.put.name, result, version, changed, words, document.missing)

    def _add_moved(self, write: Write, moved: Migrated) -> Write:
        """Return a write with what bringing its record to another version of its type did before."""
        references = write.document.references()
        again = {secret.path for secret in write.secrets}
        sealed = tuple(
            secret
            for secret in moved.sealed
            if secret.path not in again and references.get(secret.path) == moved.references.get(secret.path)
        )
        if moved.resealed:
            self.resealed.append(Item(write.record.name, "resealed", write.record.version, moved.resealed))
        return msgspec.structs.replace(
            write,
            secrets=write.secrets + sealed,
            retired=write.retired + moved.retired,
            scrubbed=moved.scrub(sealed),
            children=True,
        )

    def _renew(self, before: Record, mark: bytes | None) -> None:
        """Know a record again by this text, where what it was known by was made under another term."""
        known = before.digest
        if self._sealer.seals and mark is not None and known is not None and known[:_TERM] != mark[:_TERM]:
            self.digests.append((before, mark))

    def _mark(self, step: Step, entered: Collection[str]) -> bytes | None:
        # Known again by its text, undeclared keys of an api could be guessed by one who may not reveal:
        # beside a secret that is kept, the right ones alone would be accepted.
        for path in entered:
            if path.endswith(UNKNOWN) and path != UNKNOWN:
                return None
        return self._sign(step)

    def _record(
        self, step: Step, version: int, document: Document, body: bytes, digest: bytes | None
    ) -> Record:
        before = step.before
        return Record(
            row=before.row if before else next(self.rows),
            id=step.owner,
            name=step.put.name,
            type=step.connector.name,
            category=document.category,
            description=document.description,
            enabled=document.enabled,
            version=version,
            digest=digest,
            created_at=before.created_at if before else self._at,
            created_by=before.created_by if before else self._by,
            updated_at=self._at,
            updated_by=self._by,
            body=body,
            type_version=document.type_version,
        )

    def _words(self, old: Document | None, new: Document, entered: Collection[str]) -> Mapping[str, str]:
        was, now = old.references() if old else {}, new.references()
        if not was and not now:
            return {}
        if old is None and not self._guarded:
            return receipts.all_set(tuple(now))
        words = compose.secret_words(was, now, entered)
        if self._guarded:
            words |= {locate(path): "provided" for path in entered}
        return receipts.share_words(tuple(words.items()))


def _tell_replaced(
    words: Mapping[str, str],
    before: Mapping[str, SecretRef],
    after: Mapping[str, SecretRef],
    entered: Collection[str],
) -> Mapping[str, str]:
    """Correct what is said of secrets that this very version sealed already, and then replaced."""
    replaced = [p for p in entered if p in before and p in after and before[p] is not after[p]]
    told = {locate(p): "replaced" for p in replaced}
    return {path: told.get(path, word) if word == "unchanged" else word for path, word in words.items()}


def _or(given: T | None, other: T) -> T:
    return other if given is None else given
