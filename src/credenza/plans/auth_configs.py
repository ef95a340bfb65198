"""Auth configs: the secrets of a provider, by one of its auth methods. They stand in a record, sealed.

    its config -> default config of its deployment -> none: where the type leads by itself

Secrets are sealed for where the first of these leads when the auth config is made. That is the place they
stay with, whatever its deployment leads to since: they move only to a config that is named with them, where
one that is kept is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol

import msgspec

from credenza.connectors import EMPTY, ConnectorType, Held, draft_all
from credenza.connectors.halves import compile_half, secret_half
from credenza.errors import TypeNotLoaded
from credenza.model import AUTH, Change, Record
from credenza.plans import deployments
from credenza.plans.catalogue import METHOD, PROVIDER, Method, Providers
from credenza.plans.configs import find_deployment, find_reference, list_links
from credenza.plans.fields import read_description, read_metadata, read_name, refuse
from credenza.plans.identifiers import new_id
from credenza.plans.reading import Reader
from credenza.plans.singles import Given, Shelf, Single, SingleUpdate, change_fields, touch
from credenza.plans.templates import missing
from credenza.plans.tool_filters import ToolFilter, read_filter
from credenza.plans.values import name_record, put_values, refuse_values

KIND, PREFIX = AUTH, "pac"
MANUAL, SETUP_SESSION, SYSTEM = "manual", "setup_session", "system"  # where one comes from
SEALED_FOR = "sealed_for"  # what relates one to the config that its secrets are for
_CONFIG = "config"
_REMEMBERED = 512  # auth methods


class AuthConfig(Single, frozen=True, kw_only=True):
    """An auth config, of one deployment or of all; `config_id` is the config it is for, where one is named.

    `bound_id` is the config that its secrets are sealed for; None: for where the type leads by itself.
    `owner_id` is the provider of an instance that has it to itself.
    """

    provider_id: str
    auth_method_id: str
    type: str = MANUAL
    source: str = MANUAL
    deployment_id: str | None = None
    config_id: str | None = None
    bound_id: str | None = None
    owner_id: str | None = None
    is_default: bool = False
    tool_filter: ToolFilter = ToolFilter()

    @property
    def links(self) -> tuple[tuple[str, str], ...]:
        """Return the ids that lists find it by, each with its relation."""
        return list_links(
            (PROVIDER, self.provider_id),
            ("provider_deployment", self.deployment_id),
            ("provider_config", self.config_id),
            (METHOD, self.auth_method_id),
            (SEALED_FOR, self.bound_id),
        )


class AuthConfigBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """An auth config to make, by an auth method, for a deployment or a config or for neither."""

    provider_auth_method_id: str
    provider_id: str | None = None
    provider_deployment_id: str | None = None
    provider_config_id: str | None = None
    name: str | None = None
    description: str | None = None
    metadata: dict[str, Any] | None = None
    tool_filters: Any = None
    value: dict[str, Any]

    def __repr__(self) -> str:
        """Show nothing of the values."""
        return "<auth config>"


class AuthConfigUpdate(SingleUpdate, kw_only=True):
    """What to change of an auth config; what is left out stays, and a secret of null is cleared.

    A config moves it to where that leads, with the secrets entered again.
    """

    provider_config_id: str | Given = msgspec.UNSET
    tool_filters: Any = msgspec.UNSET
    value: dict[str, Any] | Given = msgspec.UNSET

    def __repr__(self) -> str:
        """Show nothing of the values."""
        return "<auth config>"


class Shelves(Reader, Protocol):
    """Papers, and the records that hold their values."""

    def records(self, names: Sequence[str]) -> Mapping[str, Record]:
        """Return records by name; those that are not there are missing."""


SHELF = Shelf(KIND, AuthConfig, "auth config")


def create_auth_config(
    reader: Reader, providers: Providers, body: AuthConfigBody, at: int, *, lenient: bool
) -> tuple[AuthConfig, list[Change]]:
    """Return a new auth config, and the changes that save it with its secrets.

    `lenient` lets required secrets be missing.

    Raises:
        NotFound: something that the body names is not there, or is another provider's.
        Invalid: with what is wrong.
    """
    method = find_method(providers, body.provider_auth_method_id, body.provider_id)
    provider = method.provider
    deployment = find_deployment(reader, provider, body.provider_deployment_id)
    config = _find_config(reader, provider.id, deployment, body.provider_config_id)
    auth = AuthConfig(
        id=new_id(PREFIX, at),
        name=None if body.name is None else read_name(body.name),
        description=read_description(body.description),
        metadata=read_metadata(body.metadata),
        provider_id=provider.id,
        auth_method_id=method.id,
        deployment_id=deployment,
        config_id=config,
        bound_id=_find_target(reader, deployment, config),
        tool_filter=read_filter(body.tool_filters),
        created_at=at,
        updated_at=at,
    )
    check_values(method, body.value, EMPTY, lenient=lenient)
    return auth, [
        put_values(KIND, auth.id, provider.type.name, body.value, bound_to=auth.bound_id, new=True),
        SHELF.keep(auth),
    ]


def update_auth_config(
    reader: Shelves, providers: Providers, auth: AuthConfig, body: AuthConfigUpdate, at: int, *, lenient: bool
) -> tuple[AuthConfig, list[Change]]:
    """Return an auth config with what is given changed, and the changes; secrets are merged key by key.

    Raises:
        NotFound: the config that the body names is not there, or is another provider's.
        Invalid: with what is wrong.
        TypeNotLoaded: secrets are given, and its connector type is not registered any longer.
    """
    name, filters = auth.name, auth.tool_filter
    if not isinstance(body.name, Given):
        name = None if body.name is None else read_name(body.name)
    if not isinstance(body.tool_filters, Given):
        filters = read_filter(body.tool_filters)
    changed = msgspec.structs.replace(change_fields(auth, body, name), tool_filter=filters)
    if not isinstance(body.provider_config_id, Given):
        moved = _find_config(reader, auth.provider_id, auth.deployment_id, body.provider_config_id)
        changed = msgspec.structs.replace(changed, config_id=moved, bound_id=moved)
    if isinstance(body.value, Given) and changed.bound_id == auth.bound_id:
        changed = touch(auth, changed, at)
        return changed, [] if changed == auth else [SHELF.keep(changed)]
    changed = msgspec.structs.replace(changed, updated_at=at)
    values = {} if isinstance(body.value, Given) else body.value
    provider = providers.find(auth.provider_id)
    if provider is None:
        raise TypeNotLoaded
    record = reader.records([name_record(auth.id)]).get(name_record(auth.id))
    if record is None or record.type_version == provider.type.version:
        method = providers.find_method(auth.auth_method_id)
        check_values(method, values, _describe(record), lenient=lenient)
    put = put_values(KIND, auth.id, provider.type.name, values, bound_to=changed.bound_id)
    return changed, [put, SHELF.keep(changed)]


def find_method(providers: Providers, id: str, provider: str | None = None) -> Method:
    """Return the auth method that a body names, of the provider it names as well, if any.

    Raises:
        NotFound: it is not there, or is another provider's.
    """
    found = providers.find_method(id)
    wanted = None if provider is None else providers.require(provider)
    if found is None or (wanted is not None and wanted.id != found.provider.id):
        message = "There is no auth method of this id, or it is another provider's."
        raise missing("/provider_auth_method_id", message)
    return found


def check_values(method: Method | None, sent: Mapping[str, Any], held: Held, *, lenient: bool) -> None:
    """Check secrets that are sent as `value` over those that are held, by what a method requires.

    Raises:
        Invalid: with what is wrong.
    """
    if method is None:
        return  # a type that has changed since may have other methods: what all of them share is checked
    type_ = _compile_method(method.provider.type, method.way.key)
    (draft,) = draft_all(type_, [(sent, held)], lenient=lenient)
    refuse_values(draft.problems)


@lru_cache(_REMEMBERED)
def _compile_method(type: ConnectorType, key: str) -> ConnectorType:
    return compile_half(type, "auth", secret_half(type, key))


def _describe(record: Record | None) -> Held:
    if record is None:
        return EMPTY
    document = record.document()
    return Held(document.configuration, {path: ref.redacted for path, ref in document.secrets.items()})


def _find_target(reader: Reader, deployment: str | None, config: str | None) -> str | None:
    """Return the id of the config that new secrets are for; None: for where the type leads by itself."""
    if config is not None or deployment is None:
        return config
    paper = reader.paper(deployments.KIND, deployment)
    return None if paper is None else deployments.SHELF.read(paper).default_config_id


def _find_config(reader: Reader, provider: str, deployment: str | None, id: str | None) -> str | None:
    if id is None:
        return None
    found = find_reference(reader, _CONFIG, id, provider)
    if found.owner_id is not None:
        message = "This config is one instance's own; name one that all may share."
        refuse("/provider_config_id", message, "reference", code="provider_config_already_owned")
    if deployment is not None and found.deployment_id not in {None, deployment}:
        message = "This config is for another deployment."
        refuse("/provider_config_id", message, "reference", code="provider_config_deployment_mismatch")
    return found.id
