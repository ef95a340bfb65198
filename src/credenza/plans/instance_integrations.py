"""The integrations of the workspace that an active instance's providers become.

Each is named after its instance and provider, refers to the records of its config and auth config, and holds
no value. Which those are is the only thing that is ever changed of one, with what it says it is for.
"""

from __future__ import annotations

import re
import unicodedata

import msgspec

from credenza.model import Change, Drop, Put, Source, Tag
from credenza.plans.instance_providers import Means, record_name
from credenza.plans.instances import Instance, InstanceProvider, Materialised
from credenza.plans.previews import ACTIVE

_SLUG_LETTERS = 60
_SUFFIX = 7
_MOST_LETTERS = 128  # of an integration's name


def materialise(means: Means, instance: Instance) -> tuple[Instance, list[Change]]:
    """Return an instance with the integrations that its providers are now, and what that takes."""
    changes: list[Change] = []
    for provider in instance.providers:
        after, change = _materialise(means, instance, provider)
        if change is not None:
            instance = instance.put(after)
            changes.append(change)
    return instance, changes


def _materialise(
    means: Means, instance: Instance, provider: InstanceProvider
) -> tuple[InstanceProvider, Change | None]:
    before = provider.integration
    if instance.status != ACTIVE or provider.status != ACTIVE:
        if before is None:
            return provider, None
        return msgspec.structs.replace(provider, integration=None), Drop(before.name, instance=instance.id)
    if not provider.is_set:
        return provider, None
    wanted = Materialised(
        name=before.name if before else _choose_name(means, instance, provider),
        config_id=provider.used_config_id,
        auth_config_id=provider.auth_config_id,
        description=f"{provider.name} of {instance.name}",
    )
    if wanted == before:
        return provider, None
    after = msgspec.structs.replace(provider, integration=wanted)
    return after, _put(instance, provider, wanted, exists=before is not None)


def _put(instance: Instance, provider: InstanceProvider, wanted: Materialised, *, exists: bool) -> Put:
    return Put(
        name=wanted.name,
        type=provider.type,
        description=wanted.description,
        tags=(
            Tag("template", instance.integration_id),
            Tag("instance", instance.id),
        ),
        refers=Source(
            instance=instance.id,
            provider=provider.id,
            config=record_name(wanted.config_id),
            auth=record_name(wanted.auth_config_id),
        ),
        expected_version=None if exists else 0,
    )


def _choose_name(means: Means, instance: Instance, provider: InstanceProvider) -> str:
    """Return `<instance>-<provider>`, with the end of the provider's id where that is taken."""
    plain = unicodedata.normalize("NFKD", instance.name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain)[:_SLUG_LETTERS].strip("-") or "instance"
    name = f"{slug}-{provider.type}"[:_MOST_LETTERS]
    if name.lower() not in means.taken([name]):
        return name
    suffix = f"-{provider.id[-_SUFFIX:].lower()}"
    return f"{name[: _MOST_LETTERS - len(suffix)]}{suffix}"
