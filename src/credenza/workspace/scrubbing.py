"""Taking out of earlier versions what has become a secret since: else they would hold it for ever. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator

import msgspec

from credenza.connectors import ConnectorType
from credenza.connectors.destination import write_scalar
from credenza.connectors.evolution import evolve
from credenza.connectors.views import find_exposed
from credenza.model import Document, SecretRef, Version


class Scrubbed:
    """The earlier versions that hold in clear what is a secret now, each with a body that does not.

    They are read while they are written, and not kept: a history may be far larger than a record.
    """

    def __init__(
        self,
        type: ConnectorType,
        stored: Document,
        now: Document,
        sealed: Collection[str],
        history: Callable[[], Iterable[Version]],
    ) -> None:
        """Take what the record said before and says `now`, and what this `sealed`, by path."""
        self._type = type
        self._stored = stored
        self._now = now
        self._sealed = sealed
        self._history = history

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Yield numbers of versions and their new bodies.

        In the place of each value stands a reference: where it is the value that was sealed, under the name
        that it always had, to that secret; else to one that is not kept, so that a rollback asks for it.
        """
        texts = _find_texts(self._type, self._stored)
        known = {key: text for key, text in texts.items() if f"/{key}" in self._sealed}
        for version in self._history():
            document = version.document()
            exposed = find_exposed(self._type, document.type_version, document.configuration)
            if exposed:
                yield version.version, self._clean(version, document, exposed, known)

    def _clean(
        self, version: Version, document: Document, exposed: dict[str, str | None], known: dict[str, str]
    ) -> bytes:
        texts = _find_texts(self._type, document)
        kept = {key for key in known if texts.get(key) == known[key]}
        refs = {
            f"/{key}": self._now.secrets[f"/{key}"]
            if key in kept
            else SecretRef(version.version, version.created_at, redacted)
            for key, redacted in exposed.items()
        }
        public = {key: value for key, value in document.configuration.items() if key not in exposed}
        clean = msgspec.structs.replace(document, configuration=public, secrets={**document.secrets, **refs})
        return msgspec.json.encode(clean)


def _find_texts(type: ConnectorType, document: Document) -> dict[str, str]:
    """Return what of a document's values is sealed by a migration under the very name it has, as a text."""
    public, version = document.configuration, document.type_version
    exposed = find_exposed(type, version, public)
    if not exposed:
        return {}
    secrets = [pointer[1:] for pointer in document.secrets]
    values = evolve(type.moves, version, public, secrets).public
    # A name may have been another key's before: only where it comes from says whose value it holds.
    rest = {key: value for key, value in public.items() if key not in exposed}
    origins = evolve(type.moves, version, rest, [*secrets, *exposed]).origins
    return {key: write_scalar(values[key]) for key in exposed if origins.get(key) == key and key in values}
