"""What a plan of packages may look at, all as it is at one moment; whatever was read is compared later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from credenza.connectors import Catalogue
from credenza.model import Found, Question, Record, Shared
from credenza.plans.reading import Reader


class Library(Reader, Protocol):
    """The papers, records and connector types of a workspace, and what others share with it."""

    catalogue: Catalogue

    def records(self, names: Sequence[str]) -> Mapping[str, Record]:
        """Return records by exact name; those that are not there are missing."""

    def edits_since(self, record: Record, version: int) -> list[str]:
        """Return the pointers of what became another in a record since one of its versions."""

    def matches(self, record: Record, path: str, text: str) -> bool:
        """Tell whether a secret of a record, by the path it is stored under, is this very text."""

    def taken(self, names: Sequence[str]) -> frozenset[str]:
        """Return those names, in lower case, that some integration has, in whatever case."""

    def shared(self, kind: str, ids: Sequence[str]) -> Mapping[str, Shared]:
        """Return packages, or versions of them, that this workspace may read, by id."""

    def ask(self, question: Question) -> Found:
        """Return a page of the catalogue of packages."""

    def is_installed(self, package: str) -> bool:
        """Tell whether any workspace has a package installed."""
