"""Where the key of a developer's own machine lives: the OS keyring, else a file of the user's."""

from __future__ import annotations

from pathlib import Path

from credenza.keys.local import KeyFile
from credenza.keys.os_keyring import OsKeyring
from credenza.ports import KeyProvider

_KEYRING = "keyring://credenza"


def developer_provider(vault: bytes | None, folder: Path) -> tuple[KeyProvider, str]:
    """Choose a provider for a vault, or for the one about to be made (None), and say in a sentence which.

    A key file of the vault in `folder` goes first, then the OS keyring; only a new vault may get a key
    file. A vault whose key is in neither gets the keyring, whose `fetch` then says what is wrong.
    """
    files = KeyFile(f"{folder.absolute().as_uri()}/")
    keyring = OsKeyring(_KEYRING)
    if vault is not None and files.holds(vault):
        return files, f"The vault's key is kept in {files.locate(vault)}."
    why_not = None if vault is not None else keyring.usable()
    if why_not is None:
        return keyring, "The vault's key is kept in the OS keyring."
    return files, f"The vault's key is kept in a file in {folder}, for there is no keyring to use: {why_not}"
