"""Credentials inside a text: found by what a URL, JDBC URL or connection string may not show."""

from __future__ import annotations

import re

from credenza.connectors.addresses import (
    Address,
    is_plain,
    needs_reading,
    read_addresses,
    refuse_lookalikes,
)
from credenza.connectors.parameters import (
    hides_parameter,
    is_harmless,
    is_routing,
    show_parameters,
    split_parameter,
)

_CONNECTION_STRING = re.compile(r"[A-Za-z][A-Za-z0-9 _.-]{0,63}=")


def redact(text: str) -> str | None:
    """Return a text without the credentials in it, or None where it carries none.

    Userinfo, fragment and every parameter that is not known to be public are dropped.

    Raises:
        ValueError: the text may carry credentials and has no reading, or more than one; the error
            says nothing of it.
    """
    if is_plain(text):
        return None
    refuse_lookalikes(text)
    if is_connection_string(text):
        return _redact_connection_string(text)
    return _redact_addresses(text)


def is_connection_string(text: str) -> bool:
    """Say whether a text has the form `Name=value;Name=value`."""
    return _CONNECTION_STRING.match(text) is not None


def split_connection_string(text: str) -> tuple[str, ...]:
    """Return the parts of a connection string as they are written.

    Raises:
        ValueError: a quoted value could hide a delimiter, or a public one holds another parameter.
    """
    if '"' in text or "'" in text or "{" in text or not text.isprintable():
        raise ValueError
    parts = tuple(part for part in text.split(";") if part.strip())
    if any(hides_parameter(part) and not holds_url(*split_parameter(part)) for part in parts):
        raise ValueError
    return parts


def holds_url(name: str, value: str) -> bool:
    """Say whether a part of a connection string is a URL that says where the connection goes."""
    return "://" in value and is_routing(name)


def _redact_connection_string(text: str) -> str | None:
    shown, carries = [], False
    for part in split_connection_string(text):
        name, value = split_parameter(part)
        if not is_routing(name):
            carries = carries or not is_harmless(name)
            continue
        clean = _redact_addresses(value) if holds_url(name, value) else None
        if clean is None and "@" in value:
            raise ValueError
        carries = carries or clean is not None
        shown.append(part if clean is None else f"{name}={clean}")
    if not carries:
        return None
    if not shown:
        raise ValueError
    return ";".join(shown)


def _redact_addresses(text: str) -> str | None:
    if not needs_reading(text):
        return None
    addresses = read_addresses(text)
    if not any(map(_carries_credentials, addresses)):
        return None
    return ",".join(map(_show, addresses))


def _carries_credentials(address: Address) -> bool:
    names = (split_parameter(part)[0] for part in address.parameters)
    return address.credentials or not all(map(is_harmless, names))


def _show(address: Address) -> str:
    kept = show_parameters(address.parameters)
    if not kept:
        return address.shown
    return address.shown + address.mark + ("&" if address.mark == "?" else ";").join(kept)
