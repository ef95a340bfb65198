"""What an upgrade makes of one member: its old version, its new version, and what was changed here since.

    the package did not change it      it stays as it is here
    it was not changed here            the new version's
    both say the same                  as it is here
    both changed it                    a conflict: what was set here wins, unless the package is asked for

What becomes of its secrets is said in `resealing`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from credenza.errors import Problem
from credenza.model import Api, ApiPut, Put, SecretRef, nest
from credenza.plans.packages.rendering import Rendered, RenderedApi
from credenza.plans.packages.resealing import Conflict, Notes, Resealing, Sealed, Standing, Terms, complete
from credenza.pointers import escape
from credenza.sensitive import Sensitive

_ABSENT, _SEALED = object(), object()
_SEALED_WORDS = frozenset({"secret_set", "secret_replaced"})
_FIELDS = ("category", "description", "enabled", "tags")


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


def merge(old: Rendered, new: Rendered, here: Standing, terms: Terms) -> Merged:
    """Return what a new version makes of a member."""
    return _Merging(here, terms, new.slug).run(old, new)


class _Merging:
    """One member on its way; everything it comes to is collected."""

    def __init__(self, here: Standing, terms: Terms, slug: str) -> None:
        self._here = here
        self._terms = terms
        self._notes = Notes(slug, terms.winner)
        self._secrets = Resealing(here, terms, self._notes)

    def run(self, old: Rendered, new: Rendered) -> Merged:
        document, notes, secrets = self._here.document, self._notes, self._secrets
        fields = {
            field: self._field(field, getattr(old, field), getattr(new, field), getattr(document, field))
            for field in _FIELDS
        }
        public, configured = self._configuration(old, new)
        apis, replaces = self._apis(old, new)
        sealed = secrets.seal(old.secrets, new.secrets)
        written = secrets.written or any(word not in _SEALED_WORDS for _, word in notes.changes)
        put = None
        if notes.changes:
            whole = Sensitive(complete(public, sealed, document.secrets, None))
            put = Put(
                name=self._here.record.name,
                type=self._here.record.type,
                **fields,
                configuration=whole if configured or sealed else None,
                apis=apis,
                replace_apis=replaces,
                # An author must not lead a secret that is kept elsewhere, though who upgrades might.
                leads=False,
            )
        there = document.references()
        given = {
            path: version
            for path, version in secrets.given.items()
            if path in there or version == secrets.next
        }
        return Merged(
            put,
            tuple(notes.changes),
            tuple(notes.conflicts),
            tuple(notes.problems),
            given,
            put is not None and written,
        )

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
        if not _same(here, old) and self._notes.keeps(pointer):
            return here
        self._notes.changes.append((pointer, _word(here, new)))
        return new

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
        if (own or not _says(stands, before)) and self._notes.keeps(pointer):
            return False
        self._notes.changes.append((pointer, "removed"))
        return True

    def _api(self, before: RenderedApi | None, after: RenderedApi, stands: Api | None) -> ApiPut | None:
        """Return what an api is to be that the new version has; None: it stays as it is."""
        pointer = f"/apis/{escape(after.api)}"
        said = before is not None and before._replace(secrets={}) == after._replace(secrets={})
        if stands is None:
            if before is not None and (said or self._notes.keeps(pointer)):
                return None
            self._notes.changes.append((pointer, "added"))
            return self._put_api(after, self._secrets.seal_api(None, after), {})
        taken = not said and not _says(stands, after)
        if taken and not (before is not None and _says(stands, before)) and self._notes.keeps(pointer):
            taken = False
        if taken:
            self._notes.changes.append((pointer, "changed"))
        sealed = self._secrets.seal_api(before, after)
        if taken:
            return self._put_api(after, sealed, stands.secrets)
        if not sealed:
            return None
        whole = complete(stands.configuration, sealed, stands.secrets, self._terms.declared)
        return ApiPut(after.api, configuration=Sensitive(whole))

    def _put_api(self, after: RenderedApi, sealed: Sealed, held: Mapping[str, SecretRef]) -> ApiPut:
        whole = Sensitive(complete(after.configuration, sealed, held, self._terms.declared))
        said = whole if after.configured or sealed else None
        return ApiPut(after.api, after.description, after.enabled, said, after.tags)


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
