"""What the catalogue of packages knows of papers: packages, their versions, and what is installed of them.

Ids sort by creation, times are milliseconds since the epoch, workspaces are named by their slugs.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

PACKAGES, VERSIONS, INSTALLS = "package", "package_version", "package_install"  # kinds of papers


class Release(NamedTuple):
    """A published version, the id of its paper, and when it was published."""

    version: str
    id: str
    at: int = 0


class PackageEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A package; `slug` is unique in its workspace.

    `current` is its newest version. `approved` are those that an operator let be public, the newest last,
    and `listed` says that the public may see these. `by_id`: whoever knows the id sees the newest one.
    """

    id: str
    slug: str
    name: str
    description: str | None
    icon_url: str | None
    publisher: str | None
    trust_tier: str | None
    visibility: str
    current: Release | None
    approved: tuple[Release, ...]
    listed: bool
    by_id: bool
    grants: tuple[str, ...]
    created_by: str
    deleted_at: int | None
    retention_tier: str
    created_at: int
    updated_at: int


class Part(NamedTuple):
    """A member of a version of a package."""

    slug: str
    type: str
    default: bool


class VersionEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A published version of a package."""

    id: str
    package: str
    version: str
    published_by: str
    published_at: int
    parts: tuple[Part, ...]


class Member(NamedTuple):
    """A member of an install: the integration of this name."""

    id: str
    slug: str
    type: str
    name: str
    detached: bool


class InstallEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A package that is installed, pinned to a version; `previous` is the one it can be rolled back to."""

    id: str
    package: str
    version: str
    previous: str | None
    policy: str
    parent: str | None
    installed_by: str
    installed_at: int
    upgraded_at: int | None
    deleted_at: int | None
    retention_tier: str
    members: tuple[Member, ...]


CatalogueEntry = PackageEntry | VersionEntry | InstallEntry
