"""A connector type as questions to a person: which fields, and what their answers make.

Which keys are asked, what is required when, and what may be entered is the schema's to say; `check` asks the
same judge as every saved configuration.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from credenza.connectors import EMPTY, ConnectorType, Held, draft_all, redact, show_form
from credenza.connectors.destination import find_hosts
from credenza.connectors.forms import FieldType, FormField
from credenza.errors import Problem
from credenza.sensitive import Sensitive
from credenza.web.setup.model import Answers, Choice, Field, Form, Kind, Tools
from credenza.web.setup.sentences import place_problems

Rules = Mapping[str, Any]
Values = Mapping[str, str]

_LONGEST_NUMBER = 40
_WHOLE = re.compile(r"[+-]?[0-9]+")
_DECIMAL = re.compile(r"[+-]?[0-9]*[.]?[0-9]+")
_BINARY = "application/octet-stream"
_ADDRESSES = frozenset({"url", "hosts"})
_TRUTH = {"true": "Yes", "false": "No"}


class Asked(msgspec.Struct, frozen=True):
    """What a step asks of a type.

    `keys` are those to ask for (None: all), `brought` the public values that stand already and are not asked
    again, `held` the public forms of the secrets that are stored already, by pointer. `digest` tells what is
    asked from what was asked before, `leads` the places where that which is brought sends what is entered.
    """

    type: ConnectorType
    keys: Collection[str] | None = None
    brought: Mapping[str, Any] = {}
    held: Mapping[str, str | None] = {}
    digest: str = ""
    leads: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Show the type, and nothing of the values."""
        return f"<asked: {self.type.name}>"

    def asks(self, key: str) -> bool:
        """Say whether a key is asked for."""
        return key not in self.brought and (self.keys is None or key in self.keys)


class Checked(msgspec.Struct, frozen=True):
    """What was entered, as a configuration of the keys that were asked, and what is wrong with it."""

    values: Sensitive[dict[str, Any]]
    problems: tuple[Problem, ...]


def make_form(
    asked: Asked,
    step_id: str,
    answers: Answers | None = None,
    problems: Iterable[Problem] = (),
    tools: Tools | None = None,
) -> Form:
    """Return the form as it is first shown, or with what was entered and what is wrong with it.

    Only what the fields of the form can hold is shown again, and nothing of a secret.
    """
    placed, notes = place_problems(_properties(asked), problems)
    fields = _list_fields(asked, answers, placed)
    shown = {field.key for field in fields}
    labels = _properties(asked)
    notes += [f"{labels[key]['title']}: {text}" for key, text in placed.items() if key not in shown]
    return Form(
        step_id=step_id,
        fields=fields,
        tools=tools,
        notes=tuple(notes),
        asked=asked.digest,
        leads=asked.leads,
    )


def check(asked: Asked, answers: Answers) -> Checked:
    """Return the configuration that was entered, checked together with what was brought and is held.

    What was entered into fields that its own choices do not ask for is left out.
    """
    keys = _properties(asked)
    values: dict[str, Any] = {}
    faults: list[Problem] = []
    for field in _list_fields(asked, answers, {}):
        text = _read_answer(field.key, keys[field.key], answers)
        if text is None:
            faults.append(Problem("no_text_file", "The file is not text.", f"/configuration/{field.key}"))
        elif text and (value := _read_value(text, keys[field.key])) != []:
            values[field.key] = value
    held = Held({}, asked.held) if asked.held else EMPTY
    [draft] = draft_all(asked.type, [({**asked.brought, **values}, held)], lenient=False)
    known = {fault.pointer for fault in faults}
    problems = [problem for problem in draft.problems if problem.pointer not in known]
    known |= {problem.pointer for problem in problems}
    lost = [problem for problem in _find_lost(asked.type, values) if problem.pointer not in known]
    return Checked(Sensitive(values), (*faults, *problems, *lost))


def _find_lost(type: ConnectorType, values: Mapping[str, Any]) -> Iterable[Problem]:
    """Yield where an address was entered that has no host: a person has mistaken the field, or the text.

    Programs may save such a text, for what a connector makes of it is not ours to say.
    """
    for key, kind in type.destinations.items():
        text = values.get(key)
        if kind in _ADDRESSES and isinstance(text, str) and not find_hosts(text):
            yield Problem("no_host", "No host can be read from this address.", f"/configuration/{key}")


def _properties(asked: Asked) -> Mapping[str, Rules]:
    properties: Mapping[str, Rules] = asked.type.schema["properties"]
    return properties


def _list_fields(asked: Asked, answers: Answers | None, placed: Mapping[str, str]) -> tuple[Field, ...]:
    keys, secrets = _properties(asked), asked.type.secrets
    form = [field for field in show_form(asked.type).configuration if asked.asks(field.field_name)]
    known = {key: _write(value) for key, value in asked.brought.items()}
    values = known | {field.field_name: _prefill(field, keys[field.field_name], answers) for field in form}
    deciding = {key for field in form for key in _list_deciding(field.depends_on)}
    form = _leave_out(form, values, secrets)
    made = []
    for field in form:
        rules = keys[field.field_name]
        needed = not field.optional or any(_holds(entry, values, secrets) for entry in field.depends_on)
        made.append(
            Field(
                key=field.field_name,
                kind=_choose_kind(field, rules),
                label=field.label,
                help=field.description,
                example=_find_example(field, rules),
                required=needed and f"/{field.field_name}" not in asked.held,
                stored=f"/{field.field_name}" in asked.held,
                decides=field.field_name in deciding,
                options=_list_options(field, rules),
                free="x-choices" in rules,
                value=_show_again(field.field_name, values[field.field_name], asked.type),
                problem=placed.get(field.field_name, ""),
            )
        )
    return tuple(made)


def _leave_out(form: list[FormField], values: dict[str, str], secrets: Collection[str]) -> list[FormField]:
    """Return the fields that may be needed; what stands in others is dropped, and no longer decides."""
    while True:
        left = [
            field
            for field in form
            if not field.depends_on
            or any(_holds(entry, values, secrets) is not False for entry in field.depends_on)
        ]
        if len(left) == len(form):
            return left
        values.update(dict.fromkeys({field.field_name for field in form} - {f.field_name for f in left}, ""))
        form = left


def _list_deciding(entries: Sequence[FormField]) -> Iterable[str]:
    for entry in entries:
        yield entry.field_name
        yield from _list_deciding(entry.depends_on)


def _holds(entry: FormField, values: Values, secrets: Collection[str]) -> bool | None:
    """Say whether a field is needed by one entry; None where the form cannot tell."""
    own: bool | None
    if entry.field_name not in values or entry.field_name in secrets:
        own = None
    elif entry.value is UNSET:
        own = True if values[entry.field_name] else None
    else:
        own = values[entry.field_name] == entry.value
    if own is False or not entry.depends_on:
        return own
    others = [_holds(each, values, secrets) for each in entry.depends_on]
    if True in others:
        return own
    return None if None in others else False


def _prefill(field: FormField, rules: Rules, answers: Answers | None) -> str:
    given = answers.texts.get(field.field_name) if answers else None
    if given is None:  # it was not there to be filled in, or emptied
        return "" if field.default_value is UNSET else field.default_value
    return _tidy(given.reveal(), rules)


def _tidy(text: str, rules: Rules) -> str:
    if rules["type"] != "array" and "writeOnly" not in rules:
        return text.strip()
    return text.replace("\r\n", "\n") if "writeOnly" not in rules or "contentMediaType" in rules else text


def _choose_kind(field: FormField, rules: Rules) -> Kind:
    if field.field_type is FieldType.PASSWORD:
        return Kind.PASSWORD
    if field.field_type is FieldType.FILE:
        return Kind.FILE
    if rules["type"] == "array":
        return Kind.CHECKS if "enum" in rules["items"] else Kind.LINES
    if field.field_type is FieldType.DROPDOWN:
        return Kind.CHOICE
    return Kind.TEXT if rules["type"] == "string" else Kind.NUMBER


def _list_options(field: FormField, rules: Rules) -> tuple[Choice, ...]:
    if rules["type"] == "array":
        return tuple(Choice(text, text) for text in rules["items"].get("enum", ()))
    truth = rules["type"] == "boolean"
    return tuple(
        Choice(_TRUTH[each.value] if truth else each.label, each.value) for each in field.value_options
    )


def _find_example(field: FormField, rules: Rules) -> str:
    return _write(rules["examples"][0]) if "examples" in rules and not field.value_options else ""


def _show_again(key: str, value: str, type: ConnectorType) -> Sensitive[str] | None:
    """Return what may stand in a field again: nothing secret, and no address with credentials in it."""
    if key in type.secrets:
        return None
    if key in type.embeds:
        try:
            if redact(value) is not None:
                return None
        except ValueError:
            return None
    return Sensitive(value)


def _read_answer(key: str, rules: Rules, answers: Answers) -> str | None:
    """Return the text for a key, an uploaded file's before a typed one; None: the file is not text.

    A store of certificates is not text: where any file may be uploaded, such a one is written in base64.
    """
    upload = answers.uploads.get(key)
    if upload is not None and upload.reveal() and "contentMediaType" in rules:
        try:
            return upload.reveal().decode()
        except UnicodeDecodeError:
            binary = rules["contentMediaType"] == _BINARY
            return base64.b64encode(upload.reveal()).decode() if binary else None
    typed = answers.texts.get(key)
    return _tidy(typed.reveal(), rules) if typed else ""


def _read_value(text: str, rules: Rules) -> object:
    """Return a text as its type has it; one that cannot be read so stays a text, which the check refuses."""
    kind = rules["type"]
    if kind == "array":
        return [line.strip() for line in text.split("\n") if line.strip()]
    if kind == "boolean":
        return {"true": True, "false": False}.get(text, text)
    if kind == "string" or len(text) > _LONGEST_NUMBER:
        return text
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if kind == "number" and _DECIMAL.fullmatch(text) else text


def _write(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
