"""Rows for tests of stores: workspaces, records and sealed values made up through the port alone."""

import os
import re
import threading
import time
from contextlib import contextmanager

import msgspec

from credenza.model import (
    ApiKey,
    Document,
    Edit,
    Record,
    RingRow,
    Role,
    Secret,
    SecretRef,
    Tag,
    Tenant,
    Write,
)
from credenza.stores.sqlite import cards, catalogue, losses, terms

SOON = 10  # seconds that anything here may take


def ring_rows(workspace):
    return [
        RingRow(workspace, purpose, 1, "active", "kek", os.urandom(60), 5)
        for purpose in ("dek", "fpk", "mak")
    ]


def add_tenant(store, slug="acme", begin=lambda _: None):
    tenant = Tenant(0, os.urandom(16), slug, 5)
    return store.add_tenant(tenant, ring_rows(tenant.id), begin)


def drop_later_tables(connection):
    """Take out of a file what releases after the fourth schema brought, as if they had never opened it."""
    made = re.findall(
        r"CREATE (?:VIRTUAL )?TABLE (\w+)", cards.TABLES + catalogue.TABLES + terms.NEXT + losses.TABLES
    )
    connection.execute("DROP TRIGGER rings_seal_active")
    for table in reversed(made):
        connection.execute(f"DROP TABLE {table}")


def api_key(tenant, id="key1", at=1):
    return ApiKey(id, tenant, os.urandom(32), Role.EDITOR, ("a*",), (Tag("env", "é"),), at, "test")


def soon(holds) -> None:
    """Wait until something holds, which other processes and threads take a moment for."""
    until = time.monotonic() + SOON
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.002)


def run(store, tenant, job):
    """Run a job in a transaction of its own and return its result."""
    return store.write(tenant, job).result(SOON)


def seal(path, version, text):
    return Secret(os.urandom(16), path, version, b"d" * 32, 1, os.urandom(16), text.encode())


def next_write(tx, name, *, secrets=None, retire=(), edits=(), **fields):
    """Return the write of a record's next version: new secrets by path, paths to retire, other fields."""
    before = tx.find([name]).get(name.lower())
    old = before.document() if before else Document("API", {})
    version, entered = before.version + 1 if before else 1, secrets or {}
    refs = {path: ref for path, ref in old.secrets.items() if path not in retire}
    refs |= {path: SecretRef(version, version) for path in entered}
    document = msgspec.structs.replace(old, secrets=refs, **fields)
    record = Record(
        row=before.row if before else tx.reserve(1)[0],
        id=before.id if before else os.urandom(16),
        name=before.name if before else name,
        type="openai",
        category=document.category,
        description=document.description,
        enabled=document.enabled,
        version=version,
        digest=os.urandom(16),
        created_at=before.created_at if before else version,
        created_by="test",
        updated_at=version,
        updated_by="test",
        body=msgspec.json.encode(document),
    )
    sealed = tuple(seal(path, version, text) for path, text in entered.items())
    gone = tuple(path for path in old.secrets if path in entered or path in retire)
    return Write(before, record, document, tuple(edits), sealed, gone)


def put(tx, name, *, keep=10, **fields):
    """Save a record's next version and return it."""
    write = next_write(tx, name, **fields)
    tx.save([write], keep)
    return write.record


def bring_back(tx, name, version, keep=10):
    """Make an earlier version the next one, with the secrets it had."""
    before = tx.find([name])[name]
    then, now = tx.version(before.row, version).document(), before.document()
    record = msgspec.structs.replace(before, version=before.version + 1, body=msgspec.json.encode(then))
    moved = {path: ref.version for path, ref in then.secrets.items() if now.secrets.get(path) != ref}
    gone = tuple(path for path, ref in now.secrets.items() if then.secrets.get(path) != ref)
    edits = (Edit("/", "changed"),)
    tx.save([Write(before, record, then, edits, (), gone, tuple(moved.items()))], keep)


def names_of(store, tenant, **filters):
    return store.read(tenant, lambda tx: [record.name for record in tx.page(**filters)])


@contextmanager
def held_up(store, tenant):
    """Keep all the store's writers busy, so that what is submitted inside waits together."""
    writers, release = getattr(store, "workers", 1), threading.Event()
    begun = threading.Barrier(writers + 1)

    def job(_):
        begun.wait(SOON)
        release.wait(SOON)

    busy = [store.write(tenant, job) for _ in range(writers)]
    begun.wait(SOON)
    try:
        yield
    finally:
        release.set()
        for each in busy:
            each.result(SOON)
