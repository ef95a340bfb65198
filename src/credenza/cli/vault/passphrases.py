"""The passphrase of an escrow: from a file, from standard input or from a prompt; never from argv."""

from __future__ import annotations

import sys
from pathlib import Path

import rich_click as click

from credenza.cli.failures import Misused
from credenza.sensitive import Sensitive

_LARGEST = 4096
_STDIN = "-"
passphrase_option = click.option(
    "--passphrase-file",
    metavar="FILE",
    help="A file with the passphrase, without the line's end; - is standard input. Else it is asked for.",
)


def read_passphrase(file: str | None, *, twice: bool) -> Sensitive[str]:
    """Return the passphrase that a file holds, or ask for it; raises Misused."""
    if file is None:
        if not sys.stdin.isatty():
            raise Misused("Nobody is there to be asked for the passphrase: say --passphrase-file FILE or -.")
        return Sensitive(
            click.prompt("Passphrase of the escrow", hide_input=True, confirmation_prompt=twice, err=True)
        )
    try:
        if file == _STDIN:
            data = sys.stdin.buffer.read(_LARGEST + 1)
        else:
            with Path(file).expanduser().open("rb") as opened:
                data = opened.read(_LARGEST + 1)
    except (OSError, ValueError) as error:
        sentence = (
            f"The passphrase file cannot be read: {getattr(error, 'strerror', None) or 'no such name'}."
        )
    else:
        return _decode(data)
    raise Misused(sentence)


def _decode(data: bytes) -> Sensitive[str]:
    try:
        text = Sensitive(data.decode())
    except UnicodeDecodeError:
        text = None
    if text is None or len(data) > _LARGEST:
        raise Misused("The passphrase file holds no passphrase: it is one line of text in UTF-8.")
    return Sensitive(text.reveal().removesuffix("\n").removesuffix("\r"))
