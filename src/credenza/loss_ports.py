"""The sockets for keys that are lost and for workspaces that end: what a store and a key provider must do.

A vault whose key is lost may be given a new key. The wrapped keys of before are then set aside, with the
description of the vault that wraps them, and can be brought back when the old key is found. A workspace that
is shredded is gone with all its rows; its name and number are never given to another one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from credenza.model import Paper, RingRow, Tenant, VaultMeta
from credenza.sensitive import Sensitive
from credenza.trail import Entry, Head


@runtime_checkable
class KeyKeeper(Protocol):
    """A key provider that takes a key which exists already, where it has none for the vault."""

    def keep(self, vault: bytes, key: Sensitive[bytes]) -> bytes | None:
        """Keep a key of a vault durably, and return a keepsake as `KeyProvider.create` does, or None.

        Where this very key is kept already, nothing is done.

        Raises:
            KeyDenied: another key is here already, or none can be kept here.
            KeyBroken: the provider cannot be reached, or did not give back what it was given.
        """


class Lost(NamedTuple):
    """The description of a vault as it was before its key was lost, when that was told, and by whom."""

    meta: VaultMeta
    at: int
    by: str


class Sealings(NamedTuple):
    """What of a workspace is sealed, and what would go with it."""

    secrets: int
    keys: int
    rows: Mapping[str, int]
    installs: Sequence[tuple[str, int]]


class LossTx(Protocol):
    """What a transaction in one workspace can do with what was signed under a key that is lost."""

    @property
    def stream(self) -> str:
        """Name the audit stream that a new workspace's trail begins in; a head goes on in its own."""

    def head(self) -> Head | None:
        """Return the end of the audit stream that is written to (`trail.current`); None: none has begun."""

    def heads(self) -> Sequence[Head]:
        """Return the ends of all audit streams."""

    def trail(self) -> Iterable[Entry]:
        """Return all audit rows, by stream and sequence."""

    def append(self, entry: Entry, head: Head) -> None:
        """Append an audit row and move the stream's head, which must be the one before it."""

    def all_papers(self) -> Iterable[Paper]:
        """Return all papers of the workspace."""

    def resign_paper(self, paper: Paper) -> None:
        """Replace the signature of a paper that is at this version."""

    def resign_key(self, id: str, mac: bytes) -> None:
        """Replace the signature of an API key that is in force."""

    def revoke_keys(self, at: int) -> int:
        """Revoke every API key of the workspace, destroying its hash; return how many were in force."""


class LossStore(Protocol):
    """What a store keeps of escrows, lost keys and workspaces that ended."""

    def escrowed_at(self, kek_id: str) -> int | None:
        """Return when an escrow of a key was seen to hold it; None: never."""

    def note_escrow(self, kek_id: str, at: int, by: str) -> None:
        """Note that an escrow was seen to hold a key."""

    def set_keepsake(self, kek_id: str, keepsake: bytes | None) -> None:
        """Replace what belongs to the key provider in the vault's description.

        Raises:
            Conflict: the vault has another key by now.
        """

    def lost_vaults(self) -> Sequence[Lost]:
        """Return the descriptions whose keys were given up as lost, oldest first."""

    def lost_rings(self, workspace: bytes) -> Sequence[RingRow]:
        """Return the wrapped keys of a workspace that were set aside."""

    def give_up(
        self,
        old: VaultMeta,
        new: VaultMeta,
        lost: tuple[int, str],
        begin: Callable[[Tenant, LossTx], Sequence[RingRow]],
    ) -> None:
        """Set aside a vault's description and all rings, and give it a new key, all at once or not at all.

        `lost` is the time and who says so; `begin` returns the new ring of each workspace, and does what is
        to be done in it, with a transaction that sees it without a ring.

        Raises:
            Conflict: the vault is not the old one any more.
        """

    def bring_back(
        self,
        kek_id: str,
        kept: VaultMeta,
        renew: Callable[[Tenant, Sequence[RingRow], LossTx], Sequence[RingRow]],
    ) -> int:
        """Put back what was set aside when a key was lost, all at once; return how many wrapped keys that is.

        `kek_id` names the key that was lost. `renew` is given the rows of each workspace as they were, and
        returns them as `kept` wraps them.

        Raises:
            Conflict: the vault has another key than `kept` by now.
        """

    def look_at_end(self, tenant: Tenant) -> Sealings:
        """Return what would go with a workspace, and which of its packages others have installed."""

    def shred(
        self,
        tenant: Tenant,
        ended: tuple[int, str],
        take: Callable[[Iterable[bytes]], None],
        home: Tenant,
        tell: Callable[[LossTx], None],
    ) -> Sealings:
        """Take a workspace out with every row, and note that its name is used up; return what went.

        `take` is given every sealed value and wrapped key before, `tell` writes into the workspace `home`.

        Raises:
            Conflict: there is no such workspace any more.
        """

    def compact(self) -> bool:
        """Rewrite what keeps rows that were taken out; False: not everything could be, for it is in use."""

    def live_files(self) -> Sequence[Path] | None:
        """Return the files that rows are in; None: they are not on this machine, as far as anybody knows."""
