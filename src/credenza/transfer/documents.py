"""Integrations -> the text of a file, always in the same order; and the name of a file for each. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

_NUMERIC = tuple("0123456789+-.")
_WIDTH = 1 << 30  # of a line, so that a text of one line stays one
_ARMOUR = "-----BEGIN AGE"
_FIELDS = ("name", "type", "category", "description", "enabled", "tags", "configuration")
_API_FIELDS = ("integrationName", "api", "description", "enabled", "configuration", "tags")
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}


Whole = Mapping[str, Any]  # an integration as reads show it


def portray(shown: Whole) -> dict[str, Any]:
    """Return of an integration what a save takes, in the order of files; what a server makes is left out."""
    kept = {field: shown.get(field) for field in _FIELDS if shown.get(field) is not None}
    apis = [
        {field: api.get(field) for field in _API_FIELDS if api.get(field) is not None}
        for api in shown.get("apis") or ()
    ]
    for each in (kept, *apis):
        each.setdefault("configuration", {})
    return {**kept, "apis": [{"integrationName": shown["name"], **api} for api in apis]}


def render(items: Sequence[Mapping[str, Any]], format: str) -> bytes:
    """Return integrations as the text of a file: `yaml`, `json` or `jsonl`."""
    if format == "jsonl":
        return b"".join(msgspec.json.encode(item) + b"\n" for item in items)
    if format == "json":
        return msgspec.json.format(msgspec.json.encode(items), indent=2) + b"\n"
    return write_yaml(list(items)).encode()


def render_one(item: Mapping[str, Any]) -> bytes:
    """Return one integration as the YAML of a file of its own."""
    return write_yaml(item).encode()


def name_file(name: str) -> str:
    """Return the name of an integration's file: one that every file system takes, and none has twice."""
    # Windows takes these for devices whatever follows the first dot; no integration begins with `_`.
    device = name.partition(".")[0].rstrip().lower() in _DEVICES
    return f"{'_' if device else ''}{name}.yaml"


def write_yaml(value: object) -> str:
    """Return a value as YAML that every version of YAML reads as the same."""
    import yaml  # noqa: PLC0415  # only who writes it pays for it

    class Dumper(yaml.SafeDumper):
        """Quotes what a newer YAML could take for a number, such as `1e5`, and what is more than a line."""

        def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
            return True

    def write(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
        quote = '"' if text.startswith(_NUMERIC) or not text.isprintable() else None
        # Sealed values line by line, as age writes them.
        quote = "|" if text.startswith(_ARMOUR) and text.isascii() else quote
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=quote)

    Dumper.add_representer(str, write)
    told: str = yaml.dump(value, Dumper=Dumper, allow_unicode=True, sort_keys=False, width=_WIDTH)
    return told
