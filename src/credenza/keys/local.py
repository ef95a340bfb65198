"""Keys of this machine: in a file of one's own (`file:`), or handed over in the environment (`env:`)."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

from credenza.errors import KeyAbsent, KeyBroken, KeyDenied, Misconfigured
from credenza.keys.files import find_work_tree, lies_within, read_private, write_private
from credenza.keys.material import ONE_LINER, decode_key, encode_key, make_key, same_key, spell_vault
from credenza.sensitive import Sensitive

# A key pasted in place of the name has 43 characters or more, and never gets into a message.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}\Z")


class KeyFile:
    """Keep the key as base64 in a file that only its owner can read.

    `file:///path` is that file, for whatever vault; `file:///folder/` holds one `<vault id>.key` per vault.
    """

    def __init__(self, uri: str) -> None:
        """Take the URI.

        Raises:
            Misconfigured: it has no absolute path, or more than a path.
        """
        self._path = _read_path(uri)
        self._is_folder = uri.endswith("/")

    @property
    def label(self) -> str:
        """Say where the key is."""
        return f"key files in {self._path}" if self._is_folder else f"key file {self._path}"

    def __repr__(self) -> str:
        return f"<KeyFile: {self.label}>"

    def fetch(self, vault: bytes, keepsake: bytes | None) -> Sensitive[bytes]:
        """Return the key of this vault, from a file that only its owner can read.

        Raises:
            KeyAbsent: there is no such file.
            KeyDenied: it is a symbolic link, open to others, another user's, or not readable.
            KeyBroken: what it holds is no key.
        """
        del keepsake
        path = self.locate(vault)
        return decode_key(read_private(path), str(path))

    def create(self, vault: bytes) -> tuple[Sensitive[bytes], None]:
        """Make a key and keep it in a new file.

        Raises:
            KeyDenied: the file exists, may not be written, or would lie in a git work tree.
            KeyBroken: the device fails.
        """
        key = make_key()
        self._write(vault, key)
        return key, None

    def keep(self, vault: bytes, key: Sensitive[bytes]) -> None:
        """Keep a key that exists already in a new file; a file that holds this very key is left as it is.

        Raises:
            KeyDenied: there is a file with something else, or it may not be written there.
            KeyBroken: the device fails.
        """
        try:
            kept = self.fetch(vault, None)
        except KeyAbsent:
            self._write(vault, key)
            return
        if not same_key(kept, key):
            raise KeyDenied(f"The key file {self.locate(vault)} holds another key, which is left as it is.")

    def holds(self, vault: bytes) -> bool:
        """Say whether there is something in the place of this vault's key, good or not."""
        return os.path.lexists(self.locate(vault))

    def locate(self, vault: bytes) -> Path:
        """Return the path of this vault's key."""
        return self._path / f"{spell_vault(vault)}.key" if self._is_folder else self._path

    def _write(self, vault: bytes, key: Sensitive[bytes]) -> None:
        path = self.locate(vault)
        tree = find_work_tree(path.parent)
        if tree is not None:
            raise KeyDenied(
                f"The key file {path} would lie in the git work tree {tree}; choose another folder."
            )
        write_private(path, encode_key(key))
        if not same_key(key, self.fetch(vault, None)):
            raise KeyBroken(f"The key file {path} did not give back what was written.")

    def keep_away_from(self, folder: Path) -> None:
        """Refuse a key that lies in this folder or below it, symbolic links followed.

        Raises:
            KeyDenied: it does.
        """
        if lies_within(self._path, folder):
            raise KeyDenied(f"The key file {self._path} must not lie in the folder of the store, {folder}.")


class KeyVariable:
    """Take the key, as base64, from an environment variable: `env://NAME`."""

    def __init__(self, uri: str) -> None:
        """Take the URI.

        Raises:
            Misconfigured: it does not name a variable, or the name has more than 40 characters.
        """
        name = uri.partition("://")[2]
        if not _NAME.match(name):
            raise Misconfigured(
                "A key URI of this kind is env://NAME: the name of an environment variable,"
                " of at most 40 letters, digits and underscores, never the key itself."
            )
        self._name = name

    @property
    def label(self) -> str:
        """Say which variable it is."""
        return f"environment variable {self._name}"

    def __repr__(self) -> str:
        return f"<KeyVariable: {self.label}>"

    def fetch(self, vault: bytes, keepsake: bytes | None) -> Sensitive[bytes]:
        """Return the key in the variable, for whatever vault.

        Raises:
            KeyAbsent: the variable is not set, or empty.
            KeyBroken: what it holds is no key.
        """
        del vault, keepsake
        text = Sensitive(os.environ.get(self._name, ""))
        if not text.reveal():
            raise KeyAbsent(f"The {self.label} is not set.")
        return decode_key(text, f"the {self.label}")

    def create(self, vault: bytes) -> tuple[Sensitive[bytes], None]:
        """Return the key in the variable: it can only be handed over.

        Raises:
            KeyAbsent: the variable is not set, or empty.
            KeyBroken: what it holds is no key.
        """
        try:
            return self.fetch(vault, None), None
        except KeyAbsent as error:
            # Only here: where a vault exists already, another key would be of no use to it.
            raise KeyAbsent(f"{error.message} This makes a key for it: {ONE_LINER}") from None


def _read_path(uri: str) -> Path:
    refusal = "A key URI of this kind is file:///absolute/path, with nothing before or after the path."
    try:
        parts = urlsplit(uri)
    except ValueError:
        raise Misconfigured(refusal) from None
    text = os.fsdecode(unquote_to_bytes(parts.path))
    if sys.platform == "win32":
        text = text.removeprefix("/")
    path = Path(text)
    # No part is repeated: the words after a wrong number of slashes may be the key itself.
    if parts.netloc or parts.query or parts.fragment or "\0" in text or not path.is_absolute():
        raise Misconfigured(refusal)
    return path
