"""Bytes -> changes: the items of a bulk save as they arrive. What is wrong is told by place, never by value.

`jiter` looks for what JSON allows and a store of secrets must not (a key standing twice, NaN), `msgspec`
decodes. Items stay text until the core asks for them, chunk by chunk, so that memory stays near the size
of the body; an item whose text is known already is never decoded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

import jiter
import msgspec

from credenza.connectors.values import MAX_NUMBER
from credenza.errors import Invalid, Problem, TooLarge
from credenza.model import ApiPut, Change, Flawed, Put, Tag
from credenza.sensitive import Sensitive
from credenza.web.integrations import explain
from credenza.workspace.changes import Outline, Torn

MAX_ITEMS = 10_000

T = TypeVar("T")
Ignored = Any
Version = Annotated[int, msgspec.Meta(ge=0, le=MAX_NUMBER)]


class TagItem(msgspec.Struct, forbid_unknown_fields=True):
    """A tag; `type` is a leftover of older clients and is ignored."""

    key: str
    value: str
    type: Ignored = None


class ServerMade(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Fields that reads carry and saves ignore, so that any answer can be saved back whole."""

    ownerApp: Ignored = None  # noqa: N815
    createTime: Ignored = None  # noqa: N815
    createdBy: Ignored = None  # noqa: N815
    createdOn: Ignored = None  # noqa: N815
    updateTime: Ignored = None  # noqa: N815
    updatedBy: Ignored = None  # noqa: N815
    updatedOn: Ignored = None  # noqa: N815


class ApiItem(ServerMade, kw_only=True):
    """A model, index or table under an integration."""

    integrationName: str  # noqa: N815
    api: str
    description: str | None = None
    enabled: bool | None = None
    configuration: dict[str, Any] | None = None
    tags: list[TagItem] | None = None
    maxTokens: Ignored = None  # noqa: N815
    frequency: Ignored = None


class IntegrationItem(ServerMade, kw_only=True):
    """One integration of a bulk save."""

    name: str
    type: str
    category: str | None = None
    description: str | None = None
    enabled: bool | None = None
    configuration: dict[str, Any] | None = None
    tags: list[TagItem] | None = None
    apis: list[ApiItem] | None = None
    expectedVersion: Version | None = None  # noqa: N815
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
        return f"<item {self.name!r}>" if self.name.isalnum() else "<item>"


class _Outline(msgspec.Struct):
    name: str = ""
    type: str = ""
    expectedVersion: int | None = None  # noqa: N815


class _Loose(msgspec.Struct):
    name: Any = ""


_raws = msgspec.json.Decoder(list[msgspec.Raw])
_items = msgspec.json.Decoder(list[IntegrationItem])
_outlines = msgspec.json.Decoder(list[_Outline])
_loose = msgspec.json.Decoder(list[_Loose])
_explainer = explain.Explainer(msgspec.json.schema(IntegrationItem))
_FIELDS = IntegrationItem.__struct_fields__
BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Items:
    """The changes of one request, as text until they are asked for (`workspace.changes.Changes`)."""

    def __init__(
        self, raws: list[msgspec.Raw], *, replace_apis: bool, expected: int | None, leads: bool = True
    ) -> None:
        """Take the text of each item."""
        self.replace_apis = replace_apis
        self._leads = leads
        self._raws = raws
        self._expected = expected

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self._raws)

    def outline(self, first: int, last: int) -> list[Outline]:
        """Return name, type and text of a run of items."""
        raws = self._raws[first:last]
        found = _decode(_outlines, raws) or [_outline(raw) for raw in raws]
        own = self._expected
        return [
            Outline(each.name, each.type, each.expectedVersion if own is None else own, bytes(raw))
            for each, raw in zip(found, raws, strict=True)
        ]

    def read(self, indexes: Sequence[int]) -> list[Change]:
        """Decode these items."""
        raws = [self._raws[index] for index in indexes]
        items = _decode(_items, raws) if is_sound(_array(raws)) else None
        if items is None:
            return [self._read_one(raw) for raw in raws]
        return [self._change(item, raw) for item, raw in zip(items, raws, strict=True)]

    def _read_one(self, raw: msgspec.Raw) -> Change:
        text = bytes(raw)
        if not is_sound(text):
            return Flawed(_outline(raw).name, (explain.explain_text(text),))
        items = _decode(_items, [raw])
        if items is None:
            return self._salvage(raw, _explainer.explain(raw))
        return self._change(items[0], raw)

    def _salvage(self, raw: msgspec.Raw, problems: tuple[Problem, ...]) -> Change:
        """Keep what can be read of an item, so that what is wrong with the rest is told as well."""
        flawed = Flawed(_outline(raw).name, problems)
        bad = {problem.pointer.split("/")[1] for problem in problems if problem.pointer}
        try:
            fields = msgspec.json.decode(raw)
            rest = {"name": ""} | {key: fields[key] for key in _FIELDS if key in fields and key not in bad}
            change = self._change(msgspec.convert(rest, IntegrationItem), raw)
        except (*BROKEN, TypeError):
            return flawed
        # Without its configuration an item would seem to lack what it merely has in a wrong form.
        if "configuration" in bad or isinstance(change, Torn) or not isinstance(change, Put):
            return flawed
        return Torn(flawed.name, problems, change)

    def _change(self, item: IntegrationItem, raw: msgspec.Raw) -> Change:
        apis = item.apis
        if apis:
            problems = explain.explain_parents(item.name, [api.integrationName for api in apis])
            if problems:
                item = msgspec.structs.replace(item, apis=None)
                return Torn(item.name, problems, self._put(item, raw))
        return self._put(item, raw)

    def _put(self, item: IntegrationItem, raw: msgspec.Raw) -> Put:
        apis, configuration = item.apis, item.configuration
        return Put(
            name=item.name,
            type=item.type,
            category=item.category,
            description=item.description,
            enabled=item.enabled,
            configuration=None if configuration is None else Sensitive(configuration),
            tags=read_tags(item.tags),
            apis=None if apis is None else tuple([read_api(api) for api in apis]),
            replace_apis=self.replace_apis,
            leads=self._leads,
            expected_version=item.expectedVersion if self._expected is None else self._expected,
            source=Sensitive(bytes(raw)),
        )


def read_api(item: ApiItem) -> ApiPut:
    """Return an api to save."""
    configuration = item.configuration
    return ApiPut(
        item.api,
        item.description,
        item.enabled,
        None if configuration is None else Sensitive(configuration),
        read_tags(item.tags),
    )


def read_tags(items: Sequence[TagItem] | None) -> tuple[Tag, ...] | None:
    """Return labels; None: none were sent."""
    return None if items is None else tuple([Tag(item.key, item.value) for item in items])


def read_items(
    body: bytes | bytearray, *, replace_apis: bool = False, expected: int | None = None, leads: bool = True
) -> Items:
    """Return the changes of a bulk-save body; items that cannot be read are among them as `Flawed`.

    Raises:
        Invalid: the body is no JSON array of at least one item, or `expected` is given for several.
        TooLarge: more than 10,000 items.
    """
    try:
        raws = _raws.decode(body)
    except msgspec.ValidationError:
        raise _whole("array_expected", "Send a JSON array of integrations.", "type") from None
    except RecursionError:
        raise Invalid(explain.TOO_DEEP.message, code="too_deep", problems=[explain.TOO_DEEP]) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _whole("invalid_json", explain.explain_body(body), "json") from None
    if not raws:
        raise _whole("empty_array", "Send at least one integration.", "minItems")
    if len(raws) > MAX_ITEMS:
        raise TooLarge(
            f"A batch may have {MAX_ITEMS:,} integrations; send it in parts.", code="too_many_items"
        )
    if expected is not None and len(raws) > 1:
        message = "If-Match goes with one integration; give the items of a batch an expectedVersion each."
        raise _whole("if_match_needs_one_item", message, "maxItems")
    return Items(raws, replace_apis=replace_apis, expected=expected, leads=leads)


def _array(raws: Sequence[msgspec.Raw]) -> bytes:
    return b"[" + b",".join(raws) + b"]"


def _decode(decoder: msgspec.json.Decoder[list[T]], raws: Sequence[msgspec.Raw]) -> list[T] | None:
    try:
        return decoder.decode(_array(raws))
    except BROKEN:
        return None


def _outline(raw: msgspec.Raw) -> _Outline:
    found = _decode(_outlines, [raw])
    if found:
        return found[0]
    loose = _decode(_loose, [raw])
    return _Outline(loose[0].name) if loose and isinstance(loose[0].name, str) else _Outline()


def is_sound(text: bytes) -> bool:
    """Tell whether a text is free of what JSON allows and we do not: a key twice, NaN, bad UTF-8."""
    try:
        jiter.from_json(text, allow_inf_nan=False, cache_mode="keys", catch_duplicate_keys=True)
    except (ValueError, RecursionError):
        return False
    return True


def _whole(code: str, message: str, keyword: str) -> Invalid:
    return Invalid(message, code=code, problems=[Problem(code, message, "", keyword)])
