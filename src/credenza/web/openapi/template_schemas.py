"""The component schemas of templates: those of their types, and what these leave open."""

from __future__ import annotations

from typing import Any

from credenza.plans import fields, tool_filters
from credenza.plans.template_providers import TemplateProviderBody, TemplateProviderUpdate
from credenza.plans.templates import TemplateBody, TemplateUpdate
from credenza.web.openapi.configurations import Schema, refer
from credenza.web.templates.answers import Pagination
from credenza.web.templates.integration_providers import TemplateProviderAnswer
from credenza.web.templates.integrations import TemplateAnswer

TEMPLATE_TYPES: list[Any] = [
    TemplateBody,
    TemplateUpdate,
    TemplateAnswer,
    TemplateProviderBody,
    TemplateProviderUpdate,
    TemplateProviderAnswer,
    Pagination,
]
_LISTED = ("TemplateAnswer", "TemplateProviderAnswer")
_STATUSES = ["active", "archived", "deleted"]
_TIMES = ("created_at", "updated_at", "archived_at", "expires_at")
_NAME = {"minLength": 1, "maxLength": fields.MAX_NAME, "pattern": r"\S"}


def refine_templates(found: dict[str, Schema]) -> None:
    """Say of templates what their types leave open, and add the lists."""
    found["Pong"] = {"title": "Pong", "description": "It is there.", "const": "OK"}
    found |= _FILTERS
    for name in ("TemplateBody", "TemplateUpdate", "TemplateProviderBody", "TemplateProviderUpdate"):
        refine_body(found[name])
    for name in ("TemplateProviderBody", "TemplateProviderUpdate"):
        _refine_provider_body(found[name]["properties"])
    for name in _LISTED:
        refine_answer(found[name], statuses=_STATUSES)
        found[f"{name}List"] = describe_list(name)
    found["TemplateAnswer"]["properties"]["object"] = {"const": "integration"}
    provider = found["TemplateProviderAnswer"]["properties"]
    provider["object"] = {"const": "integration.provider"}
    provider["tool_filter"] = refer("ToolFilter")
    found["ReferencePreview"]["properties"]["object"]["pattern"] = r"^provider\.[a-z_]+#preview$"
    found["ProviderPreview"]["properties"]["object"] = {"const": "provider#preview"}
    for name in ("ReferencePreview", "ProviderPreview", "CredentialsPreview"):
        refine_answer(found[name])


def refine_body(body: Schema) -> None:
    """Say how long names, descriptions and metadata may be, where a body has them."""
    properties = body["properties"]
    if "name" in properties:
        _text_of(properties["name"]).update(_NAME)
    if "description" in properties:
        _text_of(properties["description"])["maxLength"] = fields.MAX_DESCRIPTION
        properties["description"]["description"] = "A blank one counts as none."
    if "metadata" in properties:
        properties["metadata"] = {
            "description": "Yours: at most 64 KiB of JSON, nested at most 8 levels deep.",
            "type": ["object", "null"],
        }


def refine_answer(answer: Schema, *, statuses: list[str] | None = None) -> None:
    """Say of an answer which of its texts are times, and which statuses there are."""
    properties = answer["properties"]
    for name in _TIMES:
        if name in properties:
            _text_of(properties[name])["format"] = "date-time"
    if statuses:
        properties["status"] = {"enum": statuses}


def describe_list(name: str) -> Schema:
    """Return the schema of a page of things of a component."""
    return {
        "title": f"{name}List",
        "type": "object",
        "properties": {
            "__typename": {"const": "list"},
            "items": {"type": "array", "items": refer(name), "maxItems": 100},
            "pagination": refer("Pagination"),
        },
        "required": ["__typename", "items", "pagination"],
        "additionalProperties": False,
    }


def _text_of(rules: Schema) -> Schema:
    """Return the part of the rules that is for a text, not for null."""
    part: Schema = rules["anyOf"][0] if "anyOf" in rules else rules
    return part


def describe_filters() -> Schema:
    """Return the schema of tool filters as they are sent."""
    return {
        "description": "A rule, several, or a whole filter; null allows all. Rules are alternatives.",
        "anyOf": [refer("ToolRule"), _RULES, refer("ToolFilterItem"), {"type": "null"}],
    }


def _refine_provider_body(properties: Schema) -> None:
    properties["tool_filters"] = describe_filters()
    properties["callbacks"] = {
        "description": "There are none: accepted where it says so.",
        "anyOf": [_NO_CALLBACKS, {"type": "null"}],
    }


def _describe_rule(kind: str, field: str, schema: Schema) -> Schema:
    return {
        "type": "object",
        "properties": {"type": {"const": kind}, field: schema},
        "required": ["type", field],
        "additionalProperties": False,
    }


_NO_CALLBACKS: Schema = {
    "type": "object",
    "properties": {"status": {"const": "disabled"}},
    "required": ["status"],
    "additionalProperties": False,
}
_KEYS: Schema = {
    "type": "array",
    "items": {"type": "string", "minLength": 1, "maxLength": tool_filters.MAX_KEY},
}
_PATTERN: Schema = {
    "type": "string",
    "description": "Matched anywhere in a name, in any case, in linear time and little memory: without "
    "look-around, back-references and much repetition. What is repeated has to be read in one way only, so "
    f"not (a+)+ or (a|a)*. A filter has at most {tool_filters.MAX_PATTERNS} of these.",
    "minLength": 1,
    "maxLength": tool_filters.MAX_PATTERN,
    "examples": ["^list_"],
}
_RULES: Schema = {"type": "array", "items": refer("ToolRule"), "maxItems": tool_filters.MAX_RULES}
_FILTERS: dict[str, Schema] = {
    "ToolFilterItem": {
        "title": "ToolFilterItem",
        "description": "A filter as answers show it, of which all may be left out but one field.",
        "type": "object",
        "properties": {
            "type": {"enum": ["allow_all", "filter", None]},
            "filters": {"anyOf": [refer("ToolRule"), _RULES, {"type": "null"}]},
            "ignore_parent_filters": {"type": "boolean"},
        },
        "minProperties": 1,
        "additionalProperties": False,
        "if": {"properties": {"type": {"const": "allow_all"}}, "required": ["type"]},
        "then": {"properties": {"filters": {"enum": [None, []]}}},
    },
    "ToolRule": {
        "title": "ToolRule",
        "description": "Which tools, prompts or resources pass: by name or address, or by a pattern.",
        "oneOf": [
            _describe_rule("tool_keys", "keys", _KEYS),
            _describe_rule("tool_regex", "pattern", _PATTERN),
            _describe_rule("prompt_keys", "keys", _KEYS),
            _describe_rule("prompt_regex", "pattern", _PATTERN),
            _describe_rule("resource_uris", "uris", _KEYS),
            _describe_rule("resource_regex", "pattern", _PATTERN),
        ],
    },
    "ToolFilter": {
        "title": "ToolFilter",
        "description": "A filter as it is kept. With `ignore_parent_filters`, those before it do not count.",
        "oneOf": [
            {
                "type": "object",
                "properties": {"type": {"const": "allow_all"}, "ignore_parent_filters": {"type": "boolean"}},
                "required": ["type", "ignore_parent_filters"],
                "additionalProperties": False,
            },
            {
                "type": "object",
                "properties": {
                    "type": {"const": "filter"},
                    "filters": {
                        "type": "array",
                        "items": refer("ToolRule"),
                        "minItems": 1,
                        "maxItems": tool_filters.MAX_RULES,
                    },
                    "ignore_parent_filters": {"type": "boolean"},
                },
                "required": ["type", "filters", "ignore_parent_filters"],
                "additionalProperties": False,
            },
        ],
    },
}
