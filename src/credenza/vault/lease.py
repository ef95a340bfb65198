"""How long a key may be used that a place elsewhere has granted, and may withdraw."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from credenza.errors import KeyBroken, KeyUnusable
from credenza.vault.vault import Vault

_log = logging.getLogger("credenza.keys")


class Lease:
    """Go on using a vault's key only while its place grants it.

    A place that answers and does not give the key has withdrawn it: the vault is locked at once. One that
    does not answer, or is asked too often, has said nothing: the key is used on for `grace` seconds since it
    was given last.
    """

    def __init__(self, vault: Vault, grace: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Take an open vault."""
        self._vault = vault
        self._grace = grace
        self._clock = clock
        self._given = clock()

    def renew(self) -> None:
        """Ask whether the key is still granted, and lock the vault if it is not."""
        try:
            self._vault.confirm()
        except KeyBroken as error:
            if self._clock() < self._given + self._grace:
                _log.warning("the place of the key does not answer; the key in memory is used on")
                return
            _log.error("the place of the key did not answer for too long; the vault is locked")
            self._vault.lock(error)
        except KeyUnusable as error:
            _log.error("the place of the key does not grant it any longer; the vault is locked")
            self._vault.lock(error)
        else:
            self._given = self._clock()

    def unlock(self) -> bool:
        """Ask for the key of a locked vault; True: it was given."""
        self._vault.unlock()
        if self._vault.locked is not None:
            return False
        self._given = self._clock()
        return True
