"""What an upgrade makes of one member: its old version, its new version, and what was changed here since.

    the package did not change it      it stays as it is here
    it was not changed here            the new version's
    both say the same                  as it is here
    both changed it                    a conflict: what was set here wins, unless the package is asked for

A secret counts as changed here once it is not the one that the package's installer entered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from credenza.errors import Problem
from credenza.model import Api, ApiPut, Document, Put, Record, nest
from credenza.plans.packages.rendering import Rendered, RenderedApi
from credenza.pointers import escape
from credenza.sensitive import Sensitive

LOCAL, PACKAGE = "local", "package"
_ABSENT, _SEALED = object(), object()
_SEALED_WORDS = frozenset({"secret_set", "secret_replaced"})
_FIELDS = ("category", "description", "enabled", "tags")
_WHY = {
    LOCAL: "Both were changed; what was set in this workspace stays.",
    PACKAGE: "Both were changed; the package was asked for.",
}


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


class Merged(NamedTuple):
    """What becomes of a member: the save (None: nothing), what changes by pointer and word, and conflicts.

    `given` are the versions that the secrets of the package will then have, by path, and `written` says that
    the record gets another version.
    """

    put: Put | None
    changes: tuple[tuple[str, str], ...]
    conflicts: tuple[Conflict, ...]
    problems: tuple[Problem, ...]
    given: Mapping[str, int]
    written: bool


class Terms(NamedTuple):
    """How an upgrade is done: the secret variables given anew, those that must be there, and who wins."""

    entered: Mapping[str, str] = {}
    required: frozenset[str] = frozenset()
    winner: str = LOCAL

    def __repr__(self) -> str:
        """Show nothing of what was entered."""
        return "<terms>"


def merge(old: Rendered, new: Rendered, here: Standing, terms: Terms) -> Merged:
    """Return what a new version makes of a member."""
    return _Merging(here, terms).run(old, new)


class _Merging:
    """One member on its way; everything it comes to is collected."""

    def __init__(self, here: Standing, terms: Terms) -> None:
        self._here = here
        self._entered, self._required, self._winner = terms
        self._slug = ""
        self._changes: list[tuple[str, str]] = []
        self._conflicts: list[Conflict] = []
        self._problems: list[Problem] = []
        self._given = dict(here.given)
        self._written = False

    def run(self, old: Rendered, new: Rendered) -> Merged:
        document, self._slug = self._here.document, new.slug
        fields = {
            field: self._field(field, getattr(old, field), getattr(new, field), getattr(document, field))
            for field in _FIELDS
        }
        configuration, configured = self._configuration(old, new)
        apis, replaces = self._apis(old, new)
        sealed = self._seal(old.secrets, new.secrets, "", "/configuration")
        written = self._written or any(word not in _SEALED_WORDS for _, word in self._changes)
        put = None
        if self._changes:
            put = Put(
                name=self._here.record.name,
                type=self._here.record.type,
                **fields,
                configuration=Sensitive({**configuration, **sealed}) if configured or sealed else None,
                apis=apis,
                replace_apis=replaces,
                # An author must not lead a secret that is kept elsewhere, though who upgrades might.
                leads=False,
            )
        there = document.references()
        given = {
            path: version for path, version in self._given.items() if path in there or version == self._next
        }
        return Merged(
            put,
            tuple(self._changes),
            tuple(self._conflicts),
            tuple(self._problems),
            given,
            put is not None and written,
        )

    @property
    def _next(self) -> int:
        return self._here.record.version + 1

    def stored(self, key: str) -> object:
        """Return what stands here at a key; a text that was sealed as a whole is not known."""
        if key in self._here.document.configuration:
            return self._here.document.configuration[key]
        return _SEALED if f"/{escape(key)}" in self._here.document.secrets else _ABSENT

    def _field(self, field: str, old: Any, new: Any, here: Any) -> Any:  # noqa: ANN401  # of four kinds
        """Return what a field is to be; None: it stays."""
        if new is None or _same(old, new):
            return None
        taken = self._pick(f"/{field}", here if old is None else old, new, here)
        return None if _same(taken, here) else taken

    def _configuration(self, old: Rendered, new: Rendered) -> tuple[dict[str, Any], bool]:
        """Return all public values, and whether any is another than before."""
        before = self._here.document.configuration
        result = dict(before)
        touched = False
        for key in dict.fromkeys([*old.configuration, *new.configuration]):
            was, becomes = (each.configuration.get(key, _ABSENT) for each in (old, new))
            here = self.stored(key)
            taken = self._pick(f"/configuration/{escape(key)}", was, becomes, here)
            if taken is _ABSENT:
                result.pop(key, None)
            elif taken is not _SEALED:
                result[key] = taken
            touched = touched or not _same(taken, here)
        return result, touched

    def _pick(self, pointer: str, old: object, new: object, here: object) -> object:
        if _same(old, new) or _same(here, new):
            return here
        if not _same(here, old):
            self._conflicts.append(Conflict(pointer, self._winner, _WHY[self._winner]))
            if self._winner == LOCAL:
                return here
        self._changes.append((pointer, _word(here, new)))
        return new

    def _seal(
        self, old: Mapping[str, str], new: Mapping[str, str], api: str, where: str
    ) -> dict[str, str | None]:
        """Return the secrets of one configuration that are entered, and as None those that are cleared."""
        done: dict[str, str | None] = {}
        held = self._here.document.references()
        for key in dict.fromkeys([*old, *new]):
            was, becomes, pointer = old.get(key), new.get(key), f"{where}/{escape(key)}"
            path = nest(api, f"/{escape(key)}") if api else f"/{escape(key)}"
            own = self._here.is_own(path)
            if becomes is not None and becomes in self._entered:
                if own and self._keeps(pointer):
                    continue
                done[key] = self._enter(path, self._entered[becomes])
                self._changes.append((pointer, "secret_replaced" if path in held else "secret_set"))
            elif becomes is None and was is not None and path in held:
                if own and self._keeps(pointer):
                    continue
                done[key] = None
                self._written = True
                self._given.pop(path, None)
                self._changes.append((pointer, "secret_cleared"))
            elif becomes not in {None, was} and not own and (path in held or becomes in self._required):
                message = f"The new version needs the secret variable {becomes}: give it with the upgrade."
                place = f"/variables/{becomes}"
                self._problems.append(
                    Problem("variable_required", message, place, "required", name=self._slug)
                )
        return done

    def _enter(self, path: str, text: str) -> str:
        """Note which version a secret that is entered will have; the same text keeps the one it has."""
        ref = self._here.document.references().get(path)
        if ref is not None and self._here.same(path, text):
            self._given[path] = ref.version
        else:
            self._given[path] = self._next
            self._written = True
        return text

    def _keeps(self, pointer: str) -> bool:
        """Note that both changed something; tell whether what was set here stays."""
        self._conflicts.append(Conflict(pointer, self._winner, _WHY[self._winner]))
        return self._winner == LOCAL

    def _apis(self, old: Rendered, new: Rendered) -> tuple[tuple[ApiPut, ...] | None, bool]:
        """Return the apis to save, and whether others go; None: all stay as they are."""
        here = {api.api: api for api in self._here.document.apis}
        was, becomes = ({api.api: api for api in each.apis} for each in (old, new))
        puts = {name: ApiPut(name) for name in here}
        touched = replaces = False
        for name in dict.fromkeys([*was, *becomes]):
            before, after, stands = was.get(name), becomes.get(name), here.get(name)
            if after is None:
                gone = stands is not None and before is not None and self._drops(before, stands)
                if gone:
                    del puts[name]
                    replaces = touched = True
                continue
            put = self._api(before, after, stands)
            if put is not None:
                puts[name] = put
                touched = True
        return (tuple(puts.values()) if touched else None), replaces

    def _drops(self, before: RenderedApi, stands: Api) -> bool:
        pointer = f"/apis/{escape(stands.api)}"
        own = any(self._here.is_own(nest(stands.api, path)) for path in stands.secrets)
        if (own or not _says(stands, before)) and self._keeps(pointer):
            return False
        self._changes.append((pointer, "removed"))
        return True

    def _api(self, before: RenderedApi | None, after: RenderedApi, stands: Api | None) -> ApiPut | None:
        """Return what an api is to be that the new version has; None: it stays as it is."""
        pointer = f"/apis/{escape(after.api)}"
        said = before is not None and before._replace(secrets={}) == after._replace(secrets={})
        if stands is None:
            if before is not None and (said or self._keeps(pointer)):
                return None
            self._changes.append((pointer, "added"))
            sealed = self._seal({}, after.secrets, after.api, f"{pointer}/configuration")
            return self._put_api(after, after.configuration, sealed)
        taken = not said and not _says(stands, after)
        if taken and not (before is not None and _says(stands, before)) and self._keeps(pointer):
            taken = False
        if taken:
            self._changes.append((pointer, "changed"))
        old = before.secrets if before is not None else {}
        sealed = self._seal(old, after.secrets, after.api, f"{pointer}/configuration")
        if taken:
            return self._put_api(after, after.configuration, sealed)
        return (
            ApiPut(after.api, configuration=Sensitive({**stands.configuration, **sealed})) if sealed else None
        )

    @staticmethod
    def _put_api(
        after: RenderedApi, configuration: Mapping[str, Any], sealed: Mapping[str, str | None]
    ) -> ApiPut:
        whole = Sensitive({**configuration, **sealed}) if after.configured or sealed else None
        return ApiPut(after.api, after.description, after.enabled, whole, after.tags)


def _says(stands: Api, said: RenderedApi) -> bool:
    """Tell whether an api is as a package says, where it says something."""
    if said.configured and not _same(dict(stands.configuration), dict(said.configuration)):
        return False
    pairs = ((said.description, stands.description), (said.enabled, stands.enabled), (said.tags, stands.tags))
    return all(one is None or _same(one, other) for one, other in pairs)


def _same(one: object, other: object) -> bool:
    """Tell whether two values are the same in JSON: a number is no truth value, and tags have no order."""
    if one is other:
        return True
    if any(each in (_ABSENT, _SEALED) for each in (one, other) if not isinstance(each, (list, dict))):
        return False
    if isinstance(one, tuple) and isinstance(other, tuple):
        return set(one) == set(other)
    return msgspec.json.encode(one, order="deterministic") == msgspec.json.encode(
        other, order="deterministic"
    )


def _word(here: object, new: object) -> str:
    if new is _ABSENT:
        return "removed"
    return "added" if here is _ABSENT else "changed"
