"""One admitted save on its way through a batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from credenza.connectors import EMPTY, ConnectorType, Held
from credenza.model import Document, Put, Record
from credenza.workspace.migrating import Migrated
from credenza.workspace.view import show_configuration


class Step(NamedTuple):
    """One admitted `Put` on its way; `owner` is the record's id, old or new.

    `document` is what its record says, and `base` what remains of that under an `Amend`. `moved` is how the
    record was brought to the version its type has now; `frozen`: it does not fit that, and stays behind.
    """

    position: int
    put: Put
    connector: ConnectorType
    before: Record | None
    document: Document | None
    owner: bytes
    base: Document | None
    moved: Migrated | None = None
    frozen: bool = False

    @property
    def entered(self) -> Mapping[str, Any] | None:
        """Return the configuration that came in; None: none did."""
        configuration = self.put.configuration
        return None if configuration is None else configuration.reveal()

    @property
    def held(self) -> Held:
        """Return what the record holds already, as a draft looks at it."""
        document = self.document
        if document is None:
            return EMPTY
        return Held(document.configuration, {path: ref.redacted for path, ref in document.secrets.items()})


def repeats_view(step: Step) -> bool:
    """Tell whether what came in is what a read has shown, word by word."""
    record, document = step.before, step.document
    if record is None or document is None or step.put.configuration is None:
        return False
    return show_configuration(record, document, step.connector) == step.put.configuration.reveal()
