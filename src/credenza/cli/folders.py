"""Integrations from a file, a folder of files or standard input, each as JSON with where it was found."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from credenza.cli.documents import convert
from credenza.cli.failures import Misused
from credenza.cli.output import clean
from credenza.cli.remote import STDIN
from credenza.cli.trees import list_files, read_file
from credenza.connectors import Catalogue
from credenza.errors import CredenzaError, Invalid, Problem
from credenza.model import Receipt, is_name
from credenza.transfer.opening import Sources, open_item
from credenza.web.integrations import explain
from credenza.web.integrations.wire import MAX_ITEMS, is_sound, read_items

_ONE = "A file of a folder holds one integration, and this one holds {} of them."
_TWICE = "Two files have one name, or names that differ only by case: this one and {}."
_raws = msgspec.json.Decoder(list[msgspec.Raw])


class Bundle(NamedTuple):
    """The text of each integration; of a folder, also the file of each, as it is called in the folder.

    `passed` names what was passed over in the folder. `renamed` has by index what those were called that got
    another name on the command line.
    """

    raws: list[msgspec.Raw]
    files: Sequence[str] = ()
    passed: Sequence[str] = ()
    renamed: Mapping[int, str] = MappingProxyType({})


def read_batch(file: str, format: str | None, *, limited: bool) -> Bundle:
    """Return the integrations of a file or of standard input; `limited`: as many as one batch may have.

    Raises:
        Invalid: it holds something else, or none.
        Misused: it cannot be read.
    """
    body = convert(_read(file), format or Path(file).suffix.lower().removeprefix("."))
    try:
        raws = _raws.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raws = []
    if not raws or (limited and len(raws) > MAX_ITEMS):
        read_items(body)  # says what is wrong with it
    return Bundle(raws)


def read_folder(folder: Path) -> Bundle:
    """Return the integrations of a folder and all below it, one of each `.yaml`, `.yml` and `.json` file.

    What begins with a dot is passed over; links to folders and files of JSON Lines are too, and named.

    Raises:
        Invalid: files cannot be read, hold something else, or have one name; all of them are named.
        Misused: the folder cannot be read.
    """
    raws, files, problems = [], [], []
    owners: dict[str, str] = {}
    tree = list_files(folder)
    for path in tree.files:
        file = clean(path.relative_to(folder).as_posix())
        try:
            raw = _read_one(folder, path)
        except Invalid as error:
            problems += [msgspec.structs.replace(each, name=file) for each in error.problems]
            continue
        item = decode(raw)
        name = read_name(item) if item is not None else ""
        other = owners.setdefault(name.lower(), file) if name else file
        if other != file:
            message = _TWICE.format(other)
            problems.append(Problem("duplicate_name", message, "/name", "uniqueItems", name=file))
        raws.append(raw)
        files.append(file)
    if problems:
        raise Invalid(
            "The folder cannot be read; nothing was saved.", code=problems[0].code, problems=problems
        )
    return Bundle(raws, files, [clean(path.relative_to(folder).as_posix()) for path in tree.passed])


def list_items(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield file and content of each integration of a folder; what cannot be read is passed over.

    Raises:
        Misused: the folder cannot be read.
    """
    for path in list_files(folder).files:
        with suppress(Invalid):
            item = decode(_read_one(folder, path))
            if item is not None:
                yield path, item


def open_references(batch: Bundle, catalogue: Catalogue | None, sources: Sources) -> Bundle:
    """Return the integrations with values in the places of references to the environment and to sealed ones.

    Without a catalogue there is nothing to open.

    Raises:
        Invalid: some of them cannot become values; every place is named.
    """
    raws, problems = [], []
    for index, raw in enumerate(batch.raws):
        # Most of what is saved has neither, and a file may hold ten thousand.
        text = bytes(raw)
        item = decode(raw) if refers(text) or b'"apis"' in text else None
        if item is None:
            raws.append(raw)
            continue
        opened = None
        if catalogue is not None and refers(text):
            opened = open_item(item, catalogue, sources, batch.renamed.get(index))
            problems += [locate_in(item, index, problem) for problem in opened.problems]
            item = opened.item.reveal()
        raws.append(msgspec.Raw(msgspec.json.encode(item)) if complete(item) or opened is not None else raw)
    if problems:
        message = "References cannot become values; nothing was saved."
        raise locate(Invalid(message, code=problems[0].code, problems=problems), batch.files)
    return batch._replace(raws=raws)


def refers(text: bytes) -> bool:
    """Say whether a text of JSON may hold a reference that becomes a value."""
    return b'"$age"' in text or b'"$env"' in text


def complete(item: dict[str, Any]) -> bool:
    """Write the integration's name into its apis where it is left out; say whether it was."""
    apis = item.get("apis")
    bare = [api for api in apis if isinstance(api, dict)] if isinstance(apis, list) else []
    lacking = [api for api in bare if "integrationName" not in api]
    for api in lacking:
        api["integrationName"] = item.get("name")
    return bool(lacking)


def locate_in(item: Mapping[str, Any], index: int, problem: Problem) -> Problem:
    """Return a problem with the place of its integration in the batch."""
    name = item.get("name")
    # A name is repeated only where it is one: anything else may hold what was pasted by mistake.
    return msgspec.structs.replace(problem, index=index, name=name if _is_name(name) else None)


def locate(error: CredenzaError, files: Sequence[str]) -> CredenzaError:
    """Let the problems of an error name files instead of numbers, where the batch is a folder."""
    error.problems = _locate(error.problems, files)
    return error


def locate_receipt(receipt: Receipt, files: Sequence[str]) -> Receipt:
    """Return a receipt whose problems name files instead of numbers, where the batch is a folder."""
    items = (
        msgspec.structs.replace(item, problems=_locate(item.problems, files)) if item.problems else item
        for item in receipt.items
    )
    return msgspec.structs.replace(receipt, items=tuple(items))


@contextmanager
def naming(files: Sequence[str]) -> Iterator[None]:
    """Let what goes wrong within name files, where the batch is a folder."""
    try:
        yield
    except CredenzaError as error:
        locate(error, files)
        raise


def read_name(item: Mapping[str, Any]) -> str:
    """Return the name of an integration of a file; empty: it has none."""
    name = item.get("name")
    return name if isinstance(name, str) else ""


def decode(raw: msgspec.Raw) -> dict[str, Any] | None:
    """Return an integration of a file; None: it is not of the form of one, which whoever saves it says."""
    if not is_sound(bytes(raw)):
        return None
    try:
        item = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return item if isinstance(item, dict) else None


def _locate(problems: Sequence[Problem], files: Sequence[str]) -> tuple[Problem, ...]:
    return tuple(
        msgspec.structs.replace(each, index=None, name=files[each.index])
        if each.index is not None and each.index < len(files)
        else each
        for each in problems
    )


def _read(file: str) -> bytes:
    if file == STDIN:
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise Misused(f"The file cannot be read: {error.strerror}.") from None


def _read_one(folder: Path, path: Path) -> msgspec.Raw:
    data = read_file(folder, path)
    found = _raws.decode(_to_array(convert(data, path.suffix.lower().removeprefix("."))))
    if len(found) != 1:
        message = _ONE.format(len(found) or "none")
        raise Invalid(message, problems=[Problem("one_integration_expected", message)])
    if not is_sound(bytes(found[0])):
        problem = explain.explain_text(bytes(found[0]))
        raise Invalid(problem.message, problems=[problem])
    return found[0]


def _to_array(body: bytes) -> bytes:
    """Return the text of an array as it is; raises Invalid where it is none."""
    try:
        _raws.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        read_items(body)  # says what is wrong with it
    return body


def _is_name(name: object) -> bool:
    return isinstance(name, str) and is_name(name) is not None
