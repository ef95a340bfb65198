"""Text as PostgreSQL can hold it: U+0000, which it cannot, is written as other characters.

The code keeps everything that is asked of text: two texts are equal, sorted, and parts of one another just as
what is written for them is. Its first character begins nothing else, so no part of a text is found across two
characters. Texts without U+0000 to U+0003, and these are nearly all, are written as they are.
"""

from __future__ import annotations

import re

from psycopg.abc import Buffer
from psycopg.adapt import AdaptersMap, Dumper, Loader
from psycopg.pq import Format

_TEXT = 25  # the OID of `text`
_CODES = {"\0": "\1\2\2", "\1": "\1\2\3", "\2": "\1\3\2", "\3": "\1\3\3"}
_CHARACTERS = {code: character for character, code in _CODES.items()}
_character = re.compile("[\0-\3]")
_code = re.compile("\1[\2\3][\2\3]")


def encode(text: str) -> str:
    """Return a text as it is written."""
    if _character.search(text) is None:
        return text
    return _character.sub(lambda found: _CODES[found[0]], text)


def decode(text: str) -> str:
    """Return the text that was written so."""
    if "\1" not in text:
        return text
    return _code.sub(lambda found: _CHARACTERS[found[0]], text)


class _TextDumper(Dumper):
    oid = _TEXT

    def dump(self, obj: str) -> Buffer:
        return encode(obj).encode()


class _BinaryTextDumper(_TextDumper):
    format = Format.BINARY


class _TextLoader(Loader):
    def load(self, data: Buffer) -> str:
        return decode(str(data, "utf-8"))


class _BinaryTextLoader(_TextLoader):
    format = Format.BINARY


def register(adapters: AdaptersMap) -> None:
    """Have all text that goes through these adapters written and read so."""
    for dumper in (_TextDumper, _BinaryTextDumper):
        adapters.register_dumper(str, dumper)
    for loader in (_TextLoader, _BinaryTextLoader):
        adapters.register_loader("text", loader)
