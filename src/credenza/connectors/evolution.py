"""How configurations get from one version of their connector type to the next: steps that are data. Pure.

evolved = evolve(type.moves, 1, {"apiKey": "a", "mode": "old"}, ["token"])
evolved.public, evolved.origins     what it says in clear, and which held secret stands where now
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from credenza.connectors.destination import fingerprint_destination, read_public, write_scalar

Step = tuple[str, Any]
Target = tuple[str, str, Any]


class Move(NamedTuple):
    """What leads from one version to the next: pairs of verb and argument, in order.

    `destinations` are key, kind and default of what said, in the earlier version, where secrets go; None:
    what says so in the next one, under the names it had.
    """

    steps: tuple[Step, ...]
    destinations: tuple[Target, ...] | None = None


class Evolved(NamedTuple):
    """A configuration after some moves.

    `origins` gives of each secret that is still held the key it is held under; `clashes` are keys that a
    rename found taken, so that nothing was renamed to them.
    """

    public: dict[str, Any]
    origins: dict[str, str]
    clashes: tuple[str, ...]


def evolve(moves: Sequence[Move], version: int, public: Mapping[str, Any], secrets: Iterable[str]) -> Evolved:
    """Return what a configuration says after all moves from a version on; `secrets` are keys with one."""
    evolving = _Evolving(dict(public), {key: key for key in secrets})
    for verb, argument in list_steps(moves, version):
        getattr(evolving, verb)(argument)
    return Evolved(evolving.public, evolving.origins, tuple(evolving.clashes))


class _Evolving:
    """One configuration on its way; its methods are the verbs of steps."""

    def __init__(self, public: dict[str, Any], origins: dict[str, str]) -> None:
        self.public = public
        self.origins = origins
        self.clashes: list[str] = []

    def rename(self, names: Mapping[str, str]) -> None:
        for old, new in names.items():
            if old not in self.public and old not in self.origins:
                continue
            if new in self.public or new in self.origins:
                self.clashes.append(new)
            elif old in self.public:
                self.public[new] = self.public.pop(old)
            else:
                self.origins[new] = self.origins.pop(old)

    def remove(self, keys: Iterable[str]) -> None:
        for key in keys:
            self.public.pop(key, None)
            self.origins.pop(key, None)

    def set(self, values: Mapping[str, Any]) -> None:
        for key, value in values.items():
            if key not in self.origins:
                self.public.setdefault(key, value)

    def map(self, keys: Mapping[str, Mapping[str, Any]]) -> None:
        for key, values in keys.items():
            value = self.public.get(key)
            if isinstance(value, (str, int, float)):
                self.public[key] = values.get(write_scalar(value), value)

    def make_secret(self, keys: Iterable[str]) -> None:
        # Sealed where the type says that the key is a secret; a secret is a text.
        for key in keys:
            value = self.public.get(key)
            if value == "":
                del self.public[key]
            elif isinstance(value, (int, float)):
                self.public[key] = write_scalar(value)


def list_steps(moves: Sequence[Move], version: int) -> list[Step]:
    """Return all steps that lead on from a version."""
    return [step for move in moves[version - 1 :] for step in move.steps]


def trace(steps: Iterable[Step], key: str) -> str | None:
    """Return what a key is called after some steps; None: it was removed."""
    for verb, argument in steps:
        if verb == "rename":
            key = argument.get(key, key)
        elif verb == "remove" and key in argument:
            return None
    return key


def becomes_secret(steps: Iterable[Step], key: str, secrets: Container[str]) -> bool:
    """Tell whether a key is a secret after some of these steps, or after all of them by its type.

    One that is removed is so where the type has a secret of its name: what it held has to be entered anew.
    """
    first = key
    for verb, argument in steps:
        if verb == "make_secret" and key in argument:
            return True
        if verb == "rename":
            key = argument.get(key, key)
        elif verb == "remove" and key in argument:
            return key in secrets or first in secrets
    return key in secrets


@dataclass(frozen=True, slots=True)
class Former:
    """Where an earlier version of a type said that secrets go; `targets` are key, pointer and default."""

    name: str
    kinds: tuple[tuple[str, str], ...]
    targets: tuple[Target, ...]

    @classmethod
    def of(cls, name: str, targets: Sequence[Target], moves: Sequence[Move], version: int) -> Former:
        """Go back from a type's own destinations (key, kind, default) to those of an earlier version."""
        for move in reversed(moves[version - 1 :]):
            targets = move.destinations if move.destinations is not None else _rename_back(targets, move)
        return cls(
            name,
            tuple((key, kind) for key, kind, _ in targets),
            tuple((key, f"/{key}", default) for key, _, default in targets),
        )

    def destination(
        self, public: Mapping[str, Any], redacted: Mapping[str, str | None], unknown: bytes = b""
    ) -> bytes:
        """Return the 32-byte hash of where a configuration's secrets could go, as `ConnectorType` does."""
        values = [
            read_public(redacted.get(pointer), public.get(key), default)
            for key, pointer, default in self.targets
        ]
        return fingerprint_destination(self.name, self.kinds, values, unknown)


def _rename_back(targets: Sequence[Target], move: Move) -> list[Target]:
    renames = [argument for verb, argument in reversed(move.steps) if verb == "rename"]
    return [(_go_back(key, renames), kind, default) for key, kind, default in targets]


def _go_back(key: str, renames: Sequence[Mapping[str, str]]) -> str:
    for names in renames:
        key = next((old for old, new in names.items() if new == key), key)
    return key
