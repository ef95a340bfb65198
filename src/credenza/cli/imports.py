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
from credenza.cli.failures import REFUSED, Misused, write_problem
from credenza.cli.folders import (
    Bundle,
    decode,
    locate_receipt,
    naming,
    open_references,
    read_batch,
    read_folder,
)
from credenza.cli.integrations import someone_is_there
from credenza.cli.needs import Given, Import
from credenza.cli.output import count, current_context, wants_json, write_json, write_table
from credenza.cli.receipts import count_results
from credenza.cli.recipients import read_sources
from credenza.cli.remote import STDIN, names_server
from credenza.cli.targets import Saving, Scope, opened_target, scope_options, target_options
from credenza.errors import CredenzaError, Invalid, NotFound
from credenza.model import Receipt, is_name
from credenza.sensitive import Sensitive
from credenza.web.integrations.shapes import show_receipt

_given = msgspec.json.Decoder(dict[str, dict[str, str]])
_LARGEST = 64 << 20
_FORM = 'The secrets are JSON of the form {"name": {"/configuration/key": "…"}}.'


@click.command("import")
@click.argument("file", metavar="FILE|FOLDER|-")
@click.option(
    "--plan", "--dry-run", "dry_run", is_flag=True, help="Show what would come of it; save nothing."
)
@click.option("--rename", multiple=True, metavar="OLD=NEW", help="Another name for one integration.")
@click.option("--prefix", default="", metavar="TEXT", help="What every name is to begin with.")
@click.option("--replace-apis", is_flag=True, help="Remove the apis that are not listed.")
@click.option("--secrets-fd", type=click.IntRange(min=0), metavar="N", help="Read secrets from a descriptor.")
@click.option("--secrets-file", metavar="FILE", help="Read secrets from a file; - is standard input.")
@click.option("--no-input", is_flag=True, help="Ask for nothing.")
@click.option(
    "--leave-out",
    is_flag=True,
    help="Save without secrets that say where others are sent, too: these go to the type's own address.",
)
@click.option("--format", type=click.Choice(FORMATS), help="Instead of what the file's name or text says.")
@scope_options
@target_options
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
    leave_out: bool,
    format: str | None,
    scope: Scope,
) -> None:
    """Save the integrations of FILE or FOLDER, as `export` writes them, all of them or none.

    Sealed secrets are opened with --identity. What neither the file nor the store has is listed as
    `needsSecrets` and asked for at a terminal, hidden; or it comes as JSON, {"name": {"/configuration/key":
    "…"}}, from --secrets-fd or --secrets-file. What is then still lacking is left out: an integration that
    cannot be without it is refused, and with it all, unless validation is lenient; and so is one that would
    then send its secrets elsewhere, unless --leave-out says that this is meant. --names and --tag say which
    integrations are meant, by what they are called and tagged in FILE.
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
    batch = _rename(_select(batch, scope), renames, prefix)
    given = _read_given(secrets_fd, secrets_file)
    with opened_target(reads_stdin=stdin > 0) as target, naming(batch.files):
        opened = open_references(batch, target.catalogue, read_sources(remote=remote))
        coming = Import(target, opened.raws, [decode(raw) for raw in opened.raws], leave_out=leave_out)
        coming.give(given, target.catalogue)
        coming.find_absent()
        coming.find_needs(replace_apis=replace_apis)
        asks = not (no_input or dry_run or wants_json()) and someone_is_there()
        while asks and coming.ask():
            coming.find_needs(replace_apis=replace_apis)
        if dry_run:
            _tell_plan(coming, batch.files)
        else:
            _save(coming, replace_apis=replace_apis)


def _tell_plan(coming: Import, files: Sequence[str]) -> None:
    """Show what would come of it, and leave as the import would."""
    receipt = locate_receipt(coming.receipt, files)
    _write(coming, receipt)
    if any(item.problems for item in receipt.items):
        current_context().exit(REFUSED)


def _save(coming: Import, *, replace_apis: bool) -> None:
    try:
        coming.check()
        receipt = coming.save(Saving(replace_apis=replace_apis))
    except CredenzaError:
        if not wants_json():
            _write_rows(coming, coming.receipt)
        raise
    _write(coming, receipt)
    _warn(coming)


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


def _select(batch: Bundle, scope: Scope) -> Bundle:
    """Return the integrations that are meant, and what is none, which whoever saves it says."""
    if scope == Scope():
        return batch
    items = [decode(raw) for raw in batch.raws]
    meant = [at for at, item in enumerate(items) if item is None or scope.meets(item)]
    if not meant:
        raise NotFound("No integration is meant by this; nothing was saved.", code="nothing_to_import")
    return batch._replace(
        raws=[batch.raws[at] for at in meant], files=[batch.files[at] for at in meant if batch.files]
    )


def _rename(batch: Bundle, renames: dict[str, str], prefix: str) -> Bundle:
    """Return the integrations under their new names; what is renamed takes no prefix."""
    idle = set(renames)
    raws, renamed = [], {}
    for index, raw in enumerate(batch.raws):
        item = decode(raw)
        name = item.get("name") if item is not None else None
        if item is None or not isinstance(name, str) or not (prefix or name in renames):
            raws.append(raw)
            continue
        idle.discard(name)
        renamed[index] = name
        item["name"] = renames.get(name, f"{prefix}{name}")
        apis = item.get("apis")
        for api in apis if isinstance(apis, list) else ():
            # Another name than its own was a mistake before, and stays one.
            if isinstance(api, dict) and api.get("integrationName") == name:
                api["integrationName"] = item["name"]
        raws.append(msgspec.Raw(msgspec.json.encode(item)))
    if idle:
        raise Misused("--rename names an integration that is not in it.")
    return batch._replace(raws=raws, renamed=renamed)


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


def _warn(coming: Import) -> None:
    """Say that something was left out: JSON has it as `needsSecrets`."""
    left = [pointer for needs in coming.needs for pointer in needs]
    if left and not wants_json():
        shared = any(pointer.startswith("/apis/") for pointer in left)
        rest = "; an api without its own uses that of its integration" if shared else ""
        click.echo(f"warning: {count(len(left), 'secret')} left out, see needsSecrets{rest}.", err=True)


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
