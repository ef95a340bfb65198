"""Configurations put together again: with their secrets for a reveal, with references for a read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from credenza.connectors.credentials import redact
from credenza.connectors.evolution import becomes_secret, list_steps, trace
from credenza.connectors.merging import PRESENCE
from credenza.connectors.types import UNKNOWN, ConnectorType
from credenza.model import SecretRef


def join(public: Mapping[str, Any], secrets: Mapping[str, str], order: Sequence[str]) -> dict[str, Any]:
    """Return a configuration with its secret texts (by pointer) back in their places."""
    texts = {pointer[1:]: text for pointer, text in secrets.items() if pointer != UNKNOWN}
    joined = arrange({**public, **texts}, order)
    if UNKNOWN in secrets:
        joined.update(msgspec.json.decode(secrets[UNKNOWN]))
    return joined


def present(
    order: Sequence[str],
    public: Mapping[str, Any],
    secrets: Mapping[str, SecretRef],
    *,
    undecryptable: bool | Iterable[str] = False,
) -> dict[str, Any]:
    """Return a configuration as reads show it: a reference in the place of every secret.

    `undecryptable` says that no secret can be opened, or which pointers cannot.
    """
    closed = frozenset(secrets if undecryptable is True else undecryptable or ())
    shown = {
        pointer[1:]: {PRESENCE: _describe(secret, closed=pointer in closed)}
        for pointer, secret in secrets.items()
    }
    unknown = shown.pop(UNKNOWN[1:], None)
    presented = arrange({**public, **shown}, order)
    if unknown is not None:
        presented[UNKNOWN[1:]] = unknown
    return presented


def find_exposed(type: ConnectorType, version: int, public: Mapping[str, Any]) -> dict[str, str | None]:
    """Return keys that were public in a version of a type and are secret now, with their public forms.

    Nothing may show those values any more, though they are not sealed yet.
    """
    if version == type.version and type.secrets.isdisjoint(public):
        return {}
    steps, found = list_steps(type.moves, version), dict[str, str | None]()
    for key, value in public.items():
        if value == "":
            continue
        if becomes_secret(steps, key, type.secrets):
            found[key] = None
        elif isinstance(value, str) and (trace(steps, key) or key) in type.embeds:
            try:
                shown = redact(value)
            except ValueError:
                found[key] = None
            else:
                if shown is not None:
                    found[key] = shown
    return found


def may_expose(type: ConnectorType) -> bool:
    """Tell whether anything can have become a secret of a type: else no version of anything need be read."""
    return bool(type.secrets or type.embeds) or any(
        verb == "make_secret" for verb, _ in list_steps(type.moves, 1)
    )


def arrange(values: Mapping[str, Any], order: Sequence[str]) -> dict[str, Any]:
    """Return values with the keys of a type in form order, and any that it does not declare behind them."""
    return {**{key: values[key] for key in order if key in values}, **values}


def _describe(secret: SecretRef, *, closed: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {"version": secret.version, "updatedAt": _write_time(secret.updated_at)}
    if secret.redacted is not None:
        shown["redacted"] = secret.redacted
    if closed:
        shown["state"] = "undecryptable"
    return shown


def _write_time(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03d}Z"
