"""Declaring options of commands: several at once, and values that are kept for whoever asks for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import rich_click as click

Command = TypeVar("Command", bound=Callable[..., Any])


def with_options(command: Command, *options: Callable[[Command], Command]) -> Command:
    """Return a command with options added; the first is listed first."""
    for add in reversed(options):
        command = add(command)
    return command


def keep(place: str) -> Callable[[click.Context, click.Parameter, object], None]:
    """Return a callback that keeps an option's value at a place of the context's `meta`."""

    def store(ctx: click.Context, _: click.Parameter, value: object) -> None:
        ctx.meta[place] = value

    return store
