"""Packages: what their papers hold, who may see them, and the rules of changing and removing one.

A draft is changed at will by its own workspace; others see what was published. A public package is listed
for everybody once an operator has approved a version of it, and then in that version; under another name or
publisher it is reviewed again.
"""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from credenza.errors import Clash, Gone, NotFound
from credenza.model import Keep, PackageEntry, Paper, Release
from credenza.model.entries import PACKAGES, VERSIONS
from credenza.model.questions import EQUAL, PACKAGE, Comparison, Every, Key, Question
from credenza.plans.fields import keep, read_description, read_name, refuse
from credenza.plans.identifiers import new_id
from credenza.plans.packages.manifest import SLUG_RULE, AuthPart, Manifest, is_slug
from credenza.plans.packages.reading import Library

PRIVATE, UNLISTED, PUBLIC = VISIBILITIES = ("private", "unlisted", "public")
TIERS = ("first_party", "vendor_official", "verified_partner", "verified_publisher")
_OWN_TIER = TIERS[-1]
DAY = 86_400_000  # milliseconds
RETENTION = {"short": 7 * DAY, "medium": 30 * DAY, "long": 365 * DAY, "none": 0}
MAX_GRANTS, MAX_VERSIONS = 1_000, 1_000
MAX_URL, MAX_PUBLISHER = 2_048, 128
NONE, PENDING, APPROVED, REJECTED = "none", "pending", "approved", "rejected"
Tier = Literal["first_party", "vendor_official", "verified_partner", "verified_publisher"]
Retention = Literal["short", "medium", "long", "none"]
Given = msgspec.UnsetType


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """A package; times are milliseconds since the epoch.

    `releases` are its versions, the newest last, `approved` those that the public may see; `review` says how
    far the newest one has come there. `grants` are workspaces that see it whatever its visibility.
    """

    id: str
    slug: str
    name: str
    description: str | None
    icon_url: str | None
    publisher: str | None
    trust_tier: str
    visibility: str = PRIVATE
    manifest: Manifest = Manifest()
    variables_schema: dict[str, Any] | None = None
    auth_config: AuthPart | None = None
    releases: tuple[Release, ...] = ()
    approved: tuple[Release, ...] = ()
    review: str = NONE
    grants: tuple[str, ...] = ()
    created_by: str
    created_at: int
    updated_at: int
    deleted_at: int | None = None
    retention_tier: str = "medium"

    @property
    def current(self) -> Release | None:
        """Return the newest version; None: nothing was published yet."""
        return self.releases[-1] if self.releases else None


class PackageBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A package to make, as a draft."""

    workspaceId: str  # noqa: N815
    slug: str
    name: str
    description: str | None = None
    iconUrl: str | None = None  # noqa: N815
    publisher: str | None = None
    trustTier: Tier | None = None  # noqa: N815
    manifest: Manifest | None = None
    variablesSchema: dict[str, Any] | None = None  # noqa: N815
    authConfig: AuthPart | None = None  # noqa: N815
    retentionTier: Retention | None = None  # noqa: N815


class PackageUpdate(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What to change of a draft; what is left out stays, null empties."""

    name: str | Given = msgspec.UNSET
    description: str | Given | None = msgspec.UNSET
    iconUrl: str | Given | None = msgspec.UNSET  # noqa: N815
    publisher: str | Given | None = msgspec.UNSET
    trustTier: Tier | Given = msgspec.UNSET  # noqa: N815
    manifest: Manifest | Given | None = msgspec.UNSET
    variablesSchema: dict[str, Any] | Given | None = msgspec.UNSET  # noqa: N815
    authConfig: AuthPart | Given | None = msgspec.UNSET  # noqa: N815
    retentionTier: Retention | Given = msgspec.UNSET  # noqa: N815


_read = msgspec.json.Decoder(Package).decode
_encode = msgspec.json.encode


def read_package(paper: Paper) -> Package:
    """Return the package of a paper."""
    return _read(paper.body)


def find_own(library: Library, wanted: str, *, deleted: bool = False) -> Package:
    """Return a package of this workspace; raises NotFound, or Gone where it is deleted."""
    paper = library.paper(PACKAGES, wanted)
    if paper is None:
        raise missing_package()
    package = read_package(paper)
    if package.deleted_at is not None and not deleted:
        raise Gone("This integration is deleted; restore it first.")
    return package


def missing_package() -> NotFound:
    """Return the error for a package that is not there, or not for this workspace."""
    return NotFound("There is no integration of this id.")


def create_package(library: Library, body: PackageBody, workspace: str, by: str, at: int) -> Package:
    """Return a new draft; what its manifest says is checked elsewhere.

    Raises:
        NotFound: the workspace is not this one.
        Invalid, Clash: with what is wrong.
    """
    if body.workspaceId != workspace:
        raise NotFound("There is no workspace of this id.")
    made = draft_package(body, workspace, by, at)
    _require_free(library, workspace, body.slug)
    return made


def draft_package(body: PackageBody, workspace: str, by: str, at: int) -> Package:
    """Return the draft that a body describes, wherever it is to be; raises Invalid."""
    if is_slug(body.slug) is None:
        refuse("/slug", f"A slug is {SLUG_RULE}.", "pattern", code="invalid_slug")
    return Package(
        id=new_id("int", at),
        slug=body.slug,
        name=read_name(body.name),
        description=read_description(body.description),
        icon_url=_read_url(body.iconUrl),
        publisher=_read_publisher(body.publisher) or workspace,
        trust_tier=body.trustTier or _OWN_TIER,
        manifest=body.manifest or Manifest(),
        variables_schema=body.variablesSchema,
        auth_config=body.authConfig,
        created_by=by,
        created_at=at,
        updated_at=at,
        retention_tier=body.retentionTier or "medium",
    )


def update_package(package: Package, body: PackageUpdate, at: int) -> Package:
    """Return a draft with what is given changed; the same one where that changes nothing. Raises Invalid."""
    manifest = keep(body.manifest, package.manifest)
    changed = msgspec.structs.replace(
        package,
        name=package.name if isinstance(body.name, Given) else read_name(body.name),
        description=read_description(keep(body.description, package.description)),
        icon_url=_read_url(keep(body.iconUrl, package.icon_url)),
        publisher=_read_publisher(keep(body.publisher, package.publisher)),
        trust_tier=keep(body.trustTier, package.trust_tier),
        manifest=Manifest() if manifest is None else manifest,
        variables_schema=keep(body.variablesSchema, package.variables_schema),
        auth_config=keep(body.authConfig, package.auth_config),
        retention_tier=keep(body.retentionTier, package.retention_tier),
    )
    if changed == package:
        return package
    return msgspec.structs.replace(_ask_again(package, changed), updated_at=at)


def _ask_again(package: Package, changed: Package) -> Package:
    """Return a package whose face has changed without what was said of the other one: reviews, and trust."""
    face = ("name", "description", "icon_url", "publisher")
    if all(getattr(package, field) == getattr(changed, field) for field in face):
        return changed
    review = PENDING if package.visibility == PUBLIC and package.current is not None else changed.review
    tier = changed.trust_tier if changed.trust_tier != package.trust_tier else _OWN_TIER
    return msgspec.structs.replace(changed, approved=(), review=review, trust_tier=tier)


def needs_operator(tier: str | Given | None) -> bool:
    """Tell whether a trust tier is for operators to give."""
    return isinstance(tier, str) and tier != _OWN_TIER


def change_visibility(package: Package, visibility: str, at: int) -> Package:
    """Return a package seen by others from now on; what becomes public waits for a review."""
    if visibility == package.visibility:
        return package
    review = package.review
    if visibility == PUBLIC and package.current is not None and package.current not in package.approved:
        review = PENDING
    return msgspec.structs.replace(package, visibility=visibility, review=review, updated_at=at)


def change_grant(package: Package, workspace: str, at: int, *, granted: bool) -> Package:
    """Return a package that one workspace sees, or sees no longer; raises Invalid."""
    grants = {*package.grants, workspace} if granted else {*package.grants} - {workspace}
    if len(grants) > MAX_GRANTS:
        refuse("", f"A package is granted to at most {MAX_GRANTS:,} workspaces.", "maxItems")
    if grants == {*package.grants}:
        return package
    return msgspec.structs.replace(package, grants=tuple(sorted(grants)), updated_at=at)


def review_package(package: Package, release: Release, at: int, *, approve: bool) -> Package:
    """Return a package after an operator's review of a version.

    Raises:
        Clash: it does not ask to be public, or has no such version.
    """
    if package.visibility != PUBLIC:
        raise Clash("This integration does not ask to be public.", code="not_public")
    rest = tuple(each for each in package.approved if each != release)
    approved = tuple(each for each in package.releases if each in {*rest, release}) if approve else rest
    newest = release == package.current
    verdict = APPROVED if approve else REJECTED
    return msgspec.structs.replace(
        package, approved=approved, review=verdict if newest else package.review, updated_at=at
    )


def delete_package(package: Package, at: int) -> Package:
    """Return a package that nobody installs any longer; what is installed of it goes on working."""
    return msgspec.structs.replace(package, deleted_at=at, updated_at=at)


def restore_package(package: Package, at: int) -> Package:
    """Return a package that is there again."""
    return msgspec.structs.replace(package, deleted_at=None, updated_at=at)


def purge_package(library: Library, package: Package, at: int) -> list[Keep]:
    """Return the changes that remove a package with all its versions.

    Raises:
        Clash: it is not deleted, is installed somewhere, or its retention is not over.
    """
    if package.deleted_at is None:
        raise Clash("Delete this integration first.", code="not_deleted")
    if library.is_installed(package.id):
        raise Clash("This integration is still installed.", code="still_installed")
    if at < package.deleted_at + RETENTION[package.retention_tier]:
        days = RETENTION[package.retention_tier] // DAY
        raise Clash(
            f"This integration is retained for {days} days after it was deleted: its retention tier is "
            f"{package.retention_tier}.",
            code="still_retained",
        )
    versions = [Keep(kind=VERSIONS, slug=release.id, body=None) for release in package.releases]
    library.papers(VERSIONS, [release.id for release in package.releases])
    return [*versions, Keep(kind=PACKAGES, slug=package.id, body=None)]


def keep_package(package: Package) -> Keep:
    """Return the change that saves a package."""
    shown = package.deleted_at is None and package.current is not None
    entry = PackageEntry(
        id=package.id,
        slug=package.slug,
        name=package.name,
        description=package.description,
        icon_url=package.icon_url,
        publisher=package.publisher,
        trust_tier=package.trust_tier,
        visibility=package.visibility,
        current=package.current,
        approved=package.approved,
        listed=shown and package.visibility == PUBLIC and bool(package.approved),
        by_id=shown and package.visibility == UNLISTED,
        grants=package.grants,
        created_by=package.created_by,
        deleted_at=package.deleted_at,
        retention_tier=package.retention_tier,
        created_at=package.created_at,
        updated_at=package.updated_at,
    )
    return Keep(kind=PACKAGES, slug=package.id, body=_encode(package), entry=entry)


def _require_free(library: Library, workspace: str, slug: str) -> None:
    where = (Comparison("slug", EQUAL, slug), Comparison("workspaceId", EQUAL, workspace))
    found = library.ask(Question(entity=PACKAGE, keys=(Key("id"),), limit=1, where=Every(where), count=1))
    if found.rows:
        raise Clash("A package of this workspace has this slug, or had it and is deleted.", code="slug_taken")


def _read_url(text: str | None) -> str | None:
    if not text:
        return None
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme != "https" or not parts.hostname or "@" in parts.netloc or len(text) > MAX_URL:
        refuse("/iconUrl", "An icon has a plain https address without a user name.", "format")
    return text


def _read_publisher(text: str | None) -> str | None:
    publisher = (text or "").strip()
    if len(publisher) > MAX_PUBLISHER or not publisher.isprintable():
        refuse("/publisher", f"A publisher has at most {MAX_PUBLISHER} characters.", "maxLength")
    return publisher or None
