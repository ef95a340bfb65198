"""Tool filters: every form they are sent in, the one they are kept in, and what passes a chain of them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credenza.errors import Invalid
from credenza.plans import tool_filters
from credenza.plans.tool_filters import (
    MAX_PATTERN,
    MAX_PATTERNS,
    Rule,
    ToolFilter,
    combine_filters,
    passes,
    read_filter,
    show_filter,
)

ALL = {"type": "allow_all", "ignore_parent_filters": False}
KEYS = {"type": "tool_keys", "keys": ["get_issue", "list_issues"]}
PATTERN = {"type": "tool_regex", "pattern": "^get_"}
FIELDS = {"keys": "keys", "uris": "uris", "regex": "pattern"}
KINDS = ["tool_keys", "tool_regex", "prompt_keys", "prompt_regex", "resource_uris", "resource_regex"]
NAMES = ["get_issue", "GET_ISSUE", "list_issues", "drop", "a+b", "über"]

names = st.sampled_from(NAMES)
patterns = st.sampled_from(["^get_", "issue", "s$", "A", "[dl]", "(a|e)+", r"\+", ".", "ü"])


def make_rule(kind, values):
    field = FIELDS[kind.rpartition("_")[2]]
    return {"type": kind, field: values[0] if field == "pattern" else values}


rules = st.one_of(
    [
        st.lists(patterns if kind.endswith("regex") else names, min_size=1, max_size=3).map(
            lambda values, kind=kind: make_rule(kind, values)
        )
        for kind in KINDS
    ]
)
sent = st.fixed_dictionaries({"filters": st.lists(rules, max_size=4), "ignore_parent_filters": st.booleans()})


def matches(rule, name):
    """Tell in plain Python whether a rule lets a name pass."""
    if "pattern" in rule:
        return re.search(rule["pattern"], name, re.IGNORECASE) is not None
    return name in rule.get("keys", rule.get("uris"))


def lets_pass(each, kind, name):
    relevant = [rule for rule in each["filters"] if rule["type"].startswith(kind)]
    return not relevant or any(matches(rule, name) for rule in relevant)


@pytest.mark.parametrize("nothing", [None, [], ALL, {"filters": []}, {"filters": None}])
def test_no_rule_in_whatever_form_allows_all(nothing):
    assert show_filter(read_filter(nothing)) == ALL


@pytest.mark.parametrize("form", [KEYS, [KEYS], {"filters": KEYS}, {"filters": [KEYS, KEYS]}])
def test_one_rule_and_a_list_of_it_are_the_same(form):
    assert show_filter(read_filter(form)) == {
        "type": "filter",
        "filters": [KEYS],
        "ignore_parent_filters": False,
    }


@given(sent)
def test_a_filter_that_is_shown_can_be_sent_back_and_stays_the_same(each):
    kept = read_filter(each)

    assert read_filter(show_filter(kept)) == kept


@given(st.lists(sent, max_size=4), st.sampled_from(["tool", "prompt", "resource"]), names)
def test_what_passes_a_chain_passes_every_filter_from_the_last_on_that_stands_alone(chain, kind, name):
    alone = [place for place, each in enumerate(chain) if each["ignore_parent_filters"]]
    counting = chain[alone[-1] :] if alone else chain

    combined = combine_filters([None, *map(read_filter, chain)])

    assert passes(combined, kind, name) == all(lets_pass(each, kind, name) for each in counting)


@given(st.lists(sent, max_size=3), sent, names)
def test_one_more_filter_that_does_not_stand_alone_never_lets_more_pass(chain, added, name):
    chain = [read_filter(each) for each in chain]
    longer = [*chain, read_filter({**added, "ignore_parent_filters": False})]

    assert passes(combine_filters(longer), "tool", name) <= passes(combine_filters(chain), "tool", name)


@pytest.mark.parametrize("pattern", ["(", "[", "*a", "a)(b", "(?P<n", r"\p{Nothing}"])
def test_a_pattern_that_is_none_is_told_apart_from_one_that_takes_too_much(pattern):
    with pytest.raises(Invalid) as refused:
        read_filter([KEYS, {"type": "tool_regex", "pattern": pattern}])

    assert refused.value.code == "invalid_pattern"
    assert [each.pointer for each in refused.value.problems] == ["/tool_filters/1/pattern"]
    assert "not a valid regular expression" in refused.value.message
    assert pattern not in refused.value.message


@pytest.mark.parametrize("pattern", [r"(a)\1", "a(?=b)", "(?<!a)b", "(?<=a)b", "a{1000}{1000}"])
def test_a_pattern_that_cannot_be_matched_in_linear_time_is_refused_when_it_is_saved(pattern):
    with pytest.raises(Invalid) as refused:
        read_filter({"filters": [{"type": "tool_regex", "pattern": pattern}]})

    assert refused.value.code == "unsafe_pattern"
    assert [each.pointer for each in refused.value.problems] == ["/tool_filters/filters/0/pattern"]
    assert pattern not in refused.value.message


@pytest.mark.parametrize("pattern", [r"[\p{L}\p{N}]{150}", "(a{90}){90}"])
def test_a_pattern_that_would_take_much_memory_is_refused(pattern):
    with pytest.raises(Invalid) as refused:
        read_filter({"type": "tool_regex", "pattern": pattern})

    assert refused.value.code == "unsafe_pattern"


def test_a_filter_that_is_only_saved_leaves_nothing_compiled_behind():
    tool_filters._remember.cache_clear()

    kept = read_filter([{"type": "tool_regex", "pattern": f"^{n}"} for n in range(MAX_PATTERNS)])
    assert tool_filters._remember.cache_info().currsize == 0

    assert not passes([kept], "tool", "none")
    assert tool_filters._remember.cache_info().currsize == MAX_PATTERNS


def test_nothing_is_compiled_of_a_filter_that_is_refused_for_anything_else(monkeypatch):
    monkeypatch.setattr(tool_filters, "_compile", None)

    with pytest.raises(Invalid):
        read_filter([{"type": "tool_regex", "pattern": "a"}, {"type": "tool_regex"}])


def test_a_pattern_that_would_blow_up_elsewhere_is_matched_at_once():
    kept = ToolFilter((Rule("tool_regex", ("^(a+)+$",)),))

    assert not passes([kept], "tool", "a" * 50_000 + "!")


def test_names_are_compared_exactly_and_patterns_in_any_case():
    assert passes([read_filter(PATTERN)], "tool", "GET_ISSUE")
    assert not passes([read_filter(KEYS)], "tool", "GET_ISSUE")


def test_a_list_of_no_names_lets_nothing_pass():
    assert not passes([read_filter({"type": "tool_keys", "keys": []})], "tool", "get_issue")


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        (3, ""),
        ({}, "/type"),
        ({"type": "tools"}, "/type"),
        ({"type": ["tool_keys"]}, "/type"),
        ({"type": {}, "filters": []}, "/type"),
        ([KEYS, "get_issue"], "/1"),
        ([{"type": "tool_keys"}], "/0/keys"),
        ([{"type": "tool_keys", "keys": "get_issue"}], "/0/keys"),
        ([{"type": "tool_keys", "keys": ["a", 3]}], "/0/keys/1"),
        ([{"type": "tool_keys", "keys": [""]}], "/0/keys/0"),
        ([{"type": "tool_keys", "pattern": "a"}], "/0"),
        ([{**KEYS, "pattern": "a"}], "/0"),
        ({"type": "tool_regex", "pattern": ""}, "/pattern"),
        ({"type": "tool_regex", "pattern": ["a"]}, "/pattern"),
        ({"type": "tool_regex", "pattern": "a" * (MAX_PATTERN + 1)}, "/pattern"),
        ({"filters": [], "ignore_parent_filters": "yes"}, "/ignore_parent_filters"),
        ({"filters": [[KEYS]]}, "/filters/0"),
        ({**ALL, "filters": [KEYS]}, "/filters"),
        ([KEYS] * 101, ""),
        ([{"type": "tool_regex", "pattern": f"^{n}("} for n in range(MAX_PATTERNS + 1)], ""),
        ([{"type": "tool_keys", "keys": ["a" * 900 + str(n) for n in range(30)]}], ""),
    ],
)
def test_what_is_no_filter_is_refused_with_its_place(wrong, pointer):
    with pytest.raises(Invalid) as refused:
        read_filter(wrong)

    assert [each.pointer for each in refused.value.problems] == [f"/tool_filters{pointer}"]
