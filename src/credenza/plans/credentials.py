"""Auth credentials: the OAuth client of a provider. The client's id and secret stand in a record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from credenza.errors import TypeNotLoaded
from credenza.model import CLIENT, Change
from credenza.plans.auth_configs import Shelves
from credenza.plans.catalogue import PROVIDER, Providers
from credenza.plans.fields import read_description, read_metadata, read_name, refuse
from credenza.plans.identifiers import new_id
from credenza.plans.singles import Given, Shelf, Single, SingleUpdate, change_fields, touch
from credenza.plans.values import name_record, put_values

KIND, PREFIX = CLIENT, "par"
OAUTH = "oauth"
MAX_SCOPES, MAX_SCOPE = 100, 1_000  # characters
_ID, _SECRET = "client_id", "client_secret"


class Credentials(Single, frozen=True, kw_only=True):
    """Credentials, and which scopes are asked for with them; None: what the provider gives by itself."""

    provider_id: str
    type: str = OAUTH
    is_default: bool = False
    scopes: tuple[str, ...] | None = None

    @property
    def links(self) -> tuple[tuple[str, str], ...]:
        """Return the ids that lists find it by, each with its relation."""
        return ((PROVIDER, self.provider_id),)


class ClientItem(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """An OAuth client as its provider registered it."""

    type: str | None = None
    client_id: str
    client_secret: str
    scopes: list[str] | None = None

    def __repr__(self) -> str:
        """Show nothing of it."""
        return "<client>"


class CredentialsBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Credentials to make, for a provider named by its id or its slug."""

    provider_id: str
    name: str | None = None
    description: str | None = None
    metadata: dict[str, Any] | None = None
    config: ClientItem


class CredentialsUpdate(SingleUpdate, kw_only=True):
    """What to change of credentials and of their client; what is left out stays."""

    client_id: str | Given = msgspec.UNSET
    client_secret: str | Given = msgspec.UNSET
    scopes: list[str] | Given | None = msgspec.UNSET

    def __repr__(self) -> str:
        """Show nothing of the client."""
        return "<credentials>"


SHELF = Shelf(KIND, Credentials, "auth credentials")


def create_credentials(
    providers: Providers, body: CredentialsBody, at: int
) -> tuple[Credentials, list[Change]]:
    """Return new credentials, and the changes that save them with the client's secret.

    Raises:
        NotFound: the provider is not there.
        Invalid: with what is wrong; what is wrong with the client is found when it is saved.
    """
    provider, client = providers.require(body.provider_id), body.config
    if client.type not in {None, OAUTH}:
        refuse("/config/type", "Credentials are of the type oauth.", "const")
    credentials = Credentials(
        id=new_id(PREFIX, at),
        name=None if body.name is None else read_name(body.name),
        description=read_description(body.description),
        metadata=read_metadata(body.metadata),
        provider_id=provider.id,
        scopes=_read_scopes(client.scopes, "/config/scopes"),
        created_at=at,
        updated_at=at,
    )
    said = {_ID: client.client_id, _SECRET: client.client_secret}
    return credentials, [
        put_values(KIND, credentials.id, provider.type.name, said, new=True),
        SHELF.keep(credentials),
    ]


def update_credentials(
    reader: Shelves, providers: Providers, credentials: Credentials, body: CredentialsUpdate, at: int
) -> tuple[Credentials, list[Change]]:
    """Return credentials with what is given changed, and the changes.

    Raises:
        Invalid: with what is wrong.
        TypeNotLoaded: the client is changed, and its connector type is not registered any longer.
    """
    name = credentials.name
    if not isinstance(body.name, Given):
        name = None if body.name is None else read_name(body.name)
    changed = change_fields(credentials, body, name)
    if not isinstance(body.scopes, Given):
        changed = msgspec.structs.replace(changed, scopes=_read_scopes(body.scopes, "/scopes"))
    said = {_ID: body.client_id, _SECRET: body.client_secret}
    given = {key: text for key, text in said.items() if not isinstance(text, Given)}
    if not given:
        changed = touch(credentials, changed, at)
        return changed, [] if changed == credentials else [SHELF.keep(changed)]
    provider = providers.find(credentials.provider_id)
    if provider is None:
        raise TypeNotLoaded
    record = reader.records([name_record(credentials.id)]).get(name_record(credentials.id))
    kept = {} if record is None else record.document().configuration
    changed = msgspec.structs.replace(changed, updated_at=at)
    return changed, [
        put_values(KIND, credentials.id, provider.type.name, {**kept, **given}),
        SHELF.keep(changed),
    ]


def _read_scopes(scopes: Sequence[str] | None, pointer: str) -> tuple[str, ...] | None:
    if scopes is None:
        return None
    if len(scopes) > MAX_SCOPES:
        refuse(pointer, f"Credentials have at most {MAX_SCOPES} scopes.", "maxItems")
    for place, scope in enumerate(scopes):
        if not 1 <= len(scope) <= MAX_SCOPE or not scope.strip():
            message = f"A scope is a text of 1 to {MAX_SCOPE:,} characters."
            refuse(f"{pointer}/{place}", message, "maxLength")
    return tuple(dict.fromkeys(scopes))
