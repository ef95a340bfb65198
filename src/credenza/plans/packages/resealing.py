"""The secrets of one member in an upgrade: which are entered, which stay, and which go.

A secret counts as changed here once it is not the one that the package's installer entered. Keys that no api
declares are sealed together, as one secret: so they are entered, stay and go together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from credenza.connectors import PRESENCE, UNKNOWN, write_unknown
from credenza.errors import Problem
from credenza.model import Document, Record, SecretRef, nest
from credenza.plans.packages.rendering import RenderedApi
from credenza.pointers import escape

LOCAL, PACKAGE = "local", "package"
_WHY = {
    LOCAL: "Both were changed; what was set in this workspace stays.",
    PACKAGE: "Both were changed; the package was asked for.",
}
_GO = {UNKNOWN[1:]: None}
Sealed = Mapping[str, str | None]


class Conflict(NamedTuple):
    """A key that both sides changed, who wins, and why."""

    pointer: str
    winner: str
    reason: str


class Standing(NamedTuple):
    """A member as it stands in the workspace: its record, and the versions of the secrets it was given.

    `same` tells whether a secret that is stored under a path is a text.
    """

    record: Record
    document: Document
    given: Mapping[str, int]
    same: Callable[[str, str], bool]

    def is_own(self, path: str) -> bool:
        """Tell whether a secret was entered here since, and not for the package."""
        ref = self.document.references().get(path)
        return ref is not None and ref.version != self.given.get(path)


class Terms(NamedTuple):
    """How an upgrade is done: the secret variables given anew, those that must be there, and who wins.

    `declared` are the keys that apis have; others are sealed.
    """

    entered: Mapping[str, str] = {}
    required: frozenset[str] = frozenset()
    winner: str = LOCAL
    declared: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        """Show nothing of what was entered."""
        return "<terms>"


class Notes:
    """What an upgrade comes to for one member, as it is found out."""

    def __init__(self, slug: str, winner: str) -> None:
        """Begin with nothing."""
        self.slug = slug
        self.winner = winner
        self.changes: list[tuple[str, str]] = []
        self.conflicts: list[Conflict] = []
        self.problems: list[Problem] = []

    def keeps(self, pointer: str) -> bool:
        """Note that both changed something; tell whether what was set here stays."""
        self.conflicts.append(Conflict(pointer, self.winner, _WHY[self.winner]))
        return self.winner == LOCAL

    def require(self, variable: str) -> None:
        """Note that a secret variable is to be given."""
        message = f"The new version needs the secret variable {variable}: give it with the upgrade."
        place = f"/variables/{variable}"
        self.problems.append(Problem("variable_required", message, place, "required", name=self.slug))


class Resealing:
    """The secrets of one member on their way; `given` are the versions that the package's then have."""

    def __init__(self, here: Standing, terms: Terms, notes: Notes) -> None:
        """Begin with what was given before."""
        self._here = here
        self._terms = terms
        self._notes = notes
        self._held = here.document.references()
        self.given = dict(here.given)
        self.written = False

    @property
    def next(self) -> int:
        """Return the version that the record has if it is written."""
        return self._here.record.version + 1

    def seal(self, old: Mapping[str, str], new: Mapping[str, str]) -> Sealed:
        """Return the secrets of the integration that are entered, and as None those that are cleared."""
        return self._seal(old, new, "/configuration", lambda key: f"/{escape(key)}")

    def seal_api(self, before: RenderedApi | None, after: RenderedApi) -> Sealed:
        """Return the same of an api."""
        where = f"/apis/{escape(after.api)}/configuration"
        old, old_rest = self._split(before.secrets if before else {})
        new, new_rest = self._split(after.secrets)
        own = self._seal(old, new, where, lambda key: nest(after.api, f"/{escape(key)}"))
        return {**own, **self._seal_rest(old_rest, new_rest, nest(after.api, UNKNOWN), where)}

    def _split(self, secrets: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
        """Return the secrets of an api under declared keys, and the others."""
        known = {key: name for key, name in secrets.items() if key in self._terms.declared}
        return known, {key: name for key, name in secrets.items() if key not in known}

    def _seal(
        self, old: Mapping[str, str], new: Mapping[str, str], where: str, locate: Callable[[str], str]
    ) -> Sealed:
        done: dict[str, str | None] = {}
        for key in dict.fromkeys([*old, *new]):
            was, becomes = old.get(key), new.get(key)
            pointer, path = f"{where}/{escape(key)}", locate(key)
            own = self._here.is_own(path)
            if becomes is not None and becomes in self._terms.entered:
                if not (own and self._notes.keeps(pointer)):
                    done[key] = self._enter(path, self._terms.entered[becomes])
                    self._say_entered(pointer, path)
            elif becomes is None and was is not None and path in self._held:
                if not (own and self._notes.keeps(pointer)):
                    done[key] = None
                    self._clear(pointer, path)
            elif (
                becomes not in {None, was}
                and not own
                and (path in self._held or becomes in self._terms.required)
            ):
                self._notes.require(str(becomes))
        return done

    def _seal_rest(self, old: Mapping[str, str], new: Mapping[str, str], path: str, where: str) -> Sealed:
        """Return the secrets under keys that are not declared; `_GO`: they all go."""
        entered = self._terms.entered
        given = {name for name in new.values() if name in entered}
        if not given and old == new:
            return {}
        pointer = f"{where}/{escape(next(iter({**new, **old})))}"
        if self._here.is_own(path) and self._notes.keeps(pointer):
            return {}
        if not new:
            if path in self._held:
                self._clear(pointer, path)
            return _GO
        lacking = [name for name in dict.fromkeys(new.values()) if name not in given]
        for name in lacking:
            self._notes.require(name)
        if lacking:
            return {}
        unknown = {key: entered[name] for key, name in new.items()}
        self._enter(path, write_unknown(unknown))
        self._say_entered(pointer, path)
        return unknown

    def _enter(self, path: str, text: str) -> str:
        """Note which version a secret that is entered will have; the same text keeps the one it has."""
        ref = self._held.get(path)
        if ref is not None and self._here.same(path, text):
            self.given[path] = ref.version
        else:
            self.given[path] = self.next
            self.written = True
        return text

    def _say_entered(self, pointer: str, path: str) -> None:
        self._notes.changes.append((pointer, "secret_replaced" if path in self._held else "secret_set"))

    def _clear(self, pointer: str, path: str) -> None:
        self.written = True
        self.given.pop(path, None)
        self._notes.changes.append((pointer, "secret_cleared"))


def complete(
    public: Mapping[str, Any], sealed: Sealed, held: Mapping[str, SecretRef], declared: frozenset[str] | None
) -> dict[str, Any]:
    """Return a configuration to save: with those keys that nobody declared, unless others are entered.

    What is left out of a configuration stays if it is a declared secret, and goes if it is not declared.
    """
    replaced = declared is not None and any(key not in declared for key in sealed)
    whole = {**public, **{key: value for key, value in sealed.items() if key != UNKNOWN[1:]}}
    if UNKNOWN in held and not replaced:
        whole[UNKNOWN[1:]] = {PRESENCE: {}}
    return whole


def path_in(api: str, key: str, declared: frozenset[str]) -> str:
    """Return the path under which a secret of an api is stored."""
    return nest(api, f"/{escape(key)}" if key in declared else UNKNOWN)
