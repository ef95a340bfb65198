"""Where a person may be sent at the end of a setup: addresses of listed origins, which all read alike.

https://app.example.com/connected?customer=17      of the origin https://app.example.com
http://localhost:3000/done                         in developer mode, of no list
"""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_ADDRESS = 2_048  # characters
_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[::1\])"
_PORT = r"(?::[0-9]{1,5})?"
_ORIGIN = re.compile(rf"(?P<scheme>https?)://(?P<host>{_HOST})(?P<port>{_PORT})")
# Behind the host printable ASCII without a backslash or a fragment: no user name, no second reading.
_ADDRESS = re.compile(rf"(?P<origin>https?://{_HOST}{_PORT})(?P<rest>(?:[/?][!-\"$-\[\]-~]*)?)")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
_PORTS = {"https": ":443", "http": ":80"}


class Destination(NamedTuple):
    """An address that every reader reads alike, with its origin, and its host as a page names it."""

    address: str
    origin: str
    host: str


class Redirects(NamedTuple):
    """Which origins may be led to; `local`: those of this machine as well, by plain HTTP."""

    origins: tuple[str, ...] = ()
    local: bool = False

    def allows(self, address: str) -> bool:
        """Tell whether a person may be sent to an address."""
        found = read_destination(address)
        if found is None:
            return False
        return found.origin in self.origins or (self.local and is_local(found.origin))


def read_destination(address: str | None) -> Destination | None:
    """Return where an address leads; None: it is not plain https, nor http on this machine."""
    found = _ADDRESS.fullmatch(address or "")
    if found is None or len(found[0]) > MAX_ADDRESS or "//" in found["rest"].partition("?")[0]:
        return None
    origin = read_origin(found["origin"])
    return None if origin is None else Destination(found[0], origin, origin.partition("://")[2])


def read_origin(text: str) -> str | None:
    """Return an origin as it is compared; None: it is none, or plain HTTP to another machine."""
    found = _ORIGIN.fullmatch(text)
    if found is None:
        return None
    scheme, host, port = found["scheme"], found["host"].lower(), found["port"]
    origin = f"{scheme}://{host}{'' if port == _PORTS[scheme] else port}"
    return origin if scheme == "https" or is_local(origin) else None


def read_origins(text: str) -> tuple[str, ...]:
    """Return the origins of a list with commas or blanks between them; raises ValueError."""
    read = [read_origin(each) for each in text.replace(",", " ").split()]
    if None in read:
        raise ValueError("not an origin")
    return tuple(origin for origin in read if origin is not None)


def is_local(origin: str) -> bool:
    """Tell whether an origin is of this machine, and plain HTTP."""
    found = _ORIGIN.fullmatch(origin)
    return found is not None and found["scheme"] == "http" and found["host"].lower() in _LOOPBACK
