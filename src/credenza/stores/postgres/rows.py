"""Row numbers for new records: taken from the database many at a time, given out by one process."""

from __future__ import annotations

from threading import Lock

from credenza.errors import TooLarge
from credenza.stores.postgres.connect import Connection

_BLOCK = 1_000_000  # what the sequence goes on by
_NEXT = "SELECT nextval('integration_rows')"


class Rows:
    """The numbers this process may give; what it has not given when it ends, nobody gets."""

    def __init__(self) -> None:
        """Begin without any."""
        self._lock = Lock()
        self._next = self._end = 0

    def reserve(self, connection: Connection, count: int) -> range:
        """Return that many numbers; raises TooLarge for more than a block of them."""
        if count > _BLOCK:
            raise TooLarge
        with self._lock:
            if self._end - self._next < count:
                row = connection.execute(_NEXT).fetchone()
                self._next = row[0] if row else 0
                self._end = self._next + _BLOCK
            first = self._next
            self._next += count
        return range(first, first + count)
