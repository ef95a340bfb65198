"""Records -> answers, in the words of the bulk-save contract. A value of a secret never comes here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NotRequired, TypedDict

from credenza.model import Api, Item, Receipt, Version
from credenza.workspace import View


class IntegrationTag(TypedDict):
    """A label of an integration."""

    key: str
    value: str


class IntegrationApi(TypedDict):
    """A model, index or table of an integration; times are milliseconds since the epoch."""

    integrationName: str
    api: str
    description: str | None
    enabled: bool
    createTime: int
    createdBy: str
    updateTime: int
    updatedBy: str


class Integration(TypedDict):
    """An integration as reads show it; times are milliseconds since the epoch.

    `missing` holds the JSON Pointers of what a lenient save left out; `apis` stands where a call lists them.
    """

    name: str
    type: str
    category: str
    description: str | None
    enabled: bool
    configuration: dict[str, Any]
    tags: list[IntegrationTag]
    version: int
    complete: bool
    missing: list[str]
    modelsCount: int
    createTime: int
    createdBy: str
    updateTime: int
    updatedBy: str
    apis: NotRequired[list[IntegrationApi]]


class SaveReceipt(TypedDict):
    """What became of a batch: how many of each result, and every item in order."""

    dryRun: bool
    created: int
    updated: int
    unchanged: int
    failed: int
    results: Sequence[Item]


class ChangedPath(TypedDict):
    """One key path (JSON Pointer) that changed, and how; never a value."""

    pointer: str
    change: str


class HistoryEntry(TypedDict):
    """One version of an integration."""

    version: int
    createTime: int
    createdBy: str
    changes: list[ChangedPath]


class History(TypedDict):
    """The versions of an integration, newest first."""

    name: str
    versions: list[HistoryEntry]


Difference = TypedDict("Difference", {"name": str, "from": int, "to": int, "changes": list[ChangedPath]})
Difference.__doc__ = "Where two versions of an integration differ."


def show(view: View, *, apis: bool = False) -> Integration:
    """Return an integration as reads show it; `apis` adds its child records."""
    record, document = view.record, view.document
    shown: Integration = {
        "name": record.name,
        "type": record.type,
        "category": document.category,
        "description": document.description,
        "enabled": document.enabled,
        "configuration": view.configuration,
        "tags": [{"key": tag.key, "value": tag.value} for tag in document.tags],
        "version": record.version,
        "complete": not document.missing,
        "missing": list(document.missing),
        "modelsCount": len(document.apis),
        "createTime": record.created_at,
        "createdBy": record.created_by,
        "updateTime": record.updated_at,
        "updatedBy": record.updated_by,
    }
    if apis:
        shown["apis"] = [show_api(record.name, api) for api in document.apis]
    return shown


def show_api(name: str, api: Api) -> IntegrationApi:
    """Return a child record."""
    return {
        "integrationName": name,
        "api": api.api,
        "description": api.description,
        "enabled": api.enabled,
        "createTime": api.created_at,
        "createdBy": api.created_by,
        "updateTime": api.updated_at,
        "updatedBy": api.updated_by,
    }


def show_receipt(receipt: Receipt) -> SaveReceipt:
    """Return what became of each item, and how many of each kind."""
    counts: dict[str, int] = {}
    for item in receipt.items:
        counts[item.result] = counts.get(item.result, 0) + 1
    return {
        "dryRun": receipt.dry_run,
        "created": counts.get("created", 0),
        "updated": counts.get("updated", 0),
        "unchanged": counts.get("unchanged", 0),
        "failed": counts.get("failed", 0),
        "results": receipt.items,
    }


def show_history(name: str, versions: Sequence[Version]) -> History:
    """Return the entries of a history."""
    return {"name": name, "versions": [show_version(version) for version in versions]}


def show_version(version: Version) -> HistoryEntry:
    """Return one entry of a history."""
    return {
        "version": version.version,
        "createTime": version.created_at,
        "createdBy": version.created_by,
        "changes": [{"pointer": edit.pointer, "change": edit.change} for edit in version.edits],
    }


def show_difference(name: str, first: int, second: int, edits: Sequence[tuple[str, str]]) -> Difference:
    """Return where two versions differ."""
    changes: list[ChangedPath] = [{"pointer": pointer, "change": change} for pointer, change in edits]
    return {"name": name, "from": first, "to": second, "changes": changes}
