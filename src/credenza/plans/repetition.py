r"""Patterns that take exponential time where they are matched by trying: `(a+)+`, `(a|a)*`, `(.*a){20}`.

Here every pattern is matched in linear time, but filters are given to runtimes, and most of these go back
and try again. A pattern is refused where what it repeats can be read in two ways, of one text from one place
back to that place: then each turn doubles what is to be tried. That is found in its position automaton, by
the pairs of places that one text leads to:

    (foo|far)+         o and a: no text leads from both, so each text is read in one way
    [a-z]+(-[a-z]+)*   a dash is no letter
    (a+)+              from a to a by either plus
    (\w+_?)*           `ab` is one turn, or two

A count counts as any number, unless it is one of a single character; so `(.*a){2}` is refused as well, and
so is a count of what may be empty. What is large beyond measure is refused unseen.
"""

from __future__ import annotations

import string
from collections import deque
from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

_MOST_EDGES, _MOST_STEPS, _DEEPEST = 5_000, 5_000, 50
_ASCII = 128
_WORD = string.ascii_letters + string.digits + "_"
_CLASSES = {"d": string.digits, "w": _WORD, "s": string.whitespace}
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "a": "\a", "0": "\0"}
_NO_WIDTH = frozenset("bBAzZ<>")
_QUANTIFIERS = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_SETS = ("&&", "--", "~~")


class _UnsafeError(Exception):
    pass


class _Part(NamedTuple):
    """A part of a pattern: the positions it begins and ends with, and which may follow which within it."""

    empty: bool = True
    first: tuple[int, ...] = ()
    last: tuple[int, ...] = ()
    edges: tuple[tuple[int, int], ...] = ()


def is_unsafe(pattern: str) -> bool:
    """Tell whether a pattern, one that is well written, may take exponential time where it is tried."""
    try:
        _Reading(pattern).read()
    except _UnsafeError:
        return True
    return False


class _Reading:
    """One pattern on its way; positions are its characters and classes, `masks` what each of them takes."""

    def __init__(self, pattern: str) -> None:
        self._text = pattern
        self._at = 0
        self._masks: list[int] = []
        self._edges = 0
        self._depth = 0
        others = sorted({each for char in pattern if ord(char) >= _ASCII for each in _fold(char)})
        self._bits = {char: _ASCII + 1 + number for number, char in enumerate(others)}
        self._all = (1 << (_ASCII + 1 + len(others))) - 1

    def read(self) -> _Part:
        """Return alternatives, up to the bracket that closes them or the end; raises _UnsafeError."""
        made = self._read_sequence()
        while self._take("|"):
            other = self._read_sequence()
            made = _Part(
                made.empty or other.empty,
                made.first + other.first,
                made.last + other.last,
                made.edges + other.edges,
            )
        return made

    def _read_sequence(self) -> _Part:
        made = _Part()
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            made = self._join(made, self._read_repeated())
        return made

    def _read_repeated(self) -> _Part:
        begun = self._at
        part = self._read_atom()
        single = self._text[begun] != "(" and len(part.first) == 1
        while (count := self._read_count()) is not None:
            self._take("?")
            part = self._repeat(part, *count, single=single)
            single = False
        return part

    def _repeat(self, part: _Part, least: int, most: int | None, *, single: bool) -> _Part:
        if most == 0:
            return _Part()
        if most == 1:
            return part._replace(empty=part.empty or least == 0)
        if single and least == most:
            return self._join(part, self._place(self._masks[part.first[0]]))
        if part.empty and (least > 1 or most is not None):
            raise _UnsafeError
        self._count(len(part.last) * len(part.first))
        edges = part.edges + tuple((end, start) for end in part.last for start in part.first)
        if _has_two_ways(edges, self._masks):
            raise _UnsafeError
        return part._replace(empty=part.empty or least == 0, edges=edges)

    def _join(self, one: _Part, two: _Part) -> _Part:
        self._count(len(one.last) * len(two.first))
        between = tuple((end, start) for end in one.last for start in two.first)
        return _Part(
            one.empty and two.empty,
            one.first + two.first if one.empty else one.first,
            one.last + two.last if two.empty else two.last,
            one.edges + two.edges + between,
        )

    def _count(self, edges: int) -> None:
        self._edges += edges
        if self._edges > _MOST_EDGES:
            raise _UnsafeError

    def _place(self, mask: int) -> _Part:
        self._masks.append(mask)
        made = (len(self._masks) - 1,)
        return _Part(False, made, made)

    def _read_atom(self) -> _Part:
        char = self._text[self._at]
        self._at += 1
        if char == "(":
            return self._read_group()
        if char == "[":
            return self._place(self._read_class())
        if char == "\\":
            mask = self._read_escape()
            return _Part() if mask is None else self._place(mask)
        if char in "^$":
            return _Part()
        return self._place(self._all if char == "." else self._mask(char))

    def _read_group(self) -> _Part:
        if self._take("?"):
            end = min(self._find(":"), self._find(">"), self._find(")"))
            flags, self._at = self._text[self._at : end], end + 1
            if "<" not in flags and "x" in flags:
                raise _UnsafeError  # blanks and comments would be read as what they are not
            if self._text[end] == ")":
                return _Part()
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _UnsafeError
        made = self.read()
        self._at, self._depth = self._at + 1, self._depth - 1
        return made

    def _read_count(self) -> tuple[int, int | None] | None:
        char = self._text[self._at : self._at + 1]
        if char in _QUANTIFIERS:
            self._at += 1
            return _QUANTIFIERS[char]
        if char != "{":
            return None
        end = self._find("}")
        least, comma, most = self._text[self._at + 1 : end].partition(",")
        self._at = end + 1
        try:
            low = int(least or 0)
            return low, (int(most) if most.strip() else None) if comma else low
        except ValueError:
            raise _UnsafeError from None  # braces of another kind

    def _read_class(self) -> int:
        """Return what a class takes; one that is made of others may take anything."""
        negated, mask, begun, depth = self._take("^"), 0, self._at, 1
        while depth:
            char = self._text[self._at]
            if char == "]" and self._at > begun:
                depth -= 1
                self._at += 1
            elif char == "[" or self._text.startswith(_SETS, self._at):
                depth += char == "["
                self._at += 1 if char == "[" else 2
                mask, begun = self._all, self._at
                negated = False
            else:
                mask |= self._read_range()
        return self._all & ~mask if negated else mask

    def _read_range(self) -> int:
        begun, one = self._at, self._read_member()
        if self._text[self._at : self._at + 1] != "-" or self._text[self._at + 1 : self._at + 2] in "]-":
            return one
        low, self._at = self._text[begun], self._at + 1
        begun, two = self._at, self._read_member()
        high = self._text[begun]
        if "\\" in (low, high):
            return self._all
        span = range(ord(low), ord(high) + 1)
        known = [chr(code) for code in span if code < _ASCII] + [c for c in self._bits if ord(c) in span]
        mask = one | two
        for char in known:
            mask |= self._mask(char)
        return mask | (1 << _ASCII if span.stop > _ASCII else 0)

    def _read_member(self) -> int:
        char = self._text[self._at]
        self._at += 1
        return (self._read_escape() or 0) if char == "\\" else self._mask(char)

    def _read_escape(self) -> int | None:
        """Return what an escape takes; None: it has no width. What is written by number may be anything."""
        char = self._text[self._at]
        self._at += 1
        if char.lower() in _CLASSES:
            inside = sum(1 << ord(each) for each in _CLASSES[char.lower()])
            beyond = self._all >> _ASCII << _ASCII
            return (inside | beyond) if char.islower() else self._all & ~inside
        if char in "pPxuU":
            if self._take("{"):
                self._at = self._find("}") + 1
            else:
                self._at += {"x": 2, "u": 4, "U": 8}.get(char, 1)
            return self._all
        if char in _NO_WIDTH:
            return None
        return self._mask(_CONTROLS.get(char, char))

    def _mask(self, char: str) -> int:
        mask = 0
        for each in _fold(char):
            mask |= 1 << (ord(each) if ord(each) < _ASCII else self._bits.get(each, _ASCII))
        return mask

    def _take(self, char: str) -> bool:
        taken = self._text.startswith(char, self._at)
        self._at += taken
        return taken

    def _find(self, char: str) -> int:
        found = self._text.find(char, self._at)
        return len(self._text) if found < 0 else found


def _fold(char: str) -> set[str]:
    """Return a character in either case."""
    return {each for each in (char, char.lower(), char.upper()) if len(each) == 1}


def _has_two_ways(edges: Sequence[tuple[int, int]], masks: Sequence[int]) -> bool:
    """Tell whether a loop of these edges reads a text in two ways; raises _UnsafeError if it is too large."""
    if len({*edges}) < len(edges):
        return True
    follow: dict[int, list[int]] = {}
    for end, start in edges:
        follow.setdefault(end, []).append(start)
    # Where a text has led to one place, to go on in one way is no second way.
    waiting = deque((starts, starts, False) for starts in {tuple(each) for each in follow.values()})
    seen: set[tuple[int, int]] = set()
    steps = 0
    while waiting:
        ones, twos, apart = waiting.popleft()
        steps += len(ones) * len(twos)
        if steps > _MOST_STEPS:
            raise _UnsafeError
        for one, two in ((min(pair), max(pair)) for pair in product(ones, twos)):
            if not masks[one] & masks[two] or (one, two) in seen:
                continue
            if one != two:
                seen.add((one, two))
                waiting.append((tuple(follow.get(one, ())), tuple(follow.get(two, ())), True))
            elif apart:
                return True
    return False
