"""`credenza history` and `rollback`."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import rich_click as click

from credenza.cli.output import wants_json, write_json, write_table, write_time
from credenza.cli.receipts import write_receipt
from credenza.cli.session import json_option, saving_options, session, store_options, workspace_option
from credenza.errors import NotFound
from credenza.web.integrations import shapes
from credenza.workspace.admission import NO_VERSION

_VERSION = click.IntRange(min=1)


@contextmanager
def hinting(name: str) -> Iterator[None]:
    """Say where the versions of an integration are listed, where one is asked for that is not there."""
    try:
        yield
    except NotFound as error:
        if error.message == NO_VERSION.message:
            # Whatever has versions to be missing has a name: nothing else that was typed stands here.
            error.advice = f"`credenza history {shlex.quote(name)}` lists its versions."
        raise


@click.command("history")
@click.argument("name")
@click.option("--before", type=_VERSION, help="Only versions below this one.")
@click.option(
    "--limit", type=click.IntRange(1, 1_000), default=100, show_default=True, help="At most so many."
)
@click.option(
    "--diff", type=(_VERSION, _VERSION), metavar="A B", help="How two versions differ, without any value."
)
@workspace_option
@store_options
@json_option
def history(name: str, before: int | None, limit: int, diff: tuple[int, int] | None) -> None:
    """List the versions of one integration, newest first."""
    with hinting(name), session() as (_, _, workspace):
        if diff is not None:
            _write_difference(workspace.difference(name, *diff), *diff)
            return
        versions = workspace.history(name, before=before, limit=limit)
    if wants_json():
        write_json([shapes.show_version(each) for each in versions])
        return
    rows = [
        (
            *(each.version, write_time(each.created_at), each.created_by),
            ", ".join(f"{edit.pointer} {edit.change}" for edit in each.edits),
        )
        for each in versions
    ]
    write_table(("version", "time", "by", "changes"), rows)


@click.command("rollback")
@click.argument("name")
@click.argument("version", type=_VERSION)
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@click.option("--expected-version", type=_VERSION, help="Only if it is at this version.")
@workspace_option
@store_options
@saving_options
@json_option
def rollback(name: str, version: int, dry_run: bool, expected_version: int | None) -> None:
    """Make an earlier version of one integration its next one, secrets included."""
    with hinting(name), session() as (_, _, workspace):
        kind = workspace.view(name).record.type
        receipt = workspace.rollback(name, version, expected_version=expected_version, dry_run=dry_run)
    write_receipt(receipt, [kind])


def _write_difference(edits: Sequence[tuple[str, str]], first: int, second: int) -> None:
    if wants_json():
        changes = [{"pointer": pointer, "change": change} for pointer, change in edits]
        write_json({"from": first, "to": second, "changes": changes})
    else:
        write_table(("pointer", "change"), edits)
