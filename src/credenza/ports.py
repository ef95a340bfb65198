"""The sockets: what a store and a key provider must do, and what absent, denied and broken look like."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

from credenza.key_ports import KeyStore, KeyTx
from credenza.loss_ports import LossStore, LossTx
from credenza.model import (
    ApiKey,
    Card,
    CatalogueEntry,
    Choice,
    Found,
    Paper,
    Place,
    Question,
    Record,
    RingRow,
    Secret,
    Shared,
    Tenant,
    Usage,
    VaultMeta,
    Version,
    Write,
)
from credenza.observer import Observer
from credenza.sensitive import Sensitive
from credenza.trail import Entry, Head

T = TypeVar("T")


class KeyProvider(Protocol):
    """Where the key-encryption key lives: outside the database.

    A provider is opened by URI scheme (entry point group `credenza.keys`) and given the URI.
    """

    @property
    def label(self) -> str:
        """Say in a few words, for a person, where the key is; no part of the key."""

    def fetch(self, vault: bytes, keepsake: bytes | None) -> Sensitive[bytes]:
        """Return the 32-byte key of this vault.

        `keepsake` is what `create` handed out to be stored beside the vault, or None.

        Raises:
            KeyAbsent: the provider works and holds no key for this vault.
            KeyDenied: it holds one and will not hand it over (locked, not permitted, unsafe place).
            KeyBroken: it cannot be reached, or what it holds is no 32-byte key.
        """

    def create(self, vault: bytes) -> tuple[Sensitive[bytes], bytes | None]:
        """Make a key for a new vault, keep it durably, and return it with a keepsake or None.

        Called only where no vault exists yet; never overwrites. A provider that is only ever handed a
        key (an environment variable) returns that one.

        Raises:
            KeyDenied: a key can not be kept here, or one is here already.
            KeyBroken: the provider cannot be reached, or did not give back what it was given.
        """


class Sheet(NamedTuple):
    """A paper's next version, over the one that was read: None before is a new one, None after removes it.

    `cards` are all that lists are to know of it from then on.
    """

    before: Paper | None
    after: Paper | None
    cards: Sequence[Card] = ()
    entry: CatalogueEntry | None = None


class Tx(KeyTx, LossTx, Protocol):
    """One transaction in one workspace; it cannot name another. Leaving early rolls back."""

    @property
    def stream(self) -> str:
        """Name the audit stream that a new workspace's trail begins in; a head goes on in its own."""

    def find(self, names: Sequence[str]) -> Mapping[str, Record]:
        """Return the records of these names, whatever their case, by lower-cased name."""

    def held(self, rows: Sequence[int]) -> Mapping[int, Mapping[str, Secret]]:
        """Return the current secrets of these records by row and path."""

    def secrets(self, row: int, versions: Mapping[str, int]) -> Mapping[str, Secret]:
        """Return the secrets of one record at these versions; destroyed ones are missing."""

    def reserve(self, count: int) -> range:
        """Return that many row numbers nobody else gets."""

    def save(self, writes: Sequence[Write], keep: int) -> None:
        """Write next versions: record, history, apis, tags, secrets; compare versions first.

        Secrets that none of the last `keep` versions needs are destroyed.

        Raises:
            Conflict: a record is no longer as it was read, or a name was taken meanwhile.
        """

    def papers(self, kind: str, slugs: Sequence[str] | None = None) -> Mapping[str, Paper]:
        """Return the papers of a kind by slug, in its order; `slugs` None: all of them."""

    def keep(self, sheets: Sequence[Sheet]) -> None:
        """Write next versions of papers with their cards, comparing the versions that were read.

        Raises:
            Conflict: a paper is no longer as it was read, or its slug or a card's id was taken meanwhile.
        """

    def cards(self, choice: Choice) -> Sequence[Place]:
        """Return where what is on a page stands, in its order."""

    def places(self, kind: str, ids: Sequence[str]) -> Mapping[str, Place]:
        """Return where what these cards are about stands, by id; those that are not there are missing."""

    def ask(self, question: Question) -> Found:
        """Return a page of the catalogue of packages, one row more than its limit where there are more."""

    def shared(self, kind: str, ids: Sequence[str], *, operating: bool = False) -> Mapping[str, Shared]:
        """Return packages, or versions of them, of any workspace, by id: those that this one may read.

        One reads its own packages, those that are public or granted to it, and by their ids unlisted ones;
        of these the versions that are to be seen, and of what it has installed that version, and the one it
        was upgraded from. `operating` reads what asks to be public, too.
        """

    def is_installed(self, package: str) -> bool:
        """Tell whether any workspace has a package installed."""

    def park(self, moves: Sequence[tuple[Record, str]]) -> None:
        """Give records other names, comparing versions; their secrets, history and versions stay.

        Raises:
            Conflict: a record is no longer as it was read, or a name was taken meanwhile.
        """

    def count_tokens(self, row: int, usage: Usage) -> None:
        """Add to what an api of a record used in a day.

        Raises:
            Conflict: there is no such record in this workspace.
        """

    def usage(self, row: int, *, since: int = 0, api: str | None = None) -> Sequence[Usage]:
        """Return what the apis of a record used, by api and day, in days that begin from `since` on."""

    def distrust(self, row: int) -> None:
        """Forget the text a record was made from, so that the same text is looked at again."""

    def drop(self, records: Sequence[Record]) -> None:
        """Remove records with all they own, comparing versions.

        Raises:
            Conflict: a record is no longer as it was read.
        """

    def page(
        self,
        *,
        category: str | None = None,
        type: str | None = None,
        enabled: bool | None = None,
        search: str | None = None,
        tags: Sequence[tuple[str, str | None]] = (),
        below: int | None = None,
        owned: bool = False,
        after: str | None = None,
        limit: int | None = None,
    ) -> Iterable[Record]:
        """Return records in the order of their names, `after` one, filtered: all conditions must hold.

        `search` is a part of name or description in any case; a tag is a key and its value, None: any;
        `below` asks for those saved under an earlier version of their type, `owned` for those that belong
        to papers, which else are never among them.
        """

    def history(self, row: int, *, before: int | None = None, limit: int = 100) -> Sequence[Version]:
        """Return versions, newest first, below `before`."""

    def version(self, row: int, version: int) -> Version | None:
        """Return one entry of the history; None: no such version."""

    def head(self) -> Head | None:
        """Return the end of the audit stream that is written to (`trail.current`); None: none has begun."""

    def append(self, entry: Entry, head: Head) -> None:
        """Append an audit row and move the stream's head, which must be the one before it."""

    def trail(self) -> Iterable[Entry]:
        """Return all audit rows, by stream and sequence."""

    def heads(self) -> Sequence[Head]:
        """Return the ends of all audit streams."""

    def recall(self, key: str, since: int) -> tuple[bytes, bytes] | None:
        """Return the request digest and the answer kept under an idempotency key since a time."""

    def remember(self, key: str, digest: bytes, answer: bytes, at: int, since: int) -> None:
        """Keep an answer under an idempotency key, and forget those from before `since`."""

    def count_seals(self, term: int, count: int) -> None:
        """Add to the number of seals made under a term.

        Raises (here, or when the transaction ends):
            TermRetired: the term is not active, so nothing may be sealed under it any more.
        """


class PoolLoad(NamedTuple):
    """Connections that are open, idle among them, most that may be, and who waits for one."""

    open: int
    idle: int
    most: int
    waiting: int


class Load(NamedTuple):
    """How busy a store is: jobs that wait to be written, and its pool of connections; None: it has none."""

    waiting: int
    pool: PoolLoad | None = None


class Subject(StrEnum):
    """What processes keep in memory, and must hear of when another one changes it."""

    KEYS = "keys"  # API keys
    RINGS = "rings"  # rings of workspaces, and the description of the vault
    TYPES = "types"  # connector types of workspaces


class Store(KeyStore, LossStore, Protocol):
    """Rows on disk. Everything a job did in `write` is durable when its future is done, or nothing is.

    Jobs may run more than once and must have no effect outside their transaction.

    Raises (from every method, or set on the future):
        StoreFull: the device is full; nothing was written, and the next call may work again.
        Unavailable: the store cannot be reached.
    """

    @property
    def folder(self) -> Path | None:
        """Return where the store's own files are; None: not on this machine."""

    @property
    def is_near(self) -> bool:
        """Tell whether it answers at once; one behind a network is never waited for on an event loop."""

    def revision(self, subject: Subject) -> int:
        """Return a number that is another one whenever anything of a subject may have changed.

        To be asked for before what is kept is read. What any process committed shows within 20 ms; where
        notifications are lost, within a second.
        """

    def read(self, tenant: Tenant, job: Callable[[Tx], T]) -> T:
        """Run a job on one consistent, read-only view."""

    def write(self, tenant: Tenant, job: Callable[[Tx], T], *, names: Sequence[str] = ()) -> Future[T]:
        """Run a job in a transaction and commit it; jobs that wait together may share a commit.

        `names` are a hint: of the records that the job will `find` first, for a store that can read ahead.
        """

    def ready(self) -> None:
        """Return if the store can be read and written; raises Unavailable."""

    def tenants(self) -> Sequence[Tenant]:
        """Return all workspaces in order of their slugs."""

    def tenant(self, id: bytes) -> Tenant | None:
        """Return the workspace of an id, however many there are; None: there is none."""

    def add_tenant(self, tenant: Tenant, rings: Sequence[RingRow], begin: Callable[[Tx], None]) -> Tenant:
        """Add a workspace with its key ring, and what `begin` writes into it; return it with its row.

        Raises:
            Conflict: the slug is taken.
            TermRetired: the ring is not wrapped with the key that the vault has by now.
        """

    def api_key(self, id: str) -> ApiKey | None:
        """Return one API key, revoked or not: what any process committed is known within 20 ms."""

    def api_keys(self, tenant: Tenant) -> Sequence[ApiKey]:
        """Return the workspace's API keys, oldest first."""

    def add_api_key(self, key: ApiKey, tell: Callable[[Tx], None]) -> None:
        """Keep a new API key, and what `tell` writes of it."""

    def revoke_api_key(self, tenant: Tenant, id: str, at: int, tell: Callable[[Tx], None] | None) -> bool:
        """Revoke a key for ever, destroying its hash, and write what `tell` writes; False: no such key."""

    def vault(self) -> VaultMeta | None:
        """Return what the store says of its vault; None: it has none yet."""

    def add_vault(self, meta: VaultMeta) -> None:
        """Keep a new vault's description.

        Raises:
            Conflict: there is one already.
        """

    def rings(self, workspace: bytes) -> Sequence[RingRow]:
        """Return the wrapped keys of a workspace, all terms."""

    def watch(self, observer: Observer) -> None:
        """Tell an observer of every commit from now on."""

    def load(self) -> Load:
        """Return how busy the store is, without asking anybody."""

    def check(self) -> Sequence[str]:
        """Look the store over and return what is wrong with it, in sentences; nothing: all is well."""

    def settle(self, seconds: float) -> bool:
        """Wait until no file holds what was taken out; False: one still does, after so many seconds."""

    def close(self) -> None:
        """Finish what was begun and let go of everything."""
