"""Keys that another service wraps: the wrapped key lies beside the vault, and only that service opens it.

A provider of this kind says how its service wraps and unwraps a few bytes; the rest is the same for all.
What is wrapped is a mark, the id of the vault and the key, so that a wrapped key that was moved to another
vault is refused also where the service itself cannot bind it to one. The keepsake is JSON:

    {"format": 1, "provider": "aws-kms", "key": "<the service's name for its key>", "wrapped": "<base64>"}
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import ClassVar, TypeVar
from urllib.parse import urlsplit

import msgspec

from credenza.errors import KeyAbsent, KeyBroken, KeyUnreachable, KeyUnusable
from credenza.keys.material import KEY_BYTES, make_key, same_key
from credenza.sensitive import Sensitive

T = TypeVar("T")

# What the services' clients log may be anybody's text. A server's log withholds it; at a prompt, where no log
# is set up, it would be written to the screen.
for _name in ("azure", "botocore", "google", "hvac", "msal", "urllib3"):
    logging.getLogger(_name).addHandler(logging.NullHandler())

CONNECT_SECONDS, READ_SECONDS = 2.0, 4.0
ATTEMPTS = 2
_PATIENCE = 20.0  # seconds for everything: looking for credentials is bounded by no client's timeouts

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_FORMAT = 1
_MARK = b"credenza.kek.v1\0"
_VAULT_BYTES = 16
_LARGEST = 16_384  # bytes of a keepsake


class Keepsake(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A wrapped key as it is stored: which service wrapped it, with which of its keys."""

    format: int
    provider: str
    key: str
    wrapped: bytes


class WrappingProvider(ABC):
    """A key provider over a service that wraps keys and never gives away its own."""

    scheme: ClassVar[str]
    revocable: ClassVar[bool] = True

    @property
    @abstractmethod
    def label(self) -> str:
        """Say which key of which service it is."""

    @abstractmethod
    def wrap(self, plaintext: bytes, vault: str) -> tuple[str, bytes]:
        """Return the name of the service's key and what it wrapped, bound to a vault where it can be."""

    @abstractmethod
    def unwrap(self, key: str, wrapped: bytes, vault: str) -> bytes:
        """Return what was wrapped with the key of this URI; `key` is what `wrap` told, and is not trusted."""

    @abstractmethod
    def explain(self, error: Exception) -> KeyUnusable:
        """Return what an error of the service's client means, in words of ours alone."""

    def __repr__(self) -> str:
        """Show which key it is."""
        return f"<{type(self).__name__}: {self.label}>"

    def fetch(self, vault: bytes, keepsake: bytes | None) -> Sensitive[bytes]:
        """Have the service unwrap the key of this vault.

        Raises:
            KeyAbsent: no key is wrapped for this vault, or the service's key is not there.
            KeyDenied: the service does not permit it: no grant, a disabled key, no good credentials.
            KeyUnreachable: it does not answer, or is too busy.
            KeyBroken: what is stored or was unwrapped is no key.
        """
        if keepsake is None:
            raise KeyAbsent(f"No key is stored beside this vault that the {self.label} wrapped.")
        kept = _read(keepsake)
        if kept.provider != self.scheme:
            raise KeyAbsent("The wrapped key that is stored beside this vault is one of another provider.")
        return self._open(vault, kept)

    def create(self, vault: bytes) -> tuple[Sensitive[bytes], bytes]:
        """Make a key, have it wrapped, and see that it can be unwrapped again before it counts.

        Raises:
            KeyAbsent, KeyDenied, KeyUnreachable, KeyBroken: as `fetch` does.
        """
        key = make_key()
        return key, self.keep(vault, key)

    def keep(self, vault: bytes, key: Sensitive[bytes]) -> bytes:
        """Have a key that exists already wrapped for a vault; return the keepsake, or raise as `create`."""
        plaintext = _MARK + vault + key.reveal()
        name, wrapped = self._ask(lambda: self.wrap(plaintext, vault.hex()))
        kept = Keepsake(_FORMAT, self.scheme, name, wrapped)
        keepsake = msgspec.json.encode(kept)
        if not same_key(key, self.fetch(vault, keepsake)):
            raise KeyBroken(f"The {self.label} did not give back what it was given.")
        return keepsake

    def _open(self, vault: bytes, kept: Keepsake) -> Sensitive[bytes]:
        plaintext = self._ask(lambda: self.unwrap(kept.key, kept.wrapped, vault.hex()))
        begin = len(_MARK) + _VAULT_BYTES
        if not plaintext.startswith(_MARK) or len(plaintext) != begin + KEY_BYTES:
            raise KeyBroken(f"What the {self.label} unwrapped is not a key of a vault.")
        if plaintext[len(_MARK) : begin] != vault:
            raise KeyAbsent("The wrapped key that is stored beside this vault is one of another vault.")
        return Sensitive(plaintext[begin:])

    def _ask(self, call: Callable[[], T]) -> T:
        try:
            return _wait(call)
        except KeyUnusable:
            raise
        except TimeoutError:
            raise self.unreachable("did not answer in time") from None
        except Exception as error:  # noqa: BLE001 - the clients raise what they like, and it may tell too much
            raise self.explain(error) from None

    def denied(self, why: str) -> str:
        """Return the sentence for a refusal."""
        return f"The {self.label} may not be used: {why}."

    def unreachable(self, why: str = "does not answer") -> KeyUnreachable:
        """Return the error for a service that cannot be asked now."""
        return KeyUnreachable(f"The {self.label} cannot be asked now: its service {why}.")

    def broken(self, error: Exception) -> KeyBroken:
        """Return the error for a failure that means nothing known."""
        return KeyBroken(f"The {self.label} cannot be used: its client raised {type(error).__name__}.")


def is_safe(address: str) -> bool:
    """Tell whether a key and a token may go to an address: by TLS, or to this machine."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)


def _wait(call: Callable[[], T]) -> T:
    # Not a pool's thread: one that never comes back must not keep the program from ending.
    answer: Future[T] = Future()

    def run() -> None:
        try:
            answer.set_result(call())
        except Exception as error:  # noqa: BLE001 - it is raised again where the answer is read
            answer.set_exception(error)

    Thread(target=run, name="key-provider", daemon=True).start()
    return answer.result(_PATIENCE)


def _read(keepsake: bytes) -> Keepsake:
    refusal = KeyBroken("What is stored beside this vault is not a wrapped key.")
    if len(keepsake) > _LARGEST:
        raise refusal
    try:
        kept = msgspec.json.decode(keepsake, type=Keepsake)
    except (ValueError, RecursionError):
        raise refusal from None
    if kept.format != _FORMAT:
        raise KeyBroken(f"The wrapped key has format {kept.format}, which this program does not know.")
    return kept
