"""Conditions of a schema, narrowed to some of its keys: what they still say when the others are out of sight.

A key is in sight, or its value is given, or it is unknown. What rests on an unknown key is taken for true
where that lets more through, and for false where that lets less through. So a narrowed condition never
refuses a configuration that the whole one accepts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final

import jsonschema_rs

from credenza.connectors.grammar import LINEAR

Condition = dict[str, Any]
Narrowed = Condition | bool
ABSENT: Final = object()

_GROUPS = ("required", "properties", "dependentRequired", "allOf", "anyOf", "oneOf", "not", "if")


class Narrowing:
    """Which keys are in sight, and what is given of others: a value, or that they are `ABSENT`."""

    def __init__(self, keys: Collection[str], given: Mapping[str, Any]) -> None:
        """Take the keys, and the values."""
        self._keys = keys
        self._given = given
        # What stands deep inside is looked at both ways on every level; each stays alive, so ids are its own.
        self._known: dict[tuple[int, bool], tuple[Condition, Narrowed]] = {}

    def narrow(self, whole: Condition, *, loose: bool = True) -> Narrowed:
        """Return what follows from a condition, or where not `loose`, what it follows from."""
        if (id(whole), loose) not in self._known:
            found = _all(self._narrow_group(group, whole, loose) for group in _GROUPS if group in whole)
            self._known[id(whole), loose] = whole, found
        return self._known[id(whole), loose][1]

    def _narrow_group(self, group: str, whole: Condition, loose: bool) -> Narrowed:
        if group == "if":
            return self._choose(whole, loose)
        readers: Mapping[str, Callable[[Any, bool], Narrowed]] = {
            "required": self._require,
            "properties": self._test,
            "dependentRequired": self._depend,
            "allOf": self._join,
            "anyOf": lambda said, loose: _any(self.narrow(each, loose=loose) for each in said),
            "oneOf": self._pick,
            "not": lambda said, loose: _negate(self.narrow(said, loose=not loose)),
        }
        return readers[group](whole[group], loose)

    def _depend(self, needs: Mapping[str, list[str]], loose: bool) -> Narrowed:
        conditions = ({"if": {"required": [key]}, "then": {"required": keys}} for key, keys in needs.items())
        return _all(self._choose(each, loose) for each in conditions)

    def _join(self, entries: Iterable[Condition], loose: bool) -> Narrowed:
        found: list[Condition] = []
        for entry in entries:
            part = self.narrow(entry, loose=loose)
            if part is False:
                return False
            found += [] if part is True else [part]
        return {"allOf": found} if found else True

    def _require(self, keys: Sequence[str], loose: bool) -> Narrowed:
        if any(self._given.get(key) is ABSENT for key in keys):
            return False
        open_ = [key for key in keys if key not in self._given]
        seen = [key for key in open_ if key in self._keys]
        return (loose or seen == open_) and ({"required": seen} if seen else True)

    def _test(self, tests: Mapping[str, Condition], loose: bool) -> Narrowed:
        seen = {key: rules for key, rules in tests.items() if key in self._keys}
        for key, rules in tests.items():
            if self._given.get(key) is ABSENT:
                continue
            if key in self._given:
                checker = jsonschema_rs.Draft202012Validator(rules, pattern_options=LINEAR)
                if not checker.is_valid(self._given[key]):
                    return False
            elif key not in seen and not loose:
                return False
        return {"properties": seen} if seen else True

    def _pick(self, options: Iterable[Condition], loose: bool) -> Narrowed:
        """Narrow a choice of exactly one; where it rests on unknown keys, several may hold."""
        pairs = [(self.narrow(each, loose=True), self.narrow(each, loose=False)) for each in options]
        if any(most != least for most, least in pairs):
            return _any(most for most, _ in pairs) if loose else False
        known = [most for most, _ in pairs if most is not False]
        if True not in known:
            return {"oneOf": known} if len(known) > 1 else _any(known)
        rest = [each for each in known if each is not True]
        return len(known) - len(rest) == 1 and _all(map(_negate, rest))

    def _choose(self, whole: Condition, loose: bool) -> Narrowed:
        """Narrow `if`, `then` and `else`; where `if` rests on unknown keys, nothing is said of `else`.

        It would otherwise stand twice, and so would each one within it.
        """
        then = self.narrow(whole["then"], loose=loose)
        other = self.narrow(whole["else"], loose=loose) if "else" in whole else True
        condition = self.narrow(whole["if"], loose=not loose)
        if other is not True and condition != self.narrow(whole["if"], loose=loose):
            return loose and _imply(condition, then)
        if isinstance(condition, dict) and isinstance(then, dict) and isinstance(other, dict):
            return {"if": condition, "then": then, "else": other}
        return _all([_imply(condition, then), _imply(_negate(condition), other)])


def _all(parts: Iterable[Narrowed]) -> Narrowed:
    """Return what holds where all parts do, in one object as far as they do not speak of the same."""
    required: dict[str, None] = {}
    joined: Condition = {}
    others: list[Condition] = []
    for part in parts:
        if part is False:
            return False
        if part is True:
            continue
        rest = {keyword: said for keyword, said in part.items() if keyword not in {"required", "allOf"}}
        for entry in ({"required": part.get("required", [])}, *part.get("allOf", ())):
            if entry.keys() == {"required"}:
                required |= dict.fromkeys(entry["required"])
            else:
                others.append(entry)
        if rest.keys() & joined.keys():
            others.append(rest)
        else:
            joined |= rest
    said = {"required": [*required], **joined, "allOf": others}
    return {keyword: each for keyword, each in said.items() if each} or True


def _any(parts: Iterable[Narrowed]) -> Narrowed:
    found = [part for part in parts if part is not False]
    if True in found or not found:
        return bool(found)
    return {"anyOf": found} if len(found) > 1 else found[0]


def _negate(part: Narrowed) -> Narrowed:
    if isinstance(part, bool):
        return not part
    return part["not"] if part.keys() == {"not"} else {"not": part}


def _imply(condition: Narrowed, then: Narrowed) -> Narrowed:
    if condition is False or then is True:
        return True
    if condition is True:
        return then
    return _negate(condition) if then is False else {"if": condition, "then": then}
