"""`credenza init`: a new store with its vault and first workspace."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import rich_click as click

from credenza.cli.output import wants_json, write_fields, write_json
from credenza.cli.session import json_option, opened, setting, store_options
from credenza.errors import VaultLocked
from credenza.settings import Credenza, Settings, default_store
from credenza.vault.lease import is_revocable


@click.command("init")
@store_options
@setting(
    "--dev",
    is_flag=True,
    help="Keep the key on this machine: in the OS keyring, else in a file.",
)
@json_option
def init() -> None:
    """Make a new store, its vault and the workspace default.

    A store that has them already is left as it is.
    """
    with opened(create=True) as credenza:
        if credenza.vault.locked is not None:
            raise VaultLocked(credenza.vault.locked)
        told = {
            "store": credenza.settings.store or default_store(),
            "key": describe_key(credenza),
            "keyId": credenza.vault.meta.kek_id,
            "workspace": credenza.tenant().slug,
            "next": f"{program()} apikey create --role admin{where(credenza.settings)}",
        }
        if wants_json():
            write_json(told)
            return
        write_fields(told)
        click.echo(_warn(credenza))


def _warn(credenza: Credenza) -> str:
    if is_revocable(credenza.provider):
        return "Without that key no secret can be read again: see to it that nobody deletes it."
    return "Without this key no secret can be read again: keep a copy of it apart from the store's."


def program() -> str:
    """Return how this program is called from here: it may lie in an environment that is not active."""
    if shutil.which("credenza"):
        return "credenza"
    return shlex.quote(str(Path(sys.executable).with_name("credenza")))


def write_call(arguments: str) -> Iterator[str]:
    """Yield a call of this program as lines for another terminal, where no environment is active."""
    activate = Path(sys.prefix) / "bin" / "activate"
    if activate.is_file():
        yield f"  . {shlex.quote(str(activate))}"
        yield f"  credenza {arguments}"
    else:
        yield f"  {program()} {arguments}"


def describe_key(credenza: Credenza) -> str:
    """Say in a sentence where the vault's key is."""
    if is_revocable(credenza.provider):
        return f"The vault's key is wrapped by the {credenza.provider.label}."
    return credenza.remark or f"The vault's key is in the {credenza.provider.label}."


def where(settings: Settings) -> str:
    """Return the options by which another command finds the same store and key in this environment."""
    given = {"store": settings.store, "kek": settings.kek}
    return "".join(
        f" --{name} {shlex.quote(value)}"
        for name, value in given.items()
        if value is not None and value != os.environ.get(f"CREDENZA_{name.upper()}")
    )
