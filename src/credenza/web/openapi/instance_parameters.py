"""What may stand in the queries and paths of the calls about instances."""

from __future__ import annotations

from credenza.web.openapi.configurations import Schema
from credenza.web.openapi.template_parameters import describe_choice
from credenza.web.templates.instances import LISTING

INSTANCE_PARAMETERS: dict[str, Schema] = {
    "instance-status": describe_choice(
        "status",
        "Only those of these statuses; without, drafts and those that are active.",
        enum=[*LISTING.statuses],
    ),
    "integration_instance_id": describe_choice("integration_instance_id", "Only those of these instances."),
    "identity_id": describe_choice("identity_id", "Only those for these identities."),
    "identity_actor_id": describe_choice("identity_actor_id", "Only those for these actors."),
    "identity_credential_id": describe_choice(
        "identity_credential_id", "Only those for identities with these credentials."
    ),
    "provider_auth_config_id": describe_choice(
        "provider_auth_config_id", "Only those bound to these auth configs."
    ),
    "session_template_id": describe_choice("session_template_id", "Only those with these session templates."),
}
INSTANCE_PATH_PARAMETERS: dict[str, Schema] = {
    "integration_instance_id": {
        "description": "Id of an instance.",
        "schema": {"type": "string", "minLength": 1},
    },
    "integration_instance_provider_id": {
        "description": "Id of a provider of an instance.",
        "schema": {"type": "string", "minLength": 1},
    },
}
