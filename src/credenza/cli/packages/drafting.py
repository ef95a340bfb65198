"""`credenza package init`, `validate` and `publish`: from files to a version."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

import msgspec
import rich_click as click

from credenza.cli.failures import Misused
from credenza.cli.output import clean, count, current_context, json_or_text, wants_json
from credenza.cli.packages.agreeing import Step, Terms, agreeing_options, carry_out, check_terms
from credenza.cli.packages.example import MEMBER, write_package
from credenza.cli.packages.files import MEMBERS, NAME, SUFFIXES, PackageFile, check_source, read_source
from credenza.cli.packages.telling import DRY_RUN, write_differences
from credenza.cli.session import (
    WORKSPACE,
    json_option,
    opened,
    read_settings,
    session,
    store_options,
    workspace_option,
)
from credenza.cli.writing import write_files
from credenza.connectors import Catalogue
from credenza.errors import Invalid, Misconfigured
from credenza.model import Actor, Role
from credenza.plans.fields import refuse
from credenza.plans.packages.manifest import is_slug
from credenza.plans.packages.packages import Package, PackageUpdate, create_package, update_package
from credenza.plans.packages.variables import read_variables
from credenza.plans.packages.versions import Difference, PackageVersion, PublishBody, compare
from credenza.plans.packages.visible import find_own_slug
from credenza.web.packages.shapes import say_difference, show_version
from credenza.workspace.desk import Desk, Papers, Planned
from credenza.workspace.packages import By, publish_draft

_INVALID = "This package is not valid, for the reasons listed."
_is_prefix = re.compile(r"[a-z][a-z0-9-]{0,30}").fullmatch  # as the example says of its variable
_THERE = "There is a package in this folder already, and nothing is ever overwritten: name another folder."


class Publishing(NamedTuple):
    """A version as it is published, and how it differs from the one before; None: it is the first."""

    version: PackageVersion
    changes: list[Difference] | None


@click.command("init")
@click.argument("folder", type=click.Path(path_type=Path))
@json_option
def init(folder: Path) -> None:
    """Write a small package into FOLDER, valid and with comments, to begin with."""
    texts = {
        folder / f"{NAME}.yaml": write_package(_name(folder)).encode(),
        folder / MEMBERS / "store.yaml": MEMBER.encode(),
    }
    if any(os.path.lexists(folder / each) for each in (*(f"{NAME}{end}" for end in SUFFIXES), MEMBERS)):
        raise Misused(_THERE)
    write_files(texts, force=False)
    json_or_text(
        {"written": [path.relative_to(folder).as_posix() for path in texts]},
        f"Wrote {count(len(texts), 'file')}. Change them, then see: credenza package validate FOLDER",
    )


@click.command("validate")
@click.argument("path", type=click.Path(path_type=Path))
@workspace_option
@store_options
@json_option
def validate(path: Path) -> None:
    """Check the package in PATH, a folder or file, by the connector types of the workspace; nothing is saved.

    Where there is no store, the types that come with the program count, and those of --schemas.
    """
    source = read_source(path)
    types, where = _find_types()
    with source.locating():
        problems = check_source(source.package, types)
        if problems:
            raise Invalid(_INVALID, problems=problems)
    package = source.package
    variables, _ = read_variables(package.variables_schema)
    told = {
        "valid": True,
        "slug": package.slug,
        "version": package.version,
        "members": [each.slug for each in package.manifest.members],
        "variables": list(variables.names),
        "secretVariables": sorted(variables.secrets),
        "types": where,
    }
    by = f"the types of workspace {where}" if where else "the types that come with the program"
    parts = f"{count(len(package.manifest.members), 'member')}, {count(len(variables.names), 'variable')}"
    json_or_text(told, f"{clean(package.slug)} is valid by {by}: {parts}, {len(variables.secrets)} secret.")


@click.command("publish")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--version", "number", metavar="VERSION", help="Instead of the version that its file says.")
@agreeing_options
@workspace_option
@store_options
@json_option
def publish(path: Path, number: str | None, dry_run: bool, yes: bool) -> None:
    """Publish the package in PATH, a folder or file, as a version, which never changes afterwards.

    The workspace's draft of that slug is made, or becomes what the files say. What differs from the version
    before is shown first.
    """
    terms = Terms(dry_run, yes)
    check_terms(terms)
    source = read_source(path)
    package = source.package
    version = number or package.version
    if version is None:
        refuse("/version", "A version is published: write it into the file, or give --version.", "required")
    body = PublishBody(version=version, changelog=package.changelog)
    with session() as (credenza, actor, workspace), source.locating():
        by = By(actor.tenant, actor.name, credenza.policy.clock())

        def plan(desk: Desk) -> Planned[Publishing]:
            done = publish_draft(desk, _draft(desk, package, by), body, by)
            changes = None if done.before is None else compare(done.before, done.version)
            return Planned(done.changes, Publishing(done.version, changes))

        step = Step(
            "package.publish",
            plan,
            tell=_tell,
            gist=lambda each: each.changes,
            question=lambda _: f"Publish {clean(package.slug)} {clean(version)}?",
        )
        done = carry_out(Papers(workspace), step, terms, lambda each: _show(each, dry_run=dry_run))
    if not wants_json():
        named = f"{clean(package.slug)} {done.version.version}"
        click.echo(f"{named} can be published{DRY_RUN}." if dry_run else f"Published {named}.")


def _draft(desk: Desk, package: PackageFile, by: By) -> Package:
    before = find_own_slug(desk, by.tenant, package.slug)
    if before is None:
        return create_package(desk, package.as_body(by.tenant.slug), by.tenant.slug, by.name, by.at)
    update = PackageUpdate(
        name=package.name,
        description=package.description,
        iconUrl=package.iconUrl,
        publisher=msgspec.UNSET if package.publisher is None else package.publisher,
        manifest=package.manifest,
        variablesSchema=package.variablesSchema,
        authConfig=package.authConfig,
    )
    return update_package(before, update, by.at)


def _tell(done: Publishing) -> None:
    if done.changes is None:
        members = ", ".join(each.slug for each in done.version.manifest.members)
        click.echo(f"This is the first version, with the members {members}.")
    else:
        write_differences(done.changes, "Nothing differs from the version before.")


def _show(done: Publishing, *, dry_run: bool) -> dict[str, object]:
    changes = done.changes or []
    return {
        **show_version(done.version, own=True),
        "first": done.changes is None,
        "sentences": [*map(say_difference, changes)],
        "dryRun": dry_run,
    }


def _find_types() -> tuple[Catalogue, str | None]:
    """Return the connector types to check by, and whose they are; None: of nobody's workspace."""
    named = current_context().meta.get(WORKSPACE)
    try:
        with opened(read_only=True) as credenza:
            tenant = credenza.tenant(named)
            return credenza.workspace(Actor(tenant, "", Role.ADMIN)).catalogue, tenant.slug
    except Misconfigured:
        if named is not None:
            raise
        return read_settings().catalogue(), None


def _name(folder: Path) -> str:
    name = folder.resolve().name.lower().replace(" ", "-")
    return name if is_slug(name) and _is_prefix(name) else "my-package"
