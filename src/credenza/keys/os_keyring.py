"""The key in the operating system's keyring, for work on one's own machine (`keyring:`)."""

from __future__ import annotations

import contextlib
import hmac
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from credenza.errors import CredenzaError, KeyAbsent, KeyBroken, KeyDenied, KeyUnusable, Misconfigured
from credenza.keys.material import decode_key, encode_key, make_key, same_key, spell_vault
from credenza.sensitive import Sensitive

if TYPE_CHECKING:
    from credenza.keys.backend import Backend

_SERVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}\Z")
_CLASS = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+\Z", re.ASCII)
_PATIENCE = 120


class OsKeyring:
    """Keep the key in the OS keyring, as the entry of service `credenza` and user `<vault id>`.

    The URI is `keyring://credenza`; another service name may stand there. Only backends that are known
    to keep a key safely are used; `keyring://credenza?allow=module.Class` trusts one more.
    """

    def __init__(self, uri: str) -> None:
        """Take the URI.

        Raises:
            Misconfigured: it is not of the form `keyring://service[?allow=module.Class]`.
        """
        self._uri = uri
        self._service, self._allow = _read_uri(uri)

    @property
    def label(self) -> str:
        """Say which entry it is."""
        return f"OS keyring, service {self._service}"

    def __repr__(self) -> str:
        return f"<OsKeyring: {self.label}>"

    def fetch(self, vault: bytes, keepsake: bytes | None) -> Sensitive[bytes]:
        """Return the key in this vault's entry.

        Raises:
            KeyAbsent: there is no such entry.
            KeyDenied: the keyring is locked, its question was not answered, or it is not a safe one.
            KeyBroken: there is no keyring, it fails, or what the entry holds is no key.
        """
        del keepsake
        backend, user = self._open(), spell_vault(vault)
        text = backend.read(self._service, user)
        if text is None:
            raise KeyAbsent(f"The OS keyring ({backend.name}) has no entry {self._service} / {user}.")
        return decode_key(text, f"the OS keyring's entry {self._service} / {user}")

    def create(self, vault: bytes) -> tuple[Sensitive[bytes], None]:
        """Make a key, set this vault's entry, and have a new process read it before it counts.

        Raises:
            KeyDenied: there is such an entry, the keyring is locked, or it is not a safe one.
            KeyBroken: there is no keyring, it fails, or a new process did not find the key in it.
        """
        backend, user = self._open(), spell_vault(vault)
        if backend.read(self._service, user) is not None:
            entry = f"an entry {self._service} / {user}"
            raise KeyDenied(f"The OS keyring has {entry} already; a key is never overwritten.")
        key = make_key()
        self._write(backend, vault, key)
        return key, None

    def keep(self, vault: bytes, key: Sensitive[bytes]) -> None:
        """Set this vault's entry to a key that exists already; an entry with this very key is left as it is.

        Raises:
            KeyDenied: the entry holds something else, the keyring is locked, or it is not a safe one.
            KeyBroken: there is no keyring, it fails, or a new process did not find the key in it.
        """
        try:
            kept = self.fetch(vault, None)
        except KeyAbsent:
            self._write(self._open(), vault, key)
            return
        if not same_key(kept, key):
            entry = f"entry {self._service} / {spell_vault(vault)}"
            raise KeyDenied(f"The OS keyring's {entry} holds another key, which is left as it is.")

    def usable(self) -> str | None:
        """Say why the OS keyring cannot be used, or None when it can; nothing is written."""
        try:
            self._open().read(self._service, "probe")
        except KeyUnusable as error:
            return error.message
        return None

    def _write(self, backend: Backend, vault: bytes, key: Sensitive[bytes]) -> None:
        user = spell_vault(vault)
        backend.write(self._service, user, encode_key(key))
        try:
            self._prove(vault, key, backend.name)
        except BaseException:
            with contextlib.suppress(CredenzaError):
                backend.remove(self._service, user)
            raise

    def _open(self) -> Backend:
        # keyring takes 60 to 100 ms to import; a start that needs no keyring does not pay that.
        from credenza.keys.backend import Backend  # noqa: PLC0415

        return Backend(self._allow)

    def _prove(self, vault: bytes, key: Sensitive[bytes], name: str) -> None:
        challenge = os.urandom(32)
        question = f"{self._uri}\n{vault.hex()}\n{challenge.hex()}\n"
        # -P: a folder that happens to be the current one must not be where our code is taken from.
        command = [sys.executable, "-P", "-m", "credenza.keys.os_keyring"]
        answer = ""
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            answer = subprocess.run(  # noqa: S603 - our own module, and nothing of the caller's in it
                command,
                input=question,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                timeout=_PATIENCE,
                check=True,
            ).stdout
        if not hmac.compare_digest(answer.encode(), _answer(key, challenge).encode()):
            why = "did not give back to a new process what it was given, which is removed again"
            raise KeyBroken(f"The OS keyring ({name}) {why}.")


def answer_challenge() -> None:
    """Read URI, vault and challenge from stdin; write what only a holder of the key can answer.

    The other end of the read-back in `OsKeyring.create`: the key itself never leaves through the pipe.
    """
    uri, vault, challenge = sys.stdin.read().split("\n")[:3]
    key = OsKeyring(uri).fetch(bytes.fromhex(vault), None)
    sys.stdout.write(_answer(key, bytes.fromhex(challenge)))


def _answer(key: Sensitive[bytes], challenge: bytes) -> str:
    return hmac.digest(key.reveal(), challenge, "sha256").hex()


def _read_uri(uri: str) -> tuple[str, str | None]:
    service, question, query = uri.partition("://")[2].partition("?")
    options = dict(parse_qsl(query))
    allow = options.pop("allow", None)
    good = allow is not None and _CLASS.match(allow) if question else True
    if not _SERVICE.match(service) or options or not good:
        raise Misconfigured(
            "A key URI of this kind is keyring://service, the name of at most 40 letters, digits,"
            " dots, dashes and underscores, or keyring://service?allow=module.Class."
        )
    return service, allow


if __name__ == "__main__":
    answer_challenge()
