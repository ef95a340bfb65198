"""What a server says when it starts; in developer mode also an API key, once, and a first call to paste."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import msgspec

from credenza.cli.init import describe_key, where, write_call
from credenza.cli.session import name_user
from credenza.model import Role
from credenza.settings import Credenza, default_store

_EXAMPLE = (
    '[{"name": "my-openai", "type": "openai", "configuration": {"api_key": "sk-not-a-real-key"},'
    ' "apis": [{"integrationName": "my-openai", "api": "gpt-4o"}]}]'
)


class Start(msgspec.Struct, omit_defaults=True, rename="camel"):
    """A start: where things are; `token` is the API key made at developer mode's first start."""

    store: str
    address: str
    key: str
    token: str | None = None

    def __repr__(self) -> str:
        """Show nothing of the token."""
        return f"<start at {self.address}>"


def begin(credenza: Credenza, address: str) -> Start:
    """Return what is to be told; in developer mode a workspace without an API key is given its first."""
    settings = credenza.settings
    start = Start(settings.store or default_store(), address, describe_key(credenza))
    if settings.dev and credenza.vault.locked is None:
        tenant = credenza.tenant()
        if not credenza.accounts.keys(tenant):
            made = credenza.accounts.create_key(tenant, Role.ADMIN, by=name_user())
            start.token = made.token.reveal()
    return start


def write_lines(credenza: Credenza, start: Start) -> Iterator[str]:
    """Yield a start as lines for a person."""
    yield f"Credenza serves {start.store} at {start.address}"
    if not credenza.settings.dev:
        return
    yield start.key
    if start.token is None:
        yield "The API key was shown at the first start. Another one is made by:"
        yield from write_call(f"apikey create --role admin{where(credenza.settings)}")
        return
    yield f"The API key of an administrator, shown this once: {start.token}"
    yield "Save an integration:"
    yield f"  curl -sS {shlex.quote(start.address + '/api/integrations')} \\"
    yield f"    -H {shlex.quote('X-Authorization: ' + start.token)} \\"
    yield "    -H 'Content-Type: application/json' \\"
    yield f"    -d {shlex.quote(_EXAMPLE)}"
