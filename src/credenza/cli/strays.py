"""Files of a folder that an export did not write, and that the next `apply` would bring back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from credenza.cli.failures import Misused
from credenza.cli.folders import list_items, read_name
from credenza.cli.targets import Scope


def find_strays(folder: Path, written: Collection[Path], names: Collection[str], scope: Scope) -> list[Path]:
    """Return files of a folder, and of all below it, that hold an integration in scope and are not written.

    `names` are those of the integrations that are written: a file of another name holds one of them twice.
    Files outside the scope, and what cannot be read, are nobody's stray.

    Raises:
        Misused: the folder cannot be read.
    """
    if not folder.is_dir():
        return []
    return [
        path
        for path, item in list_items(folder)
        if path not in written and (read_name(item) in names or scope.meets(item))
    ]


def remove_strays(strays: Sequence[Path]) -> None:
    """Remove files; raises Misused where one stays."""
    for done, path in enumerate(strays):
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            sentence = f"A file that is left over cannot be removed: {error.strerror}."
            raise Misused(f"{sentence} All were written, and {done:,} of {len(strays):,} removed.") from None
