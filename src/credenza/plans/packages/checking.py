"""A manifest held to the types of its members: what they may say, and that no package holds a secret.

While a package is a draft, what is still missing is no fault; what is published must be complete. A key that
takes a variable is looked at with a likely value in its place, and finally when it is installed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from credenza.connectors import EMPTY, Catalogue, ConnectorType, draft_all, redact
from credenza.connectors.values import MAX_PROBLEMS
from credenza.errors import Invalid, Problem
from credenza.model import CATEGORIES
from credenza.plans.packages.manifest import ApiPart, AuthPart, Manifest, MemberPart, check_shape
from credenza.plans.packages.packages import Package
from credenza.plans.packages.references import fill, mentions, names_in, walk, whole
from credenza.plans.packages.variables import Variables, read_variables
from credenza.pointers import escape, split

_SAMPLE = "a-made-up-value"
_LITERAL = (
    "This is a secret, and no package holds one: leave it out, or refer to a variable whose schema has "
    '`"format": "password"`, as `${variables.name}` and nothing else.'
)
_SPILLED = "A secret variable may stand for a whole secret only: here it could be read."
_MISSING = "required"


def check_package(
    manifest: Manifest,
    schema: Mapping[str, Any] | None,
    auth: AuthPart | None,
    types: Catalogue,
    *,
    complete: bool,
) -> tuple[Variables, list[Problem]]:
    """Return the variables of a package, and everything that is wrong with it, a hundred problems at most."""
    variables, problems = read_variables(schema)
    if problems:
        return variables, problems
    problems = [*check_shape(manifest, auth, variables)]
    if auth is not None and auth.provider not in types:
        message = "There is no connector type of this name."
        problems.append(Problem("unknown_type", message, "/authConfig/provider", "reference"))
    if complete and not manifest.members:
        message = "A package that is published has at least one member."
        problems.append(Problem("no_members", message, "/manifest/members", "minItems"))
    for position, member in enumerate(manifest.members):
        if len(problems) >= MAX_PROBLEMS:
            break
        problems += _Check(types, variables, auth, position, member, complete=complete).run()
    return variables, problems[:MAX_PROBLEMS]


def require_sound(draft: Package, types: Catalogue) -> None:
    """Refuse a draft with everything that is wrong with it; what is still missing is no fault."""
    _, problems = check_package(
        draft.manifest, draft.variables_schema, draft.auth_config, types, complete=False
    )
    if problems:
        codes = {problem.code for problem in problems}
        raise Invalid(
            "This integration cannot be saved, for the reasons listed.",
            code=codes.pop() if len(codes) == 1 else "",
            problems=problems,
        )


class _Check:
    """One member on its way through the checks."""

    def __init__(
        self,
        types: Catalogue,
        variables: Variables,
        auth: AuthPart | None,
        position: int,
        member: MemberPart,
        *,
        complete: bool,
    ) -> None:
        self._types = types
        self._variables = variables
        self._auth = auth
        self._at = f"/manifest/members/{position}/integration"
        self._member = member
        self._complete = complete

    def run(self) -> list[Problem]:
        said = self._member.integration
        connector = self._types.get(said.type)
        if connector is None:
            message = "There is no connector type of this name in this workspace."
            return [self._problem("unknown_type", message, "/type", "reference")]
        found = [*self._check_texts()]
        if said.apis and self._is_brought():
            message = "What has its secrets from an auth config has no apis of its own."
            found.append(self._problem("not_allowed", message, "/apis", "authConfig"))
        found += self._check_secrets(connector, said.configuration, "/configuration")
        for place, api in enumerate(said.apis or ()):
            found += self._check_api(api, f"/apis/{place}")
        return found or [*self._check_values(connector)]

    def _check_texts(self) -> Iterator[Problem]:
        said = self._member.integration
        if said.category is not None and said.category not in CATEGORIES:
            message = f"The category is one of {', '.join(CATEGORIES)}."
            yield self._problem("unknown_category", message, "/category", "enum")
        names = [api.api for api in said.apis or ()]
        if len(set(names)) != len(names):
            yield self._problem("duplicate_api", "An api is listed twice.", "/apis", "uniqueItems")
        for field in ("name", "category", "description", "tags"):
            yield from self._find_spilled(msgspec.to_builtins(getattr(said, field)), f"/{field}")

    def _check_api(self, api: ApiPart, pointer: str) -> Iterator[Problem]:
        for field in ("api", "description", "tags"):
            yield from self._find_spilled(msgspec.to_builtins(getattr(api, field)), f"{pointer}/{field}")
        if api.configuration is not None:
            # What is not declared for apis is sealed there, so it counts as secret.
            kind = self._types.api
            unknown = {key for key in api.configuration if key not in kind.schema["properties"]}
            yield from self._check_secrets(kind, api.configuration, f"{pointer}/configuration", unknown)

    def _check_secrets(
        self,
        kind: ConnectorType,
        configuration: Mapping[str, Any],
        pointer: str,
        sealed: set[str] | frozenset[str] = frozenset(),
    ) -> Iterator[Problem]:
        brought = self._auth is not None and self._auth.covers(self._member) and pointer == "/configuration"
        for position, (key, value) in enumerate(configuration.items(), 1):
            declared = key in kind.schema["properties"]
            place = f"{pointer}/{escape(key)}" if declared else pointer
            name = whole(value)
            secret = name is not None and name in self._variables.secrets
            if key in kind.secrets or key in sealed:
                if brought:
                    message = "What the installer brings holds this member's secrets: leave this out."
                    yield self._problem("secret_brought", message, place, "authConfig")
                elif not secret:
                    yield self._problem("literal_secret", _LITERAL, place, "writeOnly")
            elif not declared:
                message = f"Key {position} is not one of type {kind.name}."
                yield self._problem("unknown_key", message, pointer, "additionalProperties")
            elif key in kind.embeds:
                if not secret:
                    yield from self._find_spilled(value, place)
                    if _carries_credentials(value):
                        yield self._problem("literal_secret", _LITERAL, place, "x-credentials")
            else:
                yield from self._find_spilled(value, place)

    def _find_spilled(self, value: object, pointer: str) -> Iterator[Problem]:
        for place, text in walk(value, pointer):
            if any(name in self._variables.secrets for name in names_in(text)):
                yield self._problem("secret_in_clear", _SPILLED, place, "writeOnly")

    def _check_values(self, connector: ConnectorType) -> Iterator[Problem]:
        """Check what the type says of the values, as far as they are known."""
        said, names = self._member.integration.configuration, self._variables.names
        likely = {
            name: _SAMPLE if name in self._variables.secrets else self._variables.sample(name)
            for name in names
        }
        open_keys = {key for key, value in said.items() if mentions(value)}
        brought = dict.fromkeys(connector.secrets, _SAMPLE) if self._is_brought() else {}
        try:
            filled = {**brought, **fill(said, likely)}
        except ValueError:
            message = "A list or an object cannot stand inside a text."
            yield self._problem("wrong_type", message, "/configuration", "type")
            return
        [draft] = draft_all(connector, [(filled, EMPTY)], lenient=False)
        undecided = bool(open_keys - connector.secrets)
        for problem in draft.problems:
            key = "".join(split(problem.pointer)[1:2])
            if key in open_keys:
                continue
            if problem.code == _MISSING and (
                not self._complete or (undecided and " when " in problem.message)
            ):
                continue
            yield self._problem(problem.code, problem.message, problem.pointer, problem.keyword)

    def _is_brought(self) -> bool:
        return self._auth is not None and self._auth.covers(self._member)

    def _problem(self, code: str, message: str, pointer: str, keyword: str) -> Problem:
        return Problem(code, message, self._at + pointer, keyword, name=self._member.slug)


def _carries_credentials(value: object) -> bool:
    """Tell whether a text carries credentials, or may: one that has no single reading does."""
    if not isinstance(value, str):
        return False
    try:
        return redact(value) is not None
    except ValueError:
        return True
