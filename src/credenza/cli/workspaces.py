"""`credenza workspace`: who shares a store, each with keys of their own."""

from __future__ import annotations

import rich_click as click

from credenza.cli.output import clean, wants_json, write_json, write_table, write_time
from credenza.cli.session import json_option, name_user, opened, store_options
from credenza.model import Tenant


@click.group("workspace")
def workspace() -> None:
    """Create and list workspaces."""


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


def _show(tenant: Tenant) -> dict[str, object]:
    return {"name": tenant.slug, "createTime": tenant.created_at}
