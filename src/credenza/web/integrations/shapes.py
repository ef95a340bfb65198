"""Records -> answers, in the words of the bulk-save contract. A value of a secret never comes here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NotRequired, TypedDict

from credenza.model import Api, Item, Prompt, Receipt, Tag, TokenLimit, Usage, Version
from credenza.workspace import View

FREQUENCIES = {"DAY": "daily", "WEEK": "weekly", "MONTH": "monthly"}


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
    configuration: dict[str, Any]
    tags: list[IntegrationTag]
    createTime: int
    createdBy: str
    updateTime: int
    updatedBy: str
    maxTokens: NotRequired[int]
    frequency: NotRequired[str]


class Misfit(TypedDict):
    """Why a configuration does not fit its type any longer: by place and rule, never by value."""

    code: str
    message: str
    pointer: str
    keyword: str


class Integration(TypedDict):
    """An integration as reads show it; times are milliseconds since the epoch.

    `missing` holds the JSON Pointers of what a lenient save left out; `apis` stands where a call lists them.
    `typeVersion` is the version of the type it was saved under. One that a migration found not to fit a later
    version needs reconfiguration, and `misfits` says why; saving a configuration that fits ends that.
    `managedBy` is the id of the instance that an integration belongs to, which alone changes it.
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
    typeVersion: int
    needsReconfiguration: bool
    misfits: NotRequired[list[Misfit]]
    modelsCount: int
    createTime: int
    createdBy: str
    updateTime: int
    updatedBy: str
    managedBy: NotRequired[str]
    apis: NotRequired[list[IntegrationApi]]


class MessageTemplate(TypedDict):
    """A prompt that may be used with an api; its text is kept elsewhere."""

    name: str
    template: str
    description: str
    variables: list[str]
    integrations: list[str]
    tags: list[IntegrationTag]
    version: int
    createTime: int
    createdBy: str
    updateTime: int
    updatedBy: str


class TokenLimitAnswer(TypedDict):
    """How many tokens may be used in a period: DAY, WEEK or MONTH; `api` null: by all apis together."""

    integrationName: str
    api: str | None
    maxTokens: int
    tokenLimitPeriod: str
    updateTime: int
    updatedBy: str


class TokenUsageLog(TypedDict):
    """The tokens an api used in a day, which begins at `periodStart`."""

    integrationName: str
    api: str
    periodStart: int
    promptTokens: int
    completionTokens: int
    totalTokens: int


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
        "tags": show_tags(document.tags),
        "version": record.version,
        "complete": not document.missing,
        "missing": list(document.missing),
        "typeVersion": document.type_version,
        "needsReconfiguration": bool(document.unfit),
        "modelsCount": len(document.apis),
        "createTime": record.created_at,
        "createdBy": record.created_by,
        "updateTime": record.updated_at,
        "updatedBy": record.updated_by,
    }
    if document.unfit:
        shown["misfits"] = [
            {"code": each.code, "message": each.message, "pointer": each.pointer, "keyword": each.keyword}
            for each in document.unfit
        ]
    if document.source is not None:
        shown["managedBy"] = document.source.instance
    if apis:
        shown["apis"] = [show_api(view, api) for api in document.apis]
    return shown


def show_api(view: View, api: Api) -> IntegrationApi:
    """Return a child record of an integration."""
    shown: IntegrationApi = {
        "integrationName": view.record.name,
        "api": api.api,
        "description": api.description,
        "enabled": api.enabled,
        "configuration": view.apis[api.api],
        "tags": show_tags(api.tags),
        "createTime": api.created_at,
        "createdBy": api.created_by,
        "updateTime": api.updated_at,
        "updatedBy": api.updated_by,
    }
    limit = next((limit for limit in view.document.limits if limit.api == api.api), None)
    if limit is not None:
        shown["maxTokens"] = limit.max_tokens
        shown["frequency"] = FREQUENCIES[limit.period]
    return shown


def show_tags(tags: Sequence[Tag]) -> list[IntegrationTag]:
    """Return labels."""
    return [{"key": tag.key, "value": tag.value} for tag in tags]


def show_prompt(view: View, api: Api, prompt: Prompt) -> MessageTemplate:
    """Return a prompt as the clients know one."""
    return {
        "name": prompt.name,
        "template": "",
        "description": "",
        "variables": [],
        "integrations": [f"{view.record.name}:{api.api}"],
        "tags": [],
        "version": 1,
        "createTime": prompt.created_at,
        "createdBy": prompt.created_by,
        "updateTime": prompt.created_at,
        "updatedBy": prompt.created_by,
    }


def show_limit(view: View, limit: TokenLimit) -> TokenLimitAnswer:
    """Return a token limit."""
    return {
        "integrationName": view.record.name,
        "api": limit.api,
        "maxTokens": limit.max_tokens,
        "tokenLimitPeriod": limit.period,
        "updateTime": limit.updated_at,
        "updatedBy": limit.updated_by,
    }


def show_usage(name: str, used: Usage) -> TokenUsageLog:
    """Return the tokens of one api and day."""
    return {
        "integrationName": name,
        "api": used.api,
        "periodStart": used.period,
        "promptTokens": used.prompt,
        "completionTokens": used.completion,
        "totalTokens": used.total,
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
