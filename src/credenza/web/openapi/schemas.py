"""The component schemas: those of the very types that decode and encode, and one for each connector type."""

from __future__ import annotations

from copy import deepcopy
from inspect import cleandoc

import msgspec

from credenza.connectors import Catalogue, ConnectorType, IntegrationDef
from credenza.web.health import Health, Readiness
from credenza.web.integrations import bodies, definitions, shapes, wire
from credenza.web.integrations.versions import RollbackBody
from credenza.web.openapi import refinements
from credenza.web.openapi.catalogue_schemas import CATALOGUE_TYPES, refine_catalogue
from credenza.web.openapi.config_schemas import CONFIG_TYPES, refine_configs
from credenza.web.openapi.configurations import Schema, accept, refer
from credenza.web.openapi.install_schemas import INSTALL_TYPES, refine_installs
from credenza.web.openapi.instance_schemas import INSTANCE_TYPES, refine_instances
from credenza.web.openapi.package_schemas import PACKAGE_TYPES, refine_packages
from credenza.web.openapi.session_schemas import SESSION_TYPES, refine_sessions
from credenza.web.openapi.template_schemas import TEMPLATE_TYPES, refine_templates
from credenza.web.problems import ProblemBody
from credenza.web.tokens import TokenAnswer, TokenRequest, UserInfo

_TYPES = [
    wire.IntegrationItem,
    bodies.ProviderItem,
    bodies.ApiUpdate,
    bodies.TokenCount,
    bodies.LimitItem,
    definitions.TypeSchema,
    IntegrationDef,
    shapes.Integration,
    shapes.MessageTemplate,
    shapes.TokenLimitAnswer,
    shapes.TokenUsageLog,
    shapes.SaveReceipt,
    shapes.History,
    shapes.Difference,
    RollbackBody,
    TokenRequest,
    TokenAnswer,
    UserInfo,
    Health,
    Readiness,
    ProblemBody,
    *PACKAGE_TYPES,
    *INSTALL_TYPES,
    *TEMPLATE_TYPES,
    *CATALOGUE_TYPES,
    *CONFIG_TYPES,
    *INSTANCE_TYPES,
    *SESSION_TYPES,
]
_OWN_TYPE = "The name of a type, which may be one that the workspace has registered; never changes."
_UNTYPED = "An integration that is there, whose type stays what it is."
_OWN = "An integration of a type that the workspace has registered; checked against the schema of that."


def describe_schemas(catalogue: Catalogue, *, lenient: bool) -> dict[str, Schema]:
    """Return all component schemas by name."""
    _, made = msgspec.json.schema_components(_TYPES, ref_template=refer("{name}")["$ref"])
    # Defaults arrive as the tuples they are in Python.
    found: dict[str, Schema] = msgspec.json.decode(msgspec.json.encode(made))
    for schema in found.values():
        schema["description"] = cleandoc(schema.get("description", ""))
        for rules in schema.get("properties", {}).values():
            if "default" in rules and rules["default"] is None:
                del rules["default"]
    refinements.refine_answers(found)
    refinements.refine_bodies(found)
    refine_packages(found)
    refine_installs(found)
    refine_templates(found)
    refine_catalogue(found)
    refine_configs(found)
    refine_instances(found)
    refine_sessions(found)
    # Whatever an api declares nowhere is sealed, in either mode.
    found["ApiConfiguration"] = accept(catalogue.api, lenient=True)
    for name, connector in catalogue.items():
        found[f"Configuration.{name}"] = accept(connector, lenient=lenient)
    _vary(found, "Integration", found.pop("IntegrationItem"), catalogue)
    provider = found.pop("ProviderItem")
    _vary(found, "Provider", {**provider, "required": ["type"]}, catalogue)
    found["UntypedProvider"] = _specialise(provider, "UntypedProvider", _UNTYPED, {"type": "null"})
    found["ProviderItem"] = {
        "title": "ProviderItem",
        "description": provider["description"],
        "anyOf": [found["ProviderItem"], refer("UntypedProvider")],
    }
    found["Integrations"] = {
        "title": "Integrations",
        "type": "array",
        "items": refer("IntegrationItem"),
        "minItems": 1,
        "maxItems": wire.MAX_ITEMS,
    }
    found["IntegrationsOrPackage"] = {
        "title": "IntegrationsOrPackage",
        "description": "An array is a bulk save of integrations, an object the draft of a package.",
        "oneOf": [refer("Integrations"), refer("PackageBody")],
    }
    return found


def _vary(found: dict[str, Schema], stem: str, item: Schema, catalogue: Catalogue) -> None:
    """Describe an item once for each connector type, and for those that a workspace registers."""
    for name, connector in catalogue.items():
        found[f"{stem}.{name}"] = _describe_branch(item, name, connector)
    own = {
        "description": _OWN_TYPE,
        "type": "string",
        "pattern": refinements.TYPE_NAME,
        "not": {"enum": [*catalogue]},
    }
    found[f"{stem}OfOwnType"] = _specialise(item, f"{stem}OfOwnType", _OWN, own)
    branches = {name: refer(f"{stem}.{name}")["$ref"] for name in catalogue}
    found[f"{stem}Item"] = {
        "title": item["title"],
        "description": item["description"],
        "oneOf": [*({"$ref": place} for place in branches.values()), refer(f"{stem}OfOwnType")],
        "discriminator": {"propertyName": "type", "mapping": branches},
    }


def _describe_branch(item: Schema, name: str, type: ConnectorType) -> Schema:
    branch = _specialise(item, type.title, type.description, {"const": name})
    branch["properties"]["configuration"]["anyOf"] = [refer(f"Configuration.{name}"), {"type": "null"}]
    return branch


def _specialise(item: Schema, title: str, description: str, type: Schema) -> Schema:
    properties = {**deepcopy(item["properties"]), "type": type}
    return {**item, "title": title, "description": description, "properties": properties}
