"""What the connector types of now say of every integration that is stored; nothing is opened or written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import NamedTuple

from credenza.connectors import Catalogue, ConnectorType
from credenza.connectors.halves import name_half
from credenza.errors import Damaged, Problem
from credenza.model import Record, Secret, Tenant
from credenza.ports import Store, Tx
from credenza.workspace.admission import TYPE_OUTDATED, UNKNOWN_TYPE
from credenza.workspace.fitness import UNREADABLE, plan

FITS, MIGRATES, UNFIT = "fits", "migrates", "does not fit"
_CHUNK = 250


class Verdict(NamedTuple):
    """What becomes of one integration: the version of its type it is stored under, and that of now."""

    name: str
    type: str
    stored: int
    version: int | None
    result: str
    problems: tuple[Problem, ...] = ()


def inspect(store: Store, catalogue: Catalogue, tenant: Tenant, *, lenient: bool) -> Iterator[Verdict]:
    """Yield a verdict on every integration of a workspace, in the order of their names."""
    for owned in (False, True):
        after: str | None = None
        while True:
            found = store.read(tenant, partial(_look, catalogue, after, lenient, owned))
            yield from found
            if len(found) < _CHUNK:
                break
            after = found[-1].name


def list_pending(store: Store, catalogue: Catalogue, tenant: Tenant, type: str | None) -> Iterator[list[str]]:
    """Yield the names of integrations that wait for a migration, by chunks; `type` None: of all types."""
    for each in catalogue.values():
        if each.version == 1 or type not in {None, each.name}:
            continue
        for name in (name_half(each.name, "config"), name_half(each.name, "auth"), each.name):
            after: str | None = None
            while True:
                names = store.read(tenant, partial(_list_behind, name, each.version, after))
                if names:
                    yield names
                if len(names) < _CHUNK:
                    break
                after = names[-1]


def _list_behind(type: str, version: int, after: str | None, tx: Tx) -> list[str]:
    owned = "#" in type
    found = tx.page(type=type, below=version, owned=owned, after=after, limit=_CHUNK)
    return [record.name for record in found]


def _look(catalogue: Catalogue, after: str | None, lenient: bool, owned: bool, tx: Tx) -> list[Verdict]:
    records = [*tx.page(owned=owned, after=after, limit=_CHUNK)]
    held = tx.held([record.row for record in records])
    found = []
    for record in records:
        type_ = catalogue.find(record.type)
        about = (record.name, record.type, record.type_version, type_.version if type_ else None)
        if type_ is None:
            found.append(Verdict(*about, UNFIT, (UNKNOWN_TYPE,)))
        elif record.type_version > type_.version:
            found.append(Verdict(*about, UNFIT, (TYPE_OUTDATED,)))
        elif record.source() is not None:
            # What it refers to is looked at by itself.
            found.append(Verdict(*about, FITS if record.type_version == type_.version else MIGRATES))
        else:
            problems = _judge(record, type_, catalogue.api, held.get(record.row, {}), lenient=lenient)
            behind = record.type_version < type_.version
            found.append(Verdict(*about, UNFIT if problems else MIGRATES if behind else FITS, problems))
    return found


def _judge(
    record: Record, type: ConnectorType, api: ConnectorType, held: Mapping[str, Secret], *, lenient: bool
) -> tuple[Problem, ...]:
    try:
        return plan(type, api, record.document(), held, lenient=lenient).problems
    except Damaged:
        return (UNREADABLE,)
