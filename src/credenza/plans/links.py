"""Secrets that open one thing of one workspace: where it is, and what proves the right to it, as one text.

`prefix_` and, in base64 for addresses, the 16 bytes of the workspace's id and the proof. The id is no secret:
without it nobody could tell in whose workspace to look.
"""

from __future__ import annotations

import base64
import binascii
from typing import NamedTuple

SETUP, SESSION = "iss_secret_", "ses_secret_"
LONGEST = 256  # characters
_ID = 16  # bytes


class Proof(NamedTuple):
    """What a secret says: the id of a workspace, and bytes that are to be believed or not."""

    workspace: bytes
    proof: bytes

    def __repr__(self) -> str:
        """Show nothing."""
        return "<proof>"


def write_secret(prefix: str, workspace: bytes, proof: bytes) -> str:
    """Return a secret as it is handed out."""
    return prefix + base64.urlsafe_b64encode(workspace + proof).decode().rstrip("=")


def read_secret(prefix: str, text: str) -> Proof | None:
    """Take a secret apart; None: it is none of this kind."""
    body = text.removeprefix(prefix)
    if body == text or len(text) > LONGEST:
        return None
    try:
        raw = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return None
    return Proof(raw[:_ID], raw[_ID:]) if len(raw) > _ID else None
