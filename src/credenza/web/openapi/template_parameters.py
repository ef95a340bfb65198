"""What may stand in the queries of templates, instances and sessions: pages and filters."""

from __future__ import annotations

from credenza.web.openapi.configurations import Schema
from credenza.web.templates.presentations import HEADER, PARAMETER
from credenza.web.templates.query import DEFAULT, MOST

PRESENTATION = (PARAMETER,)
_VERSION = "2026-01-01"


def _describe(name: str, description: str, **schema: object) -> Schema:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def describe_choice(name: str, description: str, **schema: object) -> Schema:
    """Return a filter that takes one value or several, which are alternatives."""
    items = {"type": "string", "maxLength": 256, **schema}
    return _describe(name, description, type="array", items=items, maxItems=100)


def _describe_span(name: str, description: str) -> Schema:
    times = {side: {"type": "string", "format": "date-time"} for side in ("gt", "lt")}
    schema = {"type": "object", "properties": times, "additionalProperties": False}
    return {
        "name": name,
        "in": "query",
        "description": description,
        "style": "deepObject",
        "explode": True,
        "schema": schema,
    }


def list_query(*filters: str, search: bool = True, status: str = "list-status") -> tuple[str, ...]:
    """Return the keys of what a list takes, with filters of its own, in the order in which it tells them."""
    searched = ("list-search",) if search else ()
    return (*_PAGED, *searched, status, "list-id", *filters, "created_at", "updated_at", *PRESENTATION)


_PAGED = ("list-limit", "list-after", "list-before", "list-cursor", "list-order")

TEMPLATE_PARAMETERS: dict[str, Schema] = {
    "list-limit": _describe(
        "limit",
        "How many a page has at most; one of large things ends at about 8 MiB, with more after it.",
        type="integer",
        minimum=1,
        maximum=MOST,
        default=DEFAULT,
    ),
    "list-after": _describe(
        "after", "The page begins after this id. It counts before `before`.", type="string", maxLength=256
    ),
    "list-before": _describe(
        "before", "The page ends before this id. It counts before `cursor`.", type="string", maxLength=256
    ),
    "list-cursor": _describe(
        "cursor",
        'Either of the two as one text: `cur_` and `["after", id]` as JSON, in base 62 or 64.',
        type="string",
        maxLength=512,
    ),
    "list-order": _describe("order", "By id, which is by creation.", enum=["asc", "desc"], default="asc"),
    "list-search": _describe(
        "search",
        "Only those with this text in name or description, whatever its case.",
        type="string",
        maxLength=256,
    ),
    "list-status": describe_choice(
        "status",
        "Only those of these statuses; without, only those that are active.",
        enum=["active", "archived", "deleted"],
    ),
    "list-id": describe_choice("id", "Only those of these ids."),
    "integration_id": describe_choice("integration_id", "Only those of these templates."),
    "provider_id": describe_choice("provider_id", "Only those of these providers."),
    "integration_provider_id": describe_choice(
        "integration_provider_id", "Only those with these providers of templates."
    ),
    "provider_deployment_id": describe_choice(
        "provider_deployment_id", "Only those bound to these deployments."
    ),
    "provider_auth_method_id": describe_choice(
        "provider_auth_method_id", "Only those bound to these auth methods."
    ),
    "provider_auth_credentials_id": describe_choice(
        "provider_auth_credentials_id", "Only those bound to these credentials."
    ),
    "provider_config_id": describe_choice("provider_config_id", "Only those bound to these configs."),
    "created_at": _describe_span("created_at", "Only those created within, both ends exclusive."),
    "updated_at": _describe_span("updated_at", "Only those last changed within, both ends exclusive."),
    PARAMETER: _describe(
        PARAMETER, f"The same as the header {HEADER}, which counts first.", type="string", examples=[_VERSION]
    ),
    HEADER: {
        "name": HEADER,
        "in": "header",
        "description": "Which presentation is wanted; an unknown one counts as the default.",
        "schema": {"type": "string", "default": "2025-01-01", "examples": [_VERSION]},
    },
}
