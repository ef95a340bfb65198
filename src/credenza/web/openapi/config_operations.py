"""What is said of the calls about configs, auth configs and auth credentials, and the bodies they show."""

from __future__ import annotations

from typing import Any

from credenza.web.openapi.facts import Facts
from credenza.web.openapi.template_operations import (
    ARCHIVE,
    CHANGE,
    CREATE_WITHIN,
    list_facts,
    read_facts,
    write_facts,
)

_CONFIGS, _AUTH_CONFIGS, _CREDENTIALS = "Configs", "Auth configs", "Auth credentials"
_SILENT = "No answer holds a value of it."
_USED = (
    "What something active uses is a 409 `in_use`, which says what that is. Its values are destroyed, and "
    f"nothing brings them back. {_SILENT}"
)
_ALL = "What is left out stays; metadata is replaced as a whole. What is archived is a 410."
_SEALED = (
    "Secrets are sealed for where the config leads that is named, else the default config of the deployment, "
    "else the provider by itself, and go nowhere else."
)
NEW_CONFIG: dict[str, Any] = {
    "shared": {
        "summary": "What is public of a provider; which keys there are, its config schema says",
        "value": {"provider_id": "git", "name": "Bot", "value": {"user": "robin"}},
    }
}
CONFIG: dict[str, Any] = {
    "rename": {"summary": "Call it something else", "value": {"name": "Bot of support"}},
}
NEW_AUTH_CONFIG: dict[str, Any] = {
    "token": {
        "summary": "The secrets that an auth method asks for",
        "value": {
            "provider_auth_method_id": "pam_0mi8tq2k1Aa0Bb1Cc2Dd3Ee",
            "name": "Bot",
            "value": {"api_key": "made-up"},
        },
    }
}
AUTH_CONFIG: dict[str, Any] = {
    "rotate": {"summary": "Replace a secret", "value": {"value": {"api_key": "made-up-too"}}},
    "rename": {
        "summary": "Call it something else, and keep all secrets",
        "value": {"name": "Bot of support"},
    },
}
NEW_CREDENTIALS: dict[str, Any] = {
    "client": {
        "summary": "An OAuth client as the provider registered it",
        "value": {
            "provider_id": "git",
            "name": "Support",
            "config": {"client_id": "support", "client_secret": "made-up", "scopes": ["repo"]},
        },
    }
}
CREDENTIALS: dict[str, Any] = {
    "rotate": {
        "summary": "Replace the secret of the client",
        "value": {"client_secret": "made-up-too"},
    }
}
CONFIGS: dict[str, Facts] = {
    "list_configs": list_facts(_CONFIGS, "ConfigAnswer", "provider_id", "provider_deployment_id"),
    "read_config": read_facts(_CONFIGS, "ConfigAnswer", _SILENT),
    "create_provider_config": write_facts(
        _CONFIGS,
        "ConfigAnswer",
        CREATE_WITHIN,
        "ConfigBody",
        NEW_CONFIG,
        note=f"Values are checked by the config schema of the provider. {_SILENT}",
    ),
    "update_provider_config": write_facts(
        _CONFIGS,
        "ConfigAnswer",
        CHANGE,
        "ConfigUpdate",
        CONFIG,
        note=f"Values stay as they are: make another config, and name that one instead. {_ALL}",
    ),
    "archive_provider_config": write_facts(_CONFIGS, "ConfigAnswer", ARCHIVE, note=_USED),
    "list_auth_configs": list_facts(
        _AUTH_CONFIGS,
        "AuthConfigAnswer",
        "provider_id",
        "provider_deployment_id",
        "provider_config_id",
        "provider_auth_method_id",
    ),
    "read_auth_config": read_facts(_AUTH_CONFIGS, "AuthConfigAnswer", _SILENT),
    "create_provider_auth_config": write_facts(
        _AUTH_CONFIGS,
        "AuthConfigAnswer",
        CREATE_WITHIN,
        "AuthConfigBody",
        NEW_AUTH_CONFIG,
        note=f"{_SEALED} {_SILENT}",
    ),
    "update_provider_auth_config": write_facts(
        _AUTH_CONFIGS,
        "AuthConfigAnswer",
        CHANGE,
        "AuthConfigUpdate",
        AUTH_CONFIG,
        note="A secret that is left out is kept, one of null cleared, a text replaces it; whatever uses them "
        "has the new ones at once. They stay sealed for the place they were entered for, whatever the "
        "default config of the deployment is by now; `provider_config_id`, with all secrets entered again, "
        "moves them. "
        f"{_SEALED} {_ALL}",
    ),
    "archive_provider_auth_config": write_facts(_AUTH_CONFIGS, "AuthConfigAnswer", ARCHIVE, note=_USED),
    "list_auth_credentials": list_facts(_CREDENTIALS, "AuthCredentialsAnswer", "provider_id"),
    "read_auth_credentials": read_facts(_CREDENTIALS, "AuthCredentialsAnswer", _SILENT),
    "create_auth_credentials": write_facts(
        _CREDENTIALS,
        "AuthCredentialsAnswer",
        CREATE_WITHIN,
        "CredentialsBody",
        NEW_CREDENTIALS,
        note=f"The secret of the client is sealed. {_SILENT}",
    ),
    "update_auth_credentials": write_facts(
        _CREDENTIALS, "AuthCredentialsAnswer", CHANGE, "CredentialsUpdate", CREDENTIALS, note=_ALL
    ),
    "archive_auth_credentials": write_facts(_CREDENTIALS, "AuthCredentialsAnswer", ARCHIVE, note=_USED),
}
CONFIG_TAGS = [
    {"name": _CONFIGS, "description": "What providers are configured with, except for secrets."},
    {"name": _AUTH_CONFIGS, "description": "The secrets of providers: they go in, and never come out."},
    {"name": _CREDENTIALS, "description": "OAuth clients of providers."},
]
