"""What is said of the calls about the catalogue of providers, deployments, identities and actors."""

from __future__ import annotations

from credenza.web.openapi.catalogue_examples import (
    DEPLOYMENT,
    NEW_ACTOR,
    NEW_DEPLOYMENT,
    NEW_IDENTITY,
    WORDS,
)
from credenza.web.openapi.facts import READ_ONE, Facts
from credenza.web.openapi.template_operations import (
    ARCHIVE,
    CHANGE,
    CREATE,
    CREATE_WITHIN,
    list_facts,
    read_facts,
    write_facts,
)
from credenza.web.openapi.template_parameters import PRESENTATION
from credenza.web.templates.presentations import HEADER
from credenza.web.templates.providers import NAMING

_CATALOGUE, _DEPLOYMENTS, _IDENTITIES = "Catalogue", "Deployments", "Identities"
_SLUG = "A provider is a connector type; its slug is the type's name, and serves as its id in every call."
_USED = "What refers to it already goes on doing so; nothing new may."
_IN_USE = "One that a provider of an integration or an active instance uses is a 409 `in_use`."
_ALL = "What is left out stays; metadata is replaced as a whole. What is archived is a 410."


CATALOGUE: dict[str, Facts] = {
    "list_offered_providers": list_facts(_CATALOGUE, "ProviderAnswer", note=_SLUG),
    "read_offered_provider": read_facts(_CATALOGUE, "ProviderAnswer", _SLUG),
    "list_auth_methods": list_facts(
        _CATALOGUE,
        "AuthMethodAnswer",
        *NAMING,
        "provider_specification_id",
        note="Where a type lets a key decide which secrets it needs, each of its values is a method.",
    ),
    "read_auth_method": read_facts(_CATALOGUE, "AuthMethodAnswer"),
    "list_specifications": list_facts(_CATALOGUE, "SpecificationAnswer", *NAMING),
    "read_specification": read_facts(_CATALOGUE, "SpecificationAnswer"),
    "list_provider_versions": list_facts(_CATALOGUE, "ProviderVersionAnswer", "provider_id"),
    "read_provider_version": read_facts(_CATALOGUE, "ProviderVersionAnswer"),
    "read_config_schema": Facts(
        _CATALOGUE,
        {200: ("ConfigSchemaAnswer",)},
        READ_ONE,
        (*(f"one-{name}" for name in NAMING), *PRESENTATION),
        (HEADER,),
        presented=True,
        note="Name the provider by one of these. The schema holds what stands in clear, no secret.",
    ),
    "list_deployments": list_facts(_DEPLOYMENTS, "DeploymentAnswer", "provider_id"),
    "read_deployment": read_facts(_DEPLOYMENTS, "DeploymentAnswer"),
    "create_provider_deployment": write_facts(
        _DEPLOYMENTS, "DeploymentAnswer", CREATE_WITHIN, "DeploymentBody", NEW_DEPLOYMENT
    ),
    "update_provider_deployment": write_facts(
        _DEPLOYMENTS, "DeploymentAnswer", CHANGE, "DeploymentUpdate", DEPLOYMENT, note=_ALL
    ),
    "archive_deployment": write_facts(_DEPLOYMENTS, "DeploymentAnswer", ARCHIVE, note=_IN_USE),
    "list_identity_actors": list_facts(_IDENTITIES, "IdentityActorAnswer"),
    "read_identity_actor": read_facts(_IDENTITIES, "IdentityActorAnswer"),
    "create_identity_actor": write_facts(
        _IDENTITIES, "IdentityActorAnswer", CREATE, "IdentityActorBody", NEW_ACTOR
    ),
    "update_identity_actor": write_facts(
        _IDENTITIES, "IdentityActorAnswer", CHANGE, "IdentityActorUpdate", WORDS, note=_ALL
    ),
    "archive_identity_actor": write_facts(_IDENTITIES, "IdentityActorAnswer", ARCHIVE, note=_USED),
    "list_identities": list_facts(_IDENTITIES, "IdentityAnswer", "actor_id"),
    "read_identity": read_facts(_IDENTITIES, "IdentityAnswer"),
    "create_actor_identity": write_facts(
        _IDENTITIES, "IdentityAnswer", CREATE_WITHIN, "IdentityBody", NEW_IDENTITY
    ),
    "update_actor_identity": write_facts(
        _IDENTITIES, "IdentityAnswer", CHANGE, "IdentityUpdate", WORDS, note=_ALL
    ),
    "archive_identity": write_facts(_IDENTITIES, "IdentityAnswer", ARCHIVE, note=_USED),
}
CATALOGUE_TAGS = [
    {"name": _CATALOGUE, "description": "The providers there are, and what each of them needs."},
    {"name": _DEPLOYMENTS, "description": "Providers as this workspace uses them."},
    {"name": _IDENTITIES, "description": "For whom something is set up: persons and agents."},
]
