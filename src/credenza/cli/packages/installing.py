"""`credenza package install`, `upgrade`, `rollback` and `uninstall`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypeVar, get_args

import rich_click as click

from credenza.cli.options import with_options
from credenza.cli.output import clean, wants_json
from credenza.cli.packages.agreeing import Step, Terms, agreeing_options, carry_out, check_terms, in_our_words
from credenza.cli.packages.naming import find_install_id, find_package_id
from credenza.cli.packages.telling import DRY_RUN, count_outcomes, write_outcomes
from credenza.cli.packages.variables import naming_variables, read_given, variable_options
from credenza.cli.session import (
    Session,
    json_option,
    saving_options,
    session,
    store_options,
    workspace_option,
)
from credenza.plans.packages.installs import Install, InstallBody, find_install
from credenza.plans.packages.returns import remove
from credenza.plans.packages.selection import DEFAULTS, Policy
from credenza.plans.packages.upgrades import Outcome, Upgrade, UpgradeBody
from credenza.plans.packages.versions import PackageVersion
from credenza.plans.packages.visible import find_version, find_visible
from credenza.web.packages.install_shapes import show_install, show_outcome, show_upgrade
from credenza.workspace.desk import Desk, Papers, Planned
from credenza.workspace.packages import By, Move, install_package, roll_back_install, upgrade_install

Command = TypeVar("Command", bound=Callable[..., Any])


class Installing(NamedTuple):
    """An install as it is made, and what its members become."""

    install: Install
    outcomes: list[Outcome]


class Moving(NamedTuple):
    """An install as it was, and what it comes to."""

    before: Install
    upgrade: Upgrade


def _choosing_options(command: Command) -> Command:
    return with_options(
        command,
        variable_options,
        click.option("--version", "number", metavar="VERSION", help="Instead of the newest one."),
        click.option(
            "--member", "members", metavar="SLUG", multiple=True, help="This member too; repeatable."
        ),
        click.option(
            "--auth-config", "auth", metavar="ID", help="The auth config of the workspace that it asks for."
        ),
    )


@click.command("install")
@click.argument("package")
@_choosing_options
@click.option(
    "--policy",
    type=click.Choice(get_args(Policy)),
    default=DEFAULTS,
    show_default=True,
    help="All members, those that are there by default and those that are named, or what is named.",
)
@agreeing_options
@workspace_option
@store_options
@saving_options
@json_option
def install(  # noqa: PLR0917  # click gives them by name
    package: str,
    settings: tuple[str, ...],
    file: str | None,
    number: str | None,
    members: tuple[str, ...],
    auth: str | None,
    policy: Policy,
    dry_run: bool,
    yes: bool,
) -> None:
    """Install PACKAGE, by its slug or id: its members become integrations, all of them or none.

    A package of another workspace is WORKSPACE/SLUG where its slug alone is not clear. Secret variables that
    are not in --variables are asked for, without showing them.
    """
    terms = Terms(dry_run, yes)
    check_terms(terms)
    with session() as opened:
        by, papers = _by(opened), Papers(opened.workspace)
        with in_our_words():
            version = papers.read(lambda desk: _find(desk, by, package, number))
        given = read_given(version, settings, file)

        def plan(desk: Desk) -> Planned[Installing]:
            body = InstallBody(
                workspaceId=by.tenant.slug,
                integrationVersionId=version.id,
                variables=given.values,
                authStateId=auth,
                memberPolicy=policy,
                selectedMemberSlugs=list(members),
            )
            done = install_package(desk, version.package, body, by)
            return Planned(done.changes, Installing(done.install, done.outcomes))

        step = Step(
            "package.install",
            plan,
            tell=lambda each: write_outcomes(each.outcomes),
            gist=lambda each: each.outcomes,
            question=lambda each: f"Install {each.install.package_name} {version.version}?",
        )
        done = given.ask_for(
            lambda: carry_out(papers, step, terms, lambda each: _show(each, by, dry_run=dry_run)),
            () if yes else None,
        )
    _end(f"Installed {done.install.package_name} {version.version}", done.install, done.outcomes, terms)


@click.command("upgrade")
@click.argument("install")
@_choosing_options
@click.option(
    "--take",
    type=click.Choice(["local", "package"]),
    default="local",
    show_default=True,
    help="Who wins where both the package and this workspace changed a key.",
)
@agreeing_options
@workspace_option
@store_options
@saving_options
@json_option
def upgrade(  # noqa: PLR0917  # click gives them by name
    install: str,
    settings: tuple[str, ...],
    file: str | None,
    number: str | None,
    members: tuple[str, ...],
    auth: str | None,
    take: Literal["local", "package"],
    dry_run: bool,
    yes: bool,
) -> None:
    """Upgrade INSTALL to the newest version of its package, and keep what was changed here since.

    INSTALL is the id of an install, or its package where that is installed once. Variables that are not given
    stay as they are.
    """
    terms = Terms(dry_run, yes)
    check_terms(terms)
    with session() as opened:
        by, papers = _by(opened), Papers(opened.workspace)
        with in_our_words():
            before, version = papers.read(lambda desk: _find_upgrade(desk, by, install, number))
        given = read_given(version, settings, file)

        def come_to(desk: Desk, standing: Install) -> Upgrade:
            body = UpgradeBody(
                integrationVersionId=version.id,
                variables=given.values,
                authStateId=auth,
                selectedMemberSlugs=list(members),
                conflicts=take,
            )
            return upgrade_install(desk, standing, body, by)

        def move() -> Moving:
            with naming_variables(version, before):
                return _move(papers, "upgrade", before, come_to, terms)

        done = given.ask_for(move, before.secrets)
    if not done.upgrade.changes:
        _say("Nothing is to be changed.")
        return
    words = f"Upgraded {before.package_name} from {before.version} to {version.version}"
    _end(words, done.upgrade.install, done.upgrade.outcomes, terms)


@click.command("rollback")
@click.argument("install")
@agreeing_options
@workspace_option
@store_options
@saving_options
@json_option
def rollback(install: str, dry_run: bool, yes: bool) -> None:
    """Bring INSTALL back to what it was before its last upgrade, with its integrations as they were."""
    _return("rollback", "Rolled back", install, Terms(dry_run, yes), roll_back_install)


@click.command("uninstall")
@click.argument("install")
@click.option("--keep-members", is_flag=True, help="Leave its integrations where they are.")
@agreeing_options
@workspace_option
@store_options
@json_option
def uninstall(install: str, keep_members: bool, dry_run: bool, yes: bool) -> None:
    """Remove INSTALL with its integrations; those that are detached stay."""

    def come_to(desk: Desk, before: Install, by: By) -> Upgrade:
        return remove(desk, before, by.at, keep_members=keep_members)

    _return("uninstall", "Removed", install, Terms(dry_run, yes), come_to)


def _return(
    verb: str, word: str, install: str, terms: Terms, come_to: Callable[[Desk, Install, By], Upgrade]
) -> None:
    check_terms(terms)
    with session() as opened:
        by, papers = _by(opened), Papers(opened.workspace)
        with in_our_words():
            before = papers.read(lambda desk: find_install(desk, find_install_id(desk, by.tenant, install)))
        done = _move(papers, verb, before, lambda desk, standing: come_to(desk, standing, by), terms)
    _end(f"{word} {before.package_name}", done.upgrade.install, done.upgrade.outcomes, terms)


def _move(
    papers: Papers, verb: str, before: Install, come_to: Callable[[Desk, Install], Upgrade], terms: Terms
) -> Moving:
    """Bring an install from one state to another, as it was agreed to."""
    move = Move(before.id)

    def plan(desk: Desk) -> Planned[Moving]:
        standing, moved = move.plan(desk, come_to)
        return Planned(moved.changes, Moving(standing, moved))

    step = Step(
        f"package.{verb}",
        plan,
        tell=lambda each: write_outcomes(each.upgrade.outcomes),
        gist=lambda each: (each.before.version_id, each.upgrade.install.version_id, each.upgrade.outcomes),
        question=lambda each: _ask(verb, each),
        idle=lambda each: not each.upgrade.changes,
    )
    return carry_out(
        papers, step, terms, lambda each: show_upgrade(each.before, each.upgrade, dry_run=terms.dry_run)
    )


def _ask(verb: str, moving: Moving) -> str:
    before, after = moving.before, moving.upgrade.install
    towards = f" from {before.version} to {after.version}" if after.version != before.version else ""
    said = {"rollback": "Roll back"}.get(verb, verb.capitalize())
    return f"{said} {clean(before.package_name)}{towards}?"


def _find(desk: Desk, by: By, word: str, number: str | None) -> PackageVersion:
    package, seen, *_ = find_visible(desk, by.tenant, find_package_id(desk, by.tenant, word))
    return find_version(desk, package, number, seen)


def _find_upgrade(desk: Desk, by: By, word: str, number: str | None) -> tuple[Install, PackageVersion]:
    before = find_install(desk, find_install_id(desk, by.tenant, word))
    package, seen, *_ = find_visible(desk, by.tenant, before.package)
    return before, find_version(desk, package, number, seen)


def _by(opened: Session) -> By:
    return By(opened.actor.tenant, opened.actor.name, opened.credenza.policy.clock())


def _show(done: Installing, by: By, *, dry_run: bool) -> dict[str, Any]:
    shown = show_install(done.install, by.tenant.slug)
    return {**shown, "members": [*map(show_outcome, done.outcomes)], "dryRun": dry_run}


def _end(words: str, install: Install, outcomes: list[Outcome], terms: Terms) -> None:
    told = count_outcomes(outcomes)
    _say(f"{told}{DRY_RUN}." if terms.dry_run else f"{words} ({install.id}): {told}.")


def _say(words: str) -> None:
    if not wants_json():
        click.echo(clean(words))
