"""`credenza package`, with all its commands."""

from __future__ import annotations

import rich_click as click

from credenza.cli.packages import drafting, installing, looking, sharing


@click.group("package")
def package() -> None:
    """Publish sets of connectors in versions, and install and upgrade them in workspaces."""


for each in (
    *(drafting.init, drafting.validate, drafting.publish),
    *(installing.install, installing.upgrade, installing.rollback, installing.uninstall),
    *(looking.diff, looking.list_, looking.installs, looking.show),
    *(sharing.visibility, sharing.grant),
):
    package.add_command(each)
