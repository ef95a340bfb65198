"""Changing parts of a record: what remains of it, and what is then to be saved over that. Pure."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from credenza.errors import Problem
from credenza.model import (
    AddPrompt,
    AddTags,
    Amend,
    Amendment,
    Api,
    ApiPut,
    Document,
    DropApi,
    DropTags,
    Prompt,
    Put,
    Tag,
    TokenLimit,
)
from credenza.workspace import compose

PERIODS = ("DAY", "WEEK", "MONTH")
MAX_PROMPTS = 1_000
MOST_TOKENS = 2**53 - 1  # what every reader of JSON can hold
NO_API = Problem("not_found", "There is no such api of this integration.", "/api", "exists")
_TOO_MANY_TAGS = msgspec.structs.replace(compose.TOO_MANY_TAGS, pointer="")
_TOO_MANY_PROMPTS = Problem("too_many", f"An api has at most {MAX_PROMPTS} prompts.", "/prompts", "maxItems")
_BAD_LIMIT = Problem("invalid_data", "A limit is a whole number from 0 on.", "/maxTokens", "range")
_BAD_PERIOD = Problem(
    "invalid_data", f"A period is one of {', '.join(PERIODS)}.", "/tokenLimitPeriod", "enum"
)


def amend(before: Document, change: Amend, *, by: str, at: int) -> tuple[Document, Put, list[Problem]]:
    """Return what remains of a document, the save that goes over it, and what is wrong with the change.

    Problems point into the part that they are about.
    """
    amending = _Amending(before, by, at)
    for part in change.parts:
        amending.take(part)
    put = Put(
        name=change.name,
        type=None,
        apis=tuple(amending.puts) or None,
        expected_version=change.expected_version,
    )
    return amending.finish(before), put, amending.problems


class _Amending:
    def __init__(self, before: Document, by: str, at: int) -> None:
        self.puts: list[ApiPut] = []
        self.problems: list[Problem] = []
        self._apis = {api.api: api for api in before.apis}
        self._tags = before.tags
        self._limits = before.limits
        self._by = by
        self._at = at

    def take(self, part: Amendment) -> None:
        """Apply one part."""
        match part:
            case ApiPut():
                self.puts.append(part)
            case DropApi(api):
                if self._apis.pop(api, None) is None:
                    self.problems.append(NO_API)
            case AddTags(tags, api):
                self.problems += compose.check_tags(tags, "")
                self._retag(api, lambda old: tuple(dict.fromkeys((*old, *tags))))
            case DropTags(tags, api):
                self.problems += compose.check_tags(tags, "")
                gone = frozenset(tags)
                self._retag(api, lambda old: tuple(tag for tag in old if tag not in gone))
            case AddPrompt(api, prompt):
                self._associate(api, prompt)
            case TokenLimit():
                self._limit(part)

    def finish(self, before: Document) -> Document:
        """Return what remains."""
        return msgspec.structs.replace(
            before, apis=tuple(self._apis.values()), tags=self._tags, limits=self._limits
        )

    def _retag(self, api: str | None, change: Callable[[tuple[Tag, ...]], tuple[Tag, ...]]) -> None:
        if api is None:
            self._tags = change(self._tags)
            found = self._tags
        else:
            self._change(api, lambda old: {"tags": change(old.tags)})
            found = self._apis[api].tags if api in self._apis else ()
        if len(found) > compose.MAX_TAGS and _TOO_MANY_TAGS not in self.problems:
            self.problems.append(_TOO_MANY_TAGS)

    def _associate(self, api: str, prompt: str) -> None:
        self.problems += compose.check_text(prompt, "/prompt", compose.MAX_NAME, empty=False)
        new = Prompt(prompt, self._at, self._by)

        def add(old: Api) -> dict[str, object]:
            if any(each.name == prompt for each in old.prompts):
                return {}
            return {"prompts": (*old.prompts, new)}

        self._change(api, add)
        if api in self._apis and len(self._apis[api].prompts) > MAX_PROMPTS:
            self.problems.append(_TOO_MANY_PROMPTS)

    def _limit(self, limit: TokenLimit) -> None:
        if not 0 <= limit.max_tokens <= MOST_TOKENS:
            self.problems.append(_BAD_LIMIT)
        if limit.period not in PERIODS:
            self.problems.append(_BAD_PERIOD)
        # One that is being saved in the same change is there as well.
        if limit.api is not None and limit.api not in {*self._apis, *(put.api for put in self.puts)}:
            self.problems.append(NO_API)
        known = [each for each in self._limits if each.api == limit.api]
        if known and (known[0].max_tokens, known[0].period) == (limit.max_tokens, limit.period):
            return
        others = tuple(each for each in self._limits if each.api != limit.api)
        new = msgspec.structs.replace(limit, updated_at=self._at, updated_by=self._by)
        self._limits = (*others, new) if limit.max_tokens else others  # a limit of nothing is none

    def _change(self, api: str, change: Callable[[Api], dict[str, object]]) -> None:
        old = self._apis.get(api)
        if old is None:
            self.problems.append(NO_API)
            return
        new = msgspec.structs.replace(old, **change(old))
        if new != old:
            new = msgspec.structs.replace(new, updated_at=self._at, updated_by=self._by)
            self._apis[api] = new
