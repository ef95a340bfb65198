"""What is wrong with a field, as a sentence for who fills it in: by rule, never by value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from credenza.errors import Problem
from credenza.web.setup.model import ToolChoice

Rules = Mapping[str, Any]

_AT_KEY = re.compile(r"/configuration/([^/]+)")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_MISSING, _UNCHOSEN = "Fill this in.", "Choose one."
_NO_TOOLS = "This choice of tools cannot be saved."
_AT_PATTERN = re.compile(r"/tool_filters(?:/filters)?/([0-9]+)/pattern")
_BY_PATTERN = {
    "unsafe_pattern": "cannot be used; write it without look-around, back-references and nested repetition",
    "invalid_pattern": "is not a valid regular expression; look for a bracket that is left open",
    "maxLength": "is too long; write it in several lines",
}
_BY_CODE = {
    "required": _MISSING,
    "empty_secret": "These are only blanks; enter the value itself.",
    "masked_secret": "These are only mask characters; enter the value itself.",
    "secret_too_long": "This is longer than 65,536 bytes.",
    "unreadable_url": (
        "This can be read in more than one way; percent-encode special characters in user name and password."
    ),
    "no_host": "No host can be read from this; enter one such as https://host.example or host.example:443.",
    "nul_character": "This holds a character that cannot be saved.",
    "not_unicode": "This holds a character that cannot be saved.",
    "number_out_of_range": "This number is too large.",
    "no_text_file": "This file is not text; choose the file in its text form.",
    "secret_reentry_required": "Enter this again: it would be sent to another place than before.",
    "foreign_trust": (
        "Who sent you here has to enter this: it would decide over an address of theirs that is secret."
    ),
}


def place_problems(
    properties: Mapping[str, Rules], problems: Iterable[Problem]
) -> tuple[dict[str, str], list[str]]:
    """Return a sentence per key, the first one found, and sentences that belong to no key."""
    placed: dict[str, str] = {}
    notes: list[str] = []
    for problem in problems:
        found = _AT_KEY.match(problem.pointer)
        if found and found[1] in properties:
            placed.setdefault(found[1], say(problem, properties[found[1]]))
        else:
            notes.append(_name_labels(problem.message, properties))
    return placed, notes


def say(problem: Problem, rules: Rules) -> str:
    """Return the sentence for a problem with a key of these rules."""
    kind = rules["type"]
    if problem.code == "required" and ("enum" in rules or "x-choices" in rules or kind == "boolean"):
        return _UNCHOSEN
    if problem.code in _BY_CODE:
        return _BY_CODE[problem.code]
    if problem.keyword in {"type", "pattern"} and isinstance(kind, list):
        return f"Enter a whole number from {rules['minimum']} to {rules['maximum']}."
    by_keyword = {
        "type": f"Enter {_name_type(kind)}.",
        "enum": "Choose one of the options.",
        "minimum": f"Enter {rules.get('minimum')} or more.",
        "maximum": f"Enter {rules.get('maximum')} or less.",
        "minLength": _MISSING if rules.get("minLength") == 1 else "This is too short.",
        "maxLength": f"Enter at most {rules.get('maxLength')} characters.",
        "minItems": "Enter more lines.",
        "maxItems": f"Enter at most {rules.get('maxItems')} lines.",
        "pattern": "This does not have the form that is expected here.",
    }
    known = {keyword: text for keyword, text in by_keyword.items() if keyword in rules or keyword == "type"}
    return known.get(problem.keyword, "This cannot be saved as it stands.")


def say_tools(problems: Iterable[Problem], choice: ToolChoice) -> str:
    """Return the sentence for what is wrong with a choice of tools that was sent as `list_rules` lists it."""
    before = len(list_rules(choice)) - len(choice.patterns)
    for problem in problems:
        found = _AT_PATTERN.fullmatch(problem.pointer)
        said = _BY_PATTERN.get(problem.code) or _BY_PATTERN.get(problem.keyword)
        if found and said:
            return f"Line {int(found[1]) - before + 1} of the patterns {said}."
    return _NO_TOOLS


def list_rules(choice: ToolChoice) -> list[dict[str, Any]]:
    """Return the tools of a choice as filters are sent: those that are named, then a rule per pattern."""
    named = [{"type": "tool_keys", "keys": [*choice.keys]}] if choice.keys else []
    return [*named, *({"type": "tool_regex", "pattern": pattern} for pattern in choice.patterns)]


def _name_type(kind: object) -> str:
    return {"integer": "a whole number", "number": "a number", "boolean": "yes or no"}.get(str(kind), "text")


def _name_labels(message: str, properties: Mapping[str, Rules]) -> str:
    """Write the labels of keys in the place of their names."""

    def label(found: re.Match[str]) -> str:
        name = found[0].rstrip(".")
        return f"“{properties[name]['title']}”{found[0][len(name) :]}" if name in properties else found[0]

    return _WORD.sub(label, message)
