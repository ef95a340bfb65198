"""What a whole batch shares."""

from __future__ import annotations

from typing import NamedTuple

from credenza.connectors import Catalogue
from credenza.model import Actor
from credenza.observer import Watch
from credenza.vault import Ring
from credenza.workspace.policy import Policy


class Context(NamedTuple):
    """Who acts, by which types, keys and settings, and what is asked of the batch as a whole."""

    actor: Actor
    catalogue: Catalogue
    policy: Policy
    ring: Ring
    dry_run: bool = False
    per_item: bool = False
    verb: str = "save"
    watch: Watch = Watch()
