"""A configuration and a credential of one type: whether they make a whole, and where that leads. Pure.

A credential is sealed for the place that its configuration leads to, so another configuration may stand in
for that one as long as it leads to the same place, whatever else it says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from credenza.connectors.destination import name_places, read_public
from credenza.connectors.drafts import EMPTY, Draft, Held, draft_all
from credenza.connectors.evolution import list_steps, trace
from credenza.connectors.halves import half_type
from credenza.connectors.merging import PRESENCE
from credenza.connectors.types import ConnectorType
from credenza.errors import Problem

_ELSEWHERE = Problem(
    "secret_reentry_required",
    "This secret was entered for another destination than this configuration leads to: enter it again.",
    "",
    "x-destination",
)
_FOREIGN = Problem(
    "foreign_trust",
    "The configuration has a secret in its address: what decides which servers are believed beside it is "
    "entered by who entered that, or by who may reveal it.",
    "",
    "x-trust",
)


class Half(NamedTuple):
    """What one half says: its public values, and by pointer the public form of each secret, or None.

    `version` is that of the type it was saved under. `unknown` is the fingerprint of undeclared keys, and
    `marks` are those of texts that are sealed as a whole, whose public form does not show all of them.
    """

    public: Mapping[str, Any] = {}
    secrets: Mapping[str, str | None] = {}
    version: int = 1
    unknown: bytes = b""
    marks: tuple[bytes, ...] = ()


def bind(destination: bytes, marks: Sequence[bytes]) -> bytes:
    """Return what a credential is bound to: 32 bytes of where its configuration leads."""
    return hashlib.sha256(b"".join((destination, *marks))).digest() if marks else destination


def list_bindings(type: ConnectorType, config: Half | None) -> list[bytes]:
    """Return what a credential may be bound to, to go with a configuration; None: with none.

    The first is what it says now. The others are what it would have said under earlier versions of its
    type, where all that leads somewhere has a name there.
    """
    binder = half_type(type, "config")
    if config is None:
        return [binder.destination({}, {})]
    redacted = {pointer: text for pointer, text in config.secrets.items() if text is not None}
    lags = config.version < type.version
    own = binder.former(config.version) if lags else binder
    found = [own.destination(config.public, redacted, config.unknown)]
    if not lags:
        found += [
            former
            for version in range(1, type.version)
            if (former := _go_back(binder, config, redacted, version)) is not None
        ]
    return [bind(each, config.marks) for each in found]


def check_whole(
    type: ConnectorType,
    config: Half,
    auth: Half,
    *,
    config_values: Mapping[str, Any] | None = None,
    auth_values: Mapping[str, Any] | None = None,
    lenient: bool,
) -> Draft:
    """Return the draft of both halves merged, with problems of the whole; values go over what is there.

    What is kept of either counts as present. Pointers begin with `/configuration`.
    """
    incoming = {**_repeat(config, config_values), **_repeat(auth, auth_values)}
    held = Held({**config.public, **auth.public}, {**config.secrets, **auth.secrets})
    (draft,) = draft_all(type, [(incoming, held if held.public or held.secrets else EMPTY)], lenient=lenient)
    return draft


def tell_elsewhere(pointers: Sequence[str]) -> list[Problem]:
    """Return a problem for each secret of a credential that was sealed for another place."""
    return [msgspec.structs.replace(_ELSEWHERE, pointer=f"/configuration{each}") for each in pointers]


def list_places(
    type: ConnectorType, public: Mapping[str, Any], redacted: Mapping[str, str | None]
) -> tuple[str, ...]:
    """Return where a configuration leads, for a person: hosts with their ports, else addresses as they are.

    `redacted` holds the public form of each sealed text by pointer.
    """
    places: dict[str, None] = {}
    for key, pointer, default in type.targets:
        text = read_public(redacted.get(pointer), public.get(key), default)
        if text:
            places |= dict.fromkeys(name_places(type.destinations[key], text))
    return tuple(places)


def list_trusts(type: ConnectorType, entered: Collection[str]) -> list[str]:
    """Return the pointers among some that decide which servers are believed, in the order of the type."""
    return [f"/{key}" for key in type.keys if key in type.trusts and f"/{key}" in entered]


def tell_foreign(pointers: Sequence[str]) -> list[Problem]:
    """Return a problem for each trust store that would stand beside somebody else's secret address."""
    return [msgspec.structs.replace(_FOREIGN, pointer=f"/configuration{each}") for each in pointers]


def _go_back(type: ConnectorType, config: Half, redacted: Mapping[str, str], version: int) -> bytes | None:
    """Return where a configuration would lead under an earlier version; None: that cannot be told."""
    former, steps = type.former(version), list_steps(type.moves, version)
    defaults = {key: default for key, _, default in type.targets}
    public: dict[str, Any] = {}
    shown: dict[str, str] = {}
    names = set()
    for old, pointer, default in former.targets:
        new = trace(steps, old)
        names.add(new)
        if f"/{new}" in redacted:
            shown[pointer] = redacted[f"/{new}"]
            continue
        # What is absent leads where it leads now, not where it led then.
        value = None if new is None else config.public.get(new, defaults.get(new))
        if value is not None:
            public[old] = value
        elif default is not None or new is None:
            return None
    others = set(type.destinations) - names
    if any(key in config.public or f"/{key}" in redacted for key in others):
        return None
    return former.destination(public, shown, config.unknown)


def _repeat(half: Half, values: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return what saves a half as it is, or values over it."""
    if values is not None:
        return values
    kept: dict[str, Any] = {pointer[1:]: {PRESENCE: {}} for pointer in half.secrets}
    return {**half.public, **kept}
