"""`credenza package visibility` and `grant`: who sees a package."""

from __future__ import annotations

from collections.abc import Callable

import rich_click as click

from credenza.cli.output import json_or_text
from credenza.cli.packages.agreeing import in_our_words
from credenza.cli.packages.naming import find_package_id
from credenza.cli.session import json_option, session, store_options, workspace_option
from credenza.plans.packages.packages import (
    APPROVED,
    PUBLIC,
    VISIBILITIES,
    Package,
    change_grant,
    change_visibility,
    find_own,
    keep_package,
)
from credenza.web.packages.shapes import show_package
from credenza.workspace.desk import Desk, Papers, Planned


@click.command("visibility")
@click.argument("package")
@click.argument("visibility", type=click.Choice(VISIBILITIES))
@workspace_option
@store_options
@json_option
def visibility(package: str, visibility: str) -> None:
    """Say who sees PACKAGE: its workspace and grantees, whoever has its id, or everybody.

    What is public is listed once an operator has approved a version of it.
    """
    _share(package, lambda before, at: change_visibility(before, visibility, at))


@click.command("grant")
@click.argument("package")
@click.argument("grantee", metavar="WORKSPACE")
@click.option("--revoke", is_flag=True, help="Take the grant back; what is installed goes on working.")
@workspace_option
@store_options
@json_option
def grant(package: str, grantee: str, revoke: bool) -> None:
    """Let WORKSPACE see PACKAGE, whatever its visibility."""
    _share(
        package,
        lambda before, at: change_grant(before, grantee, at, granted=not revoke),
        None if revoke else grantee,
    )


def _share(word: str, change: Callable[[Package, int], Package], grantee: str | None = None) -> None:
    with session() as (credenza, actor, workspace), in_our_words():
        at = credenza.policy.clock()
        if grantee is not None:
            credenza.tenant(grantee)

        def plan(desk: Desk) -> Planned[Package]:
            before = find_own(desk, find_package_id(desk, actor.tenant, word))
            after = change(before, at)
            return Planned([] if after == before else [keep_package(after)], after)

        done = Papers(workspace).change("package.share", plan)
    shown = {**show_package(done, None, actor.tenant.slug, own=True), "grants": list(done.grants)}
    json_or_text(shown, _say(done))


def _say(package: Package) -> str:
    waits = package.visibility == PUBLIC and package.review != APPROVED
    review = ", and is listed once an operator has approved it" if waits else ""
    grants = f" It is granted to {', '.join(package.grants)}." if package.grants else ""
    return f"{package.slug} is {package.visibility}{review}.{grants}"
