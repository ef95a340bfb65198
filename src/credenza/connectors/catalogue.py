"""The catalogue of connector types: every schema file of some folders, checked when it is read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, NoReturn, Self

import jsonschema_rs

from credenza.connectors.grammar import LINEAR, list_faults
from credenza.connectors.halves import find_half
from credenza.connectors.migrations import FOLDER, list_strays, read_moves
from credenza.connectors.types import ConnectorType
from credenza.errors import Misconfigured, SchemaRejected

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_META = "meta"
_API = "api"
_RESERVED = (_META, _API)
_MAX_BYTES = 1 << 20

TYPE_NAME_RULE = (
    "is lower-case letters, digits, `_` and `-`, a letter first, 64 at most, not `meta` and not `api`"
)


class Catalogue(Mapping[str, ConnectorType]):
    """Connector types by name, in the order of their names; `api` is none of them."""

    def __init__(self, types: Mapping[str, ConnectorType], api: ConnectorType) -> None:
        """Take the types, and what an api may say."""
        self._types = MappingProxyType(dict(sorted(types.items())))
        self._api = api

    @classmethod
    def load(cls, *folders: Path) -> Self:
        """Read `<type>.json` and `migrations/<type>.yaml` of every folder; of none, the shipped ones.

        Raises:
            SchemaRejected: a file breaks a rule, or two folders hold the same type; names file and reason.
        """
        shipped = shipped_schemas()
        reserved = {name: (shipped / f"{name}.json").read_bytes() for name in _RESERVED}
        rules = _compile_rules(reserved[_META])
        types: dict[str, ConnectorType] = {}
        for folder in folders or (shipped,):
            files = _list_files(folder)
            for stray in list_strays(folder, [path.stem for path in files]):
                _reject(stray, "must be named for a type that stands beside its folder, as <type>.yaml")
            for path in files:
                text = _read_bytes(path)
                if reserved.get(path.stem) == text:
                    continue
                if path.stem in types:
                    _reject(path, "another folder holds this type already")
                if not is_type_name(path.stem):
                    _reject(path, f"a type's name {TYPE_NAME_RULE}")
                types[path.stem] = _read_type(path, text, rules)
        return cls(types, _read_type(shipped / f"{_API}.json", reserved[_API], rules))

    @property
    def api(self) -> ConnectorType:
        """Return what the configuration of an api (a model, index or table of an integration) may say."""
        return self._api

    def extended(self, types: Mapping[str, ConnectorType]) -> Catalogue:
        """Return this catalogue with a workspace's own types; of equal names, the catalogue's own stays."""
        return Catalogue({**types, **self._types}, self._api) if types else self

    def revised(self, later: Catalogue) -> Catalogue:
        """Return this catalogue with the types of another one; of equal names, those of the other."""
        return Catalogue({**self._types, **later}, self._api)

    def find(self, name: str) -> ConnectorType | None:
        """Return the type of a record: one of these, or a half of one; None: there is none."""
        return find_half(self._types, name) if "#" in name else self._types.get(name)

    def __getitem__(self, name: str) -> ConnectorType:
        return self._types[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._types)

    def __len__(self) -> int:
        return len(self._types)


def is_type_name(name: str) -> bool:
    """Say whether a type may have this name."""
    return _NAME.fullmatch(name) is not None and name not in _RESERVED


class Rules(NamedTuple):
    """A JSON Schema, and what checks against it."""

    document: dict[str, Any]
    checker: jsonschema_rs.Draft202012Validator

    @classmethod
    def compile(cls, document: dict[str, Any]) -> Self:
        """Make a schema ready to check with: patterns are matched in linear time, and nothing is fetched."""
        return cls(
            document,
            jsonschema_rs.Draft202012Validator(document, pattern_options=LINEAR, retriever=_fetch_nothing),
        )


def read_rules() -> Rules:
    """Return the shipped rules for connector types.

    Raises:
        Misconfigured: the installation lacks them.
    """
    return _compile_rules((shipped_schemas() / f"{_META}.json").read_bytes())


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


def _fetch_nothing(_: str) -> NoReturn:
    raise ValueError("no schema is fetched from anywhere")


@lru_cache(maxsize=4)
def _compile_rules(text: bytes) -> Rules:
    return Rules.compile(json.loads(text))


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


def _read_type(path: Path, text: bytes, rules: Rules) -> ConnectorType:
    schema = _parse(path, text)
    if not isinstance(schema, dict):
        _reject(path, "not a JSON object")
    faults = list_faults(path.stem, schema, rules.checker)
    if faults:
        _reject(path, "; ".join(faults[:8]))
    moves = read_moves(path.parent / FOLDER / f"{path.stem}.yaml", schema, shipped_schemas())
    return ConnectorType.compile(path.stem, schema, text, moves)


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
