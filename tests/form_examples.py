"""One connector type as a form, ways to change it, and what of each rule breaks it."""

import copy

import pytest
from hypothesis import strategies as st

from credenza.errors import Invalid

CANARY = "canary-7f3a"
KEY = "/configuration"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)

FORM = {
    "name": "acme",
    "nameLabel": "Acme",
    "category": "API",
    "description": "An example.",
    "configuration": [
        {"fieldName": "account", "fieldType": "TEXT", "label": "Account", "optional": False},
        {
            "fieldName": "mode",
            "fieldType": "DROPDOWN",
            "label": "Mode",
            "description": "Mode.",
            "optional": True,
            "defaultValue": "open",
            "valueOptions": [{"label": "Open", "value": "open"}, {"label": "With token", "value": "token"}],
        },
        {
            "fieldName": "token",
            "fieldType": "PASSWORD",
            "label": "Token",
            "optional": True,
            "dependsOn": [{"fieldName": "mode", "value": "token"}],
        },
        {"fieldName": "roots", "fieldType": "FILE", "label": "Roots", "optional": True},
        {"fieldName": "endpoint", "fieldType": "TEXT", "label": "Endpoint", "optional": True},
    ],
}


def edited(*edits):
    """The form above with some members replaced; a list is extended by a place behind its end."""
    form = copy.deepcopy(FORM)
    for pointer, value in edits:
        *way, last = pointer.strip("/").split("/")
        owner = form
        for step in way:
            owner = owner[int(step)] if isinstance(owner, list) else owner.setdefault(step, {})
        if not isinstance(owner, list):
            owner[last] = value
        elif int(last) == len(owner):
            owner.append(value)
        else:
            owner[int(last)] = value
    return form


def refusal(read, *arguments, **options):
    with pytest.raises(Invalid) as caught:
        read(*arguments, **options)
    return caught.value


def places(error):
    return [(problem.code, problem.pointer) for problem in error.problems]


REFUSED = [
    ("the name is missing", ("/name", None), "required", ""),
    ("the name has a capital", ("/name", "Acme"), "invalid_name", "/name"),
    ("the name belongs to the rules", ("/name", "meta"), "invalid_name", "/name"),
    ("the name belongs to apis", ("/name", "api"), "invalid_name", "/name"),
    ("the name is taken", ("/name", "kafka"), "type_taken", "/name"),
    ("name and type differ", ("/type", "other"), "not_allowed", "/type"),
    ("the category is unknown", ("/category", CANARY), "unknown_category", "/category"),
    ("a member is misspelt", (f"{KEY}/0/fieldNme", CANARY), "unknown_key", f"{KEY}/0"),
    ("a member is unheard of", (f"/{CANARY}", CANARY), "unknown_key", ""),
    ("the fields are no list", (KEY, CANARY), "wrong_type", KEY),
    ("a field is no object", (f"{KEY}/0", CANARY), "wrong_type", f"{KEY}/0"),
    ("a field has no name", (f"{KEY}/0/fieldName", None), "required", f"{KEY}/0"),
    ("a field's name has a space", (f"{KEY}/0/fieldName", f"a {CANARY}"), "bad_format", f"{KEY}/0/fieldName"),
    ("a field's name is too long", (f"{KEY}/0/fieldName", "n" * 65), "bad_format", f"{KEY}/0/fieldName"),
    ("a field stands twice", (f"{KEY}/4/fieldName", "account"), "duplicate", f"{KEY}/4/fieldName"),
    ("a field has no kind", (f"{KEY}/0/fieldType", None), "required", f"{KEY}/0/fieldType"),
    ("a field is of an unknown kind", (f"{KEY}/0/fieldType", CANARY), "not_allowed", f"{KEY}/0/fieldType"),
    ("a label is a number", (f"{KEY}/0/label", 7), "wrong_type", f"{KEY}/0/label"),
    ("a label is too long", (f"{KEY}/0/label", "l" * 501), "too_long", f"{KEY}/0/label"),
    ("a field holds a value", (f"{KEY}/0/value", CANARY), "not_allowed", f"{KEY}/0/value"),
    ("a secret has a value", (f"{KEY}/2/value", CANARY), "not_allowed", f"{KEY}/2/value"),
    ("a secret has a default", (f"{KEY}/2/defaultValue", CANARY), "not_allowed", f"{KEY}/2/defaultValue"),
    ("a secret has choices", (f"{KEY}/2/valueOptions", [{"label": "l", "value": CANARY}]), "not_allowed",
     f"{KEY}/2/valueOptions"),
    ("a dropdown has no choices", (f"{KEY}/5", {"fieldName": "x", "fieldType": "DROPDOWN"}), "required",
     f"{KEY}/5/valueOptions"),
    ("a choice has no value", (f"{KEY}/1/valueOptions/0", {"label": CANARY}), "required",
     f"{KEY}/1/valueOptions/0"),
    ("a choice stands twice", (f"{KEY}/1/valueOptions/2", {"label": "l", "value": "open"}), "duplicate",
     f"{KEY}/1"),
    ("a default is no choice", (f"{KEY}/1/defaultValue", CANARY), "schema_rejected", f"{KEY}/1"),
    ("a default carries credentials", (f"{KEY}/4/defaultValue", f"https://u:{CANARY}@h"), "schema_rejected",
     f"{KEY}/4"),
    ("an entry names no field", (f"{KEY}/2/dependsOn/0/fieldName", CANARY), "not_allowed",
     f"{KEY}/2/dependsOn/0/fieldName"),
    ("an entry names its own field", (f"{KEY}/2/dependsOn/0/fieldName", "token"), "not_allowed",
     f"{KEY}/2/dependsOn/0/fieldName"),
    ("an entry asks for no choice", (f"{KEY}/2/dependsOn/0/value", CANARY), "not_allowed",
     f"{KEY}/2/dependsOn/0/value"),
    ("an entry looks at a text", (f"{KEY}/2/dependsOn/0", {"fieldName": "account", "value": CANARY}),
     "not_allowed", f"{KEY}/2/dependsOn/0/value"),
    ("an entry looks at a secret", (f"{KEY}/1/dependsOn", [{"fieldName": "token", "value": CANARY}]),
     "not_allowed", f"{KEY}/1/dependsOn/0/value"),
    ("a nested entry names no field",
     (f"{KEY}/2/dependsOn/0/dependsOn", [{"fieldName": CANARY}]), "not_allowed",
     f"{KEY}/2/dependsOn/0/dependsOn/0/fieldName"),
]  # fmt: skip
