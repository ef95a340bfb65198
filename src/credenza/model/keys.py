"""What a store says of its vault and of the wrapped keys in it."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from credenza.model.records import Secret


class VaultMeta(msgspec.Struct, frozen=True):
    """What a store says of its vault. `keepsake` belongs to the key provider (a wrapped key, or nothing)."""

    id: bytes
    format: int
    created_at: int
    kek_id: str
    check: bytes
    keepsake: bytes | None = None


class RingRow(msgspec.Struct, frozen=True):
    """One wrapped data key of a workspace: purpose `dek`, `fpk` or `mak`, and its term.

    `state` is pre_active, active, decrypt_only or destroyed; `wrapped` is None once destroyed.
    """

    workspace: bytes
    purpose: str
    term: int
    state: str
    kek_id: str
    wrapped: bytes | None
    created_at: int
    seals: int = 0


class SealedRow(NamedTuple):
    """One stored secret with the integration that owns it; `current` says that its newest version has it."""

    row: int
    owner: bytes
    name: str
    type: str
    current: bool
    secret: Secret


class TermCount(NamedTuple):
    """How many terms of a purpose are in a state, the most seals under one, and when the oldest was made."""

    purpose: str
    state: str
    terms: int
    seals: int
    created_at: int
