"""The conditions of a type's schema as sentences. Pure."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]


def explain_conditions(schema: Schema) -> list[str]:
    """Return which keys depend on which values, a sentence each."""
    parts = [
        *schema.get("allOf", ()),
        {rule: part for rule, part in schema.items() if rule not in {"allOf", "required"}},
    ]
    return [sentence for part in parts for sentence in _explain(part)]


def _explain(part: Schema) -> list[str]:
    sentences = []
    if "if" in part:
        when = _say(part["if"])
        if "then" in part:
            sentences.append(f"If {when}: {_say(part['then'])}.")
        if "else" in part:
            sentences.append(f"Unless {when}: {_say(part['else'])}.")
    choices: list[Schema] = [{rule: part[rule]} for rule in ("anyOf", "oneOf") if rule in part]
    sentences += [f"Always: {_say(choice)}." for choice in choices]
    needs = part.get("dependentRequired", {}).items()
    return sentences + [f"With {key}: {_join(needed)} required." for key, needed in needs]


def _say(part: Schema) -> str:
    """Say what a part of a schema asks for, as the middle of a sentence."""
    said = [_say_value(key, rules) for key, rules in part.get("properties", {}).items()]
    needed = [key for key in part.get("required", ()) if key not in part.get("properties", {})]
    if needed:
        said.append(f"{_join(needed)} required")
    for rule, word in (("anyOf", " or "), ("oneOf", " or else ")):
        if rule in part:
            said.append(word.join(_say(each) for each in part[rule]))
    said += [_say(each) for each in part.get("allOf", ())]
    if "not" in part:
        said.append(f"not ({_say(part['not'])})")
    return " and ".join(said) or "see --json"


def _say_value(key: str, rules: Schema) -> str:
    if "const" in rules:
        return f"{key} is {rules['const']}"
    if "enum" in rules:
        return f"{key} is one of {', '.join(map(str, rules['enum']))}"
    return f"{key} is of a certain form"


def _join(keys: list[str]) -> str:
    return ", ".join(keys)
