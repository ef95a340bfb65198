"""Where a finished person may be sent: an address that every reader reads alike, or nowhere."""

from __future__ import annotations

import re

import msgspec

# A name or IPv4 address, a port, then printable ASCII without a backslash: no user name, no second reading.
_HTTPS = re.compile(
    r"https://(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?)(?:[/?][!-\[\]-~]*)?"
)
_LOOPBACK = re.compile(r"http://(?P<host>(?:localhost|127\.0\.0\.1)(?::[0-9]{1,5})?)(?:[/?][!-\[\]-~]*)?")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?")


class Destination(msgspec.Struct, frozen=True):
    """An address, and the host in it as the page names it."""

    address: str
    host: str


def read_destination(address: str | None) -> Destination | None:
    """Return where an address leads; None: it is not plain https, nor http on this machine."""
    found = _HTTPS.fullmatch(address or "") or _LOOPBACK.fullmatch(address or "")
    return Destination(found[0], found["host"].lower()) if found else None


def list_ancestors(origins: tuple[str, ...]) -> str:
    """Return the sources of a `frame-ancestors` directive, without what is no origin."""
    return " ".join(origin for origin in origins if _ORIGIN.fullmatch(origin)) or "'none'"
