"""`credenza audit`: whether the trail is whole, and its ends to keep elsewhere."""

from __future__ import annotations

import re

import rich_click as click

from credenza.cli.failures import REFUSED, Misused
from credenza.cli.output import count, wants_json, write_json
from credenza.cli.session import json_option, session, store_options, workspace_option
from credenza.model import Actor
from credenza.settings import Credenza
from credenza.workspace.ledger import Ledger

_is_head = re.compile(r"[a-z0-9-]+:[0-9]{1,18}:[0-9a-f]{72}").fullmatch


@click.group("audit")
def audit() -> None:
    """Verify the audit trail, and export its heads."""


@audit.command("verify")
@click.option(
    "--head", "exported", multiple=True, metavar="TEXT", help="A head exported earlier; may be repeated."
)
@workspace_option
@store_options
@json_option
@click.pass_context
def verify(ctx: click.Context, exported: tuple[str, ...]) -> None:
    """Look for changed, removed, reordered and cut off rows.

    Leaves with 1 when something is found. Rows from before the vault's key was lost (`vault reinit`) are
    named as what nobody can verify. A store set back as a whole to an earlier day is found only with
    a head that was exported after that day: keep the heads outside the store.
    """
    if not all(_is_head(head) for head in exported):
        raise Misused(
            "A head is given as `audit heads` printed it: stream, count and MAC with colons between."
        )
    with session() as (credenza, actor, workspace):
        rows, found, heads = workspace.verify_audit(exported)
        unverifiable = list_breaks(credenza, actor)
    if wants_json():
        told = {"ok": not found, "rows": rows, "findings": found, "heads": heads}
        write_json({**told, "unverifiable": unverifiable} if unverifiable else told)
    else:
        for each in unverifiable:
            click.echo(f"Not verified: {each}")
        for finding in found:
            click.echo(finding)
        click.echo(f"{count(rows, 'row')}, {count(len(found), 'finding')}.")
        if not found:
            click.echo("To find a store that was set back, keep this outside of it and give it next time:")
        for head in [] if found else heads:
            click.echo(f"  --head {head}")
    if found:
        ctx.exit(REFUSED)


@audit.command("heads")
@workspace_option
@store_options
@json_option
@click.pass_context
def heads(ctx: click.Context) -> None:
    """Print the ends of a trail that is whole, to be kept outside the store, for `audit verify --head`."""
    with session() as (_, _, workspace):
        _, found, ends = workspace.verify_audit()
    if found:
        click.echo(
            "The trail is not whole, so its heads prove nothing; see `credenza audit verify`.", err=True
        )
        ctx.exit(REFUSED)
    if wants_json():
        write_json(ends)
    else:
        for end in ends:
            click.echo(end)


def list_breaks(credenza: Credenza, actor: Actor) -> list[str]:
    """Say of which rows of a workspace nobody can tell whether they were changed, since a key was lost."""
    return [*Ledger(actor, credenza.store, credenza.vault, credenza.policy).breaks()]
