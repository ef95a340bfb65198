"""`credenza vault`, with all its commands."""

from __future__ import annotations

from importlib import import_module

import rich_click as click

# By name: the module beside this one, and the command in it; a command's own module is read when it runs.
COMMANDS: dict[str, str] = {
    "rewrap": "rewrapping:rewrap",
    "rotate": "rotating:rotate",
    "escrow": "escrows:escrow",
    "reinit": "losing:reinit_",
    "recover": "losing:recover_",
}


class Commands(click.RichGroup):
    """A group that loads its commands by name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(f"credenza.cli.vault.{module}"), attribute)
        return command


@click.group("vault", cls=Commands)
def vault() -> None:
    """Rotate, rewrap, escrow and replace the keys of a store."""
