"""Providers of a template: the rules of adding, changing and archiving one.

Whatever a provider refers to must be in this workspace and be of the same provider. A change of what it is
bound to, or of its tool filter or status, makes a version; a change of its words makes none.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import msgspec

from credenza.errors import Gone, Invalid, NotFound, Problem
from credenza.plans.catalogue import Providers
from credenza.plans.fields import keep, read_description, read_metadata, read_name, refuse
from credenza.plans.identifiers import new_id
from credenza.plans.previews import ACTIVE, Preview, find_previews
from credenza.plans.reading import Reader
from credenza.plans.templates import (
    KIND,
    PROVIDER_KIND,
    Given,
    ProviderVersion,
    Template,
    TemplateProvider,
    add_version,
    archived,
    find_template,
    missing,
)
from credenza.plans.tool_filters import ToolFilter, read_filter

MAX_PROVIDERS = 50
_DEPLOYMENT, _CONFIG, _CREDENTIALS = "deployment", "config", "auth_credentials"
_WORDS = {_DEPLOYMENT: "deployment", _CONFIG: "config", _CREDENTIALS: "auth credentials"}


class TemplateProviderBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A provider to add to a template."""

    integration_id: str
    provider_id: str
    provider_deployment_id: str
    provider_auth_method_id: str | None = None
    provider_auth_credentials_id: str | None = None
    provider_config_id: str | None = None
    name: str | Given = msgspec.UNSET
    description: str | Given | None = msgspec.UNSET
    metadata: dict[str, Any] | Given | None = msgspec.UNSET
    tool_filters: Any = msgspec.UNSET
    callbacks: dict[str, Any] | None = None


class TemplateProviderUpdate(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What to change of a template's provider; what is left out stays."""

    provider_deployment_id: str | Given = msgspec.UNSET
    provider_auth_method_id: str | Given | None = msgspec.UNSET
    provider_auth_credentials_id: str | Given | None = msgspec.UNSET
    provider_config_id: str | Given | None = msgspec.UNSET
    name: str | Given = msgspec.UNSET
    description: str | Given | None = msgspec.UNSET
    metadata: dict[str, Any] | Given | None = msgspec.UNSET
    tool_filters: Any = msgspec.UNSET
    callbacks: dict[str, Any] | None = None


class Found(NamedTuple):
    """A provider, in the template it belongs to."""

    template: Template
    provider: TemplateProvider

    def replace(self, provider: TemplateProvider, at: int) -> Found:
        """Return the template with this provider changed, or added."""
        kept = {each.id: each for each in self.template.providers} | {provider.id: provider}
        template = msgspec.structs.replace(self.template, providers=tuple(kept.values()), updated_at=at)
        return Found(template, provider)


class _Binding(NamedTuple):
    """What a provider refers to, by id."""

    deployment: str
    config: str | None
    method: str | None
    credentials: str | None


def find_template_provider(reader: Reader, id: str) -> Found:
    """Return a provider of a template by id; raises NotFound."""
    place = reader.place(PROVIDER_KIND, id)
    if place is None or place.kind != KIND:
        raise NotFound("There is no integration provider of this id.")
    template = find_template(reader, place.slug)
    return Found(template, next(each for each in template.providers if each.id == id))


def find_open_provider(reader: Reader, id: str) -> Found:
    """Return a provider that may be changed; raises NotFound, or Gone where it is archived."""
    found = find_template_provider(reader, id)
    if found.provider.status != ACTIVE:
        raise Gone("This integration provider is archived.")
    return found


def add_provider(
    reader: Reader, providers: Providers, template: Template, body: TemplateProviderBody, at: int
) -> Found:
    """Return a template with a provider more; one that was archived comes back under its id.

    Raises:
        NotFound: what the body refers to is not there.
        Invalid: `integration_provider_exists`, or what `_bind` finds.
    """
    _check_callbacks(body.callbacks)
    offered = providers.require(body.provider_id)
    before = next((each for each in template.providers if each.provider_id == offered.id), None)
    _check_room(template, before)
    binding = _Binding(
        body.provider_deployment_id,
        body.provider_config_id,
        body.provider_auth_method_id,
        body.provider_auth_credentials_id,
    )
    bound = _bind(reader, providers, offered.id, binding)
    old = before.current if before else None
    said = _say(bound, _read_filter(body.tool_filters, old))
    name = offered.type.title if before is None else before.name
    provider = TemplateProvider(
        id=before.id if before else new_id("inp", at),
        status=ACTIVE,
        name=name if isinstance(body.name, Given) else read_name(body.name),
        description=read_description(keep(body.description, before.description if before else None)),
        metadata=read_metadata(keep(body.metadata, before.metadata if before else None)),
        provider_id=offered.id,
        type=offered.type.name,
        provider_name=offered.type.title,
        versions=add_version(before.versions if before else (), at, said),
        created_at=before.created_at if before else at,
        updated_at=at,
    )
    return Found(template, provider).replace(provider, at)


def update_provider(
    reader: Reader, providers: Providers, found: Found, body: TemplateProviderUpdate, at: int
) -> Found:
    """Return a template with what is given of one provider changed; the same one where nothing does.

    Raises:
        NotFound, Invalid: as `add_provider` does.
    """
    _check_callbacks(body.callbacks)
    provider, current = found.provider, found.provider.current
    changed = msgspec.structs.replace(
        provider,
        name=provider.name if isinstance(body.name, Given) else read_name(body.name),
        description=read_description(keep(body.description, provider.description)),
        metadata=read_metadata(keep(body.metadata, provider.metadata)),
    )
    kept = _Binding(
        current.deployment_id, current.config_id, current.auth_method_id, current.auth_credentials_id
    )
    wanted = _Binding(
        keep(body.provider_deployment_id, kept.deployment),
        keep(body.provider_config_id, kept.config),
        keep(body.provider_auth_method_id, kept.method),
        keep(body.provider_auth_credentials_id, kept.credentials),
    )
    if wanted != kept:
        wanted = _bind(reader, providers, provider.provider_id, wanted, kept)
    said = _say(wanted, _read_filter(body.tool_filters, current))
    if _say(kept, current.tool_filter) != said:
        changed = msgspec.structs.replace(changed, versions=add_version(provider.versions, at, said))
    if changed == provider:
        return found
    return found.replace(msgspec.structs.replace(changed, updated_at=at), at)


def _check_room(template: Template, before: TemplateProvider | None) -> None:
    active = template.active_providers
    if before is not None and before.status == ACTIVE:
        message = "This integration has this provider already; change or archive that one."
        refuse("/provider_id", message, "uniqueItems", code="integration_provider_exists")
    if len(active) >= MAX_PROVIDERS:
        refuse("", f"An integration has at most {MAX_PROVIDERS} providers.", "maxItems")


def _bind(
    reader: Reader,
    providers: Providers,
    own_id: str,
    binding: _Binding,
    before: _Binding | None = None,
) -> _Binding:
    """Return what a provider is bound to, with a way to authenticate where there is one.

    What was bound `before` may be archived by now; what is new may not.

    Raises:
        NotFound: something is not in this workspace, or belongs to another provider.
        Invalid: `use_after_delete`, `provider_config_already_owned`, `provider_config_deployment_mismatch`,
            `provider_auth_credentials_without_method`.
    """
    find = partial(_find, reader, own_id)
    find(_DEPLOYMENT, binding.deployment, before.deployment if before else None)
    config = find(_CONFIG, binding.config, before.config if before else None)
    find(_CREDENTIALS, binding.credentials, before.credentials if before else None)
    if config is not None and config.owner_id is not None and (before is None or before.config != config.id):
        message = "This config is one instance's own; name one that all may share."
        refuse("/provider_config_id", message, "reference", code="provider_config_already_owned")
    if config is not None and config.deployment_id not in {None, binding.deployment}:
        message = "This config is for another deployment."
        refuse("/provider_config_id", message, "reference", code="provider_config_deployment_mismatch")
    method = _choose_method(providers, own_id, binding.method, before.method if before else None)
    if method is None and binding.credentials is not None:
        message = "This provider has no auth method that credentials could be for."
        refuse(
            "/provider_auth_credentials_id",
            message,
            "reference",
            code="provider_auth_credentials_without_method",
        )
    return binding._replace(method=method)


def _choose_method(providers: Providers, own_id: str, id: str | None, before: str | None) -> str | None:
    """Return the way to authenticate that is named, else chosen; a provider whose type is gone has none."""
    offered = providers.find(own_id)
    if id is None:
        return providers.method_of(offered, None).id if offered else None
    if id != before and (offered is None or providers.method_of(offered, id).id != id):
        message = "There is no auth method of this id, or it is another provider's."
        raise missing("/provider_auth_method_id", message)
    return id


def _find(reader: Reader, own_id: str, kind: str, id: str | None, before: str | None) -> Preview | None:
    if id is None:
        return None
    found = find_previews(reader, kind, [id]).get(id)
    if id == before:
        return found
    pointer, word = f"/provider_{kind}_id", _WORDS[kind]
    if found is None or found.provider_id != own_id:
        raise missing(pointer, f"There is no {word} of this id, or it is another provider's.")
    if found.status != ACTIVE:
        raise archived(pointer, f"This {word} is archived.")
    return found


def _say(binding: _Binding, tool_filter: ToolFilter) -> ProviderVersion:
    """Return what a version says, without its id, number and time."""
    return ProviderVersion(
        id="",
        index=0,
        status=ACTIVE,
        deployment_id=binding.deployment,
        auth_method_id=binding.method,
        auth_credentials_id=binding.credentials,
        config_id=binding.config,
        tool_filter=tool_filter,
        created_at=0,
    )


def _read_filter(sent: object, before: ProviderVersion | None) -> ToolFilter:
    if isinstance(sent, Given):
        return before.tool_filter if before else ToolFilter()
    return read_filter(sent)


def _check_callbacks(sent: dict[str, Any] | None) -> None:
    """Let nobody believe that callbacks are on: the one thing said of them here is that they are not."""
    if sent not in (None, {"status": "disabled"}):
        message = 'There are no callbacks here; leave them out, or send {"status": "disabled"}.'
        raise Invalid(message, problems=[Problem("invalid_data", message, "/callbacks", "const")])
