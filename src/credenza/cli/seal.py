"""`credenza seal`: one secret sealed into its place in a file, of which nothing else changes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import rich_click as click

from credenza.cli.documents import convert
from credenza.cli.failures import Misused
from credenza.cli.folders import decode, read_name
from credenza.cli.output import json_or_text, write_json
from credenza.cli.recipients import read_seal, recipient_options
from credenza.cli.session import json_option, read_settings, setting
from credenza.cli.splicing import splice
from credenza.cli.writing import write_files
from credenza.connectors import Catalogue
from credenza.connectors.values import find_secret_fault
from credenza.errors import Invalid, TypeNotLoaded
from credenza.sensitive import Sensitive
from credenza.transfer.bindings import Untold, bind
from credenza.transfer.references import AGE, Part, find_mark, list_keys, list_parts, list_references
from credenza.transfer.sealing import find_type, seal_value

_raws = msgspec.json.Decoder(list[msgspec.Raw])
_HELD = "What decides where this secret is sent is in the file only as a reference to a store: seal it first."
_PLACE = (
    "POINTER names the place of a secret, as /configuration/password or /apis/0/configuration/api_key;"
    " `credenza types TYPE` shows which keys are secret."
)


@click.command("seal")
@click.argument("file")
@click.argument("pointer")
@recipient_options
@click.option("--print", "prints", is_flag=True, help="Print what belongs there, and leave the file alone.")
@setting("--schemas", metavar="FOLDER", help="Folder with more connector types.")
@json_option
def seal(file: str, pointer: str, prints: bool) -> None:
    """Seal the secret at POINTER of the integration in FILE; it is read from standard input or a prompt.

    What was sealed can be opened at this key of an integration of this name and type, with this destination,
    and nowhere else: when the file says another endpoint, or an api that leads elsewhere, it is to be sealed
    again. The rest of a YAML file stays as it is, with comments; JSON is written anew.
    """
    whom = read_seal()
    if whom is None:
        raise Misused("Say whom to seal to: --recipient age1… or --recipients-file FILE.")
    path = Path(file)
    text, item = _read(path)
    catalogue = read_settings().catalogue()
    parts = _list_parts(item, catalogue)
    part, key = _find(parts, pointer)
    before = _list_bound(parts)
    try:
        reference = seal_value(read_name(item), parts, part, key, _read_secret(key), whom)
    except Untold:
        raise Invalid(_HELD, code="destination_unknown") from None
    part.content[key] = reference
    if prints:
        write_json(reference)
        return
    write_files(
        {path.resolve(): splice(text, part.point(key), reference, item, path.suffix.lower())},
        force=True,
        keep_mode=True,
    )
    stale = [
        place for place, binding in _list_bound(parts).items() if place in before and before[place] != binding
    ]
    told = {"sealed": part.point(key), "sealAgain": stale}
    again = f" Seal again what is bound to it: {', '.join(stale)}." if stale else ""
    json_or_text(told, f"Sealed.{again}")


def _read(path: Path) -> tuple[bytes, dict[str, Any]]:
    try:
        text = path.read_bytes()
    except OSError as error:
        raise Misused(f"The file cannot be read: {error.strerror}.") from None
    try:
        raws = _raws.decode(convert(text, path.suffix.lower().removeprefix(".")))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raws = []
    item = decode(raws[0]) if len(raws) == 1 else None
    if item is None:
        raise Misused("FILE holds one integration, as JSON or YAML.")
    if not read_name(item):
        raise Misused("Write the integration's name into FILE first: what is sealed is bound to it.")
    return text, item


def _list_parts(item: dict[str, Any], catalogue: Catalogue) -> list[Part]:
    try:
        return list_parts(item, find_type(item, catalogue), catalogue.api)
    except TypeNotLoaded:
        message = "The type in the file is not known; name the folder of its schema with --schemas."
        raise Invalid(message, code="unknown_type") from None


def _find(parts: Sequence[Part], pointer: str) -> tuple[Part, str]:
    wanted = pointer if pointer.startswith("/") else f"/configuration/{pointer}"
    for part in parts:
        for key in list_keys(part.type)[:-1]:
            if part.point(key) == wanted:
                return part, key
    raise Misused(_PLACE)


def _list_bound(parts: Sequence[Part]) -> dict[str, bytes]:
    """Return what each sealed value of the file would have to be bound to."""
    found = {}
    for part in parts:
        for key, value in list_references(part):
            if find_mark(value) == AGE:
                try:
                    found[part.point(key)] = bind(parts, part, key)
                except Untold:
                    found[part.point(key)] = b""
    return found


def _read_secret(key: str) -> Sensitive[str]:
    if sys.stdin.isatty():
        text = Sensitive(click.prompt(f"{key} (hidden)", hide_input=True, err=True))
    else:
        try:
            text = Sensitive(sys.stdin.buffer.read().decode().removesuffix("\n").removesuffix("\r"))
        except UnicodeDecodeError:
            raise Misused("The secret is no UTF-8 text.") from None
    if find_secret_fault(text.reveal()) is not None:
        raise Misused("The secret is empty, too long, or nothing but blanks or mask characters.")
    return text
