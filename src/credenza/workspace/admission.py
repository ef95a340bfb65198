"""What can be said of a change before its configuration is looked at: name, permission, version. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from credenza import access
from credenza.errors import Clash, CredenzaError, Forbidden, Invalid, NotFound, PreconditionFailed, Problem
from credenza.model import (
    AUTH,
    CATEGORIES,
    CLIENT,
    CONFIG,
    INTEGRATION,
    NAME_RULE,
    OWNED,
    Actor,
    Amend,
    Change,
    Drop,
    Expect,
    ExpectPage,
    Flawed,
    Item,
    Keep,
    Migrate,
    Park,
    Put,
    Record,
    Rely,
    Restore,
    Tag,
    is_name,
)
from credenza.workspace import compose
from credenza.workspace.changes import Outline
from credenza.workspace.reveal import OUTDATED

is_owned = re.compile(rf"{OWNED}[a-z]{{1,8}}_[A-Za-z0-9]{{1,64}}").fullmatch

FORBIDDEN = Problem("forbidden", "This credential may not change this integration.", "/name", "permission")
UNKNOWN_TYPE = Problem("unknown_type", "There is no such connector type in this workspace.", "/type", "enum")
_BAD_NAME = Problem("invalid_name", NAME_RULE, "/name", "pattern")
_TWICE = Problem("duplicate_name", "This name stands twice in the batch.", "/name", "uniqueItems")
_TAKEN = Problem("name_taken", "A name that differs only by case is taken.", "/name", "uniqueItems")
STALE = Problem(
    "version_mismatch", "The integration is not at the expected version.", "/expectedVersion", "const"
)
MISSING = Problem("not_found", "There is no integration of this name.", "/name", "exists")
NO_VERSION = Problem("not_found", "There is no such version of this integration.", "/version", "exists")
_TYPE_CHANGED = Problem("type_immutable", "The type of an integration cannot be changed.", "/type", "const")
_NO_TYPE = Problem("required", "A new integration needs a type.", "/type", "required")
TYPE_IN_USE = Problem(
    "type_in_use",
    "Integrations of this type exist, and were checked and sealed by the schema it has.",
    "/name",
    "unused",
)
TYPE_OUTDATED = Problem("type_outdated", OUTDATED, "/type", "x-version")
NEEDS_RECONFIGURATION = Problem(
    "needs_reconfiguration",
    "This integration does not fit its type any longer: save a configuration that does, together with this.",
    "/configuration",
    "x-version",
)
MANAGED = Problem(
    "managed_by_instance",
    "This integration belongs to an instance, which alone changes it: change what the instance refers to.",
    "/name",
    "managedBy",
)
_OCCUPIED = Problem(
    "name_taken", "An integration of this name is there that belongs to no instance.", "/name", "uniqueItems"
)
_NOT_MANAGED = Problem(
    "managed_by_instance",
    "A managed integration refers to its values, and has no configuration or apis of its own.",
    "/configuration",
    "managedBy",
)
_BAD_CATEGORY = Problem(
    "unknown_category", f"The category is one of {', '.join(CATEGORIES)}.", "/category", "enum"
)

_HARMLESS = (_BAD_NAME, _TWICE, _TAKEN)


class Admission:
    """Check the changes of one batch, one by one, in order."""

    def __init__(self, actor: Actor) -> None:
        """Begin a batch."""
        self._actor = actor
        self._limited = bool(actor.names or actor.tags)
        self._seen: set[str] = set()

    def examine(self, change: Change | Outline, before: Record | None) -> Sequence[Problem]:
        """Return why a change may not be looked at further; nothing: it may."""
        if isinstance(change, Flawed):
            return change.problems
        # What is removed or expected is looked up, and look-ups are exact.
        saves = not isinstance(change, (Amend, Drop, Expect, Migrate, Park, Restore))
        problem = self._examine_name(change, before, saves=saves)
        if problem is None:
            exact = before if before is not None and before.name == change.name else None
            problem = _TAKEN if saves and exact is not before else _examine_state(change, exact)
            if exact is not None or (isinstance(change, Put) and change.refers is not None):
                problem = problem or _examine_source(change, exact)
        return (problem,) if problem else ()

    def covers(self, name: str, tags: tuple[Tag, ...]) -> bool:
        """Say whether the record would still lie within the actor's limits."""
        return not self._limited or access.covers(self._actor, name, tags)

    def _examine_name(
        self, change: Change | Outline, before: Record | None, *, saves: bool
    ) -> Problem | None:
        if saves and not _is_well_named(change):
            return _BAD_NAME
        if self._limited and not self._may(change.name, before):
            return FORBIDDEN
        if not isinstance(change, Expect) and self._repeats(change.name):
            return _TWICE
        return None

    def _repeats(self, name: str) -> bool:
        folded = name.lower()
        if folded == name:
            folded = name  # which is kept anyway: of a large batch, a second text of each is not to be
        if folded in self._seen:
            return True
        self._seen.add(folded)
        return False

    def _may(self, name: str, before: Record | None) -> bool:
        if before is None:
            return access.covers_name(self._actor, name)
        return access.covers(self._actor, name, before.document().tags)


def _is_well_named(change: Change | Outline) -> bool:
    """Say whether what is saved has a name of its kind."""
    if isinstance(change, Put) and change.kind != INTEGRATION:
        return change.kind in {CONFIG, AUTH, CLIENT} and is_owned(change.name) is not None
    return is_name(change.name) is not None


def reach(change: Change, found: Mapping[str, Record]) -> Record | None:
    """Return what a change is about, whatever the case of its name.

    To one that comes with a name alone, a record that belongs to a paper is not there.
    """
    before = found.get(change.name.lower())
    if before is None or before.name[:1] != OWNED or isinstance(change, (Expect, Migrate, Park)):
        return before
    return before if isinstance(change, (Put, Drop)) and change.kind != INTEGRATION else None


def _examine_source(change: Change | Outline, before: Record | None) -> Problem | None:
    """Return why a managed integration may not be changed like this, or another not become one."""
    if isinstance(change, (Expect, Migrate, Park)):
        return None
    wanted = change.refers if isinstance(change, Put) else None
    if wanted is not None and isinstance(change, Put) and (change.configuration or change.apis):
        return _NOT_MANAGED
    if before is None:
        return None
    source = before.source()
    if source is None:
        return None if wanted is None else _OCCUPIED
    if isinstance(change, Drop) and change.instance == source.instance:
        return None
    return None if wanted is not None and wanted.instance == source.instance else MANAGED


def _examine_state(change: Change | Outline, before: Record | None) -> Problem | None:
    if isinstance(change, (Flawed, Keep, Rely, ExpectPage)):
        return None
    expected = change.version if isinstance(change, Expect) else change.expected_version
    if expected is not None and expected != (before.version if before else 0):
        return STALE
    return MISSING if before is None and isinstance(change, (Amend, Drop, Migrate, Park, Restore)) else None


def may_go_on(problems: Sequence[Problem]) -> bool:
    """Say whether a save that was refused may still be looked at further, for what else is wrong with it."""
    return all(problem in _HARMLESS for problem in problems)


def examine_put(put: Put, before: Record | None) -> list[Problem]:
    """Return what is wrong with a save apart from its configuration."""
    problems = []
    if put.type is None and before is None:
        problems.append(_NO_TYPE)
    elif before is not None and put.type not in {None, before.type}:
        problems.append(_TYPE_CHANGED)
    if put.category is not None and put.category not in CATEGORIES:
        problems.append(_BAD_CATEGORY)
    return problems + compose.check_texts(put)


def blame(items: Sequence[Item]) -> None:
    """Return if every change may stand, or raise for those that may not.

    Raises:
        Forbidden: the actor may not change some of them; only those are named.
        PreconditionFailed: some are not at the version that was expected.
        NotFound: nothing is wrong but that some of what was to be removed is not there.
        Invalid: every problem of every change.
    """
    problems = [problem for item in items for problem in item.problems]
    if not problems:
        return
    for code, error in _BLAME.items():
        some = [problem for problem in problems if problem.code == code]
        if some:
            told = some[0].message if code == MANAGED.code else ""
            raise error(told, code=code, problems=some)
    count = sum(1 for item in items if item.problems)
    which = f"{count} of {len(items)} integrations" if len(items) > 1 else "the integration"
    only = {problem.code for problem in problems}
    if only == {MISSING.code}:
        raise NotFound(problems[0].message, problems=problems)
    raise Invalid(
        f"Nothing was saved: {which} cannot be accepted, for the reasons listed.",
        code=only.pop() if len(only) == 1 else "invalid_data",
        problems=problems,
    )


_BLAME: Mapping[str, type[CredenzaError]] = {
    FORBIDDEN.code: Forbidden,
    STALE.code: PreconditionFailed,
    TYPE_IN_USE.code: Clash,
    TYPE_OUTDATED.code: Clash,
    MANAGED.code: Clash,
}
