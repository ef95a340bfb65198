"""`credenza vault escrow`: a copy of the vault's key for the day when its place has lost it."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import rich_click as click

from credenza.cli.failures import Misused
from credenza.cli.output import json_or_text
from credenza.cli.recipients import identity_option, read_seal, read_sources, recipient_options
from credenza.cli.session import json_option, name_user, opened, store_options
from credenza.cli.vault.passphrases import passphrase_option, read_passphrase
from credenza.cli.writing import write_files
from credenza.errors import Clash, KeyBroken, VaultLocked
from credenza.loss.recovery import find_description
from credenza.loss_ports import KeyKeeper
from credenza.sensitive import Sensitive
from credenza.settings import Credenza, lies_in_store, open_key
from credenza.vault import escrow as escrows
from credenza.vault.wrapping import is_key_of
from credenza.workspace import milliseconds
from credenza.workspace.ledger import tell

STDOUT = "-"
_NEAR = "An escrow does not lie in the folder of the store or below it, where one backup would hold both."
_FOREIGN = "This is the escrow of another vault: {theirs}. This store has the vault {ours}."
_EARLIER = "This escrow holds the key {theirs}; the vault has the key {ours} by now. {more}"
_GIVEN_UP = (
    "The older one was given up as lost: `credenza vault recover --escrow FILE` brings back what it opens."
)
_REPLACED = "Export an escrow of the key that it has, and keep this one as long as a backup from before."
_OTHER = "The key in this escrow is not the one that the vault knows by its check value; nothing was noted."
_NO_KEEPER = (
    "The {label} cannot be written to from here. Restore the key to a file (--to file:///path), and hand it "
    'over from there: NAME="$(cat /path)". The key is not shown.'
)
_NEXT = "Try it now, with `credenza vault escrow verify`, and keep it apart from the store and from its key."


@click.group("escrow")
def escrow() -> None:
    """Export the vault's key to a sealed file, verify such a file, and bring the key back from it."""


@escrow.command("export")
@click.argument("file")
@recipient_options
@passphrase_option
@store_options
@json_option
def export(file: str, passphrase_file: str | None) -> None:
    """Write the vault's key to FILE, sealed with a passphrase or to age recipients; - is standard output.

    The file is text, so that it can be printed. It is never written over another one, nor into the store's
    folder. Whoever has it and the passphrase can read every secret of the store, and of its backups.
    """
    seal = read_seal()
    if seal is not None and passphrase_file is not None:
        raise Misused("An escrow is sealed with a passphrase or to recipients, not with both.")
    place = Path(file)
    if file != STDOUT and place.exists():
        raise Misused("A file of this name is there already, and an escrow never replaces one.")
    with opened() as credenza:
        vault = credenza.vault
        if vault.locked is not None:
            raise VaultLocked(vault.locked)
        if file != STDOUT and lies_in_store(place.absolute(), credenza.store):
            raise Misused(_NEAR)
        kek, at, id_ = vault.reveal_key(), milliseconds(), vault.meta.id
        if seal is not None:
            text = escrows.write_for_recipients(id_, kek, seal, at)
        else:
            text = escrows.write_for_passphrase(id_, kek, read_passphrase(passphrase_file, twice=True), at)
        # Before it leaves: whoever takes the key with them has left a row.
        _tell(credenza, "vault.escrow.export", "exported")
        kek_id = vault.meta.kek_id
    if file == STDOUT:
        click.echo(text, nl=False)
        return
    write_files({place: text.encode()}, force=False)
    told = {"keyId": kek_id, "sealed": "age" if seal else "passphrase"}
    json_or_text(told, f"The key {kek_id} is in the escrow. {_NEXT}")


@escrow.command("verify")
@click.argument("file")
@identity_option
@passphrase_option
@store_options
@json_option
def verify(file: str, passphrase_file: str | None) -> None:
    """See that FILE holds the vault's key and opens; also while the key itself is lost.

    Once that was seen, `serve` and `doctor` no longer warn, until the vault has another key.
    """
    with opened() as credenza:
        meta = credenza.vault.meta
        key, kek_id = open_escrow(file, passphrase_file, meta.id)
        _require_current(credenza, kek_id)
        if not is_key_of(key, meta):
            raise KeyBroken(_OTHER)
        _note(credenza)
    told = f"The escrow opens, and holds the key {kek_id}, which this vault has."
    json_or_text({"verified": True, "keyId": kek_id}, told)


@escrow.command("restore")
@click.argument("file")
@click.option("--to", "uri", metavar="URI", required=True, help="Where the key is to be kept from now on.")
@identity_option
@passphrase_option
@store_options
@json_option
def restore(file: str, uri: str, passphrase_file: str | None) -> None:
    """Put the key that FILE holds into a place of keys, from which the vault takes it again.

    A key that is there already is never written over.
    """
    with opened() as credenza:
        meta = credenza.vault.meta
        provider = open_key(uri, credenza.store)
        place: object = provider
        if not isinstance(place, KeyKeeper):
            raise Misused(_NO_KEEPER.format(label=provider.label))
        key, kek_id = open_escrow(file, passphrase_file, meta.id)
        _require_current(credenza, kek_id)
        if not is_key_of(key, meta):
            raise KeyBroken(_OTHER)
        keepsake = place.keep(meta.id, key)
        if not is_key_of(provider.fetch(meta.id, keepsake), meta):
            raise KeyBroken("The new place did not give back the key it was given.")
        if keepsake != meta.keepsake:
            credenza.store.set_keepsake(meta.kek_id, keepsake)
        _note(credenza)
    told = (
        f"The key {kek_id} is in the {provider.label}, and was read back. Set CREDENZA_KEK to that place "
        "wherever this store is opened; a server that has it already finds the key within a minute."
    )
    json_or_text({"restored": True, "keyId": kek_id}, told)


def open_escrow(file: str, passphrase_file: str | None, vault: bytes) -> tuple[Sensitive[bytes], str]:
    """Return the key that a file holds, and its name.

    Raises:
        Misused: the file cannot be read.
        Invalid: it holds no escrow, or does not open.
        Clash: it is another vault's.
    """
    closed = escrows.read(_read(file))
    if closed.vault != vault:
        theirs, ours = (str(UUID(bytes=each)) for each in (closed.vault, vault))
        raise Clash(_FOREIGN.format(theirs=theirs, ours=ours), code="escrow_of_another_vault")
    key = closed.open(
        lambda: read_passphrase(passphrase_file, twice=False),
        lambda text: read_sources(remote=False).unseal(text),
    )
    return key, closed.kek_id


def _read(file: str) -> str:
    try:
        with Path(file).expanduser().open("rb") as found:
            data = found.read(escrows.LARGEST)
    except (OSError, ValueError) as error:
        sentence = f"The escrow cannot be read: {getattr(error, 'strerror', None) or 'no such name'}."
    else:
        return data.decode("utf-8", "replace")
    raise Misused(sentence)


def _require_current(credenza: Credenza, kek_id: str) -> None:
    ours = credenza.vault.meta.kek_id
    if kek_id != ours:
        more = _REPLACED if find_description(credenza.store, kek_id) is None else _GIVEN_UP
        raise Clash(_EARLIER.format(theirs=kek_id, ours=ours, more=more), code="escrow_of_another_key")


def _note(credenza: Credenza) -> None:
    credenza.store.note_escrow(credenza.vault.meta.kek_id, milliseconds(), name_user())
    if credenza.vault.locked is None:
        _tell(credenza, "vault.escrow.verify", "verified")


def _tell(credenza: Credenza, verb: str, result: str) -> None:
    """Leave a row in the workspace that everything above workspaces is written down in."""
    tell(
        credenza.store,
        credenza.vault,
        credenza.tenant(),
        name_user(),
        verb,
        (credenza.vault.meta.kek_id, result),
    )
