"""What would come of an import, asked of the store itself, and doing it, in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

import msgspec

from credenza.errors import Invalid, Problem
from credenza.model import Item
from credenza.sensitive import Sensitive
from credenza.workspace import Mode
from importing.mapping import Mapping as KindMapping
from importing.sheet import CLASH, READY, REFUSED, UNREADABLE, Line, Sheet
from importing.targets import TAG, Stored, Target

BATCH = 1_000
CREATED, UPDATED, UNCHANGED = "created", "updated", "unchanged"

T = TypeVar("T")
Tell = Callable[[int], object]
_CLASHES = {"version_mismatch", "type_immutable", "name_taken"}
_PREFIX = "/configuration/"


class Plan:
    """The lines of one sheet at one target."""

    def __init__(self, sheet: Sheet, target: Target, source: str) -> None:
        """Take what goes where, and where it comes from."""
        self.sheet = sheet
        self._target = target
        self._source = source
        self._texts: dict[int, Sensitive[bytes]] = {}

    def prepare(self, tell: Tell) -> None:
        """Ask the target what would become of every line; `tell` is told how many are done."""
        imported = self._target.list_imported(self._source)
        ready = [line for line in self.sheet.lines if line.result == READY]
        for line in ready:
            self._encode(line, imported.get(line.name or ""))
        done = 0
        for lines in _cut([line for line in ready if line.result == READY]):
            items = self._save(lines, Mode.PER_ITEM, dry_run=True)
            for line, item in zip(lines, items, strict=True):
                self._note(line, item)
            done += len(lines)
            tell(done)

    def list_changes(self) -> list[Line]:
        """Return the lines that a save would write."""
        return [line for line in self.sheet.lines if line.result in {CREATED, UPDATED}]

    def execute(self, mode: Mode, tell: Tell) -> None:
        """Save what is new or changed, batch by batch; what was saved stays so where a later batch fails."""
        for line in self.sheet.lines:
            line.saved = line.result == UNCHANGED
        done = 0
        for lines in _cut(self.list_changes()):
            items = self._save(lines, mode, dry_run=False)
            for line, item in zip(lines, items, strict=True):
                line.result = REFUSED if item.problems else item.result
                line.problems += _name(item.problems, line)
                line.saved = not item.problems
            done += len(lines)
            tell(done)

    def _save(self, lines: Sequence[Line], mode: Mode, *, dry_run: bool) -> Sequence[Item]:
        raws = [msgspec.Raw(self._texts[id(line)].reveal()) for line in lines]
        return self._target.save(raws, mode, dry_run=dry_run).items

    def _encode(self, line: Line, stored: Stored | None) -> None:
        """Write a line as an item of a bulk save; of what is not ours yet it says that it must be new."""
        body = line.body.reveal() if line.body else {}
        item = {"name": line.name, "type": line.type, **body, "tags": self._merge_tags(body, stored)}
        if "apis" in body:
            item["apis"] = [{**api, "integrationName": line.name} for api in body["apis"]]
        if stored is None:
            item["expectedVersion"] = 0
        try:
            self._texts[id(line)] = Sensitive(msgspec.json.encode(item))
        except (TypeError, ValueError, OverflowError, RecursionError):
            line.refuse(UNREADABLE, "unreadable", f"{line.locate()}it holds what JSON cannot say.")

    def _merge_tags(self, body: Mapping[str, Any], stored: Stored | None) -> list[dict[str, str]]:
        """Return the tags of a line, and those that somebody has added to it since."""
        own = [(tag["key"], tag["value"]) for tag in body.get("tags") or () if tag["key"] != TAG]
        own.append((TAG, self._source))
        keys = {key for key, _ in own}
        kept = [tag for tag in (stored.tags if stored else ()) if tag[0] not in keys]
        return [{"key": key, "value": value} for key, value in [*own, *kept]]

    def _note(self, line: Line, item: Item) -> None:
        line.result = item.result if not item.problems else REFUSED
        line.problems += tuple(self._explain(problem, line) for problem in item.problems)
        if any(problem.code in _CLASHES for problem in item.problems):
            line.result = CLASH
        words = {_shorten(pointer): word for pointer, word in item.secrets.items()}
        line.secrets = tuple(f"{key} (kept)" if word == "kept" else key for key, word in words.items())
        if not words:
            line.secrets = self._list_secrets(line)
        absent = [problem.pointer for problem in item.problems if problem.keyword == "required"]
        found = [_shorten(pointer) for pointer in (*item.missing, *absent)]
        line.missing = tuple(dict.fromkeys((*line.missing, *found)))

    def _explain(self, problem: Problem, line: Line) -> Problem:
        if problem.code == "version_mismatch":
            message = f"It exists, and was not imported from {self._source}; --prefix or --rename helps."
            problem = Problem(CLASH, message, "/name", "uniqueItems")
        return _name([problem], line)[0]

    def _list_secrets(self, line: Line) -> tuple[str, ...]:
        connector = self._target.catalogue.get(line.type)
        keys = (line.body.reveal() if line.body else {}).get("configuration") or {}
        return tuple(key for key in keys if connector is not None and key in connector.secrets)


def check_types(mapping: KindMapping, target: Target) -> None:
    """Return if the types that a mapping names exist, as far as that is known; raises Invalid."""
    unknown = sorted(mapping.list_types() - set(target.catalogue))
    if unknown and target.knows_all_types:
        problems = [
            Problem("unknown_type", f"There is no connector type `{name}`.", "", "enum") for name in unknown
        ]
        raise Invalid(
            "The mapping cannot be used; nothing was saved.", code="invalid_mapping", problems=problems
        )


def _name(problems: Sequence[Problem], line: Line) -> tuple[Problem, ...]:
    return tuple(msgspec.structs.replace(each, index=None, name=line.name) for each in problems)


def _shorten(pointer: str) -> str:
    return pointer.removeprefix(_PREFIX).removeprefix("/")


def _cut(lines: Sequence[T]) -> Iterator[list[T]]:
    rest = iter(lines)
    while batch := [*islice(rest, BATCH)]:
        yield batch
