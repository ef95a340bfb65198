"""Published versions: what is snapshot in one, in what order they come, and how two of them differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec
import semver

from credenza.connectors import Catalogue
from credenza.errors import Clash, Invalid, Problem
from credenza.model import Keep, Paper, Part, Release, VersionEntry
from credenza.model.entries import VERSIONS
from credenza.plans.fields import refuse
from credenza.plans.identifiers import new_id
from credenza.plans.packages.checking import check_package
from credenza.plans.packages.manifest import AuthPart, Manifest, MemberPart
from credenza.plans.packages.packages import MAX_VERSIONS, PENDING, PUBLIC, Package
from credenza.plans.packages.variables import read_variables

MAX_CHANGELOG = 20_000  # characters
_MAX_VERSION = 64


class TypePin(msgspec.Struct, frozen=True):
    """The version of its connector type that a member was published against, and the hash of that."""

    type: str
    version: int
    digest: str


class PackageVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version as it was published; it never changes. `pins` are by the slugs of its members."""

    id: str
    package: str
    version: str
    manifest: Manifest
    variables_schema: dict[str, Any] | None
    auth_config: AuthPart | None
    pins: dict[str, TypePin]
    changelog: str | None
    published_by: str
    published_at: int


class Contents(Protocol):
    """What a version, a draft or a package in a file holds."""

    @property
    def manifest(self) -> Manifest:
        """Return its members."""

    @property
    def variables_schema(self) -> Mapping[str, Any] | None:
        """Return what an installer fills in."""

    @property
    def auth_config(self) -> AuthPart | None:
        """Return what an installer brings."""


class PublishBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which version a draft becomes; its number goes up by the rules of Semantic Versioning 2.0.0."""

    version: str
    changelog: str | None = None


class Difference(NamedTuple):
    """What became of a member, or of what a package asks for: a word, and the keys that changed."""

    member: str
    change: str
    keys: tuple[str, ...] = ()


_read = msgspec.json.Decoder(PackageVersion).decode
_encode = msgspec.json.encode


def read_version(paper: Paper) -> PackageVersion:
    """Return the version of a paper."""
    return _read(paper.body)


def publish(
    package: Package, latest: PackageVersion | None, body: PublishBody, types: Catalogue, *, by: str, at: int
) -> tuple[Package, PackageVersion]:
    """Return a package with one more version, and that; `latest` is the one before.

    Raises:
        Invalid: the version is not one, or the package is not complete; with all that is wrong.
        Clash: `version_exists` or `version_not_newer`.
    """
    number = _read_number(body.version)
    _require_newer(package, body.version, number)
    _, problems = check_package(
        package.manifest, package.variables_schema, package.auth_config, types, complete=True
    )
    problems += [*_check_types_stay(package.manifest, latest), *_check_bindings_stay(package, latest)]
    if problems:
        raise Invalid("This integration cannot be published, for the reasons listed.", problems=problems)
    if len(body.changelog or "") > MAX_CHANGELOG:
        refuse("/changelog", f"A changelog has at most {MAX_CHANGELOG:,} characters.", "maxLength")
    made = PackageVersion(
        id=new_id("inv", at),
        package=package.id,
        version=body.version,
        manifest=package.manifest,
        variables_schema=package.variables_schema,
        auth_config=package.auth_config,
        pins={member.slug: _pin(member, types) for member in package.manifest.members},
        changelog=body.changelog or None,
        published_by=by,
        published_at=at,
    )
    after = msgspec.structs.replace(
        package,
        releases=(*package.releases, Release(made.version, made.id, at)),
        review=PENDING if package.visibility == PUBLIC else package.review,
        updated_at=at,
    )
    return after, made


def keep_version(version: PackageVersion) -> Keep:
    """Return the change that saves a new version."""
    parts = tuple(
        Part(member.slug, member.integration.type, member.default) for member in version.manifest.members
    )
    entry = VersionEntry(
        id=version.id,
        package=version.package,
        version=version.version,
        published_by=version.published_by,
        published_at=version.published_at,
        parts=parts,
    )
    return Keep(kind=VERSIONS, slug=version.id, body=_encode(version), entry=entry)


def compare(before: Contents, after: Contents) -> list[Difference]:
    """Return how two versions or drafts differ, member by member, by words and keys: never a value."""
    old, new = ({member.slug: member for member in each.manifest.members} for each in (before, after))
    found = [Difference(slug, "removed") for slug in old if slug not in new]
    found += [Difference(slug, "added") for slug in new if slug not in old]
    for slug, member in new.items():
        if slug in old:
            keys = _list_changes(_spread(old[slug]), _spread(member))
            if keys:
                found.append(Difference(slug, "changed", keys))
    variables = _list_changes(*(_list_variables(each.variables_schema or {}) for each in (before, after)))
    if variables:
        found.append(Difference("", "variables", variables))
    if before.auth_config != after.auth_config:
        found.append(Difference("", "authConfig"))
    return found


def is_newer(one: str, other: str) -> bool:
    """Tell whether a version comes after another."""
    return _read_number(one) > _read_number(other)


def _spread(member: MemberPart) -> dict[str, object]:
    """Return what a member says, key by key."""
    said = msgspec.to_builtins(member.integration)
    spread: dict[str, object] = {
        f"configuration.{key}": value for key, value in said.pop("configuration", {}).items()
    }
    spread |= {f"apis.{api['api']}": api for api in said.pop("apis", ())}
    return {**said, **spread, "default": member.default, "dependsOn": member.dependsOn}


def _list_variables(schema: Mapping[str, Any]) -> dict[str, object]:
    """Return what is said of each variable: its own schema, and whether it must be given."""
    needed = schema.get("required", ())
    return {name: (rules, name in needed) for name, rules in schema.get("properties", {}).items()}


def _list_changes(old: Mapping[str, object], new: Mapping[str, object]) -> tuple[str, ...]:
    gone = [f"-{key}" for key in old if key not in new]
    added = [f"+{key}" for key in new if key not in old]
    return (*gone, *added, *(key for key in new if key in old and old[key] != new[key]))


def _pin(member: MemberPart, types: Catalogue) -> TypePin:
    kind = types[member.integration.type]
    return TypePin(kind.name, kind.version, kind.digest.hex())


def _check_types_stay(manifest: Manifest, latest: PackageVersion | None) -> Sequence[Problem]:
    """Return the members that would become of another type, which no integration ever does."""
    if latest is None:
        return []
    known = {member.slug: member.integration.type for member in latest.manifest.members}
    message = "The version before has this member with another type, and types never change: rename it."
    return [
        Problem(
            "type_immutable", message, f"/manifest/members/{at}/integration/type", "const", name=each.slug
        )
        for at, each in enumerate(manifest.members)
        if known.get(each.slug, each.integration.type) != each.integration.type
    ]


def _check_bindings_stay(package: Package, latest: PackageVersion | None) -> Iterator[Problem]:
    """Return what was secret and would be shown, and the members whose secrets would stand elsewhere."""
    if latest is None:
        return
    was, becomes = (read_variables(each.variables_schema)[0] for each in (latest, package))
    for name in becomes.names:
        if name in was.secrets and name not in becomes.secrets:
            message = "The version before takes this as a secret, and installers gave it as one: rename it."
            place = f"/variablesSchema/properties/{name}/format"
            yield Problem("secret_in_clear", message, place, "format")
    for at, member in enumerate(package.manifest.members):
        before = latest.manifest.find(member.slug)
        sides = ((latest.auth_config, before), (package.auth_config, member))
        brought = [auth is not None and each is not None and auth.covers(each) for auth, each in sides]
        if before is not None and brought[0] != brought[1]:
            message = "The version before has the secrets of this member elsewhere: rename it."
            place = f"/manifest/members/{at}/slug"
            yield Problem("binding_immutable", message, place, "authConfig", name=member.slug)


def _require_newer(package: Package, version: str, number: semver.Version) -> None:
    if any(release.version == version for release in package.releases):
        raise Clash("This version is published already.", code="version_exists")
    if package.current is not None and number <= _read_number(package.current.version):
        raise Clash(
            f"Versions only go up, and {package.current.version} is published.", code="version_not_newer"
        )
    if len(package.releases) >= MAX_VERSIONS:
        raise Clash(f"A package has at most {MAX_VERSIONS:,} versions.", code="too_many")


def _read_number(text: str) -> semver.Version:
    try:
        # No text is parsed that is longer: what is behind its end would be taken unseen.
        return semver.Version.parse(text if len(text) <= _MAX_VERSION else "")
    except ValueError:
        message = (
            "A version is three numbers, like 1.4.0, as Semantic Versioning 2.0.0 writes it, in at most "
            f"{_MAX_VERSION} characters."
        )
        refuse("/version", message, "pattern", code="invalid_version")
