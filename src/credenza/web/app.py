"""The application: imports every room of the web, and is imported by none.

What few servers need is imported when it is first asked for: the surface of templates with its pages, and
the description of everything. So a server is ready sooner and smaller.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from litestar import Litestar
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from credenza.errors import CredenzaError
from credenza.metrics import Metrics
from credenza.model import Choice
from credenza.plans.cascades import KIND as CASCADE
from credenza.settings import Credenza
from credenza.web import health, pages, tokens
from credenza.web.draining import Draining
from credenza.web.integrations import routes
from credenza.web.key_gauges import KeyGauges
from credenza.web.landing import Landing
from credenza.web.later import Later
from credenza.web.leasing import Leasing
from credenza.web.methods import answer_options
from credenza.web.observe import Observe
from credenza.web.packages.presence import is_packaged
from credenza.web.paths import Paths
from credenza.web.problems import answer_problem
from credenza.web.requests import MAX_BODY
from credenza.web.templates.presentations import is_presented

if TYPE_CHECKING:  # importing it is what is put off
    from credenza.web.setup.model import Setup

_HANDLERS = [*routes.HANDLERS, *tokens.HANDLERS, *health.HANDLERS, *pages.HANDLERS]
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

    async def renew() -> None:
        leasing = app.state.leasing
        await asyncio.wait([asking])
        if leasing is not None:
            await leasing.run()

    asking = asyncio.create_task(ask())
    renewing = asyncio.create_task(renew())
    if vault.locked is None:
        await asking
    try:
        yield
    finally:
        asking.cancel()
        renewing.cancel()


def _resume(opened: Credenza) -> None:
    # A store that cannot be written to serves what it can all the same.
    with suppress(CredenzaError):
        if _is_interrupted(opened):
            from credenza.web.surfaces import resume  # noqa: PLC0415

            resume(opened)


def _is_interrupted(opened: Credenza) -> bool:
    """Tell whether instances were left that have still to follow what they are made of."""
    begun = Choice(kind=CASCADE, limit=1)
    return any(opened.store.read(each, lambda tx: tx.cards(begun)) for each in opened.accounts.workspaces())


def _describe(opened: Credenza) -> dict[str, Any]:
    from credenza.web.openapi import describe  # noqa: PLC0415
    from credenza.web.surfaces import DESCRIBED  # noqa: PLC0415

    return describe(DESCRIBED, opened.catalogue, lenient=opened.policy.lenient)


def create_app(opened: Credenza, setup: Setup | None = None, draining: Draining | None = None) -> ASGIApp:
    """Return the ASGI application over everything that is open. Closing that is the caller's.

    `setup` are the setup sessions that have pages, if not those of the store; `draining` is shared with who
    ends the server.
    """
    draining = draining or Draining()
    observer = opened.policy.observer
    metrics = observer if isinstance(observer, Metrics) else Metrics()
    registry = metrics.registry
    registry.register(KeyGauges(opened.store))
    lease = opened.lease()
    state = {
        "credenza": opened,
        "landing": Landing(),
        "registry": registry,
        "leasing": None if lease is None else Leasing(lease, registry),
        "draining": draining,
        "pages": pages.Pages(partial(_describe, opened)),
    }
    first = _make(_HANDLERS, state, lifespan=[_keep_unlocking])
    packages = Later(first, is_packaged, partial(_make_packages, state))
    app = Later(packages, is_presented, partial(_make_templates, opened, state, setup))
    return Observe(Paths(app), metrics, draining, log=opened.settings.logs_requests)


def _make_packages(state: Mapping[str, Any]) -> ASGIApp:
    from credenza.web.surfaces import PACKAGES  # noqa: PLC0415

    return _make(PACKAGES, state)


def _make_templates(opened: Credenza, state: Mapping[str, Any], setup: Setup | None) -> ASGIApp:
    from credenza.web.surfaces import TEMPLATES, open_setup  # noqa: PLC0415

    return _make(TEMPLATES, {**state, "setup": setup or open_setup(opened)})


def _make(
    handlers: Sequence[HTTPRouteHandler], state: Mapping[str, Any], lifespan: Sequence[Any] = ()
) -> Litestar:
    return Litestar(
        [answer_options(handlers), *handlers],
        state=State(dict(state)),
        exception_handlers={
            CredenzaError: answer_problem,
            HTTPException: answer_problem,
            Exception: answer_problem,
        },
        request_max_body_size=MAX_BODY,
        lifespan=lifespan,
        logging_config=None,
        openapi_config=None,
        debug=False,
    )
