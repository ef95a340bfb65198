"""Where the credentials of one batch are sealed for: the place that a configuration leads to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from credenza.connectors import Catalogue, ConnectorType, Draft
from credenza.connectors.halves import Half as Side
from credenza.connectors.halves import name_half
from credenza.connectors.pairing import Half, list_bindings, list_trusts, tell_foreign
from credenza.errors import Problem
from credenza.model import AUTH, CLIENT, CONFIG, Document, Put, Secret
from credenza.ports import Tx
from credenza.workspace.halves import describe

SIDES: Mapping[str, Side] = {CONFIG: "config", AUTH: "auth", CLIENT: "client"}
_NO_CONFIG = Problem(
    "unknown_config",
    "The configuration that this credential is for is not there, or is of another connector type.",
    "/config",
    "exists",
)


class Binder:
    """Bind credentials to configurations, to those of the same batch as they will be."""

    def __init__(self, catalogue: Catalogue, tx: Tx) -> None:
        """Begin a batch."""
        self._catalogue = catalogue
        self._tx = tx
        self._saved: dict[str, tuple[str, Half]] = {}
        self._entered: set[str] = set()

    def note(
        self,
        put: Put,
        type: ConnectorType,
        document: Document,
        held: Mapping[str, Secret],
        sealed: Sequence[Secret],
    ) -> None:
        """Remember what a configuration of this batch says, with secrets it `held` or that were `sealed`."""
        if put.kind == CONFIG:
            marks = {path: secret.fingerprint for path, secret in held.items()}
            marks |= {secret.path: secret.fingerprint for secret in sealed}
            self._saved[put.name] = type.name, describe(document, type, marks)
            if document.secrets.keys() <= {secret.path for secret in sealed}:
                self._entered.add(put.name)

    def find(self, put: Put, type: ConnectorType, before: bytes) -> bytes | Problem:
        """Return what a record is bound to beyond what it says itself; nothing, if it is no credential.

        What it was bound to `before` stays as long as that means the same.
        """
        if put.kind != AUTH:
            return b""
        whole = self._catalogue.find(type.name.partition("#")[0])
        if whole is None:
            return _NO_CONFIG
        half = None
        if put.bound_to is not None:
            named, half = self._saved.get(put.bound_to) or self._read(put.bound_to) or ("", None)
            if named != name_half(whole.name, "config"):
                return _NO_CONFIG
        bindings = list_bindings(whole, half)
        return before if before in bindings else bindings[0]

    def find_foreign(self, put: Put, type: ConnectorType, draft: Draft, by: str) -> list[Problem]:
        """Return why a credential brings a trust store that its configuration's secrets are not for.

        Who decides which servers are believed can read what is sent to them: beside a secret address that
        is for who entered it, `by` the name they act under. Who may reveal it needs not to be asked.
        """
        changed = list_trusts(type, {*draft.entered, *draft.cleared})
        if put.kind != AUTH or put.bound_to is None or not changed or put.bound_to in self._entered:
            return []
        return [] if self._has_entered(put.bound_to, by) else tell_foreign(changed)

    def _has_entered(self, name: str, by: str) -> bool:
        record = self._tx.find([name]).get(name.lower())
        secrets = record.document().secrets if record is not None else {}
        return not secrets or (
            record is not None
            and record.created_by == by
            and all(ref.version == 1 for ref in secrets.values())
        )

    def _read(self, name: str) -> tuple[str, Half] | None:
        record = self._tx.find([name]).get(name.lower())
        type_ = self._catalogue.find(record.type) if record is not None else None
        if record is None or type_ is None or record.name != name:
            return None
        held = self._tx.held([record.row])[record.row]
        marks = {path: secret.fingerprint for path, secret in held.items()}
        return record.type, describe(record.document(), type_, marks)


def comes_last(type: str) -> bool:
    """Tell whether a record is saved after the others: a credential is sealed for where they will lead."""
    return type.endswith(f"#{SIDES[AUTH]}")
