"""`credenza move`: a whole store to another place, as it is."""

from __future__ import annotations

import os

import rich_click as click

from credenza.cli.failures import REFUSED
from credenza.cli.output import count, json_or_text
from credenza.cli.progress import bar
from credenza.cli.session import json_option
from credenza.copies import ends, verbs
from credenza.copies.copying import count_rows
from credenza.errors import Misconfigured

_VARIABLE = "env://"


@click.command("move")
@click.argument("source", metavar="SOURCE")
@click.argument("destination", metavar="DESTINATION")
@click.option("--verify", is_flag=True, help="Only compare two stores, row by row; copy nothing.")
@json_option
@click.pass_context
def move(ctx: click.Context, source: str, destination: str, *, verify: bool) -> None:
    """Copy a whole store from SOURCE to DESTINATION, each sqlite:////absolute/path.db or postgresql://….

    Secrets are carried sealed and no key is asked for. No server may use the source meanwhile, and nobody
    writes to it until the end. DESTINATION is no store before everything was read back from it and found to
    be the same; cut short, it is not there, and the same command begins anew. The source stays as it is:
    from then on, serve the destination, and do not write to the source any more.

    env://NAME stands for a URI in a variable: a password in one does not belong on a command line.
    """
    where = _read(source), _read(destination)
    if verify:
        _verify(ctx, *where)
        return
    with (
        ends.read_store(where[0], alone=True) as snapshot,
        bar(2 * count_rows(snapshot), "Moving") as tell,
    ):
        rows = verbs.move(snapshot, where[1], tell)
    json_or_text(
        {"moved": rows},
        f"{count(rows, 'row')} moved, and read back the same. Serve the destination from now on: "
        "what is still written to the source stays there.",
    )


def _verify(ctx: click.Context, source: str, destination: str) -> None:
    with (
        ends.read_store(source) as snapshot,
        bar(2 * count_rows(snapshot), "Comparing") as tell,
    ):
        rows = count_rows(snapshot)
        found = verbs.compare_stores(snapshot, destination, tell)
    told = f"The two stores are the same: {count(rows, 'row')}."
    if found:
        told = f"The two stores differ in: {', '.join(found)}."
    json_or_text({"same": not found, "rows": rows, "differ": found}, told)
    if found:
        ctx.exit(REFUSED)


def _read(uri: str) -> str:
    if not uri.startswith(_VARIABLE):
        return uri
    found = os.environ.get(uri.removeprefix(_VARIABLE))
    if not found:
        raise Misconfigured("The variable that env:// names is not set, or is empty.")
    return found
