"""The calls of the catalogue: providers, what they may be configured with, how they get their secrets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec
from litestar import get
from litestar.params import FromPath

from credenza.errors import Invalid, NotFound, Problem
from credenza.model import Card, Choice
from credenza.plans import catalogue
from credenza.plans.catalogue import Method, Provider, Providers, choose_page, make_card
from credenza.plans.deployments import CONFIG
from credenza.plans.deployments import KIND as DEPLOYMENT
from credenza.plans.previews import find_previews
from credenza.plans.reading import Reader
from credenza.web.answers import Answer
from credenza.web.asking import AnyRequest, read_papers
from credenza.web.auth import require_actor
from credenza.web.paths import segment
from credenza.web.templates.answers import Page, answer, answer_page
from credenza.web.templates.asking import providers_of
from credenza.web.templates.catalogue import (
    show_auth_method,
    show_config_schema,
    show_provider,
    show_specification,
    show_version,
)
from credenza.web.templates.query import Listing, read_choice, read_texts, require_no_query
from credenza.workspace.desk import Desk

T = TypeVar("T")

PATH = "/providers"
METHODS = "/provider-auth-methods"
SPECIFICATIONS = "/provider-specifications"
VERSIONS = "/provider-versions"
CONFIG_SCHEMA = "/provider-config-schema"
NAMING = ("provider_id", "provider_version_id", "provider_deployment_id", "provider_config_id")
PROVIDER_LISTING = Listing(catalogue.PROVIDER)
METHOD_LISTING = Listing(catalogue.METHOD, links=(*NAMING, "provider_specification_id"))
SPECIFICATION_LISTING = Listing(catalogue.SPECIFICATION, links=NAMING)
VERSION_LISTING = Listing(catalogue.VERSION, links=("provider_id",))
_USES = {"provider_deployment": DEPLOYMENT, "provider_config": CONFIG}  # relation -> kind of paper


@get(PATH, before_request=require_actor)
async def list_offered_providers(request: AnyRequest) -> Answer:
    """List the providers: every connector type of the workspace is one."""
    return await _list(request, PROVIDER_LISTING, lambda known: known.all, _describe_provider, show_provider)


@get(f"{PATH}/{{provider_id:str}}", before_request=require_actor)
async def read_offered_provider(request: AnyRequest, provider_id: FromPath[str]) -> Answer:
    """Return one provider, by its id or its slug."""
    require_no_query(request)
    named, find = segment(provider_id), await providers_of(request)
    found = await read_papers(request, lambda desk: find(desk).find(named))
    return answer(request, show_provider(_require(found, "provider")))


@get(METHODS, before_request=require_actor)
async def list_auth_methods(request: AnyRequest) -> Answer:
    """List the ways to give providers their secrets."""
    return await _list(request, METHOD_LISTING, _list_methods, _describe_method, show_auth_method)


@get(f"{METHODS}/{{provider_auth_method_id:str}}", before_request=require_actor)
async def read_auth_method(request: AnyRequest, provider_auth_method_id: FromPath[str]) -> Answer:
    """Return one way to give a provider its secrets."""
    require_no_query(request)
    named, find = segment(provider_auth_method_id), await providers_of(request)
    found = await read_papers(request, lambda desk: find(desk).find_method(named))
    return answer(request, show_auth_method(_require(found, "auth method")))


@get(SPECIFICATIONS, before_request=require_actor)
async def list_specifications(request: AnyRequest) -> Answer:
    """List what providers may be configured with."""
    return await _list(
        request,
        SPECIFICATION_LISTING,
        _specify,
        lambda each: _describe_specification(each[1]),
        _show_specified,
    )


@get(f"{SPECIFICATIONS}/{{provider_specification_id:str}}", before_request=require_actor)
async def read_specification(request: AnyRequest, provider_specification_id: FromPath[str]) -> Answer:
    """Return what one provider may be configured with."""
    require_no_query(request)
    named, find = segment(provider_specification_id), await providers_of(request)
    found = await read_papers(
        request, lambda desk: _first(_specify(find(desk)), lambda each: each[1].specification_id == named)
    )
    return answer(request, _show_specified(_require(found, "specification")))


@get(VERSIONS, before_request=require_actor)
async def list_provider_versions(request: AnyRequest) -> Answer:
    """List the versions of providers: each has one, which changes with its schema."""
    return await _list(request, VERSION_LISTING, lambda known: known.all, _describe_version, show_version)


@get(f"{VERSIONS}/{{provider_version_id:str}}", before_request=require_actor)
async def read_provider_version(request: AnyRequest, provider_version_id: FromPath[str]) -> Answer:
    """Return one version of a provider."""
    require_no_query(request)
    named, find = segment(provider_version_id), await providers_of(request)
    found = await read_papers(
        request, lambda desk: _first(find(desk).all, lambda each: each.version_id == named)
    )
    return answer(request, show_version(_require(found, "provider version")))


@get(CONFIG_SCHEMA, before_request=require_actor)
async def read_config_schema(request: AnyRequest) -> Answer:
    """Return what a config may hold, of the provider that the query names."""
    named, find = read_texts(request, NAMING), await providers_of(request)
    found = await read_papers(request, lambda desk: _find_named(desk, find(desk), named))
    return answer(request, show_config_schema(found))


async def _list(
    request: AnyRequest,
    listing: Listing,
    take: Callable[[Providers], Sequence[T]],
    describe: Callable[[T], Card],
    show: Callable[[T], object],
) -> Answer:
    """Answer a page of what is in the catalogue."""
    choice, find = read_choice(request, listing), await providers_of(request)

    def job(desk: Desk) -> Page[object]:
        known = find(desk)
        found, more_after, more_before = choose_page(take(known), _resolve(desk, known, choice), describe)
        return Page([show(each) for each in found], more_after, more_before)

    return answer_page(request, await read_papers(request, job))


def _resolve(reader: Reader, known: Providers, choice: Choice) -> Choice:
    """Take slugs for ids, and deployments and configs for the providers that they are of."""

    def resolve(relation: str, ids: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
        if relation in _USES:
            uses = find_previews(reader, _USES[relation], ids)
            return catalogue.PROVIDER, tuple(use.provider_id for use in uses.values())
        return relation, known.translate(ids) if relation == catalogue.PROVIDER else ids

    links = tuple(resolve(*link) for link in choice.links)
    ids = known.translate(choice.ids) if choice.kind == catalogue.PROVIDER else choice.ids
    return msgspec.structs.replace(choice, ids=ids, links=links)


def _find_named(reader: Reader, known: Providers, named: dict[str, str]) -> Provider:
    """Return the one provider that everything named is of.

    Raises:
        Invalid: nothing is named, or things of several providers are.
        NotFound: something that is named is not there.
    """
    found = []
    for name, text in named.items():
        relation = name.removesuffix("_id")
        if relation in _USES:
            use = find_previews(reader, _USES[relation], [text]).get(text)
            found.append(known.find(use.provider_id) if use else None)
        elif relation == catalogue.VERSION:
            found.append(next((each for each in known.all if each.version_id == text), None))
        else:
            found.append(known.find(text))
    providers = [_require(each, "provider of this query") for each in found]
    if len({each.id for each in providers}) != 1:
        message = f"Name one provider, by one of: {', '.join(NAMING)}."
        raise Invalid(message, problems=[Problem("invalid_data", message, "/provider_id", "required")])
    return providers[0]


def _describe_provider(provider: Provider) -> Card:
    return make_card(
        catalogue.PROVIDER, provider.id, provider, provider.type.title, provider.type.description
    )


def _describe_method(method: Method) -> Card:
    return make_card(catalogue.METHOD, method.id, method.provider, method.way.name, method.way.description)


def _describe_specification(provider: Provider) -> Card:
    own = _describe_provider(provider)
    return msgspec.structs.replace(own, kind=catalogue.SPECIFICATION, id=provider.specification_id)


def _describe_version(provider: Provider) -> Card:
    return msgspec.structs.replace(
        _describe_provider(provider), kind=catalogue.VERSION, id=provider.version_id
    )


def _list_methods(known: Providers) -> list[Method]:
    return [*known.methods.values()]


def _specify(known: Providers) -> list[tuple[Providers, Provider]]:
    return [(known, provider) for provider in known.all]


def _show_specified(found: tuple[Providers, Provider]) -> object:
    return show_specification(*found)


def _first(things: Sequence[T], matches: Callable[[T], bool]) -> T | None:
    return next(filter(matches, things), None)


def _require(found: T | None, word: str) -> T:
    if found is None:
        raise NotFound(f"There is no {word} of this id.")
    return found


HANDLERS = [
    list_offered_providers,
    read_offered_provider,
    list_auth_methods,
    read_auth_method,
    list_specifications,
    read_specification,
    list_provider_versions,
    read_provider_version,
    read_config_schema,
]
