"""Which presentation of this surface a request asks for. Answers hold all of both; the header says its name.

metorial-version: 2025-01-01      the default, as the published documentation shows it
metorial-version: 2026-01-01      as newer official clients read it
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

from litestar.connection import ASGIConnection

from credenza.web.requests import header

HEADER = "metorial-version"
PARAMETER = "api-version"
_DEFAULT, _NEWER = "2025-01-01", "2026-01-01"
_NEWER_NAMES = frozenset({_NEWER, "2026_01_01", "magnetar", "mt_2026_01_01_magnetar", "2026-01-01-magnetar"})
_ROOTS = re.compile(
    r"/(integrations|integration-[a-z-]+|providers|provider-[a-z-]+|sessions|session-[a-z-]+"
    r"|identities|identity-[a-z-]+|ping)(/|$)"
)


def is_presented(path: str) -> bool:
    """Tell whether a path is one of this surface, or would be."""
    return _ROOTS.match(path) is not None


def read_version(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """Return the version asked for, by header or else by query; the default where it is unknown."""
    asked = header(connection, HEADER.encode())
    if asked is None:
        query = connection.scope["query_string"].decode("latin-1")
        asked = dict(parse_qsl(query)).get(PARAMETER, _DEFAULT)
    return _NEWER if asked.strip().lower() in _NEWER_NAMES else _DEFAULT
