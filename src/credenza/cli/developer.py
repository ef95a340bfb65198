"""What developer mode says when it starts: where things are, an API key once, and a first call to paste."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from credenza.cli.init import describe_key, where
from credenza.cli.session import name_user
from credenza.model import Role
from credenza.settings import Credenza, default_store

_EXAMPLE = (
    '[{"name": "my-openai", "type": "openai", "configuration": {"api_key": "sk-not-a-real-key"},'
    ' "apis": [{"integrationName": "my-openai", "api": "gpt-4o"}]}]'
)


def welcome(credenza: Credenza, address: str) -> Iterator[str]:
    """Yield the lines of a start. The first start of developer mode makes an API key."""
    settings = credenza.settings
    yield f"Credenza serves {settings.store or default_store()} at {address}"
    if not settings.dev:
        return
    yield describe_key(credenza)
    if credenza.vault.locked is not None:
        return
    tenant = credenza.tenant()
    if credenza.accounts.keys(tenant):
        yield "The API key was shown at the first start. Another one is made by:"
        yield f"  credenza apikey create --role admin{where(settings)}"
        return
    made = credenza.accounts.create_key(tenant, Role.ADMIN, by=name_user())
    token = made.token.reveal()
    yield f"The API key of an administrator, shown this once: {token}"
    yield "Save an integration:"
    yield f"  curl -sS {shlex.quote(address + '/api/integrations')} \\"
    yield f"    -H {shlex.quote('X-Authorization: ' + token)} \\"
    yield "    -H 'Content-Type: application/json' \\"
    yield f"    -d {shlex.quote(_EXAMPLE)}"
