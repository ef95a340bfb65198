"""`credenza run`: a command with configurations in its environment, and nowhere else."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from typing import NoReturn

import msgspec
import rich_click as click

from credenza.cli.failures import Failure, Misused
from credenza.cli.output import wants_json
from credenza.cli.remote import names_server, remote_options
from credenza.cli.revealing import reveal
from credenza.cli.session import json_option, read_settings, store_options, workspace_option
from credenza.cli.variables import Variables, check_prefix, list_variables
from credenza.sensitive import Sensitive

NOT_EXECUTABLE, NOT_FOUND = 126, 127  # as POSIX shells leave
_COMMAND = "credenza.command"
_DASHES = "--"
_KEY_IN_VARIABLE = "env://"


class RunCommand(click.RichCommand):
    """A command of which all behind `--` belongs to another."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take what is ours, and keep the rest as it stands."""
        place = args.index(_DASHES) if _DASHES in args else len(args)
        ctx.meta[_COMMAND] = args[place + 1 :]
        return super().parse_args(ctx, args[:place])

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Name both halves."""
        return [*super().collect_usage_pieces(ctx), _DASHES, "COMMAND", "[ARGS]..."]


@click.command("run", cls=RunCommand)
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option(
    "--prefix",
    metavar="TEXT",
    help="What every variable begins with, may be empty; else the integration's name in capitals and _.",
)
@remote_options
@workspace_option
@store_options
@json_option
@click.pass_context
def run(ctx: click.Context, names: tuple[str, ...], prefix: str | None) -> None:
    """Start COMMAND with the configuration of integrations in its environment.

    Of the integration `my-db` the key `datasourceURL` becomes MY_DB_DATASOURCE_URL, in the place of a
    variable of this name; numbers, booleans and objects are JSON. Nothing is written to disk, and the audit
    has it before the command starts. The command gets no variable that holds the vault's key or an API key.

    The exit code is the command's; 127 and 126 say that there is none, or none that can be executed.
    """
    command: list[str] = ctx.meta[_COMMAND]
    if not command:
        raise Misused("Say behind -- which command to start: credenza run NAME -- COMMAND.")
    check_prefix(prefix)
    found = [each.reveal()["configuration"] for each in reveal(names)]
    variables = Sensitive(list_variables(zip(names, found, strict=True), prefix))
    del found
    start(command, make_environment(variables))


def make_environment(variables: Sensitive[Variables]) -> Sensitive[Variables]:
    """Return the environment of a command: ours, without what opens vault or server, and these variables."""
    withheld = {"CREDENZA_TOKEN"}
    keys = [os.environ.get("CREDENZA_KEK"), None if names_server() else read_settings().kek]
    withheld |= {
        key.removeprefix(_KEY_IN_VARIABLE) for key in keys if key and key.startswith(_KEY_IN_VARIABLE)
    }
    kept = {name: text for name, text in os.environ.items() if name not in withheld}
    return Sensitive(kept | variables.reveal())


def start(command: list[str], environment: Sensitive[Variables]) -> NoReturn:
    """Become a command, or on Windows wait for it and leave as it does."""
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        if os.name == "posix":
            _become(command, environment)
        done = subprocess.run(command, env=environment.reveal(), check=False)  # noqa: S603  # what run is for
        code, message = done.returncode, ""
    except OSError as error:
        code, message = _explain(error)
    if message:
        _tell(code, message)
    sys.exit(code)


def _become(command: list[str], environment: Sensitive[Variables]) -> NoReturn:
    # Python ignores these two, and a command would inherit that.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    # As UTF-8 whatever the locale says; what was in the environment goes on as it came.
    encoded = {os.fsencode(name): _encode(text) for name, text in environment.reveal().items()}
    os.execvpe(command[0], command, encoded)  # noqa: S606  # no shell: what stands in the words stays there


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _explain(error: OSError) -> tuple[int, str]:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return NOT_FOUND, "The command cannot be found."
    if error.errno == errno.E2BIG:
        return NOT_EXECUTABLE, "The configuration is too large for an environment."
    return NOT_EXECUTABLE, f"The command cannot be executed: {error.strerror}."


def _tell(code: int, message: str) -> None:
    if wants_json():
        kind = "command_not_found" if code == NOT_FOUND else "command_not_executable"
        click.echo(msgspec.json.encode(Failure(kind, message, code)), err=True)
    else:
        click.echo(f"{click.style('error:', fg='red', bold=True)} {message}", err=True)
