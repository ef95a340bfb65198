"""The calls of this surface. `/ping` says that it is there."""

from __future__ import annotations

from litestar import get
from litestar.response.base import ASGIResponse

from credenza.web.answers import Answer
from credenza.web.asking import AnyRequest
from credenza.web.templates import (
    auth_configs,
    configs,
    credentials,
    deployments,
    identities,
    instance_providers,
    instances,
    integration_providers,
    integrations,
    providers,
    resolving,
    session_templates,
    sessions,
    setup_sessions,
)
from credenza.web.templates.presentations import HEADER, read_version


@get("/ping")
async def ping(request: AnyRequest) -> Answer:
    """Return OK."""
    return ASGIResponse(body=b"OK", media_type="text/plain", headers={HEADER: read_version(request)})


HANDLERS = [
    ping,
    *integrations.HANDLERS,
    *integration_providers.HANDLERS,
    *providers.HANDLERS,
    *deployments.HANDLERS,
    *configs.HANDLERS,
    *auth_configs.HANDLERS,
    *credentials.HANDLERS,
    *identities.HANDLERS,
    *instances.HANDLERS,
    *instance_providers.HANDLERS,
    *session_templates.HANDLERS,
    *sessions.HANDLERS,
    *resolving.HANDLERS,
    *setup_sessions.HANDLERS,
]
