"""Which secrets an import still needs: found by asking what a save would say, then given or asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import msgspec
import rich_click as click

from credenza.cli.failures import Misused
from credenza.cli.folders import read_name
from credenza.cli.output import clean
from credenza.cli.targets import Saving, Scope, Target
from credenza.connectors import Catalogue, ConnectorType
from credenza.errors import Invalid, Problem
from credenza.model import Item, Receipt
from credenza.pointers import escape, split
from credenza.sensitive import Sensitive
from credenza.transfer.bindings import leads
from credenza.transfer.documents import Whole, portray
from credenza.transfer.references import SECRET, UNDECLARED, find_mark, list_keys, list_parts
from credenza.workspace import Mode

Given = Mapping[str, Mapping[str, str]]  # secrets by name of the integration and pointer
_REENTER = "secret_reentry_required"
_LACKING = "required"
_LEFT_OUT = "destination_left_out"
_LEADS = "This says where secrets are sent, and nobody has it: enter it, or say --leave-out."
_UNCOVERED = "secret_left_out"
_FOLLOWS = "The api leads to a place of its own, and the integration's secret would go there: enter this one."
_REFUSED = "Secrets would be sent elsewhere without what is left out; nothing was saved."


class Import:
    """Integrations on their way in; `items` are None where a file holds something else.

    `needs` has by index the pointers of secrets that neither the file nor the store has, apis by their
    names. `leave_out`: also of those that say where others are sent.
    """

    def __init__(
        self,
        target: Target,
        raws: Sequence[msgspec.Raw],
        items: Sequence[dict[str, Any] | None],
        *,
        leave_out: bool = False,
    ) -> None:
        """Take where they go, and the items, whose references are opened."""
        self._target = target
        self._raws = raws
        self._items = items
        self._leave_out = leave_out
        self.needs: list[list[str]] = [[] for _ in items]
        self.receipt = Receipt(())
        self._asked: set[tuple[int, str]] = set()
        self._leading: set[tuple[int, str]] = set()

    @cached_property
    def _stored(self) -> Mapping[str, Whole]:
        """Return what there is, by name, as reads show it."""
        return {shown["name"]: shown for shown in self._target.list(Scope())}

    def find_absent(self) -> None:
        """Note secrets that a file says are there and the store does not hold, and take them out."""
        for index, (item, needs) in enumerate(zip(self._items, self.needs, strict=True)):
            held = _list_held(item) if item is not None else {}
            if item is None or not held:
                continue
            here = _list_held(self._stored.get(read_name(item), {}))
            for pointer in [pointer for pointer in held if pointer not in here]:
                needs.append(pointer)
                if _leads(item, pointer, held[pointer], self._target.catalogue):
                    self._leading.add((index, pointer))
                _put_at(item, pointer, None)

    def find_needs(self, *, replace_apis: bool = False) -> None:
        """Ask what a save would say, again and again, until no other secret is found to be lacking."""
        while True:
            told = self.save(Saving(Mode.PER_ITEM, dry_run=True, replace_apis=replace_apis))
            found = [self._note(index, item) for index, item in enumerate(told.items)]
            if not any(found):
                break
        items = [self._refuse(index, item) for index, item in enumerate(told.items)]
        self.receipt = msgspec.structs.replace(told, items=tuple(items))

    def check(self) -> None:
        """See that nothing is left out without which secrets are sent elsewhere; raises Invalid."""
        problems = [problem for item in self.receipt.items for problem in item.problems]
        codes = [problem.code for problem in problems if problem.code in {_LEFT_OUT, _UNCOVERED}]
        if codes:
            raise Invalid(_REFUSED, code=codes[0], problems=problems)

    def save(self, how: Saving) -> Receipt:
        """Save all items, or say what would come of it."""
        raws = [
            raw if item is None else msgspec.Raw(msgspec.json.encode(item))
            for raw, item in zip(self._raws, self._items, strict=True)
        ]
        return self._target.save(raws, how=how)

    def give(self, given: Sensitive[Given], catalogue: Catalogue | None) -> None:
        """Put secrets into their places.

        Raises:
            Misused: one is for an integration that is not among these, or for what is no place of a secret.
        """
        names = {read_name(item): item for item in self._items if item is not None}
        for position, (name, secrets) in enumerate(given.reveal().items(), 1):
            if name not in names:
                raise Misused(f"Name {position} of the secrets is not among the integrations.")
            for number, (pointer, text) in enumerate(secrets.items(), 1):
                place = pointer if pointer.startswith("/") else f"/configuration/{pointer}"
                self._bring(names[name], place)
                if not _put(names[name], place, text, catalogue):
                    raise Misused(
                        f"Pointer {number} of the secrets of {clean(name)} is no place of a secret."
                    )

    def ask(self) -> bool:
        """Ask for every secret that is needed; what is left empty stays so. Say whether any was entered."""
        entered = False
        for index, (item, needs) in enumerate(zip(self._items, self.needs, strict=True)):
            for pointer in [*needs]:
                # Nobody can type undeclared keys: their names are sealed too.
                if item is None or (index, pointer) in self._asked or pointer.endswith(UNDECLARED):
                    continue
                self._asked.add((index, pointer))
                text = Sensitive(_prompt(read_name(item), pointer))
                self._bring(item, pointer)
                if text.reveal() and _put_at(item, pointer, text.reveal()):
                    needs.remove(pointer)
                    entered = True
        return entered

    def _note(self, index: int, told: Item) -> bool:
        """Note what one item lacks; say whether that is news."""
        item, needs = self._items[index], self.needs[index]
        if item is None:
            return False
        lacking = {f"/configuration{pointer}" for pointer in told.missing}
        lacking |= {_name_api(item, each.pointer) for each in told.problems if each.code == _LACKING}
        places = _list_places(item, self._target.catalogue) if lacking else frozenset()
        found = [pointer for pointer in sorted(lacking) if pointer in places]
        found += [problem.pointer for problem in told.problems if problem.code == _REENTER]
        news = [pointer for pointer in dict.fromkeys(found) if pointer not in needs]
        needs += news
        return bool(news)

    def _refuse(self, index: int, told: Item) -> Item:
        """Return what is told of one item, with what may not be left out as problems."""
        left = (
            [] if self._leave_out else [each for each in self.needs[index] if (index, each) in self._leading]
        )
        problems = [Problem(_LEFT_OUT, _LEADS, each, "x-destination", index, told.name) for each in left]
        problems += [
            Problem(_UNCOVERED, _FOLLOWS, each, "x-destination", index, told.name)
            for each in self._list_uncovered(index)
        ]
        if not problems:
            return told
        return msgspec.structs.replace(told, result="failed", problems=(*told.problems, *problems))

    def _list_uncovered(self, index: int) -> list[str]:
        """Return what an api lacks that leads elsewhere, where the integration has a secret in its place."""
        item, needs = self._items[index], self.needs[index]
        catalogue = self._target.catalogue
        connector = catalogue.get(str(item.get("type"))) if item is not None and needs else None
        if item is None or connector is None:
            return []
        own = item.get("configuration") or {}
        return [
            place
            for part in list_parts(item, connector, catalogue.api)
            if part.api is not None and leads(part)
            for key in list_keys(part.type)
            if own.get(key) and (place := f"/apis/{escape(part.api)}/configuration/{key}") in needs
        ]

    def _bring(self, item: dict[str, Any], pointer: str) -> None:
        """Add the api that a pointer names as the store has it, if only the store does."""
        head, *rest = _split(pointer)
        apis = item.get("apis") or []
        if head != "apis" or not rest or not isinstance(apis, list) or _find_api(apis, rest[0]) is not None:
            return
        stored = self._stored.get(read_name(item))
        found = [api for api in portray(stored)["apis"] if api["api"] == rest[0]] if stored else []
        if found:
            item["apis"] = [*apis, *found]


def _prompt(name: str, pointer: str) -> str:
    place = pointer.removeprefix("/configuration").removeprefix("/")
    told = f"{clean(name)}: {clean(place)} (hidden; empty leaves it out)"
    entered: str = click.prompt(told, hide_input=True, default="", show_default=False, err=True)
    return entered


def _list_owners(item: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield pointer and content of every configuration of an integration, apis by their names."""
    apis = item.get("apis")
    named = [
        (f"/apis/{escape(api['api'])}/configuration", api)
        for api in (apis if isinstance(apis, list | tuple) else ())
        if isinstance(api, dict) and isinstance(api.get("api"), str)
    ]
    for pointer, owner in [("/configuration", item), *named]:
        content = owner.get("configuration")
        if isinstance(content, Mapping):
            yield pointer, content


def _list_held(item: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the references to what a store has, by pointer."""
    return {
        f"{pointer}/{escape(key)}": value[SECRET]
        for pointer, content in _list_owners(item)
        for key, value in content.items()
        if find_mark(value) == SECRET
    }


def _leads(item: Mapping[str, Any], pointer: str, held: Mapping[str, Any], catalogue: Catalogue) -> bool:
    """Say whether a secret of an integration says where others are sent, or which servers are believed."""
    *_, key = _split(pointer)
    own = pointer.startswith("/configuration/")
    kind: ConnectorType | None = catalogue.get(str(item.get("type"))) if own else catalogue.api
    declared = kind is not None and (key in kind.destinations or key in kind.embeds or key in kind.trusts)
    return declared or "redacted" in held


def _list_places(item: Mapping[str, Any], catalogue: Catalogue) -> frozenset[str]:
    connector = catalogue.get(str(item.get("type")))
    if connector is None:
        return frozenset()
    parts = list_parts(item, connector, catalogue.api)
    own = {f"/configuration/{key}" for key in list_keys(connector)}
    apis = {
        f"/apis/{escape(part.api)}/configuration/{key}"
        for part in parts
        if part.api is not None
        for key in list_keys(part.type)
    }
    return frozenset(own | apis)


def _put(item: dict[str, Any], pointer: str, text: str, catalogue: Catalogue | None) -> bool:
    place = _name_api(item, pointer)
    known = place in _list_places(item, catalogue) if catalogue is not None else False
    if place.endswith(f"/{UNDECLARED}") or not (known or find_mark(_find(item, place)) is not None):
        return False
    return _put_at(item, place, text)


def _find(item: Mapping[str, Any], pointer: str) -> object:
    content, key = _walk(item, pointer)
    return content.get(key) if content is not None else None


def _put_at(item: dict[str, Any], pointer: str, text: str | None) -> bool:
    """Put a text at a place, or take away what is there; say whether there is such a place."""
    if pointer.startswith("/configuration/") and item.get("configuration") is None:
        item["configuration"] = {}
    content, key = _walk(item, pointer)
    if content is None:
        return False
    if text is None:
        content.pop(key, None)
    else:
        content[key] = text
    return True


def _walk(item: Mapping[str, Any], pointer: str) -> tuple[dict[str, Any] | None, str]:
    """Return the mapping that a pointer's last step is a key of."""
    *steps, key = _split(pointer)
    place: Any = item
    for step in steps:
        if isinstance(place, list):
            place = _find_api(place, step)
        else:
            place = place.get(step) if isinstance(place, dict) else None
    return (place, key) if isinstance(place, dict) else (None, key)


def _find_api(apis: Sequence[Any], step: str) -> Any:  # noqa: ANN401  # whatever a file has there
    """Return an api by its name, or else by its position."""
    named = [api for api in apis if isinstance(api, dict) and api.get("api") == step]
    if named:
        return named[0]
    return apis[int(step)] if step.isdecimal() and int(step) < len(apis) else None


def _name_api(item: Mapping[str, Any], pointer: str) -> str:
    """Return a pointer with the name of the api instead of its position."""
    head, *rest = _split(pointer)
    apis = item.get("apis")
    api = _find_api(apis, rest[0]) if head == "apis" and rest and isinstance(apis, list) else None
    name = api.get("api") if isinstance(api, dict) else None
    if not isinstance(name, str):
        return pointer
    return "/".join(["", head, *map(escape, [name, *rest[1:]])])


def _split(pointer: str) -> list[str]:
    return split(pointer) or [""]
