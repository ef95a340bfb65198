"""The root of all commands. Knows them by name and one line; a command's own module is read when it runs."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

import rich_click as click

from credenza.cli.failures import EXIT_CODES, tell

COMMANDS = {
    "init": ("init:init", "Make a new store, its vault and the workspace default."),
    "serve": ("serve:serve", "Serve the store over HTTP."),
    "workspace": ("workspaces:workspace", "Create, list and shred workspaces."),
    "apikey": ("apikeys:apikey", "Create, list and revoke API keys."),
    "apply": ("apply:apply", "Save integrations from a file or folder, all or nothing."),
    "export": ("export:export", "Write integrations to a file or folder, their secrets sealed or left out."),
    "import": ("imports:import_", "Save what another store exported, and say which secrets are lacking."),
    "seal": ("seal:seal", "Seal one secret in a file to public keys."),
    "get": ("integrations:get", "Show one integration, its secrets only as being there."),
    "list": ("integrations:list_", "List integrations."),
    "history": ("versions:history", "List the versions of one integration."),
    "rollback": ("versions:rollback", "Make an earlier version of one integration its next one."),
    "delete": ("integrations:delete", "Remove one integration with everything it owns."),
    "resolve": ("integrations:resolve", "Print the configuration of one integration in clear; audited."),
    "run": ("run:run", "Start a command with integrations in its environment; audited."),
    "package": ("packages.group:package", "Publish, install and upgrade sets of connectors."),
    "types": ("types:types", "List connector types, or explain one."),
    "vault": ("vault.group:vault", "Rotate, rewrap, escrow and replace the keys of a store."),
    "backup": ("backup:backup", "Write a whole store to a file, while it is served; or verify one."),
    "restore": ("restore:restore", "Bring a whole store back from a backup."),
    "move": ("move:move", "Copy a whole store to another one: SQLite, PostgreSQL."),
    "doctor": ("doctor:doctor", "Look over store, vault, secrets and audit."),
    "audit": ("audit:audit", "Verify the audit trail, and export its heads."),
}


class Root(click.RichGroup):
    """A group that loads a command when it is called, and turns every error into a sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a stand-in, enough for a list of commands."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        return click.RichCommand(name=cmd_name, short_help=COMMANDS[cmd_name][1])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command itself."""
        name, stand_in, rest = super().resolve_command(ctx, args)
        return name, load_command(name) if name and stand_in else None, rest

    def main(  # type: ignore[override]
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: object
    ) -> NoReturn:
        """Run a command line and leave with its exit code."""
        rest: dict[str, Any] = {**extra, "standalone_mode": False}
        given = sys.argv[1:] if args is None else list(args)
        ours = given[: given.index("--")] if "--" in given else given
        try:
            outcome = super().main(args, prog_name or "credenza", **rest)
        except Exception as error:  # noqa: BLE001  # the last place where one can be told decently
            sys.exit(tell(error, as_json="--json" in ours))
        sys.exit(outcome if isinstance(outcome, int) else 0)


def load_command(name: str) -> click.Command:
    """Import the module of a command and return the command."""
    module, _, attribute = COMMANDS[name][0].partition(":")
    # Importing leaves no garbage behind; to look for it meanwhile costs a tenth of the time of a start.
    gc.disable()
    try:
        command: click.Command = getattr(import_module(f"credenza.cli.{module}"), attribute)
    finally:
        gc.enable()
    return command


def _epilog() -> str:
    # An empty line between lines is what keeps them from being run together.
    return "\n\n".join(["Exit codes", *(f"{code}: {meaning}" for code, meaning in EXIT_CODES.items())])


@click.group("credenza", cls=Root, context_settings={"help_option_names": ["-h", "--help"]}, epilog=_epilog())
@click.version_option(package_name="credenza", message="%(version)s")
def root() -> None:
    """Keep the configuration of connectors, and every secret in it sealed.

    Say which store and key with CREDENZA_STORE and CREDENZA_KEK or with --store and --kek. A secret is
    never taken from the command line: it comes from a file or from standard input. With --json, answers
    are JSON on standard output and errors a JSON object on standard error.
    """


def main() -> NoReturn:
    """Run the command line of this process."""
    root.main()
