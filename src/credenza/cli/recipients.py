"""Public keys to seal to and private keys to open with: the options that name them, and reading them."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import rich_click as click

from credenza.cli.allowances import allows_any_name
from credenza.cli.failures import Misused
from credenza.cli.options import keep, with_options
from credenza.cli.output import current_context, wants_json
from credenza.cli.session import read_settings
from credenza.sensitive import Sensitive
from credenza.transfer.opening import Sources
from credenza.transfer.sealing import Seal

Command = TypeVar("Command", bound=Callable[..., Any])
_RECIPIENTS, _RECIPIENTS_FILES, _IDENTITIES = (
    f"credenza.{name}" for name in ("recipient", "recipients-file", "identity")
)
IDENTITY_VARIABLE = "CREDENZA_AGE_IDENTITY"
_PRIVATE = ("AGE-SECRET-KEY-", "AGE-PLUGIN-")
_OURS = "CREDENZA_"
_IN_VARIABLE = "env://"
_LARGEST = 1 << 16
_NO_KEY = "A file of --identity holds no private key of age or SSH, or its passphrase is another."
_LOCKED = (
    "A private key of SSH under a passphrase is not opened here: name a copy without one (ssh-keygen -p), or"
    " a key of age, which may have one."
)


def recipient_options(command: Command) -> Command:
    """Add the options that name whom to seal to."""
    return with_options(
        command,
        click.option(
            "--recipient",
            metavar="KEY",
            multiple=True,
            expose_value=False,
            callback=keep(_RECIPIENTS),
            help="A public key that secrets are sealed to: age1…, or ssh-ed25519 … or ssh-rsa ….",
        ),
        click.option(
            "--recipients-file",
            metavar="FILE",
            multiple=True,
            expose_value=False,
            callback=keep(_RECIPIENTS_FILES),
            help="A file with one public key a line.",
        ),
    )


def identity_option(command: Command) -> Command:
    """Add the option that names what sealed values are opened with."""
    add = click.option(
        "--identity",
        metavar="FILE",
        multiple=True,
        expose_value=False,
        callback=keep(_IDENTITIES),
        help="A file with the private key that opens sealed values, of age or of SSH without a passphrase."
        f" [{IDENTITY_VARIABLE}]",
    )
    return add(command)


def read_seal() -> Seal | None:
    """Return what seals to the recipients of this command line; None: it names none.

    Raises:
        Misused: one of them is no public key, or a file cannot be read.
    """
    texts = [*current_context().meta.get(_RECIPIENTS, ())]
    for file in current_context().meta.get(_RECIPIENTS_FILES, ()):
        data = _read(file, "The file of recipients").reveal()
        lines = [line.strip() for line in data.decode("utf-8", "replace").splitlines()]
        found = [line for line in lines if line and not line.startswith("#")]
        if not found:
            raise Misused("The file of recipients holds none.")
        texts += found
    if not texts:
        return None
    age = _load_age()
    recipients = []
    for text in texts:
        if text.startswith(_PRIVATE):
            raise Misused("A recipient is a public key, and here stands a private one: make a new pair.")
        with contextlib.suppress(ValueError):
            recipients.append(age.read_recipient(text))
    if len(recipients) < len(texts):
        raise Misused("A recipient is a public key: age1…, or ssh-ed25519 … or ssh-rsa ….")
    return lambda data: age.seal(data, recipients)


def read_sources(*, remote: bool) -> Sources:
    """Return where the values of references come from: files of private keys are read when one is needed."""
    identities: list[Any] = []

    def unseal(text: str) -> Sensitive[bytes]:
        age = _load_age()
        if not identities:
            identities.extend(_read_identities())
        opened: Sensitive[bytes] = age.unseal(text, identities)
        return opened

    kek = os.environ.get("CREDENZA_KEK") if remote else read_settings().kek
    withheld = (kek or "").removeprefix(_IN_VARIABLE)

    def look_up(name: str) -> Sensitive[str] | None:
        text = None if name.startswith(_OURS) or name == withheld or "\0" in name else os.environ.get(name)
        return Sensitive(text) if text else None

    return Sources(unseal, look_up, allows_any_name())


def _read_identities() -> Sequence[Any]:
    named = os.environ.get(IDENTITY_VARIABLE)
    files = current_context().meta.get(_IDENTITIES) or ([named] if named else [])
    if not files:
        raise Misused(
            f"Sealed values stand in it: say with --identity FILE or {IDENTITY_VARIABLE} what opens them."
        )
    found: list[Any] = []
    age, fault = _load_age(), ""
    for file in files:
        data = _read(file, "The file of --identity", private=True)
        try:
            found += age.read_identities(data, ask_passphrase)
        except age.Locked:
            fault = _LOCKED
        except ValueError:
            fault = _NO_KEY
        if fault:
            break
    # Outside, so that no exception below hangs on to this one.
    if fault:
        raise Misused(fault)
    return found


def _load_age() -> ModuleType:
    """Return the module that seals and opens, which only who does so pays for; raises Misused."""
    try:
        return import_module("credenza.transfer.age")
    except ImportError:
        raise Misused("Sealing and opening need the package pyrage: pip install pyrage.") from None


def ask_passphrase() -> Sensitive[str]:
    """Ask for the passphrase of an identity; raises Misused where nobody is there."""
    if not sys.stdin.isatty():
        raise Misused("The file of --identity has a passphrase, and nobody is there to be asked for it.")
    return Sensitive(click.prompt("Passphrase of the identity", hide_input=True, err=True))


def _read(file: str, what: str, *, private: bool = False) -> Sensitive[bytes]:
    try:
        with Path(file).expanduser().open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            data = Sensitive(opened.read(_LARGEST))
    except (OSError, ValueError) as error:
        sentence = f"{what} cannot be read: {getattr(error, 'strerror', None) or 'no such name'}."
    else:
        # Not into JSON, which somebody reads as a whole.
        if private and os.name == "posix" and mode & stat.S_IROTH and not wants_json():
            click.echo("warning: everybody on this machine can read the file of --identity.", err=True)
        return data
    raise Misused(sentence)
