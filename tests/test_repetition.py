"""Patterns that somebody else matches by trying: what doubles with each turn is refused, the rest is not."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credenza.errors import Invalid
from credenza.plans.repetition import is_unsafe
from credenza.plans.tool_filters import read_filter

CATASTROPHIC = [
    *("(a+)+$", "(a|a)*b", "(.*a){20}", "(a*)*", "(a|aa)+", "([a-z]+)*", r"(\w+_?)*", "(a?){50}a"),
    *("(x+x+)+y", "(.*)*", r"(\d+|\w+)*x", "(a|b|ab)*c", "([a-z]|[A-Z])+x", "((a|b)+c?)+", "(foo|foo)+"),
    *(r"(\s*a*)*", "(a{1,3}){5}", "(?:a+)+", "(?P<n>a+)+", "(?i:a+)+", "x(y(a|a)*)z", "(é+)+", "(a+){2}"),
    *("(^a*)*", r"(\p{L}+)+", r"([\p{L}\d]|[a-z])+", "(a(?:b?c?)+)+", "(a+|[^b])*", r"(a|\x61)*", "(A|a)*"),
]
ORDINARY = [
    *("^list_", "get_.*_issue", "(foo|bar)+", "[a-z]+(-[a-z]+)*", "(foo|far)+", "(a|ab)*", "s$", r"\+"),
    *(r"(\d{1,3}\.){3}\d{1,3}", "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "([0-9a-f]{2}){6}"),
    *("^file:///([^/]+/)*[^/]+$", r"https?://.*\.example\.com/.*", ".*foo.*bar", "(é|ü)+", r"[\p{L}_]+"),
    *(r"(get|list|delete)_\w+", "^(list|get)(_[a-z]+)+$", r"(\w+\.)*\w+", "[]a]+x", "[^]a]+x", "[a-]+x"),
    *("[[:alpha:]]+_", "(ab?){2,3}", "a?b?c?", "x*y*z*", "(a?)*b", "(?i)abc+", "a{2,5}", "(a|e)+", "a{1000}"),
]


@pytest.mark.parametrize("pattern", CATASTROPHIC)
def test_a_pattern_that_takes_for_ever_where_it_is_tried_is_refused_when_it_is_saved(pattern):
    with pytest.raises(Invalid) as refused:
        read_filter([{"type": "tool_regex", "pattern": pattern}])

    assert refused.value.code == "unsafe_pattern"
    assert [each.pointer for each in refused.value.problems] == ["/tool_filters/0/pattern"]
    assert "in more than one way" in refused.value.message
    assert pattern not in refused.value.message


@pytest.mark.parametrize("pattern", ORDINARY)
def test_an_ordinary_pattern_is_taken(pattern):
    rule = {"type": "tool_regex", "pattern": pattern}

    assert read_filter(rule).rules[0].values == (pattern,)


parts = st.recursive(
    st.sampled_from("ab."),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from("*+?"), inner),
        st.tuples(st.just("|"), inner, inner),
        st.tuples(st.just(""), inner, inner),
    ),
    max_leaves=5,
)


def write(part):
    """Return a part as a pattern."""
    if isinstance(part, str):
        return part
    sign, *inner = part
    return f"({write(inner[0])}){sign}" if sign in tuple("*+?") else f"({sign.join(map(write, inner))})"


def list_ways(part, text, begun):
    """Return in how many ways a part reads a text from one place on, by where it ends."""
    if isinstance(part, str):
        fits = text[begun : begun + 1] and part in {".", text[begun]}
        return Counter({begun + 1: 1} if fits else {})
    sign, one, *rest = part
    if sign == "|":
        return list_ways(one, text, begun) + list_ways(rest[0], text, begun)
    if sign == "?":
        return list_ways(one, text, begun) + Counter({begun: 1})
    if sign == "":
        return go_on(list_ways(one, text, begun), rest[0], text)
    turns = Counter({begun: 1})
    found = Counter(turns) if sign == "*" else list_ways(one, text, begun)
    for at in range(begun, len(text)):
        # A turn that reads nothing is none.
        for end, ways in list_ways(one, text, at).items():
            turns[end] += turns[at] * ways if end > at else 0
    return found | turns if sign == "*" else found | (turns - Counter({begun: 1}))


def go_on(ways, part, text):
    total = Counter()
    for at, count in ways.items():
        for end, more in list_ways(part, text, at).items():
            total[end] += count * more
    return total


@given(parts)
def test_what_is_taken_reads_no_text_in_a_number_of_ways_that_doubles(part):
    if is_unsafe(write(part)):
        return

    for turn in ("a", "ab", "aab"):
        text = turn * (24 // len(turn))
        assert max(list_ways(part, text, 0).values(), default=0) < 20_000


@given(parts)
def test_whatever_is_repeated_is_refused_where_its_repetition_is_repeated(part):
    assert is_unsafe(f"(({write(part)})+)+")


@pytest.mark.parametrize(
    "pattern",
    [
        "(" + "|".join(f"ab{number}" for number in range(140)) + ")*",
        "(" + "a?" * 400 + "b)*",
        "(-" * 120 + "a" + ")*" * 120,
        "(a|b" * 150 + ")+" * 150,
    ],
)
def test_a_pattern_too_large_to_tell_is_refused_and_takes_no_time(pattern):
    assert is_unsafe(pattern)
