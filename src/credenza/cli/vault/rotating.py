"""`credenza vault rotate`: new data keys, and every secret sealed anew under them, while servers run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import rich_click as click

from credenza.cli.failures import REFUSED
from credenza.cli.output import count, wants_json, write_json, write_table
from credenza.cli.progress import bar
from credenza.cli.session import json_option, name_user, opened, store_options
from credenza.errors import CredenzaError, Damaged, VaultLocked, WrongKey
from credenza.model import Tenant, locate
from credenza.rotation import Rotated, Standing, look
from credenza.rotation import rotate as rotate_terms
from credenza.settings import Credenza
from credenza.workspace import milliseconds

SETTLE_SECONDS = 5.0
UNSETTLED = (
    "Old sealed values may stand in the files of the database until it has cleaned up; see docs/rotation.md."
)
_PLANNED = ("workspace", "term", "days", "seals", "to seal anew", "earlier terms")
_DONE = ("workspace", "term", "sealed anew", "cannot be opened", "ended", "still open")


@click.command("rotate")
@click.option("-w", "--workspace", "slug", metavar="NAME", help="Only this workspace.  [default: all]")
@click.option(
    "--older-than",
    "days",
    type=click.IntRange(min=0),
    metavar="DAYS",
    help="Begin a new term only where the active one is so old; what was begun is finished all the same.",
)
@click.option("--plan", is_flag=True, help="Say what would be done, and touch nothing.")
@store_options
@json_option
@click.pass_context
def rotate(ctx: click.Context, slug: str | None, days: int | None, *, plan: bool) -> None:
    """Give workspaces new data keys, and seal every secret anew under them.

    Servers go on reading and saving. Cut off at any moment, it goes on from there when it is run again:
    a workspace whose last rotation is not finished gets no further term. Leaves with 1 where a secret
    cannot be opened: it stays as it is, and so does the key it was sealed under.
    """
    with opened(read_only=plan) as credenza:
        if credenza.vault.locked is not None:
            raise VaultLocked(credenza.vault.locked)
        tenants = [credenza.tenant(slug)] if slug else credenza.accounts.workspaces()
        standings = [(tenant, look(credenza.store, tenant)) for tenant in tenants]
        if slug is None:  # a workspace without keys has ended, and gets no others
            standings = [(tenant, each) for tenant, each in standings if each.term]
        wanted = [(tenant, each) for tenant, each in standings if _is_due(each, days)]
        if plan:
            _tell_plan(wanted)
            return
        done: list[tuple[str, Rotated]] = []
        broken: list[tuple[str, str]] = []
        failure: CredenzaError | KeyboardInterrupt | None = None
        try:
            with _told(sum(_size(each) for _, each in wanted)) as tell:
                for tenant, _ in wanted:
                    try:
                        done.append((tenant.slug, _rotate(credenza, tenant, tell)))
                    except (WrongKey, Damaged, VaultLocked) as error:
                        broken.append((tenant.slug, error.message))
        except (CredenzaError, KeyboardInterrupt) as error:
            failure = error  # what was done before is told all the same
        settled = not any(each.resealed or each.destroyed for _, each in done) or (
            failure is None and credenza.store.settle(SETTLE_SECONDS)
        )
    if done or failure is None:
        _tell(done, broken, settled=settled)
    if failure is not None:
        raise failure
    if broken or any(each.closed for _, each in done):
        ctx.exit(REFUSED)


def _rotate(credenza: Credenza, tenant: Tenant, tell: Callable[[int], None]) -> Rotated:
    store, vault = credenza.store, credenza.vault
    return rotate_terms(store, vault, tenant, by=name_user(), tell=tell, yielding=not store.is_alone)


def _is_due(standing: Standing, days: int | None) -> bool:
    unfinished = standing.prepared or bool(standing.retired)
    return days is None or unfinished or standing.age(milliseconds()) >= days


def _size(standing: Standing) -> int:
    """Return how many secrets will be sealed anew."""
    old = sum(standing.old.values())
    return old or standing.current


@contextmanager
def _told(total: int) -> Iterator[Callable[[int], None]]:
    done = 0
    with bar(total, "Sealing anew") as shown:

        def tell(more: int) -> None:
            nonlocal done
            done += more
            if shown is not None:
                shown(done)

        yield tell


def _tell_plan(wanted: list[tuple[Tenant, Standing]]) -> None:
    now = milliseconds()
    rows = [
        (tenant.slug, each.term, each.age(now), each.seals, _size(each), len(each.retired))
        for tenant, each in wanted
    ]
    if wants_json():
        keys = ("workspace", "term", "days", "seals", "toSeal", "earlierTerms")
        write_json({"plan": True, "workspaces": [dict(zip(keys, row, strict=True)) for row in rows]})
        return
    write_table(_PLANNED, rows)
    click.echo("Nothing was written: this is a plan.", err=True)


def _tell(done: list[tuple[str, Rotated]], broken: list[tuple[str, str]], *, settled: bool) -> None:
    if wants_json():
        failed = [{"workspace": slug, "message": why} for slug, why in broken]
        shown = [_show(*each) for each in done]
        write_json({"plan": False, "settled": settled, "workspaces": shown, "failed": failed})
    else:
        write_table(
            _DONE,
            [
                (slug, each.term, each.resealed, len(each.closed), _list(each.destroyed), _list(each.left))
                for slug, each in done
            ],
        )
        for slug, each in done:
            for closed in each.closed:
                where = f"{slug} {closed.row.name} {locate(closed.row.secret.path)}"
                click.echo(f"{where} (version {closed.row.secret.version}): {closed.why}", err=True)
        for slug, why in broken:
            click.echo(f"{slug}: {why}", err=True)
        if any(each.left and not each.closed for _, each in done):
            click.echo("What was being saved all the while is left for another run.", err=True)
        total = sum(each.resealed for _, each in done)
        click.echo(f"{count(total, 'secret')} sealed anew in {count(len(done), 'workspace')}.", err=True)
    if not settled:
        click.echo(UNSETTLED, err=True)


def _list(terms: tuple[int, ...]) -> str:
    return ", ".join(map(str, terms))


def _show(slug: str, done: Rotated) -> dict[str, Any]:
    return {
        "workspace": slug,
        "term": done.term,
        "begun": done.begun,
        "resealed": done.resealed,
        "destroyed": done.destroyed,
        "left": done.left,
        "closed": [
            {
                "name": each.row.name,
                "pointer": locate(each.row.secret.path),
                "version": each.row.secret.version,
                "message": each.why,
            }
            for each in done.closed
        ],
    }
