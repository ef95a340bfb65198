"""What may stand in the queries and paths of the catalogue, of deployments, identities and actors."""

from __future__ import annotations

from credenza.web.openapi.configurations import Schema
from credenza.web.openapi.template_parameters import describe_choice
from credenza.web.templates.providers import NAMING


def _describe_one(name: str) -> Schema:
    word = name.removesuffix("_id").removeprefix("provider_").replace("_", " ")
    description = (
        "The provider, by its id or slug." if word == "provider" else f"The provider of this {word}."
    )
    return {
        "name": name,
        "in": "query",
        "description": description,
        "schema": {"type": "string", "maxLength": 256},
    }


CATALOGUE_PARAMETERS: dict[str, Schema] = {
    "provider_version_id": describe_choice("provider_version_id", "Only those of these provider versions."),
    "provider_specification_id": describe_choice(
        "provider_specification_id", "Only those of these specifications."
    ),
    "actor_id": describe_choice("actor_id", "Only those of these actors."),
    **{f"one-{name}": _describe_one(name) for name in NAMING},
}
CATALOGUE_PATH_PARAMETERS: dict[str, Schema] = {
    name: {"description": f"Id of {words}.", "schema": {"type": "string", "minLength": 1}}
    for name, words in {
        "provider_id": "a provider, or its slug",
        "provider_auth_method_id": "an auth method",
        "provider_specification_id": "a specification",
        "provider_version_id": "a provider version",
        "provider_deployment_id": "a deployment",
        "provider_config_id": "a config",
        "provider_auth_config_id": "an auth config",
        "provider_auth_credentials_id": "auth credentials",
        "identity_id": "an identity",
        "identity_actor_id": "an actor",
    }.items()
}
