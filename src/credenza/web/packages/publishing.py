"""Versions of packages: publishing one, reading them and how they differ, and what an install would make."""

from __future__ import annotations

from typing import TypedDict

from litestar import get, post
from litestar.params import FromPath

from credenza.model import Permission
from credenza.model.entries import VERSIONS
from credenza.plans.packages.packages import find_own
from credenza.plans.packages.variables import read_variables
from credenza.plans.packages.versions import PublishBody, compare, read_version
from credenza.plans.packages.visible import find_version, find_visible
from credenza.web.answers import Answer, answer_json
from credenza.web.asking import AnyRequest, require_writer
from credenza.web.auth import require_actor
from credenza.web.integrations.bodies import Body
from credenza.web.packages.asking import answer_change, by_of, read_shared, viewer_of
from credenza.web.packages.packages import ONE
from credenza.web.packages.shapes import (
    PackageDifference,
    PreviewListAnswer,
    VersionAnswer,
    show_difference,
    show_previews,
    show_version,
)
from credenza.web.paths import segment
from credenza.web.requests import Query, read_body
from credenza.workspace.desk import Desk, Planned
from credenza.workspace.packages import publish_draft

_VERSIONS = f"{ONE}/versions"
_VERSION = f"{_VERSIONS}/{{version:str}}"
_MOST = 20
_publish = Body[PublishBody](PublishBody)


class VersionListAnswer(TypedDict):
    """The versions of a package that the workspace sees, the newest first."""

    data: list[VersionAnswer]
    hasMore: bool


@post(f"{ONE}/publish", before_request=require_actor, status_code=200)
async def publish_package(request: AnyRequest, integration_id: FromPath[str]) -> Answer:
    """Publish what the draft says as a version, which never changes."""
    Query(request)
    await require_writer(request, "package.publish", Permission.WRITE)
    wanted, by = segment(integration_id), by_of(request)
    said = _publish.read(await read_body(request))

    def plan(desk: Desk) -> Planned[VersionAnswer]:
        done = publish_draft(desk, find_own(desk, wanted), said, by)
        return Planned(done.changes, show_version(done.version, own=True))

    return await answer_change(request, "package.publish", plan)


@get(_VERSIONS, before_request=require_actor)
async def list_package_versions(request: AnyRequest, integration_id: FromPath[str]) -> Answer:
    """List some versions of a package, the newest first; `before` one, older ones."""
    query = Query(request, "limit", "before")
    limit = query.number("limit", _MOST, least=1, most=_MOST) or _MOST
    wanted, tenant, before = segment(integration_id), viewer_of(request), query.text("before")

    def job(desk: Desk) -> VersionListAnswer:
        package, _, own, _ = find_visible(desk, tenant, wanted)
        releases = package.releases
        older = releases[: next((at for at, each in enumerate(releases) if before in each), len(releases))]
        asked = [each.id for each in reversed(older)][: limit + 1]
        shared = desk.shared(VERSIONS, asked[:limit])
        read = [read_version(shared[each].paper) for each in asked[:limit] if each in shared]
        return {"data": [show_version(version, own=own) for version in read], "hasMore": len(asked) > limit}

    return answer_json(await read_shared(request, job))


@get(_VERSION, before_request=require_actor)
async def read_package_version(
    request: AnyRequest, integration_id: FromPath[str], version: FromPath[str]
) -> Answer:
    """Return a version, by its id or number; `against` another one, how it differs from that."""
    query = Query(request, "against")
    wanted, named, tenant = segment(integration_id), segment(version), viewer_of(request)
    against = query.text("against")

    def job(desk: Desk) -> VersionAnswer | PackageDifference:
        package, seen, own, _ = find_visible(desk, tenant, wanted)
        found = find_version(desk, package, named, seen)
        if against is None:
            return show_version(found, own=own)
        other = find_version(desk, package, against, seen)
        return show_difference(other.version, found.version, compare(other, found))

    return answer_json(await read_shared(request, job))


@get(f"{ONE}/members", before_request=require_actor)
async def preview_members(request: AnyRequest, integration_id: FromPath[str]) -> Answer:
    """Return the members that an install would make, with the schemas of their types."""
    query = Query(request, "integrationVersionId")
    wanted, tenant = segment(integration_id), viewer_of(request)
    named = query.text("integrationVersionId")

    def job(desk: Desk) -> PreviewListAnswer:
        package, seen, own, _ = find_visible(desk, tenant, wanted)
        # Its own workspace looks at the draft until something is published.
        draft = own and seen is None and named is None
        source = package if draft else find_version(desk, package, named, seen)
        variables, _ = read_variables(source.variables_schema)
        return show_previews(source, source.manifest.members, desk.catalogue, variables)

    return answer_json(await read_shared(request, job))


HANDLERS = [publish_package, list_package_versions, read_package_version, preview_members]
