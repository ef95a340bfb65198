"""`credenza types check` and `types migrate`: what a changed connector type means for what is stored."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import rich_click as click

from credenza.cli.failures import REFUSED
from credenza.cli.output import count, wants_json, write_json, write_table
from credenza.cli.session import json_option, name_user, opened, saving_options, setting
from credenza.connectors import Catalogue
from credenza.errors import CredenzaError, Damaged, NotFound, Problem
from credenza.model import Actor, Item, Role, Tenant
from credenza.settings import Credenza
from credenza.workspace import Workspace
from credenza.workspace.fitness import UNREADABLE
from credenza.workspace.inspection import UNFIT, Verdict, inspect, list_pending
from credenza.workspace.types import Types

# What is said of each result of a migration, and of which it is said though there is none.
_RESULTS = {
    "updated": "migrated",
    "marked": "do not fit",
    "unchanged": "migrated meanwhile by another run",
    "failed": "could not be migrated",
}
_MAIN = {"updated", "marked"}
_SETTLE_SECONDS = 5  # several times as long as a server takes that has nothing else to do
_UNSETTLED = (
    "The old values may stand in the files of the store for a while: the server takes them out when it has "
    "nothing else to do, or when it is stopped. Make no copy of the files before."
)


class _Place(NamedTuple):
    """A workspace, with the types it is looked at by."""

    credenza: Credenza
    tenant: Tenant
    catalogue: Catalogue


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say which store is meant, and which types."""
    for add in (
        json_option,
        setting("--store", metavar="URI", help="The store: sqlite:////absolute/path.db."),
        setting("--kek", metavar="URI", help="Where the vault's key is."),
        click.option(
            "-w", "--workspace", "slug", metavar="NAME", help="Only this workspace; without it, all of them."
        ),
        click.option(
            "--schemas",
            metavar="FOLDER",
            multiple=True,
            help="Folder with types as they are going to be: they take the place of those of the same name.",
        ),
    ):
        command = add(command)
    return command


@click.command("check")
@_options
@saving_options
@click.pass_context
def check(ctx: click.Context, slug: str | None, schemas: tuple[str, ...]) -> None:
    """Show which stored integrations fit, migrate, or are refused by the types of now; changes nothing.

    With --schemas before a deployment. Leaves with 1 when something does not fit.
    """
    with _places(slug, schemas, read_only=True) as places:
        found = [
            (place.tenant.slug, verdict)
            for place in places
            for verdict in inspect(
                place.credenza.store, place.catalogue, place.tenant, lenient=place.credenza.policy.lenient
            )
        ]
    unfit = sum(1 for _, verdict in found if verdict.result == UNFIT)
    if wants_json():
        write_json({"ok": not unfit, "integrations": [_show(*each) for each in found]})
    else:
        head = ("workspace", "name", "type", "version", "result", "why")
        write_table(head, [_row(*each) for each in found])
        click.echo(f"{count(len(found), 'integration')}, {unfit:,} of them do not fit.", err=True)
    if unfit:
        ctx.exit(REFUSED)


@click.command("migrate")
@click.option(
    "--plan",
    "--dry-run",
    "plan",
    is_flag=True,
    help="Only show what would become of each; nothing is written.",
)
@click.option("--type", "kind", metavar="NAME", help="Only integrations of this type.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many; a next run goes on.")
@_options
@saving_options
@click.pass_context
def migrate(  # noqa: PLR0917  # click passes options by name
    ctx: click.Context,
    plan: bool,
    kind: str | None,
    limit: int | None,
    slug: str | None,
    schemas: tuple[str, ...],
) -> None:
    """Move stored integrations to the versions that their types have now; mark those that do not fit.

    Done in batches: stopped, it goes on where it was. Each makes a new version, so that a rollback is
    possible. Says so where what became a secret could not be taken out of the store's files at once.
    Leaves with 1 when something does not fit.
    """
    told: list[tuple[str, Item]] = []
    with _places(slug, schemas, read_only=plan) as places:
        if kind is not None and not any(kind in place.catalogue for place in places):
            raise NotFound(
                "There is no such connector type; `credenza types` lists them.", code="unknown_type"
            )
        failure: CredenzaError | KeyboardInterrupt | None = None
        try:
            with _bar(places, kind) as tell:
                for item in _move(places, kind, limit, dry_run=plan):
                    told.append(item)
                    tell(len(told))
        except (CredenzaError, KeyboardInterrupt) as error:
            failure = error  # what was done before is told all the same
        moved = not plan and any(item.result == "updated" for _, item in told)
        settled = not moved or (failure is None and places[0].credenza.store.settle(_SETTLE_SECONDS))
    if told or failure is None:
        _tell(told, plan=plan, settled=settled)
    if failure is not None:
        raise failure
    if any(item.problems for _, item in told):
        ctx.exit(REFUSED)


@contextmanager
def _places(slug: str | None, schemas: tuple[str, ...], *, read_only: bool) -> Iterator[list[_Place]]:
    """Open the workspaces of a store, with its types as they are going to be."""
    with opened(read_only=read_only) as credenza:
        if schemas:
            later = credenza.catalogue.revised(Catalogue.load(*map(Path, schemas)))
            types = Types(later, credenza.store, credenza.vault)
            revised = msgspec.structs.replace(credenza, types=types)
        else:
            revised = credenza
        tenants = revised.accounts.workspaces() if slug is None else [revised.tenant(slug)]
        yield [_Place(revised, tenant, revised.types.of(tenant)) for tenant in tenants]


def _move(
    places: list[_Place], kind: str | None, limit: int | None, *, dry_run: bool
) -> Iterator[tuple[str, Item]]:
    """Migrate chunk by chunk and yield workspace and outcome of each integration."""
    left = sys.maxsize if limit is None else limit
    for credenza, tenant, catalogue in places:
        workspace = credenza.workspace(Actor(tenant, name_user(), Role.ADMIN))
        for names in list_pending(credenza.store, catalogue, tenant, kind):
            while names and left > 0:
                items = _migrate(workspace, names[:left], dry_run=dry_run)
                names = names[left:]  # noqa: PLW2901  # what is left of the chunk
                # What was marked before and does not fit still must not keep a next run from going on.
                left -= sum(1 for item in items if item.changed)
                yield from ((tenant.slug, item) for item in items)


def _migrate(workspace: Workspace, names: list[str], *, dry_run: bool) -> Sequence[Item]:
    """Migrate a few integrations at once; where that fails by one that is unreadable, each by itself."""
    try:
        return workspace.migrate(names, dry_run=dry_run).items
    except Damaged:
        if len(names) == 1:
            return [Item(names[0], "failed", problems=(UNREADABLE,))]
    return [item for name in names for item in _migrate(workspace, [name], dry_run=dry_run)]


@contextmanager
def _bar(places: list[_Place], kind: str | None) -> Iterator[Callable[[int], None]]:
    """Show how far a long migration has come, where somebody watches; give how to say so."""
    from credenza.cli.progress import bar, someone_watches  # noqa: PLC0415  # only a migration pays for it

    total = 0
    if someone_watches():
        total = sum(
            len(names)
            for credenza, tenant, catalogue in places
            for names in list_pending(credenza.store, catalogue, tenant, kind)
        )
    with bar(total) as tell:
        yield tell or (lambda _: None)


def _tell(told: list[tuple[str, Item]], *, plan: bool, settled: bool) -> None:
    counts = {word: sum(1 for _, item in told if item.result == word) for word in _RESULTS}
    if wants_json():
        items = [{"workspace": slug, **msgspec.to_builtins(item)} for slug, item in told]
        write_json({"plan": plan, **counts, "settled": settled, "integrations": items})
        return
    if plan:
        rows = [
            (slug, item.name, item.result, ", ".join(item.changed), _why(item.problems))
            for slug, item in told
        ]
        write_table(("workspace", "name", "result", "changed", "why"), rows)
    else:
        for slug, item in told:
            if item.problems:
                click.echo(f"{slug} {item.name}: {_why(item.problems)}", err=True)
    numbers = [f"{counts[word]:,} {said}" for word, said in _RESULTS.items() if counts[word] or word in _MAIN]
    end = "; nothing was written: this is a plan" if plan else ""
    click.echo(f"{', '.join(numbers)}{end}.", err=plan)
    if not settled:
        click.echo(_UNSETTLED, err=True)


def _row(slug: str, verdict: Verdict) -> tuple[object, ...]:
    version = f"{verdict.stored} -> {verdict.version or 'none'}"
    return slug, verdict.name, verdict.type, version, verdict.result, _why(verdict.problems)


def _why(problems: tuple[Problem, ...]) -> str:
    return " ".join(f"{each.pointer} {each.keyword}: {each.message}" for each in problems)


def _show(slug: str, verdict: Verdict) -> dict[str, object]:
    return {
        "workspace": slug,
        "name": verdict.name,
        "type": verdict.type,
        "storedVersion": verdict.stored,
        "version": verdict.version,
        "result": verdict.result,
        "problems": verdict.problems,
    }
