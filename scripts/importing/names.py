"""Foreign names made ours: letters, digits, dots, dashes, underscores and spaces. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

import msgspec

from credenza.cli.failures import Misused
from credenza.model import is_name

LONGEST = 128
_FOREIGN = re.compile(r"[^A-Za-z0-9._ -]+")
_HEAD = re.compile(r"^[^A-Za-z0-9]+")
_NOT_ONE = "a name of ours has 1 to 128 letters, digits, dots, dashes, underscores or spaces"


class Naming(msgspec.Struct, frozen=True):
    """How records are called here, and which of them are wanted.

    `renames` are by foreign name or by the name made of it, `only` globs on either; without `only`, all are.
    """

    prefix: str = ""
    renames: Mapping[str, str] = {}
    only: tuple[str, ...] = ()

    def wants(self, name: str | None) -> bool:
        """Say whether a record of this foreign name is to come; one without a name always is."""
        if not self.only or name is None:
            return True
        return any(fnmatchcase(each, glob) for each in (name, convert(name)) for glob in self.only)

    def call(self, name: str) -> str | None:
        """Return what a foreign name becomes; None: nothing of it can be one of ours."""
        renamed = self.renames.get(name) or self.renames.get(convert(name))
        if renamed is not None:
            return renamed
        made = f"{self.prefix}{convert(name, self.prefix)}"[:LONGEST].rstrip()
        return made if is_name(made) else None

    def find_idle(self, names: Iterable[str]) -> list[str]:
        """Return the renames that no record answers to."""
        known = {each for name in names for each in (name, convert(name))}
        return [old for old in self.renames if old not in known]


def read_naming(prefix: str, renames: Sequence[str], only: Sequence[str]) -> Naming:
    """Return what a command line says of names; raises Misused."""
    pairs = {}
    for text in renames:
        old, equals, new = text.rpartition("=")
        if not (equals and old and is_name(new)):
            raise Misused(f"--rename is OLD=NEW, and {_NOT_ONE}.")
        if old in pairs:
            raise Misused("--rename says two things of one name.")
        pairs[old] = new
    if prefix and not is_name(f"{prefix}x"):
        raise Misused(f"--prefix begins a name, and {_NOT_ONE}.")
    return Naming(prefix, pairs, tuple(only))


def convert(name: str, before: str = "") -> str:
    """Return a name of ours that is as near to a foreign one as can be; empty: nothing of it remains.

    `before` is what will stand before it.
    """
    plain = unicodedata.normalize("NFKD", name.replace("ß", "ss"))
    letters = "".join(each for each in plain if not unicodedata.combining(each))
    made = _FOREIGN.sub("-", letters).strip()
    # A dash that stands for something strange at an end says nothing.
    made = made if is_name(name) else made.strip("-").strip()
    return (made if before else _HEAD.sub("", made))[:LONGEST].rstrip()


def find_merged(names: Sequence[tuple[str, str]]) -> dict[int, tuple[str, ...]]:
    """Return, by index, the foreign names that became one name of ours, or differ only by case.

    `names` are (foreign name, our name).
    """
    indexes: dict[str, list[int]] = {}
    for index, (_, ours) in enumerate(names):
        indexes.setdefault(ours.lower(), []).append(index)
    return {
        index: tuple(names[each][0] for each in same)
        for same in indexes.values()
        if len(same) > 1
        for index in same
    }
