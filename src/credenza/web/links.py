"""Addresses that are handed out: under the server's own address, never under one that a request names."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from litestar.connection import ASGIConnection

from credenza.errors import VaultLocked
from credenza.model import Tenant
from credenza.plans.links import SETUP, write_secret
from credenza.plans.setup_sessions import SetupSession
from credenza.sensitive import Sensitive
from credenza.settings import Credenza

SETUP_PATH = "/integration-setup-session"
SECRET = "client_secret"  # noqa: S105  (a name in the address)
_LOOPBACK = ("127.0.0.1", 8080)
_HTTP = 80


def own_address(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """Return the address that the server is known by, else the one it is bound to."""
    opened: Credenza = connection.app.state.credenza
    if opened.settings.public_url:
        return opened.settings.public_url.rstrip("/")
    host, port = connection.scope.get("server") or _LOOPBACK
    named = f"[{host}]" if ":" in host else host
    return f"http://{named}" if port in {None, _HTTP} else f"http://{named}:{port}"


def derive_secret(opened: Credenza, tenant: Tenant, session: SetupSession) -> Sensitive[str] | None:
    """Return the secret of a setup session's link; None where the vault's key is missing."""
    try:
        proof = opened.vault.ring(tenant.id).sign(session.proof)
    except VaultLocked:
        return None
    return Sensitive(write_secret(SETUP, tenant.id, proof))


def write_link(base: str, session_id: str, secret: Sensitive[str] | None, step_id: str | None = None) -> str:
    """Return the address of a session's page, or of a step; with the secret, whoever has it may enter."""
    address = f"{base}{SETUP_PATH}/{quote(session_id, safe='')}"
    if step_id is not None:
        address += f"/{quote(step_id, safe='')}"
    return address if secret is None else f"{address}?{urlencode({SECRET: secret.reveal()})}"
