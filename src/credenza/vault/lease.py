"""Ask for the vault's key again from time to time, where a key provider can take its grant back.

A key that is held in memory would else outlive the grant to it. A provider that refuses locks the vault; one
that does not answer does not: the key goes on being used until nobody has confirmed it for a grace period.
No request waits for any of this.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

from credenza.errors import KeyAbsent, KeyDenied, KeyUnusable
from credenza.ports import KeyProvider
from credenza.vault.vault import Vault

Outcome = Literal["confirmed", "locked", "unanswered"]

_LOCKED_SECONDS = 10.0
_UNANSWERED_SECONDS = 60.0


class Lease:
    """How long a vault's key may be used before it is asked for again."""

    def __init__(
        self, vault: Vault, *, seconds: float, grace: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Take a vault whose key was just asked for.

        `seconds` is the time between two questions, `grace` for how long after the last good answer the key
        is used while the provider does not answer.
        """
        self._vault = vault
        self._seconds = seconds
        self._grace = max(grace, seconds)
        self._clock = clock
        self._confirmed_at = clock()
        self._last: Outcome = "confirmed" if vault.locked is None else "locked"
        self.trouble: str | None = vault.locked

    @property
    def age(self) -> float:
        """Return the seconds since the provider last gave the key."""
        return self._clock() - self._confirmed_at

    @property
    def left(self) -> float:
        """Return for how many seconds more the key is used without another answer."""
        return max(self._grace - self.age, 0.0)

    @property
    def wait(self) -> float:
        """Return after how many seconds to ask again: sooner while something is wrong."""
        if self._vault.locked is not None:
            return _LOCKED_SECONDS
        if self._last == "unanswered":
            return min(self._seconds, _UNANSWERED_SECONDS, self.left)
        return self._seconds

    def renew(self) -> Outcome:
        """Ask for the key; lock the vault where it is refused, or where nobody answered for too long.

        Takes as long as the provider takes. `trouble` says in a sentence what is wrong.
        """
        try:
            self._last = self._ask()
        except Exception as error:  # noqa: BLE001 - a provider may raise what it likes, and is asked again then too
            self._last = self._bear(f"The key could not be asked for: {type(error).__name__}.")
        if self._last == "confirmed":
            self._confirmed_at, self.trouble = self._clock(), None
        return self._last

    def _ask(self) -> Outcome:
        if self._vault.locked is not None:
            return self._unlock()
        try:
            self._vault.confirm()
        except (KeyAbsent, KeyDenied):
            # Asked once more, as at a start: the vault may have been given another key meanwhile.
            return self._unlock()
        except KeyUnusable as error:
            return self._bear(error.message)
        return "confirmed"

    def _bear(self, trouble: str) -> Outcome:
        self.trouble = trouble
        if self.left > 0 and self._vault.locked is None:
            return "unanswered"
        if self._vault.locked is None:
            self._vault.lock(f"Its key was not confirmed for {self.age / 60:.0f} minutes. {trouble}")
        return "locked"

    def _unlock(self) -> Outcome:
        self._vault.unlock()
        self.trouble = self._vault.locked
        return "confirmed" if self.trouble is None else "locked"


def is_revocable(provider: KeyProvider) -> bool:
    """Tell whether a provider can take back what it gave: then, and only then, it is asked again."""
    return bool(getattr(provider, "revocable", False))
