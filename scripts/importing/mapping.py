"""Mapping files: from a foreign kind and its fields to a type and a configuration of ours.

    source: airflow                 whose records it is for
    ignore: [fs, "sqlite*"]         kinds that are left out on purpose
    types:
      postgres:                     a kind, or a glob of kinds
        type: relational_db
        configuration: {user: "${login}", datasourceURL: "jdbc:postgresql://${host}:${port:-5432}/${schema}"}
        description: ${description}
        tags: {origin: airflow}
        apis: ["${extra.models}"]
        ignore: [conn_id]           fields that are left out on purpose
      http:
        choose:                     the first case whose conditions all hold
          - {when: {host: "*api.openai.com*"}, use: openai}
    names:                          for sources of single values, such as .env files
      openai: {needs: [OPENAI_API_KEY], takes: ["OPENAI_*"]}

An entry may `use` another, has its own parts laid over that, and the chosen case over both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Mapping as MappingOf
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from credenza.errors import Invalid, Problem
from importing.entries import Entry, choose
from importing.files import read_bytes
from importing.grammar import Grammar
from importing.groups import Group
from importing.values import Fields

FOLDER = Path(__file__).resolve().parents[1] / "mappings"


class Mapping(msgspec.Struct, frozen=True):
    """All that is known of a source's kinds."""

    types: MappingOf[str, Entry] = {}
    names: MappingOf[str, Group] = {}
    ignore: tuple[str, ...] = ()

    def over(self, lower: Mapping) -> Mapping:
        """Return both as one; of a kind that both know, this one's entry."""
        return Mapping(
            {**self.types, **{kind: entry for kind, entry in lower.types.items() if kind not in self.types}},
            {**lower.names, **self.names},
            lower.ignore + self.ignore,
        )

    def knows(self, kind: str) -> bool:
        """Say whether there is an entry for a kind."""
        return self._find(kind) is not None

    def ignores(self, kind: str) -> bool:
        """Say whether a kind, or the name of a single value, is left out on purpose; an entry goes first."""
        return not self.knows(kind) and any(fnmatchcase(kind, glob) for glob in self.ignore)

    def choose(self, kind: str, fields: Fields) -> Entry | None:
        """Return what is to be made of a record; None: its kind is unknown, or none of its cases fits."""
        entry = self._find(kind)
        return None if entry is None else choose(entry, self.types, fields)

    def list_types(self) -> set[str]:
        """Return the types of ours that it names."""
        return {each.type for entry in self.types.values() for each in _walk(entry) if each.type}

    def _find(self, kind: str) -> Entry | None:
        exact = self.types.get(kind)
        if exact is not None:
            return exact
        return next((entry for glob, entry in self.types.items() if fnmatchcase(kind, glob)), None)


def load_mapping(source: str, files: Iterable[Path] = ()) -> Mapping:
    """Return the shipped mapping of a source, if there is one, with a user's files over it.

    Raises:
        Invalid: a file cannot be read or breaks a rule; every problem names file and place.
    """
    shipped = FOLDER / f"{source}.yaml"
    whole, problems = Mapping(), list[Problem]()
    for path in [*([shipped] if shipped.is_file() else []), *files]:
        grammar = Grammar(path.name)
        named, types, names, ignore = grammar.read(read_bytes(path).reveal())
        if not grammar.problems and named != source:
            grammar.refuse(f"It is not for this source: `source: {source}` would be.", "/source", "const")
        problems += grammar.problems
        whole = Mapping(types, names, ignore).over(whole)
    if not problems:
        problems = [*_check_uses(whole.types), *_check_names(whole)]
    if problems:
        raise Invalid(
            "The mapping cannot be used; nothing was saved.", code="invalid_mapping", problems=problems
        )
    return whole


def _check_uses(types: MappingOf[str, Entry]) -> Iterator[Problem]:
    for kind, entry in types.items():
        for user in _walk(entry):
            if user.use is not None and user.use not in types:
                yield _problem(f"It uses `{user.use}`, which there is none of.", kind, "use")
        if _is_cyclic(kind, types, ()):
            yield _problem("It uses itself, by way of others or not.", kind, "cycle")
        elif not _has_type(entry, types):
            yield _problem("It does not always say a type.", kind, "required")


def _check_names(mapping: Mapping) -> Iterator[Problem]:
    for kind in mapping.names:
        if not mapping.knows(kind):
            message = "There is no such entry in `types`."
            yield Problem("invalid_mapping", message, f"/names/{kind}", "use")


def _is_cyclic(kind: str, types: MappingOf[str, Entry], above: Sequence[str]) -> bool:
    if kind in above:
        return True
    uses = [each.use for each in _walk(types[kind]) if each.use in types]
    return any(_is_cyclic(use, types, (*above, kind)) for use in uses if use is not None)


def _has_type(entry: Entry, types: MappingOf[str, Entry]) -> bool:
    """Say whether whatever is chosen comes to a type; cycles are out of the way."""
    if entry.type is not None:
        return True
    if entry.use is not None and (entry.use not in types or _has_type(types[entry.use], types)):
        return True
    return bool(entry.choose) and all(_has_type(case.entry, types) for case in entry.choose)


def _walk(entry: Entry) -> Iterator[Entry]:
    yield entry
    for case in entry.choose:
        yield from _walk(case.entry)


def _problem(message: str, kind: str, keyword: str) -> Problem:
    return Problem("invalid_mapping", message, f"/types/{kind}", keyword)
