"""What a plan may look at: papers, and where the things with ids of their own stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from credenza.model import Choice, Paper, Place


class Reader(Protocol):
    """Papers as they are at one moment; whatever was read is compared when the plan is written."""

    def papers(self, kind: str, slugs: Sequence[str]) -> Mapping[str, Paper]:
        """Return papers by slug; those that are not there are missing."""

    def paper(self, kind: str, slug: str) -> Paper | None:
        """Return one paper; None: there is none."""

    def listed(self, choice: Choice) -> Sequence[str]:
        """Return the ids of what stands on a page; that these are all is compared, too."""

    def place(self, kind: str, id: str) -> Place | None:
        """Return where what a card is about stands; None: there is none."""
