"""The origins of one workspace: where its people may be led after a setup, and whose pages may hold one.

What a workspace does not say for itself is as the server's settings say.
"""

from __future__ import annotations

import msgspec

from credenza.model import Keep, Paper
from credenza.plans.reading import Reader
from credenza.plans.redirects import Redirects

KIND = SLUG = "origins"
_encode = msgspec.json.encode


class Origins(msgspec.Struct, frozen=True):
    """Origins that a workspace lists; None: those of the server."""

    redirect: tuple[str, ...] | None = None
    frame: tuple[str, ...] | None = None

    def redirects(self, server: Redirects) -> Redirects:
        """Return where people of the workspace may be sent."""
        return server if self.redirect is None else server._replace(origins=self.redirect)

    def frames(self, server: tuple[str, ...]) -> tuple[str, ...]:
        """Return whose pages may hold a setup page of the workspace."""
        return server if self.frame is None else self.frame


_read = msgspec.json.Decoder(Origins).decode


def find_origins(reader: Reader) -> Origins:
    """Return what a workspace lists."""
    paper: Paper | None = reader.paper(KIND, SLUG)
    return Origins() if paper is None else _read(paper.body)


def keep_origins(origins: Origins) -> Keep:
    """Return the change that saves what a workspace lists."""
    return Keep(kind=KIND, slug=SLUG, body=_encode(origins))
