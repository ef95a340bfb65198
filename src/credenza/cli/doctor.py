"""`credenza doctor`: what is right and what is wrong with a store, its vault, secrets and audit."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable
from urllib.parse import quote

import rich_click as click

from credenza.cli.audit import list_breaks
from credenza.cli.diagnosis import (
    OK,
    WARNING,
    WRONG,
    Check,
    check_next_key,
    check_ring,
    describe_closed,
    list_closed,
)
from credenza.cli.escrow_warning import warn_of_escrow
from credenza.cli.failures import REFUSED
from credenza.cli.init import describe_key
from credenza.cli.output import count, wants_json, write_json, write_table
from credenza.cli.session import json_option, name_user, opened, store_options
from credenza.errors import CredenzaError
from credenza.model import Actor, Role, Tenant
from credenza.settings import Credenza
from credenza.workspace.survey import Survey, survey

# Before it, two connections that restart the WAL at once could lose a commit (fixed 2026-03-13).
_SOUND_SQLITE = (3, 51, 3)
_OLD_SQLITE = (
    "where a fault in restarting the WAL was mended. Here only one process at a time restarts it; a Python"
    " with a newer SQLite is better all the same"
)
_FACTS = ("journal_mode", "page_size", "page_count", "freelist_count", "user_version")


@runtime_checkable
class _InFile(Protocol):
    @property
    def path(self) -> Path:
        """Return the file of an embedded store."""


@click.command("doctor")
@store_options
@json_option
@click.pass_context
def doctor(ctx: click.Context) -> None:
    """Look over store, vault, secrets and audit, of every workspace; changes nothing.

    Leaves with 1 when something is wrong. Every stored secret is opened, those of earlier versions too, and
    none is shown; those that cannot be opened are listed by workspace, integration and key.
    """
    with opened(read_only=True) as credenza:
        checks = list(_examine(credenza))
        closed = list(list_closed(credenza))
    checks += describe_closed(closed)
    wrong = any(check.state == WRONG for check in checks)
    if wants_json():
        told = [check._asdict() for check in checks]
        write_json({"ok": not wrong, "checks": told, "unreadable": [each._asdict() for each in closed]})
    else:
        write_table(("state", "subject", "finding"), checks)
    if wrong:
        ctx.exit(REFUSED)


def _examine(credenza: Credenza) -> Iterator[Check]:
    yield from _check_store(credenza)
    yield from _check_vault(credenza)
    if credenza.vault.locked is not None:
        return
    for tenant in credenza.accounts.workspaces():
        subject = f"workspace {tenant.slug}"
        for check in (_check_secrets, check_ring, _check_audit):
            try:
                yield from check(credenza, tenant, subject)
            except CredenzaError as error:
                yield Check(WRONG, subject, error.message)


def _check_store(credenza: Credenza) -> Iterator[Check]:
    found = credenza.store.check()
    yield from (Check(WRONG, "store", each) for each in found)
    if not found:
        yield Check(OK, "store", "Pages, indexes and references are sound.")
    if credenza.store.folder is not None and isinstance(credenza.store, _InFile):
        yield from _check_file(credenza.store.path)


def _check_file(path: Path) -> Iterator[Check]:
    connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)
    try:
        facts = {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in _FACTS}
    except sqlite3.Error:
        yield Check(WRONG, "file", "SQLite cannot read the file of the store.")
        return
    finally:
        connection.close()
    yield Check(OK, "file", f"{path}: " + ", ".join(f"{name} {value}" for name, value in facts.items()))
    yield _check_sqlite(sqlite3.sqlite_version_info)


def _check_sqlite(version: tuple[int, ...]) -> Check:
    told = ".".join(map(str, version))
    if version >= _SOUND_SQLITE:
        return Check(OK, "SQLite", f"{told}.")
    return Check(WARNING, "SQLite", f"{told} is older than 3.51.3, {_OLD_SQLITE}.")


def _check_vault(credenza: Credenza) -> Iterator[Check]:
    vault = credenza.vault
    if vault.locked is not None:
        yield Check(WRONG, "vault", f"Locked. {vault.locked}")
        return
    yield Check(
        OK, "vault", f"Open, format {vault.meta.format}, key {vault.meta.kek_id}. {describe_key(credenza)}"
    )
    yield from check_next_key(credenza)
    warning = warn_of_escrow(credenza)
    yield Check(WARNING if warning else OK, "escrow", warning or "An escrow of the vault's key was verified.")
    for lost in credenza.store.lost_vaults():
        told = f"The key {lost.meta.kek_id} was given up as lost. If it is found: `credenza vault recover`."
        yield Check(WARNING, "vault", told)


def _check_secrets(credenza: Credenza, tenant: Tenant, subject: str) -> Iterator[Check]:
    found = survey(credenza.store, credenza.vault, credenza.types.of(tenant), tenant)
    yield from _check_types(found, subject)
    told = f"{count(found.integrations, 'integration')}, {count(found.secrets, 'secret')}"
    if not found.unreadable:
        yield Check(OK, subject, f"{told}, and every one can be opened.")
        return
    yield Check(WRONG, subject, f"{told}; {count(len(found.unreadable), 'integration')} cannot be opened.")
    yield from (Check(WRONG, f"{subject}: {name}", why) for name, why in found.unreadable)


def _check_types(found: Survey, subject: str) -> Iterator[Check]:
    for number, what in (
        (found.behind, "saved under an earlier version of its type: run `credenza types migrate`"),
        (found.ahead, "saved under a later version of its type than this program has, and can only be read"),
        (found.unfit, "marked as needing reconfiguration: `credenza types migrate --plan` says why"),
    ):
        if number:
            yield Check(WARNING, f"{subject}: types", f"{count(number, 'integration')}, each {what}.")


def _check_audit(credenza: Credenza, tenant: Tenant, subject: str) -> Iterator[Check]:
    actor = Actor(tenant, name_user(), Role.ADMIN)
    rows, found, _ = credenza.workspace(actor).verify_audit()
    yield from (Check(WRONG, f"{subject}: audit", each) for each in found)
    if not found:
        yield Check(OK, f"{subject}: audit", f"{count(rows, 'row')}, nothing changed or missing.")
    for each in list_breaks(credenza, actor):
        yield Check(WARNING, f"{subject}: audit", each)
