"""What is said of the calls about instances and their providers, and the bodies they are shown with."""

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

_INSTANCES, _PROVIDERS = "Instances", "Providers of instances"
_ARCHIVED = "What is archived stays readable by its id, and in lists that ask for its status."
_ACTIVE = (
    "An instance is a draft until every active provider of its template is set, and active from then on. "
    "Each of them is an integration of the workspace then, which refers to its config and auth config."
)
_SETTING = (
    "A provider is named by its id in the template, or the provider's id or slug. What is left out stays; a "
    "config of null is the template's, tool filters of null allow all. A config and an auth config are "
    "checked together, and secrets must have been entered for where that config leads."
)
NEW_INSTANCE: dict[str, Any] = {
    "customer": {
        "summary": "An instance for somebody, for whom an identity is made",
        "value": {
            "integration_id": "int_0mi8tq2k1Aa0Bb1Cc2Dd3Ee",
            "name": "Northwind",
            "metadata": {"customer": "northwind"},
            "identity_actor_id": "iac_0mi8tq2k1Aa0Bb1Cc2Dd3Ee",
        },
    }
}
INSTANCE: dict[str, Any] = {
    "rename": {"summary": "Call it something else", "value": {"name": "Northwind Ltd", "description": None}},
    "set": {
        "summary": "Set one of its providers, and leave the others",
        "value": {
            "providers": [
                {
                    "provider_id": "inp_0mi8tq2k1Aa0Bb1Cc2Dd3Ee",
                    "tool_filters": [{"type": "tool_keys", "keys": ["get_ticket"]}],
                }
            ]
        },
    },
}
INSTANCE_PROVIDER: dict[str, Any] = {
    "reading": {
        "summary": "Let only some of its tools be used",
        "value": {"tool_filters": {"type": "tool_regex", "pattern": "^list_"}},
    }
}
INSTANCES: dict[str, Facts] = {
    "list_instances": list_facts(
        _INSTANCES,
        "InstanceAnswer",
        "integration_id",
        "provider_id",
        "integration_provider_id",
        "identity_id",
        "identity_credential_id",
        "identity_actor_id",
        "provider_deployment_id",
        "provider_config_id",
        "provider_auth_config_id",
        "session_template_id",
        status="instance-status",
        note=_ARCHIVED,
    ),
    "read_integration_instance": read_facts(_INSTANCES, "InstanceAnswer"),
    "create_integration_instance": write_facts(
        _INSTANCES,
        "InstanceAnswer",
        CREATE_WITHIN,
        "InstanceBody",
        NEW_INSTANCE,
        note=f"{_ACTIVE} {_SETTING}",
    ),
    "update_integration_instance": write_facts(
        _INSTANCES,
        "InstanceAnswer",
        CHANGE,
        "InstanceUpdate",
        INSTANCE,
        note=f"What is left out stays, providers too. What is archived is a 410. {_SETTING}",
    ),
    "archive_integration_instance": write_facts(
        _INSTANCES,
        "InstanceAnswer",
        ARCHIVE,
        note=f"With it go its providers, its identity and its session template. {_ARCHIVED}",
    ),
    "list_instance_providers": list_facts(
        _PROVIDERS,
        "InstanceProviderAnswer",
        "integration_id",
        "integration_instance_id",
        "provider_id",
        "integration_provider_id",
        "provider_deployment_id",
        "provider_config_id",
        "provider_auth_config_id",
        "session_template_id",
        note=f"A search looks at what the provider is called as well. {_ARCHIVED}",
    ),
    "read_instance_provider": read_facts(_PROVIDERS, "InstanceProviderAnswer"),
    "set_instance_provider": write_facts(
        _PROVIDERS,
        "InstanceProviderAnswer",
        CHANGE,
        "InstanceProviderBody",
        INSTANCE_PROVIDER,
        note=f"{_SETTING} What is archived is a 410.",
    ),
}
INSTANCE_TAGS = [
    {"name": _INSTANCES, "description": "Templates set up for somebody."},
    {"name": _PROVIDERS, "description": "What each provider of a template has become in an instance."},
]
