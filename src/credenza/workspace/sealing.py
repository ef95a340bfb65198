"""What becomes of a record's secrets: kept, cleared, sealed anew, or to be entered again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from credenza.connectors import UNKNOWN, ConnectorType, Draft
from credenza.errors import Problem
from credenza.model import Document, Secret, SecretRef
from credenza.vault import Ring, Sealing

KIND = "integration"
_REENTER = "Where this secret is sent has changed: enter it again together with the change."


class Outcome(NamedTuple):
    """References to all current secrets, new sealed ones, paths no longer current, and problems."""

    refs: dict[str, SecretRef]
    sealed: list[Secret]
    retired: list[str]
    problems: list[Problem]


class Sealer:
    """Decide over the secrets of the records of one batch.

    `seals` False plans only; `guarded` never says that an entered secret is the one held.
    """

    def __init__(self, ring: Ring, count: int, new_id: Callable[[], bytes], *, guarded: bool) -> None:
        """Begin a batch of about `count` secrets."""
        self._ring = ring
        self._count = count
        self._sealing: Sealing | None = None
        self._new_id = new_id
        self._guarded = guarded
        self.seals = True

    @property
    def sealed(self) -> tuple[int, int] | None:
        """Return the term and number of the seals made; None: none were."""
        return (self._sealing.term, self._sealing.seals) if self._sealing else None

    def decide(  # noqa: PLR0917  # the record, its type, its old and new secrets
        self,
        owner: bytes,
        version: int,
        at: int,
        type: ConnectorType,
        draft: Draft,
        held: Mapping[str, Secret],
        old: Document | None,
    ) -> Outcome:
        """Return what becomes of one record's secrets in its version `version`.

        An entered value that is the one held, for the same destination, stays; everything else entered
        is sealed under the version that sets it. What is kept must still go where it was meant to go.
        """
        out = Outcome({}, [], [path for path in draft.cleared if path in held], [])
        refs = old.secrets if old else {}
        unknown_id, mark = self._unknown(draft, held)
        destination = type.destination(draft.public, draft.redacted, mark)
        for path, text in draft.entered.items():
            secret = held.get(path)
            if secret is not None and self._stays(secret, text, destination, type.rule):
                out.refs[path] = refs[path]
                continue
            out.refs[path] = SecretRef(version, at, draft.redacted.get(path))
            if secret is not None:
                out.retired.append(path)
            if self.seals:
                id = secret.id if secret else unknown_id if path == UNKNOWN else self._new_id()
                out.sealed.append(
                    self._begin().seal(
                        owner,
                        path,
                        id=id,
                        version=version,
                        destination=destination,
                        rule=type.rule,
                        text=text,
                    )
                )
        for path in draft.kept:
            secret = held.get(path)
            if secret is None or (secret.destination, secret.rule) != (destination, type.rule):
                pointer = f"/configuration{path}"
                out.problems.append(Problem("secret_reentry_required", _REENTER, pointer, "x-destination"))
            else:
                out.refs[path] = refs[path]
        return out

    def _stays(self, secret: Secret, text: str, destination: bytes, rule: int) -> bool:
        if self._guarded or (secret.destination, secret.rule) != (destination, rule):
            return False
        return self._ring.matches(secret, text)

    def _unknown(self, draft: Draft, held: Mapping[str, Secret]) -> tuple[bytes, bytes]:
        """Return the id and fingerprint of the undeclared keys: where they say to send a secret counts."""
        secret = held.get(UNKNOWN)
        text = draft.entered.get(UNKNOWN)
        if text is None:
            return b"", secret.fingerprint if secret and UNKNOWN in draft.kept else b""
        if secret is not None and self._ring.matches(secret, text):
            return secret.id, secret.fingerprint
        id = secret.id if secret else self._new_id()
        return id, self._begin().fingerprint(id, UNKNOWN, text)

    def _begin(self) -> Sealing:
        if self._sealing is None:
            self._sealing = self._ring.sealing(KIND, self._count)
        return self._sealing
