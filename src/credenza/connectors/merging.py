"""One configuration, key by key, merged with the secrets that its record holds."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from credenza.connectors.credentials import redact
from credenza.connectors.types import PLAIN, SECRET, UNKNOWN, ConnectorType
from credenza.connectors.values import (
    MASKS,
    MAX_PROBLEMS,
    MAX_SECRET_BYTES,
    describe,
    find_fault,
    find_public_fault,
    find_secret_fault,
)
from credenza.errors import Problem

PLACEHOLDER: Final = "x"
PRESENCE: Final = "$secret"

_ABSENT: Final = object()
_HALVES: Final = {
    "config": "configs of type",
    "auth": "auth configs of type",
    "client": "OAuth clients of type",
}
_BESIDE: Final = {
    "config": "is a secret: it belongs into an auth config",
    "auth": "is no secret: it belongs into a config",
}
_MAX_GUESSES = 64
_LONGEST_GUESSED = 64


class Guesses:
    """Declared keys that come near undeclared names: the same name costs once, and only so many are tried."""

    def __init__(self, keys: Sequence[str]) -> None:
        """Take the declared keys."""
        self._keys = keys
        self._known: dict[str, str | None] = {}

    def find(self, name: str) -> str | None:
        """Return the key that a name comes nearest to; None: none is near, or it was not tried."""
        if name in self._known:
            return self._known[name]
        if len(name) > _LONGEST_GUESSED or len(self._known) == _MAX_GUESSES:
            return None
        near = difflib.get_close_matches(name, self._keys, n=1)
        self._known[name] = near[0] if near else None
        return self._known[name]


class Merging:
    """What becomes of one configuration while its keys are taken one after the other.

    `whole` is what the schema is asked about: secrets stand in it by a placeholder, sealed URLs by their
    public form.
    """

    def __init__(self, type: ConnectorType, held: Mapping[str, str | None], guesses: Guesses) -> None:
        """Take the type, the held secrets with their public forms, and what its batch guesses with."""
        self._type = type
        self._held = held
        self._guesses = guesses
        self.public: dict[str, Any] = {}
        self.entered: dict[str, str] = {}
        self.kept: list[str] = []
        self.redacted: dict[str, str] = {}
        self.whole: dict[str, Any] = {}
        self.problems: list[Problem] = []

    def take(self, key: str, sort: int, pointer: str, incoming: Mapping[str, Any]) -> None:
        """Take one declared key."""
        value = incoming.get(key, _ABSENT)
        if value is _ABSENT:
            if sort != PLAIN and pointer in self._held:
                self._keep(key, pointer)
        elif value is None:
            return
        elif fault := find_fault(value) or (find_public_fault(value) if sort != SECRET else None):
            self._refuse(fault, key)
        elif sort == PLAIN:
            self.public[key] = self.whole[key] = value
        elif is_presence(value):
            if pointer in self._held:
                self._keep(key, pointer)
            else:
                self._refuse("secret_not_held", key)
        elif not isinstance(value, str):
            self.whole[key] = value
        elif sort == SECRET:
            self._enter(key, pointer, value)
        else:
            self._take_url(key, pointer, value)

    def take_unknown(self, incoming: Mapping[str, Any], lenient: bool) -> None:
        """Take the keys that the type does not declare, which are sealed together or refused."""
        declared = self._type.schema["properties"]
        names = [name for name in incoming if name not in declared]
        if not names:
            return
        present = UNKNOWN[1:] in names and is_presence(incoming[UNKNOWN[1:]])
        others = [name for name in names if not (present and name == UNKNOWN[1:])]
        if present and UNKNOWN not in self._held:
            self.problems.append(describe("secret_not_held"))
        elif present and not others:
            self.kept.append(UNKNOWN)
        if not others:
            return
        if not lenient:
            self._refuse_unknown(list(incoming), others)
        elif present:
            self.problems.append(describe("unknown_mixed"))
        else:
            self._seal_unknown({name: incoming[name] for name in others})

    def find_cleared(self) -> tuple[str, ...]:
        """Return the held secrets that are neither kept nor replaced."""
        return tuple(
            pointer for pointer in self._held if pointer not in self.entered and pointer not in self.kept
        )

    def _keep(self, key: str, pointer: str) -> None:
        shown = self._held[pointer]
        self.kept.append(pointer)
        self.whole[key] = PLACEHOLDER if shown is None else shown
        if shown is not None:
            self.redacted[pointer] = shown

    def _enter(self, key: str, pointer: str, value: str) -> None:
        fault = find_secret_fault(value)
        if fault:
            self._refuse(fault, key)
            return
        self.entered[pointer] = value
        self.whole[key] = PLACEHOLDER

    def _take_url(self, key: str, pointer: str, value: str) -> None:
        if value and not value.strip(MASKS):
            self._refuse("masked_secret", key)
            return
        try:
            shown = redact(value)
        except ValueError:
            self._refuse("unreadable_url", key)
            return
        if shown is None:
            self.public[key] = self.whole[key] = value
            return
        self._enter(key, pointer, value)
        if pointer in self.entered:
            self.whole[key] = self.redacted[pointer] = shown

    def _refuse(self, code: str, key: str) -> None:
        self.problems.append(describe(code, key))
        self.whole[key] = PLACEHOLDER

    def _seal_unknown(self, unknown: dict[str, Any]) -> None:
        fault = find_fault(unknown, depth=1)
        if fault:
            self.problems.append(describe(fault))
            return
        text = write_unknown(unknown)
        if len(text.encode()) > MAX_SECRET_BYTES:
            self.problems.append(describe("secret_too_long"))
            return
        self.entered[UNKNOWN] = text

    def _refuse_unknown(self, names: list[str], unknown: list[str]) -> None:
        refused = set(unknown)
        for at, name in enumerate(names, start=1):
            if name not in refused:
                continue
            if len(self.problems) > MAX_PROBLEMS:
                return
            message = self._say_unknown(at, name)
            self.problems.append(Problem("unknown_key", message, "/configuration", "additionalProperties"))

    def _say_unknown(self, at: int, name: str) -> str:
        """Say that a key is none here; what is named of it is what the schema declares."""
        kind, _, half = self._type.name.partition("#")
        if name in self._type.beside:
            return f"{name} {_BESIDE[half]}."
        message = f"Key {at} of the configuration is not a key of {_HALVES.get(half, 'type')} {kind}"
        near = self._guesses.find(name)
        return f"{message}; did you mean {near}?" if near else f"{message}."


def write_unknown(unknown: Mapping[str, Any]) -> str:
    """Return the text that undeclared keys are sealed as, together."""
    return msgspec.json.encode(unknown, order="sorted").decode()


def is_presence(value: object) -> bool:
    """Say whether a value is the object that reads show in the place of a secret."""
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get(PRESENCE), dict)
