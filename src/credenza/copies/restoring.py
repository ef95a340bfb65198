"""What is changed in the rows of a backup on their way back: what was revoked stays so, the audit forks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from heapq import merge

import msgspec

from credenza import audit
from credenza.copies.checking import Opened, read_trails
from credenza.copies.copying import Amend
from credenza.copies.manifest import find_table, read_named
from credenza.errors import CredenzaError
from credenza.tables import Row, Snapshot
from credenza.trail import current

_NO_HASH = bytes(32)  # what a store leaves of the hash of a revoked key


def list_revoked(before: Snapshot, backup: Snapshot) -> Mapping[str, int]:
    """Return which API keys in force in a backup are revoked in the store that is there now, and when."""
    revoked = {
        row["id"]: row["revoked_at"]
        for row in read_named(before, "api_keys")
        if row["revoked_at"] is not None
    }
    in_force = {row["id"] for row in read_named(backup, "api_keys") if row["revoked_at"] is None}
    return {key: at for key, at in revoked.items() if key in in_force}


def keep_revoked(revoked: Mapping[str, int]) -> Amend:
    """Return how API keys are changed so that these stay revoked, as a store itself revokes them."""
    table = find_table("api_keys")
    id_, at, digest, mac = table.places("id", "revoked_at", "hash", "mac")

    def amend(rows: Iterator[Row]) -> Iterator[Row]:
        for row in rows:
            if row[id_] not in revoked:
                yield row
                continue
            changed = [*row]
            changed[at], changed[digest], changed[mac] = revoked[row[id_]], _NO_HASH, b""
            yield tuple(changed)

    return amend


def fork_audit(
    backup: Snapshot, opened: Opened, actor: str, at: int, random: Callable[[int], bytes]
) -> tuple[dict[str, Amend], Sequence[str]]:
    """Return how audit rows and heads are changed so that every trail goes on in a stream of its own.

    Trails that do not end where their heads say go on as they are; they are returned in sentences.
    """
    rows: list[Row] = []
    heads: dict[tuple[int, str], Row] = {}
    findings = []
    for tenant, found in read_trails(backup, opened.tenants):
        head = current(found)
        if head is None:
            continue
        try:
            pairs = audit.fork(
                tenant, head, opened.vault.ring(tenant.id), actor=actor, at=at, mark=random(4).hex()
            )
        except CredenzaError as error:
            findings.append(f"Audit of the workspace {tenant.slug}: {error.message}")
            continue
        for entry, end in pairs:
            rows.append((tenant.row, *msgspec.structs.astuple(entry)))
            heads[tenant.row, end.stream] = (tenant.row, *msgspec.structs.astuple(end))
    changes = {
        "audit": lambda given: merge(given, sorted(rows, key=_place), key=_place),
        "audit_heads": lambda given: _replace(given, heads),
    }
    return changes, findings


def _place(row: Row) -> tuple[int, str, int]:
    return row[0], row[1], row[2]


def _replace(given: Iterator[Row], heads: dict[tuple[int, str], Row]) -> Iterator[Row]:
    """Give heads in order, those of `heads` in place of what they were."""
    kept = {(row[0], row[1]): row for row in given}
    yield from (row for _, row in sorted((kept | heads).items()))


def tell_shredded(before: Snapshot, backup: Snapshot) -> list[str]:
    """Say which workspaces of a backup were shredded since, in the store that it takes the place of."""
    shredded = {row["uuid"]: row["slug"] for row in read_named(before, "shredded")}
    back = [row["slug"] for row in read_named(backup, "workspaces") if row["uuid"] in shredded]
    return [f"The workspace {slug} was shredded since, and is back: shred it again." for slug in back]
