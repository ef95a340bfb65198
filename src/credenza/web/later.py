"""An application that is made when it is first asked for something."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send


class Later:
    """ASGI middleware: some paths belong to a second application, which costs nothing until then.

    Its modules take a tenth of a second and several megabytes to load. Everything else goes to the first.
    """

    def __init__(self, first: ASGIApp, belongs: Callable[[str], bool], make: Callable[[], ASGIApp]) -> None:
        """Take the first application, which paths are the second's, and what makes that."""
        self._first = first
        self._belongs = belongs
        self._make = make
        self._made: ASGIApp | None = None
        self._making = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on to the application that its path belongs to."""
        app = self._first
        if scope["type"] == ScopeType.HTTP and self._belongs(scope["path"]):
            app = self._made or await self._second()
        await app(scope, receive, send)

    async def _second(self) -> ASGIApp:
        async with self._making:
            if self._made is None:
                self._made = await asyncio.to_thread(self._make)
            return self._made
