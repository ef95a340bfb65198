"""The file of a type's migrations, `migrations/<type>.yaml`: read as data, and held to the rules for it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema_rs

from credenza.connectors.evolution import Move, Step, trace
from credenza.connectors.grammar import LINEAR, describe
from credenza.errors import Invalid, SchemaRejected

FOLDER = "migrations"
_META = "meta.json"
_MAX_BYTES = 1 << 20
_MOST_FAULTS = 8
_PUBLIC = "a secret is never made public: remove the key, and let it be entered anew"

Schema = Mapping[str, Any]


def read_moves(path: Path, schema: Schema, rules: Path) -> tuple[Move, ...]:
    """Return what leads to the version of a type, the first from version 1 to 2; without a file, nothing.

    `rules` is the folder that holds the schema for such files.

    Raises:
        SchemaRejected: the file breaks a rule; names file and reason.
    """
    if not path.exists():
        return ()
    entries = _parse(path)
    faults = [fault for error in _rules(rules).iter_errors(entries) for fault in describe(error)]
    if not faults:
        moves = tuple(map(_read_move, entries))
        faults = [*_check_chain(entries, schema.get("x-version", 1)), *_check_steps(moves, schema)]
    elif any("/make_public:" in fault for fault in faults):
        faults = [_PUBLIC]
    if faults:
        raise SchemaRejected(f"{path}: {'; '.join(faults[:_MOST_FAULTS])}")
    return moves


def list_strays(folder: Path, types: Sequence[str]) -> list[Path]:
    """Return files of migrations that belong to no type of their folder, or are not named as such."""
    within = folder / FOLDER
    named = [*within.glob("*.yaml"), *within.glob("*.yml")] if within.is_dir() else []
    return sorted(path for path in named if path.suffix != ".yaml" or path.stem not in types)


def _parse(path: Path) -> Any:  # noqa: ANN401  (any JSON)
    # Most folders of types have no migrations, and need no YAML.
    from credenza.connectors.yaml_data import load_yaml  # noqa: PLC0415

    try:
        text = path.read_bytes()
        if len(text) > _MAX_BYTES:
            raise SchemaRejected(f"{path}: larger than 1 MiB")
        return load_yaml(text)
    except OSError as error:
        raise SchemaRejected(f"{path}: cannot be read: {error.strerror}") from None
    except Invalid as error:
        found = " ".join(each.message for each in error.problems[:_MOST_FAULTS])
        raise SchemaRejected(f"{path}: {found}") from None


@lru_cache(maxsize=4)
def _rules(folder: Path) -> jsonschema_rs.Draft202012Validator:
    document = json.loads((folder / FOLDER / _META).read_bytes())
    return jsonschema_rs.Draft202012Validator(document, pattern_options=LINEAR)


def _read_move(entry: Mapping[str, Any]) -> Move:
    steps = tuple(step for each in entry["steps"] for step in each.items())
    told = entry.get("destinations")
    if told is None:
        return Move(steps)
    targets = [(key, kind) if isinstance(kind, dict) else (key, {"kind": kind}) for key, kind in told.items()]
    return Move(steps, tuple((key, rules["kind"], rules.get("default")) for key, rules in targets))


def _check_chain(entries: Sequence[Mapping[str, Any]], version: int) -> Iterator[str]:
    reached = 1
    for place, entry in enumerate(entries):
        if entry["from"] != reached:
            yield f"/{place}/from: must be {reached}, so that no version is left out"
        if entry["to"] != entry["from"] + 1:
            yield f"/{place}/to: must be the version after that of `from`"
        reached = entry["to"]
    if reached != version:
        yield f"/{len(entries) - 1}/to: must lead to the type's own x-version, {version}, in the end"


def _check_steps(moves: Sequence[Move], schema: Schema) -> Iterator[str]:
    """Check that every key a step makes is one of the type in the end, and of the right sort."""
    keys = schema["properties"]
    steps = [
        (f"/{at}/steps/{place}/{step[0]}", step)
        for at, move in enumerate(moves)
        for place, step in enumerate(move.steps)
    ]
    rest = [step for _, step in steps]
    for pointer, step in steps:
        rest = rest[1:]
        verb, argument = step
        if verb == "rename" and not argument.keys().isdisjoint(argument.values()):
            yield f"{pointer}: a name stands on both sides; rename in two steps"
        for key in _list_made(step):
            final = trace(rest, key)
            if final is None:
                continue
            if final not in keys:
                yield f"{pointer}: {key} is no key of the type in the end"
            elif verb == "make_secret" and "writeOnly" not in keys[final]:
                yield f"{pointer}: {key} is no secret of the type"
            elif verb in {"set", "map"} and "writeOnly" in keys[final]:
                yield f"{pointer}: {key} is a secret, and no value of one may stand in a file"


def _list_made(step: Step) -> Sequence[str]:
    verb, argument = step
    if verb == "rename":
        return [*argument.values()]
    return [] if verb == "remove" else [*argument]
