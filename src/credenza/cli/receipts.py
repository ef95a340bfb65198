"""What became of a batch, for a person: a plan as a table, a result as one line."""

from __future__ import annotations

from collections.abc import Sequence

import rich_click as click

from credenza.cli.failures import write_problem
from credenza.cli.output import wants_json, write_json, write_table
from credenza.model import Item, Receipt
from credenza.web.integrations.shapes import show_receipt

_PREFIX = "/configuration"
_ORDER = ("created", "updated", "unchanged", "deleted", "failed")


def write_receipt(receipt: Receipt, types: Sequence[str]) -> None:
    """Print a receipt; `types` are the connector types of its items, in order."""
    if wants_json():
        write_json(show_receipt(receipt))
        return
    if receipt.dry_run:
        told = [
            (item, kind)
            for item, kind in zip(receipt.items, types, strict=True)
            if item.result != "unchanged"
        ]
        if told:
            write_table(("name", "type", "result", "changed", "secrets"), [_row(*each) for each in told])
    for item in receipt.items:
        for problem in item.problems:
            click.echo(write_problem(problem), err=True)
    click.echo(count_results(receipt))


def count_results(receipt: Receipt) -> str:
    """Write how many items came to what, as a sentence."""
    results = [item.result for item in receipt.items]
    counts = ", ".join(f"{results.count(word):,} {word}" for word in _ORDER if word in results)
    return f"{counts}{'; nothing was saved: this is a dry run' if receipt.dry_run else ''}."


def _row(item: Item, kind: str) -> tuple[object, ...]:
    changed = ", ".join(_short(pointer) for pointer in item.changed)
    secrets = ", ".join(f"{_short(pointer)} {word}" for pointer, word in item.secrets.items())
    return item.name or "(no name)", kind, item.result, changed, secrets


def _short(pointer: str) -> str:
    return pointer.removeprefix(_PREFIX).removeprefix("/")
