"""`credenza workspace`: who shares a store, each with keys of their own."""

from __future__ import annotations

import msgspec
import rich_click as click

from credenza.cli.output import clean, wants_json, write_json, write_table, write_time
from credenza.cli.session import (
    json_option,
    name_user,
    opened,
    session,
    store_options,
    workspace_option,
)
from credenza.cli.shredding import shred_
from credenza.model import Tenant
from credenza.plans.origins import Origins, find_origins, keep_origins
from credenza.plans.redirects import read_origins
from credenza.workspace.desk import Desk, Papers, Planned


@click.group("workspace")
def workspace() -> None:
    """Create, list and shred workspaces, and say where setups of theirs may lead."""


workspace.add_command(shred_)


@workspace.command("create")
@click.argument("name")
@store_options
@json_option
def create(name: str) -> None:
    """Add a workspace with a key ring of its own."""
    with opened() as credenza:
        made = credenza.accounts.create_workspace(name, by=name_user())
    if wants_json():
        write_json(_show(made))
    else:
        click.echo(f"Created the workspace {clean(made.slug)}.")


@workspace.command("list")
@store_options
@json_option
def list_() -> None:
    """List the workspaces of a store."""
    with opened() as credenza:
        found = credenza.accounts.workspaces()
    if wants_json():
        write_json([_show(each) for each in found])
    else:
        write_table(("workspace", "created"), [(each.slug, write_time(each.created_at)) for each in found])


@workspace.command("origins")
@click.option(
    "--redirect", metavar="LIST", help="Where people may be sent after a setup, with commas between."
)
@click.option("--frame", metavar="LIST", help="Whose pages may hold a setup page.")
@click.option("--reset", is_flag=True, help="Go back to what the server's settings say.")
@workspace_option
@store_options
@json_option
def origins(redirect: str | None, frame: str | None, *, reset: bool) -> None:
    """Show the origins that people of a workspace may meet in a setup, or change them.

    A list that is given takes the place of the server's CREDENZA_REDIRECT_ORIGINS or CREDENZA_FRAME_ORIGINS
    for this workspace; an empty one ('') allows none.
    """
    if reset and not (redirect is None and frame is None):
        raise click.UsageError("--reset goes without the others.")
    given = {"redirect": _read_list("--redirect", redirect), "frame": _read_list("--frame", frame)}

    def plan(desk: Desk) -> Planned[Origins]:
        known = Origins() if reset else find_origins(desk)
        wanted = msgspec.structs.replace(
            known, **{name: listed for name, listed in given.items() if listed is not None}
        )
        return Planned([] if wanted == find_origins(desk) else [keep_origins(wanted)], wanted)

    with session() as open_session:
        papers = Papers(open_session.workspace)
        asks = redirect is None and frame is None and not reset
        found = papers.read(find_origins) if asks else papers.change("origins", plan)
    if wants_json():
        write_json(msgspec.to_builtins(found))
        return
    write_table(("what", "origins"), [("redirect", _say(found.redirect)), ("frame", _say(found.frame))])


def _read_list(option: str, text: str | None) -> tuple[str, ...] | None:
    try:
        return None if text is None else read_origins(text)
    except ValueError:
        raise click.UsageError(
            f"{option} lists origins like https://app.example.com, with commas between them."
        ) from None


def _say(listed: tuple[str, ...] | None) -> str:
    return "as the server says" if listed is None else ", ".join(listed) or "none"


def _show(tenant: Tenant) -> dict[str, object]:
    return {"name": tenant.slug, "createTime": tenant.created_at}
