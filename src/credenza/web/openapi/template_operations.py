"""What is said of the calls about templates and their providers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from credenza.model import Permission
from credenza.web.openapi.facts import BODY, READ, READ_ONE, Facts
from credenza.web.openapi.template_examples import (
    NEW_TEMPLATE,
    NEW_TEMPLATE_PROVIDER,
    TEMPLATE,
    TEMPLATE_PROVIDER,
)
from credenza.web.openapi.template_parameters import PRESENTATION, list_query
from credenza.web.templates.presentations import HEADER

_CREATE = (400, 401, 403, 409, *BODY, 500, 503, 507)
_CREATE_WITHIN = (*_CREATE, 404)
_CHANGE = (*_CREATE_WITHIN, 410)
_ARCHIVE = (400, 401, 403, 404, 409, 410, 500, 503, 507)
_ARCHIVED = "What is archived stays readable by its id, and in lists that ask for its status."


def list_facts(tag: str, answer: str, *filters: str, note: str = "", **more: Any) -> Facts:  # noqa: ANN401
    """Return what is said of a list of this surface; `answer` names what its items are."""
    return Facts(
        tag,
        {200: (f"{answer}List",)},
        READ,
        list_query(*filters, **more),
        (HEADER,),
        presented=True,
        note=note,
    )


def read_facts(tag: str, answer: str, note: str = "") -> Facts:
    """Return what is said of reading one thing of this surface."""
    return Facts(tag, {200: (answer,)}, READ_ONE, PRESENTATION, (HEADER,), presented=True, note=note)


def write_facts(
    tag: str,
    answer: str,
    errors: tuple[int, ...],
    body: str | None = None,
    examples: Mapping[str, Any] | None = None,
    *,
    needs: Permission = Permission.WRITE,
    note: str = "",
) -> Facts:
    """Return what is said of making, changing or archiving one thing of this surface."""
    return Facts(
        tag,
        {200: (answer,)},
        errors,
        PRESENTATION,
        (HEADER,),
        body,
        examples or {},
        needs=needs,
        presented=True,
        note=note,
    )


CREATE, CREATE_WITHIN, CHANGE, ARCHIVE = _CREATE, _CREATE_WITHIN, _CHANGE, _ARCHIVE
_TEMPLATES, _PROVIDERS = "Templates", "Providers of templates"

TEMPLATES: dict[str, Facts] = {
    "ping": Facts("Service", {200: ("Pong",)}, guarded=False, presented=True, kind="text/plain"),
    "list_templates": list_facts(
        _TEMPLATES, "TemplateAnswer", "provider_id", "integration_provider_id", note=_ARCHIVED
    ),
    "read_integration": read_facts(_TEMPLATES, "TemplateAnswer"),
    "create_integration": write_facts(
        _TEMPLATES,
        "TemplateAnswer",
        CREATE,
        "TemplateBody",
        NEW_TEMPLATE,
        note="Whoever may override tool filters may attach some.",
    ),
    "update_integration": write_facts(
        _TEMPLATES,
        "TemplateAnswer",
        CHANGE,
        "TemplateUpdate",
        TEMPLATE,
        note="What is left out stays; metadata is replaced as a whole. What is archived is a 410.",
    ),
    "archive_integration": write_facts(
        _TEMPLATES, "TemplateAnswer", ARCHIVE, note=f"It cannot be taken back. {_ARCHIVED}"
    ),
    "list_integration_providers": list_facts(
        _PROVIDERS,
        "TemplateProviderAnswer",
        "integration_id",
        "provider_id",
        "provider_deployment_id",
        "provider_auth_method_id",
        "provider_auth_credentials_id",
        "provider_config_id",
        note=f"A search looks at what the provider is called as well. {_ARCHIVED}",
    ),
    "read_integration_provider": read_facts(_PROVIDERS, "TemplateProviderAnswer"),
    "create_integration_provider": write_facts(
        _PROVIDERS,
        "TemplateProviderAnswer",
        CREATE_WITHIN,
        "TemplateProviderBody",
        NEW_TEMPLATE_PROVIDER,
        note="A template has each provider once, and 50 at most; one that was archived comes back as it was. "
        "Without an auth method, the first one of the provider that requires a secret is taken, and one "
        "without only where there is no other.",
    ),
    "update_integration_provider": write_facts(
        _PROVIDERS,
        "TemplateProviderAnswer",
        CHANGE,
        "TemplateProviderUpdate",
        TEMPLATE_PROVIDER,
        note="What is left out stays. What it is bound to, and its tool filter, make a version.",
    ),
    "archive_integration_provider": write_facts(
        _PROVIDERS, "TemplateProviderAnswer", ARCHIVE, note=_ARCHIVED
    ),
}
TEMPLATE_TAGS = [
    {"name": _TEMPLATES, "description": "Which providers a feature needs, for instances to be made of."},
    {"name": _PROVIDERS, "description": "What each provider of a template is bound to."},
]
