"""Integrations that an instance manages: whether a save of one says what a read of it has shown."""

from __future__ import annotations

from credenza.model import Change, Put, Record
from credenza.ports import Tx
from credenza.workspace.context import Context
from credenza.workspace.halves import merge, read_parts
from credenza.workspace.view import show_configuration


def repeats_shown(put: Change, record: Record, tx: Tx, context: Context) -> bool:
    """Tell whether a change saves of a managed integration just what a read shows, its configuration too."""
    if not isinstance(put, Put):
        return False
    document, type_ = record.document(), context.catalogue.get(record.type)
    said = (put.type, put.category, put.description, put.enabled, put.tags)
    shown = (record.type, document.category, document.description, document.enabled, document.tags)
    if (
        put.configuration is None
        or put.apis
        or any(one not in {None, other} for one, other in zip(said, shown, strict=True))
    ):
        return False
    [parts] = read_parts(tx, [(record, document)])
    whole = merge(document, parts, type_, lenient=context.policy.lenient)
    return show_configuration(record, whole, type_) == put.configuration.reveal()
