"""The catalogue of providers: the connector types of a workspace, as templates and instances know them.

A type is a provider; its ids are derived from its name. The public half of its schema is its specification,
each way to give it its secrets an auth method.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import NamedTuple, TypeVar

from credenza.connectors import ConnectorType
from credenza.connectors.halves import AuthMethod, list_methods
from credenza.model import Card, Choice, Tenant
from credenza.plans.identifiers import derive_id
from credenza.plans.previews import ACTIVE
from credenza.plans.reading import Reader
from credenza.plans.templates import missing

TYPE = "type"  # the papers of types that a workspace has registered
PROVIDER, METHOD = "provider", "provider_auth_method"
SPECIFICATION, VERSION = "provider_specification", "provider_version"
T = TypeVar("T")
_derive = lru_cache(8_192)(derive_id)


class Publisher(NamedTuple):
    """Who a provider comes from."""

    id: str
    name: str
    slug: str
    created_at: int


class Provider(NamedTuple):
    """A connector type of a workspace; `own`: registered by it. Times are milliseconds since the epoch."""

    id: str
    type: ConnectorType
    own: bool
    publisher: Publisher
    created_at: int
    updated_at: int

    @property
    def specification_id(self) -> str:
        """Return the id of what it may be configured with."""
        return _derive("psp", self.type.name)

    @property
    def version(self) -> str:
        """Return the version of the type, as its schema numbers it."""
        return str(self.type.version)

    @property
    def version_id(self) -> str:
        """Return the id of that version."""
        return _derive("prv", self.type.name, self.version)


class Method(NamedTuple):
    """A way to give a provider its secrets."""

    id: str
    provider: Provider
    way: AuthMethod


class Providers:
    """The providers of a workspace, by id or by slug; ids are not in the order of anything."""

    def __init__(self, providers: Sequence[Provider]) -> None:
        """Take them all."""
        self.all = tuple(sorted(providers, key=lambda each: each.id))
        self._by_name = {each.type.name: each for each in self.all} | {each.id: each for each in self.all}

    def find(self, text: str) -> Provider | None:
        """Return a provider by its id or slug; None: there is none."""
        return self._by_name.get(text)

    def require(self, text: str, pointer: str = "/provider_id") -> Provider:
        """Return the provider that a body names at a place; raises NotFound."""
        found = self.find(text)
        if found is None:
            raise missing(pointer, "There is no provider of this id.")
        return found

    def translate(self, texts: Sequence[str]) -> tuple[str, ...]:
        """Return ids in place of slugs; whatever else there is stays."""
        found = (self.find(text) for text in texts)
        return tuple(each.id if each else text for each, text in zip(found, texts, strict=True))

    def methods_of(self, provider: Provider) -> tuple[Method, ...]:
        """Return the ways to give a provider its secrets: one at least."""
        ways = list_methods(provider.type)
        return tuple(Method(_derive("pam", provider.type.name, way.key), provider, way) for way in ways)

    def method_of(self, provider: Provider, id: str | None) -> Method:
        """Return a way by its id; without one, or where it is gone, the first that requires a secret.

        A way without a secret is often to run as the server itself, which nobody means who names none: it is
        taken only where no other is there.
        """
        methods = self.methods_of(provider)
        named = (each for each in methods if each.id == id)
        guarded = (each for each in methods if each.way.needs_secret)
        return next(named, None) or next(guarded, methods[0])

    @cached_property
    def methods(self) -> Mapping[str, Method]:
        """Return the ways of all providers by id."""
        return {method.id: method for provider in self.all for method in self.methods_of(provider)}

    def find_method(self, id: str) -> Method | None:
        """Return a way by its id; None: there is none."""
        return self.methods.get(id)


def provider_id(name: str) -> str:
    """Return the id of the provider that is a connector type of this name."""
    return _derive("pro", name)


def read_providers(
    reader: Reader, types: Mapping[str, ConnectorType], shipped: Container[str], tenant: Tenant
) -> Providers:
    """Return the providers of a workspace: `types`, of which some are `shipped`, the others its own.

    Those that every workspace has are there since the workspace is.
    """
    own = reader.papers(TYPE, [name for name in types if name not in shipped])
    since = tenant.created_at
    ours = Publisher(_derive("pub", "credenza"), "Credenza", "credenza", since)
    theirs = Publisher(_derive("pub", "workspace", tenant.slug), tenant.slug, tenant.slug, since)

    def make(name: str, type: ConnectorType) -> Provider:
        paper = own.get(name)
        return Provider(
            id=provider_id(name),
            type=type,
            own=name not in shipped,
            publisher=ours if name in shipped else theirs,
            created_at=paper.created_at if paper else since,
            updated_at=paper.updated_at if paper else since,
        )

    return Providers([make(name, each) for name, each in types.items()])


def make_card(kind: str, id: str, provider: Provider, name: str, description: str | None) -> Card:
    """Return what lists know of something that is a part of a provider."""
    return Card(
        kind=kind,
        id=id,
        status=ACTIVE,
        name=name,
        description=description,
        created_at=provider.created_at,
        updated_at=provider.updated_at,
        links=(
            (PROVIDER, provider.id),
            (VERSION, provider.version_id),
            (SPECIFICATION, provider.specification_id),
        ),
    )


def choose_page(
    things: Sequence[T], choice: Choice, card_of: Callable[[T], Card]
) -> tuple[list[T], bool, bool]:
    """Return the things of a page, chosen as a store chooses papers, and whether more is after and before."""
    cards = {card.id: (card, thing) for thing in things for card in (card_of(thing),)}
    anchor = choice.before or choice.after
    if anchor is not None and anchor not in cards:
        return [], False, False
    order = sorted(cards, reverse=choice.descending)
    if choice.after is not None:
        order = order[order.index(choice.after) + 1 :]
    elif choice.before is not None:
        order = order[: order.index(choice.before)]
    found = [cards[each][1] for each in order if _is_chosen(cards[each][0], choice)]
    more = len(found) > choice.limit
    if choice.before is not None:
        return found[-choice.limit :], True, more
    return found[: choice.limit], more, anchor is not None


def _is_chosen(card: Card, choice: Choice) -> bool:
    term = (choice.search or "").casefold()
    spans = ((card.created_at, choice.created), (card.updated_at, choice.updated))
    return (
        (not choice.ids or card.id in choice.ids)
        and card.status in (choice.statuses or (card.status,))
        and all(any((relation, each) in card.links for each in ids) for relation, ids in choice.links)
        and any(term in (text or "").casefold() for text in (card.name, card.description))
        and all(
            (after is None or at > after) and (before is None or at < before) for at, (after, before) in spans
        )
    )
