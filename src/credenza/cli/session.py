"""Which store, key and workspace a command works with: the options that say so, and opening them."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

import msgspec
import rich_click as click

from credenza.cli.options import keep, with_options
from credenza.cli.output import JSON, current_context
from credenza.model import Actor, Role
from credenza.settings import Credenza, Settings, open_credenza
from credenza.workspace import Workspace

Command = TypeVar("Command", bound=Callable[..., Any])
_SETTINGS = "credenza.settings"
WORKSPACE = "credenza.workspace"


class Session(NamedTuple):
    """What is open for one command."""

    credenza: Credenza
    actor: Actor
    workspace: Workspace


def name_user() -> str:
    """Return who acts, as audit and history show it: the user of the operating system."""
    try:
        import pwd  # noqa: PLC0415  # there is none on Windows
    except ImportError:
        return f"cli:{getpass.getuser()}"
    # The account itself: the variables that getpass reads can be set to anything.
    try:
        return f"cli:{pwd.getpwuid(os.getuid()).pw_name}"
    except KeyError:
        return f"cli:{os.getuid()}"


def read_settings(**more: object) -> Settings:
    """Return the settings of the environment and of this command line; raises Misconfigured."""
    given: dict[str, object] = current_context().meta.get(_SETTINGS, {})
    return Settings.read(os.environ, **given, **more)


@contextmanager
def opened(*, create: bool = False, read_only: bool = False) -> Iterator[Credenza]:
    """Open the store and its vault for one command; raises Misconfigured."""
    credenza = open_credenza(read_settings(), create=create, read_only=read_only)
    try:
        yield credenza
    finally:
        credenza.close()


@contextmanager
def session() -> Iterator[Session]:
    """Open the workspace that was named, as its administrator.

    Raises:
        Misconfigured: store or vault cannot be opened.
        NotFound: there is no such workspace.
    """
    with opened() as credenza:
        tenant = credenza.tenant(current_context().meta.get(WORKSPACE))
        actor = Actor(tenant, name_user(), Role.ADMIN)
        yield Session(credenza, actor, credenza.workspace(actor))


def setting(*names: str, **attributes: object) -> Callable[[Command], Command]:
    """Declare an option that is a setting, by the setting's own name; its help names variable and default."""
    told = _describe_setting(names[-1].partition("/")[0].lstrip("-").replace("-", "_"))
    attributes["help"] = f"{attributes['help']} [{told}]"
    rest: dict[str, Any] = {"expose_value": False, "callback": _keep_setting, "default": None, **attributes}
    return click.option(*names, **rest)


def _describe_setting(name: str) -> str:
    default = next(field.default for field in msgspec.structs.fields(Settings) if field.name == name)
    shown = "" if default is None or default is False else f"; {'yes' if default is True else default}"
    return f"CREDENZA_{name.upper()}{shown}"


def store_options(command: Command) -> Command:
    """Add the options of every command that opens a store."""
    return with_options(
        command,
        setting("--store", metavar="URI", help="The store: sqlite:////absolute/path.db."),
        setting(
            "--kek",
            metavar="URI",
            help="Where the vault's key is: keyring://credenza, file:///path or env://NAME.",
        ),
        setting("--schemas", metavar="FOLDER", help="Folder with more connector types."),
    )


def saving_options(command: Command) -> Command:
    """Add the options of commands that save configurations."""
    return with_options(
        command,
        setting(
            "--validation",
            type=click.Choice(["strict", "lenient"]),
            help="Lenient accepts missing and unknown keys.",
        ),
        setting(
            "--keep-versions",
            type=click.IntRange(min=1),
            help="How many versions keep their secrets.",
        ),
    )


def workspace_option(command: Command) -> Command:
    """Add the option that names a workspace."""
    add = click.option(
        "-w",
        "--workspace",
        metavar="NAME",
        envvar="CREDENZA_WORKSPACE",
        expose_value=False,
        callback=keep(WORKSPACE),
        help="The workspace [CREDENZA_WORKSPACE; default].",
    )
    return add(command)


def json_option(command: Command) -> Command:
    """Add the option that asks for JSON."""
    add = click.option(
        "--json", is_flag=True, expose_value=False, callback=keep(JSON), help="Answer in JSON."
    )
    return add(command)


def _keep_setting(ctx: click.Context, parameter: click.Parameter, value: object) -> None:
    if value is not None:
        ctx.meta.setdefault(_SETTINGS, {})[parameter.name] = value
