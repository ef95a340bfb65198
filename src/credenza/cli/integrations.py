"""`credenza get`, `list`, `delete` and `resolve`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import msgspec
import rich_click as click

from credenza.cli.failures import Misused
from credenza.cli.output import clean, wants_json, write_fields, write_json, write_table, write_time
from credenza.cli.remote import remote_options
from credenza.cli.revealing import reveal
from credenza.cli.session import json_option, session, store_options, workspace_option
from credenza.cli.variables import check_prefix, list_variables, write_shell
from credenza.cli.versions import hinting
from credenza.connectors import PRESENCE
from credenza.errors import NotFound
from credenza.model import CATEGORIES
from credenza.transfer.documents import write_yaml
from credenza.web.integrations import shapes
from credenza.workspace import View
from credenza.workspace.listing import read_tag

_FORMATS = ("env", "json", "yaml")


@click.command("get")
@click.argument("name")
@click.option("--version", type=click.IntRange(min=1), help="What it said at an earlier version.")
@workspace_option
@store_options
@json_option
def get(name: str, version: int | None) -> None:
    """Show one integration, its secrets only as being there.

    With --json it can be saved back with `credenza apply -`, which then changes nothing.
    """
    with hinting(name), session() as (_, _, workspace):
        view = workspace.view(name) if version is None else workspace.version(name, version)
    shown = shapes.show(view, apis=True)
    if wants_json():
        write_json(shown)
    else:
        _write(view, shown["version"])


@click.command("list")
@click.option("--category", type=click.Choice(CATEGORIES), metavar="CATEGORY", help="Only of this category.")
@click.option("--type", metavar="TYPE", help="Only of this connector type.")
@click.option("--search", metavar="TEXT", help="Only with this text in name or description.")
@click.option(
    "--tag",
    "tags",
    metavar="KEY[=VALUE]",
    multiple=True,
    help="Only with this tag; may be given several times, then with all of them.",
)
@click.option("--limit", type=click.IntRange(min=1), help="At most so many.")
@click.option("--all", "all_", is_flag=True, help="Disabled ones too.")
@workspace_option
@store_options
@json_option
def list_(
    *,
    category: str | None,
    type: str | None,
    search: str | None,
    tags: tuple[str, ...],
    limit: int | None,
    all_: bool,
) -> None:
    """List integrations in the order of their names."""
    with session() as (_, _, workspace):
        views = workspace.list(
            category=category,
            type=type,
            search=search,
            tags=[read_tag(text) for text in tags],
            enabled=None if all_ else True,
            limit=limit,
        )
    if wants_json():
        write_json([shapes.show(view, apis=True) for view in views])
    else:
        columns = ("name", "type", "category", "enabled", "version", "apis", "missing")
        write_table(columns, [_row(view) for view in views])


@click.command("delete")
@click.argument("name")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--expected-version", type=click.IntRange(min=1), help="Only if it is at this version.")
@workspace_option
@store_options
@json_option
def delete(name: str, yes: bool, expected_version: int | None) -> None:
    """Remove one integration with its history and secrets, for good."""
    if not yes:
        if not someone_is_there():
            raise Misused("Nobody is there to be asked: say --yes to delete.")
        click.confirm(f"Delete {clean(name)} with its history and secrets?", abort=True, err=True)
    with session() as (_, _, workspace):
        receipt = workspace.delete(name, expected_version=expected_version).result()
    if wants_json():
        write_json(shapes.show_receipt(receipt))
    else:
        click.echo("Deleted.")


@click.command("resolve")
@click.argument("name")
@click.option("--key", help="Print the value of this key alone, as it is.")
@click.option(
    "--format",
    type=click.Choice(_FORMATS),
    help="As JSON (the default), as YAML, or as lines that a POSIX shell can read.",
)
@click.option("--prefix", metavar="TEXT", help="What every variable of --format env begins with; see `run`.")
@remote_options
@workspace_option
@store_options
@json_option
def resolve(name: str, key: str | None, format: str | None, prefix: str | None) -> None:
    """Print the configuration of one integration in clear.

    The audit has it before it is printed. With --json the whole integration is printed.
    """
    if format not in {None, "json"} and (key is not None or wants_json()):
        raise Misused("--format env and yaml print the configuration alone, without --key or --json.")
    if prefix is not None and format != "env":
        raise Misused("--prefix goes with --format env.")
    check_prefix(prefix)
    [whole] = reveal([name])
    configuration: Mapping[str, Any] = whole.reveal()["configuration"]
    if key is not None:
        _write_key(configuration, key)
    elif wants_json():
        write_json(whole.reveal())
    elif format == "env":
        click.echo(write_shell(list_variables([(name, configuration)], prefix)), nl=False)
    elif format == "yaml":
        click.echo(write_yaml(dict(configuration)), nl=False)
    else:
        write_json(configuration)


def someone_is_there() -> bool:
    """Say whether standard input is a terminal, so that a question can be answered."""
    return sys.stdin.isatty()


def _write_key(configuration: Mapping[str, Any], key: str) -> None:
    if key not in configuration:
        raise NotFound("The configuration of this integration has no such key.", code="unknown_key")
    value = configuration[key]
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    # Into a file or variable the value goes byte for byte.
    click.echo(text, nl=sys.stdout.isatty())


def _row(view: View) -> tuple[object, ...]:
    record, document = view.record, view.document
    missing = " ".join(pointer.removeprefix("/") for pointer in document.missing)
    return (
        *(record.name, record.type, document.category, document.enabled),
        *(record.version, len(document.apis), missing),
    )


def _write(view: View, version: int) -> None:
    record, document = view.record, view.document
    fields = {
        "name": record.name,
        "type": record.type,
        "category": document.category,
        "description": document.description,
        "enabled": document.enabled,
        "tags": " ".join(f"{tag.key}={tag.value}" for tag in document.tags),
        "version": version,
        "created": f"{write_time(record.created_at)} by {record.created_by}",
        "updated": f"{write_time(record.updated_at)} by {record.updated_by}",
        "missing": " ".join(document.missing),
        "managedBy": document.source.instance if document.source is not None else None,
    }
    write_fields({name: value for name, value in fields.items() if value not in {None, ""}})
    click.echo()
    write_table(("key", "value"), [(key, _value(value)) for key, value in view.configuration.items()])
    if document.apis:
        click.echo()
        rows = [(api.api, api.enabled, api.description) for api in document.apis]
        write_table(("api", "enabled", "description"), rows)


def _value(value: object) -> str:
    if isinstance(value, dict) and PRESENCE in value:
        secret = value[PRESENCE]
        closed = ", cannot be opened" if "state" in secret else ""
        public = f" {secret['redacted']}" if "redacted" in secret else ""
        return f"(secret{public}, version {secret['version']}, set {secret['updatedAt']}{closed})"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
