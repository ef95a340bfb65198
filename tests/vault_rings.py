"""A vault in memory, for the tests of rings and vaults."""

import msgspec

from credenza.sensitive import Sensitive
from credenza.vault import Vault, envelope

WORKSPACE, ELSEWHERE, OWNER = b"w" * 16, b"e" * 16, b"o" * 16
FIELDS = {"id": b"s" * 16, "version": 3, "destination": b"d" * 32, "rule": 1}
KEK, FOREIGN = b"k" * 32, b"f" * 32


class Provider:
    """A key provider that holds `key`, or raises it."""

    label = "the test's keys"

    def __init__(self, key=KEK):
        self.key = key

    def fetch(self, _vault, keepsake):
        assert keepsake == b"kept"
        if isinstance(self.key, Exception):
            raise self.key
        return Sensitive(self.key)

    def create(self, _vault):
        return Sensitive(KEK), b"kept"


class Shelf:
    """The rows of all workspaces, and how often they were asked for."""

    def __init__(self):
        self.rows = {}
        self.reads = 0

    def load(self, workspace):
        self.reads += 1
        return self.rows.get(workspace, [])


def begin(shelf):
    """Return a new vault, with the rings of two workspaces on the shelf."""
    vault, _ = Vault.create(Provider(), shelf.load, now=1)
    for workspace in (WORKSPACE, ELSEWHERE):
        shelf.rows[workspace] = vault.new_rings(workspace, now=2)
    return vault


def seal(ring, text="a password", kind="integration", path="/password", **fields):
    return ring.sealing(kind).seal(OWNER, path, text=text, **(FIELDS | fields))


def open_secret(ring, secret, kind="integration", owner=OWNER):
    return ring.open(kind, owner, secret).reveal()


def with_term(vault, term, rows, states=("decrypt_only", "active"), *, workspace=WORKSPACE):
    """Return the rows with another term of every purpose, and the states of old and new."""
    fresh = []
    for row in vault.new_rings(workspace, now=3):
        key = vault._unwrap(row, workspace).reveal()
        wrapped = envelope.wrap(
            vault.reveal_key().reveal(), key, vault._context(workspace, row.purpose, term, row.kek_id)
        )
        fresh.append(msgspec.structs.replace(row, term=term, state=states[1], wrapped=wrapped))
    return [msgspec.structs.replace(row, state=states[0]) for row in rows] + fresh
