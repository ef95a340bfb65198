"""How a record looks from outside: public values, and of each secret that it is there. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from credenza.connectors import Catalogue, present
from credenza.model import Document, Record


class View(msgspec.Struct, frozen=True):
    """A record with its document, and its configuration and those of its apis as reads show them."""

    record: Record
    document: Document
    configuration: dict[str, Any]
    apis: Mapping[str, dict[str, Any]]


def see(record: Record, document: Document, catalogue: Catalogue, *, locked: bool) -> View:
    """Return the view of a record at one of its versions; `locked` marks secrets as undecryptable."""
    connector = catalogue.get(record.type)
    order = connector.keys if connector else ()
    shown = present(order, document.configuration, document.secrets, undecryptable=locked)
    apis = {
        api.api: present(catalogue.api.keys, api.configuration, api.secrets, undecryptable=locked)
        for api in document.apis
    }
    return View(record, document, shown, apis)
