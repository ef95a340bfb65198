"""What an upgrade makes of one member: its old version, its new version, and what was changed here since.

    the package did not change it      it stays as it is here
    it was not changed here            the new version's
    both say the same                  as it is here
    both changed it                    a conflict: what was set here wins, unless the package is asked for

A secret counts as changed here once it is not the one that the package's installer entered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from credenza.errors import Problem
from credenza.model import Api, ApiPut, Document, Put, Record
from credenza.plans.packages.rendering import Rendered, RenderedApi, put_api
from credenza.sensitive import Sensitive

LOCAL, PACKAGE = "local", "package"
_ABSENT, _SEALED = object(), object()
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
    """A member as it stands in the workspace: its record, and the versions of the secrets it was given."""

    record: Record
    document: Document
    given: Mapping[str, int]

    def is_own(self, pointer: str) -> bool:
        """Tell whether a secret was entered here since, and not for the package."""
        ref = self.document.secrets.get(pointer)
        return ref is not None and ref.version != self.given.get(pointer)


class Merged(NamedTuple):
    """What becomes of a member: the save (None: nothing), what changes by pointer and word, and conflicts.

    `secrets` are the versions that the secrets of the package will then have, by pointer.
    """

    put: Put | None
    changes: tuple[tuple[str, str], ...]
    conflicts: tuple[Conflict, ...]
    problems: tuple[Problem, ...]
    secrets: Mapping[str, int]


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


def list_local(old: Rendered, here: Standing) -> list[str]:
    """Return the pointers of what was changed in the workspace since the package made it so."""
    merging = _Merging(here, Terms())
    document = here.document
    found = [
        f"/{field}"
        for field in _FIELDS
        if (said := getattr(old, field)) is not None and not _same(said, getattr(document, field))
    ]
    keys = dict.fromkeys([*old.configuration, *document.configuration])
    found += [
        f"/configuration/{key}"
        for key in keys
        if not _same(old.configuration.get(key, _ABSENT), merging.stored(key))
    ]
    found += [f"/configuration{pointer}" for pointer in document.secrets if here.is_own(pointer)]
    apis = {api.api: api for api in document.apis}
    found += [f"/apis/{api.api}" for api in old.apis if api.api not in apis or not _says(apis[api.api], api)]
    return list(dict.fromkeys(found))


class _Merging:
    """One member on its way; everything it comes to is collected."""

    def __init__(self, here: Standing, terms: Terms) -> None:
        self._here = here
        self._entered, self._required, self._winner = terms
        self._changes: list[tuple[str, str]] = []
        self._conflicts: list[Conflict] = []
        self._problems: list[Problem] = []

    def run(self, old: Rendered, new: Rendered) -> Merged:
        document = self._here.document
        fields = {
            field: self._field(field, getattr(old, field), getattr(new, field), getattr(document, field))
            for field in _FIELDS
        }
        configuration, configured = self._configuration(old, new)
        apis, replaces = self._apis(old, new)
        kept = {
            pointer: version for pointer, version in self._here.given.items() if pointer in document.secrets
        }
        sealed = self._seal(old, new, configuration)
        changed = bool(self._changes)
        put = None
        if changed:
            put = Put(
                name=self._here.record.name,
                type=self._here.record.type,
                **fields,
                configuration=Sensitive(configuration) if configured or sealed else None,
                apis=apis,
                replace_apis=replaces,
                # An author must not lead a secret that is kept elsewhere, though who upgrades might.
                leads=False,
            )
        version = self._here.record.version + 1
        cleared = {pointer for pointer, word in sealed.items() if word == "secret_cleared"}
        fresh = {pointer: version for pointer, word in sealed.items() if word == "secret_set"}
        return Merged(
            put,
            tuple(self._changes),
            tuple(self._conflicts),
            tuple(self._problems),
            {**{pointer: each for pointer, each in kept.items() if pointer not in cleared}, **fresh},
        )

    def stored(self, key: str) -> object:
        """Return what stands here at a key; a text that was sealed as a whole is not known."""
        if key in self._here.document.configuration:
            return self._here.document.configuration[key]
        return _SEALED if f"/{key}" in self._here.document.secrets else _ABSENT

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
            taken = self._pick(f"/configuration/{key}", was, becomes, here)
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

    def _seal(self, old: Rendered, new: Rendered, configuration: dict[str, Any]) -> dict[str, str]:
        """Put the secrets that are entered or cleared into a configuration; return each with its word."""
        done: dict[str, str] = {}
        for key in dict.fromkeys([*old.secrets, *new.secrets]):
            pointer, was, becomes = f"/{key}", old.secrets.get(key), new.secrets.get(key)
            held = pointer in self._here.document.secrets
            where = f"/configuration{pointer}"
            if becomes is not None and becomes in self._entered:
                configuration[key] = self._entered[becomes]
                done[pointer] = "secret_set"
                self._changes.append((where, "secret_replaced" if held else "secret_set"))
            elif becomes is None and was is not None and held:
                if self._here.is_own(pointer) and self._keeps(where):
                    continue
                configuration[key] = None
                done[pointer] = "secret_cleared"
                self._changes.append((where, "secret_cleared"))
            elif becomes not in {None, was} and not self._here.is_own(pointer):
                if not held and becomes not in self._required:
                    continue
                message = f"The new version needs the secret variable {becomes}: give it with the upgrade."
                place = f"/variables/{becomes}"
                self._problems.append(Problem("variable_required", message, place, "required", name=new.slug))
        return done

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
            if before == after and not self._gives(after):
                continue
            untouched = _says(stands, before) if stands and before else (stands is None) == (before is None)
            agrees = _says(stands, after) if stands and after else (stands is None) == (after is None)
            if agrees and not self._gives(after):
                continue
            pointer = f"/apis/{name}"
            if not untouched and self._keeps(pointer):
                continue
            touched = True
            self._changes.append((pointer, _word(stands or _ABSENT, after or _ABSENT)))
            if after is None:
                puts.pop(name, None)
                replaces = True
            else:
                puts[name] = put_api(after, self._entered)
        return (tuple(puts.values()) if touched else None), replaces

    def _gives(self, api: RenderedApi | None) -> bool:
        return api is not None and any(name in self._entered for name in api.secrets.values())


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
