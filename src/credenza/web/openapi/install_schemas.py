"""The component schemas of installs and their members."""

from __future__ import annotations

from typing import Any

from credenza.plans.packages.installs import InstallBody
from credenza.plans.packages.upgrades import UpgradeBody
from credenza.web.openapi.configurations import Schema
from credenza.web.openapi.package_schemas import RETENTION, refine_times
from credenza.web.packages.install_shapes import InstallListAnswer, MemberListAnswer, UpgradeAnswer
from credenza.web.packages.installs import DetachBody

INSTALL_TYPES: list[Any] = [
    InstallBody,
    UpgradeBody,
    DetachBody,
    InstallListAnswer,
    UpgradeAnswer,
    MemberListAnswer,
]
_POLICIES = ["auto_all", "auto_defaults", "manual"]
_TIMES = ("installedAt", "lastUpgradedAt", "deletedAt")
_CHANGES = ["added", "changed", "removed", "secret_set", "secret_replaced", "secret_cleared"]
_RESULTS = ["updated", "added", "removed", "skipped", "unchanged", "restored"]
_STATES = ["complete", "incomplete", "needs_reconfiguration", "missing"]
_VERSION = "Its id or number; absent: the current one."
_AUTH = "An auth config of the workspace, where the package asks for one."


def refine_installs(found: dict[str, Schema]) -> None:
    """Say of installs what their types leave open; `refine_packages` comes before."""
    body, upgrade = found["InstallBody"]["properties"], found["UpgradeBody"]["properties"]
    for properties in (body, upgrade):
        properties["variables"]["description"] = "By name, as the schema of the version has them."
        properties["integrationVersionId"]["description"] = _VERSION
        properties["authStateId"]["description"] = _AUTH
    body["workspaceId"]["description"] = "The workspace of the credential."
    body["memberPolicy"]["description"] = (
        "`auto_all`: all members; `auto_defaults`, meant where nothing is said: those that are there by "
        "default, and those that are named; `manual`: those that are named."
    )
    body["selectedMemberSlugs"]["description"] = "Members that are named; what they depend on comes too."
    body["retentionTier"]["description"] = "How long it is remembered once removed; absent: medium."
    upgrade["variables"]["description"] += " What is left out stays as it was given."
    upgrade["selectedMemberSlugs"]["description"] = "Members to install as well."
    upgrade["conflicts"]["description"] = "Who wins where both changed a key."
    install = found["InstallAnswer"]
    refine_times(install, _TIMES)
    install["properties"]["variables"]["description"] = (
        'Those that are no secret as they are; `{"$secret": {"updatedAt": …}}` for each secret one.'
    )
    install["properties"]["memberPolicy"] = {"enum": _POLICIES}
    install["properties"]["retentionTier"] = {"enum": RETENTION}
    install["properties"]["members"]["description"] = "Only of a new install: what its members became."
    found["OutcomeAnswer"]["properties"]["result"] = {"enum": _RESULTS}
    found["KeyChangeAnswer"]["properties"]["change"] = {"enum": _CHANGES}
    found["ConflictAnswer"]["properties"]["winner"] = {"enum": ["local", "package"]}
    found["MemberAnswer"]["properties"]["configState"] = {"enum": _STATES}
    found["MemberAnswer"]["properties"]["version"]["description"] = "That of its integration."
