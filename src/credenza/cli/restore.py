"""`credenza restore`: a whole store from a backup."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import rich_click as click

from credenza.cli.backup import backup_options, opened_backup, portray
from credenza.cli.output import count, wants_json, write_fields, write_json
from credenza.cli.progress import bar
from credenza.cli.session import json_option, name_user, read_settings
from credenza.copies import ends, verbs
from credenza.copies.verbs import Found, Restored
from credenza.settings import default_store

_REVOKED_SINCE = (
    "{number} in force, as when the backup was made: what was revoked since is good again. "
    "`credenza apikey list` shows them; revoke again what has to be."
)
_KEPT_REVOKED = "{number} in force. What the store before had revoked stays revoked{which}."
_NO_KEY = (
    "No key was tried: secrets stay closed until theirs is found, and the audit goes on in the streams of "
    "the backup, without a row that says it was set back."
)
_CLIENTS = (
    "What was saved after the backup is gone, with the versions it made: clients read again before they save "
    "with `If-Match`. What was removed, archived or ended since is back: secrets before they were changed, "
    "sessions and links of setups that have not expired."
)


@click.command("restore")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help="Take the place of a store that is there, which is kept aside.")
@click.option("--plan", is_flag=True, help="Look everything over and say what would be done.")
@backup_options
@json_option
def restore(file: Path, *, replace: bool, plan: bool, without_key: bool) -> None:
    """Bring a whole store back from FILE, to where CREDENZA_STORE or --store says.

    Before anything is touched, FILE is looked over, and the key is tried on every ring and on one secret of
    each of its terms. No server may be using the store. Cut short, what was there is there, and nothing else.
    The audit of each workspace goes on in a stream of its own, with a row that says so.

    --without-key restores what no key here opens: everything but the secrets can be read and saved then, and
    the secrets again once their key is found.
    """
    settings = read_settings()
    store = settings.store or default_store()
    folder = ends.find_folder(store)
    with opened_backup(file, settings, without_key=without_key, folder=folder) as (backup, found):
        said, actor = found.manifest, name_user()
        if plan:
            verbs.check_place(store, replace=replace)
            done, _ = verbs.plan_restore(backup, said, found.opened, store, actor=actor, replace=replace)
        else:
            with bar(2 * said.rows, "Restoring") as tell:
                done = verbs.restore(
                    backup, said, found.opened, store, actor=actor, replace=replace, tell=tell
                )
    _show(done, found, plan=plan, replace=replace)


def _show(done: Restored, found: Found, *, plan: bool, replace: bool) -> None:
    told = {
        "restored": not plan,
        **portray(found.manifest, found.digest),
        **({"kept": done.kept} if done.kept else {}),
    }
    notes = [*_list_notes(done, keyless=found.opened is None, replace=replace)]
    if wants_json():
        more = {"keys": found.manifest.keys, "stayRevoked": list(done.revoked), "notes": notes}
        write_json({**told, **more})
        return
    write_fields(told)
    for note in notes:
        click.echo(note)


def _list_notes(done: Restored, *, keyless: bool, replace: bool) -> Iterator[str]:
    yield from done.findings
    number = count(done.in_force, "API key")
    if replace:
        which = f": {', '.join(done.revoked)}" if done.revoked else ""
        yield _KEPT_REVOKED.format(number=number, which=which)
    else:
        yield _REVOKED_SINCE.format(number=number)
    yield _CLIENTS
    if keyless:
        yield _NO_KEY
