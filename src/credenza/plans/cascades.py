"""Cascades: that instances have still to follow what something they are made of has become.

One is kept together with that change and removed once all of them have followed, so that what was
interrupted is known, and is gone on with.
"""

from __future__ import annotations

import msgspec

from credenza.model import Card, Keep, Paper
from credenza.plans.identifiers import new_id

KIND, PENDING = "cascade", "pending"


class Cascade(msgspec.Struct, frozen=True):
    """Which instances: those that are linked to a target by a relation; no two have the same `token`."""

    relation: str
    target: str
    token: str


_read = msgspec.json.Decoder(Cascade).decode
_encode = msgspec.json.encode


def read_cascade(paper: Paper) -> Cascade:
    """Return the cascade of a paper."""
    return _read(paper.body)


def name_cascade(relation: str, target: str) -> str:
    """Return the slug of the paper of a cascade; there is one at most for each target."""
    return f"{relation}.{target}"


def keep_cascade(relation: str, target: str, at: int) -> Keep:
    """Return the change that begins a cascade, again where one has begun."""
    slug = name_cascade(relation, target)
    card = Card(kind=KIND, id=slug, status=PENDING, name=slug, description=None, created_at=at, updated_at=at)
    body = _encode(Cascade(relation, target, new_id("csc", at)))
    return Keep(kind=KIND, slug=slug, body=body, cards=(card,))


def end_cascade(relation: str, target: str) -> Keep:
    """Return the change that says that all have followed."""
    return Keep(kind=KIND, slug=name_cascade(relation, target), body=None)
