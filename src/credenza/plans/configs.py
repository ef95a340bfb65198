"""Configs: what a provider is configured with in clear. Values stand in a record, never in the paper."""

from __future__ import annotations

from typing import Any

import msgspec

from credenza.model import CONFIG, Change
from credenza.plans.catalogue import PROVIDER, Provider, Providers
from credenza.plans.fields import read_description, read_metadata, read_name, refuse
from credenza.plans.identifiers import new_id
from credenza.plans.previews import ACTIVE, Preview, find_previews
from credenza.plans.reading import Reader
from credenza.plans.singles import Given, Shelf, Single, SingleUpdate, change_fields, touch
from credenza.plans.templates import archived, missing
from credenza.plans.tool_filters import ToolFilter, read_filter
from credenza.plans.values import put_values

KIND, PREFIX = CONFIG, "pcf"
DEPLOYMENT = "deployment"
_NO_VAULTS = "There are no vaults of values here; send them as `value`."
_FIXED = "The values of a config stay as they are; make another config, and name that one where it is used."


class Config(Single, frozen=True, kw_only=True):
    """A config, of one deployment or of all.

    `owner_id` is the provider of an instance that has it to itself; `is_default`: it is what its
    deployment uses where no other is named.
    """

    provider_id: str
    deployment_id: str | None = None
    owner_id: str | None = None
    is_default: bool = False
    tool_filter: ToolFilter = ToolFilter()

    @property
    def links(self) -> tuple[tuple[str, str], ...]:
        """Return the ids that lists find it by, each with its relation."""
        return list_links((PROVIDER, self.provider_id), ("provider_deployment", self.deployment_id))


class ConfigBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A config to make, of a provider named by its id or its slug."""

    provider_id: str
    provider_deployment_id: str | None = None
    name: str | None = None
    description: str | None = None
    metadata: dict[str, Any] | None = None
    tool_filters: Any = None
    value: dict[str, Any] | None = None
    provider_config_vault_id: str | None = None

    def __repr__(self) -> str:
        """Show nothing of the values."""
        return "<config>"


class ConfigUpdate(SingleUpdate, kw_only=True):
    """What to change of a config; what is left out stays, and values always do."""

    tool_filters: Any = msgspec.UNSET
    value: Any = msgspec.UNSET

    def __repr__(self) -> str:
        """Show nothing of the values."""
        return "<config>"


class ConfigItem(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A config that is sent along with what uses it."""

    name: str | None = None
    value: dict[str, Any] | None = None
    provider_config_vault_id: str | None = None

    def __repr__(self) -> str:
        """Show nothing of the values."""
        return "<config>"


SHELF = Shelf(KIND, Config, "config")


def create_config(
    reader: Reader, providers: Providers, body: ConfigBody, at: int
) -> tuple[Config, list[Change]]:
    """Return a new config, and the changes that save it with its values.

    Raises:
        NotFound: the provider or the deployment is not there.
        Invalid: with what is wrong; what is wrong with values is found when they are saved.
    """
    provider = providers.require(body.provider_id)
    refuse_vault(body.provider_config_vault_id, "/provider_config_vault_id")
    config = Config(
        id=new_id(PREFIX, at),
        name=None if body.name is None else read_name(body.name),
        description=read_description(body.description),
        metadata=read_metadata(body.metadata),
        provider_id=provider.id,
        deployment_id=find_deployment(reader, provider, body.provider_deployment_id),
        tool_filter=read_filter(body.tool_filters),
        created_at=at,
        updated_at=at,
    )
    return config, save_config(provider, config, body.value)


def save_config(provider: Provider, config: Config, value: dict[str, Any] | None) -> list[Change]:
    """Return the changes that save a new config with its values; None: there are none."""
    return [put_values(KIND, config.id, provider.type.name, value or {}, new=True), SHELF.keep(config)]


def update_config(config: Config, body: ConfigUpdate, at: int) -> Config:
    """Return a config with what is given changed; raises Invalid."""
    if not isinstance(body.value, Given):
        refuse("/value", _FIXED, "readOnly")
    name, filters = config.name, config.tool_filter
    if not isinstance(body.name, Given):
        name = None if body.name is None else read_name(body.name)
    if not isinstance(body.tool_filters, Given):
        filters = read_filter(body.tool_filters)
    changed = msgspec.structs.replace(change_fields(config, body, name), tool_filter=filters)
    return touch(config, changed, at)


def find_deployment(reader: Reader, provider: Provider, id: str | None) -> str | None:
    """Return the id of the deployment that something is for; None: for all of its provider.

    Raises:
        NotFound: it is not there, or is another provider's.
        Invalid: `use_after_delete`: it is archived.
    """
    if id is None:
        return None
    return find_reference(reader, DEPLOYMENT, id, provider.id).id


def find_reference(reader: Reader, kind: str, id: str, provider: str) -> Preview:
    """Return what a body names at `/provider_<kind>_id`; raises as `find_deployment` does."""
    pointer, word = f"/provider_{kind}_id", kind.replace("_", " ")
    found = find_previews(reader, kind, [id]).get(id)
    if found is None or found.provider_id != provider:
        raise missing(pointer, f"There is no {word} of this id, or it is another provider's.")
    if found.status != ACTIVE:
        raise archived(pointer, f"This {word} is archived.")
    return found


def refuse_vault(named: str | None, pointer: str) -> None:
    """Raise Invalid where a vault of values is named."""
    if named is not None:
        refuse(pointer, _NO_VAULTS, "const")


def list_links(*pairs: tuple[str, str | None]) -> tuple[tuple[str, str], ...]:
    """Return those pairs of a relation and an id that have one."""
    return tuple((relation, target) for relation, target in pairs if target is not None)
