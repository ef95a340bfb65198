"""What session templates and sessions show of the providers of their instance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypedDict

from credenza.plans.catalogue import Providers
from credenza.plans.instances import Instance, InstanceProvider
from credenza.plans.reading import Reader
from credenza.plans.sessions import find_filters, name_part
from credenza.plans.tool_filters import ShownFilter, ToolFilter, show_filter
from credenza.web.templates.instance_providers import (
    InstanceProviderAnswer,
    Surroundings,
    show_instance_provider,
)
from credenza.web.templates.previews import ReferencePreview

Filters = dict[str, tuple[ToolFilter, ...]]


class AuthConfigReference(TypedDict):
    """An auth config by its id."""

    object: str
    id: str


class ProviderPart(TypedDict):
    """A provider, as a part of a session template or of a session.

    `tool_filter` is the instance's own, or else its template's; a thing may be used where all `tool_filters`
    let it pass.
    """

    object: str
    id: str
    status: str
    tool_filter: ShownFilter
    tool_filters: list[ShownFilter]
    provider_id: str
    integration_instance_provider_id: str
    deployment: ReferencePreview | None
    config: ReferencePreview | None
    auth_config: AuthConfigReference | None
    created_at: str
    updated_at: str


class Shown(NamedTuple):
    """The providers of instances as they are shown, with the filters that count for them, by id."""

    providers: dict[str, list[tuple[InstanceProvider, InstanceProviderAnswer]]]
    filters: Filters

    @classmethod
    def read(cls, reader: Reader, providers: Providers, instances: Iterable[Instance]) -> Shown:
        """Read what the active providers of instances refer to."""
        different = {instance.id: instance for instance in instances}
        pairs = [(each, provider) for each in different.values() for provider in each.active_providers]
        around = Surroundings.read(reader, providers, different.values(), pairs)
        shown: dict[str, list[tuple[InstanceProvider, InstanceProviderAnswer]]] = {
            each: [] for each in different
        }
        filters: Filters = {}
        for instance, provider in pairs:
            shown[instance.id].append((provider, show_instance_provider(instance, provider, around)))
        for instance in different.values():
            filters |= find_filters(reader, around.templates[instance.integration_id], instance)
        return cls(shown, filters)

    def list_parts(self, instance: Instance, prefix: str, whole: str, object: str) -> Sequence[ProviderPart]:
        """Return the active providers of an instance as parts of something, whose id is `whole`."""
        return [
            self._show(provider, shown, name_part(prefix, whole, provider.id), object)
            for provider, shown in self.providers[instance.id]
            if shown["status"] == "active"
        ]

    def list_filters(self, provider_id: str) -> list[ShownFilter]:
        """Return the filters that count for a provider of an instance."""
        return [show_filter(each) for each in self.filters[provider_id]]

    def _show(
        self, provider: InstanceProvider, shown: InstanceProviderAnswer, id: str, object: str
    ) -> ProviderPart:
        snapshot, auth = shown["integration_provider"], provider.auth_config_id
        return {
            "object": object,
            "id": id,
            "status": "active",
            "tool_filter": shown["tool_filter"] or snapshot["tool_filter"],
            "tool_filters": self.list_filters(provider.id),
            "provider_id": provider.provider_id,
            "integration_instance_provider_id": provider.id,
            "deployment": snapshot["deployment"],
            "config": shown["config"],
            "auth_config": {"object": "provider.auth_config", "id": auth} if auth else None,
            "created_at": shown["created_at"],
            "updated_at": shown["updated_at"],
        }
