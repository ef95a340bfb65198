"""Files of integrations -> one JSON array, as the bulk save takes it. Pure; no text of a file is repeated."""

from __future__ import annotations

import msgspec

from credenza.connectors.yaml_data import read_yaml
from credenza.errors import Invalid, Problem
from credenza.web.integrations import explain

FORMATS = ("json", "jsonl", "yaml")
_NAMES = {"json": "json", "jsonl": "jsonl", "ndjson": "jsonl", "yaml": "yaml", "yml": "yaml"}
_BOM = b"\xef\xbb\xbf"
_one = msgspec.json.Decoder(msgspec.Raw).decode


def convert(data: bytes, format: str = "") -> bytes:
    """Return the items of a file as the text of one JSON array.

    `format` is the name of a format or a file's suffix; anything else leaves it to the text. JSON may be an
    array or a single object, JSON Lines one object a line, YAML a list, a mapping, or several documents.

    Raises:
        Invalid: it is not of its format; every line that is wrong is named.
    """
    text = data.removeprefix(_BOM).strip()
    name = _NAMES.get(format) or _recognise(text)
    # JSON is YAML, but a YAML parser does not take all of it, such as the two halves of an escaped emoji.
    if name == "yaml" and not (text[:1] in {b"[", b"{"} and _is_json(text)):
        return _array(read_yaml(text))
    if name == "jsonl":
        return _array(_read_lines(data.removeprefix(_BOM)))
    if not text.startswith(b"{"):
        return data.removeprefix(_BOM)  # with the lines before it, so that a place in it can be found
    if not _is_json(text):
        where = explain.locate_fault(data.removeprefix(_BOM))
        raise _refuse([Problem("invalid_json", f"The text is not JSON{where}.", "", "json")])
    return _array([text])


def _recognise(text: bytes) -> str:
    if text.startswith(b"["):
        return "json"
    if text.startswith(b"{"):
        return "json" if _is_json(text) else "jsonl"
    return "yaml"


def _read_lines(data: bytes) -> list[bytes]:
    lines = [(number, line.rstrip()) for number, line in enumerate(data.split(b"\n"), 1)]
    full = [(number, line) for number, line in lines if line.strip()]
    problems = [
        Problem("invalid_json", f"Line {number} is not JSON{_within(line)}.", "", "json")
        for number, line in full
        if not _is_json(line)
    ]
    if problems:
        raise _refuse(problems)
    return [line for _, line in full]


def _within(line: bytes) -> str:
    return explain.locate_fault(line).replace("line 1, ", "")


def _is_json(text: bytes) -> bool:
    try:
        _one(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _array(items: list[bytes]) -> bytes:
    return b"[" + b",".join(items) + b"]"


def _refuse(problems: list[Problem]) -> Invalid:
    return Invalid("The file cannot be read; nothing was saved.", code="invalid_json", problems=problems)
