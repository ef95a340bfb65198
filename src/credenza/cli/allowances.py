"""What files may do only where the command line says so: whoever writes them is not who saves them.

A file may be written by somebody who may not reveal, and is saved with the rights of the command line. So it
is trusted no further than an editor is, until an option says that a thing is meant.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import rich_click as click

from credenza.cli.options import keep, with_options
from credenza.cli.output import current_context

Command = TypeVar("Command", bound=Callable[..., Any])
_LEADS, _ANY_NAME = "credenza.allow-leads", "credenza.any-name"


def allowance_options(command: Command) -> Command:
    """Add the options that allow things to files."""
    return with_options(
        command,
        click.option(
            "--allow-leads",
            is_flag=True,
            expose_value=False,
            callback=keep(_LEADS),
            help="Let an api begin to lead to a place of its own with secrets that the store keeps.",
        ),
        click.option(
            "--any-name",
            is_flag=True,
            expose_value=False,
            callback=keep(_ANY_NAME),
            help="Open what was sealed for an integration of another name, too.",
        ),
    )


def allows_leads() -> bool:
    """Say whether apis may begin to lead elsewhere with secrets that are kept."""
    return bool(current_context().meta.get(_LEADS))


def allows_any_name() -> bool:
    """Say whether what was sealed for another name is opened."""
    return bool(current_context().meta.get(_ANY_NAME))
