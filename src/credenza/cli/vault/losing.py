"""`credenza vault reinit` and `recover`: a new key for a vault that lost its own, and the way back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

import rich_click as click

from credenza.cli.failures import Misused
from credenza.cli.output import count, wants_json, write_json, write_table
from credenza.cli.recipients import identity_option
from credenza.cli.session import json_option, name_user, opened, setting, store_options
from credenza.cli.vault.escrows import open_escrow
from credenza.cli.vault.passphrases import passphrase_option
from credenza.errors import Clash, KeyAbsent, KeyUnusable, VaultLocked
from credenza.loss.recovery import recover
from credenza.loss.reinit import Gone, Renewed, list_gone, list_keys, reinit, require_loss
from credenza.model import VaultMeta
from credenza.sensitive import Sensitive
from credenza.settings import Credenza, open_key
from credenza.vault.wrapping import is_key_of

_WRONG_ID = (
    "--accept-loss takes the id of the vault that is to be given up: see which one it is with --plan, and "
    "type it there. Nothing was changed."
)
_FIRST = (
    "First look for the lost key: an escrow (`credenza vault escrow restore`), a backup of the place it was "
    "in, another server's memory. What is given up here comes back only with that key."
)
_AFTER = (
    "Enter these again, or delete them; `credenza doctor` lists what is still closed. Start servers again. "
    "If the key turns up, `credenza vault recover` opens what was not entered again. Export an escrow now."
)
_REVOKED = "API keys were revoked: make new ones with `credenza apikey create`."
_SIGNED = "Types, templates and packages were signed as they stand: nobody can tell if they were changed."


@click.command("reinit")
@click.option("--accept-loss", "accepted", metavar="VAULT_ID", help="The id of the vault, typed out.")
@click.option("--keep-api-keys", is_flag=True, help="Let API keys go on, though none can be proved genuine.")
@click.option("--plan", is_flag=True, help="Say what would be lost, and touch nothing.")
@store_options
@setting("--dev", is_flag=True, help="Keep the new key on this machine: in the OS keyring, else in a file.")
@json_option
def reinit_(*, accepted: str | None, keep_api_keys: bool, plan: bool) -> None:
    """Give a vault whose key is lost a new one: what it sealed cannot be read any more.

    Integrations stay, with all that is not secret, and every secret is to be entered again. Nothing is done
    while the vault opens, nor without its id. The new key is made where --kek or CREDENZA_KEK says. Wrapped
    keys are set aside: `vault recover` brings them back when the lost key is found.
    """
    if accepted is None and not plan:
        raise Misused("Say --accept-loss and the id of the vault, or --plan.")
    with opened(read_only=plan) as credenza:
        meta = credenza.vault.meta
        require_loss(credenza.vault, credenza.provider)
        if plan:
            _tell_plan(credenza)
            return
        if accepted != str(UUID(bytes=meta.id)):
            raise Clash(_WRONG_ID, code="another_vault")
        done = reinit(credenza.store, credenza.provider, meta, by=name_user(), keep_keys=keep_api_keys)
        _tell(meta, done, [*_list(credenza)])


@click.command("recover")
@click.option("--from", "uri", metavar="URI", help="Where the lost key is, now that it is found.")
@click.option("--escrow", "file", metavar="FILE", help="An escrow of the lost key.")
@identity_option
@passphrase_option
@store_options
@json_option
def recover_(uri: str | None, file: str | None, passphrase_file: str | None) -> None:
    """Bring back what a lost key opens, now that it is found after a `vault reinit`.

    Secrets that were entered again meanwhile stay as they are; all others open as before.
    """
    if (uri is None) == (file is None):
        raise Misused("Say --from URI, where the lost key is, or --escrow FILE.")
    with opened() as credenza:
        if credenza.vault.locked is not None:
            raise VaultLocked(credenza.vault.locked)
        if file is not None:
            key, _ = open_escrow(file, passphrase_file, credenza.vault.meta.id)
        else:
            key = _fetch(credenza, uri or "")
        done = recover(credenza.store, credenza.vault, key, by=name_user())
        left = [*_list(credenza)]
    if wants_json():
        write_json({"keyId": done.kek_id, "keys": done.keys, "closed": [each._asdict() for each in left]})
        return
    click.echo(f"{count(done.keys, 'wrapped key')} came back with the key {done.kek_id}.")
    if left:
        click.echo("This stays closed, for other keys that were lost:")
        _write(left)


def _fetch(credenza: Credenza, uri: str) -> Sensitive[bytes]:
    """Return the lost key from its place; a provider that has it wrapped is given what it stored for each."""
    provider, vault = open_key(uri, credenza.store), credenza.vault.meta.id
    found: Sensitive[bytes] | None = None
    first: KeyUnusable | None = None
    for lost in reversed(credenza.store.lost_vaults()):
        try:
            found = provider.fetch(vault, lost.meta.keepsake)
        except KeyUnusable as error:
            first = first or error
        else:
            if is_key_of(found, lost.meta):
                return found
    if found is None:
        raise first or KeyAbsent("No key of this vault was given up as lost.")
    return found


def _list(credenza: Credenza) -> Iterable[Gone]:
    """Yield what cannot be opened: under keys that were lost, or everything while the vault is locked."""
    for tenant in credenza.accounts.workspaces():
        rows = credenza.store.lost_rings(tenant.id)
        terms = frozenset(row.term for row in rows if row.purpose == "dek")
        yield from list_gone(credenza.store, tenant, terms)


def _tell_plan(credenza: Credenza) -> None:
    store, vault = credenza.store, str(UUID(bytes=credenza.vault.meta.id))
    tenants = credenza.accounts.workspaces()
    gone = [each for tenant in tenants for each in list_gone(store, tenant)]
    keys = [(tenant.slug, key) for tenant in tenants for key in list_keys(store, tenant)]
    if wants_json():
        shown = [
            {"workspace": slug, "id": key.id, "role": key.role.value, "createdBy": key.created_by}
            for slug, key in keys
        ]
        content = {"plan": True, "vault": vault, "keyId": credenza.vault.meta.kek_id}
        write_json({**content, "lost": [each._asdict() for each in gone], "apiKeys": shown})
        return
    _write(gone)
    rows = [(slug, key.id, key.role.value, key.created_by) for slug, key in keys]
    write_table(("workspace", "API key", "role", "made by"), rows)
    click.echo(f"The vault is {vault}; its key {credenza.vault.meta.kek_id} is lost.", err=True)
    click.echo(_FIRST, err=True)
    click.echo("Nothing was written: this is a plan.", err=True)


def _tell(old: VaultMeta, done: Renewed, gone: Sequence[Gone]) -> None:
    if wants_json():
        content = {"plan": False, "keyId": done.meta.kek_id, "lostKeyId": old.kek_id}
        content |= {"revokedApiKeys": done.revoked, "keptApiKeys": done.kept, "signedDocuments": done.papers}
        write_json({**content, "lost": [each._asdict() for each in gone]})
        return
    _write(gone)
    click.echo(f"The vault has the new key {done.meta.kek_id}. {_AFTER}", err=True)
    if done.revoked:
        click.echo(f"{count(done.revoked, 'API key')}: {_REVOKED}", err=True)
    if done.papers:
        click.echo(_SIGNED, err=True)


def _write(gone: Sequence[Gone]) -> None:
    rows = [(each.workspace, each.integration, ", ".join(each.keys)) for each in gone]
    write_table(("workspace", "integration", "keys"), rows)
