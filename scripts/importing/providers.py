"""Kafka's configuration providers: `${provider:[path:]key}` in a value, resolved.

Kafka follows one reference and no further, so a reference inside of what was found is refused: that way no
two can go round in a ring. The form is that of org.apache.kafka.common.config.ConfigTransformer.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from credenza.errors import CredenzaError
from credenza.sensitive import Sensitive
from importing.files import read_text

try:
    import javaproperties
except ImportError:
    sys.exit("error: this script needs javaproperties: pip install '.[import]'.")

REFERENCE = re.compile(r"\$\{([^}]*?):(?:([^}]*?):)?([^}]*?)\}")
_CLASSES = {"FileConfigProvider": "file", "DirectoryConfigProvider": "dir", "EnvVarConfigProvider": "env"}
_USUAL = {"file": "file", "dir": "dir", "directory": "dir", "env": "env"}


class Unresolved(Exception):
    """A reference cannot be followed; the text is a clause for a person, without a value."""


class Providers:
    """What references may be followed to: files below one folder, and the environment."""

    def __init__(self, root: Path | None, path: str | None = None) -> None:
        """Take the folder, and the path that it stands for where the references were written.

        Without a folder no file is read; without a path it stands for itself.
        """
        self._root = None if root is None else root.resolve()
        self._path = PurePosixPath(path or (self._root or "/"))
        self._kinds = dict(_USUAL)
        self._files: dict[Path, Sensitive[dict[str, str]]] = {}

    def learn(self, worker: Mapping[str, Any]) -> None:
        """Take over what a worker calls its providers."""
        for name in str(worker.get("config.providers") or "").split(","):
            kind = str(worker.get(f"config.providers.{name.strip()}.class") or "").rpartition(".")[2]
            if kind:
                self._kinds[name.strip()] = _CLASSES.get(kind, "")

    def resolve(self, text: str) -> str:
        """Return a value with what its references stand for; raises Unresolved."""
        return REFERENCE.sub(self._follow, text)

    def read_below(self, path: str) -> Sensitive[str]:
        """Return the text of a file below the folder; raises Unresolved."""
        try:
            return read_text(self._locate(path))
        except CredenzaError:
            pass
        raise Unresolved("the file it names cannot be read")

    def _follow(self, match: re.Match[str]) -> str:
        provider, path, key = match[1], match[2] or "", match[3]
        kind = self._kinds.get(provider)
        if not kind:
            raise Unresolved("it is kept by a provider that cannot be asked here")
        if kind == "env":
            value = os.environ.get(key)
        elif kind == "dir":
            value = self.read_below(f"{path}/{key}").reveal()
        else:
            value = self._properties(path).get(key)
        if value is None:
            raise Unresolved(f"there is nothing where its reference to `{provider}` points")
        if REFERENCE.search(value):
            raise Unresolved("its reference points to another one, which Kafka does not follow")
        return value

    def _properties(self, path: str) -> dict[str, str]:
        located = self._locate(path)
        if located not in self._files:
            text = self.read_below(path)
            try:
                self._files[located] = Sensitive(read_properties(text))
            except Malformed:
                raise Unresolved("the file it names is no properties file") from None
        return self._files[located].reveal()

    def _locate(self, path: str) -> Path:
        if self._root is None:
            raise Unresolved("it is kept in a file; --secrets-root FOLDER lets files of a folder be read")
        if PurePosixPath(path).is_relative_to(self._path):
            located = (self._root / PurePosixPath(path).relative_to(self._path)).resolve()
            # Links and dots may lead out again.
            if located.is_relative_to(self._root):
                return located
        raise Unresolved("the file it names lies outside of --secrets-root")


class Malformed(Exception):
    """A text is no properties file."""


def read_properties(text: Sensitive[str]) -> dict[str, str]:
    """Return what a Java properties file says; raises Malformed."""
    found: dict[str, str] = {}
    try:
        for each in javaproperties.parse(text.reveal()):
            if isinstance(each, javaproperties.KeyValue):
                # A line that is only a key is rather the rest of a value that was broken in the wrong place.
                if not each.value and not re.search(r"[=:]\s*$", each.source.rstrip("\r\n")):
                    raise Malformed
                found[each.key] = each.value
    except (javaproperties.InvalidUEscapeError, ValueError):
        raise Malformed from None
    return found
