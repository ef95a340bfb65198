"""HTTP as the server speaks it: what an answer is made of leaves with one write, and no client runs ahead.

uvicorn writes the head of an answer and its body apart, and each write is a system call that wakes the
client: for a small answer that is a tenth of all the work of the event loop. It also goes on reading
requests while earlier ones wait for their turn, so that a client that never reads could fill the memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sized
from typing import Any

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_LARGE = 64 * 1024  # bytes, from which on joining costs more than a write
_PIECE = 4 * 1024  # bytes; a request that waits takes far more memory than its text


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol over a transport that gathers; it looks no further while a request waits."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin a connection."""
        super().connection_made(Gathering(transport, self.loop))  # type: ignore[arg-type]
        self.flow = _Turns(self.transport, self.pipeline)
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        """Look at what came, or keep it until those that wait have had their turn."""
        if len(data) <= _PIECE and not self._rest and not self.pipeline:
            super().data_received(data)
            return
        self._rest += data
        self._go_on()

    def on_response_complete(self) -> None:
        """Begin with the next request, or look for one."""
        super().on_response_complete()
        if self._rest:
            self._go_on()

    def _go_on(self) -> None:
        # Cut by offset: cutting the front off a large body again and again would copy all the rest each time.
        rest, self._rest, at = memoryview(self._rest), b"", 0
        while at < len(rest) and not self.pipeline and not self.transport.is_closing():
            piece = bytes(rest[at : at + _PIECE])
            at += _PIECE
            super().data_received(piece)
        self._rest = bytes(rest[at:])


class _Turns(FlowControl):
    """uvicorn's control of a connection; nothing more is read while requests wait for their turn."""

    def __init__(self, transport: asyncio.Transport, waiting: Sized) -> None:
        super().__init__(transport)
        self._waiting = waiting

    def resume_reading(self) -> None:
        if not self._waiting:
            super().resume_reading()


class Gathering:
    """A transport that writes what came in one turn of the event loop together, at its end."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        """Wrap a transport."""
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []
        self._size = 0

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever a transport has
        """Return what is not about writing from the transport itself."""
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Write soon; what is large, alone or together, goes at once: its sender is told when to pause."""
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(data)
        self._size += len(data)
        if self._size >= _LARGE:
            self._flush()

    def close(self) -> None:
        """Write what there is, then close."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._parts:
            parts, self._parts, self._size = self._parts, [], 0
            # A client that resets leaves nobody to write to.
            if not self._transport.is_closing():
                self._transport.write(b"".join(parts))
