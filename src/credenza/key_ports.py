"""The sockets for the life of the keys: what a store must do so that they can be replaced while it is used.

A term of a workspace's ring goes one way: pre_active, active, decrypt_only, destroyed. Whoever seals says so
in the same transaction (`Tx.count_seals`), which refuses a term that is not active. So once a term is retired
no transaction commits a seal under it, whatever a process still has in memory: a term under which nothing is
sealed then stays so, and may be destroyed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from credenza.model import Record, RingRow, SealedRow, Secret, TermCount, VaultMeta


class KeyTx(Protocol):
    """What a transaction in one workspace can do with its ring, and with what is sealed under it."""

    def rings(self) -> Sequence[RingRow]:
        """Return the wrapped keys of the workspace, all terms; whoever writes has them alone."""

    def add_rings(self, rows: Sequence[RingRow]) -> None:
        """Add the keys of a new term.

        Raises:
            Conflict: the term is there already.
            TermRetired: the keys are not wrapped with the key that the vault has by now.
        """

    def activate(self, term: int) -> None:
        """Let a term that is pre_active seal from now on, and the one that did so only open.

        Raises:
            Conflict: the term is not pre_active for every purpose.
        """

    def destroy(self, term: int) -> bool:
        """Destroy the dek and fpk of a term that is decrypt_only; False: it is not, or is still needed.

        It is needed while anything is sealed under it.
        """

    def rewrap(self, pairs: Sequence[tuple[RingRow, RingRow]]) -> int:
        """Replace wrapped keys, each where it is as it was read; return how many were."""

    def sealed(
        self, *, after: SealedRow | None = None, limit: int, but: int | None = None
    ) -> Sequence[SealedRow]:
        """Return stored secrets of all versions, in an order of the store's, behind `after`.

        `but` leaves out those sealed under that term.
        """

    def count_sealed(self) -> Mapping[int, int]:
        """Return how many stored secrets are sealed under each term."""

    def reseal(self, pairs: Sequence[tuple[SealedRow, Secret]]) -> int:
        """Replace sealed values and fingerprints, each where it is as it was read; return how many were.

        What somebody else is writing at this moment may be left as it is.
        """

    def note_digests(self, pairs: Sequence[tuple[Record, bytes]]) -> None:
        """Keep by what the text of records is known again, where they are at the version that was read."""


class KeyStore(Protocol):
    """What a store says of the key-encryption key that its vault has, and of the one it is to have."""

    @property
    def is_alone(self) -> bool:
        """Say whether it is known that no other program has the store open to serve it."""

    def next_vault(self) -> VaultMeta | None:
        """Return the vault's description with the key it is to have; None: it is to have no other."""

    def prepare_vault(self, meta: VaultMeta) -> None:
        """Keep the description of the vault with the key it is to have.

        Raises:
            Conflict: keys are wrapped already with one that was prepared before.
        """

    def turn_vault(self, meta: VaultMeta, leaving: int = 0) -> None:
        """Make the prepared description the vault's own.

        Raises:
            Conflict: more than `leaving` keys are still wrapped with another, or this was not prepared.
        """

    def count_terms(self) -> Sequence[TermCount]:
        """Return how many terms there are in all workspaces, by purpose and state."""

    def count_old(self) -> int:
        """Return how many secrets of all workspaces are sealed under a term that is not active."""
