"""How a record looks from outside: public values, and of each secret that it is there. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from credenza.connectors import Catalogue, ConnectorType, present
from credenza.connectors.views import find_exposed
from credenza.model import Api, Document, Record, SecretRef, nest


class View(msgspec.Struct, frozen=True):
    """A record with its document, and its configuration and those of its apis as reads show them."""

    record: Record
    document: Document
    configuration: dict[str, Any]
    apis: Mapping[str, dict[str, Any]]


def see(record: Record, document: Document, catalogue: Catalogue, *, locked: bool | frozenset[str]) -> View:
    """Return the view of a record at one of its versions; `locked` marks secrets as undecryptable.

    All of them, or those that are stored under these paths.
    """
    type_ = catalogue.find(record.type)
    if document.unfit and type_ is not None and document.type_version == type_.version:
        # Marked for a version of its type that was taken back.
        document = msgspec.structs.replace(document, unfit=())
    shown = show_configuration(record, document, type_, locked=locked)
    apis = {
        api.api: present(
            catalogue.api.keys, api.configuration, api.secrets, undecryptable=_find_own(locked, api)
        )
        for api in document.apis
    }
    return View(record, document, shown, apis)


def _find_own(locked: bool | frozenset[str], api: Api) -> bool | frozenset[str]:
    """Return which secrets of an api are undecryptable, by pointer into its own configuration."""
    if isinstance(locked, bool):
        return locked
    return frozenset(pointer for pointer in api.secrets if nest(api.api, pointer) in locked)


def show_configuration(
    record: Record,
    document: Document,
    type: ConnectorType | None,
    *,
    locked: bool | frozenset[str] = False,
) -> dict[str, Any]:
    """Return the configuration of a document as reads show it.

    What its type has made a secret since is shown as one, as old as the record: when it was set is not known,
    and it stays the same until it is sealed.
    """
    if type is None:
        return present((), document.configuration, document.secrets, undecryptable=locked)
    exposed = find_exposed(type, document.type_version, document.configuration)
    if not exposed:
        return present(type.keys, document.configuration, document.secrets, undecryptable=locked)
    refs = {f"/{k}": SecretRef(1, record.created_at, text) for k, text in exposed.items()}
    public = {key: value for key, value in document.configuration.items() if key not in exposed}
    return present(
        type.keys,
        public,
        {**document.secrets, **refs},
        undecryptable=document.secrets if locked is True else locked,
    )
