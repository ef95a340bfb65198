"""The component schemas of the catalogue, of deployments, identities and actors."""

from __future__ import annotations

from typing import Any

from credenza.plans.deployments import DeploymentBody, DeploymentUpdate
from credenza.plans.identities import (
    MAX_CREDENTIALS,
    TYPES,
    IdentityActorBody,
    IdentityActorUpdate,
    IdentityBody,
    IdentityUpdate,
)
from credenza.web.openapi.configurations import Schema, refer
from credenza.web.openapi.template_schemas import describe_filters, describe_list, refine_answer, refine_body
from credenza.web.templates import catalogue, identities
from credenza.web.templates.deployments import DeploymentAnswer

_BODIES = [
    DeploymentBody,
    DeploymentUpdate,
    IdentityActorBody,
    IdentityActorUpdate,
    IdentityBody,
    IdentityUpdate,
]
_OBJECTS = {
    "ProviderAnswer": "provider",
    "AuthMethodAnswer": "provider.capabilities.auth_method",
    "SpecificationAnswer": "provider.specification",
    "ProviderVersionAnswer": "provider.version",
    "ConfigSchemaAnswer": "provider.capabilities.config.schema",
    "PublisherAnswer": "provider.publisher",
    "DeploymentAnswer": "provider.deployment",
    "IdentityActorAnswer": "identity.actor",
    "IdentityAnswer": "identity",
    "IdentityCredentialAnswer": "identity.credential",
}
_WITH_STATUS = {
    "ProviderAnswer",
    "DeploymentAnswer",
    "IdentityActorAnswer",
    "IdentityAnswer",
    "IdentityCredentialAnswer",
}
_STATUSES = ["active", "archived", "deleted"]
_UNLISTED = {"ConfigSchemaAnswer", "PublisherAnswer", "IdentityCredentialAnswer"}

CATALOGUE_TYPES: list[Any] = [
    *_BODIES,
    catalogue.ProviderAnswer,
    catalogue.AuthMethodAnswer,
    catalogue.SpecificationAnswer,
    catalogue.ConfigSchemaAnswer,
    DeploymentAnswer,
    identities.IdentityAnswer,
]


def refine_catalogue(found: dict[str, Schema]) -> None:
    """Say of these what their types leave open, and add the lists; `refine_templates` comes before."""
    for body in _BODIES:
        refine_body(found[body.__name__])
    for name, word in _OBJECTS.items():
        refine_answer(found[name], statuses=_STATUSES if name in _WITH_STATUS else None)
        found[name]["properties"]["object"] = {"const": word}
        if name not in _UNLISTED:
            found[f"{name}List"] = describe_list(name)
    found["SchemaAnswer"]["properties"]["type"] = {"const": "json_schema"}
    found["AuthMethodAnswer"]["properties"]["type"] = {"enum": ["token", "custom"]}
    found["ProviderAnswer"]["properties"]["access"] = {"enum": ["public", "tenant"]}
    found["IdentityOwner"]["properties"]["type"] = {"const": "actor"}
    found["DeploymentAnswer"]["properties"]["tool_filter"] = refer("ToolFilter")
    for name in ("IdentityActorBody", "IdentityActorAnswer"):
        found[name]["properties"]["type"] = {"enum": [*TYPES]}
    found["IdentityActorUpdate"]["properties"]["name"]["type"] = "string"
    _refine_bodies(found)


def _refine_bodies(found: dict[str, Schema]) -> None:
    for name in ("DeploymentBody", "DeploymentUpdate"):
        properties = found[name]["properties"]
        properties["tool_filters"] = describe_filters()
        properties["locked_provider_version_id"] = {
            "type": "null",
            "description": "A provider has one version at a time, so there is none to lock.",
        }
    credentials = found["IdentityBody"]["properties"]["credentials"]["anyOf"][0]
    credentials["maxItems"] = MAX_CREDENTIALS
    item = found["IdentityCredentialItem"]
    item["properties"]["delegation_config_id"] = {"type": "null", "description": "There are no delegations."}
    names = [name for name in item["properties"] if name != "delegation_config_id"]
    item["anyOf"] = [{"required": [name], "properties": {name: {"type": "string"}}} for name in names]
