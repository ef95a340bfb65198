"""What `credenza apply --prune` removes: integrations that no file names, and never secrets by surprise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import rich_click as click

from credenza.cli.failures import Misused
from credenza.cli.folders import Bundle, decode, read_name
from credenza.cli.output import count, wants_json, write_table
from credenza.cli.targets import Scope, Target
from credenza.errors import Invalid, Problem
from credenza.model import Drop, Item
from credenza.pointers import escape
from credenza.transfer.references import is_reference
from credenza.workspace import Mode

_UNSURE = (
    "Integrations would be removed with the only copy of their secrets; nothing was changed. Say --yes, or"
    " write them to a file first: credenza export --recipient."
)
_ONLY_COPY = "The secrets of this integration are kept nowhere else: it goes only with --yes."
_PASSED = (
    "A part of the folder is passed over, so nobody can tell what --prune is to leave; nothing was changed."
    " Move it into files of the folder, one for each integration."
)
_EMPTY = "The folder holds no integration, and --prune would remove all in scope; say --yes if that is meant."


class Prune(msgspec.Struct, frozen=True):
    """Whether to prune, what, and whether secrets may be lost by it."""

    scope: Scope
    wanted: bool = False
    sure: bool = False


class Going(msgspec.Struct, frozen=True):
    """An integration that goes, at the version that was looked at, with pointers of its secrets."""

    name: str
    type: str
    version: int
    secrets: tuple[str, ...]
    problem: Problem | None = None

    def drop(self) -> Drop:
        """Return the change that removes it, if nobody has changed it since."""
        return Drop(self.name, self.version)

    def told(self, item: Item) -> Item:
        """Return what a receipt says of it, with what becomes of its secrets and what keeps it from going."""
        if item.result != "deleted":
            return item
        problems = item.problems if self.problem is None else (*item.problems, self.problem)
        secrets = dict.fromkeys(self.secrets, "destroyed")
        return msgspec.structs.replace(item, secrets=secrets, problems=problems)


def check_prune(prune: Prune, *, folder: bool, mode: Mode) -> None:
    """See that the options of pruning go together; raises Misused."""
    if not prune.wanted:
        if prune.scope != Scope() or prune.sure:
            raise Misused("--names, --tag and --yes go with --prune.")
        return
    if not folder:
        raise Misused("--prune goes with a folder: a file alone does not say what else there is to be.")
    if mode is not Mode.ATOMIC:
        raise Misused("--prune is all or nothing: it does not go with --mode per-item.")


def plan_prune(target: Target, prune: Prune, batch: Bundle, *, dry_run: bool) -> list[Going]:
    """Return what is in scope and named by no file; in a plan, with what lacks a --yes as its problem.

    Raises:
        Invalid: it holds the only copy of secrets, or no file names anything, and nobody said --yes; or a
            part of the folder was not read.
    """
    if batch.passed:
        told = "This is passed over: a link to a folder, or a file of JSON Lines."
        raise Invalid(
            _PASSED,
            code="passed_over",
            problems=[Problem("passed_over", told, name=each) for each in batch.passed],
        )
    if not batch.raws and not (prune.sure or dry_run):
        raise Invalid(_EMPTY, code="empty_folder")
    named = {read_name(item) for item in map(decode, batch.raws) if item is not None}
    unnamed = [each for each in target.list(prune.scope) if each["name"] not in named]
    found = [_look_at(each) for each in unnamed if not each.get("managedBy")]
    tell_managed(len(unnamed) - len(found))
    if prune.sure:
        return found
    found = [msgspec.structs.replace(each, problem=_doubt(each, batch)) for each in found]
    problems = [each.problem for each in found if each.problem is not None]
    if problems and not dry_run:
        raise Invalid(_UNSURE, code="only_copy", problems=problems)
    return found


def tell_managed(number: int) -> None:
    """Say that integrations were left as they are because they are not anybody's to move or remove."""
    if number:
        click.echo(f"Left out: {count(number, 'integration')} managed by instances.", err=True)


def write_prune(going: Sequence[Going]) -> None:
    """List what goes, before it does."""
    if going and not wants_json():
        rows = [(each.name, each.type, "goes", _count(each)) for each in going]
        write_table(("name", "type", "result", "secrets"), rows)


def _doubt(going: Going, batch: Bundle) -> Problem | None:
    """Return why an integration goes only with --yes, or None."""
    if going.secrets:
        return Problem("only_copy", _ONLY_COPY, name=going.name)
    return None if batch.raws else Problem("empty_folder", _EMPTY, name=going.name)


def _look_at(shown: Mapping[str, Any]) -> Going:
    return Going(shown["name"], shown["type"], shown["version"], tuple(list_secrets(shown)))


def list_secrets(shown: Mapping[str, Any]) -> Iterator[str]:
    """Yield the pointers of the secrets of an integration as reads show it, of apis by their names."""
    places = [("/configuration", shown)]
    places += [(f"/apis/{escape(api['api'])}/configuration", api) for api in shown.get("apis") or ()]
    for place, owner in places:
        content = owner.get("configuration") or {}
        yield from (f"{place}/{key}" for key, value in content.items() if is_reference(value))


def _count(going: Going) -> str:
    return count(len(going.secrets), "secret") if going.secrets else "no secrets"
