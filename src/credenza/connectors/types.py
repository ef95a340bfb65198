"""A connector type: what one schema file says, made ready to check, split and bind configurations."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import jsonschema_rs

from credenza.connectors.destination import GENERATION, fingerprint_destination, read_public
from credenza.connectors.evolution import Former, Move
from credenza.connectors.grammar import LINEAR

UNKNOWN = "/$unknown"

PLAIN, SECRET, SEALABLE = range(3)

_REMEMBERED = 256
_LONGEST_REMEMBERED = 512


@dataclass(frozen=True, slots=True, eq=False)
class ConnectorType:
    """One type of connector.

    `keys` are the declared keys in form order, `secrets` those always sealed, `embeds` those sealed when
    a text carries credentials, `trusts` the secrets that decide which servers are believed,
    `destinations` the kind of each key that says where secrets are sent.
    `rule` numbers how destinations are made: canonicaliser generation << 16 | the file's own version.
    `digest` is a 16-byte hash of the file. `plan` gives key, sort and pointer of every key, `targets`
    key, pointer and default of every destination, `deciding` the pointer of what is sealed and decides where
    secrets go all the same, and whether it is a trust; `checker` validates an array of configurations.
    `version` is that of the type; `moves` lead to it, the first from version 1 to 2. Of a half, `beside`
    are the keys of the other one.
    """

    name: str
    category: str
    title: str
    description: str
    schema: dict[str, Any] = field(repr=False)
    keys: tuple[str, ...]
    secrets: frozenset[str]
    embeds: frozenset[str]
    trusts: frozenset[str]
    destinations: Mapping[str, str]
    rule: int
    digest: bytes
    plan: tuple[tuple[str, int, str], ...] = field(repr=False)
    targets: tuple[tuple[str, str, Any], ...] = field(repr=False)
    deciding: tuple[tuple[str, bool], ...] = field(repr=False)
    checker: jsonschema_rs.Draft202012Validator = field(repr=False)
    version: int = 1
    moves: tuple[Move, ...] = field(default=(), repr=False)
    beside: frozenset[str] = field(default=frozenset(), repr=False)
    _hashes: dict[tuple[str | None, ...], bytes] = field(default_factory=dict, repr=False)
    _formers: dict[int, Former] = field(default_factory=dict, repr=False)

    @classmethod
    def compile(
        cls, name: str, schema: dict[str, Any], text: bytes, moves: tuple[Move, ...] = ()
    ) -> ConnectorType:
        """Make a type of a schema that keeps the rules; `text` is the file it was read from."""
        keys = schema["properties"]
        secrets = frozenset(key for key, rules in keys.items() if "writeOnly" in rules)
        embeds = frozenset(key for key, rules in keys.items() if "x-credentials" in rules)
        trusts = frozenset(key for key, rules in keys.items() if "x-trust" in rules)
        sorts = {**dict.fromkeys(secrets, SECRET), **dict.fromkeys(embeds, SEALABLE)}
        return cls(
            name=name,
            category=schema["x-category"],
            title=schema["title"],
            description=schema["description"],
            schema=schema,
            keys=tuple(keys),
            secrets=secrets,
            embeds=embeds,
            trusts=trusts,
            destinations=MappingProxyType(
                {key: rules["x-destination"] for key, rules in keys.items() if "x-destination" in rules}
            ),
            deciding=tuple((f"/{key}", key in trusts) for key in keys if key in embeds | trusts),
            rule=GENERATION << 16 | schema["x-destination-version"],
            digest=hashlib.sha256(text).digest()[:16],
            plan=tuple((key, sorts.get(key, PLAIN), f"/{key}") for key in keys),
            targets=tuple(
                (key, f"/{key}", rules.get("default"))
                for key, rules in keys.items()
                if "x-destination" in rules
            ),
            checker=jsonschema_rs.Draft202012Validator(
                {"type": "array", "items": schema}, pattern_options=LINEAR
            ),
            version=schema.get("x-version", 1),
            moves=moves,
        )

    def destination(
        self, public: Mapping[str, Any], redacted: Mapping[str, str | None], unknown: bytes = b""
    ) -> bytes:
        """Return the 32-byte hash of where a configuration's secrets may be sent.

        `redacted` holds the public form of each sealed text by pointer, `unknown` a keyed fingerprint of
        undeclared keys. The type's name counts too.
        """
        values = tuple(
            [
                read_public(redacted.get(pointer) if redacted else None, public.get(key), default)
                for key, pointer, default in self.targets
            ]
        )
        known = self._hashes.get(values) if not unknown else None
        if known is not None:
            return known
        made = fingerprint_destination(self.name, tuple(self.destinations.items()), values, unknown)
        if not unknown and sum(len(value or "") for value in values) <= _LONGEST_REMEMBERED:
            if len(self._hashes) >= _REMEMBERED:
                self._hashes.clear()
            self._hashes[values] = made
        return made

    def former(self, version: int) -> Former:
        """Return where an earlier version of this type said that secrets go."""
        if version not in self._formers:
            own = [(key, self.destinations[key], default) for key, _, default in self.targets]
            self._formers[version] = Former.of(self.name, own, self.moves, version)
        return self._formers[version]
