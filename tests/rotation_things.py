"""What tests of rotation share: a second program beside a service, secrets to look for, and crashes."""

from __future__ import annotations

import base64
import os
from contextlib import closing, contextmanager

import msgspec

from credenza.model import Actor, Put, Role
from credenza.rotation import prepare, rewrap, rotate
from credenza.sensitive import Sensitive
from credenza.settings import open_credenza, open_key
from credenza.vault.envelope import read_term


class Crash(BaseException):
    """The program ends here: nothing of it runs any more."""


def beside(service, **options):
    """Open the store of a service once more, as a command beside it does."""
    settings = msgspec.structs.replace(service.settings, **options)
    return closing(open_credenza(settings))


def actor_of(service, workspace="default"):
    return Actor(service.tenant(workspace), "test", Role.ADMIN)


def workspace_of(service, workspace="default"):
    return service.workspace(actor_of(service, workspace))


def put(name, type="openai", **configuration):
    return Put(name=name, type=type, configuration=Sensitive(configuration))


def save(service, name, secret, workspace="default"):
    workspace_of(service, workspace).apply([put(name, api_key=secret)])


def reveal(service, name, workspace="default"):
    return workspace_of(service, workspace).reveal(name).configuration.reveal()


def turn(service, workspace="default", **options):
    """Rotate one workspace."""
    options = {"by": "test", "yielding": False, **options}
    return rotate(service.store, service.vault, service.tenant(workspace), **options)


def give_key(service, uri, **options):
    """Give a vault the key of another place."""
    to = prepare(service.store, service.vault, open_key(uri, service.store))
    return rewrap(service.store, service.vault, to, by="test", **options)


def rows_of(service, workspace="default"):
    """Return all stored secrets of a workspace."""
    return service.store.read(service.tenant(workspace), lambda tx: tx.sealed(limit=100_000))


def terms_of(service, workspace="default"):
    """Return the terms that secrets of all versions are sealed under."""
    return {read_term(row.secret.blob) for row in rows_of(service, workspace)}


def states_of(service, purpose="dek", workspace="default"):
    rows = service.store.rings(service.tenant(workspace).id)
    return {row.term: row.state for row in rows if row.purpose == purpose}


def make_kek(monkeypatch, name="CREDENZA_TEST_NEXT_KEK"):
    """Put another key into the environment and return the URI that names it."""
    monkeypatch.setenv(name, base64.b64encode(os.urandom(32)).decode())
    return f"env://{name}"


@contextmanager
def crashing(store, writes, *, after):
    """End the program at the `writes`-th transaction of a store: before it, or when it is durable."""
    real, done = store.write, 0

    def write(*arguments, **options):
        nonlocal done
        done += 1
        if done == writes and not after:
            raise Crash
        future = real(*arguments, **options)
        if done == writes:
            future.result(10)
            raise Crash
        return future

    store.write = write
    try:
        yield
    finally:
        store.write = real
