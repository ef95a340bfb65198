"""`credenza types`: what connector types there are, what each wants, and what a change of one would do."""

from __future__ import annotations

from collections.abc import Iterator

import rich_click as click

from credenza.cli.conditions import explain_conditions
from credenza.cli.output import clean, wants_json, write_json, write_table
from credenza.cli.session import json_option, read_settings, setting
from credenza.cli.type_versions import check, migrate
from credenza.connectors import Catalogue, ConnectorType
from credenza.errors import NotFound


class _Types(click.RichGroup):
    """A group whose first word may also be the name of a type."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take whatever is no command as what is to be shown."""
        first = args[0] if args else ""
        return super().parse_args(
            ctx, args if first in {*self.commands, *ctx.help_option_names} else ["show", *args]
        )


@click.group("types", cls=_Types)
def types() -> None:
    """List connector types, or explain the keys of one: `types`, `types NAME`.

    `types check` says which stored integrations a changed type would refuse, `types migrate` moves them.
    """


types.add_command(check)
types.add_command(migrate)


@types.command("show")
@click.argument("name", required=False)
@setting("--schemas", metavar="FOLDER", help="Folder with more connector types.")
@json_option
def show(name: str | None) -> None:
    """List connector types, or explain the keys of one; with --json, print its JSON Schema."""
    catalogue = read_settings().catalogue()
    if name is None:
        _write_all(catalogue)
        return
    found = catalogue.get(name)
    if found is None:
        raise NotFound("There is no such connector type; `credenza types` lists them.", code="unknown_type")
    if wants_json():
        write_json(found.schema)
    else:
        _write_one(found)


def _write_all(catalogue: Catalogue) -> None:
    if wants_json():
        write_json([_show(each) for each in catalogue.values()])
        return
    rows = [(each.name, each.category, each.title, ", ".join(_secrets(each))) for each in catalogue.values()]
    write_table(("type", "category", "title", "secrets"), rows)


def _show(type: ConnectorType) -> dict[str, object]:
    return {
        "name": type.name,
        "category": type.category,
        "title": type.title,
        "description": type.description,
        "version": type.version,
    }


def _write_one(type: ConnectorType) -> None:
    click.echo(f"{clean(type.title)} ({type.name}, {type.category}, version {type.version})")
    click.echo(f"{clean(type.description)}\n")
    for key in type.keys:
        click.echo("\n".join(_describe(type, key)))
    conditions = explain_conditions(type.schema)
    if conditions:
        click.echo()
    for sentence in conditions:
        click.echo(clean(sentence))


def _describe(type: ConnectorType, key: str) -> Iterator[str]:
    """Yield a key as lines, nothing of it cut: a value that is cut cannot be typed."""
    rules = type.schema["properties"][key]
    marks = [
        "required" if key in type.schema.get("required", ()) else "optional",
        *_secrecy(type, key),
        *(["says where secrets go"] if key in type.destinations else []),
    ]
    yield f"{key}  ({', '.join(marks)})"
    yield f"    {clean(rules.get('title', ''))}. {clean(rules.get('description', ''))}".rstrip(". ") + "."
    for word, values in (("one of", rules.get("enum")), ("for example", rules.get("examples"))):
        if values:
            yield f"    {word}: {clean(' | '.join(map(str, values)))}"
    if "default" in rules:
        yield f"    default: {clean(str(rules['default']))}"


def _secrecy(type: ConnectorType, key: str) -> list[str]:
    if key in type.secrets:
        return ["secret"]
    return ["secret with credentials in it"] if key in type.embeds else []


def _secrets(type: ConnectorType) -> list[str]:
    sealable = {key: f"{key} (with credentials in it)" for key in type.embeds}
    return [sealable.get(key, key) for key in type.keys if key in type.secrets or key in sealable]
