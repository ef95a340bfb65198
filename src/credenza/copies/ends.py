"""Where copies come from and go to: stores by their URI, backups by their path."""

from __future__ import annotations

from contextlib import AbstractContextManager, closing
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Protocol

from credenza.errors import Misconfigured
from credenza.tables import Intake, Snapshot

_GROUP = "credenza.copies"
_BACKUPS = "sqlite"  # whose files backups are, of whatever store


class Backup(Snapshot, Protocol):
    """A backup as a snapshot; `manifest` is what was written down of it."""

    manifest: bytes

    @property
    def is_original(self) -> bool:
        """Tell whether it is the file itself, and not a copy that was brought up to date."""

    def examine(self) -> None:
        """Look over pages, indexes and references; raises StoreDamaged."""

    def bring_up_to_date(self) -> Backup:
        """Return this backup as this release would have written it; raises StoreRejected, StoreDamaged."""


class BackupIntake(Intake, Protocol):
    """A backup in the making."""

    def describe(self, manifest: bytes) -> None:
        """Take what is to be said of the rows."""


def read_store(uri: str, *, alone: bool = False) -> AbstractContextManager[Snapshot]:
    """Open a store to read it as a whole, as it is now; `alone`: and nobody writes to it until the end.

    Raises:
        Misconfigured: it cannot be opened, is of another release, or, if `alone`, is in use.
        Unavailable: it cannot be reached.
    """
    snapshot: Snapshot = _find(uri).open_snapshot(uri, alone=alone)
    return closing(snapshot)


def begin_store(uri: str, *, aside: bool = False) -> AbstractContextManager[Intake]:
    """Begin a store where there is none; `aside`: one that is there is kept under another name.

    Raises:
        Misconfigured: there is one with a vault, it is in use, or none can be made there.
        StoreFull: the device is full.
        Unavailable: it cannot be reached.
    """
    intake: Intake = _find(uri).open_intake(uri, aside=aside)
    return closing(intake)


def find_folder(uri: str) -> Path | None:
    """Return the folder of a store's own files; None: it is not on this machine. Raises Misconfigured."""
    folder: Path | None = _find(uri).find_folder(uri)
    return folder


def read_backup(path: Path) -> AbstractContextManager[Backup]:
    """Open a backup.

    Raises:
        StoreRejected: it cannot be opened, is no backup, or was written by a later release.
        StoreDamaged: it is not as it was written.
    """
    backup: Backup = _load(_BACKUPS).SqliteBackup.open(path)
    return closing(backup)


def begin_backup(path: Path, *, force: bool = False) -> AbstractContextManager[BackupIntake]:
    """Begin a backup; `force` replaces one that is there.

    Raises:
        Misconfigured: there is a file already, or none can be made there.
        StoreFull: the device is full.
    """
    intake: BackupIntake = _load(_BACKUPS).begin_backup(path, force=force)
    return closing(intake)


def _find(uri: str) -> ModuleType:
    scheme, separator, _ = uri.partition(":")
    known = sorted({entry.name for entry in entry_points(group=_GROUP)})
    if not separator or scheme not in known:
        raise Misconfigured(f"The URI of a store begins with one of: {', '.join(known)}.")
    return _load(scheme)


def _load(scheme: str) -> ModuleType:
    module: ModuleType = next(entry.load() for entry in entry_points(group=_GROUP) if entry.name == scheme)
    return module
