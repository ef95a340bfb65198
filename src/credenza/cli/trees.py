"""The files of a folder and of all below it: regular ones that lie in it, of a size that somebody wrote."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import NamedTuple

from credenza.cli.failures import Misused
from credenza.errors import Invalid, Problem

_SUFFIXES = (".yaml", ".yml", ".json")
_LINES = (".jsonl", ".ndjson")
_LARGEST = 32 << 20  # bytes, as of a body
_FLAGS = sum(getattr(os, flag, 0) for flag in ("O_NONBLOCK", "O_NOFOLLOW", "O_CLOEXEC", "O_BINARY"))
_OUTSIDE = "This is a link that leaves the folder: put the file itself there."
_SPECIAL = "This is no regular file."
_LARGE = f"A file of a folder has at most {_LARGEST >> 20} MiB."


class Tree(NamedTuple):
    """The files to read, in order; and what is passed over though integrations may stand in it."""

    files: list[Path]
    passed: list[Path]


def list_files(folder: Path) -> Tree:
    """Return the `.yaml`, `.yml` and `.json` files of a folder and all below it.

    What begins with a dot is passed over, and so are links to folders, which are not followed, and files of
    JSON Lines, which hold many integrations.

    Raises:
        Misused: the folder cannot be read.
    """

    def refuse(error: OSError) -> None:
        raise Misused(f"The folder cannot be read: {error.strerror}.") from None

    files, passed = [], []
    for place, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [each for each in folders if not each.startswith(".")]
        passed += [path for each in folders if (path := Path(place, each)).is_symlink()]
        found = [Path(place, each) for each in names if not each.startswith(".")]
        files += [path for path in found if path.suffix.lower() in _SUFFIXES]
        passed += [path for path in found if path.suffix.lower() in _LINES]
    return Tree(sorted(files), sorted(passed))


def read_file(folder: Path, path: Path) -> bytes:
    """Return what a file of a folder holds; a link is followed to where it is still in the folder.

    Raises:
        Invalid: it leads out of the folder, is no regular file, is too large, or cannot be read.
    """
    try:
        place = path.resolve(strict=True)
        if not place.is_relative_to(folder.resolve()):
            raise _refuse(_OUTSIDE)
        # Without blocking: a pipe is opened like a file, and nobody may ever write to it.
        with os.fdopen(os.open(place, os.O_RDONLY | _FLAGS), "rb") as opened:
            if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
                raise _refuse(_SPECIAL)
            data = opened.read(_LARGEST + 1)
    except (OSError, RuntimeError) as error:  # the latter: links in a circle
        reason = getattr(error, "strerror", None) or "its links go in a circle"
    else:
        if len(data) > _LARGEST:
            raise _refuse(_LARGE)
        return data
    raise _refuse(f"The file cannot be read: {reason}.")


def _refuse(message: str) -> Invalid:
    return Invalid(message, problems=[Problem("unreadable_file", message)])
