"""Plans, packages and installs as tables and sentences: names, keys and words, never a value."""

from __future__ import annotations

from collections.abc import Sequence

import rich_click as click

from credenza.cli.output import clean, count, write_table
from credenza.plans.packages.upgrades import Outcome
from credenza.plans.packages.versions import Difference
from credenza.web.packages.shapes import say_difference

_WORDS = ("added", "updated", "restored", "removed", "unchanged", "skipped")
DRY_RUN = "; nothing was saved: this is a dry run"


def write_outcomes(outcomes: Sequence[Outcome]) -> None:
    """Print what becomes of members, and behind that the conflicts with who wins, and why."""
    write_table(("member", "integration", "type", "result", "changes", "why"), map(_row, outcomes))
    conflicts = [
        (each.slug, _short(c.pointer), c.winner, c.reason) for each in outcomes for c in each.conflicts
    ]
    if conflicts:
        click.echo()
        write_table(("member", "conflict", "wins", "why"), conflicts)


def count_outcomes(outcomes: Sequence[Outcome]) -> str:
    """Write how many members came to what."""
    results = [each.result for each in outcomes]
    conflicts = sum(len(each.conflicts) for each in outcomes)
    told = [f"{results.count(word):,} {word}" for word in _WORDS if word in results]
    return ", ".join([*told, *([count(conflicts, "conflict")] if conflicts else [])]) or "no members"


def write_differences(found: Sequence[Difference], nothing: str) -> None:
    """Print differences, a sentence each."""
    for sentence in map(say_difference, found):
        click.echo(clean(sentence))
    if not found:
        click.echo(nothing)


def _row(outcome: Outcome) -> tuple[object, ...]:
    changes = ", ".join(f"{_short(pointer)} {word}" for pointer, word in outcome.changes)
    return outcome.slug, outcome.name, outcome.type, outcome.result, changes, outcome.reason


def _short(pointer: str) -> str:
    return pointer.removeprefix("/configuration").removeprefix("/")
