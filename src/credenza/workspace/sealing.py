"""What becomes of a record's secrets: kept, cleared, sealed anew, or to be entered again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from credenza.connectors import UNKNOWN, ConnectorType, Draft
from credenza.errors import Problem
from credenza.model import Secret, SecretRef, locate, nest
from credenza.observer import Watch
from credenza.vault import Ring, Sealing

KIND = "integration"
_PLANNED = b"planned"
_REENTER = "Where this secret is sent has changed: enter it again together with the change."


class Outcome(NamedTuple):
    """References to all current secrets, new sealed ones, stored paths no longer current, and problems.

    `destination` is where they are sent; `redirected` says that something sealed may lead elsewhere now.
    """

    refs: dict[str, SecretRef]
    sealed: list[Secret]
    retired: list[str]
    problems: list[Problem]
    destination: bytes = b""
    redirected: bool = False


class Place(NamedTuple):
    """One configuration's next version: whose it is, when, under which rule, and its secrets so far.

    `held` and `refs` are by pointer into the configuration. Of an api, `api` is its name, `binding` the
    destination of the integration above it, and `redirected` whether that may lead elsewhere now.
    """

    owner: bytes
    version: int
    at: int
    rule: int
    held: Mapping[str, Secret]
    refs: Mapping[str, SecretRef]
    api: str | None = None
    binding: bytes = b""
    redirected: bool = False

    def path(self, pointer: str) -> str:
        """Return the path under which a secret is stored."""
        return pointer if self.api is None else nest(self.api, pointer)


class Sealer:
    """Decide over the secrets of the records of one batch.

    `seals` False plans only, `watch` counts what is opened; `guarded` never says that an entered secret is
    the one held, `blind` keeps nothing beside undeclared keys that are entered anew.
    """

    def __init__(self, ring: Ring, count: int, ids: Iterator[bytes], *, guarded: bool, blind: bool) -> None:
        """Begin a batch of about `count` secrets."""
        self._ring = ring
        self._count = count
        self._sealing: Sealing | None = None
        self._ids = ids
        self._guarded = guarded
        self.watch = Watch()
        self.blind = blind
        self.seals = True

    @property
    def sealed(self) -> tuple[int, int] | None:
        """Return the term and number of the seals made; None: none were."""
        return (self._sealing.term, self._sealing.seals) if self._sealing else None

    def decide(self, place: Place, type: ConnectorType, draft: Draft) -> Outcome:
        """Return what becomes of one record's secrets in its next version.

        An entered value that is the one held, for the same destination, stays; everything else entered
        is sealed under the version that sets it. What is kept must still go where it was meant to go.
        """
        held = place.held
        gone = [place.path(pointer) for pointer in draft.cleared if pointer in held]
        out = Outcome({}, [], gone, [])
        destination = type.destination(draft.public, draft.redacted, place.binding)
        mark = b""
        if UNKNOWN in draft.entered:
            mark = self._enter(place, out, draft, UNKNOWN, destination)
        elif UNKNOWN in draft.kept:
            mark = self._keep(place, out, UNKNOWN, b"" if place.redirected else destination)
        if mark:
            # Undeclared keys may say where secrets are sent, so all others are bound to them.
            destination = type.destination(draft.public, draft.redacted, place.binding + mark)
        for path in draft.entered:
            if path != UNKNOWN:
                self._enter(place, out, draft, path, destination)
        hidden = self.blind and UNKNOWN in draft.entered and UNKNOWN in held
        hidden = hidden or place.redirected or self._redirects(place, out, type, draft)
        for path in draft.kept:
            if path != UNKNOWN:
                self._keep(place, out, path, b"" if hidden else destination)
        return Outcome(out.refs, out.sealed, out.retired, out.problems, destination, hidden)

    def _redirects(self, place: Place, out: Outcome, type: ConnectorType, draft: Draft) -> bool:
        """Tell whether something sealed that decides where secrets go is not what it was.

        The public form of a sealed URL does not show all of it, and of a trust store nothing: what they
        hide may lead elsewhere. One who may not reveal is not told either whether it is the same.
        """
        for path, trusts in type.deciding:
            if path in draft.entered:
                if self.blind or out.refs[path] is not place.refs.get(path):
                    return True
            elif trusts and path in draft.cleared:
                return True
        return False

    def _enter(self, place: Place, out: Outcome, draft: Draft, path: str, destination: bytes) -> bytes:
        """Return the fingerprint of the secret that stays or is sealed."""
        text, secret = draft.entered[path], place.held.get(path)
        if secret is not None and self._stays(place, secret, text, destination):
            out.refs[path] = place.refs[path]
            return secret.fingerprint
        out.refs[path] = SecretRef(place.version, place.at, draft.redacted.get(path))
        if secret is not None:
            out.retired.append(place.path(path))
        if not self.seals:
            return _PLANNED
        sealed = self._begin().seal(
            place.owner,
            place.path(path),
            id=secret.id if secret else next(self._ids),
            version=place.version,
            destination=destination,
            rule=place.rule,
            text=text,
        )
        out.sealed.append(sealed)
        return sealed.fingerprint

    def _keep(self, place: Place, out: Outcome, path: str, destination: bytes) -> bytes:
        """Return the fingerprint of the secret that is kept, where it may be."""
        secret = place.held.get(path)
        if secret is None or (secret.destination, secret.rule) != (destination, place.rule):
            where = locate(place.path(path))
            out.problems.append(Problem("secret_reentry_required", _REENTER, where, "x-destination"))
            return _PLANNED
        out.refs[path] = place.refs[path]
        return secret.fingerprint

    def _stays(self, place: Place, secret: Secret, text: str, destination: bytes) -> bool:
        if self._guarded or (secret.destination, secret.rule) != (destination, place.rule):
            return False
        # A fingerprint that others are bound to outlives the key it was made with (rotation.reencryption),
        # so once there was a second term, one that differs says nothing. A damaged secret is sealed anew.
        known = self._ring.matches(secret, text) or self._ring.term > 1
        self.watch.opened += known
        return known and self._ring.holds(KIND, place.owner, secret, text)

    def _begin(self) -> Sealing:
        if self._sealing is None:
            self._sealing = self._ring.sealing(KIND, self._count)
        return self._sealing
