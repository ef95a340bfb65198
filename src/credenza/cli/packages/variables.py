"""What an installer gives: variables from options, a file or standard input, and secret ones at a prompt."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import rich_click as click

from credenza.cli.failures import Misused
from credenza.cli.integrations import someone_is_there
from credenza.cli.options import with_options
from credenza.cli.packages.files import read_object
from credenza.cli.remote import STDIN
from credenza.connectors.values import find_secret_fault
from credenza.errors import Invalid, Problem
from credenza.plans.packages.installs import Install
from credenza.plans.packages.references import whole
from credenza.plans.packages.variables import Variables, read_variables
from credenza.plans.packages.versions import PackageVersion

Command = TypeVar("Command", bound=Callable[..., Any])
T = TypeVar("T")
_NEEDED = "variable_required"
_HERE, _CONFIGURATION = "/variables", "/configuration/"
_HOW = " Secret variables come from --variables FILE, or - for standard input; others by --set."
_ELSEWHERE = "The new version sends this secret elsewhere: give its variable again."


class Given:
    """The variables that were given so far; shows nothing of them."""

    def __init__(self, version: PackageVersion, values: dict[str, Any]) -> None:
        """Take what was given for a version."""
        self.variables, _ = read_variables(version.variables_schema)
        self.values = values

    def __repr__(self) -> str:
        """Show nothing of them."""
        return "<given>"

    def ask(self, names: Sequence[str]) -> bool:
        """Ask for the secret ones of these that are lacking; tell whether any was asked for."""
        asked = [each for each in names if each in self.variables.secrets and each not in self.values]
        for name in asked:
            text = _ask(name, needed=name in self.variables.required)
            if text:
                self.values[name] = text
        return bool(asked)

    def ask_for(self, plan: Callable[[], T], known: Sequence[str] | None = None) -> T:
        """Return what a plan comes to; while it lacks secret variables, somebody who is there is asked.

        Of those `known` from before only what the plan cannot do without; None: all are asked for.

        Raises:
            Invalid: it lacks something else, or nobody is there.
        """
        if someone_is_there():
            needed = self.variables.required - {*(known or ())}
            self.ask([each for each in self.variables.names if known is None or each in needed])
        while True:
            try:
                return plan()
            except Invalid as error:
                places = [each.pointer for each in error.problems if each.pointer.startswith(_HERE)]
                lacking = [
                    each.pointer.removeprefix(f"{_HERE}/") for each in error.problems if each.code == _NEEDED
                ]
                if someone_is_there() and self.ask(list(dict.fromkeys(lacking))):
                    continue
                error.message += _HOW if places else ""
                raise


@contextmanager
def naming_variables(version: PackageVersion, install: Install) -> Iterator[None]:
    """Let a secret that an upgrade would send elsewhere be told as the variable that is to be given again."""
    try:
        yield
    except Invalid as error:
        slugs = {member.name: member.slug for member in install.members}
        error.problems = tuple(_name_variable(version, slugs, each) for each in error.problems)
        if all(each.code == _NEEDED for each in error.problems):
            error.message = "This package cannot be upgraded, for the reasons listed."
        raise


def _name_variable(version: PackageVersion, slugs: Mapping[str, str], problem: Problem) -> Problem:
    member = version.manifest.find(slugs.get(problem.name or "", ""))
    key = problem.pointer.removeprefix(_CONFIGURATION)
    said = None if member is None else whole(member.integration.configuration.get(key))
    if problem.code != "secret_reentry_required" or said is None or member is None:
        return problem
    return Problem(_NEEDED, _ELSEWHERE, f"{_HERE}/{said}", problem.keyword, name=member.slug)


def variable_options(command: Command) -> Command:
    """Add the options that give variables."""
    return with_options(
        command,
        click.option(
            "--set",
            "settings",
            metavar="NAME=VALUE",
            multiple=True,
            help="A variable that is no secret; may be given several times.",
        ),
        click.option(
            "--variables",
            "file",
            metavar="FILE|-",
            help="Variables as YAML or JSON, secret ones too, from a file or standard input.",
        ),
    )


def read_given(version: PackageVersion, settings: Sequence[str], file: str | None) -> Given:
    """Return the variables of the command line and of its file, which goes behind it.

    Raises:
        Misused: a secret stands on the command line, or an option is not of its form.
        Invalid: the file cannot be read.
    """
    given = Given(version, {} if file is None else _read(file))
    for text in settings:
        name, sign, value = text.partition("=")
        if not sign:
            raise Misused("--set takes NAME=VALUE.")
        if name in given.variables.secrets:
            raise Misused(
                f"{name} is a secret, and none is taken from the command line: it is asked for, or stands in "
                "--variables FILE, or in standard input with --variables -."
            )
        given.values[name] = _convert(given.variables, name, value)
    return given


def _convert(variables: Variables, name: str, text: str) -> object:
    """Return a value of the type that the schema says; a text where it says none, or may be one."""
    rules: Mapping[str, Any] = variables.schema.get("properties", {}).get(name, {})
    target = rules.get("$ref")
    if isinstance(target, str):
        rules = variables.schema.get("$defs", {}).get(target.rpartition("/")[2], {})
    said = rules.get("type", "string")
    kinds = said if isinstance(said, list) else [said]
    if "string" in kinds:
        return text
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise Misused(f"--set {name} takes a value of type {' or '.join(kinds)}, as in JSON.") from None


def _read(file: str) -> dict[str, Any]:
    if file == STDIN:
        return read_object(sys.stdin.buffer.read(), "")
    try:
        data = Path(file).read_bytes()
    except OSError as error:
        raise Misused(f"The file of variables cannot be read: {error.strerror}.") from None
    return read_object(data, Path(file).suffix)


def _ask(name: str, *, needed: bool) -> str:
    shown = "hidden" if needed else "hidden; empty for none"
    while True:
        default = None if needed else ""
        text: str = click.prompt(
            f"{name} ({shown})", hide_input=True, err=True, default=default, show_default=False
        )
        if not text or find_secret_fault(text) is None:
            return text
        click.echo("That is too long, or nothing but mask characters.", err=True)
