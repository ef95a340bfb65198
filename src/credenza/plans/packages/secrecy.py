"""Texts that are secret once they carry credentials: whether a package takes them for what they are."""

from __future__ import annotations

import msgspec

from credenza.connectors import Catalogue, ConnectorType, redact
from credenza.errors import Problem
from credenza.plans.packages.given import Given
from credenza.plans.packages.rendering import Rendered, RenderedApi
from credenza.pointers import escape


def check_embedded(types: Catalogue, member: Rendered, given: Given) -> list[Problem]:
    """Return where a text with credentials in it came by a variable that is no secret, or the reverse."""
    found = _check_embedded(types[member.type], member, given, "")
    for at, api in enumerate(member.apis):
        found += _check_embedded(types.api, api, given, f"/apis/{at}")
    return [msgspec.structs.replace(problem, name=member.slug) for problem in found]


def _check_embedded(
    kind: ConnectorType, said: Rendered | RenderedApi, given: Given, within: str
) -> list[Problem]:
    found = []
    for key in kind.embeds:
        name = said.secrets.get(key)
        text = given.secrets.get(name) if name is not None else said.configuration.get(key)
        if not isinstance(text, str) or _has_credentials(text) == (name is not None):
            continue
        message = (
            "This carries no credentials, and would be shown in clear: the package takes a secret here."
            if name is not None
            else "This carries credentials, and the package takes no secret here."
        )
        place = f"/variables/{name}" if name is not None else f"{within}/configuration/{escape(key)}"
        found.append(Problem("wrong_secrecy", message, place, "x-credentials"))
    return found


def _has_credentials(text: str) -> bool:
    try:
        return redact(text) is not None
    except ValueError:
        return True
