"""`credenza backup`: a whole store in a file, and whether such a file is good."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
import rich_click as click

from credenza.cli.failures import Misused
from credenza.cli.options import with_options
from credenza.cli.output import count, wants_json, write_fields, write_json, write_time
from credenza.cli.progress import bar
from credenza.cli.session import Command, json_option, read_settings, setting
from credenza.copies import ends, verbs
from credenza.copies.copying import count_rows
from credenza.copies.ends import Backup
from credenza.copies.manifest import Manifest
from credenza.copies.manifest import read as read_manifest
from credenza.copies.verbs import Found
from credenza.settings import Settings, default_store, find_providers


def backup_options(command: Command) -> Command:
    """Add the options that say which store is meant, and where the key of a backup is."""
    return with_options(
        command,
        setting("--store", metavar="URI", help="The store: sqlite:////absolute/path.db or postgresql://…."),
        setting("--kek", metavar="URI", help="Where the vault's key is; to verify and restore only."),
        click.option(
            "--without-key", is_flag=True, help="Do not try the key on the backup: it may be another one's."
        ),
    )


@click.command("backup")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@click.option("--verify", is_flag=True, help="Write nothing: look FILE over, as a restore would.")
@backup_options
@json_option
def backup(file: Path, *, force: bool, verify: bool, without_key: bool) -> None:
    """Write a whole store to FILE as it is at this moment, also while it is served, and read it back.

    The file holds every secret sealed and the rings of keys wrapped, never the key that opens them: keep that
    elsewhere, or both are lost at once. Cut short, no FILE is there. It is of one form for every store, and
    `credenza restore` brings it back into either.

    With --verify FILE is looked over instead: that it is as it was written, that the key here is its own, and
    that it opens one secret of every term.
    """
    if verify:
        if force:
            raise Misused("--verify writes nothing, so it goes without --force.")
        _verify(file, without_key=without_key)
        return
    if without_key:
        raise Misused("--without-key goes with --verify: to write a backup, no key is asked for.")
    settings = read_settings()
    with (
        ends.read_store(settings.store or default_store()) as snapshot,
        bar(2 * count_rows(snapshot), "Backing up") as tell,
    ):
        made = verbs.back_up(snapshot, file.absolute(), force=force, tell=tell)
    _show(file, made, hashlib.sha256(msgspec.json.encode(made)).hexdigest(), {})


@contextmanager
def opened_backup(
    file: Path, settings: Settings, *, without_key: bool, folder: Path | None = None
) -> Iterator[tuple[Backup, Found]]:
    """Look a backup over, try the key that the settings name on it, and give it as this release writes it.

    `folder` is that of the store it is to be, in which no key may lie.

    Raises:
        StoreRejected, StoreDamaged: it is no backup, or not as it was written.
        KeyUnusable, VaultLocked: the key is not here, or does not open it.
    """
    with ends.read_backup(file) as raw:
        with bar(read_manifest(raw).rows, "Verifying") as tell:
            said = verbs.look_over(raw, tell)
        with closing(raw.bring_up_to_date()) as backup:
            opened = None
            if not without_key:
                providers = find_providers(settings, verbs.find_vault(backup), folder)
                opened = verbs.try_key(backup, providers)
            yield backup, Found(said, opened, hashlib.sha256(raw.manifest).hexdigest())


def portray(said: Manifest, digest: str) -> dict[str, object]:
    """Return what is shown of a backup; `digest` is the SHA-256 of what it says of itself."""
    return {
        "made": write_time(said.made_at),
        "program": said.program,
        "schema": said.schema,
        "vault": said.vault,
        "keys": ", ".join(said.keys),
        **{name: said.count(name) for name in ("workspaces", "integrations", "secrets", "api_keys", "audit")},
        "rows": said.rows,
        "sha256": digest,
    }


def _verify(file: Path, *, without_key: bool) -> None:
    with opened_backup(file, read_settings(), without_key=without_key) as (_, found):
        opened = found.opened
    told: dict[str, object] = {"key": "not tried"}
    if opened is not None:
        told = {"key": f"opens it; {count(opened.secrets, 'secret')} tried, one of each term"}
        told |= {"findings": "; ".join(opened.findings)} if opened.findings else {}
    _show(file, found.manifest, found.digest, told)


def _show(file: Path, said: Manifest, digest: str, more: dict[str, object]) -> None:
    shown = {"file": str(file), **portray(said, digest), **more}
    if wants_json():
        write_json({**shown, "keys": said.keys, "heads": said.heads})
    else:
        write_fields(shown)
