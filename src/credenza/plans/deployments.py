"""Deployments: a provider as a workspace uses it, with tool filters and a config of its own, if any."""

from __future__ import annotations

from typing import Any

import msgspec

from credenza.model import Change
from credenza.plans import configs
from credenza.plans.catalogue import PROVIDER, Provider, Providers
from credenza.plans.configs import (
    Config,
    ConfigItem,
    find_reference,
    list_links,
    refuse_vault,
    save_config,
)
from credenza.plans.fields import read_description, read_metadata, read_name, refuse
from credenza.plans.identifiers import new_id
from credenza.plans.previews import Preview, find_previews
from credenza.plans.reading import Reader
from credenza.plans.singles import Given, Shelf, Single, SingleUpdate, change_fields, touch
from credenza.plans.tool_filters import ToolFilter, read_filter

KIND, CONFIG = "deployment", "config"
_ONE_VERSION = "A provider has one version at a time, so there is none to lock; leave this out."
_BOTH = "Name a config that is there by provider_config_id, or send one along, but not both."
_OWNED = "This config is one instance's own; name one that all may share."


class Deployment(Single, frozen=True, kw_only=True):
    """A deployment; `default_config_id` names the config that is used where no other is given."""

    provider_id: str
    tool_filter: ToolFilter = ToolFilter()
    default_config_id: str | None = None

    @property
    def links(self) -> tuple[tuple[str, str], ...]:
        """Return the ids that lists find it by, each with its relation."""
        return list_links((PROVIDER, self.provider_id), ("provider_config", self.default_config_id))


class DeploymentBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A deployment to make, of a provider named by its id or its slug."""

    provider_id: str
    name: str | None = None
    description: str | None = None
    metadata: dict[str, Any] | None = None
    tool_filters: Any = None
    provider_config_id: str | None = None
    provider_config: ConfigItem | None = None
    locked_provider_version_id: str | None = None


class DeploymentUpdate(SingleUpdate, kw_only=True):
    """What to change of a deployment; what is left out stays."""

    tool_filters: Any = msgspec.UNSET
    provider_config_id: str | Given | None = msgspec.UNSET
    locked_provider_version_id: str | None = None


SHELF = Shelf(KIND, Deployment, "deployment")


def create_deployment(
    reader: Reader, providers: Providers, body: DeploymentBody, at: int
) -> tuple[Deployment, list[Change]]:
    """Return a new deployment, and the changes that save it, with a config of its own where one is sent.

    Raises:
        NotFound: the provider or the config is not there.
        Invalid: with what is wrong; what is wrong with values is found when they are saved.
    """
    provider = providers.require(body.provider_id)
    _refuse_lock(body.locked_provider_version_id)
    id_ = new_id("pde", at)
    config, changes = _find_config(reader, provider.id, None, body.provider_config_id), list[Change]()
    if body.provider_config is not None:
        if config is not None:
            refuse("/provider_config", _BOTH, "not")
        made = _make_config(provider, id_, body.provider_config, at)
        config, changes = made.id, save_config(provider, made, body.provider_config.value)
    deployment = Deployment(
        id=id_,
        name=None if body.name is None else read_name(body.name),
        description=read_description(body.description),
        metadata=read_metadata(body.metadata),
        provider_id=provider.id,
        tool_filter=read_filter(body.tool_filters),
        default_config_id=config,
        created_at=at,
        updated_at=at,
    )
    return deployment, [*changes, SHELF.keep(deployment)]


def update_deployment(
    reader: Reader, deployment: Deployment, body: DeploymentUpdate, at: int
) -> tuple[Deployment, list[Change]]:
    """Return a deployment with what is given changed; returns and raises what `create_deployment` does."""
    _refuse_lock(body.locked_provider_version_id)
    name, filters, config = deployment.name, deployment.tool_filter, deployment.default_config_id
    if not isinstance(body.name, Given):
        name = None if body.name is None else read_name(body.name)
    if not isinstance(body.tool_filters, Given):
        filters = read_filter(body.tool_filters)
    if not isinstance(body.provider_config_id, Given) and body.provider_config_id != config:
        config = _find_config(reader, deployment.provider_id, deployment.id, body.provider_config_id)
    changed = msgspec.structs.replace(
        change_fields(deployment, body, name), tool_filter=filters, default_config_id=config
    )
    changed = touch(deployment, changed, at)
    if changed == deployment:
        return changed, []
    return changed, [*_mark_default(reader, deployment, config), SHELF.keep(changed)]


def find_configs(reader: Reader, *deployments: Deployment) -> dict[str, Preview]:
    """Return the default configs of deployments, by id."""
    return find_previews(reader, CONFIG, [each.default_config_id for each in deployments])


def _make_config(provider: Provider, deployment: str, item: ConfigItem, at: int) -> Config:
    refuse_vault(item.provider_config_vault_id, "/provider_config/provider_config_vault_id")
    return Config(
        id=new_id(configs.PREFIX, at),
        name=None if item.name is None else read_name(item.name, "/provider_config/name"),
        provider_id=provider.id,
        deployment_id=deployment,
        is_default=True,
        created_at=at,
        updated_at=at,
    )


def _mark_default(reader: Reader, deployment: Deployment, default: str | None) -> list[Change]:
    """Return the changes of what configs that only this deployment uses say of being its default."""
    known = find_previews(reader, CONFIG, [deployment.default_config_id, default])
    own = [each.id for each in known.values() if each.deployment_id == deployment.id]
    marked = [
        msgspec.structs.replace(configs.SHELF.find(reader, each), is_default=each == default) for each in own
    ]
    return [configs.SHELF.keep(each) for each in marked if each.is_default != known[each.id].is_default]


def _find_config(reader: Reader, provider: str, deployment: str | None, config: str | None) -> str | None:
    if config is None:
        return None
    found = find_reference(reader, CONFIG, config, provider)
    pointer = "/provider_config_id"
    if found.owner_id is not None:
        refuse(pointer, _OWNED, "reference", code="provider_config_already_owned")
    if found.deployment_id not in {None, deployment}:
        message = "This config is for another deployment."
        refuse(pointer, message, "reference", code="provider_config_deployment_mismatch")
    return config


def _refuse_lock(version: str | None) -> None:
    if version is not None:
        refuse("/locked_provider_version_id", _ONE_VERSION, "const")
