"""Providers of an instance: what one is made of, and what it comes to; see `instance_settings` for its rules.

    own config -> config of the template's provider -> default config of its deployment -> none

What a provider is set to must fit together: the config and the auth config are checked as one configuration
of the connector type, and secrets must be sealed for where that config sends them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol

import msgspec

from credenza.connectors import ConnectorType
from credenza.errors import Problem
from credenza.plans import deployments
from credenza.plans.catalogue import Providers
from credenza.plans.fields import refuse
from credenza.plans.identifiers import new_id
from credenza.plans.instances import Instance, InstanceProvider
from credenza.plans.previews import ACTIVE
from credenza.plans.reading import Reader
from credenza.plans.templates import (
    PROVIDER_KIND,
    Flags,
    Template,
    TemplateProvider,
    archived,
    missing,
)
from credenza.plans.tool_filters import ToolFilter, combine_filters
from credenza.plans.values import name_record

CONFIG, AUTH_CONFIG = "config", "auth_config"
_TYPE_GONE = "The connector type of this provider is not registered any longer."


class Pairing(Protocol):
    """What checks a config and an auth config as one configuration."""

    def __call__(self, type: ConnectorType, config: str | None, auth: str | None) -> Sequence[Problem]:
        """Return what is wrong with the pair of two records, by name; None: an empty one."""


class Taken(Protocol):
    """What knows the names of integrations."""

    def __call__(self, names: Sequence[str]) -> Collection[str]:
        """Return those that are taken, in lower case."""


class Means(NamedTuple):
    """What plans about instances rest on; `at` is the time in milliseconds."""

    reader: Reader
    providers: Providers
    pair: Pairing
    taken: Taken
    at: int


def record_name(id: str | None) -> str | None:
    """Return the name of the record that holds the values of a config or an auth config."""
    return None if id is None else name_record(id)


def list_filters(
    parent: ToolFilter, own: ToolFilter | None, *, overrides: bool, flags: Flags
) -> tuple[ToolFilter, ...]:
    """Return the filters that count for a provider of an instance, all of which must let a thing pass.

    Its own filter counts beside that of the template; alone where it overrides that, and still may.
    """
    replaces = overrides and flags.can_override_tool_filters
    mine = None if own is None else msgspec.structs.replace(own, alone=False)
    if not replaces:
        return combine_filters([parent, mine])
    return combine_filters([mine])


def find_parent(means: Means, template: Template, named: str, pointer: str) -> TemplateProvider:
    """Return the provider of a template that is named by its id, or the id or slug of what it offers.

    Raises:
        NotFound: the template has no such provider.
        Invalid: `integration_instance_provider_mismatch`: it is another template's; or it is archived.
    """
    found = next((each for each in template.providers if each.id == named), None)
    if found is None and means.reader.place(PROVIDER_KIND, named) is not None:
        message = "This provider belongs to another integration than the instance does."
        refuse(pointer, message, "reference", code="integration_instance_provider_mismatch")
    if found is None:
        offered = means.providers.find(named)
        wanted = offered.id if offered else named
        found = next((each for each in template.providers if each.provider_id == wanted), None)
    if found is None:
        raise missing(pointer, "The integration of this instance has no provider of this id.")
    if found.status != ACTIVE:
        raise archived(pointer, "This provider of the integration is archived.")
    return found


def find_before(instance: Instance, parent: TemplateProvider) -> InstanceProvider | None:
    """Return a provider that is in use; one that comes back after it was archived begins anew."""
    found = instance.provider_of(parent.id)
    return found if found is not None and found.status == ACTIVE else None


def describe_provider(means: Means, instance: Instance, parent: TemplateProvider) -> InstanceProvider:
    """Return what became of a provider of the template, or begins to, as the template describes it now."""
    before = find_before(instance, parent)
    row = instance.provider_of(parent.id)
    current = parent.current
    kept = before or InstanceProvider(
        id=row.id if row else new_id("iip", means.at),
        status=ACTIVE,
        integration_provider_id=parent.id,
        provider_id=parent.provider_id,
        type=parent.type,
        provider_name=parent.provider_name,
        name=parent.name,
        description=parent.description,
        version_id=current.id,
        deployment_id=current.deployment_id,
        used_config_id=None,
        created_at=row.created_at if row else means.at,
        updated_at=means.at,
    )
    return msgspec.structs.replace(
        kept,
        name=parent.name,
        description=parent.description,
        version_id=current.id,
        deployment_id=current.deployment_id,
        used_config_id=kept.config_id or find_inherited(means, parent),
    )


def find_inherited(means: Means, parent: TemplateProvider) -> str | None:
    """Return the config that a provider of a template brings: its own, or its deployment's."""
    current = parent.current
    if current.config_id is not None:
        return current.config_id
    paper = means.reader.paper(deployments.KIND, current.deployment_id)
    return None if paper is None else deployments.SHELF.read(paper).default_config_id


def check_pair(means: Means, provider: InstanceProvider) -> Sequence[Problem]:
    """Return what is wrong with, or missing of, all that a provider would run with."""
    offered = means.providers.find(provider.provider_id)
    if offered is None:
        return (Problem("not_found", _TYPE_GONE, "", "reference"),)
    return means.pair(
        offered.type, record_name(provider.used_config_id), record_name(provider.auth_config_id)
    )


def needs_nothing(means: Means, parent: TemplateProvider) -> bool:
    """Tell whether a provider can be used as its template has it: nothing is to be asked of anybody."""
    offered = means.providers.find(parent.provider_id)
    if offered is None:
        return False
    chosen = means.providers.method_of(offered, parent.current.auth_method_id)
    if chosen.way.asked:
        return False
    return not means.pair(offered.type, record_name(find_inherited(means, parent)), None)
