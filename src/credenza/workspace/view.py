"""How a record looks from outside: public values, and of each secret that it is there. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from credenza.connectors import Catalogue, present
from credenza.model import Document, Record


class View(msgspec.Struct, frozen=True):
    """A record with its document and the configuration as reads show it."""

    record: Record
    document: Document
    configuration: dict[str, Any]


def see(record: Record, document: Document, catalogue: Catalogue, *, locked: bool) -> View:
    """Return the view of a record at one of its versions; `locked` marks secrets as undecryptable."""
    connector = catalogue.get(record.type)
    order = connector.keys if connector else ()
    shown = present(order, document.configuration, document.secrets, undecryptable=locked)
    return View(record, document, shown)
