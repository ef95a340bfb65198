"""URLs, JDBC URLs and host lists as connectors write them: one strict reading, or none.

Two programs that read one text differently are how a credential reaches the wrong host. So whatever
has a second reading (a backslash, white space, an `@` out of place, an encoded host) is not read at all.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from typing import NamedTuple

import idna

from credenza.connectors.parameters import find_equals, hides_parameter, is_harmless

_SCHEME = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]{0,31}:){0,3}[A-Za-z][A-Za-z0-9+.-]{0,31}")
_NEXT_URL = re.compile(r", ?(?=[A-Za-z][A-Za-z0-9+.-]{0,31}://)")
_PLACE = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[^][:/@,\s\\%]{1,253})(?::([0-9]{1,5}))?")
_ASCII_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}")
_INSTANCE = re.compile(r"([A-Za-z0-9_.-]{1,253})\\([A-Za-z0-9_$#-]{1,64})(?::([0-9]{1,5}))?")
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")
_ORACLE = re.compile(r"jdbc:oracle:(?:thin|oci|oci8):", re.IGNORECASE)
_ORACLE_SID = re.compile(r"([A-Za-z0-9_.-]{1,253}):([0-9]{1,5})[:/]([A-Za-z0-9_$#.-]{1,128})")
_DESCRIPTION_NAME = re.compile(r"\(\s{0,8}([A-Za-z_]{1,64})\s{0,8}=")
# letters that one edition of IDNA maps to others and the next keeps: two clients, two hosts
_DEVIATIONS = frozenset("\u00df\u03c2\u200c\u200d")
_NORMAL_MARKS = "@?;#=:/\\%,[]"
_STROKE = "\u0338"  # the one combining mark that turns a delimiter into another character
_MARKED = re.compile(r"[@?;#=]|%3d", re.IGNORECASE)
_MAX_PORT = 65535
_MAX_HOSTS = 100
_MAX_INTERNATIONAL = 2048


class Address(NamedTuple):
    """One URL, taken apart.

    `hosts` are pairs of canonical host and port (digits, or nothing), `shown` is the text without
    userinfo, parameters and fragment, `mark` the character its parameters begin with.
    """

    scheme: str
    hosts: tuple[tuple[str, str], ...]
    path: str
    parameters: tuple[str, ...]
    mark: str
    credentials: bool
    shown: str


class _Authority(NamedTuple):
    hosts: tuple[tuple[str, str], ...]
    shown: str
    userinfo: bool


def is_plain(text: str) -> bool:
    """Say whether a text has nothing in it that could set credentials apart."""
    return (
        text.isascii()
        and "@" not in text
        and "?" not in text
        and ";" not in text
        and "#" not in text
        and "=" not in text
        and "%" not in text
    )


def needs_reading(text: str) -> bool:
    """Say whether a text holds what could set credentials apart, or what clients read differently."""
    return _MARKED.search(text) is not None or _deviates(text)


def read_addresses(text: str) -> list[Address]:
    """Take a URL, or a list of them separated by commas, apart.

    Raises:
        ValueError: the text has no reading, or more than one; the error says nothing of it.
    """
    refuse_lookalikes(text)
    parts = _NEXT_URL.split(text)
    if len(parts) > _MAX_HOSTS:
        raise ValueError
    return [_read_address(part) for part in parts]


def refuse_lookalikes(text: str) -> None:
    """Refuse characters that turn into delimiters when a client normalises the text.

    Raises:
        ValueError: there is one, or the text has more than 2,048 characters and is not ASCII.
    """
    if text.isascii():
        return
    if len(text) > _MAX_INTERNATIONAL or ("=" in text and _STROKE in text):
        raise ValueError
    normal = _normalise(text)
    if any(normal.count(mark) != text.count(mark) for mark in _NORMAL_MARKS):
        raise ValueError


def _normalise(text: str) -> str:
    """Normalise character by character: a whole text takes time in the square of its combining marks."""
    return "".join(unicodedata.normalize("NFKC", character) for character in text)


def _deviates(text: str) -> bool:
    return not text.isascii() and not _DEVIATIONS.isdisjoint(_normalise(text).lower())


def _read_address(text: str) -> Address:
    if _ORACLE.match(text):
        return _read_oracle(text)
    scheme, colon, body = text.partition("://")
    if not colon or not _SCHEME.fullmatch(scheme):
        if text[:5].lower() == "jdbc:":
            return _read_opaque(text)
        scheme, colon, body = "", "", text
    head, mark, tail = _cut(body, "?;#")
    authority, slash, path = _cut(head, "/")
    path = slash + path
    if "@" in path or "@" in tail or _UNSAFE.search(path):
        raise ValueError
    place = _read_authority(authority, instances=scheme.lower().endswith("sqlserver"))
    path, mark, tail = _cut_path(path, mark, tail)
    parameters, fragment = _split_parameters(mark, tail)
    return Address(
        scheme=scheme.lower(),
        hosts=place.hosts,
        path=path,
        parameters=parameters,
        mark=mark,
        credentials=place.userinfo or fragment,
        shown=scheme + colon + place.shown + path,
    )


def _read_opaque(text: str) -> Address:
    """Read a JDBC URL without an authority, such as one of an embedded database."""
    head, mark, tail = _cut(text, "?;#")
    if "@" in text or _UNSAFE.search(head):
        raise ValueError
    head, mark, tail = _cut_path(head, mark, tail)
    parameters, fragment = _split_parameters(mark, tail)
    scheme, _, path = head.rpartition(":")
    return Address(scheme.lower(), (), path, parameters, mark, fragment, head)


def _read_oracle(text: str) -> Address:
    """Read `jdbc:oracle:thin:user/password@place`, where the place is a host, an alias or a description."""
    prefix = _ORACLE.match(text)
    if prefix is None or text.count("@") != 1:
        return _read_opaque(text)
    user, _, place = text[prefix.end() :].partition("@")
    scheme = prefix.group()[:-1].lower()
    if place.startswith("("):
        _check_description(place)
        return Address(scheme, (), place, (), "", user not in {"", "/"}, prefix.group() + "@" + place)
    head, mark, tail = _cut(place, "?;#")
    parameters, fragment = _split_parameters(mark, tail)
    lead = re.match(r"(?:(?:tcps?|TCPS?):)?//", head)
    bare = head[lead.end() :] if lead else head
    sid = _ORACLE_SID.fullmatch(bare)
    if sid:
        path = "/" + sid[3]
        hosts: tuple[tuple[str, str], ...] = ((_read_host(sid[1]), _read_port(sid[2])),)
    else:
        authority, slash, path = _cut(bare, "/")
        hosts, path = _read_authority(authority, instances=False).hosts, slash + path
    if _UNSAFE.search(path) or find_equals(path) >= 0:
        raise ValueError
    secure = ":tcps" if lead and lead.group().lower().startswith("tcps") else ""
    shown = prefix.group() + "@" + head
    return Address(scheme + secure, hosts, path, parameters, mark, fragment or user not in {"", "/"}, shown)


def _check_description(place: str) -> None:
    names = [name.lower() for name in _DESCRIPTION_NAME.findall(place)]
    whole = re.fullmatch(r"\([A-Za-z0-9_.,:()= \t\r\n-]+\)", place)
    balanced = place.count("(") == place.count(")")
    if whole is None or not balanced or place.count("=") != len(names) or not all(map(is_harmless, names)):
        raise ValueError


def _read_authority(text: str, *, instances: bool) -> _Authority:
    """Read `[user[:password]@]host[:port]`, or several separated by commas.

    Userinfo stands before the first host or before every host: anywhere else, a comma of a password
    could not be told from one between two hosts.
    """
    if not text:
        return _Authority((), "", userinfo=False)
    hosts, shown, users = [], [], []
    pieces = text.split(",")
    if len(pieces) > _MAX_HOSTS:
        raise ValueError
    for piece in pieces:
        user, at, place = piece.removeprefix(" ").rpartition("@")
        if "@" in user or _UNSAFE.search(user):
            raise ValueError
        users.append(bool(at))
        hosts.append(_read_place(place, instances=instances))
        shown.append(place)
    if any(users[1:]) and not all(users):
        raise ValueError
    return _Authority(tuple(hosts), ",".join(shown), userinfo=any(users))


def _read_place(text: str, *, instances: bool) -> tuple[str, str]:
    named = _INSTANCE.fullmatch(text) if instances else None
    if named:
        return _read_host(named[1]) + "\\" + named[2].lower(), _read_port(named[3])
    place = _PLACE.fullmatch(text)
    if place is None:
        raise ValueError
    return _read_host(place[1]), _read_port(place[2])


def _read_host(text: str) -> str:
    if text.startswith("["):
        try:
            return f"[{ipaddress.IPv6Address(text[1:-1]).compressed}]"
        except ValueError:
            raise ValueError from None
    if _deviates(text):
        raise ValueError
    if not text.isascii():
        try:
            text = idna.encode(text, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            raise ValueError from None
    if _ASCII_HOST.fullmatch(text) is None:
        raise ValueError
    return text.lower().removesuffix(".")


def _read_port(text: str | None) -> str:
    if not text:
        return ""
    if int(text) > _MAX_PORT:
        raise ValueError
    return str(int(text))


def _cut_path(path: str, mark: str, tail: str) -> tuple[str, str, str]:
    """Move what looks like a parameter inside a path (`/db:user=x;…`) to the parameters."""
    equals = find_equals(path)
    if equals < 0:
        return path, mark, tail
    at = max(path.rfind(":", 0, equals), path.rfind("/", 0, equals))
    return path[:at], path[at], path[at + 1 :] + mark + tail


def _split_parameters(mark: str, tail: str) -> tuple[tuple[str, ...], bool]:
    """Return the parameters as they are written, and whether a fragment follows them."""
    if mark == "#":
        return (), bool(tail)
    written, _, fragment = tail.partition("#")
    parameters = tuple(part for part in re.split(r"[?&;]", written) if part.strip())
    if any(map(hides_parameter, parameters)):
        raise ValueError
    return parameters, bool(fragment)


def _cut(text: str, stops: str) -> tuple[str, str, str]:
    """Split at the first of several characters."""
    places = [at for stop in stops if (at := text.find(stop)) >= 0]
    if not places:
        return text, "", ""
    at = min(places)
    return text[:at], text[at], text[at + 1 :]
