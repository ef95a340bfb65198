"""`credenza apply`: save what a file or folder says, by the same way as over HTTP."""

from __future__ import annotations

from pathlib import Path

import msgspec
import rich_click as click

from credenza.cli.documents import FORMATS
from credenza.cli.failures import REFUSED
from credenza.cli.folders import (
    Bundle,
    locate_receipt,
    naming,
    open_references,
    read_batch,
    read_folder,
    refers,
)
from credenza.cli.pruning import Prune, check_prune, plan_prune, write_prune
from credenza.cli.receipts import write_receipt
from credenza.cli.recipients import read_sources
from credenza.cli.remote import STDIN, names_server
from credenza.cli.targets import Saving, Scope, opened_target, scope_options, target_options
from credenza.errors import Invalid
from credenza.web.integrations.wire import Items
from credenza.workspace import Mode


@click.command("apply")
@click.argument("file", metavar="FILE|FOLDER|-")
@click.option("--plan", "--dry-run", "dry_run", is_flag=True, help="Show the plan and save nothing.")
@click.option(
    "--mode",
    type=click.Choice([mode.value for mode in Mode]),
    default=Mode.ATOMIC.value,
    show_default=True,
    help="All or nothing, or each integration for itself.",
)
@click.option("--replace-apis", is_flag=True, help="Remove the apis that are not listed.")
@click.option("--format", type=click.Choice(FORMATS), help="Instead of what the file's name or text says.")
@click.option(
    "--prune",
    is_flag=True,
    help="Remove integrations that no file of FOLDER names: of a store in the same batch, of a server after"
    " the others are saved.",
)
@scope_options
@click.option("-y", "--yes", is_flag=True, help="Let --prune remove integrations that hold secrets, too.")
@target_options
@click.pass_context
def apply(  # noqa: PLR0917  # click gives them by name
    ctx: click.Context,
    file: str,
    dry_run: bool,
    mode: str,
    replace_apis: bool,
    format: str | None,
    prune: bool,
    scope: Scope,
    yes: bool,
) -> None:
    """Save the integrations of FILE, of standard input for `-`, or of FOLDER, which has a file for each.

    At most 10,000 are one batch, which is saved as a whole or not at all; a server, named by --url, is sent
    more in several batches. Files are JSON, JSON Lines or YAML; in YAML a plain text is a number, a boolean
    or null only where it looks like one in JSON: dates, `yes` and `012` stay text. In the place of a secret
    may stand {"$env": "NAME"}, which is taken from the environment, or {"$age": "…"}, as `export` and `seal`
    write it. --names and --tag say which integrations --prune may remove; without them, all that no file
    names.
    """
    folder = file != STDIN and Path(file).is_dir()
    wanted = Prune(scope, wanted=prune, sure=yes)
    check_prune(wanted, folder=folder, mode=Mode(mode))
    remote = names_server(reads_stdin=file == STDIN)
    batch = read_folder(Path(file)) if folder else read_batch(file, format, limited=not remote)
    if not batch.raws and not prune:
        raise Invalid("The folder holds no integration.", code="empty_array")
    types = [outline.type for outline in _items(batch, replace_apis=replace_apis).outline(0, len(batch.raws))]
    with opened_target(reads_stdin=file == STDIN) as target, naming(batch.files):
        going = plan_prune(target, wanted, batch, dry_run=dry_run) if prune else []
        referring = any(refers(bytes(raw)) for raw in batch.raws)
        catalogue = target.catalogue if referring else None
        batch = open_references(batch, catalogue, read_sources(remote=remote))
        if not dry_run:
            write_prune(going)
        receipt = target.save(
            batch.raws,
            [each.drop() for each in going],
            how=Saving(Mode(mode), dry_run, replace_apis),
        )
    told = [each.told(item) for each, item in zip(going, receipt.items[len(batch.raws) :], strict=True)]
    receipt = msgspec.structs.replace(receipt, items=(*receipt.items[: len(batch.raws)], *told))
    receipt = locate_receipt(receipt, batch.files)
    write_receipt(receipt, [*types, *(each.type for each in going)])
    if any(item.problems for item in receipt.items):
        ctx.exit(REFUSED)


def _items(batch: Bundle, *, replace_apis: bool) -> Items:
    return Items(batch.raws, replace_apis=replace_apis, expected=None)
