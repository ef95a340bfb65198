"""What `credenza doctor` says of keys: when they are to be replaced, and what cannot be opened with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from typing import NamedTuple

from credenza.cli.output import count
from credenza.errors import CredenzaError
from credenza.model import Tenant, locate
from credenza.rotation import look
from credenza.rotation.rewrapping import count_rows
from credenza.settings import Credenza
from credenza.workspace import milliseconds
from credenza.workspace.openings import find_closed

OK, WARNING, WRONG = "ok", "warning", "wrong"


class Check(NamedTuple):
    """One thing that was looked at."""

    state: str
    subject: str
    finding: str


class Unreadable(NamedTuple):
    """One stored secret that cannot be opened: where it is, and why; `current`: it is not history only."""

    workspace: str
    name: str
    pointer: str
    version: int
    current: bool
    message: str


def check_next_key(credenza: Credenza) -> Iterator[Check]:
    """Say whether the vault is being given another key, or rings have one that is not its own."""
    following, own = credenza.store.next_vault(), credenza.vault.meta.kek_id
    if following is not None:
        left = sum(rows for _, rows in count_rows(credenza.store, following.kek_id))
        told = f"The key {following.kek_id} was prepared, and {count(left, 'key')} of workspaces are not yet"
        yield Check(WARNING, "vault", f"{told} wrapped with it: finish with `credenza vault rewrap`.")
        return
    other = sum(rows for _, rows in count_rows(credenza.store, own))
    if other:
        told = f"{count(other, 'key')} of workspaces {'is' if other == 1 else 'are'} wrapped with another key"
        yield Check(
            WARNING, "vault", f"{told}: `credenza vault rewrap` with both keys at hand wraps them anew."
        )


def check_ring(credenza: Credenza, tenant: Tenant, subject: str) -> Iterator[Check]:
    """Say when a workspace is to have a new term."""
    told = [*look(credenza.store, tenant).warnings(milliseconds())]
    yield from (Check(WARNING, f"{subject}: keys", sentence) for sentence in told)


def list_closed(credenza: Credenza) -> Iterator[Unreadable]:
    """Give every stored secret that cannot be opened, as far as the store can be read."""
    with suppress(CredenzaError):
        for tenant in credenza.accounts.workspaces():
            for row, why in find_closed(credenza.store, credenza.vault, tenant):
                pointer = locate(row.secret.path)
                yield Unreadable(tenant.slug, row.name, pointer, row.secret.version, row.current, why)


def describe_closed(closed: Sequence[Unreadable]) -> Iterator[Check]:
    """Say the same a line for each key of an integration, with its versions."""
    ordered = sorted(closed, key=lambda each: (each[:3], each.message, each.version))
    for (workspace, name, pointer, why), same in groupby(ordered, lambda each: (*each[:3], each.message)):
        some = [*same]
        versions = ", ".join(f"{each.version}{'' if each.current else ' (history)'}" for each in some)
        subject = f"workspace {workspace}: {name} {pointer}"
        yield Check(WRONG, subject, f"Version {versions} cannot be opened: {why}")
