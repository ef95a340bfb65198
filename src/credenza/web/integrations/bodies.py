"""Bodies of the calls that are about one thing: an integration, an api, tags, counts, limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import msgspec

from credenza.errors import Invalid, Problem
from credenza.model import Amendment, ApiPut, Put, Tag, TokenLimit, Usage
from credenza.sensitive import Sensitive
from credenza.web.integrations import explain
from credenza.web.integrations.shapes import FREQUENCIES
from credenza.web.integrations.wire import (
    BROKEN,
    ApiItem,
    Ignored,
    ServerMade,
    TagItem,
    is_sound,
    read_api,
    read_tags,
)
from credenza.workspace.compose import MAX_TAGS

T = TypeVar("T")
_PERIODS = {word: period for period, word in FREQUENCIES.items()}
_DAY = 86_400_000  # milliseconds
MOST_TOKENS = 10**15
_raw = msgspec.json.Decoder(msgspec.Raw)
_raws = msgspec.json.Decoder(list[msgspec.Raw])
_TWO_NAMES = "The name in the body is not the one in the path."


class ProviderItem(ServerMade, kw_only=True):
    """An integration as its own path takes it: with the name in the path; a type it has already stays."""

    name: str | None = None
    type: str | None = None
    category: str | None = None
    description: str | None = None
    enabled: bool | None = None
    configuration: dict[str, Any] | None = None
    tags: list[TagItem] | None = None
    apis: list[ApiItem] | None = None
    expectedVersion: int | None = None  # noqa: N815
    version: Ignored = None
    complete: Ignored = None
    missing: Ignored = None
    typeVersion: Ignored = None  # noqa: N815
    needsReconfiguration: Ignored = None  # noqa: N815
    misfits: Ignored = None
    managedBy: Ignored = None  # noqa: N815
    modelsCount: Ignored = None  # noqa: N815

    def __repr__(self) -> str:
        """Show nothing of the configuration."""
        return "<integration>"


class ApiUpdate(ServerMade, kw_only=True):
    """A model, index or table as its own path takes it; `maxTokens` may be used per `frequency`."""

    integrationName: str | None = None  # noqa: N815
    api: str | None = None
    description: str | None = None
    enabled: bool | None = None
    configuration: dict[str, Any] | None = None
    tags: list[TagItem] | None = None
    maxTokens: int | None = None  # noqa: N815
    frequency: str | None = None

    def __repr__(self) -> str:
        """Show nothing of the configuration."""
        return "<api>"


class TokenCount(msgspec.Struct, forbid_unknown_fields=True):
    """Tokens that were used, split."""

    promptTokens: int = 0  # noqa: N815
    completionTokens: int = 0  # noqa: N815


class LimitItem(ServerMade, kw_only=True):
    """How many tokens may be used in a period, by one api or by all together."""

    integrationName: str | None = None  # noqa: N815
    api: str | None = None
    maxTokens: int  # noqa: N815
    tokenLimitPeriod: str  # noqa: N815


class Body(Generic[T]):
    """The reader of one kind of body; `most` bounds a list."""

    def __init__(
        self,
        kind: Any,  # noqa: ANN401  # a type, or a union of types
        *,
        most: int | None = None,
    ) -> None:
        """Make decoder and explainer once."""
        self._most = most
        self._decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(kind)
        self._explainer = explain.Explainer(msgspec.json.schema(kind))

    def read(self, body: bytes | bytearray) -> T:
        """Return what a body says; raises Invalid with all that is wrong with it."""
        text = bytes(body)
        if not is_sound(text):
            raise _refuse([_explain_text(text)])
        # Before the rest: what is wrong with each of a million entries would be told at once.
        if self._most is not None and _count_entries(text) > self._most:
            raise _refuse([Problem("too_many", f"At most {self._most} at once.", "", "maxItems")])
        try:
            return self._decoder.decode(text)
        except BROKEN:
            raise _refuse(self._explainer.explain(msgspec.Raw(text))) from None


_provider = Body[ProviderItem](ProviderItem)
_api = Body[ApiUpdate](ApiUpdate)
_tags = Body[list[TagItem]](list[TagItem], most=MAX_TAGS)
_tag = Body[TagItem](TagItem)
_count = Body[int](int)
_counts = Body[TokenCount](TokenCount)
_limit = Body[LimitItem](LimitItem)


def read_provider(body: bytearray, name: str, expected: int | None) -> Put:
    """Return the integration that a body describes, under the name of its path; raises Invalid."""
    item = _provider.read(body)
    _compare(item.name, name, "/name")
    apis = item.apis
    if apis:
        problems = explain.explain_parents(name, [api.integrationName for api in apis])
        if problems:
            raise _refuse(problems)
    configuration = item.configuration
    return Put(
        name=name,
        type=item.type,
        category=item.category,
        description=item.description,
        enabled=item.enabled,
        configuration=None if configuration is None else Sensitive(configuration),
        tags=read_tags(item.tags),
        apis=None if apis is None else tuple(map(read_api, apis)),
        expected_version=item.expectedVersion if expected is None else expected,
    )


def read_api_update(body: bytearray, name: str, api: str) -> tuple[Amendment, ...]:
    """Return what a body says of an api, under the names of its path; raises Invalid."""
    item = _api.read(body) if body else ApiUpdate()
    _compare(item.integrationName, name, "/integrationName")
    _compare(item.api, api, "/api")
    configuration = None if item.configuration is None else Sensitive(item.configuration)
    put = ApiPut(api, item.description, item.enabled, configuration, read_tags(item.tags))
    period = _PERIODS.get("daily" if item.frequency is None else item.frequency.lower())
    if period is None:
        message = f"The frequency is one of: {', '.join(_PERIODS)}."
        raise _refuse([Problem("invalid_data", message, "/frequency", "enum")])
    return (put,) if item.maxTokens is None else (put, TokenLimit(item.maxTokens, period, api))


def read_tag_list(body: bytearray) -> tuple[tuple[Tag, ...], str]:
    """Return the labels of a body, and where in their list the body stands: it may be one by itself.

    Raises:
        Invalid: with all that is wrong.
    """
    single = body.lstrip()[:1] == b"{"
    items = [_tag.read(body)] if single else _tags.read(body)
    return read_tags(items) or (), "/0" if single else ""


def read_count(body: bytearray, api: str, at: int) -> Usage:
    """Return the tokens that a body counts: their number, or an object that splits it; raises Invalid."""
    split = TokenCount()
    if body.lstrip()[:1] == b"{":
        split = _counts.read(body)
        total = split.promptTokens + split.completionTokens
    else:
        total = _count.read(body)
    if not all(0 <= number <= MOST_TOKENS for number in (split.promptTokens, split.completionTokens, total)):
        message = f"Tokens are counted in whole numbers from 0 to {MOST_TOKENS:,}."
        raise _refuse([Problem("invalid_data", message, "", "range")])
    return Usage(api, at - at % _DAY, split.promptTokens, split.completionTokens, total)


def read_limit(body: bytearray, name: str) -> TokenLimit:
    """Return the token limit that a body describes; raises Invalid."""
    item = _limit.read(body)
    _compare(item.integrationName, name, "/integrationName")
    return TokenLimit(item.maxTokens, item.tokenLimitPeriod, item.api or None)


def _count_entries(text: bytes) -> int:
    """Return how many entries a list has; anything else has none."""
    try:
        return len(_raws.decode(text))
    except msgspec.ValidationError:
        return 0


def _explain_text(text: bytes) -> Problem:
    try:
        _raw.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Problem("invalid_json", explain.explain_body(text), "", "json")
    except RecursionError:
        return explain.TOO_DEEP
    return explain.explain_text(text)


def _compare(said: str | None, name: str, pointer: str) -> None:
    if said not in {None, name}:
        raise _refuse([Problem("name_mismatch", _TWO_NAMES, pointer, "const")])


def _refuse(problems: Sequence[Problem]) -> Invalid:
    code = problems[0].code if len(problems) == 1 else "invalid_data"
    return Invalid(problems[0].message if len(problems) == 1 else "", code=code, problems=problems)
