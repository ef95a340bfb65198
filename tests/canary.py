"""Canaries: unique secrets, and a scanner that finds any part of one in any disguise."""

import base64
import gzip
import os
import re
import sqlite3
import zlib
from urllib.parse import quote

WINDOW = 12  # bytes of a canary that are enough to call it leaked
_RANDOM = 10
_RUN = re.compile(rb"[A-Z2-7-]{12,}")
_HEX = re.compile(rb"[0-9A-Fa-f]{24,}")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{16,}")
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")
_ESCAPE = re.compile(rb"\\+u00([0-9A-Fa-f]{2})")
_STREAMS = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]")

# How a leak could be disguised; the scanner is shown each of them.
DISGUISES = {
    "as it is": lambda text: text.encode(),
    "within JSON": lambda text: f'{{"a":"\\"{text}\\n"}}'.encode(),
    "escaped by code points": lambda text: "".join(f"\\u{ord(c):04x}" for c in text).encode(),
    "escaped twice": lambda text: "".join(f"\\\\u{ord(c):04X}" for c in text).encode(),
    "percent-encoded": lambda text: quote(text, safe="").encode(),
    "percent-encoded whole": lambda text: "".join(f"%{ord(c):02x}" for c in text).encode(),
    "base64": lambda text: base64.b64encode(text.encode()),
    "base64, one byte on": lambda text: base64.b64encode(f".{text}.".encode()),
    "base64, two bytes on": lambda text: base64.b64encode(f"..{text}".encode()),
    "URL-safe base64 behind other letters": lambda text: b"xyz" + base64.urlsafe_b64encode(text.encode()),
    "hex": lambda text: text.encode().hex().encode(),
    "upper-case hex, half a byte on": lambda text: b"0" + text.encode().hex().upper().encode(),
    "UTF-16, little end first": lambda text: text.encode("utf-16-le"),
    "UTF-16, big end first": lambda text: text.encode("utf-16-be"),
    "backwards": lambda text: text[::-1].encode(),
    "in lower case": lambda text: text.lower().encode(),
    "gzipped": lambda text: b"...." + gzip.compress(f"more {text} more".encode()) + b"....",
    "deflated": lambda text: b"." + zlib.compress(text.encode()),
    "base64 in gzip": lambda text: gzip.compress(base64.b64encode(text.encode())),
    "cut short at its end": lambda text: text[: 5 + WINDOW].encode(),
    "cut short at its beginning": lambda text: text[9:21].encode(),
}


class Canaries:
    """Make canaries, and find them again."""

    def __init__(self):
        self.slots = []
        self._windows = {}

    def plant(self, slot):
        """Return a new canary; `slot` says where it goes."""
        random = base64.b32encode(os.urandom(_RANDOM)).decode()
        marked = f"CNRY-{random}"
        self.slots.append(slot)
        for start in range(1, len(marked) - WINDOW + 1):
            self._windows[marked[start : start + WINDOW].encode()] = slot
        return f"{marked}-{slot}"

    def scan(self, data):
        """Return the slots of all canaries of which a part stands in these bytes, however disguised."""
        found = set()
        for view in _views(data):
            for run in _RUN.findall(view):
                for start in range(len(run) - WINDOW + 1):
                    slot = self._windows.get(run[start : start + WINDOW])
                    if slot is not None:
                        found.add(slot)
        return found

    def scan_all(self, places):
        """Return what was found where, for places as a mapping of name to bytes."""
        return {place: slots for place, data in places.items() if (slots := self.scan(data))}


def _views(data, *, deeper=True):
    yield data
    yield data.upper()
    yield data[::-1]
    yield data[::2]
    yield data[1::2]
    if b"%" in data:
        yield _PERCENT.sub(_byte, data)
    if b"\\" in data:
        yield _ESCAPE.sub(_byte, data)
    yield b"\n".join(_unhex(data))
    yield b"\n".join(_unbase64(data))
    if deeper:
        for stream in _STREAMS.finditer(data):
            inflated = _inflate(data[stream.start() :])
            if inflated:
                yield from _views(inflated, deeper=False)


def _byte(match):
    return bytes([int(match[1], 16)])


def _unhex(data):
    for run in _HEX.findall(data):
        for shifted in (run, run[1:]):
            yield bytes.fromhex(shifted[: len(shifted) // 2 * 2].decode())


def _unbase64(data):
    for run in _BASE64.findall(data):
        for shift in range(4):
            shifted = run[shift:].translate(bytes.maketrans(b"-_", b"+/"))
            yield base64.b64decode(shifted[: len(shifted) // 4 * 4])


def _inflate(data):
    try:
        return zlib.decompressobj(wbits=47).decompress(data, 1 << 20)
    except zlib.error:
        return b""


def files_of(folder, label):
    """Return what is in the files of a folder, by name."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {f"{label}/{path.relative_to(folder)}": path.read_bytes() for path in files}


def rows_of(database):
    """Return all rows of all tables as text: pages cut long values into pieces."""
    connection = sqlite3.connect(database)
    try:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {
            f"table {name}": b"\n".join(
                b"\t".join(cell if isinstance(cell, bytes) else str(cell).encode() for cell in row)
                for row in connection.execute(f'SELECT * FROM "{name}"')
            )
            for name in names
        }
    finally:
        connection.close()
