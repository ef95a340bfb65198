"""Search files for what must not stand in them any more, byte by byte. Nothing of it is kept or shown.

Of each sealed value windows of 16 bytes are noted, one behind the other. A file is looked at from every one
of its bytes, so a window is found wherever it lies: a page that was freed, a log, half of a row.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

WINDOW = 16
_CHUNK = 1 << 20
# Of a long value not every window is noted: one in so many bytes is enough to find a page of it.
_LONG, _STRIDE = 4096, 256


class Looked(NamedTuple):
    """One file: how many of its bytes were looked at, and how many windows were found."""

    path: Path
    size: int
    hits: int


class Windows:
    """Windows of values that are to be gone."""

    def __init__(self) -> None:
        """Begin with none."""
        self._known: set[tuple[bytes]] = set()
        self.values = 0

    def __len__(self) -> int:
        """Return how many windows there are."""
        return len(self._known)

    def add(self, values: Iterable[bytes]) -> None:
        """Note the windows of values."""
        for value in values:
            step = _STRIDE if len(value) > _LONG else WINDOW
            self._known.update(
                (value[start : start + WINDOW],) for start in range(0, len(value) - WINDOW + 1, step)
            )
            self.values += 1

    def search(self, path: Path, tell: Callable[[int], None] = lambda _: None) -> Looked:
        """Look through a file; `tell` hears how many bytes were looked at. Raises OSError."""
        size, found = 0, set[tuple[bytes]]()
        rest = b""
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                size += len(chunk)
                data = rest + chunk
                found |= self._find(data)
                rest = data[-(WINDOW - 1) :]
                tell(len(chunk))
        return Looked(path, size, len(found))

    def _find(self, data: bytes) -> set[tuple[bytes]]:
        found = set[tuple[bytes]]()
        for shift in range(min(WINDOW, len(data) - WINDOW + 1)):
            end = shift + (len(data) - shift) // WINDOW * WINDOW
            # In the interpreter's own loops: a file of a gigabyte has as many places to begin.
            found |= self._known.intersection(struct.iter_unpack(f"{WINDOW}s", data[shift:end]))
        return found


def list_others(folder: Path, live: Sequence[Path]) -> list[Path]:
    """Return the other files of a folder, which may be copies of the store."""
    known = {path.resolve() for path in live}
    return sorted(
        path
        for path in folder.iterdir()
        if path.is_file() and not path.is_symlink() and path.resolve() not in known
    )
