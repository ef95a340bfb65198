"""Configs and auth configs that one provider of an instance has to itself: they end with it."""

from __future__ import annotations

from typing import TypeVar

from credenza.model import Change, Drop
from credenza.plans import auth_configs, configs
from credenza.plans.instance_providers import Means
from credenza.plans.instances import Instance
from credenza.plans.previews import ACTIVE, ARCHIVED, find_previews
from credenza.plans.singles import Shelf, Single, archive
from credenza.plans.values import name_record

T = TypeVar("T", bound=Single)


def archive_owned(means: Means, before: Instance | None, after: Instance) -> list[Change]:
    """Return the changes that archive what newly archived providers own, and drop its values."""
    ended = {each.id for each in before.active_providers} if before else set[str]()
    gone = [each for each in after.providers if each.id in ended and each.status == ARCHIVED]
    if not gone:
        return []
    own = {each.id: each.config_id for each in gone}
    own_auth = {each.id: each.auth_config_id for each in gone}
    return [*_archive(means, configs.SHELF, own), *_archive(means, auth_configs.SHELF, own_auth)]


def _archive(means: Means, shelf: Shelf[T], named: dict[str, str | None]) -> list[Change]:
    known = find_previews(means.reader, shelf.kind, [*named.values()])
    owned = [
        known[each].id
        for provider, each in named.items()
        if each in known and known[each].owner_id == provider and known[each].status == ACTIVE
    ]
    kept = means.taken([name_record(each) for each in owned])
    changes = list[Change]()
    for each in owned:
        changes.append(shelf.keep(archive(shelf.find(means.reader, each), means.at)))
        if name_record(each).lower() in kept:
            changes.append(Drop(name_record(each), kind=shelf.kind))
    return changes
