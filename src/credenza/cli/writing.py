"""Writing files that others are to read whole or not at all: beside its place first, then into it."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from credenza.cli.failures import Misused


def check_free(paths: Iterable[Path], *, force: bool) -> None:
    """See that nothing is in the way; raises Misused, unless `force` was said."""
    if not force and any(os.path.lexists(path) for path in paths):
        raise Misused("A file of this name is there already: say --force to replace it.")


def write_files(texts: Mapping[Path, bytes], *, force: bool, keep_mode: bool = False) -> None:
    """Write files that only their owner may read; each appears under its name complete.

    A folder that is not there is made, for its owner too. `keep_mode` gives to a file that is replaced the
    mode it had. All are written beside their places before the first of them takes its own.

    Raises:
        Misused: one is there already, and `force` was not said, or one cannot be written. Then none is,
            unless the file system fails while they take their places: the message says how many had.
    """
    check_free(texts, force=force)
    written: dict[Path, Path] = {}
    done = 0
    try:
        _check_places(texts)
        for path, text in texts.items():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            written[path] = _write(path, text)
            if keep_mode:
                shutil.copymode(path, written[path])
        for path, temporary in written.items():
            temporary.replace(path)
            done += 1
        for folder in {path.parent for path in texts}:
            _sync(folder)
    except OSError as error:
        few = f" {done:,} of {len(texts):,} were written." if done else " Nothing was written."
        sentence = f"{'A' if len(texts) > 1 else 'The'} file cannot be written: {error.strerror}.{few}"
    else:
        return
    finally:
        for temporary in written.values():
            with contextlib.suppress(OSError):
                temporary.unlink()
    raise Misused(sentence)


def _check_places(paths: Iterable[Path]) -> None:
    for path in paths:
        # A link is replaced itself, wherever it leads.
        if path.is_dir() and not path.is_symlink():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))


def _write(path: Path, text: bytes) -> Path:
    """Write a text beside its place, down to the disk; the file is its owner's alone (0600)."""
    handle, name = tempfile.mkstemp(prefix=".credenza-", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        Path(name).unlink()
        raise
    return Path(name)


def _sync(folder: Path) -> None:
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
