"""The catalogue of connector types: every schema file of some folders, checked when it is read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn, Self

import jsonschema_rs

from credenza.connectors.grammar import LINEAR, list_faults
from credenza.connectors.types import ConnectorType
from credenza.errors import Misconfigured, SchemaRejected

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_META = "meta"
_MAX_BYTES = 1 << 20


class Catalogue(Mapping[str, ConnectorType]):
    """Connector types by name, in the order of their names."""

    def __init__(self, types: Mapping[str, ConnectorType]) -> None:
        """Take the types."""
        self._types = MappingProxyType(dict(sorted(types.items())))

    @classmethod
    def load(cls, *folders: Path) -> Self:
        """Read `<type>.json` of every folder; without a folder, the shipped ones.

        Raises:
            SchemaRejected: a file breaks a rule, or two folders hold the same type; names file and reason.
        """
        shipped = shipped_schemas()
        described = (shipped / f"{_META}.json").read_bytes()
        meta = jsonschema_rs.Draft202012Validator(json.loads(described), pattern_options=LINEAR)
        types: dict[str, ConnectorType] = {}
        for folder in folders or (shipped,):
            for path in _list_files(folder):
                text = _read_bytes(path)
                if path.stem == _META and text == described:
                    continue
                if path.stem in types:
                    _reject(path, "another folder holds this type already")
                types[path.stem] = _read_type(path, text, meta)
        return cls(types)

    def __getitem__(self, name: str) -> ConnectorType:
        return self._types[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._types)

    def __len__(self) -> int:
        return len(self._types)


def shipped_schemas() -> Path:
    """Return the folder of the schemas that come with the program: of the wheel, or of the checkout.

    Raises:
        Misconfigured: the installation lacks it.
    """
    here = Path(__file__).resolve()
    for folder in (here.parents[1] / "schemas", here.parents[3] / "schemas"):
        if (folder / f"{_META}.json").is_file():
            return folder
    raise Misconfigured("This installation lacks the folder of connector types.")


def _list_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        _reject(folder, "no such folder")
    return sorted(path for path in folder.glob("*.json") if not path.name.startswith("."))


def _read_bytes(path: Path) -> bytes:
    try:
        text = path.read_bytes()
    except OSError as error:
        _reject(path, f"cannot be read: {error.strerror}")
    if len(text) > _MAX_BYTES:
        _reject(path, "larger than 1 MiB")
    return text


def _read_type(path: Path, text: bytes, meta: jsonschema_rs.Draft202012Validator) -> ConnectorType:
    if _NAME.fullmatch(path.stem) is None or path.stem == _META:
        _reject(path, "a type's name is lower-case letters, digits, `_` and `-`, a letter first, not `meta`")
    schema = _parse(path, text)
    if not isinstance(schema, dict):
        _reject(path, "not a JSON object")
    faults = list_faults(path.stem, schema, meta)
    if faults:
        _reject(path, "; ".join(faults[:8]))
    return ConnectorType.compile(path.stem, schema, text)


def _parse(path: Path, text: bytes) -> object:
    try:
        parsed: object = json.loads(
            text.decode(), object_pairs_hook=_refuse_duplicates, parse_constant=_refuse_constant
        )
    except _DuplicateKeyError:
        _reject(path, "the same key stands twice in one object")
    except (ValueError, RecursionError):
        _reject(path, "not JSON in UTF-8")
    return parsed


class _DuplicateKeyError(Exception):
    pass


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _DuplicateKeyError
    return made


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError


def _reject(path: Path, reason: str) -> NoReturn:
    raise SchemaRejected(f"{path}: {reason}") from None
