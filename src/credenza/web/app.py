"""The application: imports every room of the web, and is imported by none."""

from __future__ import annotations

from litestar import Litestar
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp
from prometheus_client import CollectorRegistry

from credenza.errors import CredenzaError
from credenza.settings import Credenza
from credenza.web import health, tokens
from credenza.web.integrations import routes
from credenza.web.observe import Observe
from credenza.web.paths import Paths
from credenza.web.problems import answer_problem
from credenza.web.requests import MAX_BODY


def create_app(opened: Credenza) -> ASGIApp:
    """Return the ASGI application over everything that is open. Closing that is the caller's."""
    registry = CollectorRegistry()
    app = Litestar(
        [
            *routes.HANDLERS,
            tokens.issue_token,
            health.read_health,
            health.read_readiness,
            health.read_metrics,
        ],
        state=State({"credenza": opened, "registry": registry}),
        exception_handlers={
            CredenzaError: answer_problem,
            HTTPException: answer_problem,
            Exception: answer_problem,
        },
        request_max_body_size=MAX_BODY,
        logging_config=None,
        openapi_config=None,
        debug=False,
    )
    return Observe(Paths(app), registry, log=opened.settings.access_log)
