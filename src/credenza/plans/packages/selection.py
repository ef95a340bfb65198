"""Which members of a package an install takes, and in what order: what they depend on comes before them."""

from __future__ import annotations

from collections.abc import Sequence
from graphlib import TopologicalSorter
from typing import Literal

from credenza.errors import Invalid, Problem
from credenza.plans.packages.manifest import Manifest

Policy = Literal["auto_all", "auto_defaults", "manual"]
ALL, DEFAULTS, MANUAL = "auto_all", "auto_defaults", "manual"


def select(manifest: Manifest, policy: str, named: Sequence[str]) -> list[str]:
    """Return the slugs of the members to install; members that these depend on are among them.

    `auto_all` takes all, `auto_defaults` those that are there by default and those that are named, `manual`
    what is named.

    Raises:
        Invalid: a slug that is named is none of a member.
    """
    members = {member.slug: member for member in manifest.members}
    unknown = [place for place, slug in enumerate(named) if slug not in members]
    if unknown:
        message = "There is no member of this slug."
        raise Invalid(
            message,
            code="unknown_member",
            problems=[
                Problem("unknown_member", message, f"/selectedMemberSlugs/{place}", "reference")
                for place in unknown
            ],
        )
    taken = {
        slug for slug, member in members.items() if policy == ALL or (policy == DEFAULTS and member.default)
    }
    waiting = [*taken, *named]
    while waiting:
        slug = waiting.pop()
        taken.add(slug)
        waiting += [each for each in members[slug].dependsOn if each not in taken]
    return [slug for slug in sort(manifest) if slug in taken]


def sort(manifest: Manifest) -> list[str]:
    """Return the slugs of all members, each behind those that it depends on."""
    graph = {member.slug: member.dependsOn for member in manifest.members}
    return [*TopologicalSorter(graph).static_order()]
