"""Taking out of earlier versions what has become a secret since: else they would hold it for ever. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec

from credenza.connectors import ConnectorType
from credenza.connectors.destination import write_scalar
from credenza.connectors.views import find_exposed
from credenza.model import Document, SecretRef, Version


def scrub(
    type: ConnectorType,
    stored: Document,
    now: Document,
    sealed: Collection[str],
    versions: Iterable[Version],
) -> tuple[tuple[int, bytes], ...]:
    """Return versions that hold in clear what is a secret now, each with a body that does not.

    In its place stands a reference: where it is the value that the `stored` document had under the same
    name, to the secret that this was `sealed` as (by path); else to one that is not kept, so that a rollback
    asks for it.
    """
    known = {
        key: write_scalar(stored.configuration[key])
        for key in find_exposed(type, stored.type_version, stored.configuration)
        if f"/{key}" in sealed
    }
    found = []
    for version in versions:
        document = version.document()
        exposed = find_exposed(type, document.type_version, document.configuration)
        if not exposed:
            continue
        public = dict(document.configuration)
        secrets = dict(document.secrets)
        for key, redacted in exposed.items():
            same = write_scalar(public.pop(key)) == known.get(key)
            ref = now.secrets[f"/{key}"] if same else SecretRef(version.version, version.created_at, redacted)
            secrets[f"/{key}"] = ref
        clean = msgspec.structs.replace(document, configuration=public, secrets=secrets)
        found.append((version.version, msgspec.json.encode(clean)))
    return tuple(found)


def list_exposed(type: ConnectorType, versions: Iterable[Version]) -> tuple[Version, ...]:
    """Return the versions that hold in clear what is a secret now."""
    found = []
    for version in versions:
        document = version.document()
        if find_exposed(type, document.type_version, document.configuration):
            found.append(version)
    return tuple(found)
