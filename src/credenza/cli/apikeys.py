"""`credenza apikey`: keys to one workspace. A secret is printed when it is made, and never again."""

from __future__ import annotations

import time

import rich_click as click

from credenza.cli.failures import Misused
from credenza.cli.output import wants_json, write_fields, write_json, write_table, write_time
from credenza.cli.session import json_option, session, store_options, workspace_option
from credenza.model import ApiKey, Role, Tag

_REMEMBERED = 0.02  # seconds that a running server may take to know: `ports.Store.api_key`


@click.group("apikey")
def apikey() -> None:
    """Create, list and revoke API keys."""


@apikey.command("create")
@click.option(
    "--role",
    required=True,
    type=click.Choice([role.value for role in Role]),
    help="What the key may do: runtime reads and reveals, editor reads and writes, operator runs the store.",
)
@click.option("--names", multiple=True, metavar="GLOB", help="Limit it to names that match; may be repeated.")
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="Limit it to a tag; may be repeated.")
@workspace_option
@store_options
@json_option
def create(role: str, names: tuple[str, ...], tags: tuple[str, ...]) -> None:
    """Make an API key and print it: this once."""
    limits = [_read_tag(text) for text in tags]
    if not all(names):
        raise Misused("--names is a pattern like team-a-*, not an empty text.")
    with session() as (credenza, actor, _):
        made = credenza.accounts.create_key(actor.tenant, Role(role), names=names, tags=limits, by=actor.name)
        told = {"id": made.key.id, "secret": made.secret.reveal(), "token": made.token.reveal()}
    if wants_json():
        write_json(told)
        return
    write_fields(told)
    click.echo("Shown this once. Send the token as X-Authorization: <token>.")


@apikey.command("list")
@workspace_option
@store_options
@json_option
def list_() -> None:
    """List the API keys of a workspace, oldest first, revoked ones too."""
    with session() as (credenza, actor, _):
        keys = credenza.accounts.keys(actor.tenant)
    if wants_json():
        write_json([_show(key) for key in keys])
        return
    columns = ("id", "role", "names", "tags", "created", "by", "revoked")
    write_table(columns, [_row(key) for key in keys])


@apikey.command("revoke")
@click.argument("id")
@workspace_option
@store_options
@json_option
def revoke(id: str) -> None:
    """Make an API key and its tokens useless, at once and for good."""
    with session() as (credenza, actor, _):
        credenza.accounts.revoke_key(actor.tenant, id, by=actor.name)
    time.sleep(_REMEMBERED)
    if wants_json():
        write_json({"id": id, "revoked": True})
    else:
        click.echo("Revoked.")


def _read_tag(text: str) -> Tag:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise Misused("--tag is written as key=value.")
    return Tag(key, value)


def _show(key: ApiKey) -> dict[str, object]:
    return {
        "id": key.id,
        "role": key.role.value,
        "names": key.names,
        "tags": [{"key": tag.key, "value": tag.value} for tag in key.tags],
        "createTime": key.created_at,
        "createdBy": key.created_by,
        "revokeTime": key.revoked_at,
    }


def _row(key: ApiKey) -> tuple[object, ...]:
    tags = " ".join(f"{tag.key}={tag.value}" for tag in key.tags)
    revoked = "" if key.revoked_at is None else write_time(key.revoked_at)
    names = " ".join(key.names)
    return key.id, key.role.value, names, tags, write_time(key.created_at), key.created_by, revoked
