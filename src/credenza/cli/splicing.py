"""A reference put into its place in the text of a file, of which nothing else changes."""

from __future__ import annotations

from typing import Any

import msgspec
import yaml

from credenza.cli.documents import convert
from credenza.cli.failures import Misused
from credenza.transfer.references import AGE

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BOM = b"\xef\xbb\xbf"
_LINES = (".jsonl", ".ndjson")
_Node = Any
_FORM = (
    "The secret cannot be put into its place: write the key there first, as `password: null`, below"
    " `configuration:`, or use --print."
)


def splice(text: bytes, pointer: str, reference: dict[str, str], item: dict[str, Any], suffix: str) -> bytes:
    """Return the text of a file with a reference at a pointer; `item` is what it then holds.

    JSON is written anew; YAML keeps its lines and comments, in whatever style it is written.

    Raises:
        Misused: the text has a form into which nothing can be put.
    """
    if suffix in _LINES:
        return msgspec.json.encode(item) + b"\n"
    if suffix == ".json" or _is_json(text):
        listed = text.lstrip()[:1] == b"["
        return msgspec.json.format(msgspec.json.encode([item] if listed else item), indent=2) + b"\n"
    decoded = text.decode("utf-8-sig")
    # The body without its armour: one line, which a diff shows as one.
    body = "".join(line for line in reference[AGE].splitlines() if not line.startswith("-----"))
    made = _put(decoded, pointer.split("/")[1:], f'{{{AGE}: "{body}"}}').encode()
    made = (_BOM if text.startswith(_BOM) else b"") + made
    item_now = msgspec.json.decode(convert(made, "yaml"))
    _replace(item, pointer.split("/")[1:], {AGE: body})
    if item_now != [item]:
        raise Misused(_FORM)
    return made


def _is_json(text: bytes) -> bool:
    try:
        msgspec.json.decode(text.removeprefix(_BOM))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _put(text: str, steps: list[str], flow: str) -> str:
    # Of several documents all but one are empty: the file holds one integration.
    newline = "\r\n" if "\r\n" in text else "\n"
    documents = yaml.compose_all(text, Loader=_LOADER)
    node = next((each for each in documents if isinstance(each, yaml.CollectionNode) and each.value), None)
    if isinstance(node, yaml.SequenceNode) and node.value:
        node = node.value[0]
    for step in steps[:-1]:
        node = _step(node, step)
    value = _step(node, steps[-1])
    if value is not None:
        start, end = value.start_mark.index, _end(value)
        tail = newline if text[start:end].endswith("\n") else ""
        return f"{_lead_up(text[:start])}{flow}{tail}{text[end:]}"
    if not isinstance(node, yaml.MappingNode) or not node.value:
        raise Misused(_FORM)
    first = node.value[0][0].start_mark
    between = ", " if node.flow_style else newline + " " * first.column
    return f"{text[: first.index]}{steps[-1]}: {flow}{between}{text[first.index :]}"


def _lead_up(head: str) -> str:
    """Return the text before a value, which stands beside its key from now on, not below it."""
    key = head.rstrip()
    below = "\n" in head[len(key) :] and "#" not in key.rpartition("\n")[2]
    if key.endswith(":") and (below or key == head):
        return f"{key} "
    return head


def _step(node: _Node, step: str) -> _Node | None:
    if isinstance(node, yaml.SequenceNode):
        return node.value[int(step)] if step.isdecimal() and int(step) < len(node.value) else None
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for key, value in node.value if key.value == step), None)


def _end(node: _Node) -> int:
    """Return where a value ends; a block ends where the last of its values does."""
    if isinstance(node, yaml.MappingNode) and not node.flow_style and node.value:
        return _end(node.value[-1][1])
    if isinstance(node, yaml.SequenceNode) and not node.flow_style and node.value:
        return _end(node.value[-1])
    end: int = node.end_mark.index
    return end


def _replace(item: dict[str, Any], steps: list[str], value: object) -> None:
    place: Any = item
    for step in steps[:-1]:
        place = place[int(step)] if isinstance(place, list) else place[step]
    place[steps[-1]] = value
