"""Style sheet and scripts of the page: each under a name that holds its hash, so that it never goes stale."""

from __future__ import annotations

import hashlib
from importlib.resources import files

import msgspec

ROOT = "/integration-setup-session/-"

_KINDS = {"css": "text/css", "js": "text/javascript"}
_HASHED = 12  # characters of the hash


class Asset(msgspec.Struct, frozen=True):
    """One file as it is served."""

    name: str
    media_type: str
    content: bytes = b""


def _load(name: str) -> Asset:
    content = files("credenza.web.setup").joinpath("static", name).read_bytes()
    stem, _, kind = name.rpartition(".")
    digest = hashlib.sha256(content).hexdigest()[:_HASHED]
    return Asset(f"{stem}.{digest}.{kind}", _KINDS[kind], content)


STYLE, SCRIPT, HTMX = map(_load, ("setup.css", "setup.js", "htmx.min.js"))
ASSETS = {asset.name: asset for asset in (STYLE, SCRIPT, HTMX)}
