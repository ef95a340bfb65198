"""`credenza package list`, `installs`, `show` and `diff`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import rich_click as click

from credenza.cli.output import clean, wants_json, write_fields, write_json, write_table, write_time
from credenza.cli.packages.agreeing import in_our_words
from credenza.cli.packages.files import find_file, read_source
from credenza.cli.packages.naming import find_install_id, find_package_id, list_installs
from credenza.cli.packages.telling import write_differences
from credenza.cli.session import json_option, session, store_options, workspace_option
from credenza.errors import NotFound
from credenza.model import Tenant
from credenza.model import questions as q
from credenza.model.entries import VERSIONS
from credenza.plans.packages.installs import find_install
from credenza.plans.packages.packages import Package
from credenza.plans.packages.variables import Variables, read_variables
from credenza.plans.packages.versions import Contents, Difference, PackageVersion, compare, read_version
from credenza.plans.packages.visible import find_own_slug, find_version, find_visible
from credenza.web.packages.install_shapes import MemberAnswer, show_install, show_members
from credenza.web.packages.shapes import show_difference, show_package, show_version
from credenza.workspace.desk import Desk, Papers

_LIMIT = click.IntRange(1, 1_000)
_DRAFT, _FILES = "draft", "files"


class Seen(NamedTuple):
    """A package as the workspace sees it: of which workspace it is, what it sees of it, and all versions."""

    package: Package
    owner: str
    version: PackageVersion | None
    own: bool
    versions: list[PackageVersion]

    def show(self) -> dict[str, Any]:
        """Return it as an answer over HTTP shows it."""
        return {**show_package(self.package, self.version, self.owner, own=self.own)}


class Compared(NamedTuple):
    """Two things that were compared, by their names, and how they differ."""

    before: str
    after: str
    found: list[Difference]


@click.command("list")
@click.option("--limit", type=_LIMIT, default=100, show_default=True, help="At most so many.")
@workspace_option
@store_options
@json_option
def list_(limit: int) -> None:
    """List the packages that the workspace sees: its own, those granted to it, and public ones."""

    def job(desk: Desk) -> list[Seen]:
        keys = (q.Key("slug"), q.Key("id"))
        where = q.Every((q.Comparison("deletedAt", q.MISSING, value=True),))
        rows = desk.ask(q.Question(entity=q.PACKAGE, keys=keys, limit=limit, where=where, count=1)).rows
        return [_see(desk, actor.tenant, row.id, whole=False) for row in rows[:limit]]

    with session() as (_, actor, workspace):
        found = Papers(workspace).read(job)
    if wants_json():
        write_json([each.show() for each in found])
        return
    columns = ("package", "workspace", "name", "version", "visibility", "id")
    write_table(columns, [_row(each) for each in found])


@click.command("installs")
@click.option("--limit", type=_LIMIT, default=100, show_default=True, help="At most so many.")
@workspace_option
@store_options
@json_option
def installs(limit: int) -> None:
    """List what is installed in the workspace."""
    with session() as (_, actor, workspace):
        found = Papers(workspace).read(lambda desk: list_installs(desk, None, limit))
    if wants_json():
        write_json([show_install(each, actor.tenant.slug) for each in found])
        return
    rows = [
        (each.id, each.package_name, each.version, len(each.members), write_time(each.installed_at))
        for each in found
    ]
    write_table(("install", "package", "version", "members", "installed"), rows)


@click.command("show")
@click.argument("word", metavar="PACKAGE|INSTALL")
@workspace_option
@store_options
@json_option
def show(word: str) -> None:
    """Show a package with its variables, members and versions, or an install and how its members stand."""
    with session() as (_, actor, workspace), in_our_words():
        papers = Papers(workspace)
        if word.startswith("ins_"):
            _write_install(*papers.read(lambda desk: _stand(desk, actor.tenant, word)))
        else:
            _write_package(papers.read(lambda desk: _look_up(desk, actor.tenant, word)))


@click.command("diff")
@click.argument("what", metavar="PATH|PACKAGE")
@click.argument("before", metavar="[VERSION]", required=False)
@click.argument("after", metavar="[VERSION]", required=False)
@workspace_option
@store_options
@json_option
def diff(what: str, before: str | None, after: str | None) -> None:
    """Say in sentences how two versions of a package differ, never by a value.

    Of PATH, a folder or file: from the version that is named, or the newest one, to what the files say. Of
    PACKAGE: from one version to the other, to the newest one, or, without any, from that to the draft.
    """
    # Two versions are a package's, even where a folder is called like it.
    files = after is None and find_file(Path(what)) is not None
    source = read_source(Path(what)).package if files else None
    with session() as (_, actor, workspace), in_our_words():

        def job(desk: Desk) -> Compared:
            if source is None:
                return _compare(desk, actor.tenant, what, before, after)
            own = find_own_slug(desk, actor.tenant, source.slug)
            if own is None:
                raise NotFound(
                    "Nothing of this package is published in this workspace.", code="unknown_package"
                )
            seen = find_visible(desk, actor.tenant, own.id).version
            known = find_version(desk, own, before, seen)
            return Compared(known.version, _FILES, compare(known, source))

        done = Papers(workspace).read(job)
    if wants_json():
        write_json(show_difference(done.before, done.after, done.found))
    else:
        write_differences(done.found, f"Nothing differs between {done.before} and {done.after}.")


def _compare(desk: Desk, tenant: Tenant, word: str, before: str | None, after: str | None) -> Compared:
    package, seen, own, _ = find_visible(desk, tenant, find_package_id(desk, tenant, word))
    first = find_version(desk, package, before, seen)
    last: Contents
    if before is None and own:
        last, name = package, _DRAFT
    else:
        second = find_version(desk, package, after, seen)
        last, name = second, second.version
    return Compared(first.version, name, compare(first, last))


def _see(desk: Desk, tenant: Tenant, id: str, *, whole: bool) -> Seen:
    package, version, own, shared = find_visible(desk, tenant, id)
    papers = desk.shared(VERSIONS, [each.id for each in package.releases]) if whole else {}
    versions = [read_version(papers[each.id].paper) for each in package.releases if each.id in papers]
    return Seen(package, shared.tenant.slug, version, own, versions[::-1])


def _look_up(desk: Desk, tenant: Tenant, word: str) -> Seen:
    return _see(desk, tenant, find_package_id(desk, tenant, word), whole=True)


def _stand(desk: Desk, tenant: Tenant, word: str) -> tuple[dict[str, Any], list[MemberAnswer]]:
    found = find_install(desk, find_install_id(desk, tenant, word))
    return {**show_install(found, tenant.slug), "package": found.package_name}, show_members(desk, found)


def _row(seen: Seen) -> tuple[object, ...]:
    package, shown = seen.package, seen.show()
    return package.slug, seen.owner, package.name, shown["currentVersion"], package.visibility, package.id


def _write_package(seen: Seen) -> None:
    shown, package = seen.show(), seen.package
    if wants_json():
        write_json({**shown, "versions": [show_version(each, own=seen.own) for each in seen.versions]})
        return
    fields = {
        "package": package.slug,
        "id": package.id,
        "workspace": seen.owner,
        "name": package.name,
        "description": package.description,
        "publisher": package.publisher,
        "trust": package.trust_tier,
        "visibility": package.visibility,
        "version": shown["currentVersion"],
    }
    write_fields({name: value for name, value in fields.items() if value is not None})
    # Its own workspace installs what was published too, and not the draft.
    source = seen.version or package
    _write_variables(read_variables(source.variables_schema)[0])
    click.echo()
    members = [
        (each.slug, each.integration.type, each.default, ", ".join(each.dependsOn))
        for each in source.manifest.members
    ]
    write_table(("member", "type", "default", "needs"), members)
    if seen.versions:
        click.echo()
        rows = [(each.version, write_time(each.published_at), each.changelog) for each in seen.versions]
        write_table(("version", "published", "changes"), rows)


def _write_variables(variables: Variables) -> None:
    if not variables.names:
        return
    click.echo()
    rules = variables.schema["properties"]
    rows = [
        (name, name in variables.secrets, name in variables.required, rules[name].get("description"))
        for name in variables.names
    ]
    write_table(("variable", "secret", "required", "description"), rows)


def _write_install(shown: dict[str, Any], members: list[MemberAnswer]) -> None:
    if wants_json():
        write_json({**shown, "members": members})
        return
    fields = {
        "install": shown["id"],
        "package": shown["package"],
        "version": shown["version"],
        "installed": f"{shown['installedAt']} by {shown['installedBy']}",
        "upgraded": shown["lastUpgradedAt"],
        "policy": shown["memberPolicy"],
        "auth config": shown["authStateId"],
    }
    write_fields({name: value for name, value in fields.items() if value is not None})
    click.echo()
    rows = [
        (
            *(each["slug"], each["name"], each["type"], each["configState"], each["detached"]),
            clean(", ".join([*each["missing"], *each["modified"]])),
        )
        for each in members
    ]
    write_table(("member", "integration", "type", "state", "detached", "changed here or missing"), rows)
