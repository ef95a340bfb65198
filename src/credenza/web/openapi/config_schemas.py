"""The component schemas of configs, auth configs and auth credentials."""

from __future__ import annotations

from typing import Any

from credenza.plans.auth_configs import MANUAL, SETUP_SESSION, SYSTEM, AuthConfigBody, AuthConfigUpdate
from credenza.plans.configs import ConfigBody, ConfigUpdate
from credenza.plans.credentials import MAX_SCOPE, MAX_SCOPES, OAUTH, CredentialsBody, CredentialsUpdate
from credenza.web.openapi.configurations import Schema, refer
from credenza.web.openapi.template_schemas import (
    describe_filters,
    describe_list,
    refine_answer,
    refine_body,
)
from credenza.web.templates.auth_configs import AuthConfigAnswer
from credenza.web.templates.configs import ConfigAnswer
from credenza.web.templates.credentials import AuthCredentialsAnswer

_BODIES = [ConfigBody, ConfigUpdate, AuthConfigBody, AuthConfigUpdate, CredentialsBody, CredentialsUpdate]
_FILTERED = ("ConfigBody", "ConfigUpdate", "AuthConfigBody", "AuthConfigUpdate")
_OBJECTS = {
    "ConfigAnswer": "provider.config",
    "AuthConfigAnswer": "provider.auth_config",
    "AuthCredentialsAnswer": "provider.auth_credentials",
}
_STATUSES = ["active", "archived", "deleted"]
_CONFIG_VALUES = "By key, as the config schema of the provider has them."
_SECRETS = "By key, as the input schema of the auth method has them. They go in, and never come out."
_NO_VAULT = {"type": "null", "description": "There are no vaults of values here."}
_TYPE = {"enum": [OAUTH, None]}

CONFIG_TYPES: list[Any] = [*_BODIES, ConfigAnswer, AuthConfigAnswer, AuthCredentialsAnswer]


def refine_configs(found: dict[str, Schema]) -> None:
    """Say of these what their types leave open, and add the lists; `refine_templates` comes before."""
    for body in (*(each.__name__ for each in _BODIES), "ConfigItem"):
        refine_body(found[body])
    for name in _FILTERED:
        found[name]["properties"]["tool_filters"] = describe_filters()
    for name, word in _OBJECTS.items():
        refine_answer(found[name], statuses=_STATUSES)
        found[name]["properties"]["object"] = {"const": word}
        found[f"{name}List"] = describe_list(name)
    for name in ("ConfigAnswer", "AuthConfigAnswer"):
        found[name]["properties"]["tool_filter"] = refer("ToolFilter")
    answer = found["AuthConfigAnswer"]["properties"]
    answer["type"] = {"enum": [MANUAL, "oauth_automated", "oauth_manual"]}
    answer["source"] = {"enum": [MANUAL, SETUP_SESSION, SYSTEM]}
    found["AuthCredentialsAnswer"]["properties"]["type"] = {"const": OAUTH}
    # It is refused by name, so that people are told what to do instead.
    del found["ConfigUpdate"]["properties"]["value"]
    for name in ("ConfigBody", "ConfigItem"):
        found[name]["properties"]["provider_config_vault_id"] = _NO_VAULT
        found[name]["properties"]["value"]["description"] = _CONFIG_VALUES
    for name in ("AuthConfigBody", "AuthConfigUpdate"):
        found[name]["properties"]["value"] |= {"description": _SECRETS, "writeOnly": True}
    found["ClientItem"]["properties"]["type"] = _TYPE
    for name in ("ClientItem", "CredentialsUpdate"):
        _refine_client(found[name]["properties"])


def _refine_client(properties: Schema) -> None:
    properties["client_id"]["minLength"] = 1
    properties["client_secret"] |= {"minLength": 1, "writeOnly": True}
    scope = {"type": "string", "minLength": 1, "maxLength": MAX_SCOPE, "pattern": r"\S"}
    scopes = properties["scopes"]["anyOf"][0]
    scopes |= {"items": scope, "maxItems": MAX_SCOPES}
