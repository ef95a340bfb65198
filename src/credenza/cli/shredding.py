"""`credenza workspace shred`: a workspace with its keys taken out for good, and the proof that it is gone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import rich_click as click

from credenza.cli.failures import REFUSED, Misused
from credenza.cli.output import clean, count, wants_json, write_fields, write_json, write_table
from credenza.cli.progress import bar
from credenza.cli.session import json_option, name_user, opened, store_options
from credenza.errors import VaultLocked
from credenza.loss.remnants import Looked, Windows, list_others
from credenza.loss.shredding import Shredded, check_end, shred
from credenza.loss_ports import Sealings
from credenza.ports import Store
from credenza.settings import Credenza

SETTLE_SECONDS = 30.0
_TYPED = "What was typed is not the workspace's name. Nothing was changed."
_BACKUPS = (
    "Backups from before hold it still, with its ring: until they expire, or until the key that opens that "
    "is destroyed: {kek_id} (after `credenza vault rewrap`), or the one that the vault had then. "
    "The name is never given to another workspace."
)
_SERVER = (
    "The database's tables were rewritten. What PostgreSQL keeps beside them cannot be searched from here: "
    "its write-ahead log and archives of it, replicas, base backups, and space that was freed."
)
_BUSY = (
    "A table could not be rewritten, for somebody has it in use: have an administrator run VACUUM FULL on "
    "the tables of the schema credenza."
)
_UNSETTLED = (
    "The log beside the store could not be emptied, for somebody reads it: stop that, or the server, and run "
    "`credenza list`; what was taken out leaves the log then."
)


@click.command("shred")
@click.argument("name")
@click.option("--yes", "typed", metavar="NAME", help="The workspace's name typed again, instead of a prompt.")
@click.option("--leave-installs", is_flag=True, help="Even if others have installed packages of it.")
@click.option("--plan", is_flag=True, help="Say what would go, and touch nothing.")
@store_options
@json_option
@click.pass_context
def shred_(ctx: click.Context, name: str, typed: str | None, *, leave_installs: bool, plan: bool) -> None:
    """Take a workspace out for good: its keys, its secrets, every row of it, and its API keys.

    Then the store's files are searched for its sealed values, byte by byte. Leaves with 1 if some are left.
    Nothing brings it back but a backup from before.
    """
    with opened(read_only=plan) as credenza:
        store, tenant, home = credenza.store, credenza.accounts.workspace(name), credenza.tenant()
        found = store.look_at_end(tenant)
        if plan:
            _tell_plan(credenza, name, found)
            return
        if credenza.vault.locked is not None:
            raise VaultLocked(credenza.vault.locked)
        check_end(tenant, home, found, leave_installs=leave_installs)
        if _ask(name, typed) != name:
            raise Misused(_TYPED)
        done = shred(store, credenza.vault, tenant, home, by=name_user())
        compact = store.compact()
        settled = store.live_files() is None or store.settle(SETTLE_SECONDS)
        looked, others = _search(store, done.windows)
        kek_id = credenza.vault.meta.kek_id
    left = any(each.hits for each in looked)
    _tell(name, kek_id, done, looked, others)
    for fine, sentence in ((compact, _BUSY), (settled, _UNSETTLED)):
        if not fine:
            click.echo(sentence, err=True)
    if left or not (compact and settled):
        ctx.exit(REFUSED)


def _ask(name: str, typed: str | None) -> str:
    if typed is not None:
        return typed
    if not sys.stdin.isatty():
        raise Misused("Nobody is there to be asked: say --yes and the workspace's name again.")
    answer: str = click.prompt(f"This cannot be undone. Type the name {clean(name)} again", err=True)
    return answer


def _search(store: Store, windows: Windows) -> tuple[list[Looked], list[Looked]]:
    """Look through the files of a store, and through what else lies in its folder."""
    live = store.live_files()
    if live is None or store.folder is None:
        return [], []
    others = list_others(store.folder, live)
    sizes = sum(path.stat().st_size for path in (*live, *others))
    done = 0
    with bar(sizes, "Searching") as shown:

        def tell(more: int) -> None:
            nonlocal done
            done += more
            if shown is not None:
                shown(done)

        return [windows.search(path, tell) for path in live], _look(windows, others, tell)


def _look(windows: Windows, paths: Sequence[Path], tell: Callable[[int], None]) -> list[Looked]:
    found = []
    for path in paths:
        try:
            found.append(windows.search(path, tell))
        except OSError:
            continue  # another program's, and gone or closed by now
    return [each for each in found if each.hits]


def _tell_plan(credenza: Credenza, name: str, found: Sealings) -> None:
    installs = dict(found.installs)
    if wants_json():
        content = {"plan": True, "workspace": name, "secrets": found.secrets, "apiKeys": found.keys}
        write_json({**content, "rows": found.rows, "installedElsewhere": installs})
        return
    write_fields({"secrets": found.secrets, "API keys": found.keys, **found.rows})
    for slug, number in installs.items():
        click.echo(f"The package {clean(slug)} has {count(number, 'install')} in other workspaces.", err=True)
    click.echo(_BACKUPS.format(kek_id=credenza.vault.meta.kek_id), err=True)
    click.echo("Nothing was written: this is a plan.", err=True)


def _tell(name: str, kek_id: str, done: Shredded, looked: Sequence[Looked], others: Sequence[Looked]) -> None:
    backups = _BACKUPS.format(kek_id=kek_id)
    if wants_json():
        files = [{"file": str(each.path), "bytes": each.size, "found": each.hits} for each in looked]
        copies = [{"file": str(each.path), "bytes": each.size, "found": each.hits} for each in others]
        content = {"plan": False, "workspace": name, "secrets": done.gone.secrets, "keyId": kek_id}
        content |= {"searchedFor": done.windows.values, "files": files, "copies": copies}
        write_json({**content, "backups": backups})
        return
    click.echo(f"The workspace {clean(name)} is gone: {count(done.gone.secrets, 'secret')} and its keys.")
    if looked:
        click.echo(
            f"Searched for {done.windows.values:,} sealed values, {len(done.windows):,} windows of 16 bytes:"
        )
        write_table(("file", "bytes", "found"), [(each.path, each.size, each.hits) for each in looked])
    else:
        click.echo(_SERVER)
    for each in others:
        click.echo(f"This file, no part of the store, holds sealed values of it: {clean(str(each.path))}")
    click.echo(backups)
