"""Which tools, prompts and resources may be used: filters, as they are sent, kept, shown and applied.

    [{"type": "tool_keys", "keys": ["get_issue"]}, {"type": "tool_regex", "pattern": "^list_"}]

Rules of one filter are alternatives, each kind for itself: a filter that has no rule for prompts does not
restrict prompts. All filters of a chain must let a thing pass, from the last one on that ignores those
before it. Patterns are matched anywhere in a name, in any case and in linear time; those that would take much
more where a runtime matches them in another way are refused, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal, NotRequired, TypedDict

import jsonschema_rs
import msgspec

from credenza.plans.fields import refuse
from credenza.plans.repetition import is_unsafe

Kind = Literal["tool", "prompt", "resource"]

MAX_PATTERN, MAX_KEY = 1_000, 1_000  # characters
MAX_RULES = 100
MAX_PATTERNS = 50  # of one filter; each takes memory and time to compile
MAX_FILTER = 16 * 1024  # bytes
ALLOW_ALL, FILTER = "allow_all", "filter"
_FIELDS = {
    "tool_keys": "keys",
    "tool_regex": "pattern",
    "prompt_keys": "keys",
    "prompt_regex": "pattern",
    "resource_uris": "uris",
    "resource_regex": "pattern",
}
_ENVELOPE = frozenset({"type", "filters", "ignore_parent_filters"})
_CASELESS = "(?i)"
_REMEMBERED = 64  # patterns
_MAX_COMPILED = 256 * 1024  # bytes that a pattern may take once compiled, and its cache as well
_BOUNDED = jsonschema_rs.RegexOptions(size_limit=_MAX_COMPILED, dfa_size_limit=_MAX_COMPILED)
_LOOSE = jsonschema_rs.FancyRegexOptions()


class Rule(msgspec.Struct, frozen=True):
    """One rule: names or addresses that pass, or the one pattern of those that do."""

    type: str
    values: tuple[str, ...]


class ToolFilter(msgspec.Struct, frozen=True):
    """A filter; without rules everything passes. `alone` drops the filters before it in a chain."""

    rules: tuple[Rule, ...] = ()
    alone: bool = False


class ShownFilter(TypedDict):
    """A filter as answers show it; `filters` where its type is `filter`."""

    type: str
    filters: NotRequired[list[dict[str, Any]]]
    ignore_parent_filters: bool


def read_filter(sent: object, pointer: str = "/tool_filters") -> ToolFilter:
    """Return a filter that was sent: a rule, a list of rules, null, or what `show_filter` shows.

    No pattern is compiled before everything else is found to be in order.

    Raises:
        Invalid: with the place and what to send instead; a pattern that needs look-around or
            back-references, that is too large, or that repeats ambiguously, is refused here, not when it is
            used.
    """
    alone = False
    if isinstance(sent, dict) and not _is_rule(sent):
        alone, sent, pointer = _open(sent, pointer)
    rules = [] if sent is None else sent if isinstance(sent, list) else [sent]
    if len(rules) > MAX_RULES:
        refuse(pointer, f"A filter has at most {MAX_RULES} rules.", "maxItems")
    listed = isinstance(sent, list)
    pointers = [f"{pointer}/{position}" if listed else pointer for position in range(len(rules))]
    read = [_read_rule(rule, place) for rule, place in zip(rules, pointers, strict=True)]
    made = ToolFilter(tuple(dict.fromkeys(read)), alone)
    if len(msgspec.json.encode(made)) > MAX_FILTER:
        refuse(pointer, f"A filter has at most {MAX_FILTER // 1024} KiB.", "maxLength")
    patterns = {
        rule.values[0]: f"{place}/pattern"
        for rule, place in zip(read, pointers, strict=True)
        if _FIELDS[rule.type] == "pattern"
    }
    if len(patterns) > MAX_PATTERNS:
        refuse(pointer, f"A filter has at most {MAX_PATTERNS} patterns; join some with `|`.", "maxItems")
    for pattern, place in patterns.items():
        _check_pattern(pattern, place)
    return made


def count_patterns(sent: object) -> int:
    """Return how many patterns a filter that was sent would have compiled, at most; compiles none."""
    if isinstance(sent, dict) and not _is_rule(sent):
        sent = sent.get("filters")
    rules = sent if isinstance(sent, list) else [sent]
    return sum(isinstance(rule, dict) and "pattern" in rule for rule in rules)


def show_filter(filter: ToolFilter) -> ShownFilter:
    """Return a filter as answers show it."""
    if not filter.rules:
        return {"type": ALLOW_ALL, "ignore_parent_filters": filter.alone}
    return {
        "type": FILTER,
        "filters": [_show_rule(rule) for rule in filter.rules],
        "ignore_parent_filters": filter.alone,
    }


def combine_filters(chain: Sequence[ToolFilter | None]) -> tuple[ToolFilter, ...]:
    """Return the filters of a chain that count, all of which must let a thing pass: parents come first."""
    counting: list[ToolFilter] = []
    for link in chain:
        if link is None:
            continue
        if link.alone:
            counting.clear()
        if link.rules:
            counting.append(link)
    return tuple(counting)


def passes(filters: Sequence[ToolFilter], kind: Kind, name: str) -> bool:
    """Tell whether a tool, a prompt or a resource (by its address) passes all filters."""
    return all(_passes(each, kind, name) for each in filters)


def _passes(filter: ToolFilter, kind: Kind, name: str) -> bool:
    rules = [rule for rule in filter.rules if rule.type.startswith(kind)]
    return not rules or any(_matches(rule, name) for rule in rules)


def _matches(rule: Rule, name: str) -> bool:
    if _FIELDS[rule.type] != "pattern":
        return name in rule.values
    return any(_remember(pattern).is_valid(name) for pattern in rule.values)


@lru_cache(_REMEMBERED)
def _remember(pattern: str) -> jsonschema_rs.Draft202012Validator:
    return _compile(pattern)


def _compile(pattern: str) -> jsonschema_rs.Draft202012Validator:
    """Return what matches a pattern in any case; raises ValueError where that takes more than linear time."""
    try:
        return jsonschema_rs.Draft202012Validator({"pattern": _CASELESS + pattern}, pattern_options=_BOUNDED)
    except jsonschema_rs.ValidationError:
        raise ValueError from None


def _open(sent: dict[str, Any], pointer: str) -> tuple[bool, object, str]:
    """Return what an object around rules says: whether the filter is alone, its rules, and where they are."""
    if not sent or not sent.keys() <= _ENVELOPE or sent.get("type") not in (None, ALLOW_ALL, FILTER):
        refuse(f"{pointer}/type", f"The type of a rule is one of: {', '.join(_FIELDS)}.", "enum")
    alone = sent.get("ignore_parent_filters", False)
    if not isinstance(alone, bool):
        refuse(f"{pointer}/ignore_parent_filters", "This must be true or false.", "type")
    if sent.get("type") == ALLOW_ALL:
        if sent.get("filters") not in (None, []):
            refuse(f"{pointer}/filters", "A filter that allows all has no rules.", "maxItems")
        return alone, None, pointer
    return alone, sent.get("filters"), f"{pointer}/filters"


def _read_rule(sent: object, pointer: str) -> Rule:
    if not isinstance(sent, dict):
        refuse(pointer, "A rule of a filter must be an object.", "type")
    if not _is_rule(sent):
        refuse(f"{pointer}/type", f"The type of a rule is one of: {', '.join(_FIELDS)}.", "enum")
    kind = sent["type"]
    field = _FIELDS[kind]
    if not sent.keys() <= {"type", field}:
        message = f"A rule of this type has the fields type and {field}."
        refuse(pointer, message, "additionalProperties", code="unknown_field")
    said, pointer = sent.get(field), f"{pointer}/{field}"
    if field != "pattern":
        return Rule(kind, _read_keys(said, pointer))
    if not isinstance(said, str) or not said:
        refuse(pointer, "A pattern is a text of at least one character.", "type")
    if len(said) > MAX_PATTERN:
        refuse(pointer, f"A pattern has at most {MAX_PATTERN:,} characters.", "maxLength")
    return Rule(kind, (said,))


def _is_rule(sent: dict[str, Any]) -> bool:
    kind = sent.get("type")
    return isinstance(kind, str) and kind in _FIELDS


def _read_keys(said: object, pointer: str) -> tuple[str, ...]:
    if not isinstance(said, list):
        refuse(pointer, "This must be a list of texts.", "type")
    for position, key in enumerate(said):
        if not isinstance(key, str) or not 1 <= len(key) <= MAX_KEY:
            refuse(f"{pointer}/{position}", f"This must be a text of 1 to {MAX_KEY:,} characters.", "type")
    return tuple(dict.fromkeys(said))


def _check_pattern(pattern: str, pointer: str) -> None:
    try:
        _compile(pattern)
    except ValueError:
        if not _is_pattern(pattern):
            message = "This pattern is not a valid regular expression; correct how it is written."
            refuse(pointer, message, "pattern", code="invalid_pattern")
        message = (
            "This pattern is not one that can be matched in linear time and little memory: no look-around, no"
            " back-references, little repetition."
        )
        refuse(pointer, message, "pattern", code="unsafe_pattern")
    if is_unsafe(pattern):
        message = (
            "What this pattern repeats can be read in more than one way, such as (a+)+ or (a|a)*: where it is"
            " matched by trying, that takes for ever. Let each turn begin or end with what stands nowhere"
            " else in it."
        )
        refuse(pointer, message, "pattern", code="unsafe_pattern")


def _is_pattern(pattern: str) -> bool:
    """Tell whether a pattern is well written, whatever it takes to match it."""
    try:
        # This one also takes what needs time; nothing is ever matched with it.
        jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=_LOOSE)
    except jsonschema_rs.ValidationError:
        return False
    return True


def _show_rule(rule: Rule) -> dict[str, Any]:
    field = _FIELDS[rule.type]
    return {"type": rule.type, field: rule.values[0] if field == "pattern" else list(rule.values)}
