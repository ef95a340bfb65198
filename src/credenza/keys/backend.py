"""The OS keyring behind `keyring`: which backends hold a key safely, and what their failures mean."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

import keyring
from keyring.backend import KeyringBackend
from keyring.backends.chainer import ChainerBackend
from keyring.backends.fail import Keyring as NoKeyring
from keyring.errors import KeyringLocked, PasswordSetError

from credenza.errors import KeyBroken, KeyDenied
from credenza.sensitive import Sensitive

T = TypeVar("T")

SAFE = frozenset(
    {
        "keyring.backends.SecretService.Keyring",
        "keyring.backends.Windows.WinVaultKeyring",
        "keyring.backends.kwallet.DBusKeyring",
        "keyring.backends.kwallet.DBusKeyringKWallet4",
        "keyring.backends.libsecret.Keyring",
        "keyring.backends.macOS.Keyring",
    }
)
PATIENCE = 90.0
WAYS_OUT = (
    "Unlock or install the OS keyring, or set CREDENZA_KEK=file:///absolute/path"
    " or CREDENZA_KEK=env://NAME to keep the key elsewhere."
)

# secretstorage raises these two past keyring's own errors; by name, for it is there on Linux only.
_LOCKED = frozenset({"LockedException", "PromptDismissedException"})


class Backend:
    """One backend that is on the list of safe ones, its failures told as ours."""

    def __init__(self, allow: str | None = None) -> None:
        """Choose the best safe backend of this machine; `allow` adds one to the list, by full class name.

        Raises:
            KeyDenied: there are backends, and none is on the list.
            KeyBroken: there is no backend, or it cannot be loaded.
        """
        self._keyring = _choose(SAFE | {allow} if allow else SAFE)
        self.name = _full_name(self._keyring)

    def read(self, service: str, user: str) -> Sensitive[str] | None:
        """Return what an entry holds; None: there is no such entry."""
        text = self._ask(lambda: self._keyring.get_password(service, user))
        return None if text is None else Sensitive(text)

    def write(self, service: str, user: str, text: Sensitive[str]) -> None:
        """Set an entry, over whatever it held."""
        self._ask(lambda: self._keyring.set_password(service, user, text.reveal()))

    def remove(self, service: str, user: str) -> None:
        """Remove an entry."""
        self._ask(lambda: self._keyring.delete_password(service, user))

    def _ask(self, call: Callable[[], T]) -> T:
        try:
            return _wait(call)
        except TimeoutError:
            why = f"did not answer within {PATIENCE:g} seconds; it may be asking on the machine's screen"
            raise KeyDenied(f"The OS keyring ({self.name}) {why}. {WAYS_OUT}") from None
        except Exception as error:  # noqa: BLE001 - backends raise what they like
            # What they say may hold the value, so only the type is told.
            if _is_locked(error):
                why = "is locked, or was not allowed to be used"
                raise KeyDenied(f"The OS keyring ({self.name}) {why}. {WAYS_OUT}") from None
            why = f"cannot be used: {type(error).__name__}"
            raise KeyBroken(f"The OS keyring ({self.name}) {why}. {WAYS_OUT}") from None


def _choose(safe: frozenset[str]) -> KeyringBackend:
    try:
        chosen = keyring.get_keyring()
        chain = list(chosen.backends) if isinstance(chosen, ChainerBackend) else [chosen]
    except Exception as error:  # noqa: BLE001 - a backend is any class that the user's settings name
        why = f"The OS keyring cannot be loaded: {type(error).__name__}"
        raise KeyBroken(f"{why}. {WAYS_OUT}") from None
    for backend in chain:
        if _full_name(backend) in safe:
            return backend
    if all(isinstance(backend, NoKeyring) for backend in chain):
        raise KeyBroken(f"There is no OS keyring here. {WAYS_OUT}")
    names = ", ".join(_full_name(backend) for backend in chain)
    raise KeyDenied(f"The keyring here ({names}) is not known to keep a key safely. {WAYS_OUT}")


def _full_name(backend: KeyringBackend) -> str:
    return f"{type(backend).__module__}.{type(backend).__qualname__}"


def _wait(call: Callable[[], T]) -> T:
    # A locked keyring may wait for a person for ever; a service without a screen must say so and start.
    answer: Future[T] = Future()

    def run() -> None:
        try:
            answer.set_result(call())
        except Exception as error:  # noqa: BLE001 - it is raised again where the answer is read
            answer.set_exception(error)

    Thread(target=run, name="keyring", daemon=True).start()
    return answer.result(PATIENCE)


def _is_locked(error: BaseException) -> bool:
    if isinstance(error, KeyringLocked | PasswordSetError) or type(error).__name__ in _LOCKED:
        return True
    return error.__cause__ is not None and _is_locked(error.__cause__)
