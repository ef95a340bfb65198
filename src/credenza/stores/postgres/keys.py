"""API keys as rows, and those that are known without asking for as long as none was added or revoked."""

from __future__ import annotations

import msgspec

from credenza.model import ApiKey
from credenza.ports import Subject
from credenza.stores.postgres.news import News

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
_MOST = 10_000


def write_key(key: ApiKey) -> tuple[object, ...]:
    """Return the row of a new API key."""
    return (
        *(key.id, key.tenant.row, key.hash, key.role.value),
        *(msgspec.json.encode(limit).decode() for limit in (key.names, key.tags)),
        *(key.created_at, key.created_by, key.mac),
    )


class KnownKeys:
    """What is known of API keys."""

    def __init__(self, news: News) -> None:
        """Take what tells of changes."""
        self._news = news
        self._revision = -1
        self._known: dict[str, ApiKey] = {}

    def place(self) -> dict[str, ApiKey]:
        """Return where keys are known by now; what is read from the database goes there.

        To be asked for before that is read: what is noted in a place that was given up meanwhile is not seen.
        """
        revision = self._news.revision(Subject.KEYS)
        if revision != self._revision or len(self._known) > _MOST:
            self.forget()
            self._revision = revision
        return self._known

    def forget(self) -> None:
        """Know no key any longer."""
        self._known = {}
