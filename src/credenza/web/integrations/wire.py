"""Bytes -> changes: the items of a bulk save as they arrive. What is wrong is told by place, never by value.

`jiter` looks for what JSON allows and a store of secrets must not (a key standing twice, NaN), `msgspec`
decodes. Up to a chunk of items is decoded at once and kept; a larger batch is kept as raw text and decoded
chunk by chunk, so that memory stays near the size of the body.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

import jiter
import msgspec

from credenza.errors import Invalid, Problem, TooLarge
from credenza.model import ApiPut, Change, Flawed, Put, Tag
from credenza.sensitive import Sensitive
from credenza.web.integrations import explain

MAX_ITEMS = 10_000
KEPT = 1_000
_CHUNK = 500

Ignored = Any


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
    expectedVersion: int | None = None  # noqa: N815
    version: Ignored = None
    complete: Ignored = None
    missing: Ignored = None
    modelsCount: Ignored = None  # noqa: N815

    def __repr__(self) -> str:
        """Show nothing of the configuration."""
        return f"<item {self.name!r}>" if self.name.isalnum() else "<item>"


class _Named(msgspec.Struct):
    name: str = ""


_raws = msgspec.json.Decoder(list[msgspec.Raw])
_items = msgspec.json.Decoder(list[IntegrationItem])
_item = msgspec.json.Decoder(IntegrationItem)
_named = msgspec.json.Decoder(_Named)


class Items(Sequence[Change]):
    """The changes of one request, decoded when they are asked for."""

    def __init__(self, raws: list[msgspec.Raw], *, replace_apis: bool, expected: int | None = None) -> None:
        """Check the text of all items, and decode them if they are few."""
        self._raws = raws
        self._replace_apis = replace_apis
        self._expected = expected
        self._flawed = _find_flaws(raws)
        self._kept = self._decode(0, len(raws)) if len(raws) <= KEPT else None

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self._raws)

    @overload
    def __getitem__(self, index: int) -> Change: ...
    @overload
    def __getitem__(self, index: slice) -> list[Change]: ...
    def __getitem__(self, index: int | slice) -> Change | list[Change]:
        """Decode one item, or a run of them."""
        if self._kept is not None:
            return self._kept[index]
        if isinstance(index, slice):
            start, stop, _ = index.indices(len(self._raws))
            return self._decode(start, stop)
        return self._decode(index, index + 1)[0]

    def _decode(self, start: int, stop: int) -> list[Change]:
        raws = self._raws[start:stop]
        if not self._flawed:
            try:
                items = _items.decode(b"[" + b",".join(raws) + b"]")
            except (msgspec.ValidationError, RecursionError):
                pass
            else:
                return [self._change(item, raw) for item, raw in zip(items, raws, strict=True)]
        return [self._read(index, raw) for index, raw in enumerate(raws, start)]

    def _read(self, index: int, raw: msgspec.Raw) -> Change:
        flaw = self._flawed.get(index)
        if flaw is not None:
            return Flawed(_name(raw), (flaw,))
        try:
            return self._change(_item.decode(raw), raw)
        except msgspec.ValidationError:
            return Flawed(_name(raw), _explainer.explain(raw))
        except RecursionError:
            return Flawed(_name(raw), (explain.TOO_DEEP,))

    def _change(self, item: IntegrationItem, raw: msgspec.Raw) -> Change:
        apis = item.apis
        if apis:
            problems = explain.explain_parents(item.name, [api.integrationName for api in apis])
            if problems:
                return Flawed(item.name, problems)
        expected = self._expected if self._expected is not None else item.expectedVersion
        configuration = item.configuration
        return Put(
            name=item.name,
            type=item.type,
            category=item.category,
            description=item.description,
            enabled=item.enabled,
            configuration=None if configuration is None else Sensitive(configuration),
            tags=None if item.tags is None else tuple([Tag(tag.key, tag.value) for tag in item.tags]),
            apis=None
            if apis is None
            else tuple([ApiPut(api.api, api.description, api.enabled) for api in apis]),
            replace_apis=self._replace_apis,
            expected_version=expected,
            source=Sensitive(bytes(raw)),
        )


def read_items(body: bytes, *, replace_apis: bool = False, expected: int | None = None) -> Items:
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
        raise _whole("invalid_json", _not_json(body), "json") from None
    if not raws:
        raise _whole("empty_array", "Send at least one integration.", "minItems")
    if len(raws) > MAX_ITEMS:
        raise TooLarge(
            f"A batch may have {MAX_ITEMS:,} integrations; send it in parts.", code="too_many_items"
        )
    if expected is not None and len(raws) > 1:
        message = "If-Match goes with one integration; give the items of a batch an expectedVersion each."
        raise _whole("if_match_needs_one_item", message, "maxItems")
    return Items(raws, replace_apis=replace_apis, expected=expected)


def _find_flaws(raws: list[msgspec.Raw]) -> dict[int, Problem]:
    """Return by index the items whose text is not acceptable JSON, though msgspec would take it."""
    flawed: dict[int, Problem] = {}
    for start in range(0, len(raws), _CHUNK):
        some = raws[start : start + _CHUNK]
        if not _sound(b"[" + b",".join(some) + b"]"):
            for index, raw in enumerate(some, start):
                if not _sound(bytes(raw)):
                    flawed[index] = explain.explain_text(bytes(raw))
    return flawed


def _sound(text: bytes) -> bool:
    try:
        jiter.from_json(text, allow_inf_nan=False, cache_mode="keys", catch_duplicate_keys=True)
    except (ValueError, RecursionError):
        return False
    return True


def _name(raw: msgspec.Raw) -> str:
    try:
        return _named.decode(raw).name
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""


def _not_json(body: bytes) -> str:
    try:
        body.decode()
    except UnicodeDecodeError:
        return "The body is not UTF-8."
    return "The body is not JSON."


def _whole(code: str, message: str, keyword: str) -> Invalid:
    return Invalid(message, code=code, problems=[Problem(code, message, "", keyword)])


_explainer = explain.Explainer(msgspec.json.schema(IntegrationItem))
