"""Servers on one PostgreSQL save the same names all the while a command gives the store new keys."""

import threading
import time
from contextlib import ExitStack

import pytest

from credenza.errors import CredenzaError
from credenza.rotation import reencryption
from credenza.settings import Settings, open_credenza
from rotation_things import beside, give_key, make_kek, reveal, rows_of, save, terms_of, turn, workspace_of

pytestmark = pytest.mark.system("postgresql")
CLIENTS, NAMES = 6, 4


@pytest.fixture
def servers(databases, monkeypatch):
    """Return two servers that know both keys, and the place of the second."""
    kek, following = (make_kek(monkeypatch, f"CREDENZA_TEST_{name}_KEK") for name in ("FIRST", "SECOND"))
    with databases.named() as find, ExitStack() as stack:
        settings = Settings.read({}, store=find("store"), kek=kek, kek_next=following, keep_versions=1_000)
        first = open_credenza(settings, serving=True, create=True)
        stack.callback(first.close)
        yield (first, stack.enter_context(beside(first))), following


def test_no_save_is_lost_or_refused_and_nobody_waits_long(servers, monkeypatch):
    (one, other), following = servers
    monkeypatch.setattr(reencryption, "PAGE", 25)
    for name in range(NAMES):
        for version in range(20):
            save(one, f"n{name}", f"{name}-{version}")
    stop, saved, failures, waits = threading.Event(), [], [], []

    def work(client):
        service, number = (one, other)[client % 2], 0
        while not stop.is_set():
            number += 1
            begun, secret = time.monotonic(), f"{client}-{number}"
            try:
                save(service, f"n{number % NAMES}", secret)
                reveal(service, f"n{client % NAMES}")
            except CredenzaError as error:
                if not error.retryable or error.code != "conflict":
                    failures.append(error)
            else:
                saved.append(secret)
            waits.append(time.monotonic() - begun)

    threads = [threading.Thread(target=work, args=(client,)) for client in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        with beside(one) as command:
            turn(command)
            kek_id = give_key(command, following).kek_id
            done = turn(command)
    finally:
        stop.set()
        for thread in threads:
            thread.join(20)

    assert failures == []
    assert (max(waits) < 5, len(saved) > 20) == (True, True)
    turn(other) if done.left else None
    ring = one.vault.ring(one.tenant().id)
    texts = {ring.open("integration", row.owner, row.secret).reveal() for row in rows_of(one)}
    assert set(saved) <= texts
    assert len(terms_of(one)) == 1
    assert {row.kek_id for row in one.store.rings(one.tenant().id) if row.wrapped} == {kek_id}
    assert workspace_of(other).verify_audit()[1] == []
