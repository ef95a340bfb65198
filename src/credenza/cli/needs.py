"""Which secrets an import still needs: found by asking what a save would say, then given or asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import rich_click as click

from credenza.cli.failures import Misused
from credenza.cli.folders import read_name
from credenza.cli.output import clean
from credenza.cli.targets import Scope, Target
from credenza.connectors import Catalogue
from credenza.model import Item, Receipt
from credenza.sensitive import Sensitive
from credenza.transfer.references import SECRET, UNDECLARED, find_mark, list_keys, list_parts
from credenza.workspace import Mode

Given = Mapping[str, Mapping[str, str]]  # secrets by name of the integration and pointer
_REENTER = "secret_reentry_required"
_LACKING = "required"


class Import:
    """Integrations on their way in; `items` are None where a file holds something else.

    `needs` has by index the pointers of secrets that neither the file nor the store has.
    """

    def __init__(
        self, target: Target, raws: Sequence[msgspec.Raw], items: Sequence[dict[str, Any] | None]
    ) -> None:
        """Take where they go, and the items, whose references are opened."""
        self._target = target
        self._raws = raws
        self._items = items
        self.needs: list[list[str]] = [[] for _ in items]
        self.receipt = Receipt(())
        self._asked: set[tuple[int, str]] = set()

    def find_absent(self) -> None:
        """Note secrets that a file says are there and the store does not hold, and take them out."""
        named = [item for item in self._items if item is not None and _list_held(item)]
        if not named:
            return
        held = {shown["name"]: _list_held(shown) for shown in self._target.list(Scope())}
        for item, needs in zip(self._items, self.needs, strict=True):
            here = held.get(read_name(item), {}) if item is not None else {}
            for place, pointer in _list_held(item).items() if item is not None else ():
                if place not in here and item is not None:
                    needs.append(pointer)
                    _put_at(item, pointer, None)

    def find_needs(self, *, replace_apis: bool = False) -> None:
        """Ask what a save would say, again and again, until no other secret is found to be lacking."""
        while True:
            self.receipt = self.save(dry_run=True, mode=Mode.PER_ITEM, replace_apis=replace_apis)
            found = [self._note(index, item) for index, item in enumerate(self.receipt.items)]
            if not any(found):
                return

    def save(self, *, dry_run: bool = False, mode: Mode = Mode.ATOMIC, replace_apis: bool = False) -> Receipt:
        """Save all items, or say what would come of it."""
        raws = [
            raw if item is None else msgspec.Raw(msgspec.json.encode(item))
            for raw, item in zip(self._raws, self._items, strict=True)
        ]
        return self._target.save(raws, mode=mode, dry_run=dry_run, replace_apis=replace_apis)

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
                if not _put(names[name], pointer, text, catalogue):
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
        lacking |= {problem.pointer for problem in told.problems if problem.code == _LACKING}
        places = _list_places(item, self._target.catalogue) if lacking else frozenset()
        found = [pointer for pointer in sorted(lacking) if pointer in places]
        found += [problem.pointer for problem in told.problems if problem.code == _REENTER]
        news = [pointer for pointer in dict.fromkeys(found) if pointer not in needs]
        needs += news
        return bool(news)


def _prompt(name: str, pointer: str) -> str:
    place = pointer.removeprefix("/configuration").removeprefix("/")
    told = f"{clean(name)}: {clean(place)} (hidden; empty leaves it out)"
    entered: str = click.prompt(told, hide_input=True, default="", show_default=False, err=True)
    return entered


def _list_held(item: Mapping[str, Any]) -> dict[tuple[str | None, str], str]:
    """Return where an integration says that secrets are, by api and key: the pointers."""
    apis = item.get("apis")
    owners: list[tuple[str | None, Any, str]] = [(None, item, "/configuration")]
    for at, api in enumerate(apis if isinstance(apis, list | tuple) else ()):
        owners.append(
            (str(api.get("api")) if isinstance(api, dict) else "", api, f"/apis/{at}/configuration")
        )
    found = {}
    for name, owner, pointer in owners:
        content = owner.get("configuration") if isinstance(owner, Mapping) else None
        for key, value in content.items() if isinstance(content, Mapping) else ():
            if find_mark(value) == SECRET:
                found[name, key] = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
    return found


def _list_places(item: Mapping[str, Any], catalogue: Catalogue) -> frozenset[str]:
    connector = catalogue.get(str(item.get("type")))
    if connector is None:
        return frozenset()
    parts = list_parts(item, connector, catalogue.api)
    own = {f"/configuration/{key}" for key in list_keys(connector)}
    return frozenset(own | {part.point(key) for part in parts for key in list_keys(part.type)})


def _put(item: dict[str, Any], pointer: str, text: str, catalogue: Catalogue | None) -> bool:
    place = pointer if pointer.startswith("/") else f"/configuration/{pointer}"
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
    *steps, key = (step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])
    place: Any = item
    for step in steps:
        if isinstance(place, list):
            place = place[int(step)] if step.isdecimal() and int(step) < len(place) else None
        else:
            place = place.get(step) if isinstance(place, dict) else None
    return (place, key) if isinstance(place, dict) else (None, key)
