"""`credenza import`: save what another store exported, and say which secrets came and which are lacking."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import rich_click as click

from credenza.cli.documents import FORMATS
from credenza.cli.failures import Misused, write_problem
from credenza.cli.folders import Batch, decode, naming, open_references, read_batch, read_folder
from credenza.cli.integrations import someone_is_there
from credenza.cli.needs import Given, Import
from credenza.cli.output import wants_json, write_json, write_table
from credenza.cli.receipts import count_results
from credenza.cli.recipients import identity_option, read_sources
from credenza.cli.remote import STDIN, names_server, remote_options
from credenza.cli.session import json_option, saving_options, store_options, workspace_option
from credenza.cli.targets import opened_target
from credenza.errors import CredenzaError, Invalid
from credenza.model import Receipt
from credenza.sensitive import Sensitive
from credenza.web.integrations.shapes import show_receipt
from credenza.workspace.admission import is_name

_given = msgspec.json.Decoder(dict[str, dict[str, str]])
_LARGEST = 64 << 20
_FORM = 'The secrets are JSON of the form {"name": {"/configuration/key": "…"}}.'


@click.command("import")
@click.argument("file", metavar="FILE|FOLDER|-")
@click.option("--dry-run", is_flag=True, help="Show what would come of it and save nothing.")
@click.option("--rename", multiple=True, metavar="OLD=NEW", help="Another name for one integration.")
@click.option("--prefix", default="", metavar="TEXT", help="What every name is to begin with.")
@click.option("--replace-apis", is_flag=True, help="Remove the apis that are not listed.")
@click.option("--secrets-fd", type=click.IntRange(min=0), metavar="N", help="Read secrets from a descriptor.")
@click.option("--secrets-file", metavar="FILE", help="Read secrets from a file; - is standard input.")
@click.option("--no-input", is_flag=True, help="Ask for nothing.")
@click.option("--format", type=click.Choice(FORMATS), help="Instead of what the file's name or text says.")
@identity_option
@remote_options
@workspace_option
@store_options
@saving_options
@json_option
def import_(
    *,
    file: str,
    dry_run: bool,
    rename: tuple[str, ...],
    prefix: str,
    replace_apis: bool,
    secrets_fd: int | None,
    secrets_file: str | None,
    no_input: bool,
    format: str | None,
) -> None:
    """Save the integrations of FILE or FOLDER, as `export` writes them, all of them or none.

    Sealed secrets are opened with --identity. What neither the file nor the store has is listed as
    `needsSecrets` and asked for at a terminal, hidden; or it comes as JSON, {"name": {"/configuration/key":
    "…"}}, from --secrets-fd or --secrets-file. What is then still lacking is left out: an integration that
    cannot be without it is refused, and with it all, unless validation is lenient.
    """
    stdin = [file, secrets_file].count(STDIN) + (secrets_fd == 0)
    if stdin > 1 or (secrets_fd is not None and secrets_file is not None):
        raise Misused("Standard input is one thing only, and secrets come from one place.")
    renames = _read_renames(rename, prefix)
    remote = names_server(reads_stdin=stdin > 0)
    folder = file != STDIN and Path(file).is_dir()
    batch = read_folder(Path(file)) if folder else read_batch(file, format, limited=not remote)
    if not batch.raws:
        raise Invalid("The folder holds no integration.", code="empty_array")
    batch = _rename(batch, renames, prefix)
    given = _read_given(secrets_fd, secrets_file)
    with opened_target(reads_stdin=stdin > 0) as target, naming(batch.files):
        opened = open_references(batch, target.catalogue, read_sources(remote=remote))
        coming = Import(target, opened.raws, [decode(raw) for raw in opened.raws])
        coming.give(given, target.catalogue)
        coming.find_absent()
        coming.find_needs(replace_apis=replace_apis)
        asks = not (no_input or dry_run or wants_json()) and someone_is_there()
        while asks and coming.ask():
            coming.find_needs(replace_apis=replace_apis)
        if dry_run:
            _write(coming, coming.receipt)
            return
        try:
            receipt = coming.save(replace_apis=replace_apis)
        except CredenzaError:
            if not wants_json():
                _write_rows(coming, coming.receipt)
            raise
        _write(coming, receipt)


def _read_renames(rename: Sequence[str], prefix: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in rename:
        old, equals, new = text.partition("=")
        if not (equals and old and is_name(new)) or old in pairs:
            raise Misused("--rename is OLD=NEW, once for each name, and NEW is a name as integrations have.")
        pairs[old] = new
    if prefix and not is_name(f"{prefix}x"):
        raise Misused("--prefix begins a name: letters, digits, dots, dashes, underscores or spaces.")
    return pairs


def _rename(batch: Batch, renames: dict[str, str], prefix: str) -> Batch:
    """Return the integrations under their new names; what is renamed takes no prefix."""
    idle = set(renames)
    raws = []
    for raw in batch.raws:
        item = decode(raw)
        name = item.get("name") if item is not None else None
        if item is None or not isinstance(name, str) or not (prefix or name in renames):
            raws.append(raw)
            continue
        idle.discard(name)
        item["name"] = renames.get(name, f"{prefix}{name}")
        apis = item.get("apis")
        for api in apis if isinstance(apis, list) else ():
            if isinstance(api, dict):
                api["integrationName"] = item["name"]
        raws.append(msgspec.Raw(msgspec.json.encode(item)))
    if idle:
        raise Misused("--rename names an integration that is not in it.")
    return Batch(raws, batch.files)


def _read_given(descriptor: int | None, file: str | None) -> Sensitive[Given]:
    if descriptor is None and file is None:
        return Sensitive({})
    try:
        if file == STDIN:
            data = sys.stdin.buffer.read(_LARGEST)
        elif file is not None:
            data = Path(file).read_bytes()
        else:
            with os.fdopen(descriptor or 0, "rb") as opened:
                data = opened.read(_LARGEST)
        return Sensitive(_given.decode(data))
    except OSError as error:
        sentence = f"The secrets cannot be read: {error.strerror}."
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        sentence = _FORM
    # Outside, so that no exception below, which may show a piece of them, hangs on to this one.
    raise Misused(sentence)


def _write(coming: Import, receipt: Receipt) -> None:
    if wants_json():
        shown: dict[str, Any] = msgspec.to_builtins(show_receipt(receipt))
        for item, needs in zip(shown["results"], coming.needs, strict=True):
            item["needsSecrets"] = needs
        write_json(shown)
        return
    _write_rows(coming, receipt)
    for item in receipt.items:
        for problem in item.problems:
            click.echo(write_problem(problem), err=True)
    click.echo(count_results(receipt))


def _write_rows(coming: Import, receipt: Receipt) -> None:
    rows = [
        (
            item.name or "(no name)",
            item.result,
            ", ".join(f"{_short(pointer)} {word}" for pointer, word in item.secrets.items()),
            ", ".join(map(_short, needs)),
        )
        for item, needs in zip(receipt.items, coming.needs, strict=True)
    ]
    write_table(("name", "result", "secrets", "needsSecrets"), rows)


def _short(pointer: str) -> str:
    return pointer.removeprefix("/configuration").removeprefix("/")
