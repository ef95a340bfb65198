"""Cursors: where the next page of a list begins, good for this list and workspace alone.

    base64url( signature, 36 bytes | binding, 16 bytes | name of the last record shown )

The binding is a hash of the workspace and of all that chose the list; the workspace's key signs both. A
locked vault has no keys, and lists go on without: a cursor made then has an empty signature, and one that
comes then is taken for its binding alone. That opens nothing, since the credential decides anew what every
page shows. Once the vault is unlocked, only signed ones are good.
"""

from __future__ import annotations

import base64
import hmac
from hashlib import sha256

import msgspec

from credenza.errors import CredenzaError, Damaged, Invalid, Problem, VaultLocked, WrongKey
from credenza.model import Tenant
from credenza.vault import Ring, Vault

_LABEL = b"credenza.cursor.v1"
_SIGNATURE, _BINDING = 36, 16
_UNSIGNED = bytes(_SIGNATURE)
_BROKEN = "This cursor is not one of this list; begin again without it."


class Cursors:
    """Write and read the cursors of one list, chosen by what `chosen` holds."""

    def __init__(self, vault: Vault, tenant: Tenant, *chosen: object) -> None:
        """Bind a list of a workspace to the keys."""
        self._vault = vault
        self._workspace = tenant.id
        self._binding = sha256(msgspec.json.encode([tenant.id.hex(), *chosen])).digest()[:_BINDING]

    def write(self, name: str) -> str:
        """Return the cursor of the page that begins after a name."""
        place = self._binding + name.encode()
        ring = self._ring()
        signature = _UNSIGNED if ring is None else ring.sign(_LABEL + place)
        return base64.urlsafe_b64encode(signature + place).decode().rstrip("=")

    def read(self, text: str) -> str:
        """Return the name after which the page of a cursor begins.

        Raises:
            Invalid: `invalid_cursor`: it is none of ours, or another list's.
        """
        try:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            signature, place = raw[:_SIGNATURE], raw[_SIGNATURE:]
            name = place[_BINDING:].decode()
            ring = self._ring()
            if ring is not None:
                ring.verify(_LABEL + place, signature)
        except (ValueError, Damaged, WrongKey):
            raise _refuse() from None
        if not name or not hmac.compare_digest(place[:_BINDING], self._binding):
            raise _refuse()
        return name

    def _ring(self) -> Ring | None:
        if self._vault.locked is not None:
            return None
        try:
            return self._vault.ring(self._workspace)
        except VaultLocked:
            return None


def _refuse() -> CredenzaError:
    return Invalid(
        _BROKEN, code="invalid_cursor", problems=[Problem("invalid_cursor", _BROKEN, "", "cursor")]
    )
