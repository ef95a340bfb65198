"""What one thing shows of another that it refers to: a deployment, a config, credentials.

Their papers say more, each in its own way; these fields they all have.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from credenza.model import Change, Keep, Paper
from credenza.plans.reading import Reader

ACTIVE, ARCHIVED = "active", "archived"


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """The fields that all of them have; times are milliseconds.

    `deployment_id` is what one is locked to, `owner_id` the provider of an instance that has it to itself,
    `bound_id` the config that its secrets are sealed for.
    """

    id: str = ""
    status: str
    provider_id: str
    name: str | None = None
    description: str | None = None
    metadata: dict[str, Any] | None = None
    is_default: bool = False
    deployment_id: str | None = None
    owner_id: str | None = None
    bound_id: str | None = None
    scopes: list[str] | None = None
    created_at: int
    updated_at: int


_read = msgspec.json.Decoder(Preview).decode


def read_preview(paper: Paper) -> Preview:
    """Return what a paper says of the fields that all have."""
    return msgspec.structs.replace(_read(paper.body), id=paper.slug)


def preview_kept(changes: Sequence[Change], kind: str) -> dict[str, Preview]:
    """Return what papers of a kind will say once changes are made, by id."""
    kept = [each for each in changes if isinstance(each, Keep) and each.kind == kind and each.body]
    return {each.slug: msgspec.structs.replace(_read(each.body or b""), id=each.slug) for each in kept}


def find_previews(reader: Reader, kind: str, ids: Sequence[str | None]) -> dict[str, Preview]:
    """Return what these ids name, by id; those that are not there are missing."""
    wanted = sorted({each for each in ids if each is not None})
    return {slug: read_preview(paper) for slug, paper in reader.papers(kind, wanted).items()}
