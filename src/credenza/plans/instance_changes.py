"""Making, changing and archiving an instance, and what follows a change of its template.

An instance begins as a draft. It is active once every active provider of its template is set, and stays so.
From then on each of its providers is an integration of the workspace, which refers to its config and auth
config and copies nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from credenza.model import Change
from credenza.plans.fields import keep, read_description, read_metadata, read_name, refuse
from credenza.plans.identifiers import new_id
from credenza.plans.instance_identities import Whose, archive_identity, assign
from credenza.plans.instance_integrations import materialise
from credenza.plans.instance_providers import Means, check_pair, describe_provider, find_parent, needs_nothing
from credenza.plans.instance_settings import InstanceProviderItem, Setting, require_usable, set_providers
from credenza.plans.instances import DRAFT, Instance, InstanceProvider, find_open_instance, keep_instance
from credenza.plans.previews import ACTIVE, ARCHIVED
from credenza.plans.reading import Reader
from credenza.plans.retirement import let_go
from credenza.plans.templates import Given, Template, TemplateProvider, find_open_template


class InstanceBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """An instance to make of a template."""

    integration_id: str
    name: str
    description: str | None = None
    metadata: dict[str, Any] | None = None
    identity_actor_id: str | None = None
    identity_id: str | None = None
    providers: list[InstanceProviderItem] | InstanceProviderItem | None = None


class InstanceUpdate(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What to change of an instance; what is left out stays, providers too."""

    name: str | Given = msgspec.UNSET
    description: str | Given | None = msgspec.UNSET
    metadata: dict[str, Any] | Given | None = msgspec.UNSET
    identity_actor_id: str | Given | None = msgspec.UNSET
    identity_id: str | Given | None = msgspec.UNSET
    providers: list[InstanceProviderItem] | InstanceProviderItem | None = None


class InstanceProviderBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How an instance is to use one provider; what is left out stays. The deployment is the template's."""

    provider_deployment_id: str | None = None
    provider_config_id: str | Given | None = msgspec.UNSET
    provider_auth_config_id: str | Given | None = msgspec.UNSET
    tool_filters: Any = msgspec.UNSET
    is_override_tool_filter: bool | Given = msgspec.UNSET


def find_open(reader: Reader, id: str) -> tuple[Template, Instance]:
    """Return an instance that may be changed, and its template; raises NotFound, or Gone."""
    instance = find_open_instance(reader, id)
    return find_open_template(reader, instance.integration_id), instance


def create_instance(
    means: Means, template: Template, body: InstanceBody, *, hidden: bool = False, waits: bool = False
) -> tuple[Instance, list[Change]]:
    """Return a new instance of a template that is in use, and the changes that save it.

    Raises:
        NotFound: something that the body names is not there.
        Invalid: with the rule that is broken.
    """
    at = means.at
    instance = Instance(
        id=new_id("ini", at),
        name=read_name(body.name),
        description=read_description(body.description),
        metadata=read_metadata(body.metadata),
        integration_id=template.id,
        hidden=hidden,
        waits=waits,
        created_at=at,
        updated_at=at,
    )
    whose = Whose(body.identity_actor_id or msgspec.UNSET, body.identity_id or msgspec.UNSET)
    instance, more = assign(means.reader, instance, whose, at)
    items = _list_items(body.providers)
    require_usable(means, template, items)
    instance = set_providers(means, template, instance, items)
    return finish(means, template, None, instance, more)


def update_instance(
    means: Means, template: Template, before: Instance, body: InstanceUpdate
) -> tuple[Instance, list[Change]]:
    """Return an instance with what is given changed, and the changes; raises what `create_instance` does."""
    instance = msgspec.structs.replace(
        before,
        name=before.name if isinstance(body.name, Given) else read_name(body.name),
        description=read_description(keep(body.description, before.description)),
        metadata=read_metadata(keep(body.metadata, before.metadata)),
    )
    whose = Whose(body.identity_actor_id, body.identity_id)
    instance, more = assign(means.reader, instance, whose, means.at)
    instance = set_providers(means, template, instance, _list_items(body.providers))
    return finish(means, template, before, instance, more)


def set_one(
    means: Means, template: Template, before: Instance, named: str, body: InstanceProviderBody
) -> tuple[Instance, InstanceProvider, list[Change]]:
    """Return an instance with one provider set, that provider, and the changes.

    Raises:
        NotFound, Invalid: see `instance_providers`.
    """
    parent = find_parent(means, template, named, "/provider_id")
    if body.provider_deployment_id not in {None, parent.current.deployment_id}:
        message = "An instance uses the deployment of its integration; leave this out."
        refuse("/provider_deployment_id", message, "const", code="provider_deployment_mismatch")
    item = InstanceProviderItem(
        provider_id=parent.id,
        provider_config_id=body.provider_config_id,
        provider_auth_config_id=body.provider_auth_config_id,
        tool_filters=body.tool_filters,
        is_override_tool_filter=body.is_override_tool_filter,
    )
    instance = Setting(means, template, before, parent, item).apply()
    instance, changes = finish(means, template, before, instance, [])
    return instance, next(each for each in instance.providers if _is_of(each, parent)), changes


def archive_instance(means: Means, before: Instance) -> tuple[Instance, list[Change]]:
    """Return an instance archived with all that it owns, and the changes."""
    at = means.at
    providers = tuple(
        _archive(provider, at) if provider.status == ACTIVE else provider for provider in before.providers
    )
    template = before.session_template
    if template is not None and template.status == ACTIVE:
        template = msgspec.structs.replace(template, status=ARCHIVED, updated_at=at, archived_at=at)
    instance = msgspec.structs.replace(
        before,
        status=ARCHIVED,
        providers=providers,
        session_template=template,
        updated_at=at,
        archived_at=at,
    )
    instance, changes = materialise(means, instance)
    former = let_go(means, before, instance)
    identity = archive_identity(means.reader, before, at)
    return instance, [*identity, *changes, *former, keep_instance(instance)]


def follow_template(means: Means, template: Template, before: Instance) -> tuple[Instance, list[Change]]:
    """Return an instance as a change of its template, or of what that refers to, leaves it; nothing may be.

    Where a config that is newly inherited does not go with what the instance has of its own, it goes on with
    the one it had: nobody's secret goes where it was not meant to go. Its size keeps none from following.
    """
    if not before.is_open:
        return before, []
    if template.status != ACTIVE:
        return archive_instance(means, before)
    return finish(means, template, before, before, [], follows=True)


def finish(
    means: Means,
    template: Template,
    before: Instance | None,
    instance: Instance,
    more: Sequence[Change],
    *,
    follows: bool = False,
) -> tuple[Instance, list[Change]]:
    """Return an instance with what comes of its providers, and the changes that save it, if any.

    Raises:
        Invalid: it is too large, and does not just follow its template.
    """
    instance = _settle(means, template, instance)
    instance, integrations = materialise(means, instance)
    if instance == before:
        return instance, []
    instance = msgspec.structs.replace(instance, updated_at=means.at)
    former = let_go(means, before, instance)
    return instance, [*more, *integrations, *former, keep_instance(instance, follows=follows)]


def _settle(means: Means, template: Template, instance: Instance) -> Instance:
    """Let providers be as the template has them, and the instance be active once all of them are set."""
    parents = {parent.id: parent for parent in template.active_providers}
    for provider in instance.active_providers:
        parent = parents.get(provider.integration_provider_id)
        changed = _archive(provider, means.at) if parent is None else _follow(means, instance, parent)
        if changed != provider:
            instance = instance.put(msgspec.structs.replace(changed, updated_at=means.at))
    for parent in parents.values():
        if not instance.waits and not _is_used(instance, parent) and needs_nothing(means, parent):
            made = describe_provider(means, instance, parent)
            instance = instance.put(msgspec.structs.replace(made, is_set=True))
    if instance.status == DRAFT and parents and all(_is_set(instance, each) for each in parents.values()):
        return msgspec.structs.replace(
            instance, status=ACTIVE, hidden=False, waits=False, activated_at=means.at
        )
    return instance


def _follow(means: Means, instance: Instance, parent: TemplateProvider) -> InstanceProvider:
    """Return a provider as the template describes it now; one of a draft may lack something by now."""
    before, after = instance.provider_of(parent.id), describe_provider(means, instance, parent)
    if instance.status == DRAFT:
        return msgspec.structs.replace(after, is_set=not check_pair(means, after))
    moves = before is not None and before.used_config_id != after.used_config_id
    if before is not None and moves and check_pair(means, after):
        return msgspec.structs.replace(after, used_config_id=before.used_config_id)
    return after


def _is_of(provider: InstanceProvider, parent: TemplateProvider) -> bool:
    return provider.integration_provider_id == parent.id


def _is_used(instance: Instance, parent: TemplateProvider) -> bool:
    found = instance.provider_of(parent.id)
    return found is not None and found.status == ACTIVE


def _is_set(instance: Instance, parent: TemplateProvider) -> bool:
    found = instance.provider_of(parent.id)
    return found is not None and found.status == ACTIVE and found.is_set


def _archive(provider: InstanceProvider, at: int) -> InstanceProvider:
    return msgspec.structs.replace(provider, status=ARCHIVED, updated_at=at, archived_at=at)


def _list_items(
    sent: list[InstanceProviderItem] | InstanceProviderItem | None,
) -> list[InstanceProviderItem]:
    return [] if sent is None else sent if isinstance(sent, list) else [sent]
