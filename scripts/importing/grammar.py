"""What a mapping file may say: YAML -> entries and groups. Collects what is wrong, by pointer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, TypeVar

import msgspec

from credenza.connectors.yaml_data import read_yaml
from credenza.errors import Invalid, Problem
from importing.entries import Case, Entry, Value
from importing.groups import Group
from importing.templates import Broken, Template

T = TypeVar("T")

_FILE = ("source", "types", "names", "ignore")
_ENTRY = ("type", "configuration", "description", "tags", "apis", "ignore", "use", "choose")
_GROUP = ("needs", "takes", "files", "name")
_TEMPLATE = "Between `${` and `}` stands a field: `${name}`, `${a|b}`, `${a:-default}`, `${a!url}`."


class Grammar:
    """Read one mapping file; `problems` is what was wrong with it."""

    def __init__(self, file: str) -> None:
        """Take the file's name, by which problems are told."""
        self.problems: list[Problem] = []
        self._file = file

    def read(self, data: bytes) -> tuple[str, dict[str, Entry], dict[str, Group], tuple[str, ...]]:
        """Return source, types, names and ignored kinds; what is wrong is left out."""
        whole = self._parse(data)
        keys = self._keys(whole, _FILE, "")
        source = self._text(keys.get("source", ""), "/source") or ""
        types = self._each(keys.get("types"), "/types", self._entry)
        names = self._each(keys.get("names"), "/names", self._group)
        return source, types, names, self._texts(keys.get("ignore"), "/ignore")

    def refuse(self, message: str, pointer: str, keyword: str) -> None:
        """Note a problem."""
        self.problems.append(Problem("invalid_mapping", message, pointer, keyword, None, self._file))

    def _parse(self, data: bytes) -> object:
        try:
            documents = read_yaml(data)
        except Invalid as error:
            self.problems += [msgspec.structs.replace(each, name=self._file) for each in error.problems]
            return {}
        if len(documents) > 1:
            self.refuse("A mapping file is one document.", "", "maxItems")
        return msgspec.json.decode(documents[0]) if documents else {}

    def _entry(self, value: object, pointer: str, *, case: bool = False) -> Entry:
        keys = self._keys(value, (*_ENTRY, "when") if case else _ENTRY, pointer)
        apis = keys.get("apis")
        return Entry(
            type=self._text(keys.get("type"), f"{pointer}/type"),
            configuration=self._each(keys.get("configuration"), f"{pointer}/configuration", self._value),
            description=self._template(keys.get("description"), f"{pointer}/description"),
            tags=self._templates(keys.get("tags"), f"{pointer}/tags"),
            apis=None if apis is None else self._list(apis, f"{pointer}/apis", self._template),
            ignore=self._texts(keys.get("ignore"), f"{pointer}/ignore"),
            use=self._text(keys.get("use"), f"{pointer}/use"),
            choose=self._list(keys.get("choose"), f"{pointer}/choose", self._case),
        )

    def _case(self, value: object, pointer: str) -> Case:
        when = value.get("when") if isinstance(value, dict) else None
        globs = self._each(when, f"{pointer}/when", self._globs)
        return Case(globs, self._entry(value, pointer, case=True))

    def _group(self, value: object, pointer: str) -> Group:
        keys = self._keys(value, _GROUP, pointer)
        needs, takes, files = (self._texts(keys.get(key), f"{pointer}/{key}") for key in _GROUP[:3])
        if not needs:
            self.refuse("A group says which names it needs.", f"{pointer}/needs", "required")
        return Group(needs, takes, files, self._text(keys.get("name"), f"{pointer}/name") or "")

    def _value(self, value: object, pointer: str) -> Value:
        if isinstance(value, str):
            return self._template(value, pointer)
        if isinstance(value, dict):
            return self._each(value, pointer, self._value)
        if isinstance(value, list):
            return list(self._list(value, pointer, self._value))
        return value

    def _template(self, value: object, pointer: str) -> Template | None:
        if value is None:
            return None
        try:
            return Template.read(str(value) if _is_plain(value) else self._text(value, pointer) or "")
        except Broken:
            self.refuse(_TEMPLATE, pointer, "pattern")
        return None

    def _templates(self, value: object, pointer: str) -> dict[str, Template]:
        found = self._each(value, pointer, self._template)
        return {key: template for key, template in found.items() if template is not None}

    def _globs(self, value: object, pointer: str) -> tuple[str, ...]:
        values = value if isinstance(value, list) else [value]
        return tuple(str(each) if _is_plain(each) else self._text(each, pointer) or "" for each in values)

    def _keys(self, value: object, known: Sequence[str], pointer: str) -> dict[str, Any]:
        """Return an object with the keys that there are; the others are refused by name."""
        keys = self._object(value, pointer)
        for key in keys.keys() - set(known):
            near = get_close_matches(key, known, 1)
            meant = f"; is `{near[0]}` meant?" if near else f"; there are {', '.join(known)}."
            self.refuse(f"There is no such key here{meant}", f"{pointer}/{_escape(key)}", "unknown_key")
        return {key: keys[key] for key in keys if key in known}

    def _each(self, value: object, pointer: str, read: Callable[[Any, str], T]) -> dict[str, T]:
        keys = self._object(value, pointer)
        return {key: read(each, f"{pointer}/{_escape(key)}") for key, each in keys.items()}

    def _list(self, value: object, pointer: str, read: Callable[[Any, str], T | None]) -> tuple[T, ...]:
        if value is not None and not isinstance(value, list):
            self.refuse("A list stands here.", pointer, "type")
        values = value if isinstance(value, list) else []
        found = [read(each, f"{pointer}/{index}") for index, each in enumerate(values)]
        return tuple(each for each in found if each is not None)

    def _object(self, value: object, pointer: str) -> Mapping[str, Any]:
        if value is not None and not isinstance(value, dict):
            self.refuse("Keys and values stand here.", pointer, "type")
        return value if isinstance(value, dict) else {}

    def _texts(self, value: object, pointer: str) -> tuple[str, ...]:
        return self._list(value, pointer, self._text)

    def _text(self, value: object, pointer: str) -> str | None:
        if value is None or isinstance(value, str):
            return value
        self.refuse("A text stands here.", pointer, "type")
        return None


def _is_plain(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _escape(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
