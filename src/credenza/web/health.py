"""Is it alive, is it ready, what has it done: for orchestrators and Prometheus. No credential is asked."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from litestar import Request, Response, get
from prometheus_client import CollectorRegistry, generate_latest

from credenza.errors import CredenzaError, NotFound
from credenza.settings import Credenza


class Health(msgspec.Struct):
    """That the process answers."""

    status: str = "ok"


class Readiness(msgspec.Struct):
    """Whether requests can be served, and what is missing."""

    status: str
    store: str
    vault: str


@get("/healthz")
async def read_health() -> Health:
    """Say that the process answers."""
    return Health()


@get("/readyz")
async def read_readiness(request: Request[Any, Any, Any]) -> Response[Readiness]:
    """Say whether the store answers and the vault is open; 503 where not, and once the server is to end."""
    opened: Credenza = request.app.state.credenza
    try:
        await asyncio.to_thread(opened.store.ready)
        store = "ok"
    except CredenzaError:
        store = "unavailable"
    vault = "ok" if opened.vault.locked is None else "locked"
    draining: bool = request.app.state.draining.begun
    ready = (store, vault) == ("ok", "ok") and not draining
    readiness = Readiness("draining" if draining else "ok" if ready else "degraded", store, vault)
    return Response(readiness, status_code=200 if ready else 503)


@get("/metrics", media_type="text/plain")
async def read_metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Return the counters in Prometheus' text format."""
    if request.app.state.credenza.settings.metrics != "on":
        raise NotFound("There is nothing at this path.")  # switched off, or served elsewhere
    registry: CollectorRegistry = request.app.state.registry
    # Some of it is asked of the store.
    told = await asyncio.to_thread(generate_latest, registry)
    return Response(told, media_type="text/plain; version=0.0.4")


HANDLERS = [read_health, read_readiness, read_metrics]
