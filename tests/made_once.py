"""What takes longer to make than most tests last, made once for all tests of a process.

Nothing is made differently: types are read from the shipped files, tables are those of the migrations, and
applications are put together by the program. What they hold of one test is replaced by that of the next.
"""

from __future__ import annotations

import functools
import importlib.metadata
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from httpx._transports import default as transports
from litestar.datastructures import State

from credenza import settings
from credenza.connectors import catalogue
from credenza.stores.sqlite import SqliteStore
from credenza.web import app as web

_read_type, _make = catalogue._read_type, web._make
_SHIPPED = catalogue.shipped_schemas()
_types = {}


class Shelf:
    """Applications without a service, by what they are made of, and those that are lent."""

    def __init__(self):
        self._idle = {}
        self._lent = {}
        self._borrower = None

    @contextmanager
    def lend(self, service, **options):
        """Give the application over a service; its parts go back when the block is left."""
        parts = self._borrower = []
        try:
            app = web.create_app(service, **options)
        finally:
            self._borrower = None
        try:
            yield app
        finally:
            self._lent = {key: each for key, each in self._lent.items() if each is not parts}
            for made, part in parts:
                part.state = State({})
                self._idle.setdefault(made, []).append(part)

    def make(self, handlers, state, lifespan=()):
        """Make a part of an application, or take one from the shelf where it goes back to it."""
        # A part that is made later, in whatever thread, has the registry of the first.
        parts = self._lent.setdefault(id(state["registry"]), self._borrower)
        if parts is None:
            del self._lent[id(state["registry"])]
            return _make(handlers, state, lifespan)
        made = id(handlers), tuple(lifespan)
        idle = self._idle.get(made)
        part = idle.pop() if idle else _make(handlers, state, lifespan)
        part.state = State(dict(state))
        parts.append((made, part))
        return part


_shelf = Shelf()
lend_app = _shelf.lend


def install():
    """Let all tests of this process have what is made once."""
    catalogue._read_type = read_type
    web._make = _shelf.make
    # Looking through everything that is installed takes a hundredth of a second.
    importlib.metadata.entry_points = settings.entry_points = functools.cache(settings.entry_points)
    # Nor do the authorities of the machine change, which take three hundredths to read for every client.
    transports.create_ssl_context = functools.cache(httpx.create_ssl_context)


def read_type(path, text, rules):
    """Read a connector type; one that is shipped, from the very text it was read from before."""
    if path.parent != _SHIPPED:
        return _read_type(path, text, rules)
    if (path, text) not in _types:
        _types[path, text] = _read_type(path, text, rules)
    return _types[path, text]


@functools.cache
def make_tables() -> bytes:
    """Return the file of a store that holds nothing but its tables."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "credenza.db"
        with closing(SqliteStore(path, serving=False)):
            pass
        return path.read_bytes()


def lay_tables(path):
    """Put an empty store where there is none, as its owner's alone."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        path.write_bytes(make_tables())
