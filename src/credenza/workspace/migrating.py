"""Bringing stored records to the version that their type has now, their secrets sealed for that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from credenza.connectors import ConnectorType, join
from credenza.connectors.views import may_expose
from credenza.errors import Damaged, Problem, WrongKey
from credenza.model import Api, ApiPut, Document, Record, Secret, SecretRef, Version, locate, nest
from credenza.observer import Watch
from credenza.sensitive import Sensitive
from credenza.vault import Ring
from credenza.workspace.children import Children
from credenza.workspace.fitness import Plan, plan
from credenza.workspace.scrubbing import Scrubbed
from credenza.workspace.sealing import KIND, Outcome, Place, Sealer

_CLOSED = "This secret cannot be opened to be sealed for the new version of its type: enter it again."

Texts = Mapping[str, str]


class Lagging(NamedTuple):
    """A record that was saved under an earlier version of its type: what it says, and its secrets by path.

    `history` gives the versions in which a value that is a secret now may stand in clear; reading them is
    dear, and left to what is written.
    """

    record: Record
    document: Document
    held: Mapping[str, Secret]
    type: ConnectorType
    history: Callable[[], Iterator[Version]]


class Migrated(NamedTuple):
    """A record at the version its type has now: its document, and the secrets that belong to it by path.

    `stored` is what the store says of it; `sealed` and `retired` are as in `Write`, `resealed` the pointers
    of what was opened, `history` as in `Lagging`. With problems, it is what a correction may be saved over.
    """

    type: ConnectorType
    stored: Document
    document: Document
    held: Mapping[str, Secret]
    problems: tuple[Problem, ...]
    sealed: tuple[Secret, ...] = ()
    retired: tuple[str, ...] = ()
    resealed: tuple[str, ...] = ()
    history: Callable[[], Iterator[Version]] = lambda: iter(())

    @property
    def references(self) -> Mapping[str, SecretRef]:
        """Return all secrets of the document by stored path."""
        return self.document.references()

    def scrub(self, sealed: Sequence[Secret]) -> Iterable[tuple[int, bytes]]:
        """Return earlier versions without what is a secret now; `sealed` are those of the next version."""
        if not may_expose(self.type):
            return ()
        paths = {each.path for each in sealed}
        return Scrubbed(self.type, self.stored, self.document, paths, self.history)


class Migrator:
    """Bring the records of one batch to the versions their types have now."""

    def __init__(
        self,
        ring: Ring,
        api: ConnectorType,
        ids: Iterator[bytes],
        watch: Watch,
        *,
        lenient: bool,
        by: str,
        at: int,
    ) -> None:
        """Begin a batch by an actor at a time; `api` is what apis may say."""
        self._ring = ring
        self._watch = watch
        self._api = api
        self._lenient = lenient
        self._by = by
        self._at = at
        # What is opened here goes back into the vault, for where it went before: nobody is shown anything.
        self._sealer = Sealer(ring, 2, ids, guarded=False, blind=False)
        self._sealer.watch = watch

    @property
    def seals(self) -> tuple[int, int] | None:
        """Return the term and number of the seals made; None: none were."""
        return self._sealer.sealed

    def preview(self, lagging: Lagging) -> Migrated:
        """Return what a record would say, its secrets neither opened nor sealed."""
        planned, document = self._plan(lagging), lagging.document
        draft, version = planned.draft, lagging.record.version + 1
        again = (*draft.entered, *(draft.kept if planned.reseals else ()))
        refs = {pointer: document.secrets[planned.origins[pointer]] for pointer in draft.kept}
        refs |= {pointer: SecretRef(version, self._at, draft.redacted.get(pointer)) for pointer in again}
        apis = document.apis
        if planned.reseals:
            new = SecretRef(version, self._at)
            apis = tuple(
                msgspec.structs.replace(
                    api,
                    secrets={
                        p: msgspec.structs.replace(new, redacted=r.redacted) for p, r in api.secrets.items()
                    },
                )
                for api in apis
            )
        after = _next(lagging, planned, refs, apis)
        return Migrated(lagging.type, document, after, {}, planned.problems)

    def migrate(self, lagging: Lagging) -> Migrated:
        """Return a record at the version its type has now."""
        planned = self._plan(lagging)
        try:
            opened = self._open(lagging) if planned.reseals else {}
        except (Damaged, WrongKey):
            problems = [
                Problem("secret_reentry_required", _CLOSED, locate(path), "sealed")
                for path in lagging.document.references()
            ]
            planned = planned._replace(astray=True, reseals=False, problems=(*planned.problems, *problems))
            opened = {}
        place = self._place(lagging, planned)
        outcome = self._seal(lagging, planned, place, opened)
        apis = lagging.document.apis
        if opened and any(api.secrets for api in apis):
            apis, outcome = self._descend(lagging, place, outcome, opened)
        after = _next(lagging, planned, outcome.refs, apis)
        planned = planned._replace(problems=(*planned.problems, *outcome.problems))
        return self._conclude(lagging, planned, after, outcome)

    def _plan(self, lagging: Lagging) -> Plan:
        return plan(lagging.type, self._api, lagging.document, lagging.held, lenient=self._lenient)

    def _open(self, lagging: Lagging) -> Texts:
        """Return the texts of all secrets by path."""
        self._watch.opened += len(lagging.document.references())
        return {
            path: self._ring.open(KIND, lagging.record.id, lagging.held[path]).reveal()
            for path in lagging.document.references()
        }

    def _place(self, lagging: Lagging, planned: Plan) -> Place:
        record, document = lagging.record, lagging.document
        gone = {pointer for pointer in document.secrets if planned.origins.get(pointer) != pointer}
        return Place(
            record.id,
            record.version + 1,
            self._at,
            lagging.type.rule,
            {path: secret for path, secret in lagging.held.items() if path not in gone},
            {pointer: ref for pointer, ref in document.secrets.items() if pointer not in gone},
            binding=document.binding,
        )

    def _seal(self, lagging: Lagging, planned: Plan, place: Place, opened: Texts) -> Outcome:
        """Return what becomes of the record's own secrets; all are entered anew where one must be."""
        draft = planned.draft
        if planned.reseals:
            again = {pointer: opened[planned.origins[pointer]] for pointer in draft.kept}
            draft = msgspec.structs.replace(draft, entered={**draft.entered, **again}, kept=())
        elif planned.astray:
            draft = msgspec.structs.replace(draft, kept=())
        outcome = self._sealer.decide(place, lagging.type, draft)
        if planned.astray:
            secrets = lagging.document.secrets
            outcome.refs.update({p: secrets[planned.origins[p]] for p in planned.draft.kept})
        return outcome

    def _descend(
        self, lagging: Lagging, place: Place, above: Outcome, opened: Texts
    ) -> tuple[tuple[Api, ...], Outcome]:
        """Return the apis with their secrets sealed for where those of the integration go now."""
        before = lagging.document.apis
        children = Children(self._sealer, self._api, place, above, self._by)
        puts = [
            ApiPut(api.api, configuration=Sensitive(self._join(api, opened))) for api in before if api.secrets
        ]
        apis = children.decide(before, before, puts)
        below = children.outcome
        together = above._replace(
            sealed=above.sealed + below.sealed, problems=above.problems + below.problems
        )
        return apis, together

    def _join(self, api: Api, opened: Texts) -> dict[str, object]:
        texts = {pointer: opened[nest(api.api, pointer)] for pointer in api.secrets}
        return join(api.configuration, texts, self._api.keys)

    def _conclude(self, lagging: Lagging, planned: Plan, after: Document, outcome: Outcome) -> Migrated:
        stored, references = lagging.document, after.references()
        before = stored.references()
        sealed = {secret.path: secret for secret in outcome.sealed}
        held = {path: lagging.held[path] for path in references if path in lagging.held} | sealed
        if planned.astray:
            held |= {
                path: msgspec.structs.replace(secret, destination=b"")
                for path, secret in _follow(planned, lagging.held, references).items()
                if path not in sealed
            }
        return Migrated(
            type=lagging.type,
            stored=stored,
            document=after,
            held=held,
            problems=planned.problems,
            sealed=tuple(outcome.sealed),
            retired=tuple(path for path, ref in before.items() if references.get(path) != ref),
            resealed=tuple(locate(path) for path in sealed) if planned.reseals else (),
            history=lagging.history,
        )


def _follow(
    planned: Plan, held: Mapping[str, Secret], references: Mapping[str, SecretRef]
) -> dict[str, Secret]:
    """Return the secrets as they are, by the paths they have now."""
    found = {path: planned.origins.get(path, path) for path in references}
    return {path: held[origin] for path, origin in found.items() if origin in held}


def _next(lagging: Lagging, planned: Plan, refs: dict[str, SecretRef], apis: tuple[Api, ...]) -> Document:
    return msgspec.structs.replace(
        lagging.document,
        configuration=planned.draft.public,
        secrets=refs,
        apis=apis,
        missing=planned.draft.missing,
        type_version=lagging.type.version,
        unfit=(),
    )
