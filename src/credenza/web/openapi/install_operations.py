"""What is said of the calls about installs of packages and their members."""

from __future__ import annotations

from credenza.web.openapi.facts import READ, Facts
from credenza.web.openapi.package_examples import DETACH, INSTALL, UPGRADE
from credenza.web.openapi.package_operations import change_facts, read_facts
from credenza.web.openapi.package_parameters import LIST_INSTALLS

_INSTALLS = "Installs"
_SECRETS = "Of its secret variables, an install says only that they were given."

INSTALLS: dict[str, Facts] = {
    "list_installs": Facts(
        _INSTALLS,
        {200: ("InstallListAnswer",)},
        READ,
        LIST_INSTALLS,
        note=f"Those of the workspace alone. {_SECRETS}",
    ),
    "read_one_install": read_facts(_INSTALLS, "InstallAnswer", note=_SECRETS),
    "install_package": change_facts(
        _INSTALLS,
        "InstallAnswer",
        "InstallBody",
        INSTALL,
        query=("dryRun",),
        note="It is pinned to its version, and its members are integrations like any other. A name that is "
        "taken is a 409 that names it. `dryRun` answers the same and writes nothing. Members whose secrets "
        "stand in an auth config that the installer brings refer to that.",
    ),
    "upgrade_install": change_facts(
        _INSTALLS,
        "UpgradeAnswer",
        "UpgradeBody",
        UPGRADE,
        optional=True,
        query=("dryRun",),
        note="Three sides are merged key by key: the version that is installed, the new one, and what was "
        "changed here since. Where both changed a key, what is here wins, unless `conflicts` says `package`; "
        "each such key is told, with who wins and why. Members that are detached are passed over. Secrets "
        "that were entered stay, and only for where they were sent; what a new member needs is given anew. "
        "Of two at once, one gets a 409.",
    ),
    "roll_back_install": change_facts(
        _INSTALLS,
        "UpgradeAnswer",
        query=("dryRun",),
        note="One upgrade back, once: what it removed comes back as it was.",
    ),
    "remove_install": change_facts(
        _INSTALLS,
        "UpgradeAnswer",
        query=("keep", "dryRun"),
        note="Members that are detached stay. Its `retentionTier` says how long a removed install is still "
        "read by its id.",
    ),
    "list_install_members": read_facts(_INSTALLS, "MemberListAnswer"),
    "detach_member": change_facts(_INSTALLS, "Success", "DetachBody", DETACH),
}
INSTALL_TAGS = [
    {"name": _INSTALLS, "description": "Packages in a workspace, and the integrations their members became."}
]
