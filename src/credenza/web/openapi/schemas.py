"""The component schemas: those of the very types that decode and encode, and what these cannot say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from inspect import cleandoc

import msgspec

from credenza.connectors import ConnectorType
from credenza.model import CATEGORIES
from credenza.web.health import Health, Readiness
from credenza.web.integrations import shapes, wire
from credenza.web.integrations.routes import RollbackBody
from credenza.web.openapi.configurations import TEXT, Schema, accept
from credenza.web.problems import ProblemBody
from credenza.web.tokens import TokenAnswer, TokenRequest
from credenza.workspace import compose
from credenza.workspace.compose import MAX_APIS, MAX_TAGS

_PREFIX = "#/components/schemas/"
_TYPES = [
    wire.IntegrationItem,
    shapes.Integration,
    shapes.SaveReceipt,
    shapes.History,
    shapes.Difference,
    RollbackBody,
    TokenRequest,
    TokenAnswer,
    Health,
    Readiness,
    ProblemBody,
]
_NAME = r"^[A-Za-z0-9]([A-Za-z0-9._ \-]{0,126}[A-Za-z0-9._\-])?$"
_SHORT_TEXT = {**TEXT, "minLength": 1, "maxLength": compose.MAX_NAME}
_LONG_TEXT = {**TEXT, "maxLength": compose.MAX_TEXT}
_IGNORED = "Made by the server; accepted and ignored, so that any answer can be saved back."
_RESULTS = ("created", "updated", "unchanged", "deleted", "failed")
_SECRET_WORDS = ("set", "replaced", "unchanged", "kept", "cleared", "provided")


def describe_schemas(types: Mapping[str, ConnectorType], *, lenient: bool) -> dict[str, Schema]:
    """Return all component schemas by name."""
    _, made = msgspec.json.schema_components(_TYPES, ref_template=_PREFIX + "{name}")
    # Defaults arrive as the tuples they are in Python.
    found: dict[str, Schema] = msgspec.json.decode(msgspec.json.encode(made))
    for schema in found.values():
        schema["description"] = cleandoc(schema.get("description", ""))
        for rules in schema["properties"].values():
            if "default" in rules and rules["default"] is None:
                del rules["default"]
    found |= _SECRETS
    found["Metrics"] = {"title": "Metrics", "description": "Prometheus' text format.", "type": "string"}
    _refine_answers(found)
    _refine_item(found)
    found["ResolvedIntegration"] = {
        **deepcopy(found["Integration"]),
        "title": "ResolvedIntegration",
        "description": "An integration with its secrets in clear.",
    }
    found["Integration"]["properties"]["configuration"] = _SHOWN_CONFIGURATION
    item = found["IntegrationItem"]
    found["IntegrationItem"] = _discriminate(item, types)
    for name, connector in types.items():
        found[f"Configuration.{name}"] = accept(connector, lenient=lenient)
        found[f"Integration.{name}"] = _describe_branch(item, name, connector)
    found["Integrations"] = {
        "title": "Integrations",
        "type": "array",
        "items": refer("IntegrationItem"),
        "minItems": 1,
        "maxItems": wire.MAX_ITEMS,
    }
    return found


def refer(name: str) -> Schema:
    """Return a reference to a component schema."""
    return {"$ref": _PREFIX + name}


def _describe_branch(item: Schema, name: str, type: ConnectorType) -> Schema:
    keys = item["properties"]
    configuration = {**keys["configuration"], "anyOf": [refer(f"Configuration.{name}"), {"type": "null"}]}
    return {
        **item,
        "title": type.title,
        "description": type.description,
        "properties": {**keys, "type": {"const": name}, "configuration": configuration},
    }


def _discriminate(item: Schema, types: Mapping[str, ConnectorType]) -> Schema:
    branches = {name: _PREFIX + f"Integration.{name}" for name in types}
    return {
        "title": item["title"],
        "description": item["description"],
        "oneOf": [{"$ref": place} for place in branches.values()],
        "discriminator": {"propertyName": "type", "mapping": branches},
    }


def _refine_item(found: dict[str, Schema]) -> None:
    """Say of a request what its decoder leaves to the core."""
    item = found["IntegrationItem"]["properties"]
    item["name"] |= {"pattern": _NAME, "description": "Unique; never changes. Look-ups are exact."}
    item["type"] |= {"description": "Connector type; never changes."}
    item["category"] = {
        "enum": [*CATEGORIES, None],
        "description": "Absent: the one of the type, or what it was.",
    }
    item["enabled"]["description"] = "Absent: true for a new integration, else what it was."
    item["configuration"]["description"] = (
        "A secret that is left out is kept, null clears it, a text replaces it. All other keys are replaced "
        "as a whole: left out, they are removed."
    )
    item["description"]["anyOf"][0] |= _LONG_TEXT
    item["tags"]["anyOf"][0]["maxItems"] = MAX_TAGS
    item["apis"]["anyOf"][0]["maxItems"] = MAX_APIS
    item["tags"]["description"] = "Given, they replace all tags; absent, the tags are kept."
    item["apis"]["description"] = "Listed ones are created or updated; others stay, but for apis=replace."
    item["expectedVersion"]["description"] = "Refuse the batch unless at this version; 0: must not exist."
    api = found["ApiItem"]["properties"]
    api["integrationName"]["description"] = "The name of the integration it stands in."
    api["api"] |= _SHORT_TEXT
    api["description"]["anyOf"][0] |= _LONG_TEXT
    tag = found["TagItem"]["properties"]
    tag["key"] |= _SHORT_TEXT
    tag["value"] |= _LONG_TEXT
    for struct in (wire.IntegrationItem, wire.ApiItem, wire.TagItem):
        properties = found[struct.__name__]["properties"]
        for name in _list_ignored(struct):
            del properties[name]
            properties[name] = {"readOnly": True, "description": _IGNORED}


def _list_ignored(struct: type[msgspec.Struct]) -> Iterator[str]:
    for field in msgspec.structs.fields(struct):
        if field.type is wire.Ignored:
            yield field.encode_name


def _refine_answers(found: dict[str, Schema]) -> None:
    found["Item"]["properties"]["result"]["enum"] = list(_RESULTS)
    found["Item"]["properties"]["secrets"]["additionalProperties"] = {"enum": list(_SECRET_WORDS)}
    found["Integration"]["properties"]["category"]["enum"] = list(CATEGORIES)
    found["RollbackBody"]["properties"]["version"]["examples"] = [1]
    found["TokenRequest"]["properties"]["keySecret"] |= {"format": "password", "writeOnly": True}
    problem = found["ProblemBody"]["properties"]
    problem["type"]["format"] = "uri"
    problem["instance"]["description"] = "The id of the request, as in X-Request-Id."
    problem["retryable"]["description"] = "Whether the same request may succeed later."
    problem["error"] = {
        "enum": ["EXPIRED_TOKEN", "INVALID_TOKEN"],
        "description": "Only with 401: what official clients look for before they renew a token.",
    }


_SECRETS: dict[str, Schema] = {
    "SecretReference": {
        "title": "SecretReference",
        "description": "What stands in the place of a secret. Saving it back keeps the secret.",
        "type": "object",
        "properties": {
            "$secret": {
                "type": "object",
                "properties": {
                    "version": {"type": "integer", "minimum": 1},
                    "updatedAt": {"type": "string", "format": "date-time"},
                    "redacted": {"type": "string", "description": "An address without its credentials."},
                    "state": {"const": "undecryptable"},
                },
                "required": ["version", "updatedAt"],
                "additionalProperties": False,
            }
        },
        "required": ["$secret"],
        "additionalProperties": False,
    },
    "KeptSecret": {
        "title": "KeptSecret",
        "description": "The object that reads show in the place of a secret: it is kept as it is.",
        "type": "object",
        "properties": {"$secret": {"type": "object"}},
        "required": ["$secret"],
        "additionalProperties": False,
    },
}
_SHOWN_CONFIGURATION: Schema = {
    "type": "object",
    "description": "Public values as they are; a reference in the place of every secret.",
    "additionalProperties": {
        "anyOf": [
            {"type": ["string", "number", "boolean"]},
            {"type": "array", "items": {"type": "string"}},
            refer("SecretReference"),
        ]
    },
}
