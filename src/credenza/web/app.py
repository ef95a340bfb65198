"""The application: imports every room of the web, and is imported by none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

from litestar import Litestar
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp
from prometheus_client import CollectorRegistry

from credenza.errors import CredenzaError
from credenza.settings import Credenza
from credenza.web import health, pages, tokens
from credenza.web.integrations import routes
from credenza.web.landing import Landing
from credenza.web.methods import answer_options
from credenza.web.observe import Observe
from credenza.web.paths import Paths
from credenza.web.problems import answer_problem
from credenza.web.requests import MAX_BODY
from credenza.web.setup import routes as setup_pages
from credenza.web.setup.flow import SetupSessions
from credenza.web.setup.model import Setup
from credenza.web.templates import routes as templates
from credenza.web.templates.instance_cascade import resume

DESCRIBED = [*routes.HANDLERS, *templates.HANDLERS, *tokens.HANDLERS, *health.HANDLERS]


_RETRY_SECONDS = 10


@asynccontextmanager
async def _keep_unlocking(app: Litestar) -> AsyncIterator[None]:
    """Finish what was interrupted, and ask for the vault's key again from time to time while it is missing.

    So no restart is needed, and nothing is served half done.
    """
    opened = app.state.credenza
    vault = opened.vault

    async def ask() -> None:
        while vault.locked is not None:
            await asyncio.sleep(_RETRY_SECONDS)
            await asyncio.to_thread(vault.unlock)
        await asyncio.to_thread(_resume, opened)

    asking = asyncio.create_task(ask())
    if vault.locked is None:
        await asking
    try:
        yield
    finally:
        asking.cancel()


def _resume(opened: Credenza) -> None:
    # A store that cannot be written to serves what it can all the same.
    with suppress(CredenzaError):
        resume(opened)


def _describe(opened: Credenza) -> dict[str, Any]:
    # A tenth of a second and some megabytes, for the one who asks for the document.
    from credenza.web.openapi import describe  # noqa: PLC0415

    return describe(DESCRIBED, opened.catalogue, lenient=opened.policy.lenient)


def create_app(opened: Credenza, setup: Setup | None = None) -> ASGIApp:
    """Return the ASGI application over everything that is open. Closing that is the caller's.

    `setup` are the setup sessions that have pages, if not those of the store.
    """
    registry = CollectorRegistry()
    served = [*DESCRIBED, *pages.HANDLERS, *setup_pages.HANDLERS]
    browsed = pages.Pages(partial(_describe, opened))
    app = Litestar(
        [answer_options(served), *served],
        state=State(
            {
                "credenza": opened,
                "landing": Landing(),
                "registry": registry,
                "pages": browsed,
                "setup": setup or SetupSessions(opened),
            }
        ),
        exception_handlers={
            CredenzaError: answer_problem,
            HTTPException: answer_problem,
            Exception: answer_problem,
        },
        request_max_body_size=MAX_BODY,
        lifespan=[_keep_unlocking],
        logging_config=None,
        openapi_config=None,
        debug=False,
    )
    return Observe(Paths(app), registry, log=opened.settings.access_log)
