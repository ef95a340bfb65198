"""Whether the server is about to end, and what it has still to answer."""

from __future__ import annotations


class Draining:
    """What whoever ends the server and the application tell each other, in one event loop."""

    def __init__(self) -> None:
        """Begin with nothing to answer."""
        self.begun = False
        self.requests = 0
