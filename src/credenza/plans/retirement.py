"""Configs, auth configs and credentials that come to their end: archived, and their values destroyed.

What something active uses stays. What one provider of an instance has to itself ends with it, and as soon as
it uses another; what is shared ends when it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from credenza.errors import Clash
from credenza.model import Change, Choice, Drop
from credenza.plans import auth_configs, configs, credentials, deployments
from credenza.plans.instance_providers import Means, Taken
from credenza.plans.instances import KIND as INSTANCE
from credenza.plans.instances import Instance, InstanceProvider
from credenza.plans.previews import ACTIVE, ARCHIVED, Preview, find_previews
from credenza.plans.reading import Reader
from credenza.plans.singles import Shelf, T, archive
from credenza.plans.templates import PROVIDER_KIND
from credenza.plans.values import name_record

_MOST = 100  # that are counted


class _Use(NamedTuple):
    """How things of a kind use another: by which relation, and what one and many are called."""

    kind: str
    relation: str
    one: str
    many: str


class _Rule(NamedTuple):
    """What may use things of a kind, and what to do about it first."""

    word: str
    remedy: str
    uses: tuple[_Use, ...]


def _by_instances(relation: str) -> _Use:
    return _Use(INSTANCE, relation, "active instance", "active instances")


def _by_templates(relation: str) -> _Use:
    return _Use(PROVIDER_KIND, relation, "provider of an integration", "providers of integrations")


_RULES: Mapping[str, _Rule] = {
    auth_configs.KIND: _Rule(
        "auth config",
        "replace its secrets by a PATCH, or archive the instances or give them another first",
        (_by_instances("provider_auth_config"),),
    ),
    configs.KIND: _Rule(
        "config",
        "let these use another first, or archive them",
        (
            _by_instances("provider_config"),
            _by_templates("provider_config"),
            _Use(deployments.KIND, "provider_config", "deployment", "deployments"),
            _Use(auth_configs.KIND, auth_configs.SEALED_FOR, "auth config", "auth configs"),
        ),
    ),
    deployments.KIND: _Rule(
        "deployment",
        "let these use another first, or archive them",
        (_by_instances("provider_deployment"), _by_templates("provider_deployment")),
    ),
    credentials.KIND: _Rule(
        "credentials",
        "replace the client by a PATCH, or let these use other credentials first",
        (_by_templates("provider_auth_credentials"),),
    ),
}


class Desk(Reader, Protocol):
    """Papers, and which records there are."""

    def taken(self, names: Sequence[str]) -> frozenset[str]:
        """Return those names, in lower case, that some record has."""


def end(desk: Desk, shelf: Shelf[T], id: str, at: int) -> tuple[T, list[Change]]:
    """Return a thing archived, and the changes, which destroy its values.

    Raises:
        NotFound: it is not there.
        Gone: it is archived already.
        Clash: `in_use`: something active uses it.
    """
    thing = shelf.find_open(desk, id)
    counts = _count_uses(desk, shelf.kind, id)
    if counts:
        rule = _RULES[shelf.kind]
        said = " and ".join(counts)
        raise Clash(f"Of this {rule.word}, use is made by {said}: {rule.remedy}.", code="in_use")
    return archive(thing, at), retire(desk.taken, shelf, thing, at)


def retire(taken: Taken, shelf: Shelf[T], thing: T, at: int) -> list[Change]:
    """Return the changes that archive a thing and destroy its values, as far as that is not done."""
    name = name_record(thing.id)
    kept: list[Change] = [] if thing.status == ARCHIVED else [shelf.keep(archive(thing, at))]
    return [*kept, Drop(name, kind=shelf.kind)] if name.lower() in taken([name]) else kept


def let_go(means: Means, before: Instance | None, after: Instance) -> list[Change]:
    """Return the changes that retire what providers of an instance used before, and nothing uses now.

    That is what one had to itself, and what is archived already.
    """
    if before is None:
        return []
    now = {each.id: each for each in after.active_providers}
    return [
        change
        for provider in before.active_providers
        if provider != now.get(provider.id)
        for change in _Former(means, after, provider, now.get(provider.id)).retire()
    ]


class _Former(NamedTuple):
    """A provider of an instance as it was, and as it is now; None: it is archived."""

    means: Means
    instance: Instance
    before: InstanceProvider
    now: InstanceProvider | None

    def retire(self) -> list[Change]:
        """Return the changes that retire what it uses no longer."""
        now, taken, at = self.now, self.means.taken, self.means.at
        kept = {now.config_id, now.used_config_id, now.auth_config_id} if now else set[str | None]()
        auths = self._list_ended(auth_configs.SHELF, {self.before.auth_config_id} - kept)
        changes = [change for each in auths for change in retire(taken, auth_configs.SHELF, each, at)]
        gone = {self.before.config_id, self.before.used_config_id, *(each.bound_id for each in auths)} - kept
        if now is not None and gone - {None}:
            # What goes on is sealed for it, and could not be rotated without it.
            goes_on = find_previews(self.means.reader, auth_configs.KIND, [now.auth_config_id])
            gone -= {each.bound_id for each in goes_on.values()}
        ended = self._list_ended(configs.SHELF, gone)
        return changes + [change for each in ended for change in retire(taken, configs.SHELF, each, at)]

    def _list_ended(self, shelf: Shelf[T], ids: set[str | None]) -> list[T]:
        reader = self.means.reader
        known = find_previews(reader, shelf.kind, [*ids]).values()
        return [shelf.find(reader, each.id) for each in known if self._has_ended(shelf.kind, each)]

    def _has_ended(self, kind: str, thing: Preview) -> bool:
        if thing.owner_id is not None:
            return thing.owner_id == self.before.id
        if thing.status == ACTIVE or not self.means.taken([name_record(thing.id)]):
            return False
        return not _count_uses(self.means.reader, kind, thing.id, apart=self.instance.id)


def _count_uses(reader: Reader, kind: str, id: str, apart: str = "") -> list[str]:
    """Say how many active things of each kind use one, `apart` from one of them; nothing: none does."""
    said = []
    for use in _RULES[kind].uses:
        links = ((use.relation, (id,)),)
        choice = Choice(kind=use.kind, limit=_MOST + 1, statuses=(ACTIVE,), links=links, hidden=True)
        count = sum(1 for each in reader.listed(choice) if each != apart)
        number = str(count) if count <= _MOST else f"more than {_MOST}"
        said += [f"{number} {use.one if count == 1 else use.many}"] if count else []
    return said
