"""Members of a package with their variables filled in: the public ones as values, the secret ones by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from credenza.errors import Problem
from credenza.model import ApiPut, Put, Tag
from credenza.plans.packages.manifest import ApiPart, MemberPart
from credenza.plans.packages.references import fill, names_in, walk, whole
from credenza.plans.packages.variables import Variables
from credenza.sensitive import Sensitive


class Rendered(NamedTuple):
    """What a member says; `secrets` are the variables of its secret keys, by key. None is not said."""

    slug: str
    type: str
    name: str
    category: str | None
    description: str | None
    enabled: bool | None
    tags: tuple[Tag, ...] | None
    configuration: Mapping[str, Any]
    secrets: Mapping[str, str]
    apis: tuple[RenderedApi, ...]


class RenderedApi(NamedTuple):
    """What a member says of an api."""

    api: str
    description: str | None
    enabled: bool | None
    tags: tuple[Tag, ...] | None
    configuration: Mapping[str, Any]
    secrets: Mapping[str, str]
    configured: bool


def render(
    member: MemberPart, position: int, variables: Variables, values: Mapping[str, Any]
) -> tuple[Rendered, list[Problem]]:
    """Return a member filled with the public values of variables, and what stands in the way of that.

    A key that is nothing but a variable nobody gave is left out.
    """
    open_names = set(variables.names) - values.keys() - variables.secrets
    at = f"/manifest/members/{position}/integration"
    said = msgspec.to_builtins(member.integration)
    problems = [*_find_gaps(said, open_names, at, member.slug)] if open_names else []
    try:
        filled = {} if problems else fill(_without(said, open_names) if open_names else said, values)
    except ValueError:
        message = "A list or an object cannot stand inside a text."
        problems, filled = [Problem("wrong_type", message, at, "type", name=member.slug)], {}
    public, secrets = _split(filled.get("configuration", {}), variables)
    rendered = Rendered(
        slug=member.slug,
        type=member.integration.type,
        name=str(filled.get("name", member.slug)),
        category=filled.get("category"),
        description=_text(filled.get("description")),
        enabled=filled.get("enabled"),
        tags=_tags(filled.get("tags")),
        configuration=public,
        secrets=secrets,
        apis=tuple(
            _render_api(api, part, variables)
            for api, part in zip(filled.get("apis", ()), member.integration.apis or (), strict=False)
        ),
    )
    return rendered, problems


def put_new(rendered: Rendered, secrets: Mapping[str, str]) -> Put:
    """Return the change that makes a member's integration, with the secret variables that were given."""
    return Put(
        name=rendered.name,
        type=rendered.type,
        category=rendered.category,
        description=rendered.description,
        enabled=rendered.enabled,
        configuration=join(rendered.configuration, rendered.secrets, secrets),
        tags=rendered.tags,
        apis=tuple(put_api(api, secrets) for api in rendered.apis) or None,
        expected_version=0,
    )


def put_api(api: RenderedApi, secrets: Mapping[str, str]) -> ApiPut:
    """Return an api to save, whole."""
    configuration = join(api.configuration, api.secrets, secrets) if api.configured else None
    return ApiPut(api.api, api.description, api.enabled, configuration, api.tags)


def join(
    public: Mapping[str, Any], references: Mapping[str, str], secrets: Mapping[str, str]
) -> Sensitive[dict[str, Any]]:
    """Return a configuration with the secrets that are given; others are left out."""
    given = {key: secrets[name] for key, name in references.items() if name in secrets}
    return Sensitive({**public, **given})


def _render_api(filled: Mapping[str, Any], part: ApiPart, variables: Variables) -> RenderedApi:
    public, secrets = _split(filled.get("configuration") or {}, variables)
    return RenderedApi(
        api=str(filled["api"]),
        description=_text(filled.get("description")),
        enabled=filled.get("enabled"),
        tags=_tags(filled.get("tags")),
        configuration=public,
        secrets=secrets,
        configured=part.configuration is not None,
    )


def _split(configuration: Mapping[str, Any], variables: Variables) -> tuple[dict[str, Any], dict[str, str]]:
    public: dict[str, Any] = {}
    secrets: dict[str, str] = {}
    for key, value in configuration.items():
        name = whole(value)
        if name in variables.secrets and name is not None:
            secrets[key] = name
        else:
            public[key] = value
    return public, secrets


def _find_gaps(said: object, open_names: set[str], at: str, slug: str) -> Iterator[Problem]:
    """Return the variables that a text needs to be whole, and that nobody gave."""
    for pointer, text in walk(said, at):
        missing = [name for name in names_in(text) if name in open_names]
        if missing and (whole(text) is None or pointer == f"{at}/name"):
            message = f"The variable {missing[0]} is needed here, and was not given."
            yield Problem("variable_required", message, f"/variables/{missing[0]}", "required", name=slug)


def _without(value: Any, open_names: set[str]) -> Any:  # noqa: ANN401  # any JSON
    """Return a value without the keys that are nothing but a variable that nobody gave."""
    if isinstance(value, dict):
        return {
            key: _without(inner, open_names) for key, inner in value.items() if whole(inner) not in open_names
        }
    return [_without(inner, open_names) for inner in value] if isinstance(value, (list, tuple)) else value


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _tags(tags: list[dict[str, Any]] | None) -> tuple[Tag, ...] | None:
    return None if tags is None else tuple(Tag(str(tag["key"]), str(tag.get("value", ""))) for tag in tags)
