"""Single values, such as the variables of an environment, put together into records by their names. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

import msgspec

from credenza.sensitive import Sensitive
from importing.records import Found, Loose, Single, Unreadable

_USUAL = re.compile(r"[A-Z_][A-Z0-9_]{0,63}").fullmatch
ReadFile = Callable[[str], Sensitive[str] | None]


class Group(msgspec.Struct, frozen=True):
    """Which names make one record.

    Any of `needs` makes one, also behind a prefix that ends in `_`: STAGING_OPENAI_API_KEY makes another.
    `takes` are globs of what else goes into it, `files` those whose value names a file whose text is meant.
    `name` is what the record is called; without it, as its kind.
    """

    needs: tuple[str, ...]
    takes: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    name: str = ""


class _Match(NamedTuple):
    """A record that a name makes: its kind, and what stands before the name."""

    kind: str
    prefix: str


def group(
    singles: Sequence[Single], groups: Mapping[str, Group], read_file: ReadFile
) -> Iterator[Found | Loose | Unreadable]:
    """Return the records that single values make, in the order of their first values, and what is left.

    `read_file` returns the text of a file that a value names, or None.
    """
    matches = dict.fromkeys(match for single in singles if (match := _match(single.name, groups)))
    taken: set[str] = set()
    for match in matches:
        spec = groups[match.kind]
        members = [single for single in singles if _belongs(single.name, match, groups)]
        taken |= {member.name for member in members}
        yield from _assemble(match, spec, members, read_file)
    for single in singles:
        if single.name not in taken:
            # A name of another form may be anything, such as the end of a key that was broken over lines.
            yield Loose(single.name if _USUAL(single.name) else single.place, single.place)


def _match(name: str, groups: Mapping[str, Group]) -> _Match | None:
    """Return the record that a name makes; of several the one whose own name is the longest."""
    found = [
        (len(need), _Match(kind, name[: len(name) - len(need)]))
        for kind, spec in groups.items()
        for need in spec.needs
        if name == need or name.endswith(f"_{need}")
    ]
    return max(found, key=lambda each: each[0])[1] if found else None


def _belongs(name: str, match: _Match, groups: Mapping[str, Group]) -> bool:
    if not name.startswith(match.prefix):
        return False
    made = _match(name, groups)
    if made is not None:
        # What makes a record goes into that one alone: AZURE_OPENAI_API_KEY is no business of OPENAI's.
        return made == match
    bare = name.removeprefix(match.prefix)
    return any(fnmatchcase(bare, glob) for glob in groups[match.kind].takes)


def _assemble(
    match: _Match, spec: Group, members: Sequence[Single], read_file: ReadFile
) -> Iterator[Found | Unreadable]:
    name = f"{match.prefix.lower().replace('_', '-')}{spec.name or match.kind}"
    fields: dict[str, str] = {}
    for member in members:
        bare = member.name.removeprefix(match.prefix)
        value: Sensitive[str] | None = member.value
        if bare in spec.files and member.value.reveal():
            value = read_file(member.value.reveal())
        if value is None:
            yield Unreadable(name, member.place, member.name, "the file it names cannot be read")
            return
        fields[bare] = value.reveal()
    place = f"{members[0].place}, {', '.join(member.name for member in members)}"
    yield Found(name, match.kind, Sensitive(dict(fields)), place)
