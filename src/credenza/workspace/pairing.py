"""Whether a stored configuration and a stored credential make a whole of their type; nothing is opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from credenza.connectors import UNKNOWN, ConnectorType, Draft
from credenza.connectors.halves import half_type
from credenza.connectors.pairing import (
    Half,
    check_whole,
    list_bindings,
    list_trusts,
    tell_elsewhere,
    tell_foreign,
)
from credenza.errors import Problem
from credenza.model import Secret
from credenza.workspace.halves import Parts, describe_part, leads_anywhere
from credenza.workspace.reveal import find_misplaced

Held = Mapping[int, Mapping[str, Secret]]
Values = Mapping[str, Any]
_NOTHING = Half()


class Entered(NamedTuple):
    """What is about to be saved over either half; None: it stays as it is."""

    config: Values | None = None
    auth: Values | None = None


def check_pair(
    type: ConnectorType, api: ConnectorType, parts: Parts, held: Held, entered: Entered, *, lenient: bool
) -> list[Problem]:
    """Return why two halves of a type do not go together, as they are or with what is entered over them.

    Pointers begin with `/configuration`; `held` are secrets by row and path, `api` is what apis may say.
    """
    config = describe_part(type, parts.config, "config", held)
    auth = describe_part(type, parts.auth, "auth", held)
    draft = check_whole(
        type,
        config or _NOTHING,
        auth or _NOTHING,
        config_values=entered.config,
        auth_values=entered.auth,
        lenient=lenient,
    )
    elsewhere = tell_elsewhere(_find_elsewhere(type, api, parts, held, entered, draft, config))
    return [*draft.problems, *elsewhere, *tell_foreign(_find_foreign(type, parts, entered))]


def _find_foreign(type: ConnectorType, parts: Parts, entered: Entered) -> Sequence[str]:
    """Return what is entered that decides which servers are believed, beside a secret address that stays."""
    if parts.config is None or not parts.config.document.secrets or entered.config is not None:
        return ()
    return list_trusts(type, {f"/{key}" for key in entered.auth or {}})


def _find_elsewhere(  # noqa: PLR0917
    type: ConnectorType,
    api: ConnectorType,
    parts: Parts,
    held: Held,
    entered: Entered,
    draft: Draft,
    config: Half | None,
) -> Sequence[str]:
    """Return the pointers of secrets that stay and were sealed for another place."""
    if parts.auth is None:
        return ()
    record, document = parts.auth
    kept = [path for path in document.secrets if path[1:] not in (entered.auth or {})]
    if not kept or (leads_anywhere(parts) and entered == Entered()):
        return kept
    if entered.config is None:
        bindings = list_bindings(type, config)
    elif draft.problems:
        return ()  # where it leads is told once it is right
    else:
        bindings = _foretell(type, draft, config)
    if document.binding not in bindings:
        return kept
    astray = find_misplaced(half_type(type, "auth"), api, document, held.get(record.row, {}))
    return [path for path in kept if path in astray]


def _foretell(type: ConnectorType, draft: Draft, config: Half | None) -> list[bytes]:
    """Return what a credential may be bound to once what is entered is saved; nothing: it cannot be told."""
    if UNKNOWN in draft.entered or any(f"/{key}" in draft.entered for key in type.embeds):
        return []
    half = Half(
        {key: value for key, value in draft.public.items() if key not in type.secrets},
        {path: draft.redacted.get(path) for path in draft.kept if path[1:] not in type.secrets},
        type.version,
        config.unknown if config and UNKNOWN in draft.kept else b"",
        config.marks if config else (),
    )
    return list_bindings(type, half)
