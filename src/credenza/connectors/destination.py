"""Where a secret may be sent: one canonical form per kind of text, hashed over a type's destination keys.

The generation below changes whenever a canonical form does: a hash says under which rule it was made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

from credenza.connectors.addresses import Address, read_addresses
from credenza.connectors.credentials import is_connection_string, redact, split_connection_string
from credenza.connectors.parameters import read_routing, split_parameter

GENERATION = 1

_LONGEST_CACHED = 512
_PORTS = {
    "http": "80",
    "https": "443",
    "ws": "80",
    "wss": "443",
    "amqp": "5672",
    "amqps": "5671",
    "nats": "4222",
    "mongodb": "27017",
    "postgres": "5432",
    "postgresql": "5432",
    "redis": "6379",
    "rediss": "6379",
    "sb": "5671",
    "jdbc:postgresql": "5432",
    "jdbc:mysql": "3306",
    "jdbc:mariadb": "3306",
    "jdbc:sqlserver": "1433",
    "jdbc:oracle:thin": "1521",
    "jdbc:db2": "50000",
}


def canonicalise(kind: str, text: str) -> tuple[str, ...]:
    """Return what counts of a public text of this kind; of one without a strict reading, all of it.

    `url` and `hosts` count scheme, hosts and ports, `jdbc` the database too, `connection-string` its
    endpoint, `text` everything. Parameters that redirect a connection or weaken it count everywhere. A
    comma behind the hosts has two readings, for whoever splits a list of servers first.
    """
    if len(text) > _LONGEST_CACHED:
        return _canonicalise(kind, text)
    return _recall(kind, text)


def fingerprint_destination(
    name: str, keys: Sequence[tuple[str, str]], values: Iterable[str | None], unknown: bytes
) -> bytes:
    """Return the SHA-256 of a type's destination: 32 bytes.

    `keys` are pairs of key and kind, `values` their public texts (None: absent), in the same order.
    Every part is written behind its length, so no two destinations share an encoding, and the name
    always counts, so no two types share a destination.
    """
    parts = ["credenza.destination", name]
    for (key, kind), value in zip(keys, values, strict=True):
        form = () if value is None else canonicalise(kind, value)
        parts += [key, str(len(form)), *form]
    encoded = [part.encode("utf-8", "surrogatepass") for part in parts] + [unknown]
    return hashlib.sha256(b"".join(len(part).to_bytes(4) + part for part in encoded)).digest()


def read_public(redacted: str | None, value: object, default: object) -> str | None:
    """Return the public text of a key: of what is sealed, of its value, or of its default; None: absent."""
    if redacted is not None:
        return redacted
    if value is None:
        value = default
    return value if value is None or isinstance(value, str) else write_scalar(value)


def name_places(kind: str, text: str) -> list[str]:
    """Return where a public text of this kind leads, for a person: hosts with ports, else all of it.

    Of a kind that names no place, such as a protocol, that is nothing.
    """
    return [] if kind == "text" else find_hosts(text) or [text]


def find_hosts(text: str) -> list[str]:
    """Return the hosts of an address, or of a list of them, with their ports; of what is none, nothing."""
    try:
        found = [host for each in read_addresses(text) for host in each.hosts]
    except ValueError:
        return []
    return [f"{host}:{port}" if port else host for host, port in found]


def write_scalar(value: object) -> str:
    """Write 1, 1.0 and true as one text each, so that the way a number was sent does not count."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _canonicalise(kind: str, text: str) -> tuple[str, ...]:
    try:
        return (kind, *_FORMS[kind](text))
    except ValueError:
        return ("raw", text)


_recall = lru_cache(maxsize=4096)(_canonicalise)


def _read_url(text: str) -> list[str]:
    return _join_addresses(text, with_path=False)


def _read_jdbc(text: str) -> list[str]:
    return _join_addresses(text, with_path=True)


def _read_connection_string(text: str) -> list[str]:
    if not is_connection_string(text):
        return _read_url(text)
    parts = split_connection_string(text)
    names = [name for name, _, _ in (part.partition("=") for part in read_routing(parts))]
    if redact(text) is not None or len(set(names)) != len(names):
        raise ValueError
    form = []
    for part in read_routing(parts):
        name, value = split_parameter(part)
        form += [name, *(_read_url(value) if "://" in value else [value])]
    return form


def _read_text(text: str) -> list[str]:
    return [text]


def _join_addresses(text: str, *, with_path: bool) -> list[str]:
    form: list[str] = []
    for address in read_addresses(text):
        form += [",", *_read_parts(address, with_path=with_path)]
    return form[1:]


def _read_parts(address: Address, *, with_path: bool) -> list[str]:
    if address.credentials or not (address.hosts or with_path):
        raise ValueError
    if not with_path and any("," in part for part in (address.path, *address.parameters)):
        raise ValueError
    hosts = [f"{host}:{port or _usual_port(address.scheme, host)}" for host, port in address.hosts]
    path = [address.path or "/"] if with_path else []
    parameters = ["?" + part for part in read_routing(address.parameters)]
    return [address.scheme, *hosts, *path, *parameters]


def _usual_port(scheme: str, host: str) -> str:
    # a named instance of SQL Server is looked up by its name: it has no usual port
    return "" if "\\" in host else _PORTS.get(scheme, "")


_FORMS: dict[str, Callable[[str], list[str]]] = {
    "url": _read_url,
    "hosts": _read_url,
    "jdbc": _read_jdbc,
    "connection-string": _read_connection_string,
    "text": _read_text,
}
