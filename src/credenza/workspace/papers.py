"""Planning what becomes of a paper, a surface's own document: who may keep it, and over which version."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from credenza import access
from credenza.connectors.halves import HALVES, name_half
from credenza.errors import CredenzaError, Problem
from credenza.model import Actor, Expect, ExpectPage, Item, Keep, Paper, Permission, Rely, Tenant
from credenza.model.entries import PACKAGES
from credenza.plans.origins import KIND as ORIGINS
from credenza.ports import Sheet, Tx
from credenza.vault import Ring
from credenza.workspace.admission import FORBIDDEN, MISSING, STALE, TYPE_IN_USE

TYPE = "type"
_NEEDS: Mapping[str, Permission] = {TYPE: Permission.ADMINISTER, ORIGINS: Permission.ADMINISTER}
_encode = msgspec.json.encode
MOST, MOST_BYTES = 200, 2 << 20  # of one kind in a workspace
_EARLIER = Problem(
    "type_outdated",
    "This type is registered in a later version: its `x-version` never goes back.",
    "/x-version",
    "minimum",
)
_TOO_MANY = Problem(
    "too_many",
    f"A workspace has at most {MOST} of these, of {MOST_BYTES >> 20} MiB together.",
    "",
    "maxItems",
)


def plan_paper(keep: Keep, tx: Tx, actor: Actor, ring: Ring, at: int) -> tuple[Item, Sheet | None] | Problem:  # noqa: PLR0911
    """Return what becomes of a paper and what to write (None: nothing), or why it may not."""
    if not _may_keep(actor, keep.kind):
        return FORBIDDEN
    before = tx.papers(keep.kind, [keep.slug]).get(keep.slug)
    version = before.version if before else 0
    if keep.expected_version is not None and keep.expected_version != version:
        return STALE
    # One that was changed behind the program's back holds nobody: keeping it again mends it.
    if before is not None and is_genuine(actor.tenant, before, ring):
        if keep.body == before.body:
            return Item(keep.slug, "unchanged", version), None
        if keep.kind == TYPE and _is_used(tx, keep.slug):
            return TYPE_IN_USE
        if keep.kind == TYPE and keep.body is not None and _version(keep.body) < _version(before.body):
            return _EARLIER
    if keep.body is None:
        if keep.kind == PACKAGES and tx.is_installed(keep.slug):
            return STALE  # whoever plans this has looked, and looks again
        return (Item(keep.slug, "deleted", version), Sheet(before, None)) if before else MISSING
    if _is_too_much(tx, keep.kind, keep.slug, keep.body):
        return _TOO_MANY
    after = Paper(
        kind=keep.kind,
        slug=keep.slug,
        version=version + 1,
        created_at=before.created_at if before else at,
        created_by=before.created_by if before else actor.name,
        updated_at=at,
        updated_by=actor.name,
        body=keep.body,
    )
    after = msgspec.structs.replace(after, mac=ring.sign(_signed(actor.tenant, after)))
    result = "updated" if before else "created"
    return Item(keep.slug, result, after.version), Sheet(before, after, keep.cards, keep.entry)


def expect_paper(change: Expect | ExpectPage | Rely, tx: Tx) -> tuple[Item, None] | Problem:
    """Return what was expected to be found, a paper or a page, or that it is not so any longer."""
    if isinstance(change, ExpectPage):
        ids = tuple(place.id for place in tx.cards(change.choice))
        return (Item(change.name, "unchanged"), None) if ids == change.ids else STALE
    if isinstance(change, Rely):
        shared = tx.shared(change.kind, [change.name]).get(change.name)
        return STALE if shared is None else (Item(change.name, "unchanged", shared.paper.version), None)
    found = tx.papers(change.kind or "", [change.name]).get(change.name)
    version = found.version if found else 0
    return STALE if version != change.version else (Item(change.name, "unchanged", version), None)


def _is_used(tx: Tx, type: str) -> bool:
    # What an upgrade put out of sight is of its type still, and may come back.
    owned = [type, *(name_half(type, half) for half in HALVES)]
    return any(tx.page(type=type, limit=1)) or any(
        any(tx.page(type=each, owned=True, limit=1)) for each in owned
    )


class _Versioned(msgspec.Struct, rename={"version": "x-version"}):
    version: int = 1


def _version(schema: bytes) -> int:
    return msgspec.json.decode(schema, type=_Versioned).version


def _is_too_much(tx: Tx, kind: str, slug: str, body: bytes) -> bool:
    if kind != TYPE:
        return len(body) > MOST_BYTES
    kept = {each: len(paper.body) for each, paper in tx.papers(kind).items()}
    kept[slug] = len(body)
    return len(kept) > MOST or sum(kept.values()) > MOST_BYTES


def _may_keep(actor: Actor, kind: str) -> bool:
    # A type is the whole workspace's: who is limited to a part of that has no say in it.
    limited = kind == TYPE and bool(actor.names or actor.tags)
    return not limited and access.allows(actor, _NEEDS.get(kind, Permission.WRITE))


def is_genuine(tenant: Tenant, paper: Paper, ring: Ring) -> bool:
    """Tell whether a paper is as it was kept; one who writes into the store could else undo a schema."""
    try:
        ring.verify(_signed(tenant, paper), paper.mac)
    except CredenzaError:
        return False
    return True


def sign_paper(tenant: Tenant, paper: Paper, ring: Ring) -> Paper:
    """Return a paper signed as it stands, whoever has written it."""
    return msgspec.structs.replace(paper, mac=ring.sign(_signed(tenant, paper)))


def _signed(tenant: Tenant, paper: Paper) -> bytes:
    rest = msgspec.structs.replace(paper, body=b"", mac=b"")
    return b"\0".join((b"credenza.paper.v1", tenant.id.hex().encode(), _encode(rest), paper.body))
