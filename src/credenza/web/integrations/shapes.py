"""Records -> answers, in the words of the bulk-save contract. A value of a secret never comes here."""

from __future__ import annotations

from typing import Any

from credenza.model import Api, Receipt, Version
from credenza.workspace import View


def show(view: View, *, apis: bool = False) -> dict[str, Any]:
    """Return an integration as reads show it; `apis` adds its child records."""
    record, document = view.record, view.document
    shown: dict[str, Any] = {
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


def show_api(name: str, api: Api) -> dict[str, Any]:
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


def show_receipt(receipt: Receipt) -> dict[str, Any]:
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


def show_version(version: Version) -> dict[str, Any]:
    """Return one entry of a history."""
    return {
        "version": version.version,
        "createTime": version.created_at,
        "createdBy": version.created_by,
        "changes": [{"pointer": edit.pointer, "change": edit.change} for edit in version.edits],
    }
