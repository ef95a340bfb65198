"""YAML that says what JSON can say, read event by event: nothing is constructed, nothing is guessed.

A plain scalar is a number, a boolean or null only where it looks like one in JSON (and `~`, `True`, `NULL`
...), so dates, `yes`, `012` and `1_000` stay the text they are. Duplicate keys, aliases and tags are
refused. The parser's events need no recursion; its node composer can be made to overflow the stack.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import yaml

from credenza.errors import Invalid, Problem

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Event = Any  # the two parsers have classes of their own
_Mark = Any
_Value = Any
_DEEPEST = 64
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_WORDS = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("null", "Null", "NULL", "~", ""), None),
}
_CORE = "tag:yaml.org,2002:"
_NO_ALIAS = "an alias stands here; write its value out"
_NO_TAG = "a tag stands here that is not read"
_NO_KEY = "a key is not a plain text"
_TWICE = "a key stands twice in one mapping"
_DEEP = "values may be nested 32 levels deep"
_NOT_UNICODE = "a text is not Unicode"
_SEVERAL = "More than one document stands here."
_NUMBERS = "A number is too large."


def read_yaml(text: bytes) -> list[bytes]:
    """Return the items of all documents, each as JSON text.

    A document is a list of items or one item; empty documents are passed over.

    Raises:
        Invalid: it is no YAML, or more than JSON can say; every line that is wrong is named.
    """
    return [msgspec.json.encode(item) for document in _read(text) for item in _split(document)]


def load_yaml(text: bytes) -> Any:  # noqa: ANN401  (any JSON)
    """Return the one document of a text; of an empty one, None.

    Raises:
        Invalid: as `read_yaml`, or a number is none that JSON's are held to, or there are several documents.
    """
    documents = _read(text) or [None]
    if len(documents) > 1:
        raise _refuse([Problem("invalid_yaml", _SEVERAL, "", "yaml")])
    try:
        return msgspec.json.decode(msgspec.json.encode(documents[0]))
    except msgspec.DecodeError:
        pass
    raise _refuse([Problem("invalid_yaml", _NUMBERS, "", "yaml")])


def _read(text: bytes) -> list[_Value]:
    reader, documents = _Reader(text), []
    try:
        documents = [*reader.documents()]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reader.refuse("this is not YAML", "invalid_yaml", mark)
    except _TooDeepError:
        pass
    except UnicodeDecodeError:
        reader.refuse("the text is not UTF-8", "invalid_yaml")
    if reader.problems:
        raise _refuse(reader.problems)
    return documents


def _refuse(problems: Sequence[Problem]) -> Invalid:
    message = "The file cannot be read; nothing was saved."
    return Invalid(message, code=problems[0].code, problems=problems)


class _TooDeepError(Exception):
    """The rest is not looked at: to read on costs the square of the depth."""


class _Reader:
    """Build plain values from events, and collect what is wrong instead of stopping at the first."""

    def __init__(self, text: bytes) -> None:
        self.problems: list[Problem] = []
        self._events: Iterator[Any] = yaml.parse(text, Loader=_LOADER)

    def documents(self) -> Iterator[Any]:
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                yield self._read(next(self._events), 0)

    def refuse(self, why: str, code: str, mark: _Mark = None) -> None:
        place = f"Line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
        message = f"{place}{why}."
        self.problems.append(Problem(code, message[0].upper() + message[1:], "", "yaml"))

    def _read(self, event: _Event, depth: int) -> _Value:
        if isinstance(event, yaml.ScalarEvent):
            return self._read_scalar(event)
        if isinstance(event, yaml.AliasEvent):
            self.refuse(_NO_ALIAS, "invalid_yaml", event.start_mark)
            return None
        if depth == _DEEPEST:
            self.refuse(_DEEP, "too_deep", event.start_mark)
            raise _TooDeepError
        if event.tag not in {None, "!", f"{_CORE}map", f"{_CORE}seq"}:
            self.refuse(_NO_TAG, "invalid_yaml", event.start_mark)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._read_list(depth + 1)
        return self._read_mapping(depth + 1)

    def _read_list(self, depth: int) -> list[Any]:
        values = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            values.append(self._read(event, depth))
        return values

    def _read_mapping(self, depth: int) -> dict[str, Any]:
        values: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if isinstance(event, yaml.ScalarEvent):
                key = self._check(event, event.value)
            else:
                self.refuse(_NO_KEY, "invalid_yaml", event.start_mark)
                key = str(self._read(event, depth) and "")
            if key in values:
                self.refuse(_TWICE, "duplicate_key", event.start_mark)
            values[key] = self._read(next(self._events), depth)
        return values

    def _read_scalar(self, event: yaml.ScalarEvent) -> object:
        value = self._check(event, event.value)
        if event.tag not in {None, "!", f"{_CORE}str"}:
            self.refuse(_NO_TAG, "invalid_yaml", event.start_mark)
        if event.tag is not None or not event.implicit[0]:
            return value
        if value in _WORDS:
            return _WORDS[value]
        # As it is written: how large a number may be is decided where JSON's are.
        return msgspec.Raw(value.encode()) if _NUMBER.fullmatch(value) else value

    def _check(self, event: yaml.ScalarEvent, text: str) -> str:
        try:
            text.encode()
        except UnicodeEncodeError:
            self.refuse(_NOT_UNICODE, "invalid_yaml", event.start_mark)
            return ""
        return text


def _split(document: object) -> list[object]:
    if document is None:
        return []
    return document if isinstance(document, list) else [document]
