"""The two records a managed integration refers to: read with it, put together, and bound to one another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from credenza.connectors import UNKNOWN, ConnectorType, Held, draft_all
from credenza.connectors.halves import Half as Side
from credenza.connectors.halves import half_type, name_half
from credenza.connectors.pairing import Half, list_bindings
from credenza.model import Document, Record, Secret, Source
from credenza.ports import Tx


class Part(NamedTuple):
    """One of the two, with what it says."""

    record: Record
    document: Document


class Parts(NamedTuple):
    """What is there of both."""

    config: Part | None = None
    auth: Part | None = None

    def list(self) -> list[Part]:
        """Return those that are there."""
        return [part for part in self if part is not None]


def read_parts(tx: Tx, managed: Iterable[tuple[Record, Document]]) -> list[Parts]:
    """Return for each integration the records it refers to, if it is managed; by one query for all."""
    wanted = [(record.type, document.source) for record, document in managed]
    names = {name: None for _, source in wanted if source is not None for name in source.names}
    found = tx.find([*names]) if names else {}
    parts = {name: Part(each, each.document()) for name in names if (each := found.get(name.lower()))}
    return [Parts() if source is None else _choose(source, type_, parts) for type_, source in wanted]


def _choose(source: Source, type: str, parts: Mapping[str, Part]) -> Parts:
    def choose(name: str | None, half: Side) -> Part | None:
        part = parts.get(name) if name is not None else None
        # One of another type says nothing of this integration, whoever wrote that it does.
        fits = part is not None and (part.record.name, part.record.type) == (name, name_half(type, half))
        return part if fits else None

    return Parts(choose(source.config, "config"), choose(source.auth, "auth"))


def merge(document: Document, parts: Parts, type: ConnectorType | None, *, lenient: bool) -> Document:
    """Return what a managed integration says: what it refers to, in its own name.

    What is missing of the whole is found anew, for either half may have changed since they were paired.
    """
    said = [part.document for part in parts.list()]
    public = {key: value for each in said for key, value in each.configuration.items()}
    secrets = {pointer: ref for each in said for pointer, ref in each.secrets.items()}
    lacking = {pointer: None for each in said for pointer in each.missing}
    version = min((each.type_version for each in said), default=type.version if type else 1)
    if type is not None and version == type.version:
        held = Held(public, {pointer: ref.redacted for pointer, ref in secrets.items()})
        (draft,) = draft_all(type, [(None, held)], lenient=lenient)
        lacking = dict.fromkeys(draft.missing)
    order = type.keys if type else ()
    return msgspec.structs.replace(
        document,
        configuration={key: public[key] for key in (*order, *public) if key in public},
        secrets={
            path: secrets[path] for path in (*(f"/{key}" for key in order), *secrets) if path in secrets
        },
        missing=tuple(lacking),
        type_version=version,
        unfit=tuple(problem for each in said for problem in each.unfit),
    )


def describe(document: Document, type: ConnectorType, fingerprints: Mapping[str, bytes]) -> Half:
    """Return what a document of a half says, as far as pairing asks; `type` is the half's."""
    return Half(
        document.configuration,
        {pointer: ref.redacted for pointer, ref in document.secrets.items()},
        document.type_version,
        fingerprints.get(UNKNOWN, b""),
        tuple(
            fingerprints[path]
            for path in (f"/{key}" for key in type.keys if key in type.embeds)
            if path in document.secrets and path in fingerprints
        ),
    )


def is_paired(type: ConnectorType, parts: Parts, held: Mapping[int, Mapping[str, Secret]]) -> bool:
    """Tell whether a credential is for where a configuration leads; one without secrets goes with any.

    One with undeclared keys, which may lead anywhere, goes with no configuration that has a secret address.
    """
    if parts.auth is None or not parts.auth.document.secrets:
        return True
    if leads_anywhere(parts):
        return False
    return parts.auth.document.binding in list_bindings(
        type, describe_part(type, parts.config, "config", held)
    )


def leads_anywhere(parts: Parts) -> bool:
    """Tell whether undeclared keys of a credential may lead the secrets of its configuration elsewhere."""
    if parts.auth is None or parts.config is None:
        return False
    own = parts.config.document.secrets.keys() - {UNKNOWN}
    return UNKNOWN in parts.auth.document.secrets and bool(own)


def describe_part(
    type: ConnectorType, part: Part | None, half: Side, held: Mapping[int, Mapping[str, Secret]]
) -> Half | None:
    """Return what a half of a type says, as far as pairing asks; `held` are secrets by row and path."""
    if part is None:
        return None
    marks = {path: secret.fingerprint for path, secret in held.get(part.record.row, {}).items()}
    return describe(part.document, half_type(type, half), marks)


def read_held(tx: Tx, parts: Sequence[Parts]) -> Mapping[int, Mapping[str, Secret]]:
    """Return the secrets of all parts by row and path, by one query."""
    rows = {part.record.row: None for each in parts for part in each.list()}
    return tx.held([*rows]) if rows else {}
