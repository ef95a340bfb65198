"""Integrations in clear, from the store or from a server; the audit has each before it is shown or used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from credenza.cli.remote import connected, names_server, show_resolved
from credenza.cli.session import session
from credenza.sensitive import Sensitive
from credenza.web.integrations import shapes
from credenza.workspace import Resolved, View

Boxed = Sensitive[Mapping[str, Any]]


def reveal(names: Sequence[str]) -> list[Boxed]:
    """Return these integrations as reads show them, but in clear.

    Raises:
        Forbidden: the credential may not reveal.
        NotFound: there is none of a name.
        WrongKey, Damaged: a secret cannot be opened.
    """
    if names_server():
        with connected() as client:
            return [Sensitive(show_resolved(client.reveal(name))) for name in names]
    with session() as (_, _, workspace):
        found = [workspace.reveal(name) for name in names]
    return [_box(each) for each in found]


def _box(found: Resolved) -> Boxed:
    apis = {api: configuration.reveal() for api, configuration in found.apis.items()}
    clear = View(found.record, found.document, found.configuration.reveal(), apis)
    return Sensitive(shapes.show(clear, apis=True))
