"""Members of a package with their variables filled in: the public ones as values, the secret ones by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from credenza.errors import Problem
from credenza.model import ApiPut, Put, Tag
from credenza.plans.packages.manifest import ApiPart, MemberPart, TagPart
from credenza.plans.packages.references import fill, names_in, walk, whole
from credenza.plans.packages.variables import Variables
from credenza.pointers import escape
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

    def __repr__(self) -> str:
        """Show nothing of the configuration."""
        return "<rendered>"


class RenderedApi(NamedTuple):
    """What a member says of an api."""

    api: str
    description: str | None
    enabled: bool | None
    tags: tuple[Tag, ...] | None
    configuration: Mapping[str, Any]
    secrets: Mapping[str, str]
    configured: bool

    def __repr__(self) -> str:
        """Show nothing of the configuration."""
        return "<rendered api>"


def render(
    member: MemberPart, position: int, variables: Variables, values: Mapping[str, Any]
) -> tuple[Rendered, list[Problem]]:
    """Return a member filled with the public values of variables, and what stands in the way of that.

    A key, or an optional text, that is nothing but a variable nobody gave is left out.
    """
    said = member.integration
    filler = _Filler(variables, values, f"/manifest/members/{position}/integration", member.slug)
    public, secrets = filler.configuration(said.configuration, "/configuration")
    rendered = Rendered(
        slug=member.slug,
        type=said.type,
        name=filler.text(said.name or member.slug, "/name"),
        category=filler.optional(said.category, "/category"),
        description=filler.optional(said.description, "/description"),
        enabled=said.enabled,
        tags=filler.tags(said.tags, "/tags"),
        configuration=public,
        secrets=secrets,
        apis=tuple(filler.api(api, f"/apis/{at}") for at, api in enumerate(said.apis or ())),
    )
    return rendered, filler.problems


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


class _Filler:
    """Fill what one member says; which key is secret is decided by the manifest, never by what fills it."""

    def __init__(self, variables: Variables, values: Mapping[str, Any], at: str, slug: str) -> None:
        self.problems: list[Problem] = []
        self._secrets = variables.secrets
        self._open = set(variables.names) - values.keys() - variables.secrets
        self._values = values
        self._at = at
        self._slug = slug

    def configuration(self, said: Mapping[str, Any], pointer: str) -> tuple[dict[str, Any], dict[str, str]]:
        public: dict[str, Any] = {}
        secrets: dict[str, str] = {}
        for key, value in said.items():
            name = whole(value)
            if name is not None and name in self._secrets:
                secrets[key] = name
            elif name is None or name not in self._open:
                public[key] = self._value(value, f"{pointer}/{escape(key)}")
        return public, secrets

    def optional(self, said: str | None, pointer: str) -> str | None:
        return None if said is None or whole(said) in self._open else self.text(said, pointer)

    def text(self, said: str, pointer: str) -> str:
        filled = self._value(said, pointer)
        if isinstance(filled, bool):
            return str(filled).lower()
        if not isinstance(filled, (str, int, float)):
            self._refuse("wrong_type", "A list or an object cannot stand for a text.", pointer, "type")
        return str(filled)

    def tags(self, said: tuple[TagPart, ...] | None, pointer: str) -> tuple[Tag, ...] | None:
        if said is None:
            return None
        return tuple(
            Tag(self.text(tag.key, f"{pointer}/{at}/key"), self.text(tag.value, f"{pointer}/{at}/value"))
            for at, tag in enumerate(said)
        )

    def api(self, said: ApiPart, pointer: str) -> RenderedApi:
        public, secrets = self.configuration(said.configuration or {}, f"{pointer}/configuration")
        return RenderedApi(
            api=self.text(said.api, f"{pointer}/api"),
            description=self.optional(said.description, f"{pointer}/description"),
            enabled=said.enabled,
            tags=self.tags(said.tags, f"{pointer}/tags"),
            configuration=public,
            secrets=secrets,
            configured=said.configuration is not None,
        )

    def _value(self, said: Any, pointer: str) -> Any:  # noqa: ANN401  # any JSON
        missing = self._find_missing(said)
        if missing:
            message = f"The variable {missing} is needed here, and was not given."
            self._refuse("variable_required", message, f"/variables/{missing}", "required", within=False)
            return ""
        try:
            return fill(said, self._values)
        except ValueError:
            self._refuse("wrong_type", "A list or an object cannot stand inside a text.", pointer, "type")
            return ""

    def _find_missing(self, said: object) -> str | None:
        if not self._open:
            return None
        named = (name for _, text in walk(said, "") for name in names_in(text))
        return next((name for name in named if name in self._open), None)

    def _refuse(self, code: str, message: str, pointer: str, keyword: str, *, within: bool = True) -> None:
        place = self._at + pointer if within else pointer
        self.problems.append(Problem(code, message, place, keyword, name=self._slug))
