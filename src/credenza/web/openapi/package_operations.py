"""What is said of the calls about packages: drafts, versions, and who sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from credenza.model import Permission
from credenza.web.openapi.facts import BODY, READ, READ_ONE, Facts
from credenza.web.openapi.package_examples import PACKAGE, PUBLISH, REVIEW, VISIBILITY
from credenza.web.openapi.package_parameters import LIST_PACKAGES

_PACKAGES, _VERSIONS, _SHARING = "Packages", "Versions of packages", "Sharing of packages"
_PATH = {"integration_id": "package_id", "version": "package_version"}
_CHANGE = (400, 401, 403, 404, 409, 410, 500, 503, 507)
_BRING_BACK = tuple(status for status in _CHANGE if status != 410)  # noqa: PLR2004  # a status
_SEEN = (
    "Its own workspace sees the draft; another one sees what was published: the newest version, or, of a "
    "public package that is not granted to it, the newest one that an operator approved."
)


def read_facts(tag: str, answer: str, *query: str, operated: bool = False, note: str = "") -> Facts:
    """Return what is said of reading one thing of this surface; operators may read what is `operated`."""
    return Facts(
        tag,
        {200: (answer,)},
        READ_ONE,
        query,
        needs=None if operated else Permission.READ,
        path=_PATH,
        note=note,
    )


def change_facts(
    tag: str,
    answer: str,
    body: str | None = None,
    examples: Mapping[str, Any] | None = None,
    *,
    query: tuple[str, ...] = (),
    errors: tuple[int, ...] = _CHANGE,
    needs: Permission = Permission.WRITE,
    **more: Any,  # noqa: ANN401  # whatever else facts have
) -> Facts:
    """Return what is said of making or changing something of this surface."""
    return Facts(
        tag,
        {200: (answer,)},
        (*errors, *(BODY if body else ())),
        query,
        body=body,
        examples=examples or {},
        needs=needs,
        path=_PATH,
        **more,
    )


PACKAGES: dict[str, Facts] = {
    "list_integration_packages": Facts(
        _PACKAGES,
        {200: ("PackageListAnswer",)},
        READ,
        LIST_PACKAGES,
        needs=None,
        note="Without a slash at the end of the path. Listed are the packages of the workspace, those that "
        "are granted to it, and those that are public in a version that was reviewed; an operator sees those "
        f"that ask to be public as well. {_SEEN}",
    ),
    "read_package": read_facts(
        _PACKAGES,
        "PackageAnswer",
        operated=True,
        note=f"{_SEEN} One that is unlisted is read by whoever has its id.",
    ),
    "update_integration_package": change_facts(
        _PACKAGES,
        "PackageAnswer",
        "PackageUpdate",
        PACKAGE,
        operated=True,
        note="What is left out stays; what was published stays as it is. An operator changes the `trustTier` "
        "of a package that asks to be public, and nothing else; above `verified_publisher` that is for an "
        "operator alone.",
    ),
    "delete_integration_package": change_facts(
        _PACKAGES, "Success", note="Installs are pinned to a version, and are not touched."
    ),
    "restore_integration_package": change_facts(_PACKAGES, "PackageAnswer", errors=_BRING_BACK),
    "purge_integration_package": change_facts(
        _PACKAGES,
        "Success",
        errors=_BRING_BACK,
        needs=Permission.ADMINISTER,
        note="With all its versions. Its `retentionTier` says how long after it was deleted that is refused: "
        "`short` 7 days, `medium` 30, `long` 365, `none` not at all.",
    ),
    "publish_package": change_facts(
        _VERSIONS,
        "VersionAnswer",
        "PublishBody",
        PUBLISH,
        note="A snapshot of manifest, variables, auth config and the versions of the types of its members. "
        "What is published must be complete, and numbers only go up. A version of a public package waits "
        "for its review, and until then the one before is seen.",
    ),
    "list_package_versions": read_facts(
        _VERSIONS,
        "VersionListAnswer",
        "versions-limit",
        "versions-before",
        operated=True,
        note="Those that the workspace may install.",
    ),
    "read_package_version": Facts(
        _VERSIONS,
        {200: ("VersionAnswer", "PackageDifference")},
        READ_ONE,
        ("against-version",),
        needs=None,
        path=_PATH,
    ),
    "preview_members": read_facts(_VERSIONS, "PreviewListAnswer", "integrationVersionId", operated=True),
    "set_visibility": change_facts(
        _SHARING,
        "PackageAnswer",
        "VisibilityBody",
        VISIBILITY,
        needs=Permission.ADMINISTER,
        note="`private`: its workspace, and those it is granted to. `unlisted`: whoever has its id as well. "
        "`public`: everybody, and in lists, once an operator has approved a version. What is installed goes "
        "on working either way.",
    ),
    "list_grants": read_facts(_SHARING, "GrantListAnswer"),
    "read_grant": read_facts(_SHARING, "Success"),
    "add_grant": change_facts(_SHARING, "Success", needs=Permission.ADMINISTER),
    "remove_grant": change_facts(_SHARING, "Success", needs=Permission.ADMINISTER),
    "review_integration_package": change_facts(
        _SHARING,
        "PackageAnswer",
        "ReviewBody",
        REVIEW,
        needs=Permission.OPERATE,
        note="A review is of one version: the next one waits for its own. What was approved can be rejected "
        "later, and is then seen no more.",
    ),
}
PACKAGE_TAGS = [
    {
        "name": _PACKAGES,
        "description": "Connectors that belong together, made once, for other workspaces to install. At "
        "`/api/integrations`, packages are what has an id and what is sent as an object.",
    },
    {"name": _VERSIONS, "description": "What was published of a package, which never changes."},
    {"name": _SHARING, "description": "Who sees a package."},
]
