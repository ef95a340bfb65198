"""API keys as rows, and those that are known without asking for as long as nobody says that one has changed.

Whoever adds or revokes a key notifies all processes in the same transaction, so that a key that is revoked is
refused as soon as the revocation is durable. A connection that hears nothing might be cut, so it is asked now
and then; while it does not answer, nothing that is known counts.
"""

from __future__ import annotations

import threading
import time
from typing import Any

import msgspec
import psycopg

from credenza.model import ApiKey
from credenza.stores.postgres.connect import Connection, connect

KEYS = """
SELECT k.id, k.hash, k.role, k.names, k.tags, k.created_at, k.created_by, k.revoked_at,
    k.mac, w.id, w.uuid, w.slug, w.created_at
FROM api_keys k JOIN workspaces w ON w.id = k.workspace_id
"""
ADD = """
INSERT INTO api_keys (id, workspace_id, hash, role, names, tags, created_at, created_by, mac)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
REVOKE = """
UPDATE api_keys SET revoked_at = coalesce(revoked_at, %s), hash = decode(repeat('00', 32), 'hex'), mac = ''
WHERE id = %s AND workspace_id = %s
"""
_CHANNEL = "credenza_keys"
NOTIFY = f"NOTIFY {_CHANNEL}"
_ASK_SECONDS = 0.25
_GOOD_SECONDS = 1.0
_PAUSE_SECONDS = 0.5  # before a connection that could not be made is tried again
_MOST = 10_000


def write_key(key: ApiKey) -> tuple[object, ...]:
    """Return the row of a new API key."""
    return (
        *(key.id, key.tenant.row, key.hash, key.role.value),
        *(msgspec.json.encode(limit).decode() for limit in (key.names, key.tags)),
        *(key.created_at, key.created_by, key.mac),
    )


class KnownKeys:
    """What is known of API keys, with a thread that listens for changes of them."""

    def __init__(self, said: dict[str, Any]) -> None:
        """Begin to listen, by a connection of one's own; it is made on the thread."""
        self._said = said
        self._known: dict[str, ApiKey] = {}
        self._heard = float("-inf")
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="credenza-keys", daemon=True)
        self._thread.start()

    def place(self) -> dict[str, ApiKey]:
        """Return where keys are known by now; what is read from the database goes there.

        To be asked for before that is read: what is noted in a place that was given up meanwhile is not seen.
        """
        if time.monotonic() - self._heard > _GOOD_SECONDS or len(self._known) > _MOST:
            self.forget()
        return self._known

    def forget(self) -> None:
        """Know no key any longer."""
        self._known = {}

    def close(self) -> None:
        """Stop listening."""
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                with connect(self._said) as connection:
                    self._listen(connection)
            except psycopg.Error:
                self._heard = float("-inf")
                self.forget()
                self._closed.wait(_PAUSE_SECONDS)

    def _listen(self, connection: Connection) -> None:
        connection.execute(f"LISTEN {_CHANNEL}")
        self.forget()  # of what was said before, nothing was heard
        while not self._closed.is_set():
            self._heard = time.monotonic()
            for _ in connection.notifies(timeout=_ASK_SECONDS, stop_after=1):
                self.forget()
            connection.execute("SELECT 1")
