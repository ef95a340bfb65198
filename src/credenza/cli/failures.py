"""Errors as sentences and exit codes. What stood on the command line is not repeated: it may be a secret."""

from __future__ import annotations

import msgspec
import rich_click as click

from credenza import errors
from credenza.errors import CredenzaError, Problem

REFUSED, USAGE, NOT_STARTED, NOT_FOUND, CONFLICT, UNAVAILABLE, FAULT, STOPPED = 1, 2, 3, 4, 5, 6, 70, 130

EXIT_CODES = {
    0: "done",
    REFUSED: "refused or invalid; every problem is listed",
    USAGE: "a command line that is not understood",
    NOT_STARTED: "cannot start: store, key or settings",
    NOT_FOUND: "nothing of that name",
    CONFLICT: "somebody else changed it, or it clashes with what is there",
    UNAVAILABLE: "vault locked, a secret that cannot be opened, or store unavailable",
    FAULT: "a fault of the program",
    STOPPED: "stopped from the keyboard",
}
_CODES: dict[type[CredenzaError], int] = {
    errors.Misconfigured: NOT_STARTED,
    errors.NotFound: NOT_FOUND,
    errors.Conflict: CONFLICT,
    errors.Clash: CONFLICT,
    errors.PreconditionFailed: CONFLICT,
    errors.Unavailable: UNAVAILABLE,
    errors.Damaged: UNAVAILABLE,
    errors.WrongKey: UNAVAILABLE,
    CredenzaError: REFUSED,
}
_ADVICE = {
    "not_found": "`list --all`, `workspace list` and `apikey list` show what there is.",
    "version_mismatch": "Read it again with `credenza get`, then repeat the change.",
    "vault_key_unavailable": "`credenza doctor` says more.",
    "secret_wrong_key": "`credenza doctor` tells which secrets cannot be opened.",
    "secret_damaged": "`credenza doctor` tells which secrets cannot be opened.",
    "store_full": "Make room, then repeat the command.",
}


class Misused(click.UsageError):
    """A command line that cannot be meant, in a sentence of ours."""


class Failure(msgspec.Struct, omit_defaults=True):
    """An error as `--json` writes it."""

    code: str
    message: str
    exit: int
    retryable: bool = False
    errors: tuple[Problem, ...] = ()


def tell(error: Exception, *, as_json: bool) -> int:
    """Write an error to standard error and return the exit code."""
    failure = describe_failure(error)
    if as_json:
        click.echo(msgspec.json.encode(failure), err=True)
        return failure.exit
    label = click.style("error:", fg="red", bold=True)
    click.echo(f"{label} {failure.message}", err=True)
    for problem in failure.errors:
        click.echo(f"  {write_problem(problem)}", err=True)
    if failure.code in _ADVICE:
        click.echo(_ADVICE[failure.code], err=True)
    return failure.exit


def describe_failure(error: Exception) -> Failure:
    """Return what may be said of any exception."""
    if isinstance(error, CredenzaError):
        code = next(_CODES[kind] for kind in type(error).__mro__ if kind in _CODES)
        return Failure(error.code, error.message, code, error.retryable, error.problems)
    if isinstance(error, click.ClickException):
        return Failure("usage", _explain_usage(error), USAGE)
    if isinstance(error, click.Abort):
        return Failure("stopped", "Stopped.", STOPPED)
    from credenza.web.problems import describe  # noqa: PLC0415  # only a fault pays for the web framework

    return Failure("internal_error", f"Something went wrong on our side: {describe(error)}.", FAULT)


def write_problem(problem: Problem) -> str:
    """Write one problem as a line: which item, where in it, and why."""
    item = "" if problem.index is None else f"#{problem.index + 1} "
    place = " ".join(part for part in (problem.name, problem.pointer) if part)
    return f"{item}{place}{': ' if item or place else ''}{problem.message} [{problem.code}]"


def _explain_usage(error: click.ClickException) -> str:
    if isinstance(error, Misused):
        return error.message
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "credenza"
    return f"{_say_usage(error)} See `{path} --help`."


def _say_usage(error: click.ClickException) -> str:
    if isinstance(error, click.BadParameter) and error.param is not None:
        name = (
            "/".join(error.param.opts) if error.param.param_type_name == "option" else _metavar(error.param)
        )
        if isinstance(error, click.MissingParameter):
            return f"{name} is missing."
        kind = error.param.type
        allowed = (
            f": it is one of {', '.join(map(str, kind.choices))}" if isinstance(kind, click.Choice) else ""
        )
        return f"{name} cannot have this value{allowed}."
    if isinstance(error, click.NoSuchOption):
        near = f" Is {error.possibilities[0]} meant?" if error.possibilities else ""
        return f"There is no such option.{near}"
    if isinstance(error, click.BadOptionUsage):
        return "An option lacks its value, or has one where it takes none."
    return "There is no such command, or it takes no such arguments."


def _metavar(parameter: click.Parameter) -> str:
    return (parameter.name or "").upper()
