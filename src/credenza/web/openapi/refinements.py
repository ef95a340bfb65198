"""What the types that decode and encode cannot say of themselves: bounds, choices, what is ignored."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from inspect import cleandoc

import msgspec

from credenza.model import CATEGORIES
from credenza.web.integrations import bodies, definitions, wire
from credenza.web.integrations.shapes import FREQUENCIES
from credenza.web.openapi.configurations import TEXT, Schema, refer
from credenza.workspace import compose
from credenza.workspace.amending import MOST_TOKENS, PERIODS
from credenza.workspace.compose import MAX_APIS, MAX_TAGS

TYPE_NAME = "^[a-z][a-z0-9_-]{0,63}$"
_NAME = r"^[A-Za-z0-9]([A-Za-z0-9._ \-]{0,126}[A-Za-z0-9._\-])?$"
_SHORT_TEXT = {**TEXT, "minLength": 1, "maxLength": compose.MAX_NAME}
_LONG_TEXT = {**TEXT, "maxLength": compose.MAX_TEXT}
_IGNORED = "Made by the server; accepted and ignored, so that any answer can be saved back."
_SAME = "The same as in the path, where it stands at all."
_RESULTS = ("created", "updated", "unchanged", "deleted", "failed")
_TEMPLATES_ONLY = "At the paths of templates, instances and setup sessions."
_SECRET_WORDS = ("set", "replaced", "unchanged", "kept", "cleared", "provided")


def refine_bodies(found: dict[str, Schema]) -> None:
    """Say of requests what their decoders leave to the core."""
    for name in ("IntegrationItem", "ProviderItem"):
        _refine_item(found[name]["properties"])
    _refine_parts(found)
    _refine_usage(found)
    _refine_types(found)
    for struct in _TOLERANT:
        properties = found[struct.__name__]["properties"]
        for name in _list_ignored(struct):
            del properties[name]
            properties[name] = {"readOnly": True, "description": _IGNORED}


_TOLERANT: tuple[type[msgspec.Struct], ...] = (
    wire.IntegrationItem,
    wire.ApiItem,
    wire.TagItem,
    bodies.ProviderItem,
    bodies.ApiUpdate,
    bodies.LimitItem,
)


def _list_ignored(struct: type[msgspec.Struct]) -> Iterator[str]:
    for field in msgspec.structs.fields(struct):
        if field.type is wire.Ignored:
            yield field.encode_name


def _refine_item(item: dict[str, Schema]) -> None:
    if "anyOf" in item["name"]:
        item["name"]["description"] = _SAME
    else:
        item["name"] |= {"pattern": _NAME, "description": "Unique; never changes. Look-ups are exact."}
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
    item["apis"]["description"] = "Listed ones are created or updated; others stay."
    item["expectedVersion"]["description"] = "Refuse the request unless at this version; 0: must not exist."


def _refine_parts(found: dict[str, Schema]) -> None:
    found["ApiItem"]["properties"]["integrationName"]["description"] = (
        "The name of the integration it stands in."
    )
    found["ApiItem"]["properties"]["api"] |= _SHORT_TEXT
    for name in ("ApiItem", "ApiUpdate"):
        api = found[name]["properties"]
        api["description"]["anyOf"][0] |= _LONG_TEXT
        api["tags"]["anyOf"][0]["maxItems"] = MAX_TAGS
        api["configuration"]["anyOf"][0] = refer("ApiConfiguration")
    for name in ("integrationName", "api"):
        found["ApiUpdate"]["properties"][name]["description"] = _SAME
    tag = found["TagItem"]["properties"]
    tag["key"] |= _SHORT_TEXT
    tag["value"] |= _LONG_TEXT
    found["TagList"] = {
        "title": "TagList",
        "description": "Labels, or a single one.",
        "anyOf": [{"type": "array", "items": refer("TagItem"), "maxItems": MAX_TAGS}, refer("TagItem")],
    }


def _refine_usage(found: dict[str, Schema]) -> None:
    tokens = {"minimum": 0, "maximum": bodies.MOST_TOKENS}
    for rules in found["TokenCount"]["properties"].values():
        rules.update(tokens)
    found["TokensUsed"] = {
        "title": "TokensUsed",
        "description": "How many tokens were used: their number, or split.",
        "anyOf": [{"type": "integer", **tokens}, refer("TokenCount")],
    }
    limit = {"minimum": 0, "maximum": MOST_TOKENS}
    item, api = found["LimitItem"]["properties"], found["ApiUpdate"]["properties"]
    item["integrationName"]["description"] = _SAME
    item["api"]["description"] = "Absent: by all apis together."
    item["maxTokens"] |= {**limit, "description": "0 takes the limit away."}
    item["tokenLimitPeriod"] = {"enum": [*PERIODS]}
    api["maxTokens"]["anyOf"][0] |= limit
    api["maxTokens"]["description"] = "0 takes the limit away; absent, it stays."
    api["frequency"] = {"enum": [*FREQUENCIES.values(), None], "description": "Absent: daily."}


def _refine_types(found: dict[str, Schema]) -> None:
    """Say what may be registered. A form's members may be null there, and never are in an answer."""
    for name in ("IntegrationDef", "FormField"):
        form = found[name]
        found[_FORMS[name]] = {
            **form,
            "title": _FORMS[name],
            "description": f"{form['description']}\n\nA member that is null counts as left out.",
            "properties": {
                key: _turn(rules) if key in form["required"] else {"anyOf": [_turn(rules), {"type": "null"}]}
                for key, rules in form["properties"].items()
            },
            "additionalProperties": {"type": "null"},
        }
    for name in ("TypeForm", "TypeSchema"):
        found[name]["properties"]["name"] = _NEW_TYPE
    schema = found["TypeSchema"]["properties"]["schema"]
    schema |= {"required": [*_KEYWORDS], "description": cleandoc(_ABOUT_SCHEMAS)}
    found["TypeFile"] = {**deepcopy(schema), "title": "TypeFile", "required": [*_KEYWORDS, "$id"]}
    found["TypeDefinitions"] = {
        "title": "TypeDefinitions",
        "description": "Connector types, each by a JSON Schema (the file as it is, or its name beside it) "
        "or by the fields of its form.",
        "type": "array",
        "items": {"anyOf": [refer("TypeSchema"), refer("TypeFile"), refer("TypeForm")]},
        "maxItems": definitions.MAX_TYPES,
    }


_NEW_TYPE = {
    "type": "string",
    "pattern": TYPE_NAME,
    "description": "Not that of a type every workspace has, and not `meta`, `api` or `register`.",
}
_FORMS = {"IntegrationDef": "TypeForm", "FormField": "TypeFormField"}


def _turn(rules: Schema) -> Schema:
    """Return the rules of a form's member as a registration takes it."""
    if rules.get("type") == "string" and not rules.keys() & {"enum", "pattern"}:
        return {**rules, **TEXT}
    if rules.get("items") == refer("FormField"):
        return {**rules, "items": refer(_FORMS["FormField"])}
    return rules


def refine_answers(found: dict[str, Schema]) -> None:
    """Say of answers what their types leave open, and add those that have no type of their own."""
    found |= _SECRETS
    for name, description, schema in _PLAIN:
        found[name] = {"title": name, "description": description, **schema}
    found["Item"]["properties"]["result"]["enum"] = list(_RESULTS)
    found["Item"]["properties"]["secrets"]["additionalProperties"] = {"enum": list(_SECRET_WORDS)}
    found["Integration"]["properties"]["category"]["enum"] = list(CATEGORIES)
    found["IntegrationApi"]["properties"]["frequency"]["enum"] = [*FREQUENCIES.values()]
    found["TokenLimitAnswer"]["properties"]["tokenLimitPeriod"]["enum"] = [*PERIODS]
    found["RollbackBody"]["properties"]["version"]["examples"] = [1]
    found["TokenRequest"]["properties"]["keySecret"] |= {"format": "password", "writeOnly": True}
    problem = found["ProblemBody"]["properties"]
    problem["type"]["format"] = "uri"
    problem["instance"]["description"] = "The id of the request, as in X-Request-Id."
    problem["retryable"]["description"] = "Whether the same request may succeed later."
    problem["__typename"] = {"const": "error", "description": _TEMPLATES_ONLY}
    problem["ok"] = {"const": False, "description": _TEMPLATES_ONLY}
    found["Problem"]["properties"]["path"] = {
        "type": "array",
        "items": {"type": ["string", "integer"]},
        "description": f"The steps of the pointer. {_TEMPLATES_ONLY}",
    }
    problem["error"] = {
        "enum": ["EXPIRED_TOKEN", "INVALID_TOKEN"],
        "description": "Only with 401: what official clients look for before they renew a token.",
    }
    _reveal(found)


def _reveal(found: dict[str, Schema]) -> None:
    """Tell integrations with their secrets in clear from those without."""
    for name, description in (
        ("Integration", "An integration with its secrets in clear."),
        ("IntegrationApi", "A model, index or table with its secrets in clear."),
    ):
        clear = {**deepcopy(found[name]), "title": f"Resolved{name}", "description": description}
        found[f"Resolved{name}"] = clear
        found[name]["properties"]["configuration"] = _SHOWN_CONFIGURATION
    apis = found["ResolvedIntegration"]["properties"]["apis"]
    apis["items"] = refer("ResolvedIntegrationApi")


_PLAIN: list[tuple[str, str, Schema]] = [
    ("ListedName", "`integration:api`, or `integration` where it has none.", {"type": "string"}),
    ("ApiName", "The name of an api.", {"type": "string"}),
    ("TokenTotal", "How many tokens were used.", {"type": "integer", "minimum": 0}),
    (
        "TokenTotals",
        "How many tokens were used, by the name of the api; one that was removed stays counted.",
        {"type": "object", "additionalProperties": refer("TokenTotal")},
    ),
    ("Metrics", "Prometheus' text format.", {"type": "string"}),
]
_KEYWORDS = (
    "title",
    "description",
    "type",
    "x-category",
    "x-destination-version",
    "properties",
    "additionalProperties",
)
_ABOUT_SCHEMAS = """
    Of a key of `properties`: `writeOnly` with the `format` password marks a secret; `x-trust` a secret that
    decides which servers are believed, such as a trust store: where it is entered anew, every other secret is
    asked for again; `x-destination` (url, jdbc, hosts, connection-string or text) a key that says where
    secrets are sent; `x-credentials` one whose value is sealed as a whole where credentials stand in it;
    `x-choices` that the `examples` are the known choices, and others are accepted too. `x-version` is the
    version of the type, 1 where it is left out; registered again, a type may not have an earlier one.
"""
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
