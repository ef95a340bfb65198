"""A plan that is shown, agreed to, and done as it was shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, NamedTuple, TypeVar

import rich_click as click

from credenza.cli.failures import Misused
from credenza.cli.integrations import someone_is_there
from credenza.cli.options import with_options
from credenza.cli.output import wants_json, write_json
from credenza.errors import Conflict, CredenzaError
from credenza.workspace.desk import Desk, Papers, Planned
from credenza.workspace.packages import unplaced

T = TypeVar("T")
Command = TypeVar("Command", bound=Callable[..., object])


class Terms(NamedTuple):
    """How a plan is done: only shown, or without a question."""

    dry_run: bool
    yes: bool


class Step(NamedTuple, Generic[T]):
    """One thing to do: what the audit calls it, its plan, and how a person is told of it.

    `gist` is what must still be so when it is done: what people agree to. `idle` tells that nothing is to do.
    """

    verb: str
    plan: Callable[[Desk], Planned[T]]
    tell: Callable[[T], None]
    gist: Callable[[T], object]
    question: Callable[[T], str]
    idle: Callable[[T], bool] = lambda _: False


def agreeing_options(command: Command) -> Command:
    """Add the options that say whether anybody is asked."""
    return with_options(
        command,
        click.option("--dry-run", is_flag=True, help="Show the plan and save nothing."),
        click.option("-y", "--yes", is_flag=True, help="Do not ask."),
    )


def check_terms(terms: Terms) -> None:
    """Refuse early what would end in a question that nobody can answer; raises Misused."""
    if terms.dry_run or terms.yes:
        return
    if wants_json():
        raise Misused("With --json nobody is asked: say --yes, or --dry-run for the plan alone.")
    if not someone_is_there():
        raise Misused("Nobody is there to be asked: say --yes, or --dry-run for the plan alone.")


def carry_out(papers: Papers, step: Step[T], terms: Terms, show: Callable[[T], object]) -> T:
    """Show what a plan comes to, ask, and do it; return it as it was done.

    Raises:
        Conflict: what was agreed to is not what would be done any longer.
        Abort: it was not agreed to.
    """
    with in_our_words(), unplaced():
        if terms.dry_run or terms.yes:
            done = papers.change(step.verb, step.plan, dry_run=terms.dry_run)
            _tell(done, step, show)
            return done
        shown = papers.change(step.verb, step.plan, dry_run=True)
        _tell(shown, step, show)
        if step.idle(shown):
            return shown
        click.confirm(step.question(shown), abort=True, err=True)

        def again(desk: Desk) -> Planned[T]:
            planned = step.plan(desk)
            if step.gist(planned.answer) != step.gist(shown):
                raise Conflict("Something changed since the plan was shown; nothing was done. Look again.")
            return planned

        return papers.change(step.verb, again)


@contextmanager
def in_our_words() -> Iterator[None]:
    """Let errors call a package a package: on the wire it is an integration, which here is something else."""
    try:
        yield
    except CredenzaError as error:
        for word in ("This", "of this"):
            error.message = error.message.replace(f"{word} integration", f"{word} package")
        raise


def _tell(done: T, step: Step[T], show: Callable[[T], object]) -> None:
    if wants_json():
        write_json(show(done))
    else:
        step.tell(done)
