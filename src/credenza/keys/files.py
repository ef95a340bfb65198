"""Files for one owner's eyes: read only what nobody else may read, write what nobody else will."""

from __future__ import annotations

import contextlib
import os
import shlex
import stat
import sys
from pathlib import Path

from credenza.errors import KeyAbsent, KeyBroken, KeyDenied
from credenza.sensitive import Sensitive

_LIMIT = 1024

# Windows has neither; there `read_private` looks at the path before it opens it.
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)


def read_private(path: Path) -> Sensitive[str]:
    """Return the text of a small file that only its owner can read.

    Raises:
        KeyAbsent: there is no such file.
        KeyDenied: it is a symbolic link, another user's, or open to others; or this user may not read it.
        KeyBroken: it is no regular file, too large, or the device fails.
    """
    try:
        if path.is_symlink():
            raise KeyDenied(f"The key file {path} is a symbolic link; name the file itself.")
        handle = os.open(path, os.O_RDONLY | _NO_LINK | _NO_WAIT)
    except OSError as error:
        raise _explain_reading(path, error) from None
    try:
        _check_private(path, os.fstat(handle))
        data = os.read(handle, _LIMIT + 1)
    except OSError as error:
        raise _explain_reading(path, error) from None
    finally:
        os.close(handle)
    if len(data) > _LIMIT:
        raise KeyBroken(f"The key file {path} is too large to hold a key.")
    return Sensitive(data.decode("ascii", "replace"))


def write_private(path: Path, text: Sensitive[str]) -> None:
    """Write a new file that only its owner can read, and wait until the device has it.

    Missing folders are made, for the owner alone.

    Raises:
        KeyDenied: something of that name exists, or this user may not write there.
        KeyBroken: the device fails or is full; nothing is left behind.
    """
    try:
        _make_folders(path.parent)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise _explain_writing(path, error) from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.reveal().encode("ascii") + b"\n")
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(path.parent)
    except BaseException as error:
        with contextlib.suppress(OSError):
            path.unlink()
        if isinstance(error, OSError):
            raise _explain_writing(path, error) from None
        raise


def lies_within(path: Path, folder: Path) -> bool:
    """Say whether a path is a folder or lies below it, symbolic links followed, whether it exists or not."""
    return any(_is_same(parent, folder) for parent in _climb(path))


def find_work_tree(folder: Path) -> Path | None:
    """Return the root of the git work tree that a folder lies in, if it does."""
    return next((parent for parent in _climb(folder) if os.path.lexists(parent / ".git")), None)


def _climb(path: Path) -> tuple[Path, ...]:
    # `Path.resolve` raises on a loop of links, or does not, by Python version; `realpath` never does.
    place = Path(os.path.realpath(path))
    return place, *place.parents


def _is_same(one: Path, other: Path) -> bool:
    # The inode also knows a folder by another spelling: other case, a bind mount.
    with contextlib.suppress(OSError):
        return one.samefile(other)
    return one == Path(os.path.realpath(other))


def _check_private(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise KeyBroken(f"The key file {path} is not a regular file.")
    if sys.platform == "win32":
        return
    name = shlex.quote(str(path))
    if status.st_uid != os.geteuid():
        raise KeyDenied(f"The key file {path} belongs to another user: run `chown {os.geteuid()} {name}`.")
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise KeyDenied(f"The key file {path} is open to other users: run `chmod 600 {name}`.")


def _make_folders(folder: Path) -> None:
    # `mkdir(parents=True)` would give the mode to the last one only.
    for missing in reversed([place for place in (folder, *folder.parents) if not place.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)
        _sync_folder(missing.parent)


def _sync_folder(folder: Path) -> None:
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _explain_reading(path: Path, error: OSError) -> KeyAbsent | KeyDenied | KeyBroken:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return KeyAbsent(f"There is no key file {path}.")
    if isinstance(error, PermissionError):
        return KeyDenied(f"The key file {path} may not be read by this user.")
    return KeyBroken(f"The key file {path} cannot be read: {error.strerror}.")


def _explain_writing(path: Path, error: OSError) -> KeyDenied | KeyBroken:
    if isinstance(error, FileExistsError):
        return KeyDenied(
            f"There is a file {path} already; a key is never overwritten. "
            "To begin a new store with this very key, hand it over once as env://NAME."
        )
    if isinstance(error, PermissionError):
        return KeyDenied(f"The key file {path} may not be written by this user.")
    return KeyBroken(f"The key file {path} cannot be written: {error.strerror}.")
