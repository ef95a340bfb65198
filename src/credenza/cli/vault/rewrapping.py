"""`credenza vault rewrap`: another key-encryption key for the vault, while servers run."""

from __future__ import annotations

import rich_click as click

from credenza.cli.failures import REFUSED, Misused
from credenza.cli.output import count, wants_json, write_json, write_table
from credenza.cli.progress import bar
from credenza.cli.session import json_option, name_user, opened, setting, store_options
from credenza.cli.vault.rotating import SETTLE_SECONDS, UNSETTLED
from credenza.errors import Clash, VaultLocked
from credenza.model import VaultMeta
from credenza.rotation import Rewrapped, prepare
from credenza.rotation import rewrap as rewrap_rings
from credenza.rotation.rewrapping import count_rows
from credenza.settings import Credenza, open_key

_SERVERS = (
    "A server may have this store open, and it must know both keys before the first ring is wrapped with the "
    "new one. Run this with --prepare, start every server again with CREDENZA_KEK_NEXT at that place, then "
    "run this with --servers-ready. Without servers, stop them and give --servers-ready."
)
_NOW = (
    "Now set CREDENZA_KEK to that place wherever this store is opened, and leave CREDENZA_KEK_NEXT out; "
    "servers that have both go on. Keep the old key as long as a backup from before: it opens with no other."
)


@click.command("rewrap")
@setting("--to", "kek_next", metavar="URI", help="Where the new key is, or is to be made.")
@click.option("--prepare", "only", is_flag=True, help="Make and prove the new key, and wrap nothing yet.")
@click.option("--servers-ready", is_flag=True, help="Every server was started with CREDENZA_KEK_NEXT.")
@click.option("--leave-damaged", is_flag=True, help="Leave keys behind that do not open with the old key.")
@click.option("--plan", is_flag=True, help="Say what would be done, and touch nothing.")
@store_options
@json_option
@click.pass_context
def rewrap(ctx: click.Context, *, only: bool, servers_ready: bool, leave_damaged: bool, plan: bool) -> None:
    """Wrap the data keys of all workspaces with another key-encryption key.

    The new key is made where it is not there yet, and proved before anything is wrapped with it. No secret is
    sealed anew: that is `vault rotate`. Cut off at any moment, it goes on from there when it is run again.
    The old key is left where it is.
    """
    with opened(read_only=plan) as credenza:
        if credenza.vault.locked is not None:
            raise VaultLocked(credenza.vault.locked)
        if plan:
            _tell_plan(credenza)
            return
        if credenza.settings.kek_next is None:
            raise Misused("Say with --to where the new key is, or is to be made.")
        if not (only or servers_ready or credenza.store.is_alone):
            raise Clash(_SERVERS)
        to = prepare(credenza.store, credenza.vault, open_key(credenza.settings.kek_next, credenza.store))
        if only:
            _tell_prepared(to.kek_id)
            return
        done = _rewrap(credenza, to, leaving=leave_damaged)
        settled = done.rewrapped == 0 or credenza.store.settle(SETTLE_SECONDS)
    _tell(done, settled=settled)
    if not done.turned:
        ctx.exit(REFUSED)


def _rewrap(credenza: Credenza, to: VaultMeta, *, leaving: bool) -> Rewrapped:
    total = sum(rows for _, rows in count_rows(credenza.store, to.kek_id))
    done = 0
    with bar(total, "Wrapping") as shown:

        def tell(more: int) -> None:
            nonlocal done
            done += more
            if shown is not None:
                shown(done)

        return rewrap_rings(credenza.store, credenza.vault, to, by=name_user(), tell=tell, leaving=leaving)


def _tell_plan(credenza: Credenza) -> None:
    following = credenza.store.next_vault()
    to = following.kek_id if following else ""
    rows = [*count_rows(credenza.store, to)]
    if wants_json():
        told = [{"workspace": slug, "toWrap": number} for slug, number in rows]
        write_json(
            {"plan": True, "keyId": credenza.vault.meta.kek_id, "nextKeyId": to or None, "workspaces": told}
        )
        return
    write_table(("workspace", "keys to wrap"), rows)
    click.echo(f"The vault's key is {credenza.vault.meta.kek_id}.", err=True)
    if to:
        click.echo(f"The key {to} was prepared before.", err=True)
    click.echo("Nothing was written: this is a plan.", err=True)


def _tell_prepared(kek_id: str) -> None:
    if wants_json():
        write_json({"plan": False, "prepared": True, "keyId": kek_id})
        return
    click.echo(f"The key {kek_id} is there and was proved; nothing is wrapped with it yet.")
    click.echo("Start every server again with CREDENZA_KEK_NEXT at its place, then use --servers-ready.")


def _tell(done: Rewrapped, *, settled: bool) -> None:
    if wants_json():
        write_json(
            {
                "plan": False,
                "turned": done.turned,
                "keyId": done.kek_id,
                "rewrapped": done.rewrapped,
                "settled": settled,
                "closed": [{"workspace": slug, "message": why} for slug, why in done.closed],
            }
        )
    else:
        for slug, why in done.closed:
            click.echo(f"{slug}: {why}", err=True)
        click.echo(f"{count(done.rewrapped, 'key')} wrapped. The vault's key is {done.kek_id}.")
        if done.closed:
            click.echo(_leave(len(done.closed)) if not done.turned else "The rest stays as it is.")
        if done.turned:
            click.echo(_NOW)
    if not settled:
        click.echo(UNSETTLED, err=True)


def _leave(closed: int) -> str:
    return (
        f"{count(closed, 'key')} did not open with the old key, so the vault keeps it. Mend them from a "
        "backup, or give them up with --leave-damaged: what they sealed cannot be opened either way."
    )
