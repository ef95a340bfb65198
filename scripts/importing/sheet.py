"""Records and a mapping -> one line each, with the item of a bulk save where there is one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from credenza.errors import Problem
from credenza.sensitive import Sensitive
from importing.entries import fill
from importing.groups import ReadFile, group
from importing.mapping import Mapping
from importing.names import Naming, find_merged
from importing.records import Found, Loose, Ready, Record, Single, Unreadable

READY = ""
UNREADABLE, UNMAPPED, CLASH, REFUSED = "unreadable", "unmapped", "clash", "refused"
RENAME = "one of them needs another name where they come from"
Body = Sensitive[dict[str, Any]]


class Line(msgspec.Struct, kw_only=True):
    """What is known of one record: names, keys and problems; its values are in the box.

    `result` is empty until the store has been asked, then created, updated, unchanged, clash or refused;
    unreadable and unmapped are known before. `secrets` names those that came, `missing` the keys that could
    not be written, `unused` the record's fields that were not taken over.
    """

    foreign: str | None
    place: str
    name: str | None = None
    kind: str = ""
    type: str = ""
    result: str = READY
    saved: bool = False
    secrets: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    body: Body | None = None

    def locate(self, field: str = "") -> str:
        """Return where in the source a person is to look, as the beginning of a sentence."""
        place = f"{self.place}: " if self.name or self.foreign else ""
        return f"{place}`{field}`: " if field else place

    def refuse(self, result: str, code: str, message: str, pointer: str = "") -> None:
        """Say why it does not go in."""
        self.result = result
        told = self.name or self.foreign or self.place
        self.problems += (Problem(code, message, pointer, "", None, told),)


class Sheet(msgspec.Struct):
    """All lines of an import, and what stands beside them.

    `loose` are names that belong to no record, `ignored` says how many records are left out on purpose.
    """

    lines: list[Line]
    loose: list[str]
    ignored: int

    @property
    def bad(self) -> list[Line]:
        """Return the lines that do not go in."""
        return [line for line in self.lines if line.result in {UNREADABLE, UNMAPPED, CLASH, REFUSED}]


def fill_sheet(
    records: Iterable[Record], mapping: Mapping, naming: Naming, read_file: ReadFile, namesakes: str = RENAME
) -> Sheet:
    """Return the sheet of a source; `read_file` is as in `groups`.

    `namesakes` is a clause that says what to do about two records that the source itself calls the same.
    """
    sheet = Sheet([], [], 0)
    for record in _assemble(records, mapping, read_file):
        if isinstance(record, Single | Loose):
            if not mapping.ignores(record.name):
                sheet.loose.append(record.name)
        elif not naming.wants(record.name):
            continue
        elif isinstance(record, Found) and mapping.ignores(record.kind):
            sheet.ignored += 1
        else:
            sheet.lines.append(_write(record, mapping, naming))
    _refuse_merged(sheet.lines, namesakes)
    return sheet


def _assemble(records: Iterable[Record], mapping: Mapping, read_file: ReadFile) -> Iterator[Record]:
    singles: list[Single] = []
    for record in records:
        if isinstance(record, Single):
            singles.append(record)
        else:
            yield record
    yield from group(singles, mapping.names, read_file)


def _write(record: Found | Ready | Unreadable, mapping: Mapping, naming: Naming) -> Line:
    line = Line(foreign=record.name, place=record.place)
    line.name = None if record.name is None else naming.call(record.name)
    if isinstance(record, Unreadable):
        line.refuse(UNREADABLE, "unreadable", f"{line.locate(record.field)}{record.reason}.")
        return line
    if isinstance(record, Ready):
        line.kind = line.type = record.type
        line.body, line.missing, line.unused = record.item, record.missing, record.unused
    else:
        line.kind = record.kind
        _map(line, record, mapping)
    if line.name is None:
        line.refuse(REFUSED, "invalid_name", "Nothing of its name can be a name here; --rename gives one.")
    return line


def _map(line: Line, record: Found, mapping: Mapping) -> None:
    fields = record.fields.reveal()
    entry = mapping.choose(record.kind, fields)
    filled = None if entry is None else fill(entry, fields)
    if filled is None:
        known = mapping.knows(record.kind)
        told = f"None of the cases of `{record.kind}` fits." if known else _no_entry(record.kind)
        line.refuse(UNMAPPED, "unmapped", told)
        return
    line.type, line.missing, line.unused = filled.type, filled.missing, filled.unused
    line.body = filled.body
    for field in filled.broken:
        line.refuse(UNREADABLE, "unreadable", f"{line.locate(field)}it is no text in UTF-8.")


def _no_entry(kind: str) -> str:
    return f"The mapping has no entry for `{kind}`."


def _refuse_merged(lines: list[Line], namesakes: str) -> None:
    named = [line for line in lines if line.name is not None and line.foreign is not None]
    merged = find_merged([(line.foreign or "", line.name or "") for line in named])
    for index, names in merged.items():
        line = named[index]
        places = [each.place for each in named if (each.name or "").lower() == (line.name or "").lower()]
        told = " and ".join(f"`{name}` ({place})" for name, place in zip(names, places, strict=True))
        # --rename goes by the foreign name: of namesakes it would give all the same new one.
        way = "--rename tells them apart" if len({*names}) == len(names) else namesakes
        line.refuse(CLASH, "merged_names", f"{told} come to one name; {way}.")
