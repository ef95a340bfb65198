"""One entry of a mapping: choosing among its cases, and filling it with the fields of a record. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from credenza.sensitive import Sensitive
from importing.templates import Template
from importing.values import Fields, holds, list_unused, look_up

# What a configuration's key is given: a template, a constant, or a list or object of these.
Value = Any


class Case(msgspec.Struct, frozen=True):
    """What is laid over an entry where all its conditions hold: globs by field, any of each list."""

    when: Mapping[str, tuple[str, ...]]
    entry: Entry


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of records of one kind; what is None says nothing.

    A configuration key that is None is taken out of what it is laid over.
    """

    type: str | None = None
    configuration: Mapping[str, Value] = {}
    description: Template | None = None
    tags: Mapping[str, Template] = {}
    apis: tuple[Template, ...] | None = None
    ignore: tuple[str, ...] = ()
    use: str | None = None
    choose: tuple[Case, ...] = ()


class Filled(msgspec.Struct, frozen=True):
    """What became of one record.

    `body` is what a bulk save's item has beside name and type, `missing` the keys that could not be
    written for want of a field, `unused` the fields that nothing took over, `broken` those that were to be
    taken over and are no text.
    """

    type: str
    body: Sensitive[dict[str, Any]]
    missing: tuple[str, ...]
    unused: tuple[str, ...]
    broken: tuple[str, ...]


def choose(entry: Entry, entries: Mapping[str, Entry], fields: Fields) -> Entry | None:
    """Return an entry with all it uses and with the first case that fits; None: no case does."""
    if entry.use is not None:
        used = choose(entries[entry.use], entries, fields)
        if used is None:
            return None
        entry = _lay(entry, used)
    if not entry.choose:
        return entry
    fitting = next((case.entry for case in entry.choose if _fits(case, fields)), None)
    chosen = None if fitting is None else choose(fitting, entries, fields)
    return None if chosen is None else _lay(chosen, entry)


def fill(entry: Entry, fields: Fields) -> Filled | None:
    """Return what a chosen entry makes of a record; None: it has no type."""
    if entry.type is None:
        return None
    used: set[str] = set()
    missing: list[str] = []
    configuration = {}
    for key, value in entry.configuration.items():
        filled = _fill(value, fields, used)
        if filled is not None:
            configuration[key] = filled
        elif isinstance(value, Template) and value.field is None:
            missing.append(key)
    body: dict[str, Any] = {"configuration": configuration}
    description = entry.description.fill(fields, used) if entry.description else None
    if description is not None:
        body["description"] = str(description)
    tags = {key: template.fill(fields, used) for key, template in entry.tags.items()}
    body["tags"] = [{"key": key, "value": str(value)} for key, value in tags.items() if holds(value)]
    if entry.apis is not None:
        body["apis"] = _list_apis(entry.apis, fields, used)
    unused = [path for path in list_unused(fields, used) if not _is_ignored(path, entry.ignore)]
    broken = sorted(path for path in used if isinstance(look_up(fields, path), bytes))
    return Filled(entry.type, Sensitive(body), tuple(missing), tuple(unused), tuple(broken))


def _lay(upper: Entry, lower: Entry) -> Entry:
    """Return two entries as one; what the upper one says goes first. Cases and uses are done with."""
    return Entry(
        type=upper.type or lower.type,
        configuration={**lower.configuration, **upper.configuration},
        description=upper.description or lower.description,
        tags={**lower.tags, **upper.tags},
        apis=lower.apis if upper.apis is None else upper.apis,
        ignore=lower.ignore + upper.ignore,
        choose=upper.choose,
    )


def _fits(case: Case, fields: Fields) -> bool:
    return all(_matches(look_up(fields, path), globs) for path, globs in case.when.items())


def _matches(value: object, globs: Sequence[str]) -> bool:
    if not holds(value):
        return False
    text = str(value).lower()
    return any(fnmatchcase(text, glob.lower()) for glob in globs)


def _fill(value: Value, fields: Fields, used: set[str]) -> Any:  # noqa: ANN401  # any JSON value
    if isinstance(value, Template):
        return value.fill(fields, used)
    if isinstance(value, Mapping):
        inner = {key: _fill(each, fields, used) for key, each in value.items()}
        return {key: each for key, each in inner.items() if each is not None}
    if isinstance(value, list):
        return [each for each in (_fill(each, fields, used) for each in value) if each is not None]
    return value


def _list_apis(templates: Sequence[Template], fields: Fields, used: set[str]) -> list[dict[str, Any]]:
    names: dict[str, None] = {}
    for template in templates:
        value = template.fill(fields, used)
        for name in value if isinstance(value, list) else [value]:
            if holds(name):
                names[str(name)] = None
    return [{"api": name} for name in names]


def _is_ignored(path: str, globs: Sequence[str]) -> bool:
    ends = [index for index, letter in enumerate(path) if letter == "."]
    heads = [path, *(path[:end] for end in ends)]
    return any(fnmatchcase(head, glob) for glob in globs for head in heads)
