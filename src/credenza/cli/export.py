"""`credenza export`: integrations into a file or folder, their secrets sealed or left out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import rich_click as click

from credenza.cli.failures import Misused
from credenza.cli.output import clean, count, json_or_text, wants_json
from credenza.cli.pruning import list_secrets, tell_managed
from credenza.cli.recipients import read_seal, recipient_options
from credenza.cli.remote import STDIN, remote_options
from credenza.cli.session import json_option, store_options, workspace_option
from credenza.cli.strays import find_strays, remove_strays
from credenza.cli.targets import Scope, Target, opened_target, scope_options
from credenza.cli.writing import check_free, write_files
from credenza.errors import Conflict, NotFound, Problem
from credenza.sensitive import Sensitive
from credenza.transfer.documents import Whole, name_file, portray, render, render_one
from credenza.transfer.sealing import Seal, check_sealed, find_type, hide_item, seal_item

_BEHIND = "A later version of its type is loaded here: run `credenza types migrate` first."
_AHEAD = "It was saved under a later version of its type: name the folder of that in CREDENZA_SCHEMAS."
_UNFIT = "It does not fit its type any longer: save a configuration that fits, or leave it out by --names."
_FORMATS = {".json": "json", ".jsonl": "jsonl", ".yaml": "yaml", ".yml": "yaml"}


@click.command("export")
@click.argument("file", metavar="FILE|FOLDER|-")
@scope_options
@recipient_options
@click.option("--force", is_flag=True, help="Replace files that are there.")
@click.option(
    "--prune",
    is_flag=True,
    help="Remove files of FOLDER that hold what is meant by --names and --tag, and were not written.",
)
@remote_options
@workspace_option
@store_options
@json_option
def export(file: str, scope: Scope, force: bool, prune: bool) -> None:
    """Write integrations to FILE (.yaml, .json or .jsonl), to FOLDER, a file for each, or to standard output.

    With recipients every secret is revealed, which the audit has first, and sealed to them, bound to its
    type, key and destination; without, the file only says that it is there. Nothing is ever written in
    clear. A folder is one that exists, or ends with a slash. What is not part of a save stays behind:
    history, prompts, token limits, and integrations that an instance manages.
    """
    folder = file != STDIN and (file.endswith(("/", os.sep)) or Path(file).is_dir())
    form = "yaml" if folder or file == STDIN else _FORMATS.get(Path(file).suffix.lower())
    if form is None:
        raise Misused("FILE ends with .yaml, .yml, .json or .jsonl, or is a folder, which ends with a slash.")
    if prune and not folder:
        raise Misused("--prune goes with a folder: beside a file nothing is left over.")
    seal = read_seal()
    with opened_target() as target:
        found = target.list(scope)
        shown = [each for each in found if not each.get("managedBy")]
        tell_managed(len(found) - len(shown))
        if not shown:
            raise NotFound("No integration is meant by this; nothing was written.", code="nothing_to_export")
        places = _list_places(Path(file), shown, folder=folder) if file != STDIN else []
        check_free(places, force=force)
        _check_versions(target, shown)
        names = {each["name"] for each in shown}
        strays = find_strays(Path(file), places, names, scope) if folder else []
        items = [_take(target, each, seal) for each in shown]
    if file == STDIN:
        click.echo(render(items, "json" if wants_json() else form), nl=False)
        return
    texts = [render_one(each) for each in items] if folder else [render(items, form)]
    write_files(dict(zip(places, texts, strict=True)), force=force)
    if prune:
        remove_strays(strays)
    _tell(items, strays, sealed=seal is not None, pruned=prune)


def _check_versions(target: Target, shown: Sequence[Whole]) -> None:
    """See that everything is at the version of its type, as which alone it can be saved again.

    Raises:
        Conflict: something is behind its type, ahead of it, or does not fit it; all of it is named.
    """
    problems = []
    for each in shown:
        found = target.catalogue.get(each["type"])
        version = each["typeVersion"] if found is None else found.version
        if each["needsReconfiguration"]:
            problems.append(Problem("needs_reconfiguration", _UNFIT, name=each["name"]))
        elif each["typeVersion"] != version:
            message = _BEHIND if each["typeVersion"] < version else _AHEAD
            problems.append(Problem("type_outdated", message, name=each["name"]))
    if problems:
        message = (
            "Something is not at the version of its type, so nobody could import it; nothing was written."
        )
        raise Conflict(message, code=problems[0].code, problems=problems)


def _list_places(place: Path, shown: Sequence[Whole], *, folder: bool) -> list[Path]:
    return [place / name_file(each["name"]) for each in shown] if folder else [place]


def _take(target: Target, shown: Whole, seal: Seal | None) -> dict[str, Any]:
    """Return an integration as a file has it."""
    bare = portray(shown)
    if seal is None or not any(list_secrets(shown)):
        return hide_item(bare)
    find_type(shown, target.catalogue)
    clear = target.reveal(shown)
    sealed = seal_item(Sensitive(portray(clear.reveal())), target.catalogue, seal)
    check_sealed(sealed, bare)
    return sealed


def _tell(items: Sequence[dict[str, Any]], strays: Sequence[Path], *, sealed: bool, pruned: bool) -> None:
    number = sum(len([*list_secrets(item)]) for item in items)
    secrets = f"{count(number, 'secret')} {'sealed' if sealed else 'not in it'}"
    files = [clean(str(path)) for path in strays]
    left, removed = ([], files) if pruned else (files, [])
    told = {"exported": len(items), "secrets": number, "sealed": sealed, "strays": left, "removed": removed}
    gone = f"; {count(len(removed), 'file')} removed" if removed else ""
    json_or_text(told, f"{count(len(items), 'integration')} written, {secrets}{gone}.")
    if left and not wants_json():
        click.echo(
            "These files were not written, and `apply` would bring them back; --prune removes them:", err=True
        )
        click.echo("\n".join(left), err=True)
